//! Puts pages together in the order of their families' names.

use std::collections::HashSet;

use bytes::Bytes;
use watchpost_model::text::{Entry, Format, Page, Parser};
use watchpost_model::{Labels, LabelsBuilder};

/// A page put together.
#[derive(Debug)]
pub(super) struct Merged {
    pub(super) page: Bytes,
    /// The foreign families that are not on it, or not with all their series.
    pub(super) refused: Vec<String>,
}

/// Name, whether it is foreign, and text.
type Family<'a> = (&'a [u8], bool, &'a [u8]);

/// The order of the families on the page. Two pages seldom differ in their families, so it mostly
/// holds for the next one, which is cheaper to see than to find.
#[derive(Debug, Default)]
pub(super) struct Order(Vec<usize>);

impl Order {
    fn update(&mut self, families: &[Family<'_>]) {
        let key = |at: &usize| families.get(*at).map(|family| (family.0, family.1, *at));
        if self.0.len() != families.len() || !self.0.is_sorted_by_key(key) {
            self.0.clear();
            self.0.extend(0..families.len());
            self.0.sort_unstable_by_key(key);
        }
    }
}

/// All families of some pages and of a text in the order of their names. A family that is there
/// several times keeps the first one's help and type.
///
/// `foreign` pages come last, and nobody here knows what is on them: of a family that is there
/// already they add the series that are not, if their help and type are the same.
pub(super) fn merge<'a>(
    pages: impl Iterator<Item = &'a mut Page>,
    text: &'a [u8],
    foreign: impl Iterator<Item = &'a mut Page>,
    order: &mut Order,
) -> Merged {
    let ours = pages.flat_map(Page::families).chain(families_of(text));
    let ours = ours.map(|(name, text)| (name, false, text));
    let foreign = foreign.flat_map(Page::families);
    let families: Vec<Family<'_>> = ours
        .chain(foreign.map(|(name, text)| (name, true, text)))
        .collect();
    order.update(&families);
    let size = families.iter().map(|(_, _, text)| text.len()).sum();
    let mut page = Vec::with_capacity(size);
    let mut refused = Vec::new();
    let mut before: &[u8] = b"";
    let mut start = 0;
    for (name, is_foreign, text) in order.0.iter().filter_map(|at| families.get(*at).copied()) {
        if name != before {
            start = page.len();
            page.extend_from_slice(text);
        } else if is_foreign {
            if !add_new_series(&mut page, start, text) {
                refused.push(String::from_utf8_lossy(name).into_owned());
            }
        } else {
            lines(text)
                .filter(|line| !line.starts_with(b"#"))
                .for_each(|line| page.extend_from_slice(line));
        }
        before = name;
    }
    let page = page.into();
    Merged { page, refused }
}

/// Adds a family's series to the family that begins at `start`, and tells whether all of them are
/// new there and it is the same family by its help and type.
fn add_new_series(page: &mut Vec<u8>, start: usize, text: &[u8]) -> bool {
    let have = page.get(start..).unwrap_or_default();
    let head = |text: &[u8]| {
        lines(text)
            .take_while(|line| line.starts_with(b"#"))
            .map(<[u8]>::len)
            .sum::<usize>()
    };
    if have.get(..head(have)) != text.get(..head(text)) {
        return false;
    }
    let seen: HashSet<Labels> = lines(have).filter_map(series).collect();
    let mut all = true;
    for line in lines(text) {
        match series(line) {
            Some(labels) if seen.contains(&labels) => all = false,
            Some(_) => page.extend_from_slice(line),
            None => {}
        }
    }
    all
}

/// The series of a line; nothing where it is no sample.
fn series(line: &[u8]) -> Option<Labels> {
    let Entry::Sample(sample) = Parser::new(Format::Text, line).next()?.ok()? else {
        return None;
    };
    let mut labels = LabelsBuilder::default();
    sample.labels_into(&mut labels).ok()?;
    Some(labels.build())
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|c| *c == b'\n')
}

/// The families of a text in which each begins with its help.
fn families_of(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    const HELP: &[u8] = b"# HELP ";
    let mut rest = text;
    std::iter::from_fn(move || {
        let name = rest.strip_prefix(HELP)?;
        let name = name.split(|c| *c == b' ' || *c == b'\n').next()?;
        let mut end = 0;
        for line in rest.split_inclusive(|c| *c == b'\n') {
            if end > 0 && line.starts_with(HELP) {
                break;
            }
            end += line.len();
        }
        let (family, after) = rest.split_at_checked(end)?;
        rest = after;
        Some((name, family))
    })
}

#[cfg(test)]
mod tests {
    use watchpost_model::MetricType::{self, Counter, Gauge};

    use super::*;

    fn page(help: &str, metric_type: MetricType, series: &[(&str, f64)]) -> Page {
        let mut page = Page::new();
        page.family("x", help, metric_type);
        for (device, value) in series {
            page.sample(&[("device", device)], *value);
        }
        page
    }

    /// The page of ours and of a foreign one, and what was refused.
    fn merged(ours: &mut Page, foreign: &mut Page) -> (String, Vec<String>) {
        let merged = merge(
            [ours].into_iter(),
            b"",
            [foreign].into_iter(),
            &mut Order::default(),
        );
        (
            String::from_utf8(merged.page.to_vec()).unwrap(),
            merged.refused,
        )
    }

    #[test]
    fn a_foreign_series_never_doubles_one_of_ours() {
        let mut ours = page("Help.", Gauge, &[("a", 1.0), ("b", 2.0)]);
        let mut foreign = page("Help.", Gauge, &[("b", 3.0), ("c", 4.0)]);
        let (page, refused) = merged(&mut ours, &mut foreign);
        assert_eq!(
            page,
            "# HELP x Help.\n# TYPE x gauge\nx{device=\"a\"} 1\nx{device=\"b\"} 2\nx{device=\"c\"} 4\n"
        );
        assert_eq!(refused, ["x"]);
    }

    #[test]
    fn a_foreign_family_joins_ours_only_with_the_same_help_and_type() {
        for (help, metric_type, joins) in [
            ("Help.", Gauge, true),
            ("Help.", Counter, false),
            ("Other.", Gauge, false),
        ] {
            let mut ours = page("Help.", Gauge, &[("a", 1.0)]);
            let mut foreign = page(help, metric_type, &[("b", 2.0)]);
            let (page, refused) = merged(&mut ours, &mut foreign);
            assert_eq!(page.contains("x{device=\"b\"} 2\n"), joins, "{page}");
            assert_eq!(refused.is_empty(), joins);
        }
    }
}
