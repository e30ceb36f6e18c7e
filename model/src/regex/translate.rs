//! From Go's syntax to that of Rust's engine.
//!
//! What differs: `\Q..\E`; a brace that is no repetition stands for itself; `\d`, `\s`, `\w` and
//! `\b` are ASCII (and `\s` has no vertical tab); classes know no nesting and no set operators; any
//! escaped punctuation is itself; octal escapes; repetitions of repetitions are refused, as are
//! flags other than `i`, `m`, `s` and `U`, and names in groups may start with a digit.
//!
//! Source: <https://github.com/google/re2/wiki/Syntax>, Go's `regexp/syntax`.

use super::class;
use super::escape::{after, escaped_character, push_literal};

/// An expression in the engine's syntax.
#[derive(Debug)]
pub(super) struct Translated {
    pub(super) pattern: String,
    /// The names of the groups, from the first on. The engine does not know them.
    pub(super) groups: Vec<Option<String>>,
}

/// What a repetition would repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Nothing,
    Expression,
    Repetition,
}

const MAX_REPEAT: u32 = 1_000;

pub(super) fn translate(pattern: &str) -> Result<Translated, String> {
    let mut state = Translation {
        rest: pattern,
        out: String::with_capacity(pattern.len()),
        groups: Vec::new(),
        open: 0,
        last: Last::Nothing,
    };
    while let Some(c) = state.rest.chars().next() {
        state.step(c)?;
    }
    if state.open > 0 {
        return Err("expected a closing `)`".to_owned());
    }
    Ok(Translated {
        pattern: state.out,
        groups: state.groups,
    })
}

struct Translation<'a> {
    rest: &'a str,
    out: String,
    groups: Vec<Option<String>>,
    /// How many groups are open.
    open: usize,
    last: Last,
}

