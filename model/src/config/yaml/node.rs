//! A YAML document as a tree that remembers how its scalars were written.
//!
//! The parser resolves `1.10` to a number; Go reads it as the text `1.10` where a text is wanted.
//! So the document is walked twice: once for the kinds of its nodes, once for the written text of
//! the scalars that are not strings.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IgnoredAny, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

use super::path::Step;

/// One value of a document.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// Faulty and left out from now on. The node keeps its place, so that list items keep their
    /// numbers.
    pub(super) dropped: bool,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Null,
    Bool(bool, String),
    Whole(i128, String),
    Float(f64, String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
    /// A value with a tag of its own, such as `!include`.
    Tagged(String),
}

impl Node {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            dropped: false,
        }
    }

    /// The node's value below a key, dropped or not.
    fn child_mut(&mut self, step: &Step) -> Option<&mut Self> {
        match (&mut self.kind, step) {
            (Kind::Map(entries), Step::Key(key)) => entries
                .iter_mut()
                .find(|(have, _)| have == key)
                .map(|(_, node)| node),
            (Kind::List(items), Step::Item(at)) => items.get_mut(*at),
            _ => None,
        }
    }

    /// Leaves out the node at a path. False where there is none or it was left out before.
    pub(super) fn drop_at(&mut self, path: &[Step]) -> bool {
        let mut node = self;
        for step in path {
            match node.child_mut(step) {
                Some(child) if !child.dropped => node = child,
                _ => return false,
            }
        }
        node.dropped = true;
        true
    }

    /// The tree with a text under another key instead of the value at a path.
    pub(super) fn with_text_at(&self, path: &[Step], key: &str) -> Option<Self> {
        let mut root = self.clone();
        let (Step::Key(old), above) = path.split_last()? else {
            return None;
        };
        let mut node = &mut root;
        for step in above {
            node = node.child_mut(step)?;
        }
        let Kind::Map(entries) = &mut node.kind else {
            return None;
        };
        let entry = entries.iter_mut().find(|(have, _)| have == old)?;
        *entry = (key.to_owned(), Self::new(Kind::Text("x".to_owned())));
        Some(root)
    }

    /// Whether the mapping at a path has this key and it was left out.
    pub(super) fn has_dropped(&mut self, path: &[Step], key: &str) -> bool {
        let mut node = self;
        for step in path.iter().chain([&Step::Key(key.to_owned())]) {
            match node.child_mut(step) {
                Some(child) => node = child,
                None => return false,
            }
        }
        node.dropped
    }
}

/// What was found, for messages.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Null => f.write_str("nothing"),
            Kind::Bool(_, text) => write!(f, "the boolean `{text}`"),
            Kind::Whole(_, text) | Kind::Float(_, text) => write!(f, "the number `{text}`"),
            Kind::Text(text) => write!(f, "the text `{text}`"),
            Kind::List(_) => f.write_str("a list"),
            Kind::Map(_) => f.write_str("a mapping"),
            Kind::Tagged(tag) => write!(f, "the YAML tag `!{tag}`"),
        }
    }
}

/// First walk: the kinds of the nodes. Of a key that stands twice, both entries are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kinds;

impl<'de> DeserializeSeed<'de> for Kinds {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Kinds {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::new(Kind::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::new(Kind::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::new(Kind::Bool(value, String::new())))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::new(Kind::Whole(value.into(), String::new())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::new(Kind::Whole(value.into(), String::new())))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Node, E> {
        Ok(Node::new(Kind::Whole(value, String::new())))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Node, E> {
        let kind = match i128::try_from(value) {
            Ok(value) => Kind::Whole(value, String::new()),
            Err(_) => Kind::Float(value as f64, String::new()),
        };
        Ok(Node::new(kind))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::new(Kind::Float(value, String::new())))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::new(Kind::Text(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(Self)? {
            items.push(item);
        }
        Ok(Node::new(Kind::List(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key_seed(KeyText)? {
            entries.push((key, map.next_value_seed(Self)?));
        }
        Ok(Node::new(Kind::Map(entries)))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Node, A::Error> {
        let (tag, content) = tagged.variant_seed(KeyText)?;
        content.newtype_variant::<IgnoredAny>()?;
        Ok(Node::new(Kind::Tagged(tag)))
    }
}

/// A key as it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyText;

impl<'de> DeserializeSeed<'de> for KeyText {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyText {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key that is a plain text")
    }

    fn visit_str<E>(self, value: &str) -> Result<String, E> {
        Ok(value.to_owned())
    }
}

/// Second walk: the written text of booleans and numbers.
#[derive(Debug)]
pub(super) struct Written<'a>(pub(super) &'a mut Node);

impl<'de> DeserializeSeed<'de> for Written<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match &mut self.0.kind {
            Kind::List(_) => deserializer.deserialize_seq(self),
            Kind::Map(_) => deserializer.deserialize_map(self),
            Kind::Bool(_, text) | Kind::Whole(_, text) | Kind::Float(_, text) => {
                *text = KeyText.deserialize(deserializer)?;
                Ok(())
            }
            Kind::Null | Kind::Text(_) | Kind::Tagged(_) => {
                deserializer.deserialize_ignored_any(IgnoredAny).map(drop)
            }
        }
    }
}

impl<'de> Visitor<'de> for Written<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the same document again")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if let Kind::List(items) = &mut self.0.kind {
            for item in items {
                list.next_element_seed(Written(item))?;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if let Kind::Map(entries) = &mut self.0.kind {
            for (_, value) in entries {
                map.next_key::<IgnoredAny>()?;
                map.next_value_seed(Written(value))?;
            }
        }
        Ok(())
    }
}
