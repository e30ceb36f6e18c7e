//! What we need to know of a client's certificate: when it is valid, and its alternative names.
//!
//! It is read strictly: one byte that is not as X.509 has it, and there is no certificate.

use std::net::IpAddr;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const SEQUENCE: u8 = 0x30;
const OBJECT: u8 = 0x06;
const BOOLEAN: u8 = 0x01;
const OCTETS: u8 = 0x04;
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const URI: u8 = 0x86;
const ADDRESS: u8 = 0x87;

/// The object identifier 2.5.29.17.
const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// What is known of a certificate.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Certificate {
    /// The first and last second of its time, since 1970.
    pub(super) valid: (i64, i64),
    /// Its DNS names, mail addresses, URIs and IP addresses.
    pub(super) names: Vec<String>,
}

impl Certificate {
    /// Reads a certificate; none where it is not one.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let mut outer = Reader(der).only(SEQUENCE)?;
        let mut body = Reader(outer.take(SEQUENCE)?);
        body.take_if(VERSION);
        body.take(INTEGER)?;
        body.take(SEQUENCE)?;
        body.take(SEQUENCE)?;
        let mut valid = Reader(body.take(SEQUENCE)?);
        let valid = (valid.time()?, valid.time()?);
        body.take(SEQUENCE)?;
        body.take(SEQUENCE)?;
        let mut names = None;
        while let Some((tag, content)) = body.element()? {
            if tag == EXTENSIONS {
                let mut extensions = Reader(content).only(SEQUENCE)?;
                while let Some((tag, content)) = extensions.element()? {
                    let mut extension = (tag == SEQUENCE).then_some(Reader(content))?;
                    let id = extension.take(OBJECT)?;
                    extension.take_if(BOOLEAN);
                    let value = extension.take(OCTETS)?;
                    if id == SUBJECT_ALTERNATIVE_NAME && names.replace(read_names(value)?).is_some()
                    {
                        return None;
                    }
                }
            }
        }
        let names = names.unwrap_or_default();
        Some(Self { valid, names })
    }
}

/// The names of the kinds that can be written as text.
fn read_names(der: &[u8]) -> Option<Vec<String>> {
    let mut list = Reader(der).only(SEQUENCE)?;
    let mut names = Vec::new();
    while let Some((tag, content)) = list.element()? {
        match tag {
            EMAIL | DNS | URI => {
                let text = std::str::from_utf8(content).ok()?;
                names.push(text.is_ascii().then(|| text.to_owned())?);
            }
            ADDRESS => {
                let four = <[u8; 4]>::try_from(content).map(IpAddr::from);
                let address = four.or_else(|_| <[u8; 16]>::try_from(content).map(IpAddr::from));
                names.push(address.ok()?.to_canonical().to_string());
            }
            _ => {}
        }
    }
    Some(names)
}

/// DER that is not read yet.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The next element's tag and content; nothing at the end.
    #[expect(
        clippy::option_option,
        reason = "an end is not a fault, and `?` is for faults"
    )]
    fn element(&mut self) -> Option<Option<(u8, &'a [u8])>> {
        let Some((tag, rest)) = self.0.split_first() else {
            return Some(None);
        };
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = bytes
                    .iter()
                    .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
                (length, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Some((*tag, content)))
    }

    /// The content of the next element, which must have this tag.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, content) = self.element()??;
        (found == tag).then_some(content)
    }

    /// Steps over the next element if it has this tag.
    fn take_if(&mut self, tag: u8) {
        let mut ahead = *self;
        if ahead.take(tag).is_some() {
            *self = ahead;
        }
    }

    /// What is in the only element there is.
    fn only(mut self, tag: u8) -> Option<Self> {
        let content = self.take(tag)?;
        self.0.is_empty().then_some(Reader(content))
    }

    /// A time in seconds since 1970: `YYMMDDhhmmssZ`, before 2050, or with all digits of the year.
    fn time(&mut self) -> Option<i64> {
        let (tag, content) = self.element()??;
        let digits = content.strip_suffix(b"Z")?;
        let pair = |pair: &[u8]| -> Option<i16> { std::str::from_utf8(pair).ok()?.parse().ok() };
        if !digits.iter().all(u8::is_ascii_digit) || digits.len() % 2 != 0 {
            return None;
        }
        let pairs: Option<Vec<i16>> = digits.chunks(2).map(pair).collect();
        let (year, rest) = match (tag, pairs?.as_slice()) {
            (UTC_TIME, [year, rest @ ..]) if *year < 50 => (2_000 + year, rest.to_vec()),
            (UTC_TIME, [year, rest @ ..]) => (1_900 + year, rest.to_vec()),
            (GENERALIZED_TIME, [high, low, rest @ ..]) => (high * 100 + low, rest.to_vec()),
            _ => return None,
        };
        let small: Option<Vec<i8>> = rest.iter().map(|n| i8::try_from(*n).ok()).collect();
        let [month, day, hour, minute, second] = *small?.as_slice() else {
            return None;
        };
        let time = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
        Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    fn certificate() -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.subject_alt_names.extend([
            SanType::IpAddress("10.0.0.1".parse().unwrap()),
            SanType::IpAddress("2001:db8::1".parse().unwrap()),
            SanType::Rfc822Name("ann@example".try_into().unwrap()),
            SanType::URI("spiffe://x/y".try_into().unwrap()),
        ]);
        params.not_before = rcgen::date_time_ymd(2020, 2, 29);
        params.not_after = rcgen::date_time_ymd(2060, 1, 1);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn names_and_times_are_those_of_the_certificate() {
        let certificate = Certificate::read(&certificate()).unwrap();
        let names = [
            "a.example",
            "10.0.0.1",
            "2001:db8::1",
            "ann@example",
            "spiffe://x/y",
        ];
        assert_eq!(certificate.names, names);
        assert_eq!(certificate.valid, (1_582_934_400, 2_840_140_800));
    }

    #[test]
    fn a_certificate_that_is_cut_off_is_none() {
        let whole = certificate();
        for end in 0..whole.len() {
            assert_eq!(Certificate::read(whole.get(..end).unwrap()), None, "{end}");
        }
    }

    proptest! {
        #[test]
        fn other_bytes_are_read_without_a_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..400, byte: u8,
        ) {
            let _ = Certificate::read(&bytes);
            let mut changed = certificate();
            if let Some(place) = changed.get_mut(at) {
                *place = byte;
            }
            let _ = Certificate::read(&changed);
        }
    }
}
