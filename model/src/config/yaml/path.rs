//! Key paths: where in a document a value stands.

use std::fmt::Write;

use super::node::{Kind, Node};

/// One step down from a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Item(usize),
}

/// `scrape_configs[1].scrape_timeout`
pub(super) fn display(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        let written = match step {
            Step::Key(key) if text.is_empty() => write!(text, "{key}"),
            Step::Key(key) => write!(text, ".{key}"),
            Step::Item(at) => write!(text, "[{at}]"),
        };
        debug_assert!(written.is_ok(), "a String takes every write");
    }
    text
}

/// The steps of a written key path, as far as the document has them, and what is left of it. Keys
/// may have dots in them; list items that were left out are not counted, because whoever wrote the
/// path has not seen them.
pub(super) fn resolve<'a>(root: &Node, written: &'a str) -> (Vec<Step>, &'a str) {
    let mut path = Vec::new();
    let mut node = root;
    let mut rest = written;
    loop {
        let found = match &node.kind {
            Kind::Map(entries) => key_step(entries, rest),
            Kind::List(items) => item_step(items, rest),
            _ => None,
        };
        let Some((step, child, tail)) = found else {
            return (path, rest);
        };
        path.push(step);
        node = child;
        rest = tail;
    }
}

/// The longest key that the path starts with.
fn key_step<'n, 't>(
    entries: &'n [(String, Node)],
    path: &'t str,
) -> Option<(Step, &'n Node, &'t str)> {
    let path = path.strip_prefix('.').unwrap_or(path);
    entries
        .iter()
        .filter_map(|(key, node)| {
            let rest = path.strip_prefix(key.as_str())?;
            let ends = rest.is_empty() || rest.starts_with(['.', '[']);
            (ends && !key.is_empty()).then(|| (Step::Key(key.clone()), node, rest))
        })
        .min_by_key(|(_, _, rest)| rest.len())
}

fn item_step<'n, 't>(items: &'n [Node], path: &'t str) -> Option<(Step, &'n Node, &'t str)> {
    let (number, rest) = path.strip_prefix('[')?.split_once(']')?;
    let (at, node) = items
        .iter()
        .enumerate()
        .filter(|(_, item)| !item.dropped)
        .nth(number.parse().ok()?)?;
    Some((Step::Item(at), node, rest))
}
