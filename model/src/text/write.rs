//! Writes text format 0.0.4: families of series, each with its help and type.

use crate::MetricType;

use super::write_number;

/// A page, or a part of one that is merged with others.
#[derive(Clone, Debug, Default)]
pub struct Page {
    text: Vec<u8>,
    families: Vec<Family>,
}

/// Where a family stands in the text.
#[derive(Clone, Debug)]
struct Family {
    start: usize,
    name_start: usize,
    name_end: usize,
    /// Whether a sample was written; a family without one is left out of the page.
    has_samples: bool,
}

impl Page {
    /// An empty page.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the text and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.families.clear();
    }

    /// Starts a family: the samples that follow belong to it. A family that gets no sample does
    /// not appear on the page.
    pub fn family(&mut self, name: &str, help: &str, metric_type: MetricType) {
        self.drop_empty_family();
        let start = self.text.len();
        self.put(b"# HELP ");
        let name_start = self.text.len();
        self.put(name.as_bytes());
        let name_end = self.text.len();
        self.put(b" ");
        escape(&mut self.text, help.as_bytes(), false);
        self.put(b"\n# TYPE ");
        self.put(name.as_bytes());
        self.put(type_words(metric_type));
        self.families.push(Family {
            start,
            name_start,
            name_end,
            has_samples: false,
        });
    }

    /// Adds a series of the current family under the family's own name.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        let mut series = self.series("");
        for (name, value) in labels {
            series.label(name, value);
        }
        series.value(value);
    }

    /// Starts a series of the current family, with a suffix to its name such as `_bucket`.
    pub fn series(&mut self, suffix: &str) -> Series<'_> {
        let start = self.text.len();
        if let Some(family) = self.families.last() {
            let name = family.name_start..family.name_end;
            self.text.extend_from_within(name);
        }
        self.put(suffix.as_bytes());
        Series {
            page: self,
            start,
            open: false,
            ended: false,
        }
    }

    /// Adds all families of another page.
    pub fn append(&mut self, other: &mut Page) {
        self.drop_empty_family();
        other.drop_empty_family();
        let offset = self.text.len();
        self.put(&other.text);
        self.families
            .extend(other.families.iter().map(|family| Family {
                start: family.start + offset,
                name_start: family.name_start + offset,
                name_end: family.name_end + offset,
                has_samples: family.has_samples,
            }));
    }

    /// The page's text.
    pub fn finish(&mut self) -> &[u8] {
        self.drop_empty_family();
        &self.text
    }

    /// The families: name and text, in the order they were written.
    pub fn families(&mut self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.drop_empty_family();
        let ends = self
            .families
            .iter()
            .skip(1)
            .map(|next| next.start)
            .chain([self.text.len()]);
        self.families.iter().zip(ends).filter_map(|(family, end)| {
            let name = self.text.get(family.name_start..family.name_end)?;
            Some((name, self.text.get(family.start..end)?))
        })
    }

    fn drop_empty_family(&mut self) {
        if let Some(family) = self.families.pop_if(|family| !family.has_samples) {
            self.text.truncate(family.start);
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.text.extend_from_slice(bytes);
    }
}

/// A series that is being written. It ends with its value; one that is dropped before that, as
/// when its value turns out to be none, leaves nothing on the page.
#[derive(Debug)]
#[must_use = "a series ends with its value"]
pub struct Series<'a> {
    page: &'a mut Page,
    start: usize,
    /// Whether it has labels.
    open: bool,
    ended: bool,
}

impl Series<'_> {
    /// Adds a label. The value may be any bytes; what is not UTF-8 is replaced.
    pub fn label(&mut self, name: &str, value: impl AsRef<[u8]>) -> &mut Self {
        self.page.put(if self.open { b"," } else { b"{" });
        self.open = true;
        self.page.put(name.as_bytes());
        self.page.put(b"=\"");
        let value = value.as_ref();
        if value.is_ascii() || std::str::from_utf8(value).is_ok() {
            escape(&mut self.page.text, value, true);
        } else {
            let value = String::from_utf8_lossy(value);
            escape(&mut self.page.text, value.as_bytes(), true);
        }
        self.page.put(b"\"");
        self
    }

    /// Ends the series with a value.
    pub fn value(mut self, value: f64) {
        self.close_labels();
        write_number(&mut self.page.text, value);
        self.end();
    }

    /// Ends the series with a number that is already text, such as one the kernel wrote. The
    /// caller has checked that it is one.
    pub fn digits(mut self, digits: &[u8]) {
        self.close_labels();
        self.page.put(digits);
        self.end();
    }

    fn end(&mut self) {
        self.page.put(b"\n");
        self.ended = true;
        if let Some(family) = self.page.families.last_mut() {
            family.has_samples = true;
        }
    }

    fn close_labels(&mut self) {
        self.page.put(if self.open { b"} " } else { b" " });
    }
}

