//! Expressions whose matches can be told without the engine.

use regex_syntax::hir::{Class, Dot, Hir, HirKind, Look, Repetition};

/// What an expression's matches look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// These texts, sorted.
    Literals(Vec<String>),
    /// Every text: `.*`.
    Anything,
    /// Every text but the empty one: `.+`.
    NotEmpty,
    /// `text.*`; with `true` at least one character follows, as in `text.+`.
    Prefix(String, bool),
    /// `.*text`; with `true` at least one character is before it.
    Suffix(String, bool),
    /// `.*text.*`
    Contains(String),
    /// Only the engine knows.
    Other,
}

/// So many texts are listed at most.
const MAX_LITERALS: usize = 4_096;

/// One part of an expression.
enum Part {
    Text(String),
    /// `.*`
    Any,
    /// `.+`
    Some,
}

impl Shape {
    pub(super) fn of(hir: &Hir) -> Self {
        let parts = without_anchors(hir);
        if let Some(mut literals) = product(parts.iter().copied()) {
            literals.sort_unstable();
            literals.dedup();
            return Self::Literals(literals);
        }
        let Some(parts) = parts.into_iter().map(part).collect::<Option<Vec<_>>>() else {
            return Self::Other;
        };
        match parts.as_slice() {
            [Part::Any] => Self::Anything,
            [Part::Some] => Self::NotEmpty,
            [Part::Text(text), Part::Any] => Self::Prefix(text.clone(), false),
            [Part::Text(text), Part::Some] => Self::Prefix(text.clone(), true),
            [Part::Any, Part::Text(text)] => Self::Suffix(text.clone(), false),
            [Part::Some, Part::Text(text)] => Self::Suffix(text.clone(), true),
            [Part::Any, Part::Text(text), Part::Any] => Self::Contains(text.clone()),
            _ => Self::Other,
        }
    }

    /// Whether a text matches, where the shape says it.
    pub(super) fn is_match(&self, text: &str) -> Option<bool> {
        Some(match self {
            Self::Literals(literals) => literals
                .binary_search_by(|literal| literal.as_str().cmp(text))
                .is_ok(),
            Self::Anything => true,
            Self::NotEmpty => !text.is_empty(),
            Self::Prefix(prefix, more) => {
                text.starts_with(prefix) && text.len() >= prefix.len() + usize::from(*more)
            }
            Self::Suffix(suffix, more) => {
                text.ends_with(suffix) && text.len() >= suffix.len() + usize::from(*more)
            }
            Self::Contains(part) => text.contains(part),
            Self::Other => return None,
        })
    }
}

/// What every match starts with.
pub(super) fn prefix(hir: &Hir) -> String {
    let parts = without_anchors(hir);
    if let Some(literals) = product(parts.iter().copied()) {
        return common_prefix(&literals);
    }
    let mut prefix = String::new();
    for part in parts {
        match literals(part) {
            Some(texts) if texts.len() == 1 => prefix.extend(texts),
            Some(texts) => {
                prefix.push_str(&common_prefix(&texts));
                break;
            }
            None => break,
        }
    }
    prefix
}

fn common_prefix(texts: &[String]) -> String {
    let Some((first, rest)) = texts.split_first() else {
        return String::new();
    };
    let shared = rest.iter().fold(first.chars().count(), |shared, text| {
        let same = first.chars().zip(text.chars()).take(shared);
        same.take_while(|(a, b)| a == b).count()
    });
    first.chars().take(shared).collect()
}

/// The parts of an expression in their order, without an anchor at either end, which says nothing
/// where the whole text has to match.
fn without_anchors(hir: &Hir) -> Vec<&Hir> {
    let mut parts = Vec::new();
    flatten(hir, &mut parts);
    let anchor =
        |part: Option<&&Hir>, look| part.is_some_and(|it| *it.kind() == HirKind::Look(look));
    while anchor(parts.first(), Look::Start) {
        parts.remove(0);
    }
    while anchor(parts.last(), Look::End) {
        parts.pop();
    }
    parts
}

fn flatten<'h>(hir: &'h Hir, parts: &mut Vec<&'h Hir>) {
    match hir.kind() {
        HirKind::Concat(subs) => subs.iter().for_each(|sub| flatten(sub, parts)),
        HirKind::Capture(capture) => flatten(&capture.sub, parts),
        _ => parts.push(hir),
    }
}

fn part(hir: &Hir) -> Option<Part> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(Part::Text(String::from_utf8(literal.0.to_vec()).ok()?)),
        HirKind::Repetition(Repetition {
            min,
            max: None,
            sub,
            ..
        }) if *min <= 1 && **sub == Hir::dot(Dot::AnyChar) => {
            Some(if *min == 0 { Part::Any } else { Part::Some })
        }
        _ => None,
    }
}

/// The texts that an expression matches, where they are few.
fn literals(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Empty => Some(vec![String::new()]),
        HirKind::Literal(literal) => Some(vec![String::from_utf8(literal.0.to_vec()).ok()?]),
        HirKind::Class(class) => characters(class),
        HirKind::Capture(capture) => literals(&capture.sub),
        HirKind::Concat(subs) => product(subs.iter()),
        HirKind::Alternation(subs) => {
            let mut all = Vec::new();
            for sub in subs {
                all.append(&mut literals(sub)?);
                if all.len() > MAX_LITERALS {
                    return None;
                }
            }
            Some(all)
        }
        HirKind::Repetition(Repetition {
            min: 0,
            max: Some(1),
            sub,
            ..
        }) => {
            let mut all = literals(sub)?;
            all.push(String::new());
            Some(all)
        }
        HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
}

/// The texts of one part after the other.
fn product<'h>(parts: impl Iterator<Item = &'h Hir>) -> Option<Vec<String>> {
    let mut all = vec![String::new()];
    for part in parts {
        let ends = literals(part)?;
        if all.len() * ends.len() > MAX_LITERALS {
            return None;
        }
        all = all
            .iter()
            .flat_map(|start| ends.iter().map(move |end| format!("{start}{end}")))
            .collect();
    }
    Some(all)
}

fn characters(class: &Class) -> Option<Vec<String>> {
    let Class::Unicode(class) = class else {
        return None;
    };
    let ranges = || {
        class
            .ranges()
            .iter()
            .map(|range| range.start()..=range.end())
    };
    let count: usize = ranges()
        .map(|range| range.take(MAX_LITERALS + 1).count())
        .sum();
    (count <= MAX_LITERALS).then(|| ranges().flatten().map(String::from).collect())
}
