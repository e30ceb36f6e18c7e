//! The tokens that are left, and what was expected where one does not fit.

use super::ast::Span;
use super::lex::{Token, TokenKind, tokens};
use super::{Fault, Features, MAX_HEIGHT, MAX_MATCHERS};

/// Words that no metric name can be.
const RESERVED: [&str; 6] = [
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "bool",
    "atan2",
];

pub(super) struct Stream<'a> {
    text: &'a str,
    pub(super) features: Features,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    matchers: usize,
}

impl<'a> Stream<'a> {
    pub(super) fn new(text: &'a str, features: Features) -> Self {
        Self {
            text,
            features,
            tokens: tokens(text),
            at: 0,
            depth: 0,
            matchers: 0,
        }
    }

    /// The next token's kind; `End` past the last.
    pub(super) fn peek(&self) -> &TokenKind {
        self.peek_at(0)
    }

    /// The kind of a token further on.
    pub(super) fn peek_at(&self, ahead: usize) -> &TokenKind {
        self.tokens
            .get(self.at + ahead)
            .map_or(&TokenKind::End, |token| &token.kind)
    }

    /// The bytes of the next token.
    pub(super) fn span(&self) -> Span {
        let end = Span {
            start: self.text.len(),
            end: self.text.len(),
        };
        self.tokens.get(self.at).map_or(end, |token| token.span)
    }

    /// The bytes of the token before.
    pub(super) fn last_span(&self) -> Span {
        self.at
            .checked_sub(1)
            .and_then(|at| self.tokens.get(at))
            .map_or_else(Span::default, |token| token.span)
    }

    /// The next token's text.
    pub(super) fn word(&self) -> &'a str {
        let span = self.span();
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    pub(super) fn advance(&mut self) {
        self.at = (self.at + 1).min(self.tokens.len());
    }

    /// Whether the next token is this sign.
    pub(super) fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), TokenKind::Sign(have) if *have == sign)
    }

    /// Whether the next token is this word, in any case.
    pub(super) fn is_word(&self, word: &str) -> bool {
        *self.peek() == TokenKind::Identifier && self.word().eq_ignore_ascii_case(word)
    }

    /// Whether a token further on is this word, in any case.
    pub(super) fn is_word_at(&self, ahead: usize, word: &str) -> bool {
        let token = self.tokens.get(self.at + ahead);
        token.is_some_and(|token| {
            token.kind == TokenKind::Identifier
                && self
                    .text
                    .get(token.span.start..token.span.end)
                    .is_some_and(|text| text.eq_ignore_ascii_case(word))
        })
    }

    /// Whether the next token is a word that cannot name a metric.
    pub(super) fn is_reserved(&self) -> bool {
        *self.peek() == TokenKind::Identifier
            && RESERVED
                .iter()
                .any(|word| self.word().eq_ignore_ascii_case(word))
    }

    /// Takes the sign where it is next.
    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        if found {
            self.advance();
        }
        found
    }

    /// Takes the word where it is next.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    /// Takes the sign, or says that it was expected.
    pub(super) fn expect_sign(&mut self, sign: &str, context: &str) -> Result<(), Fault> {
        if self.take_sign(sign) {
            return Ok(());
        }
        Err(self.unexpected(context, &format!("\"{sign}\"")))
    }

    /// The next token does not fit.
    pub(super) fn unexpected(&self, context: &str, expected: &str) -> Fault {
        let found = match self.peek() {
            TokenKind::Fault(message) => return Fault::new(self.span(), message.clone()),
            TokenKind::End => "end of input".to_owned(),
            TokenKind::Identifier => format!("identifier {:?}", self.word()),
            TokenKind::Number(_) => format!("number {:?}", self.word()),
            TokenKind::Duration(_) => format!("duration {:?}", self.word()),
            TokenKind::Text(_) => format!("string {}", self.word()),
            TokenKind::Sign(sign) if is_operator(sign) => format!("<op:{sign}>"),
            TokenKind::Sign(sign) => format!("\"{sign}\""),
        };
        let mut message = format!("unexpected {found}");
        if !context.is_empty() {
            message.push_str(" in ");
            message.push_str(context);
        }
        if !expected.is_empty() {
            message.push_str(", expected ");
            message.push_str(expected);
        }
        Fault::new(self.span(), message)
    }

    /// Goes one level down; the parser's own recursion is bounded as the tree is.
    pub(super) fn descend(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > MAX_HEIGHT {
            return Err(too_deep(self.span()));
        }
        Ok(())
    }

    /// Counts a label matcher; there may not be too many.
    pub(super) fn count_matcher(&mut self) -> Result<(), Fault> {
        self.matchers += 1;
        if self.matchers > MAX_MATCHERS {
            return Err(Fault::new(
                self.span(),
                format!("expected at most {MAX_MATCHERS} label matchers, found more"),
            ));
        }
        Ok(())
    }

    pub(super) fn ascend(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }
}

pub(super) fn too_deep(span: Span) -> Fault {
    Fault::new(
        span,
        format!("expected at most {MAX_HEIGHT} levels of nesting, found more"),
    )
}

fn is_operator(sign: &str) -> bool {
    !matches!(
        sign,
        "(" | ")" | "{" | "}" | "[" | "]" | "," | "@" | ":" | "="
    )
}
