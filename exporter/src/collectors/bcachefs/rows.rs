//! The files of bcachefs that have several numbers. A line without an end was cut and is left out.

use super::super::text;

/// The lines of a table below its headings: a name, which may have a colon behind it, and the rest.
pub(super) fn of_table(text: &[u8], headings: usize) -> impl Iterator<Item = (&[u8], &[u8])> {
    text::ended_lines(text).skip(headings).filter_map(|line| {
        let line = line.trim_ascii_start();
        let end = line.iter().position(u8::is_ascii_whitespace)?;
        let (name, rest) = line.split_at_checked(end)?;
        Some((name.strip_suffix(b":").unwrap_or(name), rest))
    })
}

/// What a counter counted: `since filesystem creation:     26587339`.
pub(super) fn since_creation(text: &[u8]) -> Option<&[u8]> {
    let number = |line: &'_ [u8]| line.strip_prefix(b"since filesystem creation:").is_some();
    let line = text::ended_lines(text).find(|line| number(line))?;
    Some(text::split_at(line, b':')?.1.trim_ascii())
}

/// A number of `io_done`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Done<'a> {
    pub(super) operation: &'static str,
    pub(super) name: &'a [u8],
    pub(super) number: &'a [u8],
}

/// Below `read:` and below `write:`, lines such as `btree       :     5242880`.
pub(super) fn of_io_done(text: &[u8]) -> impl Iterator<Item = Done<'_>> {
    let mut operation = None;
    text::ended_lines(text).filter_map(move |line| {
        let (name, number) = named(line)?;
        match (name, number) {
            (b"read", b"") => operation = Some("read"),
            (b"write", b"") => operation = Some("write"),
            _ => {
                return operation.map(|operation| Done {
                    operation,
                    name,
                    number,
                });
            }
        }
        None
    })
}

/// The lines such as `  read:    197416` of the first of the two parts of `io_errors`, that which
/// begins with the file system's creation.
pub(super) fn of_io_errors(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    const START: &[u8] = b"IO errors since ";
    text::ended_lines(text)
        .skip_while(|line| !line.starts_with(b"IO errors since filesystem creation"))
        .skip(1)
        .take_while(|line| !line.starts_with(START))
        .filter_map(named)
}

fn named(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, number) = text::split_at(line, b':')?;
    Some((name.trim_ascii(), number.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"type  compressed\nlz4    48.9G  71.2G\ninitial: 12 100k\n";
    const DONE: &[u8] = b"read:\nsb          :   86\nuser        :102\nwrite:\nsb  : 7\n";
    const ERRORS: &[u8] = b"IO errors since filesystem creation\n  read:    19\n  write:   2\n\
        IO errors since 8 y ago\n  read:    3\n";

    type Found = Vec<(String, String)>;

    fn found<'a>(rows: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Found {
        let lossy = |text| String::from_utf8_lossy(text).trim().to_owned();
        rows.map(|(name, rest)| (lossy(name), lossy(rest)))
            .collect()
    }

    fn all(text: &[u8]) -> [Found; 3] {
        [
            found(of_table(text, 1)),
            found(of_io_done(text).map(|row| (row.name, row.number))),
            found(of_io_errors(text)),
        ]
    }

    fn pairs(pairs: &[(&str, &str)]) -> Found {
        let owned = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn names_stand_before_numbers() {
        let expected = pairs(&[("lz4", "48.9G  71.2G"), ("initial", "12 100k")]);
        assert_eq!(found(of_table(TABLE, 1)), expected);
        assert_eq!(all(ERRORS)[2], pairs(&[("read", "19"), ("write", "2")]));
        let counter = b"since mount:        0\nsince filesystem creation:     2.05G\n";
        assert_eq!(since_creation(counter), Some(&b"2.05G"[..]));
        assert_eq!(since_creation(b"since filesystem creation:   2"), None);
        assert_eq!(since_creation(b"since mount: 1\n"), None);
    }

    #[test]
    fn what_was_read_is_told_from_what_was_written() {
        let done: Vec<_> = of_io_done(DONE)
            .map(|row| (row.operation, row.name, row.number))
            .collect();
        let expected: [(&str, &[u8], &[u8]); 3] = [
            ("read", b"sb", b"86"),
            ("read", b"user", b"102"),
            ("write", b"sb", b"7"),
        ];
        assert_eq!(done, expected);
    }

    proptest::proptest! {
        #[test]
        fn a_cut_text_gives_the_first_rows(which in 0..3_usize, cut in 0..100_usize) {
            let text = [TABLE, DONE, ERRORS][which];
            let some = all(&text[..cut.min(text.len())]);
            for (some, all) in some.iter().zip(&all(text)) {
                proptest::prop_assert!(all.starts_with(some), "{:?}", some);
            }
        }

        #[test]
        fn any_bytes_do_not_panic(text: Vec<u8>) {
            all(&text);
            since_creation(&text);
        }
    }
}
