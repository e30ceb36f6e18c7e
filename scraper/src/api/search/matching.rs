//! Which names look like a term, and how much: a score from 0 to 1.
//!
//! Two ways. *Subsequence*: the characters of the term stand in the name in their order; runs of them
//! count by their square, what lies between them is taken off. *Jaro-Winkler*: the term is a part of
//! the name, or (where a threshold is given) their similarity by Jaro, with Winkler's reward for a
//! common beginning, reaches it. The scores are Prometheus's (`util/strutil`, `web/api/v1`), so that
//! its clients' thresholds mean the same.

/// How names are compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) algorithm: Algorithm,
    /// The least score that counts.
    pub(super) threshold: f64,
    pub(super) case_sensitive: bool,
}

/// What a score is computed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Subsequence,
    JaroWinkler,
}

/// Terms of which one has to match.
#[derive(Debug)]
pub(super) struct Search {
    terms: Vec<Vec<char>>,
    way: Way,
}

impl Search {
    pub(super) fn new(terms: &[String], way: Way) -> Self {
        let terms = terms.iter().map(|term| way.letters(term)).collect();
        Self { terms, way }
    }

    /// The best score of a name; nothing where it matches no term.
    pub(super) fn score(&self, name: &str) -> Option<f64> {
        if self.terms.is_empty() {
            return Some(1.0);
        }
        let name = self.way.letters(name);
        let scores = self.terms.iter();
        let scores = scores.filter_map(|term| self.way.score(term, &name));
        scores.max_by(f64::total_cmp)
    }
}

impl Way {
    fn letters(&self, text: &str) -> Vec<char> {
        if self.case_sensitive {
            text.chars().collect()
        } else {
            text.chars().flat_map(char::to_lowercase).collect()
        }
    }

    fn score(&self, term: &[char], name: &[char]) -> Option<f64> {
        if name.starts_with(term) {
            return Some(1.0);
        }
        let score = match self.algorithm {
            Algorithm::Subsequence => subsequence(term, name),
            Algorithm::JaroWinkler => {
                if name.windows(term.len()).any(|part| part == term) {
                    return Some(0.9);
                }
                if self.threshold <= 0.0 {
                    return None;
                }
                jaro_winkler(term, name)
            }
        };
        (score > 0.0 && score >= self.threshold).then_some(score)
    }
}

/// The best score over all places where the term may begin; 0 where its characters do not stand in
/// the name in their order. The term is not empty.
fn subsequence(term: &[char], name: &[char]) -> f64 {
    let mut best = 0.0_f64;
    for start in 0..name.len() {
        if name.get(start) != term.first() {
            continue;
        }
        match subsequence_from(term, name, start) {
            Some(score) => best = best.max(score),
            // What is not found from here is not found from further on.
            None => break,
        }
    }
    best / (term.len() * term.len()) as f64
}

/// Takes each character where it comes first. Runs count by the square of their length; a character
/// that is left out takes off its part of the name, after the last run half of that.
fn subsequence_from(term: &[char], name: &[char], start: usize) -> Option<f64> {
    let part = 1.0 / name.len() as f64;
    let mut score = 0.0;
    let (mut run, mut skipped) = (0_usize, start);
    let mut left = term.iter().peekable();
    let mut rest = name.get(start..)?.iter();
    while left.peek().is_some() {
        let letter = rest.next()?;
        if left.next_if_eq(&letter).is_some() {
            if run == 0 {
                score -= skipped as f64 * part;
                skipped = 0;
            }
            run += 1;
        } else {
            score += (run * run) as f64;
            run = 0;
            skipped += 1;
        }
    }
    score += (run * run) as f64;
    Some(score - rest.len() as f64 * part * 0.5)
}

fn jaro_winkler(a: &[char], b: &[char]) -> f64 {
    /// What a common first character adds, of what is missing to 1, and how many count.
    const REWARD: f64 = 0.1;
    const REWARDED: usize = 4;
    let (short, long) = if a.len() > b.len() { (b, a) } else { (a, b) };
    let jaro = jaro(short, long);
    let pairs = short.iter().zip(long).take(REWARDED);
    let common = pairs.take_while(|(a, b)| a == b).count();
    if jaro > 0.0 {
        jaro + common as f64 * REWARD * (1.0 - jaro)
    } else {
        0.0
    }
}

/// The part of the characters that stand in both within half the longer length of each other, less
/// half of those that stand in another order.
fn jaro(short: &[char], long: &[char]) -> f64 {
    let reach = (long.len() / 2).saturating_sub(1);
    let mut taken = vec![false; long.len()];
    let mut found = Vec::new();
    for (at, letter) in short.iter().enumerate() {
        let near = at.saturating_sub(reach)..(at + reach + 1).min(long.len());
        for place in near {
            if let (Some(slot @ false), Some(other)) = (taken.get_mut(place), long.get(place))
                && other == letter
            {
                *slot = true;
                found.push(letter);
                break;
            }
        }
    }
    if found.is_empty() {
        return 0.0;
    }
    let others = long.iter().zip(&taken).filter(|(_, taken)| **taken);
    let swapped = found.iter().zip(others);
    let swapped = swapped.filter(|(a, (b, _))| **a != *b).count();
    let matches = found.len() as f64;
    let parts = matches / short.len() as f64
        + matches / long.len() as f64
        + (matches - swapped as f64 / 2.0) / matches;
    parts / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(algorithm: Algorithm, threshold: f64, term: &str, name: &str) -> Option<f64> {
        let way = Way {
            algorithm,
            threshold,
            case_sensitive: false,
        };
        let found = Search::new(&[term.to_owned()], way).score(name);
        found.map(|score| (score * 10_000.0).round() / 10_000.0)
    }

    #[test]
    fn characters_in_their_order_are_found_and_runs_count_more() {
        let subsequence = |term, name| score(Algorithm::Subsequence, 0.0, term, name);
        assert_eq!(subsequence("http", "http_requests_total"), Some(1.0));
        assert_eq!(subsequence("HTTP", "http"), Some(1.0));
        assert_eq!(subsequence("xyz", "abc"), None);
        assert_eq!(subsequence("ba", "ab"), None);
        assert_eq!(subsequence("", "anything"), Some(1.0));
        // "b", one left out, "c", one after: (1 - 1/4 + 1 - 1/4 - ...) / 4.
        assert_eq!(
            subsequence("bd", "abcd"),
            Some((1.0 - 0.25 + 1.0 - 0.25) / 4.0)
        );
        // A run of two after one that is left out, and one after it.
        assert_eq!(subsequence("bc", "abcd"), Some(0.9063));
        // The second place to begin is the better one.
        assert_eq!(subsequence("ab", "a_ab"), Some((4.0 - 0.5) / 4.0));
    }

    #[test]
    fn similar_names_are_found_by_jaro_and_winkler() {
        let similar = |term, name| score(Algorithm::JaroWinkler, 0.5, term, name);
        assert_eq!(similar("martha", "marhta"), Some(0.9611));
        assert_eq!(similar("dwayne", "duane"), Some(0.84));
        assert_eq!(similar("dixon", "dicksonx"), Some(0.8133));
        assert_eq!(similar("requests", "http_requests_total"), Some(0.9));
        assert_eq!(similar("abc", "xyz"), None);
        assert_eq!(score(Algorithm::JaroWinkler, 0.0, "martha", "marhta"), None);
    }
}
