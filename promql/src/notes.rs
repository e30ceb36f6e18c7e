//! Warnings and infos about a query, in Prometheus's words.

use parking_lot::Mutex;

use crate::error::place;
use crate::parse::ast::Span;

/// The most notes of a kind.
const MAX_NOTES: usize = 32;

/// What the engine has to say about a query. Each text stands once; those beyond [`MAX_NOTES`] of
/// a kind are left out.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    warnings: Mutex<Vec<String>>,
    infos: Mutex<Vec<String>>,
}

impl Notes {
    /// Something may be wrong with the value.
    pub(crate) fn warn(&self, text: &str, span: Span, message: &str) {
        add(&self.warnings, "warning", text, span, message);
    }

    /// Something that the author may want to know.
    pub(crate) fn info(&self, text: &str, span: Span, message: &str) {
        add(&self.infos, "info", text, span, message);
    }

    /// Warnings and infos, in the order they came up.
    pub(crate) fn into_parts(self) -> (Vec<String>, Vec<String>) {
        (self.warnings.into_inner(), self.infos.into_inner())
    }
}

fn add(list: &Mutex<Vec<String>>, kind: &str, text: &str, span: Span, message: &str) {
    let (line, column) = place(text, span.start);
    let note = format!("PromQL {kind}: {message} ({line}:{column})");
    let mut list = list.lock();
    if list.len() < MAX_NOTES && !list.contains(&note) {
        list.push(note);
    }
}
