//! `/federate`: the newest sample of chosen series as a page of text format 0.0.4, for another server
//! to scrape.
//!
//! Series get the external labels that they do not have, and `instance=""` where they have no
//! instance, so that the other server adds none. A series whose newest sample is a stale marker is
//! left out, and so are native histograms, which the text format cannot hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use watchpost_model::histogram::histogram_index;
use watchpost_model::text::write_number;
use watchpost_model::{Labels, METRIC_NAME, Matcher, is_absent, is_stale};
use watchpost_promql::parse_selector;
use watchpost_tsdb::{Db, Series, TimeRange};

use super::{App, Error, Params};
use crate::clock;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A series with its newest sample.
struct Newest {
    labels: Labels,
    time_ms: i64,
    value: f64,
}

/// The newest samples of the series that `match[]` selects; errors are plain text.
pub(super) async fn federate(State(app): State<Arc<App>>, params: Params) -> Response {
    match page(&app, &params).await {
        Ok(page) => ([(CONTENT_TYPE, TEXT)], page).into_response(),
        Err(Error::BadData(text)) => (StatusCode::BAD_REQUEST, text + "\n").into_response(),
        Err(error) => error.into_response(),
    }
}

async fn page(app: &App, params: &Params) -> Result<Vec<u8>, Error> {
    let selectors: Vec<Vec<Matcher>> = params
        .all("match[]")
        .map(|text| parse_selector(text).map_err(|error| Error::BadData(error.to_string())))
        .collect::<Result<_, _>>()?;
    let now = clock::now_ms();
    let range = TimeRange::new(now.saturating_sub(app.queries.lookback().as_millis()), now);
    let db = app.db.clone();
    let outer = outer_labels(&app.external_labels);
    let work = app
        .queries
        .run(move |_| Ok(write(&newest(&db, range, &selectors)?, &outer)));
    work.await
}

/// The external labels, and the empty instance.
fn outer_labels(external: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let mut labels = external.clone();
    labels.entry("instance".to_owned()).or_default();
    labels.into_iter().collect()
}

/// What all selectors together find, by metric, each series once.
fn newest(
    db: &Db,
    range: TimeRange,
    selectors: &[Vec<Matcher>],
) -> Result<Vec<Newest>, watchpost_tsdb::Error> {
    let mut found: BTreeMap<(String, Labels), Newest> = BTreeMap::new();
    for matchers in selectors {
        for series in db.select(range, matchers)?.series {
            let name = series.labels.metric_name().to_owned();
            if name.is_empty() {
                continue;
            }
            if let Some((time_ms, value)) = last(&series) {
                let labels = series.labels;
                let newest = Newest {
                    labels: labels.clone(),
                    time_ms,
                    value,
                };
                found.insert((name, labels), newest);
            }
        }
    }
    Ok(found.into_values().collect())
}

/// The newest sample, nothing where it is a stale marker or a histogram.
fn last(series: &Series) -> Option<(i64, f64)> {
    let mut rows = series.times.iter().zip(series.values.iter()).rev();
    let (time_ms, value) = rows.find(|(_, value)| !is_absent(**value))?;
    let is_float = !is_stale(*value) && histogram_index(*value).is_none();
    is_float.then_some((*time_ms, *value))
}

fn write(found: &[Newest], outer: &[(String, String)]) -> Vec<u8> {
    let mut page = Vec::new();
    let mut family = "";
    for newest in found {
        let name = newest.labels.metric_name();
        let plain = is_plain(name);
        if name != family {
            family = name;
            page.extend_from_slice(b"# TYPE ");
            put_name(&mut page, name, plain);
            page.extend_from_slice(b" untyped\n");
        }
        if plain {
            page.extend_from_slice(name.as_bytes());
        }
        put_labels(&mut page, (!plain).then_some(name), &newest.labels, outer);
        page.push(b' ');
        write_number(&mut page, newest.value);
        page.extend_from_slice(format!(" {}\n", newest.time_ms).as_bytes());
    }
    page
}

/// Writes the labels; a metric name that is not plain stands among them, in quotes.
fn put_labels(page: &mut Vec<u8>, name: Option<&str>, labels: &Labels, outer: &[(String, String)]) {
    page.push(b'{');
    let mut first = true;
    if let Some(name) = name {
        put_quoted(page, name);
        first = false;
    }
    let own = labels.iter().filter(|(name, _)| *name != METRIC_NAME);
    let added = outer
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| !labels.has(name));
    for (name, value) in own.chain(added) {
        if !first {
            page.push(b',');
        }
        first = false;
        put_name(page, name, is_plain(name));
        page.push(b'=');
        put_quoted(page, value);
    }
    page.push(b'}');
}

fn put_name(page: &mut Vec<u8>, name: &str, plain: bool) {
    if plain {
        page.extend_from_slice(name.as_bytes());
    } else {
        put_quoted(page, name);
    }
}

fn put_quoted(page: &mut Vec<u8>, text: &str) {
    page.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'\\' => page.extend_from_slice(b"\\\\"),
            b'"' => page.extend_from_slice(b"\\\""),
            b'\n' => page.extend_from_slice(b"\\n"),
            byte => page.push(byte),
        }
    }
    page.push(b'"');
}

/// Whether a name can stand without quotes.
fn is_plain(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_type_a_metric_and_the_external_labels() {
        let newest = |pairs: &[(&str, &str)], value| Newest {
            labels: Labels::from_pairs(pairs.iter().copied()),
            time_ms: 1_500,
            value,
        };
        let found = [
            newest(
                &[("__name__", "a"), ("instance", "i"), ("x", "q\"\n\\")],
                1.0,
            ),
            newest(&[("__name__", "a"), ("region", "mine")], f64::INFINITY),
            newest(&[("__name__", "b.c"), ("d.e", "1")], 1e21),
        ];
        let outer = outer_labels(&BTreeMap::from([("region".to_owned(), "out".to_owned())]));
        let page = String::from_utf8(write(&found, &outer)).unwrap();
        assert_eq!(
            page,
            "# TYPE a untyped\n\
             a{instance=\"i\",x=\"q\\\"\\n\\\\\",region=\"out\"} 1 1500\n\
             a{region=\"mine\",instance=\"\"} +Inf 1500\n\
             # TYPE \"b.c\" untyped\n\
             {\"b.c\",\"d.e\"=\"1\",instance=\"\",region=\"out\"} 1e+21 1500\n"
        );
        let parser = watchpost_model::text::Parser::new(
            watchpost_model::text::Format::Text,
            page.as_bytes(),
        );
        assert!(parser.map(Result::unwrap).count() >= 3);
    }
}
