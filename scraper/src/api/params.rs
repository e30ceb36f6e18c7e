//! The parameters of a request, from its URL and from the form of a POST.

use std::net::SocketAddr;
use std::time::Duration as StdDuration;

use axum::extract::{ConnectInfo, FromRequest, MatchedPath, RawForm, Request};
use axum::http::{Method, header};
use serde_json::{Value, json};
use watchpost_model::{Duration, Matcher};
use watchpost_promql::parse_selector;
use watchpost_tsdb::TimeRange;

use super::{Error, form};

/// How long a client may take to send a form.
const FORM_TIMEOUT: StdDuration = StdDuration::from_secs(30);
/// How Prometheus writes the ends of time, which its clients send back.
const FIRST_TIME: &str = "-292273086-05-16T16:47:06Z";
const LAST_TIME: &str = "292277025-08-18T07:12:54.999999999Z";

/// All parameters; those of the form stand before those of the URL, as Go reads them.
#[derive(Clone, Debug, Default)]
pub struct Params {
    pairs: Vec<(String, String)>,
    /// Who asked, as the query log has it.
    request: Value,
}

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let url = request.uri().query().map(str::to_owned).unwrap_or_default();
        let client = request.extensions().get::<ConnectInfo<SocketAddr>>();
        // Of the URI itself a nested router takes the beginning off.
        let route = request.extensions().get::<MatchedPath>();
        let path = route.map_or_else(|| request.uri().path(), MatchedPath::as_str);
        let about = json!({
            "clientIP": client.map(|client| client.0.ip().to_string()).unwrap_or_default(),
            "method": request.method().as_str(),
            "path": path,
        });
        let is_form = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
        let mut pairs = Vec::new();
        if request.method() == Method::POST && is_form {
            let form = RawForm::from_request(request, state);
            let form = tokio::time::timeout(FORM_TIMEOUT, form)
                .await
                .map_err(|_| Error::BadData("the form did not come in time".to_owned()))?
                .map_err(|error| Error::BadData(format!("error parsing form values: {error}")))?;
            form::decode(&form.0, &mut pairs)?;
        }
        form::decode(url.as_bytes(), &mut pairs)?;
        Ok(Self {
            pairs,
            request: about,
        })
    }
}

impl Params {
    /// Who asked, as the query log has it.
    pub(super) fn request(&self) -> &Value {
        &self.request
    }

    /// The first value of a parameter, empty where it is not there.
    pub fn get(&self, name: &str) -> &str {
        let found = self.pairs.iter().find(|(have, _)| have == name);
        found.map_or("", |(_, value)| value)
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs
            .iter()
            .filter(move |(have, _)| have == name)
            .map(|(_, value)| value.as_str())
    }

    /// A time in ms; nothing where the parameter is not there.
    pub fn time(&self, name: &str) -> Result<Option<i64>, Error> {
        match self.get(name) {
            "" => Ok(None),
            text => match parse_time(text) {
                Some(time) => Ok(Some(time)),
                None => Err(Error::parameter(
                    name,
                    format_args!(
                        "invalid time value for '{name}': cannot parse \"{text}\" to a valid timestamp"
                    ),
                )),
            },
        }
    }

    /// A time that has to be there.
    pub fn required_time(&self, name: &str) -> Result<i64, Error> {
        self.time(name)?
            .ok_or_else(|| Error::parameter(name, "cannot parse \"\" to a valid timestamp"))
    }

    /// A duration in ms; nothing where the parameter is not there.
    pub fn duration(&self, name: &str) -> Result<Option<i64>, Error> {
        match self.get(name) {
            "" => Ok(None),
            text => match parse_duration(text) {
                Some(duration) => Ok(Some(duration)),
                None => Err(Error::parameter(
                    name,
                    format_args!("cannot parse \"{text}\" to a valid duration"),
                )),
            },
        }
    }

    /// The span from `start` to `end`, all of time where they are not there. A span that ends before
    /// it starts holds nothing.
    pub fn range(&self) -> Result<TimeRange, Error> {
        let from = self.time("start")?.unwrap_or(i64::MIN);
        let to = self.time("end")?.unwrap_or(i64::MAX);
        Ok(TimeRange::new(from, to))
    }

    /// A span that must not end before it starts.
    pub fn ordered_range(&self) -> Result<TimeRange, Error> {
        let range = self.range()?;
        if range.to_ms < range.from_ms {
            return Err(Error::parameter(
                "end",
                "end timestamp must not be before start timestamp",
            ));
        }
        Ok(range)
    }

    /// The selectors of `match[]`.
    pub fn selectors(&self) -> Result<Vec<Vec<Matcher>>, Error> {
        self.all("match[]")
            .map(|text| {
                let matchers =
                    parse_selector(text).map_err(|error| Error::parameter("match[]", error))?;
                if matchers.iter().all(|matcher| matcher.matches("")) {
                    return Err(Error::parameter(
                        "match[]",
                        "match[] must contain at least one non-empty matcher",
                    ));
                }
                Ok(matchers)
            })
            .collect()
    }

