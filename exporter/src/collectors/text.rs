//! Taking the kernel's tables apart without copying them.

use watchpost_model::text::Series;

/// The lines of a text that are not empty.
pub fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let line = rest.get(..end)?;
            rest = rest.get(end + 1..).unwrap_or_default();
            if !line.is_empty() {
                return Some(line);
            }
        }
        None
    })
}

/// The lines of a text that are ended: where a text is cut off, so may be its last number.
pub fn ended_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|c| *c == b'\n')
        .filter_map(|line| line.strip_suffix(b"\n"))
        .filter(|line| !line.is_empty())
}

/// The only line of a text, without white space around it; none where its end is missing: it may
/// be cut off, and with it its last number.
pub fn only_line(text: &[u8]) -> Option<&[u8]> {
    let line = text.strip_suffix(b"\n")?;
    (!line.contains(&b'\n')).then(|| line.trim_ascii())
}

/// The words of a line.
pub fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    let mut rest = line;
    std::iter::from_fn(move || {
        let start = rest.iter().position(|c| !is_blank(*c))?;
        rest = rest.get(start..)?;
        let end = rest.iter().position(|c| is_blank(*c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(word)
    })
}

/// Space, tab, and what else no word of the kernel has.
fn is_blank(c: u8) -> bool {
    c <= b' '
}

/// What the rows of a table are called on the page. Tables of the kernel have the same rows in the
/// same order at each read, so a name is made once and after that only compared.
#[derive(Debug)]
pub struct Names<T> {
    known: Vec<([Vec<u8>; 2], T)>,
    next: usize,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        let known = Vec::new();
        Self { known, next: 0 }
    }
}

impl<T> Names<T> {
    /// Goes back to the first row.
    pub fn rewind(&mut self) {
        self.next = 0;
    }

    /// What the next row is called, by `make` where it has another key than last time. A key has
    /// two parts, such as a protocol and what is counted of it.
    pub fn next(&mut self, key: [&[u8]; 2], make: impl FnOnce() -> T) -> Option<&T> {
        let at = self.next;
        self.next += 1;
        match self.known.get_mut(at) {
            Some((known, _)) if *known == key => {}
            Some(known) => *known = (key.map(<[u8]>::to_vec), make()),
            None => self.known.push((key.map(<[u8]>::to_vec), make())),
        }
        self.known.get(at).map(|(_, made)| made)
    }
}

impl<T> Names<T> {
    /// What the next row is called whose key is the line's first word, and what follows the word.
    /// None where nothing follows.
    pub fn next_line<'a>(
        &mut self,
        line: &'a [u8],
        make: impl FnOnce(&[u8]) -> T,
    ) -> Option<(&T, &'a [u8])> {
        let known = self.known.get(self.next);
        let value = known.and_then(|([_, key], _)| line.strip_prefix(&**key)?.strip_prefix(b" "));
        let Some(value) = value else {
            let (key, value) = split_at(line, b' ')?;
            return Some((self.next([b"", key], || make(key))?, value));
        };
        let at = self.next;
        self.next += 1;
        self.known.get(at).map(|(_, made)| (made, value))
    }
}

/// What stands before the first `mark` and what stands after it.
pub fn split_at(line: &[u8], mark: u8) -> Option<(&[u8], &[u8])> {
    let at = line.iter().position(|c| *c == mark)?;
    Some((line.get(..at)?, line.get(at + 1..)?))
}

/// Whether a word is an unsigned integer, so that it may go to the page as it is.
pub fn is_integer(word: &[u8]) -> bool {
    !word.is_empty() && word.len() <= 20 && word.iter().all(u8::is_ascii_digit)
}

/// Whether a word is an integer with or without a sign, so that it may go to the page as it is.
pub fn is_whole(word: &[u8]) -> bool {
    is_integer(word.strip_prefix(b"-").unwrap_or(word))
}

/// An unsigned integer.
pub fn integer(word: &[u8]) -> Option<u64> {
    if !is_integer(word) {
        return None;
    }
    word.iter().try_fold(0_u64, |sum, digit| {
        sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })
}

/// An unsigned integer in hexadecimal digits of either case.
pub fn hexadecimal(word: &[u8]) -> Option<u64> {
    if word.is_empty() || word.len() > 16 {
        return None;
    }
    word.iter().try_fold(0_u64, |sum, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some((sum << 4) | u64::from(digit))
    })
}

/// A number of any kind that Rust reads.
pub fn number(word: &[u8]) -> Option<f64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// The digits of a number, as the value of a label.
#[derive(Clone, Copy, Debug)]
pub struct Digits {
    text: [u8; 20],
    start: usize,
}

impl Digits {
    /// Writes a number.
    pub fn new(number: usize) -> Self {
        let mut text = [b'0'; 20];
        let mut start = text.len() - 1;
        let mut rest = number;
        put(&mut text, start, digit(rest));
        while rest >= 10 {
            rest /= 10;
            start -= 1;
            put(&mut text, start, digit(rest));
        }
        Self { text, start }
    }
}

impl AsRef<[u8]> for Digits {
    fn as_ref(&self) -> &[u8] {
        self.text.get(self.start..).unwrap_or_default()
    }
}

/// The last digit of a number.
fn digit(number: usize) -> u8 {
    b'0' + u8::try_from(number % 10).unwrap_or(0)
}

/// Ends a series with an integer.
pub fn put_integer(series: Series<'_>, value: u64) {
    put_fraction(series, value, 0);
}

