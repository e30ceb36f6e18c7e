//! Text to tokens, as Prometheus's lexer cuts it.
//!
//! Three modes: plain text; inside braces, where no word is a keyword; inside brackets, where
//! durations stand. A text that cannot be cut ends in a `Fault` with Prometheus's message.

use super::ast::Span;
use super::literal::{self, Scanned};
use super::quote;
use super::words::{self, Word};

/// A token and its bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    End,
    Word(Word),
    /// Also `inf` and `nan`.
    Number,
    Duration,
    /// A string, its quotes included.
    Text,
    /// Parentheses, operators, and so on: one to two characters, as they stand in the text.
    Sign(&'static str),
    /// The lexer could not go on; the message says why.
    Fault(String),
}

/// Signs outside of braces; longer ones stand before those they begin with.
const SIGNS: [&str; 21] = [
    "==", "!=", "<=", ">=", "</", ">/", "=", "<", ">", "+", "-", "*", "/", "%", "^", "(", ")", "[",
    "]", ",", "@",
];
/// Signs inside of braces.
const BRACE_SIGNS: [&str; 6] = ["=~", "!~", "!=", "=", ",", "}"];
/// Signs inside of brackets before the first duration.
const BRACKET_SIGNS: [&str; 11] = ["]", ":", "(", ")", "+", "-", "*", "/", "%", "^", ","];

/// All tokens of a text. The last is `End` or `Fault`.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        text,
        start: 0,
        at: 0,
        mode: Mode::Plain,
        parentheses: 0,
        bracket: false,
        colon: false,
        duration: false,
    };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank();
        lexer.start = lexer.at;
        let kind = lexer.next();
        let last = matches!(kind, TokenKind::End | TokenKind::Fault(_));
        tokens.push(Token {
            kind,
            span: Span {
                start: lexer.start,
                end: lexer.at,
            },
        });
        if last {
            return tokens;
        }
    }
}

/// Where the lexer is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Plain,
    Braces,
    /// After `[` and before the first number or duration there.
    Brackets,
}

fn fault(what: &str, found: char) -> TokenKind {
    TokenKind::Fault(format!("{what} {}", quote::character(found)))
}

