//! The words of the language. Outside of braces and brackets a word may be a keyword; whether it
//! names a metric or a label then depends on where it stands.

use super::ops::AggregateOp;

/// What a word may be besides a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Nothing else.
    Plain,
    /// A metric name with a colon.
    Metric,
    /// `and`, `or`, `unless`, `atan2`.
    Operator,
    /// `sum` and its like.
    Aggregator,
    /// `by`, `offset` and their like.
    Keyword,
    /// `start`, `end`, `step`, `range`.
    Preprocessor,
}

const OPERATORS: [&str; 4] = ["and", "or", "unless", "atan2"];
const KEYWORDS: [&str; 10] = [
    "offset",
    "smoothed",
    "anchored",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "bool",
];
/// Keywords where a parenthesis follows.
const FILLS: [&str; 3] = ["fill", "fill_left", "fill_right"];
const PREPROCESSORS: [&str; 4] = ["start", "end", "step", "range"];
const DURATION_WORDS: [&str; 4] = ["step", "range", "min_of", "max_of"];
/// Keywords that cannot name a metric. A `fill` that can is none.
const RESERVED: [&str; 9] = [
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "bool",
    "atan2",
    "fill",
    "fill_left",
    "fill_right",
];

fn among(word: &str, words: &[&str]) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// What a word may be, in any case.
pub(super) fn kind(word: &str, before_parenthesis: bool) -> Word {
    if among(word, &OPERATORS) {
        Word::Operator
    } else if among(word, &KEYWORDS) || (before_parenthesis && among(word, &FILLS)) {
        Word::Keyword
    } else if among(word, &PREPROCESSORS) {
        Word::Preprocessor
    } else if AggregateOp::from_name(word).is_some() {
        Word::Aggregator
    } else if word.contains(':') {
        Word::Metric
    } else {
        Word::Plain
    }
}

/// Whether a word is a number.
pub(super) fn is_number(word: &str) -> bool {
    among(word, &["inf", "nan"])
}

/// Whether a word stands for a duration in brackets.
pub(super) fn is_duration_word(word: &str) -> bool {
    among(word, &DURATION_WORDS)
}

/// Whether a keyword can stand before braces, or alone, as a metric's name.
pub(super) fn is_metric(word: &str) -> bool {
    !among(word, &RESERVED)
}

/// Whether a word begins with this character.
pub(super) fn begins(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_'
}

/// How many bytes of the text belong to the word it begins with.
pub(super) fn length(text: &str, colons: bool) -> usize {
    text.bytes()
        .take_while(|byte| {
            byte.is_ascii_alphanumeric() || *byte == b'_' || (colons && *byte == b':')
        })
        .count()
}
