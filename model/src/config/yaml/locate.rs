//! Lines of key paths. The parser tells positions only in errors, so the document is read once
//! more by a reader that goes down the path and fails where it ends.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::node::KeyText;
use super::path::Step;

/// The line of the key or list item at the end of a path (or as far down as the text has it), and
/// of its `nth` occurrence where the key stands more than once, counted from 0.
pub(super) fn line_of(text: &str, path: &[Step], nth: usize) -> Option<usize> {
    if path.is_empty() {
        return None;
    }
    let seed = Descent { path, nth };
    let error = seed
        .deserialize(serde_yaml::Deserializer::from_str(text))
        .err()?;
    Some(error.location()?.line())
}

/// Goes down a path; always ends in an error, which has the position.
struct Descent<'a> {
    path: &'a [Step],
    nth: usize,
}

const HERE: &str = "here";

impl<'de> DeserializeSeed<'de> for Descent<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Descent<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HERE)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if let Some((Step::Item(at), rest)) = self.path.split_first() {
            for _ in 0..*at {
                list.next_element::<IgnoredAny>()?;
            }
            list.next_element_seed(Descent {
                path: rest,
                nth: self.nth,
            })?;
        }
        Err(A::Error::custom(HERE))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((Step::Key(wanted), rest)) = self.path.split_first() else {
            return Err(A::Error::custom(HERE));
        };
        let mut passed = 0;
        loop {
            let seed = KeyAt {
                wanted,
                stop: rest.is_empty() && passed == self.nth,
            };
            match map.next_key_seed(seed)? {
                None => return Err(A::Error::custom(HERE)),
                Some(true) if rest.is_empty() => passed += 1,
                Some(true) => {
                    return map.next_value_seed(Descent {
                        path: rest,
                        nth: self.nth,
                    });
                }
                Some(false) => {}
            }
            map.next_value::<IgnoredAny>()?;
        }
    }
}

/// Says whether a key is the wanted one; fails on it where the path ends with it.
struct KeyAt<'a> {
    wanted: &'a str,
    stop: bool,
}

impl<'de> DeserializeSeed<'de> for KeyAt<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyAt<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        KeyText.expecting(f)
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        if key != self.wanted {
            return Ok(false);
        }
        if self.stop {
            return Err(E::custom(HERE));
        }
        Ok(true)
    }
}