    /// The most results wanted; no limit where the parameter is not there or 0.
    pub fn limit(&self) -> Result<usize, Error> {
        let text = self.get("limit");
        if text.is_empty() {
            return Ok(usize::MAX);
        }
        let syntax = format_args!("strconv.Atoi: parsing {text:?}: invalid syntax");
        match text.parse::<i64>() {
            Ok(0) => Ok(usize::MAX),
            Ok(limit) => usize::try_from(limit)
                .map_err(|_| Error::parameter("limit", "limit must be non-negative")),
            Err(_) => Err(Error::parameter("limit", syntax)),
        }
    }

    /// A number of at least 0; nothing where the parameter is not there.
    pub(super) fn number(&self, name: &str) -> Result<Option<usize>, Error> {
        match self.get(name) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                let reason = format_args!("expected a number of at least 0, found \"{text}\"");
                Error::parameter(name, reason)
            }),
        }
    }

    /// A boolean as Go reads it; nothing where the parameter is not there.
    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, Error> {
        match self.get(name) {
            "" => Ok(None),
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(Some(true)),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(Some(false)),
            text => {
                let reason = format_args!("unable to parse boolean \"{text}\" argument");
                Err(Error::parameter(name, reason))
            }
        }
    }
}

/// Seconds since the epoch, with decimals, or RFC 3339; in ms.
fn parse_time(text: &str) -> Option<i64> {
    match text.parse::<f64>() {
        Ok(seconds) => to_millis(seconds),
        Err(_) => match text {
            FIRST_TIME => Some(i64::MIN),
            LAST_TIME => Some(i64::MAX),
            text => {
                let time = text.parse::<jiff::Timestamp>().ok()?;
                Some(time.as_millisecond())
            }
        },
    }
}

/// Seconds with decimals, or a duration like `1m30s`; in ms.
pub(super) fn parse_duration(text: &str) -> Option<i64> {
    match text.parse::<f64>() {
        Ok(seconds) => to_millis(seconds),
        Err(_) => text.parse::<Duration>().ok().map(Duration::as_millis),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the range is checked, and a time is rounded to whole ms"
)]
fn to_millis(seconds: f64) -> Option<i64> {
    let millis = (seconds * 1_000.0).round();
    (millis.abs() < 9.0e15).then_some(millis as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(text: &str) -> Params {
        let mut pairs = Vec::new();
        form::decode(text.as_bytes(), &mut pairs).unwrap();
        Params {
            pairs,
            request: Value::Null,
        }
    }

    #[test]
    fn times_are_seconds_or_rfc_3339() {
        let params = params(
            "a=1435781451.781&b=2015-07-01T20:10:51.781Z&c=x&d=1e300&e=&\
             f=-292273086-05-16T16:47:06Z&g=292277025-08-18T07:12:54.999999999Z",
        );
        assert_eq!(params.time("a").unwrap(), Some(1_435_781_451_781));
        assert_eq!(params.time("b").unwrap(), Some(1_435_781_451_781));
        assert_eq!(params.time("e").unwrap(), None);
        assert_eq!(params.time("f").unwrap(), Some(i64::MIN));
        assert_eq!(params.time("g").unwrap(), Some(i64::MAX));
        let error = params.time("c").unwrap_err().to_string();
        assert_eq!(
            error,
            "invalid parameter \"c\": invalid time value for 'c': cannot parse \"x\" to a valid timestamp"
        );
        assert!(params.time("d").is_err());
    }

    #[test]
    fn durations_are_seconds_or_words() {
        let params = params("a=15&b=1m30s&c=0.5&d=nan");
        assert_eq!(params.duration("a").unwrap(), Some(15_000));
        assert_eq!(params.duration("b").unwrap(), Some(90_000));
        assert_eq!(params.duration("c").unwrap(), Some(500));
        assert!(params.duration("d").is_err());
    }

    #[test]
    fn a_range_that_ends_before_it_starts_is_refused() {
        assert!(params("start=2&end=1").ordered_range().is_err());
        assert_eq!(params("").ordered_range().unwrap(), TimeRange::ALL);
    }

    #[test]
    fn numbers_and_booleans_are_checked() {
        let params = params("a=3&b=-1&c=T&d=yes&limit=0");
        assert_eq!(params.number("a").unwrap(), Some(3));
        assert!(params.number("b").is_err());
        assert_eq!(params.boolean("c").unwrap(), Some(true));
        assert!(params.boolean("d").is_err());
        assert_eq!(params.limit().unwrap(), usize::MAX);
    }
}
