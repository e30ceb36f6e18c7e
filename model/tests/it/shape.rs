//! A page that is read beside the shape of another one gives what a full reading gives.

use std::sync::Arc;

use proptest::prelude::*;
use watchpost_model::text::{Entry, Format, ParseError, Parser, Shape, Shapes, Step, Walk};

/// What a line is known to be: which of the lines that were learnt it is.
type Lines = Shapes<usize, ()>;

/// A sample: its series, the bits of its value, its time.
type Read = (Vec<u8>, u64, Option<i64>);

/// All samples of a page, or what is wrong with it.
fn plain(format: Format, page: &[u8]) -> Result<Vec<Read>, ParseError> {
    let mut read = Vec::new();
    for entry in Parser::new(format, page) {
        if let Entry::Sample(sample) = entry? {
            let time = sample.timestamp_ms;
            read.push((sample.series.to_vec(), sample.value.to_bits(), time));
        }
    }
    Ok(read)
}

/// Reads pages as a target's pages are read.
#[derive(Default)]
struct Reader {
    lines: Lines,
    /// What each learnt line is.
    learnt: Vec<(Vec<u8>, bool)>,
    shape: Option<Arc<Shape<usize, ()>>>,
    /// Pages that went without a walk.
    quick: usize,
}

impl Reader {
    fn read(&mut self, format: Format, page: &[u8]) -> Result<Vec<Read>, ParseError> {
        let mut read = Vec::new();
        let learnt = &self.learnt;
        let shape = self.shape.clone();
        let (done, at) = shape.as_ref().map_or((0, 0), |shape| {
            shape.read(page, |what, value| {
                read.push((learnt[what].0.clone(), value.to_bits(), None));
            })
        });
        if let Some(shape) = &shape
            && shape.ends_with(done, &page[at..])
        {
            self.quick += 1;
            return Ok(read);
        }
        let known = shape.as_ref().map_or(&[][..], |shape| shape.lines());
        let mut lines = known[..done].to_vec();
        let mut walk = Walk::new((format, true), (page, at), &known[done..]);
        while let Some(step) = walk.step(&self.lines) {
            let (line, value, time) = match step? {
                Step::Value(line, value) => (line, value, None),
                Step::Known(line, sample) => {
                    assert_eq!(line.series(), sample.series);
                    (line, sample.value, sample.timestamp_ms)
                }
                Step::New(new) => {
                    let sample = new.sample;
                    let line = self.lines.learn(&new, self.learnt.len());
                    assert_eq!(line.series(), sample.series);
                    let timed = sample.timestamp_ms.is_some();
                    self.learnt.push((sample.series.to_vec(), timed));
                    (line, sample.value, sample.timestamp_ms)
                }
            };
            let (series, timed) = &self.learnt[line.what()];
            assert_eq!(*timed, time.is_some());
            read.push((series.clone(), value.to_bits(), time));
            lines.push(line);
        }
        let shape = self.lines.shape(lines, walk.tail(), |_| Ok::<_, ()>(()));
        self.shape = shape.ok();
        Ok(read)
    }
}

