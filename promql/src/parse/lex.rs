//! Text to tokens.

use super::ast::Span;
use super::literal;

/// A token and its bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

/// What a token is. Keywords are identifiers: whether one is a keyword depends on where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    End,
    Identifier,
    Number(f64),
    /// In ms.
    Duration(i64),
    Text(String),
    /// Parentheses, operators, and so on: one to two characters, as they stand in the text.
    Sign(&'static str),
    /// The lexer could not go on; the message says why.
    Fault(String),
}

/// Longer signs stand before those they begin with.
const SIGNS: [&str; 26] = [
    "==", "=~", "!=", "!~", "<=", ">=", "</", ">/", "=", "<", ">", "+", "-", "*", "/", "%", "^",
    "(", ")", "{", "}", "[", "]", ",", "@", ":",
];

/// All tokens of a text. The last is `End` or `Fault`.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        text,
        at: 0,
        braces: 0,
        brackets: 0,
    };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank();
        let start = lexer.at;
        let kind = lexer.next();
        let last = matches!(kind, TokenKind::End | TokenKind::Fault(_));
        tokens.push(Token {
            kind,
            span: Span {
                start,
                end: lexer.at,
            },
        });
        if last {
            return tokens;
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// How many braces are open: a label name has no colon.
    braces: usize,
    /// How many brackets are open: a colon stands between range and step there.
    brackets: usize,
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
            if !self.rest().starts_with('#') {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    fn next(&mut self) -> TokenKind {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return TokenKind::End;
        };
        if matches!(first, '"' | '\'' | '`') {
            return self.text_literal();
        }
        let second = rest.as_bytes().get(1);
        let second_is_digit = second.is_some_and(u8::is_ascii_digit);
        if first.is_ascii_digit() || (first == '.' && second_is_digit) {
            return self.number();
        }
        let colon = self.braces == 0 && self.brackets == 0;
        if first.is_ascii_alphabetic() || first == '_' || (first == ':' && colon) {
            self.at += rest
                .bytes()
                .take_while(|byte| is_word(*byte) || (colon && *byte == b':'))
                .count();
            return TokenKind::Identifier;
        }
        self.sign(first)
    }

    fn sign(&mut self, first: char) -> TokenKind {
        let rest = self.rest();
        let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) else {
            self.at += first.len_utf8();
            let Some(second) = rest.chars().nth(1).filter(|_| first == '!') else {
                return TokenKind::Fault(format!("unexpected character: {first:?}"));
            };
            return TokenKind::Fault(format!("unexpected character after '!': {second:?}"));
        };
        self.at += sign.len();
        match *sign {
            "{" => self.braces += 1,
            "}" => self.braces = self.braces.saturating_sub(1),
            "[" => self.brackets += 1,
            "]" => self.brackets = self.brackets.saturating_sub(1),
            _ => {}
        }
        TokenKind::Sign(sign)
    }

    fn text_literal(&mut self) -> TokenKind {
        match literal::text(self.rest()) {
            Ok((value, length)) => {
                self.at += length;
                TokenKind::Text(value)
            }
            Err(message) => {
                self.at = self.text.len();
                TokenKind::Fault(message)
            }
        }
    }

    fn number(&mut self) -> TokenKind {
        let rest = self.rest();
        let length = literal::number_length(rest);
        let word = length
            + rest
                .bytes()
                .skip(length)
                .take_while(|byte| is_word(*byte))
                .count();
        self.at += word;
        let whole = rest.get(..word).unwrap_or_default();
        let value = if word == length {
            literal::number(whole).map(TokenKind::Number)
        } else {
            whole
                .parse::<watchpost_model::Duration>()
                .ok()
                .map(|duration| TokenKind::Duration(duration.as_millis()))
        };
        value.unwrap_or_else(|| {
            TokenKind::Fault(format!("bad number or duration syntax: {whole:?}"))
        })
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
