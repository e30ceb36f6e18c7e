//! Reads a section out of a document as Go's YAML library would: a text takes a number or boolean
//! as it is written, a boolean takes `yes` and `no`, nothing stands for the default.

use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::access::{Choice, Entries, Items};
use super::failure::Failure;
use super::node::{Kind, Node};
use super::path::Step;

/// A node and the way to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'de, 'p> {
    pub(super) node: &'de Node,
    pub(super) way: Way<'p>,
}

/// The way to a node, as a list from its end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way<'p> {
    Root,
    Key(&'p Way<'p>, &'p str),
    Item(&'p Way<'p>, usize),
}

impl Way<'_> {
    pub(super) fn path(&self) -> Vec<Step> {
        match self {
            Self::Root => Vec::new(),
            Self::Key(way, key) => {
                let mut path = way.path();
                path.push(Step::Key((*key).to_owned()));
                path
            }
            Self::Item(way, at) => {
                let mut path = way.path();
                path.push(Step::Item(*at));
                path
            }
        }
    }
}

impl<'de> Reader<'de, '_> {
    /// At the top of a document.
    pub(super) fn new(root: &'de Node) -> Self {
        Self {
            node: root,
            way: Way::Root,
        }
    }

    pub(super) fn expected(&self, what: &str) -> Failure {
        Failure::value(format!("expected {what}, found {}", self.node)).at(|| self.way.path())
    }

    fn whole<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let value = match &self.node.kind {
            Kind::Whole(value, _) => *value,
            Kind::Float(value, _) => {
                exact(*value).ok_or_else(|| self.expected("a whole number"))?
            }
            _ => return Err(self.expected("a whole number")),
        };
        let read = match (u64::try_from(value), i64::try_from(value)) {
            (Ok(value), _) => visitor.visit_u64(value),
            (_, Ok(value)) => visitor.visit_i64(value),
            _ => return Err(self.expected("a whole number of 64 bits")),
        };
        read.map_err(|failure: Failure| failure.at(|| self.way.path()))
    }

    fn text<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let read = match &self.node.kind {
            Kind::Text(text)
            | Kind::Bool(_, text)
            | Kind::Whole(_, text)
            | Kind::Float(_, text) => visitor.visit_borrowed_str(text),
            Kind::Null => visitor.visit_borrowed_str(""),
            _ => return Err(self.expected("a text")),
        };
        read.map_err(|failure: Failure| failure.at(|| self.way.path()))
    }

    /// A mapping; of a section with known `fields`, those without a value are left out.
    pub(super) fn map<V: Visitor<'de>>(
        self,
        fields: &[&str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let entries = match &self.node.kind {
            Kind::Map(entries) => entries.as_slice(),
            Kind::Null => &[],
            _ => return Err(self.expected("a mapping")),
        };
        let map = Entries {
            rest: entries.iter(),
            fields,
            way: &self.way,
            value: None,
        };
        visitor
            .visit_map(map)
            .map_err(|failure: Failure| failure.at(|| self.way.path()))
    }

    pub(super) fn list<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let items = match &self.node.kind {
            Kind::List(items) => items.as_slice(),
            Kind::Null => &[],
            _ => return Err(self.expected("a list")),
        };
        let list = Items {
            items: items.iter().enumerate(),
            way: &self.way,
        };
        visitor
            .visit_seq(list)
            .map_err(|failure: Failure| failure.at(|| self.way.path()))
    }
}

/// The whole number that a float is, as in `1e3`.
fn exact(value: f64) -> Option<i128> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() != 0.0 || value.abs() > EXACT {
        return None;
    }
    format!("{value:.0}").parse().ok()
}

/// Booleans as YAML 1.1 has them.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

impl<'de> Deserializer<'de> for Reader<'de, '_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let read = match &self.node.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(value, _) => visitor.visit_bool(*value),
            Kind::Float(value, _) => visitor.visit_f64(*value),
            Kind::Whole(..) => return self.whole(visitor),
            Kind::Text(_) => return self.text(visitor),
            Kind::List(_) => return self.list(visitor),
            Kind::Map(_) => return self.map(&[], visitor),
            Kind::Tagged(_) => return Err(self.expected("a value without a tag")),
        };
        read.map_err(|failure: Failure| failure.at(|| self.way.path()))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let value = match &self.node.kind {
            Kind::Bool(value, _) => Some(*value),
            Kind::Text(text) => boolean(text),
            _ => None,
        };
        match value {
            Some(value) => visitor.visit_bool(value),
            None => Err(self.expected("a boolean (`true` or `false`)")),
        }
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.whole(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.whole(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.whole(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.whole(visitor)
    }

    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.whole(visitor)
    }

    fn deserialize_i16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.whole(visitor)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.whole(visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.whole(visitor)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.kind {
            Kind::Float(value, _) => visitor.visit_f64(*value),
            Kind::Whole(value, _) => visitor.visit_f64(*value as f64),
            _ => Err(self.expected("a number")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.text(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.text(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.text(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.node.kind {
            Kind::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let way = self.way;
        visitor
            .visit_newtype_struct(self)
            .map_err(|failure: Failure| failure.at(|| way.path()))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.list(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Failure> {
        self.list(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.list(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.map(&[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.map(fields, visitor)
    }

    /// `name`, or a mapping of the name to what it holds.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let read = match &self.node.kind {
            Kind::Map(entries) => match entries.as_slice() {
                [(name, content)] => visitor.visit_enum(Choice {
                    name,
                    content: Reader {
                        node: content,
                        way: Way::Key(&self.way, name),
                    },
                }),
                _ => return Err(self.expected("a name")),
            },
            Kind::Text(name)
            | Kind::Bool(_, name)
            | Kind::Whole(_, name)
            | Kind::Float(_, name) => visitor.visit_enum(name.as_str().into_deserializer()),
            _ => return Err(self.expected("a name")),
        };
        read.map_err(|failure: Failure| failure.at(|| self.way.path()))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { i128 u128 char bytes byte_buf unit unit_struct }
}