impl Drop for Series<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.page.text.truncate(self.start);
        }
    }
}

/// What follows the name in a line of the type.
fn type_words(metric_type: MetricType) -> &'static [u8] {
    match type_name(metric_type) {
        "counter" => b" counter\n",
        "gauge" => b" gauge\n",
        "histogram" => b" histogram\n",
        "summary" => b" summary\n",
        _ => b" untyped\n",
    }
}

/// Text format 0.0.4 knows five types; the others are `untyped` there.
pub(super) fn type_name(metric_type: MetricType) -> &'static str {
    match metric_type {
        MetricType::Counter => "counter",
        MetricType::Gauge | MetricType::Info | MetricType::StateSet => "gauge",
        MetricType::Histogram => "histogram",
        MetricType::Summary => "summary",
        MetricType::GaugeHistogram | MetricType::Unknown => "untyped",
    }
}

/// Copies what stands between the bytes that are written in two.
pub(super) fn escape(out: &mut Vec<u8>, text: &[u8], quotes: bool) {
    let mut rest = text;
    loop {
        let special = if quotes {
            memchr::memchr3(b'\\', b'\n', b'"', rest)
        } else {
            memchr::memchr2(b'\\', b'\n', rest)
        };
        let Some((plain, from)) = special.and_then(|at| rest.split_at_checked(at)) else {
            out.extend_from_slice(rest);
            return;
        };
        out.extend_from_slice(plain);
        let Some((special, after)) = from.split_first() else {
            return;
        };
        out.extend_from_slice(match special {
            b'\n' => b"\\n",
            b'"' => b"\\\"",
            _ => b"\\\\",
        });
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_help_type_and_series_of_each_family() {
        let mut page = Page::new();
        page.family("empty", "Not on the page.", MetricType::Gauge);
        page.family("a_total", "Help with \\ and\nnewline.", MetricType::Counter);
        page.sample(&[("device", "a\"b\\c\n")], 1.0);
        page.sample(&[], 2e9);
        page.family("h", "H.", MetricType::Histogram);
        let mut series = page.series("_bucket");
        series.label("le", "+Inf").label("x", b"\xff");
        series.digits(b"12");
        page.family("also_empty", "Not on the page.", MetricType::Gauge);
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        assert_eq!(
            text,
            "# HELP a_total Help with \\\\ and\\nnewline.\n# TYPE a_total counter\n\
             a_total{device=\"a\\\"b\\\\c\\n\"} 1\na_total 2e+09\n\
             # HELP h H.\n# TYPE h histogram\nh_bucket{le=\"+Inf\",x=\"\u{fffd}\"} 12\n"
        );
        let names: Vec<_> = page.families().map(|(name, _)| name.to_vec()).collect();
        assert_eq!(names, [b"a_total".to_vec(), b"h".to_vec()]);
    }

    #[test]
    fn a_page_takes_the_families_of_another() {
        let mut page = Page::new();
        page.family("a", "A.", MetricType::Gauge);
        page.sample(&[], 1.0);
        page.family("empty", "Not on the page.", MetricType::Gauge);
        let mut other = Page::new();
        other.family("b", "B.", MetricType::Counter);
        other.sample(&[("x", "y")], 2.0);
        other.family("also_empty", "Not on the page.", MetricType::Gauge);
        page.append(&mut other);
        page.sample(&[("x", "z")], 3.0);
        let families: Vec<_> = page.families().map(|(name, _)| name.to_vec()).collect();
        assert_eq!(families, [b"a".to_vec(), b"b".to_vec()]);
        assert_eq!(
            page.finish(),
            b"# HELP a A.\n# TYPE a gauge\na 1\n\
              # HELP b B.\n# TYPE b counter\nb{x=\"y\"} 2\nb{x=\"z\"} 3\n"
        );
    }

    #[test]
    fn a_series_without_a_value_leaves_nothing_on_the_page() {
        let mut page = Page::new();
        page.family("a", "A.", MetricType::Gauge);
        page.sample(&[], 1.0);
        page.series("").label("x", "y");
        page.family("b", "B.", MetricType::Gauge);
        page.series("").label("x", "y");
        assert_eq!(page.finish(), b"# HELP a A.\n# TYPE a gauge\na 1\n");
    }
}