impl Translation<'_> {
    fn step(&mut self, c: char) -> Result<(), String> {
        match c {
            '\\' => return self.escape(),
            '[' => {
                self.rest = class::translate(self.rest, &mut self.out)?;
                self.last = Last::Expression;
                return Ok(());
            }
            '(' if self.rest.starts_with("(?") => return self.special_group(),
            '{' => return self.braces(),
            _ => {}
        }
        self.rest = after(self.rest, c);
        match c {
            '(' => {
                self.groups.push(None);
                self.open_group("(");
            }
            ')' => {
                if self.open == 0 {
                    return Err("expected no `)` without its `(`".to_owned());
                }
                self.open -= 1;
                self.expression(")");
            }
            '|' => {
                self.out.push('|');
                self.last = Last::Nothing;
            }
            '*' | '+' | '?' => self.repetition(c.encode_utf8(&mut [0; 4]))?,
            '.' | '^' | '$' => self.expression(c.encode_utf8(&mut [0; 4])),
            c => self.literal(c),
        }
        Ok(())
    }

    fn expression(&mut self, text: &str) {
        self.out.push_str(text);
        self.last = Last::Expression;
    }

    fn literal(&mut self, c: char) {
        push_literal(&mut self.out, c);
        self.last = Last::Expression;
    }

    fn open_group(&mut self, text: &str) {
        self.out.push_str(text);
        self.open += 1;
        self.last = Last::Nothing;
    }

    /// A repetition, perhaps a lazy one.
    fn repetition(&mut self, text: &str) -> Result<(), String> {
        match self.last {
            Last::Nothing => return Err(format!("expected something before `{text}` to repeat")),
            Last::Repetition => return Err(format!("expected no `{text}` after a repetition")),
            Last::Expression => {}
        }
        self.out.push_str(text);
        if let Some(rest) = self.rest.strip_prefix('?') {
            self.out.push('?');
            self.rest = rest;
        }
        self.last = Last::Repetition;
        Ok(())
    }

    /// `{2}`, `{2,}` and `{2,5}` repeat; other braces stand for themselves.
    fn braces(&mut self) -> Result<(), String> {
        let Some((min, max, rest)) = repeat_counts(self.rest) else {
            self.rest = after(self.rest, '{');
            self.literal('{');
            return Ok(());
        };
        let most = max.unwrap_or(min);
        if min > MAX_REPEAT || most > MAX_REPEAT || most < min {
            return Err(format!(
                "expected at most {MAX_REPEAT} repetitions and the smaller number first"
            ));
        }
        let written = self.rest.strip_suffix(rest).unwrap_or_default();
        self.rest = rest;
        self.repetition(written)
    }

    /// `(?P<name>`, `(?<name>`, `(?flags)` and `(?flags:`.
    fn special_group(&mut self) -> Result<(), String> {
        let rest = self.rest.strip_prefix("(?").unwrap_or_default();
        let name = rest.strip_prefix("P<").or_else(|| rest.strip_prefix('<'));
        if let Some(text) = name {
            let (name, rest) = text.split_once('>').unwrap_or_default();
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(plain) {
                return Err("expected a group's name of letters, digits and `_` in `<>`".to_owned());
            }
            let name = Some(name.to_owned());
            if self.groups.contains(&name) {
                return Err("expected each group's name once".to_owned());
            }
            self.groups.push(name);
            self.rest = rest;
            self.open_group("(");
            return Ok(());
        }
        let (on, off, opens, rest) = flags(rest)?;
        self.rest = rest;
        let minus = if off.is_empty() { "" } else { "-" };
        if opens {
            self.open_group(&format!("(?{on}{minus}{off}:"));
        } else if !on.is_empty() || !off.is_empty() {
            self.out.extend(["(?", &on, minus, &off, ")"]);
            self.last = Last::Nothing;
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), String> {
        let rest = after(self.rest, '\\');
        let Some(c) = rest.chars().next() else {
            return Err("expected a character after the last `\\`".to_owned());
        };
        let assertion = match c {
            'A' => r"\A",
            'z' => r"\z",
            'b' => r"(?-u:\b)",
            'B' => r"(?-u:\B)",
            'Q' => return self.quoted(after(rest, c)),
            _ => {
                if let Some(rest) = class::named(self.rest, &mut self.out)? {
                    self.rest = rest;
                    self.last = Last::Expression;
                } else {
                    let (c, rest) = escaped_character(self.rest)?;
                    self.rest = rest;
                    self.literal(c);
                }
                return Ok(());
            }
        };
        self.rest = after(rest, c);
        self.expression(assertion);
        Ok(())
    }

    /// What stands between `\Q` and `\E`.
    fn quoted(&mut self, text: &str) -> Result<(), String> {
        let (quoted, rest) = text
            .split_once(r"\E")
            .ok_or_else(|| r"expected `\E` after `\Q`".to_owned())?;
        for c in quoted.chars() {
            self.literal(c);
        }
        let end = self.rest.len() - rest.len();
        self.rest = self.rest.get(end..).unwrap_or_default();
        Ok(())
    }
}

/// The counts of a repetition in braces, and what follows it.
fn repeat_counts(text: &str) -> Option<(u32, Option<u32>, &str)> {
    let (inside, rest) = text.strip_prefix('{')?.split_once('}')?;
    let count = |digits: &str| {
        let plain = digits.bytes().all(|c| c.is_ascii_digit()) && !digits.is_empty();
        let leading_zero = digits.len() > 1 && digits.starts_with('0');
        (plain && !leading_zero).then(|| digits.parse().unwrap_or(u32::MAX))
    };
    match inside.split_once(',') {
        None => {
            let count = count(inside)?;
            Some((count, Some(count), rest))
        }
        Some((min, "")) => Some((count(min)?, None, rest)),
        Some((min, max)) => Some((count(min)?, Some(count(max)?), rest)),
    }
}

/// The flags of a group: those to set, those to clear, whether a group follows, and the rest.
fn flags(text: &str) -> Result<(String, String, bool, &str), String> {
    let fault = || "expected the flags `i`, `m`, `s`, `U` or a group after `(?`".to_owned();
    let (mut on, mut off) = (String::new(), String::new());
    let mut clearing = false;
    let mut rest = text;
    loop {
        let c = rest.chars().next().ok_or_else(fault)?;
        rest = after(rest, c);
        match c {
            'i' | 'm' | 's' | 'U' => {
                let (to, from) = if clearing {
                    (&mut off, &mut on)
                } else {
                    (&mut on, &mut off)
                };
                from.retain(|have| have != c);
                if !to.contains(c) {
                    to.push(c);
                }
            }
            '-' if !clearing => clearing = true,
            ':' | ')' if !clearing || !off.is_empty() => return Ok((on, off, c == ':', rest)),
            _ => return Err(fault()),
        }
    }
}
