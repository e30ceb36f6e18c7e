//! What a client takes: the form of the page, and how it is packed.

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, HeaderName};

/// The forms of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Text format 0.0.4.
    Text,
    /// `OpenMetrics` 1.0.0.
    OpenMetrics,
}

/// How a page is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// One offer of a list, such as `text/plain;version=0.0.4;q=0.5`.
struct Offer<'a> {
    name: &'a str,
    parameters: &'a str,
    /// In thousandths; 0 is refused.
    weight: u16,
}

impl<'a> Offer<'a> {
    fn parameter(&self, name: &str) -> Option<&'a str> {
        let mut parameters = self.parameters.split(';').filter_map(|p| p.split_once('='));
        let (_, value) = parameters.find(|(have, _)| have.trim().eq_ignore_ascii_case(name))?;
        Some(value.trim().trim_matches('"'))
    }
}

fn offers<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = Offer<'a>> {
    let texts = headers.get_all(name).iter();
    let texts = texts.filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).map(|text| {
        let (name, parameters) = text.split_once(';').unwrap_or((text, ""));
        let mut offer = Offer {
            name: name.trim(),
            parameters,
            weight: 1_000,
        };
        if let Some(weight) = offer.parameter("q") {
            offer.weight = thousandths(weight);
        }
        offer
    })
}

/// `0.25` is 250; what is no weight is none at all.
fn thousandths(weight: &str) -> u16 {
    let weight: f32 = weight.parse().unwrap_or(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is from 0 to 1,000, and what is no number becomes 0"
    )]
    let thousandths = (weight.clamp(0.0, 1.0) * 1_000.0) as u16;
    thousandths
}

/// The form that the client likes best; text where it does not say.
pub(super) fn form(headers: &HeaderMap) -> Form {
    let mut best = (Form::Text, 0);
    for offer in offers(headers, &ACCEPT) {
        let version = offer.parameter("version");
        let form = match offer.name.to_ascii_lowercase().as_str() {
            "application/openmetrics-text" if matches!(version, None | Some("1.0.0")) => {
                Form::OpenMetrics
            }
            "text/plain" if matches!(version, None | Some("0.0.4")) => Form::Text,
            "text/*" | "*/*" => Form::Text,
            _ => continue,
        };
        if offer.weight > best.1 {
            best = (form, offer.weight);
        }
    }
    best.0
}

/// The packing that the client likes best; of two that it likes the same, the cheaper one.
pub(super) fn packing(headers: &HeaderMap) -> Packing {
    let mut best = (Packing::Plain, 0, 0);
    for offer in offers(headers, &ACCEPT_ENCODING) {
        let (packing, rank) = match offer.name {
            "zstd" => (Packing::Zstd, 2),
            "gzip" => (Packing::Gzip, 1),
            "identity" => (Packing::Plain, 0),
            _ => continue,
        };
        if offer.weight > 0 && (offer.weight, rank) > (best.1, best.2) {
            best = (packing, offer.weight, rank);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packing_with_the_highest_weight_is_taken() {
        for (offer, packing) in [
            ("", Packing::Plain),
            ("gzip", Packing::Gzip),
            ("deflate, gzip;q=0.5", Packing::Gzip),
            ("gzip;q=0", Packing::Plain),
            ("gzip; q=0.0", Packing::Plain),
            ("br, zstd", Packing::Zstd),
            ("gzip, deflate, br, zstd", Packing::Zstd),
            ("gzip, zstd;q=0.9", Packing::Gzip),
            ("zstd;q=0.2, gzip;q=0.3", Packing::Gzip),
            ("zstd;q=0, gzip;q=0.3", Packing::Gzip),
            ("identity, gzip;q=0.5", Packing::Plain),
            ("identity;q=0.5, gzip;q=0.5", Packing::Gzip),
            ("gzip;q=x", Packing::Plain),
            ("gzip;q=NaN", Packing::Plain),
            ("*", Packing::Plain),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, offer.parse().unwrap())]);
            assert_eq!(super::packing(&headers), packing, "{offer}");
        }
        assert_eq!(super::packing(&HeaderMap::new()), Packing::Plain);
    }

    #[test]
    fn openmetrics_is_told_to_those_who_like_it_best() {
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,\
             text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,\
             */*;q=0.2";
        for (accept, form) in [
            (prometheus, Form::OpenMetrics),
            ("application/openmetrics-text", Form::OpenMetrics),
            (
                "Application/OpenMetrics-Text; version=\"1.0.0\"",
                Form::OpenMetrics,
            ),
            ("application/openmetrics-text;version=0.0.1", Form::Text),
            ("application/openmetrics-text;q=0", Form::Text),
            ("application/openmetrics-text;q=0.5,text/plain", Form::Text),
            ("text/plain,application/openmetrics-text", Form::Text),
            ("text/html,*/*", Form::Text),
            ("", Form::Text),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
            assert_eq!(super::form(&headers), form, "{accept}");
        }
    }
}
