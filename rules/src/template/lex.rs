//! Template text to tokens, with the byte at which each stands.

use super::Fault;

/// A piece of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// What stands outside of actions, after trimming.
    Text(String),
    /// `{{`
    Open,
    /// `}}`
    Close,
    /// `.name`
    Field(String),
    /// `$name`, or `$` with an empty name.
    Variable(String),
    /// A function, keyword, `true`, `false` or `nil`.
    Word(String),
    /// A quoted or raw string.
    Str(String),
    /// A whole number or character.
    Int(i64),
    /// Another number.
    Float(f64),
    /// `|`
    Pipe,
    /// `:=`
    Declare,
    /// `=`
    Assign,
    /// `(`
    ParenOpen,
    /// `)`
    ParenClose,
    /// `,`
    Comma,
    /// `.`
    Dot,
}

/// A token in its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lexeme {
    pub(super) token: Token,
    /// The byte at which it begins.
    pub(super) at: usize,
    /// Whether white space stands before it.
    pub(super) spaced: bool,
}

/// Reads a whole template.
pub(super) fn lex(text: &str) -> Result<Vec<Lexeme>, Fault> {
    let mut lexer = Lexer {
        text,
        at: 0,
        out: Vec::new(),
    };
    lexer.run()?;
    Ok(lexer.out)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    out: Vec<Lexeme>,
}

const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) -> bool {
        let rest = self.rest();
        let trimmed = rest.trim_start_matches(SPACE);
        self.at += rest.len() - trimmed.len();
        rest.len() != trimmed.len()
    }

    fn run(&mut self) -> Result<(), Fault> {
        let mut trim_start = false;
        loop {
            let rest = self.rest();
            let open = rest.find("{{");
            let (plain, _) = rest.split_at(open.unwrap_or(rest.len()));
            let mut plain_text = plain;
            let at = self.at;
            self.at += plain.len();
            if trim_start {
                plain_text = plain_text.trim_start_matches(SPACE);
            }
            if open.is_some() && self.trims_left() {
                plain_text = plain_text.trim_end_matches(SPACE);
            }
            if !plain_text.is_empty() {
                self.push(Token::Text(plain_text.to_owned()), at, false);
            }
            if open.is_none() {
                return Ok(());
            }
            trim_start = self.action()?;
        }
    }

    /// Whether the action that begins here is `{{- `.
    fn trims_left(&self) -> bool {
        self.rest()
            .strip_prefix("{{-")
            .is_some_and(|inner| inner.starts_with(SPACE))
    }

    /// One action or comment; tells whether the text after it is trimmed.
    fn action(&mut self) -> Result<bool, Fault> {
        let open = self.at;
        self.at += if self.trims_left() { 3 } else { 2 };
        let inner = self.rest().trim_start_matches(SPACE);
        if inner.starts_with("/*") {
            self.skip_space();
            return self.comment(open);
        }
        self.push(Token::Open, open, false);
        loop {
            let spaced = self.skip_space();
            let rest = self.rest();
            if spaced && rest.starts_with("-}}") {
                self.push(Token::Close, self.at, true);
                self.at += 3;
                return Ok(true);
            }
            if rest.starts_with("}}") {
                self.push(Token::Close, self.at, spaced);
                self.at += 2;
                return Ok(false);
            }
            if rest.is_empty() {
                return Err(Fault::new(
                    open,
                    "expected `}}` to close the action, found the end",
                ));
            }
            self.token(spaced)?;
        }
    }

    fn comment(&mut self, open: usize) -> Result<bool, Fault> {
        let Some(end) = self.rest().find("*/") else {
            return Err(Fault::new(
                open,
                "expected `*/` to close the comment, found the end",
            ));
        };
        self.at += end + 2;
        let rest = self.rest();
        let trimmed = rest.trim_start_matches(SPACE);
        if rest.starts_with("}}") {
            self.at += 2;
            Ok(false)
        } else if trimmed.len() < rest.len() && trimmed.starts_with("-}}") {
            self.at += rest.len() - trimmed.len() + 3;
            Ok(true)
        } else {
            Err(Fault::new(self.at, "expected `}}` right after the comment"))
        }
    }

    fn push(&mut self, token: Token, at: usize, spaced: bool) {
        self.out.push(Lexeme { token, at, spaced });
    }

    fn token(&mut self, spaced: bool) -> Result<(), Fault> {
        let at = self.at;
        let rest = self.rest();
        let first = rest.chars().next().unwrap_or_default();
        let second = rest.chars().nth(1).unwrap_or_default();
        let (token, length) = match first {
            '|' => (Token::Pipe, 1),
            '(' => (Token::ParenOpen, 1),
            ')' => (Token::ParenClose, 1),
            ',' => (Token::Comma, 1),
            ':' if second == '=' => (Token::Declare, 2),
            '=' => (Token::Assign, 1),
            '"' => quoted(rest, at)?,
            '`' => raw(rest, at)?,
            '\'' => character(rest, at)?,
            '$' => {
                let name = word(rest.get(1..).unwrap_or_default());
                (Token::Variable(name.to_owned()), 1 + name.len())
            }
            '.' if second.is_ascii_digit() => number(rest, at)?,
            '.' => match word(rest.get(1..).unwrap_or_default()) {
                "" => (Token::Dot, 1),
                name => (Token::Field(name.to_owned()), 1 + name.len()),
            },
            c if c.is_ascii_digit() => number(rest, at)?,
            '+' | '-' if second.is_ascii_digit() || second == '.' => number(rest, at)?,
            c if c.is_alphabetic() || c == '_' => {
                let name = word(rest);
                (Token::Word(name.to_owned()), name.len())
            }
            c => return Err(Fault::new(at, format!("unexpected `{c}` in an action"))),
        };
        self.at += length;
        self.push(token, at, spaced);
        Ok(())
    }
}

