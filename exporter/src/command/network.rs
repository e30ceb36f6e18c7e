//! Ranges of addresses: `127.0.0.0/8`, `::1`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

/// A range of addresses that share their first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is not a range of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected an address or a range like `127.0.0.0/8` with no bits set after the prefix, found `{0}`"
)]
pub struct NetworkError(String);

impl Network {
    /// All loopback addresses.
    pub const LOOPBACK: [Self; 2] = [
        Self {
            address: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)),
            prefix: 8,
        },
        Self {
            address: IpAddr::V6(Ipv6Addr::LOCALHOST),
            prefix: 128,
        },
    ];

    /// Whether an address is in the range.
    pub fn contains(self, address: IpAddr) -> bool {
        bits(self.address, self.prefix) == bits(address.to_canonical(), self.prefix)
    }

    /// Whether all addresses of the range are loopback.
    pub fn is_loopback(self) -> bool {
        Self::LOOPBACK
            .iter()
            .any(|wide| wide.prefix <= self.prefix && wide.contains(self.address))
    }
}

/// The family and the first bits of an address, moved to the low end.
fn bits(address: IpAddr, prefix: u8) -> (bool, u128) {
    let (width, bits) = match address {
        IpAddr::V4(address) => (32, u128::from(address.to_bits())),
        IpAddr::V6(address) => (128, address.to_bits()),
    };
    let rest = width - u32::from(prefix).min(width);
    (address.is_ipv4(), bits.checked_shr(rest).unwrap_or(0))
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let fault = || NetworkError(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| fault())?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix: u8 = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| fault())?,
            None => widest,
        };
        if prefix > widest {
            return Err(fault());
        }
        let rest = u32::from(widest - prefix);
        let (_, all) = bits(address, widest);
        let (_, first) = bits(address, prefix);
        // A bit after the prefix is a mistake: it says an address where a range is meant.
        if first.checked_shl(rest).unwrap_or(0) != all {
            return Err(fault());
        }
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_contains_the_addresses_that_share_its_prefix() {
        for (network, address, inside) in [
            ("127.0.0.0/8", "127.255.3.4", true),
            ("127.0.0.0/8", "128.0.0.1", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("127.0.0.1", "::ffff:127.0.0.1", true),
            ("0.0.0.0/0", "9.9.9.9", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "::2", true),
            ("::1", "::1", true),
            ("fe80::/10", "fe81::1", true),
        ] {
            let range: Network = network.parse().unwrap();
            let inside_found = range.contains(address.parse().unwrap());
            assert_eq!(inside_found, inside, "{network} {address}");
        }
    }

    #[test]
    fn only_ranges_within_loopback_are_loopback() {
        for (network, loopback) in [
            ("127.0.0.0/8", true),
            ("127.0.0.1", true),
            ("::1", true),
            ("126.0.0.0/7", false),
            ("0.0.0.0/0", false),
            ("::/0", false),
            ("10.0.0.1", false),
        ] {
            let network: Network = network.parse().unwrap();
            assert_eq!(network.is_loopback(), loopback, "{network}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            "localhost",
            "127.0.0.1/8",
            "127.0.0.0/33",
            "::1/129",
            "127.1",
            "127.0.0.1/",
            "1.2.3.4/-1",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
