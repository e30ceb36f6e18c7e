//! The tables that ZFS keeps its statistics in:
//!
//! ```text
//! 5 1 0x01 63 17136 73163812943503 309964267073187
//! name                            type data
//! hits                            4    8772612
//! memory_available_bytes          3    -922337203685477580
//! ```
//!
//! and, for what a pool reads and writes, a line of names above one of numbers.

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::super::text;

const SIGNED: &[u8] = b"3";
pub(super) const UNSIGNED: &[u8] = b"4";

/// A line of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row<'a> {
    pub(super) name: &'a [u8],
    pub(super) kind: &'a [u8],
    /// The rest of the line: a name may have blanks.
    pub(super) value: &'a [u8],
}

impl Row<'_> {
    /// Whether it is of a kind that is exported.
    pub(super) fn is_number(&self) -> bool {
        [SIGNED, UNSIGNED].contains(&self.kind)
    }

    /// Whether its value is what its kind says.
    pub(super) fn is_whole(&self) -> bool {
        match self.value.strip_prefix(b"-") {
            Some(digits) => self.kind == SIGNED && text::integer(digits).is_some(),
            None => text::integer(self.value).is_some(),
        }
    }
}

/// Those of a table's lines that are below its heading; none where it has no heading.
pub(super) fn rows<'a>(
    mut lines: impl Iterator<Item = &'a [u8]>,
) -> Option<impl Iterator<Item = Row<'a>>> {
    lines.find(|line| text::words(line).eq([&b"name"[..], b"type", b"data"]))?;
    Some(lines.filter_map(row))
}

fn row(line: &[u8]) -> Option<Row<'_>> {
    let (name, rest) = word(line)?;
    let (kind, rest) = word(rest)?;
    let value = rest.trim_ascii();
    (!value.is_empty()).then_some(Row { name, kind, value })
}

/// The first word of a line and what follows it.
fn word(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.trim_ascii_start();
    let end = line.iter().position(u8::is_ascii_whitespace)?;
    line.split_at_checked(end)
}

/// The name of the dataset that a table is of.
pub(super) fn dataset<'a>(mut rows: impl Iterator<Item = Row<'a>>) -> Option<&'a [u8]> {
    let row = rows.find(|row| row.name == b"dataset_name")?;
    Some(row.value)
}

/// The names of a line that begins with `nread`, each with the number below it.
pub(super) fn columns(text: &[u8]) -> Option<impl Iterator<Item = (&[u8], &[u8])>> {
    let mut lines = text::ended_lines(text).skip_while(|line| !line.starts_with(b"nread"));
    let (names, values) = (lines.next()?, lines.next()?);
    let is_good = text::words(names).count() == text::words(values).count()
        && text::words(values).all(|value| text::integer(value).is_some());
    is_good.then(|| text::words(names).zip(text::words(values)))
}

/// The name and the help text of a family, made in memory that is reused.
#[derive(Debug, Default)]
pub(super) struct Family {
    name: String,
    help: String,
}

impl Family {
    /// Starts the family of a statistic; false where the statistic's name cannot be a family's.
    pub(super) fn begin(
        &mut self,
        prefix: &str,
        file: &str,
        statistic: &[u8],
        page: &mut Page,
    ) -> bool {
        let is_fit = |c: &u8| c.is_ascii_alphanumeric() || *c == b'_' || *c == b'-';
        let Some(statistic) = std::str::from_utf8(statistic).ok() else {
            return false;
        };
        if !statistic.bytes().all(|c| is_fit(&c)) {
            return false;
        }
        self.help.clear();
        self.help.push_str("kstat.zfs.misc.");
        self.help.push_str(file);
        self.help.push('.');
        self.help.push_str(statistic);
        self.name.clear();
        self.name.push_str(prefix);
        let fit = statistic.chars().map(|c| if c == '-' { '_' } else { c });
        self.name.extend(fit);
        page.family(&self.name, &self.help, MetricType::Unknown);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"5 1 0x01 63 17136 1 2\nname                            type data\n\
        hits                            4    8772612\nfree                            3    -12\n\
        dataset_name                    7    pool/a  b\nlast                            4    1\n";

    fn values(text: &[u8]) -> Vec<Row<'_>> {
        let rows = rows(text::ended_lines(text));
        rows.into_iter().flatten().collect()
    }

    #[test]
    fn a_table_has_names_kinds_and_values() {
        let found = values(TABLE);
        let whole: Vec<_> = found
            .iter()
            .filter(|row| row.is_number() && row.is_whole())
            .map(|row| (row.name, row.value))
            .collect();
        let expected: [(&[u8], &[u8]); 3] =
            [(b"hits", b"8772612"), (b"free", b"-12"), (b"last", b"1")];
        assert_eq!(whole, expected);
        assert_eq!(dataset(found.into_iter()), Some(&b"pool/a  b"[..]));
        assert!(rows(text::lines(b"5 1 0x01\n")).is_none());
    }

    #[test]
    fn a_value_is_what_its_kind_says() {
        for (line, is_whole) in [
            ("a 4 1", true),
            ("a 4 -1", false),
            ("a 3 -1", true),
            ("a 3 --1", false),
            ("a 4 1 2", false),
            ("a 4 99999999999999999999", false),
        ] {
            let row = row(line.as_bytes()).unwrap();
            assert_eq!(row.is_whole(), is_whole, "{line}");
        }
    }

    #[test]
    fn each_name_has_the_number_below_it() {
        let found: Vec<_> = columns(b"12 3 0x00\nnread nwritten\n1   22\n")
            .unwrap()
            .collect();
        let expected: [(&[u8], &[u8]); 2] = [(b"nread", b"1"), (b"nwritten", b"22")];
        assert_eq!(found, expected);
        for text in [
            "",
            "nread a\n",
            "nread a\n1\n",
            "nread a\n1 x\n",
            "nread a\n1 2",
        ] {
            assert!(columns(text.as_bytes()).is_none(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_cut_text_gives_the_first_rows(end in 0..TABLE.len()) {
            proptest::prop_assert!(values(TABLE).starts_with(&values(&TABLE[..end])));
        }

        #[test]
        fn any_bytes_do_not_panic(text: Vec<u8>) {
            for row in values(&text) {
                row.is_whole();
            }
            if let Some(columns) = columns(&text) {
                columns.for_each(drop);
            }
        }
    }
}