struct Lexer<'a> {
    text: &'a str,
    /// Where the token begins.
    start: usize,
    at: usize,
    mode: Mode,
    /// How many parentheses are open.
    parentheses: usize,
    /// Whether a bracket is open.
    bracket: bool,
    /// Whether there was a colon since.
    colon: bool,
    /// Whether there was a number or duration since.
    duration: bool,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
            self.at += blank;
            if !self.rest().starts_with('#') || self.mode == Mode::Brackets {
                return;
            }
            let line = self.rest();
            self.at += line.find(['\n', '\r']).unwrap_or(line.len());
        }
    }

    fn next(&mut self) -> TokenKind {
        let Some(first) = self.rest().chars().next() else {
            return self.end();
        };
        match self.mode {
            Mode::Plain => self.plain(first),
            Mode::Braces => self.in_braces(first),
            Mode::Brackets => self.in_brackets(first),
        }
    }

    fn end(&self) -> TokenKind {
        let message = match self.mode {
            Mode::Braces => "unexpected end of input inside braces",
            Mode::Brackets => "unexpected end of input in duration expression",
            Mode::Plain if self.parentheses > 0 => "unclosed left parenthesis",
            Mode::Plain if self.bracket => "unclosed left bracket",
            Mode::Plain => return TokenKind::End,
        };
        TokenKind::Fault(message.to_owned())
    }

    fn plain(&mut self, first: char) -> TokenKind {
        if matches!(first, '"' | '\'' | '`') {
            return self.text_literal();
        }
        if self.begins_number(first) {
            return self.number();
        }
        if words::begins(first) || first == ':' {
            return if self.bracket {
                self.word_in_brackets(first)
            } else {
                self.word()
            };
        }
        match first {
            '{' => {
                self.mode = Mode::Braces;
                return self.take("{");
            }
            '[' if self.bracket => return fault("unexpected left bracket", first),
            ']' if !self.bracket => return fault("unexpected right bracket", first),
            '=' if self.rest().starts_with("=~") => {
                return TokenKind::Fault("unexpected character after '=': '~'".to_owned());
            }
            '!' if !self.rest().starts_with("!=") => {
                return self.after_exclamation("unexpected character after '!':");
            }
            _ => {}
        }
        self.sign(&SIGNS)
            .unwrap_or_else(|| fault("unexpected character:", first))
    }

    fn in_braces(&mut self, first: char) -> TokenKind {
        match first {
            '"' | '\'' | '`' => return self.text_literal(),
            _ if words::begins(first) => {
                self.at += words::length(self.rest(), false);
                return TokenKind::Word(Word::Plain);
            }
            '{' => return fault("unexpected left brace", first),
            '!' if !self.rest().starts_with("!=") && !self.rest().starts_with("!~") => {
                return self.after_exclamation("unexpected character after '!' inside braces:");
            }
            _ => {}
        }
        self.sign(&BRACE_SIGNS)
            .unwrap_or_else(|| fault("unexpected character inside braces:", first))
    }

    fn in_brackets(&mut self, first: char) -> TokenKind {
        if self.begins_number(first) {
            return self.number();
        }
        if let Some(kind) = self.duration_word() {
            return kind;
        }
        if first == ':' && !self.duration {
            self.at += 1;
            self.start = self.at;
            return TokenKind::Fault(
                "unexpected colon before duration in duration expression".to_owned(),
            );
        }
        self.sign(&BRACKET_SIGNS)
            .unwrap_or_else(|| fault("unexpected character in duration expression:", first))
    }

    fn begins_number(&self, first: char) -> bool {
        let second = self.rest().as_bytes().get(1);
        first.is_ascii_digit() || (first == '.' && second.is_some_and(u8::is_ascii_digit))
    }

    /// The sign that comes next, where there is one.
    fn sign(&mut self, signs: &'static [&'static str]) -> Option<TokenKind> {
        let sign = *signs.iter().find(|sign| self.rest().starts_with(**sign))?;
        match sign {
            "}" => self.mode = Mode::Plain,
            "(" => self.parentheses += 1,
            ")" => {
                let Some(left) = self.parentheses.checked_sub(1) else {
                    // Prometheus names the place behind it.
                    self.at += 1;
                    self.start = self.at;
                    let message = "unexpected right parenthesis ')'".to_owned();
                    return Some(TokenKind::Fault(message));
                };
                self.parentheses = left;
            }
            "[" => {
                self.mode = Mode::Brackets;
                self.bracket = true;
                self.colon = false;
                self.duration = false;
            }
            "]" => {
                self.mode = Mode::Plain;
                self.bracket = false;
            }
            ":" => self.colon = true,
            _ => {}
        }
        Some(self.take(sign))
    }

    fn take(&mut self, sign: &'static str) -> TokenKind {
        self.at += sign.len();
        TokenKind::Sign(sign)
    }

    fn after_exclamation(&self, what: &str) -> TokenKind {
        match self.rest().chars().nth(1) {
            Some(second) => fault(what, second),
            // What Go prints for the rune -1.
            None => TokenKind::Fault(format!("{what} '\u{fffd}'")),
        }
    }

    fn word(&mut self) -> TokenKind {
        let length = words::length(self.rest(), true);
        let word = self.rest().get(..length).unwrap_or_default();
        self.at += length;
        if words::is_number(word) {
            return TokenKind::Number;
        }
        let before_parenthesis = self
            .rest()
            .trim_start_matches([' ', '\t', '\n', '\r'])
            .starts_with('(');
        TokenKind::Word(words::kind(word, before_parenthesis))
    }

    /// A word or a colon in brackets, after the first number.
    fn word_in_brackets(&mut self, first: char) -> TokenKind {
        if first == ':' {
            if self.colon {
                return fault("unexpected colon", first);
            }
            self.colon = true;
            return self.take(":");
        }
        self.duration_word().unwrap_or_else(|| {
            let found = quote::character(first);
            TokenKind::Fault(format!("unexpected character: {found}, expected ':'"))
        })
    }

    /// `step`, `range`, `min_of` or `max_of`.
    fn duration_word(&mut self) -> Option<TokenKind> {
        let length = words::length(self.rest(), false);
        let word = self.rest().get(..length)?;
        if !words::is_duration_word(word) {
            return None;
        }
        self.at += length;
        Some(TokenKind::Word(Word::Preprocessor))
    }

    fn text_literal(&mut self) -> TokenKind {
        match literal::text_length(self.rest()) {
            Ok(length) => {
                self.at += length;
                TokenKind::Text
            }
            Err(message) => TokenKind::Fault(message),
        }
    }

    fn number(&mut self) -> TokenKind {
        self.duration = true;
        if self.mode == Mode::Brackets {
            self.mode = Mode::Plain;
        }
        let (length, scanned) = literal::scan_number(self.rest());
        let text = self.rest().get(..length).unwrap_or_default();
        self.at += length;
        match scanned {
            Scanned::Number => TokenKind::Number,
            Scanned::Duration => TokenKind::Duration,
            Scanned::Neither => TokenKind::Fault(format!(
                "bad number or duration syntax: {}",
                quote::text(text)
            )),
        }
    }
}
