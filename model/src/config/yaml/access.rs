//! The parts of mappings, lists and choices, one after the other.

use serde::de::{
    DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::failure::Failure;
use super::node::{Kind, Node};
use super::read::{Reader, Way};

/// The entries of a mapping that were not left out.
pub(super) struct Entries<'de, 'p> {
    pub(super) rest: std::slice::Iter<'de, (String, Node)>,
    pub(super) fields: &'p [&'p str],
    pub(super) way: &'p Way<'p>,
    pub(super) value: Option<(&'de str, &'de Node)>,
}

impl<'de> MapAccess<'de> for Entries<'de, '_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        for (key, node) in self.rest.by_ref() {
            let no_value = matches!(node.kind, Kind::Null) && self.fields.contains(&key.as_str());
            if node.dropped || no_value {
                continue;
            }
            self.value = Some((key, node));
            let read = seed.deserialize(key.as_str().into_deserializer());
            return read
                .map(Some)
                .map_err(|failure: Failure| failure.at(|| Way::Key(self.way, key).path()));
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let Some((key, node)) = self.value.take() else {
            return Err(Failure::value("expected a key before a value".to_owned()));
        };
        let way = Way::Key(self.way, key);
        seed.deserialize(Reader { node, way })
            .map_err(|failure| failure.at(|| way.path()))
    }
}

/// The items of a list that were not left out.
pub(super) struct Items<'de, 'p> {
    pub(super) items: std::iter::Enumerate<std::slice::Iter<'de, Node>>,
    pub(super) way: &'p Way<'p>,
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        let Some((at, node)) = self.items.find(|(_, node)| !node.dropped) else {
            return Ok(None);
        };
        let way = Way::Item(self.way, at);
        seed.deserialize(Reader { node, way })
            .map(Some)
            .map_err(|failure| failure.at(|| way.path()))
    }
}

/// A choice that holds something: `name: content`.
pub(super) struct Choice<'de, 'p> {
    pub(super) name: &'de str,
    pub(super) content: Reader<'de, 'p>,
}

impl<'de, 'p> EnumAccess<'de> for Choice<'de, 'p> {
    type Error = Failure;
    type Variant = Reader<'de, 'p>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), Failure> {
        let name = seed.deserialize(self.name.into_deserializer())?;
        Ok((name, self.content))
    }
}

impl<'de> VariantAccess<'de> for Reader<'de, '_> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        match self.node.kind {
            Kind::Null => Ok(()),
            _ => Err(self.expected("nothing")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Failure> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Failure> {
        self.list(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.map(fields, visitor)
    }
}
