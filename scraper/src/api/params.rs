//! The parameters of a request, from its URL and from the form of a POST.

use std::time::Duration as StdDuration;

use axum::extract::{FromRequest, RawForm, Request};
use axum::http::{Method, header};
use watchpost_model::{Duration, Matcher};
use watchpost_promql::parse_selector;
use watchpost_tsdb::TimeRange;

use super::Error;

/// How long a client may take to send a form.
const FORM_TIMEOUT: StdDuration = StdDuration::from_secs(30);

/// All parameters; those of the form stand before those of the URL, as Go reads them.
#[derive(Clone, Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let url = request.uri().query().map(str::to_owned).unwrap_or_default();
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
            pairs.extend(decode(&form.0));
        }
        pairs.extend(decode(url.as_bytes()));
        Ok(Self(pairs))
    }
}

fn decode(text: &[u8]) -> impl Iterator<Item = (String, String)> {
    form_urlencoded::parse(text).map(|(name, value)| (name.into_owned(), value.into_owned()))
}

impl Params {
    /// The first value of a parameter, empty where it is not there.
    pub fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(have, _)| have == name);
        found.map_or("", |(_, value)| value)
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
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
                    format_args!("cannot parse \"{text}\" to a valid timestamp"),
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

    /// The span from `start` to `end`, all of time where they are not there.
    pub fn range(&self) -> Result<TimeRange, Error> {
        let from = self.time("start")?.unwrap_or(i64::MIN);
        let to = self.time("end")?.unwrap_or(i64::MAX);
        if to < from {
            return Err(Error::parameter(
                "end",
                "end timestamp must not be before start timestamp",
            ));
        }
        Ok(TimeRange::new(from, to))
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
        match self.get("limit") {
            "" => Ok(usize::MAX),
            text => match text.parse::<usize>() {
                Ok(0) => Ok(usize::MAX),
                Ok(limit) => Ok(limit),
                Err(_) => Err(Error::parameter(
                    "limit",
                    format_args!("expected a number of at least 0, found \"{text}\""),
                )),
            },
        }
    }
}

/// Seconds since the epoch, with decimals, or RFC 3339; in ms.
fn parse_time(text: &str) -> Option<i64> {
    match text.parse::<f64>() {
        Ok(seconds) => to_millis(seconds),
        Err(_) => text
            .parse::<jiff::Timestamp>()
            .ok()
            .map(jiff::Timestamp::as_millisecond),
    }
}

/// Seconds with decimals, or a duration like `1m30s`; in ms.
fn parse_duration(text: &str) -> Option<i64> {
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
        Params(decode(text.as_bytes()).collect())
    }

    #[test]
    fn times_are_seconds_or_rfc_3339() {
        let params = params("a=1435781451.781&b=2015-07-01T20:10:51.781Z&c=x&d=1e300&e=");
        assert_eq!(params.time("a").unwrap(), Some(1_435_781_451_781));
        assert_eq!(params.time("b").unwrap(), Some(1_435_781_451_781));
        assert_eq!(params.time("e").unwrap(), None);
        let error = params.time("c").unwrap_err().to_string();
        assert_eq!(
            error,
            "invalid parameter \"c\": cannot parse \"x\" to a valid timestamp"
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
        assert!(params("start=2&end=1").range().is_err());
        assert_eq!(params("").range().unwrap(), TimeRange::ALL);
    }
}
