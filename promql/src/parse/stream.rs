//! The tokens that are left, and what was expected where one does not fit.

use super::ast::Span;
use super::lex::{Token, TokenKind, tokens};
use super::words::{self, Word};
use super::{Fault, Features, MAX_MATCHERS, quote};

pub(super) struct Stream<'a> {
    text: &'a str,
    pub(super) features: Features,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// The highest tree that may come of it.
    pub(super) max_height: usize,
    matchers: usize,
    /// Where the parser is, and what it expects there, where an expression goes wrong.
    context: (&'static str, &'static str),
}

impl<'a> Stream<'a> {
    pub(super) fn new(text: &'a str, features: Features, max_height: usize) -> Self {
        Self {
            text,
            features,
            tokens: tokens(text),
            at: 0,
            depth: 0,
            max_height,
            matchers: 0,
            context: ("", ""),
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
        self.is_word_at(0, word)
    }

    /// Whether the next token is this keyword, in any case.
    pub(super) fn is_keyword(&self, word: &str) -> bool {
        *self.peek() == TokenKind::Word(Word::Keyword) && self.is_word(word)
    }

    /// Whether a token further on is this word, in any case.
    pub(super) fn is_word_at(&self, ahead: usize, word: &str) -> bool {
        self.tokens.get(self.at + ahead).is_some_and(|token| {
            matches!(token.kind, TokenKind::Word(_))
                && self
                    .text
                    .get(token.span.start..token.span.end)
                    .is_some_and(|text| text.eq_ignore_ascii_case(word))
        })
    }

    /// Whether the next token is a word that can name a metric.
    pub(super) fn is_metric_name(&self) -> bool {
        match self.peek() {
            TokenKind::Word(Word::Keyword | Word::Operator) => words::is_metric(self.word()),
            TokenKind::Word(_) => true,
            _ => false,
        }
    }

    /// Whether the next token can be the first of an expression.
    pub(super) fn begins_expression(&self) -> bool {
        match self.peek() {
            TokenKind::Number | TokenKind::Duration | TokenKind::Text => true,
            TokenKind::Sign(sign) => matches!(*sign, "(" | "{" | "+" | "-"),
            _ => self.is_metric_name(),
        }
    }

    /// Takes the sign where it is next.
    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        if found {
            self.advance();
        }
        found
    }

    /// Takes the keyword where it is next.
    pub(super) fn take_keyword(&mut self, word: &str) -> bool {
        let found = self.is_keyword(word);
        if found {
            self.advance();
        }
        found
    }

    /// Takes the sign, or says that the next token does not fit.
    pub(super) fn expect_sign(&mut self, sign: &str) -> Result<(), Fault> {
        if self.take_sign(sign) {
            return Ok(());
        }
        Err(self.unexpected_here())
    }

    /// Goes into a part of the text that errors name; gives the part around it, to go back to.
    pub(super) fn enter(
        &mut self,
        context: &'static str,
        expected: &'static str,
    ) -> (&'static str, &'static str) {
        std::mem::replace(&mut self.context, (context, expected))
    }

    /// Goes back to the part around.
    pub(super) fn leave(&mut self, around: (&'static str, &'static str)) {
        self.context = around;
    }

    /// The next token does not fit where the parser is.
    pub(super) fn unexpected_here(&self) -> Fault {
        self.unexpected(self.context.0, self.context.1)
    }

    /// The next token does not fit.
    pub(super) fn unexpected(&self, context: &str, expected: &str) -> Fault {
        let found = match self.peek() {
            TokenKind::Fault(message) => return Fault::new(self.span(), message.clone()),
            kind => describe(kind, self.word()),
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

    /// An error about what was read already, unless the lexer found a fault just behind it: the
    /// lexer is a token ahead.
    pub(super) fn behind(&self, fault: Fault) -> Fault {
        match self.peek() {
            TokenKind::Fault(_) => self.unexpected("", ""),
            _ => fault,
        }
    }

    /// Goes one level down; the parser's own recursion is bounded as the tree is.
    pub(super) fn descend(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > self.max_height {
            return Err(Fault::too_deep(self.span()));
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

/// A token in Prometheus's words.
fn describe(kind: &TokenKind, text: &str) -> String {
    match kind {
        TokenKind::Fault(_) | TokenKind::End => "end of input".to_owned(),
        TokenKind::Word(Word::Plain) => format!("identifier {}", quote::text(text)),
        TokenKind::Word(Word::Metric) => format!("metric identifier {}", quote::text(text)),
        TokenKind::Word(Word::Operator) => format!("<op:{text}>"),
        TokenKind::Word(Word::Aggregator) => format!("<aggr:{text}>"),
        TokenKind::Word(Word::Keyword) => format!("<{text}>"),
        TokenKind::Word(Word::Preprocessor) => quote::text(text),
        TokenKind::Number => format!("number {}", quote::short(text)),
        TokenKind::Duration => format!("duration {}", quote::short(text)),
        TokenKind::Text => format!("string {}", quote::short(text)),
        TokenKind::Sign(sign) if is_operator(sign) => format!("<op:{sign}>"),
        TokenKind::Sign(sign) => format!("\"{sign}\""),
    }
}

fn is_operator(sign: &str) -> bool {
    !matches!(sign, "(" | ")" | "{" | "}" | "[" | "]" | "," | ":" | "=")
}