/// The letters, digits and underscores at the start of a text.
fn word(text: &str) -> &str {
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    text.split_at(end).0
}

fn raw(rest: &str, at: usize) -> Result<(Token, usize), Fault> {
    let inner = rest.get(1..).unwrap_or_default();
    let (text, _) = inner
        .split_once('`')
        .ok_or_else(|| Fault::new(at, "expected a closing backquote, found the end"))?;
    Ok((Token::Str(text.to_owned()), text.len() + 2))
}

fn quoted(rest: &str, at: usize) -> Result<(Token, usize), Fault> {
    let (text, length) = unquote(rest, '"', at)?;
    Ok((Token::Str(text), length))
}

fn character(rest: &str, at: usize) -> Result<(Token, usize), Fault> {
    let (text, length) = unquote(rest, '\'', at)?;
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Ok((Token::Int(i64::from(u32::from(c))), length)),
        _ => Err(Fault::new(
            at,
            "expected one character between single quotes",
        )),
    }
}

/// The text between two quotes, unescaped, and how many bytes it takes with them.
fn unquote(rest: &str, quote: char, at: usize) -> Result<(String, usize), Fault> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((place, c)) = chars.next() {
        match c {
            c if c == quote => return Ok((text, place + 1)),
            '\n' => break,
            '\\' => {
                let escape = escaped(&mut chars)
                    .ok_or_else(|| Fault::new(at + place, "unknown escape in a string"))?;
                text.push(escape);
            }
            c => text.push(c),
        }
    }
    Err(Fault::new(
        at,
        format!("expected a closing {quote}, found the end of the line"),
    ))
}

/// The character that an escape stands for; the backslash is already read.
fn escaped(chars: &mut impl Iterator<Item = (usize, char)>) -> Option<char> {
    let (_, kind) = chars.next()?;
    let mut digits = |count: u32, radix: u32, first: u32| {
        let mut code = first;
        for _ in 0..count {
            code = code * radix + chars.next()?.1.to_digit(radix)?;
        }
        char::from_u32(code)
    };
    match kind {
        'n' => Some('\n'),
        't' => Some('\t'),
        'r' => Some('\r'),
        'a' => Some('\u{7}'),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'v' => Some('\u{b}'),
        '\\' | '"' | '\'' => Some(kind),
        'x' => digits(2, 16, 0),
        'u' => digits(4, 16, 0),
        'U' => digits(8, 16, 0),
        '0'..='7' => digits(2, 8, kind.to_digit(8)?),
        _ => None,
    }
}

fn number(rest: &str, at: usize) -> Result<(Token, usize), Fault> {
    let hex = rest.trim_start_matches(['+', '-']).starts_with("0x");
    let mut before = ' ';
    let length = rest
        .find(|c: char| {
            let sign = before == ' ' || (!hex && matches!(before, 'e' | 'E'));
            let part = c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
            before = c;
            !(part || (sign && matches!(c, '+' | '-')))
        })
        .unwrap_or(rest.len());
    let (text, _) = rest.split_at(length);
    let digits = text.replace('_', "");
    let whole = match digits.split_once("0x") {
        Some(("" | "+", hex)) => i64::from_str_radix(hex, 16).ok(),
        Some(("-", hex)) => i64::from_str_radix(hex, 16).ok().map(|value| -value),
        _ => digits.parse().ok(),
    };
    let token = match whole {
        Some(value) => Token::Int(value),
        None => Token::Float(
            digits
                .parse()
                .map_err(|_| Fault::new(at, format!("expected a number, found `{text}`")))?,
        ),
    };
    Ok((token, length))
}
