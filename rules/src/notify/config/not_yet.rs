//! Keys of `alertmanager.yml` that we do not have yet.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A key that Alertmanager has and we do not: nothing may stand there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NotYet;

impl<'de> Deserialize<'de> for NotYet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Empty;
        impl<'de> Visitor<'de> for Empty {
            type Value = NotYet;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("nothing: this key of Alertmanager is not supported yet")
            }

            fn visit_unit<E>(self) -> Result<NotYet, E> {
                Ok(NotYet)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<NotYet, A::Error> {
                match list.next_element::<IgnoredAny>()? {
                    None => Ok(NotYet),
                    Some(_) => Err(A::Error::custom(not_yet())),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NotYet, A::Error> {
                match map.next_entry::<IgnoredAny, IgnoredAny>()? {
                    None => Ok(NotYet),
                    Some(_) => Err(A::Error::custom(not_yet())),
                }
            }
        }
        deserializer
            .deserialize_any(Empty)
            .map_err(|_| D::Error::custom(not_yet()))
    }
}

fn not_yet() -> &'static str {
    "this key of Alertmanager is not supported yet"
}
