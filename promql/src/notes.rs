//! Warnings and infos about a query, in Prometheus's words.

use foldhash::{HashMap, HashMapExt as _};
use parking_lot::Mutex;

use crate::error::place;
use crate::parse::ast::Span;

/// The most notes of a kind that are shown, as in Prometheus's API.
const MAX_SHOWN: usize = 10;
/// The most notes of a kind that are told apart.
const MAX_COUNTED: usize = 1_000;

/// What the engine has to say about a query. Each text stands once, with the last place that it was
/// said of; those beyond [`MAX_SHOWN`] of a kind are counted.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    warnings: Mutex<List>,
    infos: Mutex<List>,
}

/// Messages, each with its place and the order it first came in.
#[derive(Debug)]
struct List(HashMap<String, (usize, Span)>);

impl Default for List {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl Notes {
    /// Something may be wrong with the value.
    pub(crate) fn warn(&self, span: Span, message: &str) {
        self.warnings.lock().add(span, message);
    }

    /// Something that the author may want to know.
    pub(crate) fn info(&self, span: Span, message: &str) {
        self.infos.lock().add(span, message);
    }

    /// Warnings and infos about a text, in the order they came up.
    pub(crate) fn into_parts(self, text: &str) -> (Vec<String>, Vec<String>) {
        (
            self.warnings.into_inner().written("warning", text),
            self.infos.into_inner().written("info", text),
        )
    }
}

impl List {
    fn add(&mut self, span: Span, message: &str) {
        let count = self.0.len();
        if let Some((_, place)) = self.0.get_mut(message) {
            *place = span;
        } else if count < MAX_COUNTED {
            self.0.insert(message.to_owned(), (count, span));
        }
    }

    fn written(self, kind: &str, text: &str) -> Vec<String> {
        let mut all: Vec<(usize, Span, String)> = self
            .0
            .into_iter()
            .map(|(message, (order, span))| (order, span, message))
            .collect();
        all.sort_unstable_by_key(|(order, ..)| *order);
        let omitted = all.len().saturating_sub(MAX_SHOWN);
        let mut notes: Vec<String> = all
            .into_iter()
            .take(MAX_SHOWN)
            .map(|(_, span, message)| {
                let (line, column) = place(text, span.start);
                format!("PromQL {kind}: {message} ({line}:{column})")
            })
            .collect();
        if omitted > 0 {
            notes.push(format!("{omitted} more {kind} annotations omitted"));
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: usize) -> Span {
        Span { start, end: start }
    }

    #[test]
    fn a_text_stands_once_with_the_place_it_was_last_said_of() {
        let notes = Notes::default();
        notes.warn(at(0), "a");
        notes.warn(at(1), "b");
        notes.warn(at(2), "a");
        let (warnings, infos) = notes.into_parts("x+y");
        assert_eq!(
            warnings,
            ["PromQL warning: a (1:3)", "PromQL warning: b (1:2)"]
        );
        assert!(infos.is_empty());
    }

    #[test]
    fn what_is_more_than_is_shown_is_counted() {
        let notes = Notes::default();
        for number in 0..5_000 {
            notes.info(at(0), &number.to_string());
        }
        let (_, infos) = notes.into_parts("x");
        assert_eq!(infos.len(), MAX_SHOWN + 1);
        assert_eq!(infos[MAX_SHOWN], "990 more info annotations omitted");
    }
}
