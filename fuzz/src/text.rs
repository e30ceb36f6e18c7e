//! The parser of pages: read beside the shape of another page, a page says what it says alone.

use std::sync::Arc;

use watchpost_model::text::{
    Entry, Format, KnownLine, Parser, Shapes, Step, Walk, parse_number, write_number,
};

/// A sample as it is read: series, bits and time.
type Sample = (Vec<u8>, u64, Option<i64>);
/// The samples before the first error, and whether there was one.
type Read = (Vec<Sample>, bool);

/// The first byte says the format, what stands before the first byte 0xff is the page before.
pub fn target(data: &[u8]) {
    let Some((kind, pages)) = data.split_first() else {
        return;
    };
    let format = if kind % 2 == 0 {
        Format::Text
    } else {
        Format::OpenMetrics
    };
    let split = pages.iter().position(|byte| *byte == 0xff);
    let (before, page) = match split {
        Some(split) => (&pages[..split], &pages[split + 1..]),
        None => (pages, pages),
    };
    let alone = alone(format, page);
    let mut shapes: Shapes<u32, ()> = Shapes::default();
    let (_, lines) = beside(format, before, &mut shapes, &[]);
    let (read, _) = beside(format, page, &mut shapes, &lines);
    assert_eq!(read, alone, "beside another page");
    quickly(format, (before, page), &mut shapes, &alone);
    // Go's exporters write a negative zero without its sign, and so do we.
    for (_, bits, _) in alone.0.iter().filter(|sample| sample.1 != (-0.0_f64).to_bits()) {
        let bits = *bits;
        let mut text = Vec::new();
        write_number(&mut text, f64::from_bits(bits));
        let again = parse_number(&text).expect("a written number is one");
        assert_eq!(again.to_bits(), bits, "{}", String::from_utf8_lossy(&text));
    }
}

fn alone(format: Format, page: &[u8]) -> Read {
    let mut samples = Vec::new();
    for entry in Parser::new(format, page) {
        match entry {
            Ok(Entry::Sample(sample)) => {
                // Labels are read when a line is met first, and its error is that of the line.
                let mut labels = watchpost_model::Labels::empty().builder();
                drop(sample.labels_into(&mut labels));
                let value = sample.value.to_bits();
                samples.push((sample.series.to_vec(), value, sample.timestamp_ms));
            }
            Ok(_) => {}
            Err(_) => return (samples, true),
        }
    }
    (samples, false)
}

type Lines = Vec<Arc<KnownLine<u32>>>;

fn beside(
    format: Format,
    page: &[u8],
    shapes: &mut Shapes<u32, ()>,
    known: &[Arc<KnownLine<u32>>],
) -> (Read, Lines) {
    let mut walk = Walk::new((format, true), (page, 0), known);
    let (mut samples, mut lines) = (Vec::new(), Lines::new());
    while let Some(step) = walk.step(shapes) {
        match step {
            Ok(Step::Value(line, value)) => {
                samples.push((line.series().to_vec(), value.to_bits(), None));
                lines.push(line);
            }
            Ok(Step::Known(line, sample)) => {
                assert_eq!(line.series(), sample.series);
                let value = sample.value.to_bits();
                samples.push((sample.series.to_vec(), value, sample.timestamp_ms));
                lines.push(line);
            }
            Ok(Step::New(unknown)) => {
                let sample = unknown.sample;
                let value = sample.value.to_bits();
                samples.push((sample.series.to_vec(), value, sample.timestamp_ms));
                lines.push(shapes.learn(&unknown, 0));
            }
            Err(_) => return ((samples, true), lines),
        }
    }
    ((samples, false), lines)
}

/// What the shape of the page before reads of a page without looking further is what stands there.
fn quickly(
    format: Format,
    (before, page): (&[u8], &[u8]),
    shapes: &mut Shapes<u32, ()>,
    alone: &Read,
) {
    let ((_, failed), lines) = beside(format, before, shapes, &[]);
    if failed {
        return;
    }
    let Ok(shape) = shapes.shape(lines, b"", |_| Ok::<_, ()>(())) else {
        return;
    };
    let mut values = Vec::new();
    let (count, _) = shape.read(page, |_, value| values.push(value.to_bits()));
    assert_eq!(values.len(), count);
    let read = alone.0.iter().zip(&values);
    assert!(count <= alone.0.len(), "lines that are not there");
    for (sample, value) in read {
        assert_eq!(sample.1, *value);
        assert_eq!(sample.2, None);
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let text = b"# HELP a Help.\n# TYPE a counter\na{x=\"1\",y=\"\\n\"} 1\na{x=\"2\"} 2.5e3 1700000000000\nb NaN\nc +Inf\n{\"d.e\",z=\"q\"} -0\n";
    let open = b"# TYPE a counter\n# UNIT a_seconds seconds\na_total{x=\"1\"} 1 1.5 # {id=\"q\"} 0.5 2\n# EOF\n";
    let mut seeds = Vec::new();
    for (kind, page) in [(0, text.as_slice()), (1, open.as_slice())] {
        seeds.push([&[kind], page].concat());
        seeds.push([&[kind], page, &[0xff], page].concat());
        let moved = [&page[page.len() / 2..], &page[..page.len() / 2]].concat();
        seeds.push([&[kind], page, &[0xff], &moved].concat());
    }
    seeds
}