/// A line of a page, mostly a good one.
fn line() -> impl Strategy<Value = String> {
    let series = prop_oneof![
        6 => r#"[a-d](\{x="[0-3]"\})?"#,
        1 => r#"[a-d]\{x="[0-3]",y="\\\\n"\}"#,
        1 => r#"[a-d1{}"= ]{1,4}"#,
    ];
    let value = prop_oneof![
        6 => "[0-9]{1,3}",
        2 => r"-?[0-9]{0,9}\.[0-9]{0,9}",
        2 => "[0-9]{1,20}|NaN|[+]Inf|-Inf|1e400|[0-9]e[-+][0-9]{2}",
        1 => "[0-9a-z. ]{0,5}",
    ];
    let rest = prop_oneof![
        8 => Just(String::new()),
        1 => Just(" 17".to_owned()),
        1 => Just(r#" # {t="1"} 2"#.to_owned()),
    ];
    let sample = (series, "[ ]|[ ]|[ \t]{0,2}", value, rest)
        .prop_map(|(series, blank, value, rest)| format!("{series}{blank}{value}{rest}\n"));
    prop_oneof![
        8 => sample,
        1 => "# (HELP|TYPE) [a-d] (gauge|counter)\n",
        1 => "(#[ a-c]{0,3})?\n",
    ]
}

/// Pages, each made from the one before by a few changes.
fn pages() -> impl Strategy<Value = Vec<String>> {
    let change = (any::<prop::sample::Index>(), line(), 0..6_u8);
    let changes = prop::collection::vec(prop::collection::vec(change, 0..3), 1..6);
    (prop::collection::vec(line(), 0..12), changes).prop_map(|(mut lines, pages)| {
        let mut texts = vec![lines.concat()];
        for changes in pages {
            for (place, line, kind) in changes {
                let at = place.index(lines.len() + 1);
                match kind {
                    0 => lines.insert(at, line),
                    1 if at < lines.len() => drop(lines.remove(at)),
                    2 if at < lines.len() => lines.insert(0, lines[at].clone()),
                    3 if at < lines.len() => lines[at] = line,
                    4 => lines.rotate_left(at),
                    _ => {}
                }
            }
            texts.push(lines.concat());
        }
        texts
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn pages_that_change_are_read_as_if_each_were_the_first(pages in pages(), cut in 0..40_usize) {
        for format in [Format::Text, Format::OpenMetrics] {
            let mut reader = Reader::default();
            for (number, page) in pages.iter().enumerate() {
                let mut page = page.clone().into_bytes();
                if format == Format::OpenMetrics {
                    page.extend_from_slice(b"# EOF\n");
                }
                if number % 3 == 2 {
                    page.truncate(page.len().saturating_sub(cut));
                }
                prop_assert_eq!(reader.read(format, &page), plain(format, &page));
                prop_assert_eq!(reader.read(format, &page), plain(format, &page));
            }
        }
    }
}

#[test]
fn a_page_of_the_same_lines_needs_no_walk() {
    let mut reader = Reader::default();
    let pages = [
        "# TYPE a gauge\na 1\nb{x=\"1\"} NaN\n",
        "# TYPE a gauge\na 2.5\nb{x=\"1\"} +Inf\n",
    ];
    for page in pages {
        assert_eq!(
            reader.read(Format::Text, page.as_bytes()),
            plain(Format::Text, page.as_bytes())
        );
    }
    assert_eq!(reader.quick, 1);
}

#[test]
fn only_lines_that_were_never_seen_are_learnt() {
    let mut lines = Lines::default();
    let mut shape: Vec<_> = Vec::new();
    let mut learnt = |page: &str| {
        let before = shape.clone();
        let texts: Vec<_> = page.chars().map(|name| format!("{name} 1\n")).collect();
        let page = texts.concat();
        let mut walk = Walk::new((Format::Text, true), (page.as_bytes(), 0), &before);
        let (mut new, mut now) = (0, Vec::new());
        while let Some(step) = walk.step(&lines) {
            match step.unwrap() {
                Step::Value(line, _) | Step::Known(line, _) => now.push(line),
                Step::New(line) => {
                    new += 1;
                    now.push(lines.learn(&line, 0));
                }
            }
        }
        shape = now;
        new
    };
    let steps = [
        ("abcdef", 6),
        ("abcdef", 0),
        ("abdef", 0),
        ("axbdef", 1),
        ("xbdefa", 0),
        ("bbdefay", 1),
    ];
    for (page, new) in steps {
        assert_eq!(learnt(page), new, "{page}");
    }
}

#[test]
fn lines_and_shapes_that_nobody_has_are_forgotten() {
    let mut reader = Reader::default();
    for round in 0..40 {
        let lines: Vec<_> = (0..200)
            .map(|line| format!("m{round}_{line} 1\n"))
            .collect();
        let page = lines.concat();
        assert_eq!(
            reader.read(Format::Text, page.as_bytes()).unwrap().len(),
            200
        );
    }
    let (lines, shapes) = reader.lines.len();
    assert!(lines <= 2_000 && shapes <= 20, "{lines} {shapes}");
}

#[test]
fn pages_of_the_same_lines_share_one_shape() {
    let page = b"a 1\nb 2\n# the end\n";
    let (mut one, mut other) = (Reader::default(), Reader::default());
    one.read(Format::Text, page).unwrap();
    std::mem::swap(&mut one.lines, &mut other.lines);
    other.learnt.clone_from(&one.learnt);
    other.read(Format::Text, page).unwrap();
    assert!(Arc::ptr_eq(
        one.shape.as_ref().unwrap(),
        other.shape.as_ref().unwrap()
    ));
}
