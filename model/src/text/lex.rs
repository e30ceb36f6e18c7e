//! Bytes of a page as names, quoted texts and series. Nothing is copied.

use std::borrow::Cow;

use super::Format;
use super::error::Fault;

/// A place in a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
}

/// A name or quoted text as it stands on the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Raw<'a> {
    text: &'a [u8],
    escapes: bool,
}

/// A part of a series' text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part<'a> {
    MetricName(Raw<'a>),
    Label(Raw<'a>, Raw<'a>),
}

const LETTER: u8 = 1;
const COLON: u8 = 2;
const DIGIT: u8 = 4;

/// What a byte can be in a name.
static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => LETTER,
            b':' => COLON,
            b'0'..=b'9' => DIGIT,
            _ => 0,
        };
        byte += 1;
    }
    table
}

fn is(byte: u8, class: u8) -> bool {
    CLASS
        .get(usize::from(byte))
        .is_some_and(|have| have & class != 0)
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn since(&self, start: usize) -> &'a [u8] {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// The page up to here.
    pub(super) fn before(&self) -> &'a [u8] {
        self.text.get(..self.at).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    pub(super) fn eat_all(&mut self, bytes: &[u8]) -> bool {
        let here = self.rest().starts_with(bytes);
        self.at += if here { bytes.len() } else { 0 };
        here
    }

    pub(super) fn take_while(&mut self, accept: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|c| !accept(*c)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    pub(super) fn skip_blanks(&mut self) -> bool {
        !self.take_while(|c| c == b' ' || c == b'\t').is_empty()
    }

    /// What is left of the line, without its end.
    pub(super) fn line(&mut self) -> &'a [u8] {
        let rest = self.rest();
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    pub(super) fn fault(&self, expected: &'static str) -> Fault {
        let at = self.at;
        Fault { at, expected }
    }

    /// A plain name: letters, digits after the first, and with `extra` colons.
    fn name(&mut self, extra: u8) -> Option<Raw<'a>> {
        if !is(self.peek()?, LETTER | extra) {
            return None;
        }
        let text = self.take_while(|c| is(c, LETTER | DIGIT | extra));
        Some(Raw {
            text,
            escapes: false,
        })
    }

    pub(super) fn metric_name(&mut self) -> Option<Raw<'a>> {
        self.name(COLON)
    }

    /// A metric's name in a line of metadata, plain or quoted.
    pub(super) fn metadata_name(&mut self, format: Format) -> Result<Raw<'a>, Fault> {
        if self.peek() == Some(b'"') {
            return self.quoted(format);
        }
        let start = *self;
        self.metric_name()
            .ok_or_else(|| start.fault("a metric name"))
    }

    /// A quoted text. The classic format lets a line end in it.
    fn quoted(&mut self, format: Format) -> Result<Raw<'a>, Fault> {
        let opening = *self;
        if !self.eat(b'"') {
            return Err(self.fault("a quoted text"));
        }
        let start = self.at;
        let mut escapes = false;
        loop {
            let Some(length) = memchr::memchr3(b'"', b'\\', b'\n', self.rest()) else {
                return Err(opening.fault("a quoted text that ends"));
            };
            self.at += length;
            match self.peek() {
                Some(b'"') => break,
                Some(b'\n') if format == Format::Text => self.at += 1,
                Some(b'\\') if !matches!(self.text.get(self.at + 1), None | Some(b'\n')) => {
                    escapes = true;
                    self.at += 2;
                }
                _ => return Err(opening.fault("a quoted text that ends")),
            }
        }
        let text = self.since(start);
        self.at += 1;
        Ok(Raw { text, escapes })
    }

    /// Goes over a series: its name and labels, up to what stands before the value.
    pub(super) fn series(
        &mut self,
        format: Format,
        mut each: impl FnMut(Part<'a>) -> Result<(), &'static str>,
    ) -> Result<(), Fault> {
        let start = *self;
        let name = self.metric_name();
        if let Some(name) = name {
            each(Part::MetricName(name)).map_err(|expected| start.fault(expected))?;
        }
        let name_end = self.at;
        if format == Format::Text {
            self.skip_blanks();
        }
        if !self.eat(b'{') {
            self.at = name_end;
            return match name {
                Some(_) => Ok(()),
                None => Err(start.fault("a metric name")),
            };
        }
        let quoted_name = self.labels(format, name.is_none(), &mut each)?;
        if name.is_none() && !quoted_name {
            return Err(start.fault("a metric name before or in the braces"));
        }
        Ok(())
    }

    /// Goes over labels up to and with the closing brace. True where a quoted metric name stood
    /// among them, which is allowed with `may_name`.
    pub(super) fn labels(
        &mut self,
        format: Format,
        may_name: bool,
        each: &mut impl FnMut(Part<'a>) -> Result<(), &'static str>,
    ) -> Result<bool, Fault> {
        let mut named = false;
        let blanks = format == Format::Text;
        loop {
            if blanks {
                self.skip_blanks();
            }
            if self.eat(b'}') {
                return Ok(named);
            }
            let start = *self;
            let quoted = self.peek() == Some(b'"');
            let name = if quoted {
                self.quoted(format)?
            } else {
                self.name(0).ok_or_else(|| start.fault("a label name"))?
            };
            if blanks {
                self.skip_blanks();
            }
            let alone = matches!(self.peek(), Some(b',' | b'}'));
            if quoted && alone && may_name && !named {
                named = true;
                each(Part::MetricName(name)).map_err(|expected| start.fault(expected))?;
            } else {
                if !self.eat(b'=') {
                    return Err(self.fault("`=` after a label name"));
                }
                if blanks {
                    self.skip_blanks();
                }
                let value_start = *self;
                let value = self.quoted(format)?;
                if std::str::from_utf8(value.text).is_err() {
                    return Err(value_start.fault("a label value in UTF-8"));
                }
                each(Part::Label(name, value)).map_err(|expected| start.fault(expected))?;
                if blanks {
                    self.skip_blanks();
                }
            }
            if !self.eat(b',') && !blanks && self.peek() != Some(b'}') {
                return Err(self.fault("`,` or `}` after a label"));
            }
        }
    }
}

impl<'a> Raw<'a> {
    /// The text with its escapes resolved: `\\`, `\"` and `\n`; others stand for themselves.
    /// Nothing where it is not UTF-8.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        let text = std::str::from_utf8(self.text).ok()?;
        Some(if self.escapes {
            unescape(text, true)
        } else {
            Cow::Borrowed(text)
        })
    }
}

/// Resolves escapes; `\"` only with `quotes`.
pub(super) fn unescape(text: &str, quotes: bool) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let mut ahead = rest.clone();
        match ahead.next() {
            Some('\\') => out.push('\\'),
            Some('n') => out.push('\n'),
            Some('"') if quotes => out.push('"'),
            _ => {
                out.push('\\');
                continue;
            }
        }
        rest = ahead;
    }
    Cow::Owned(out)
}
