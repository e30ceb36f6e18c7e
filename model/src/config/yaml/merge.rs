//! What makes one mapping of its parts: merge keys, and the refusal of a key that stands twice.

use std::collections::HashMap;

use super::node::{Kind, Node};
use super::path::Step;

/// Something wrong with a mapping: where, which occurrence of the key, what.
pub(super) type Flaw = (Vec<Step>, usize, String);

const MERGE: &str = "<<";

/// Refuses keys that stand twice (the first stands) and applies merge keys, all the way down. A
/// mapping's own keys win over merged ones, and of merged ones the first.
pub(super) fn settle(node: &mut Node, path: &mut Vec<Step>, flaws: &mut Vec<Flaw>) {
    match &mut node.kind {
        Kind::List(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                path.push(Step::Item(at));
                settle(item, path, flaws);
                path.pop();
            }
        }
        Kind::Map(entries) => {
            refuse_twice(entries, path, flaws);
            for (key, value) in entries.iter_mut() {
                path.push(Step::Key(key.clone()));
                settle(value, path, flaws);
                path.pop();
            }
            apply_merges(entries, path, flaws);
        }
        _ => {}
    }
}

fn refuse_twice(entries: &mut Vec<(String, Node)>, path: &[Step], flaws: &mut Vec<Flaw>) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    entries.retain(|(key, _)| {
        let times = seen.entry(key.clone()).or_default();
        *times += 1;
        if *times > 1 {
            let mut path = path.to_vec();
            path.push(Step::Key(key.clone()));
            let message = "expected each key once, found it again".to_owned();
            flaws.push((path, *times - 1, message));
        }
        *times == 1
    });
}

fn apply_merges(entries: &mut Vec<(String, Node)>, path: &[Step], flaws: &mut Vec<Flaw>) {
    let Some(at) = entries.iter().position(|(key, _)| key == MERGE) else {
        return;
    };
    let (_, merged) = entries.remove(at);
    let sources = match merged.kind {
        Kind::List(items) => items,
        _ => vec![merged],
    };
    for source in sources {
        let Kind::Map(more) = source.kind else {
            let mut path = path.to_vec();
            path.push(Step::Key(MERGE.to_owned()));
            let message = format!("expected a mapping to merge, found {source}");
            flaws.push((path, 0, message));
            continue;
        };
        for (key, value) in more {
            if !entries.iter().any(|(have, _)| *have == key) {
                entries.push((key, value));
            }
        }
    }
}
