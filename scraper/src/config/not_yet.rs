//! Keys that we know and do not take: those of Prometheus that we do not have yet, and those that
//! belong elsewhere.

use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer};

/// The type of such a key: whatever it holds, the file is refused and says why. A null is no value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotYet;

impl<'de> Deserialize<'de> for NotYet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<IgnoredAny>::deserialize(deserializer)? {
            None => Ok(Self),
            Some(_) => Err(D::Error::custom("this key is not supported yet")),
        }
    }
}

/// The type of a key of `alertmanager.yml` that stands outside of `notifications`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Misplaced;

impl<'de> Deserialize<'de> for Misplaced {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<IgnoredAny>::deserialize(deserializer)? {
            None => Ok(Self),
            Some(_) => Err(D::Error::custom(
                "this key of Alertmanager belongs under `notifications`",
            )),
        }
    }
}
