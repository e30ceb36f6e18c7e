//! From text 0.0.4 to `OpenMetrics` 1.0.0.
//!
//! The page's series stay as they are; what differs is what their families are called. A counter's
//! family is named without `_total`. A counter without `_total` is none in `OpenMetrics`, so it is
//! `unknown`, as is what has no type, and a family whose name another one has taken.

use std::collections::HashSet;

const HELP: &[u8] = b"# HELP ";
const TYPE: &[u8] = b"# TYPE ";

/// A page of text 0.0.4, as the collectors and the telemetry write it, in `OpenMetrics`.
pub(super) fn transcribe(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 16);
    let mut taken: HashSet<&[u8]> = HashSet::new();
    let mut help: Option<(&[u8], &[u8])> = None;
    for line in text.split(|c| *c == b'\n') {
        if let Some(rest) = line.strip_prefix(HELP) {
            // Its family's name depends on the type, which comes next.
            help = Some(name_and_rest(rest));
        } else if let Some(rest) = line.strip_prefix(TYPE) {
            let (name, kind) = name_and_rest(rest);
            let (family, kind) = family(name, kind, &mut taken);
            if let Some((of, text)) = help.take()
                && of == name
            {
                write_help(&mut out, family, text);
            }
            for part in [TYPE, family, b" ", kind, b"\n"] {
                out.extend_from_slice(part);
            }
        } else if !line.is_empty() && !line.starts_with(b"#") {
            write_sample(&mut out, line);
        }
    }
    out.extend_from_slice(b"# EOF\n");
    out
}

fn name_and_rest(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|c| *c == b' ').unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    (name, rest.strip_prefix(b" ").unwrap_or(rest))
}

/// The name of a family and its type.
fn family<'a>(
    name: &'a [u8],
    kind: &'a [u8],
    taken: &mut HashSet<&'a [u8]>,
) -> (&'a [u8], &'a [u8]) {
    let short = name.strip_suffix(b"_total");
    let (family, kind) = match (kind, short) {
        (b"counter", Some(short)) if !taken.contains(short) => (short, kind),
        (b"counter" | b"untyped", _) => (name, b"unknown".as_slice()),
        _ => (name, kind),
    };
    taken.insert(family);
    (family, kind)
}

/// A quote is escaped as well; backslashes and line feeds are already.
fn write_help(out: &mut Vec<u8>, family: &[u8], text: &[u8]) {
    for part in [HELP, family, b" "] {
        out.extend_from_slice(part);
    }
    for byte in text {
        if *byte == b'"' {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'\n');
}

/// A time, where there is one, is in seconds instead of milliseconds.
fn write_sample(out: &mut Vec<u8>, line: &[u8]) {
    let time = split_time(line);
    let (rest, millis) = time.map_or((line, None), |(rest, millis)| (rest, Some(millis)));
    out.extend_from_slice(rest);
    if let Some(millis) = millis {
        let sign = if millis < 0 { "-" } else { "" };
        let (seconds, rest) = (millis.unsigned_abs() / 1_000, millis.unsigned_abs() % 1_000);
        out.extend_from_slice(format!(" {sign}{seconds}.{rest:03}").as_bytes());
    }
    out.push(b'\n');
}

/// What stands before a sample's time, and the time: behind the labels there are two numbers.
fn split_time(line: &[u8]) -> Option<(&[u8], i64)> {
    let labels_end = line.iter().rposition(|c| *c == b'}').map_or(0, |at| at + 1);
    let last = line.iter().rposition(|c| *c == b' ')?;
    let (rest, time) = line.split_at_checked(last)?;
    let before = rest.get(labels_end..)?.trim_ascii_start();
    // Without labels the name is there, too.
    let numbers = before.split(|c| *c == b' ').filter(|word| !word.is_empty());
    if numbers.count() != if labels_end > 0 { 1 } else { 2 } {
        return None;
    }
    let time = std::str::from_utf8(time.trim_ascii()).ok()?;
    Some((rest, time.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use watchpost_model::text::{Format, Parser};

    use super::*;

    fn transcribed(text: &str) -> String {
        String::from_utf8(transcribe(text.as_bytes())).unwrap()
    }

    #[test]
    fn families_have_the_names_and_types_of_openmetrics() {
        let text = "\
# HELP a_total Says \"a\" and \\\\ and \\n.
# TYPE a_total counter
a_total{x=\"} 1 2\"} 1
# HELP b Counts without the suffix.
# TYPE b counter
b 2
# HELP c Is not known.
# TYPE c untyped
c{x=\"1\"} 3e+06 1500
c 4 -20
# HELP d Is a gauge.
# TYPE d gauge
d +Inf
# HELP d_total Has a gauge's name.
# TYPE d_total counter
d_total 5
";
        let expected = "\
# HELP a Says \\\"a\\\" and \\\\ and \\n.
# TYPE a counter
a_total{x=\"} 1 2\"} 1
# HELP b Counts without the suffix.
# TYPE b unknown
b 2
# HELP c Is not known.
# TYPE c unknown
c{x=\"1\"} 3e+06 1.500
c 4 -0.020
# HELP d Is a gauge.
# TYPE d gauge
d +Inf
# HELP d_total Has a gauge's name.
# TYPE d_total unknown
d_total 5
# EOF
";
        assert_eq!(transcribed(text), expected);
    }

    #[test]
    fn a_page_is_read_back_with_the_same_series() {
        let page = "# HELP h Sizes.\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n# HELP n_total N.\n# TYPE n_total counter\nn_total{a=\"\\\\ \\\" \\n {} 1\"} 7\n";
        let (own, theirs) = (page.as_bytes(), transcribe(page.as_bytes()));
        let series = |format, text| {
            let entries = Parser::new(format, text).filter_map(|entry| match entry.unwrap() {
                watchpost_model::text::Entry::Sample(sample) => {
                    let (series, value) = (sample.series.to_vec(), sample.value);
                    Some((series, value.to_string(), sample.timestamp_ms))
                }
                _ => None,
            });
            entries.collect::<Vec<_>>()
        };
        let read = series(Format::OpenMetrics, &theirs);
        assert_eq!(read.len(), 4);
        assert_eq!(read, series(Format::Text, own));
        assert_eq!(transcribed(""), "# EOF\n");
    }
}
