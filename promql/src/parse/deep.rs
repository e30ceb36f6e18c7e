//! Trees that are too high for the stack of whoever asks: work on them gets a stack of its own.
//!
//! Prometheus has no limit of depth, since a goroutine's stack grows; a generated chain of a
//! thousand `or` is a thousand levels high.

use std::sync::Arc;
use std::{io, mem, panic, thread};

use super::ast::{Kind, Node, Span};

/// The highest tree that is worked on where the caller is: less than 1 MiB, not optimized at all.
pub(crate) const SHALLOW: usize = 100;
/// The highest tree.
pub(crate) const MAX_HEIGHT: usize = 5_000;
/// Enough for the highest tree many times over; only what is used of it is memory.
const STACK_BYTES: usize = 256 << 20;

/// Does the work where the caller is, or, for a high tree, on a stack that is big enough.
pub(crate) fn with<T: Send>(height: usize, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    if height <= SHALLOW {
        return Ok(work());
    }
    thread::scope(|scope| {
        let builder = thread::Builder::new()
            .name("promql deep".to_owned())
            .stack_size(STACK_BYTES);
        match builder.spawn_scoped(scope, work)?.join() {
            Ok(done) => Ok(done),
            Err(panic) => panic::resume_unwind(panic),
        }
    })
}

/// Releases a tree, node by node where it is high.
pub(super) fn release(root: &mut Arc<Node>) {
    if root.height <= SHALLOW {
        return;
    }
    let whole = mem::replace(root, Arc::new(leaf()));
    let mut open: Vec<Node> = Arc::into_inner(whole).into_iter().collect();
    while let Some(mut node) = open.pop() {
        let below = node.kind.children_mut();
        open.extend(below.map(|child| mem::replace(child, leaf())));
    }
}

fn leaf() -> Node {
    Node::new(Kind::Text(String::new()), Span::default())
}
