//! What is wrong with a page, and where.

/// A page does not follow its format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: expected {expected}, found {found}")]
pub struct ParseError {
    /// The line, counted from 1.
    pub line: usize,
    /// The byte in the line, counted from 1.
    pub column: usize,
    /// What should stand there.
    pub expected: &'static str,
    /// What stands there, cut short.
    pub found: String,
}

/// So much of what was found is told.
const SHOWN: usize = 40;

/// A fault at a byte of the page, before its line is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) expected: &'static str,
}

impl Fault {
    /// The fault as it is told of a page.
    pub(super) fn locate(self, text: &[u8]) -> ParseError {
        let (before, after) = text.split_at(self.at.min(text.len()));
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        ParseError {
            line: 1 + memchr::memchr_iter(b'\n', before).count(),
            column: before.len() - line_start + 1,
            expected: self.expected,
            found: describe(after),
        }
    }
}

/// The beginning of what was found, up to the end of the line.
fn describe(found: &[u8]) -> String {
    let line = found.split(|c| *c == b'\n').next().unwrap_or_default();
    if found.is_empty() {
        return "the end of the page".to_owned();
    }
    if line.is_empty() {
        return "the end of the line".to_owned();
    }
    let (shown, more) = match line.get(..SHOWN) {
        Some(shown) if line.len() > SHOWN => (shown, "..."),
        _ => (line, ""),
    };
    let mut text = String::new();
    for c in String::from_utf8_lossy(shown).chars() {
        if c.is_control() {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
    format!("`{text}{more}`")
}
