//! Logfmt: `ts=2026-11-20T10:00:00.000000Z level=info msg="a b" key=value`, as Prometheus and
//! `node_exporter` write it. A value is quoted where it would not read as one word otherwise.

use std::fmt::{self, Debug};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes events as logfmt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Logfmt;

impl<S, N> FormatEvent<S, N> for Logfmt
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        writer.write_str("ts=")?;
        SystemTime.format_time(&mut writer)?;
        let level = event.metadata().level().as_str().to_ascii_lowercase();
        write!(writer, " level={level}")?;
        let mut pairs = Pairs {
            writer,
            result: Ok(()),
        };
        event.record(&mut pairs);
        pairs.result?;
        pairs.writer.write_char('\n')
    }
}

/// The fields of an event; the message comes first.
struct Pairs<'a> {
    writer: Writer<'a>,
    result: fmt::Result,
}

impl Pairs<'_> {
    fn pair(&mut self, field: &Field, value: &str) {
        let key = key(field);
        self.result = self.result.and_then(|()| {
            write!(self.writer, " {key}=")?;
            write_value(&mut self.writer, value)
        });
    }
}

impl Visit for Pairs<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.pair(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.pair(field, &format!("{value:?}"));
    }
}

/// What a field is called.
pub(super) fn key(field: &Field) -> &'static str {
    match field.name() {
        "message" => "msg",
        name => name.strip_prefix("r#").unwrap_or(name),
    }
}

fn write_value(writer: &mut impl fmt::Write, value: &str) -> fmt::Result {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '=' | '\\');
    if !value.is_empty() && value.chars().all(plain) {
        return writer.write_str(value);
    }
    writer.write_char('"')?;
    for c in value.chars() {
        match c {
            '"' | '\\' => write!(writer, "\\{c}")?,
            '\n' => writer.write_str("\\n")?,
            '\r' => writer.write_str("\\r")?,
            '\t' => writer.write_str("\\t")?,
            c if c.is_control() => write!(writer, "\\u{:04x}", u32::from(c))?,
            c => writer.write_char(c)?,
        }
    }
    writer.write_char('"')
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing_subscriber::fmt::format::DefaultFields;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged<E>(form: E) -> String
    where
        E: FormatEvent<tracing_subscriber::Registry, DefaultFields> + Send + Sync + 'static,
    {
        let sink = Sink::default();
        let lines = sink.clone();
        let log = tracing_subscriber::fmt()
            .event_format(form)
            .with_writer(move || lines.clone())
            .finish();
        tracing::subscriber::with_default(log, || {
            let error = io::Error::other("a \"b\"\nc\u{1b}");
            tracing::warn!(%error, plain = "x:1/y", empty = "", number = 7, is = true, "it is so");
        });
        String::from_utf8(sink.0.lock().clone()).unwrap()
    }

    #[test]
    fn as_json_an_event_has_the_same_keys() {
        let line = logged(super::super::json::Json);
        let (time, rest) = line.split_once(',').unwrap();
        assert!(
            time.starts_with("{\"ts\":\"2") && time.ends_with("Z\""),
            "{time}"
        );
        let told = r#""level":"warn","msg":"it is so","error":"a \"b\"\nc\u001b","plain":"x:1/y","empty":"","number":7,"is":true}"#;
        assert_eq!(rest, format!("{told}\n"));
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
    }

    #[test]
    fn an_event_is_a_line_of_pairs_that_are_quoted_where_needed() {
        let line = logged(Logfmt);
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.starts_with("ts=2") && time.ends_with('Z'), "{time}");
        let told = r#"level=warn msg="it is so" error="a \"b\"\nc\u001b" plain=x:1/y empty="" number=7 is=true"#;
        assert_eq!(rest, format!("{told}\n"));
    }
}