/// Ends a series with an integer that may be below zero.
pub fn put_signed(series: Series<'_>, value: i64) {
    if value >= 0 {
        put_integer(series, value.unsigned_abs());
    } else {
        series.digits(value.to_string().as_bytes());
    }
}

/// Ends a series with an integer divided by ten to the power of `decimals`: clock ticks are
/// hundredths of seconds. Exact, where a float would write noise.
pub fn put_fraction(series: Series<'_>, value: u64, decimals: usize) {
    // The digits from the last to the first: at most 20, a point, and the zeros that fill up.
    let mut text = [b'0'; 48];
    let mut at = text.len();
    let mut rest = value;
    let mut written = 0;
    let mut significant = false;
    while rest > 0 || written <= decimals {
        let digit = u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        if written == decimals && significant && decimals > 0 {
            at -= 1;
            put(&mut text, at, b'.');
        }
        // Zeros at the end of a fraction say nothing.
        significant |= digit != 0;
        if significant || written >= decimals {
            at -= 1;
            put(&mut text, at, b'0' + digit);
        }
        written += 1;
    }
    series.digits(text.get(at..).unwrap_or_default());
}

fn put(text: &mut [u8], at: usize, c: u8) {
    if let Some(place) = text.get_mut(at) {
        *place = c;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchpost_model::MetricType;
    use watchpost_model::text::Page;

    #[test]
    fn lines_and_words_are_what_stands_between_the_marks() {
        let text = b"a  bc\td \n\n e\r\nf";
        let all: Vec<Vec<_>> = lines(text).map(|line| words(line).collect()).collect();
        assert_eq!(all, [vec![&b"a"[..], b"bc", b"d"], vec![b"e"], vec![b"f"]]);
        assert_eq!(lines(b"\n\n").count() + words(b" \t ").count(), 0);
    }

    #[test]
    fn a_name_is_made_anew_when_its_row_has_another_key() {
        let mut names = Names::default();
        let mut round = |keys: [&str; 2], with| {
            names.rewind();
            keys.map(|key| {
                names
                    .next([b"", key.as_bytes()], || format!("{key}{with}"))
                    .cloned()
                    .unwrap()
            })
        };
        assert_eq!(round(["a", "b"], 1), ["a1", "b1"]);
        assert_eq!(round(["a", "b"], 2), ["a1", "b1"]);
        assert_eq!(round(["c", "a"], 3), ["c3", "a3"]);
        assert_eq!(round(["c", "b"], 4), ["c3", "b4"]);
        names.rewind();
        for (line, made) in [("c 1", "c3"), ("bb 2", "bb!")] {
            let make = |key: &[u8]| format!("{}!", String::from_utf8_lossy(key));
            let (name, value) = names.next_line(line.as_bytes(), make).unwrap();
            assert_eq!(name, made);
            assert_eq!(value, line.rsplit(' ').next().unwrap().as_bytes());
        }
        assert!(names.next_line(b"c", |_| String::new()).is_none());
    }

    fn fraction(value: u64, decimals: usize) -> String {
        let mut page = Page::new();
        page.family("x", "X.", MetricType::Gauge);
        put_fraction(page.series(""), value, decimals);
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        text.rsplit(' ').next().unwrap().trim().to_owned()
    }

    #[test]
    fn fractions_are_exact() {
        for (value, decimals, text) in [
            (0, 0, "0"),
            (7, 0, "7"),
            (u64::MAX, 0, "18446744073709551615"),
            (0, 2, "0"),
            (1, 2, "0.01"),
            (10, 2, "0.1"),
            (100, 2, "1"),
            (1_205, 2, "12.05"),
            (123_000, 3, "123"),
            (1_000_001, 6, "1.000001"),
        ] {
            assert_eq!(fraction(value, decimals), text);
        }
    }

    #[test]
    fn the_digits_of_a_number_are_a_label() {
        for number in [0, 7, 10, 4_096, usize::MAX] {
            assert_eq!(Digits::new(number).as_ref(), number.to_string().as_bytes());
        }
    }

    #[test]
    fn a_line_that_is_cut_off_is_not_among_those_that_are_ended() {
        let ended = |text: &'static str| ended_lines(text.as_bytes()).collect::<Vec<_>>();
        assert_eq!(ended("a 1\n\nb 2\n"), [b"a 1", b"b 2"]);
        assert_eq!(ended("a 1\nb 2"), [b"a 1"]);
        assert!(ended("").is_empty());
    }

    #[test]
    fn integers_are_checked() {
        assert_eq!(integer(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(integer(b"18446744073709551616"), None);
        assert_eq!(integer(b""), None);
        assert_eq!(integer(b"-1"), None);
        assert!(!is_integer(b"1 "));
        assert!(is_whole(b"0") && is_whole(b"-1"));
        for word in ["", "-", "--1", "+1", "1.0", "0x1"] {
            assert!(!is_whole(word.as_bytes()), "{word}");
        }
    }

    #[test]
    fn hexadecimal_digits_are_an_integer() {
        assert_eq!(hexadecimal(b"51D8c8883ab3"), Some(89_991_519_156_915));
        assert_eq!(hexadecimal(b"ffffffffffffffff"), Some(u64::MAX));
        for bad in ["", "0x1", "g", "10000000000000000"] {
            assert_eq!(hexadecimal(bad.as_bytes()), None, "{bad}");
        }
    }
}
