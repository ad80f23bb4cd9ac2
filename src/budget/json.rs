//! JSON from outside: each value is charged as it is read, by the size of what it becomes.
//!
//! The deserializer of `serde_json` is wrapped, so that a type need not know of budgets.

#![allow(clippy::disallowed_methods)] // this is the way that all others take

use std::cell::Cell;
use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::account::{ALLOCATION, Budget, Held, OverBudget};

/// A value of any shape: in serde's own form, in `serde_json`'s, and in the vector or map that it is in.
pub(crate) const OF_ANY_SHAPE: usize = 16 * size_of::<serde_json::Value>();
/// A node of a `BTreeMap` has room for so many entries, and some more of its own.
pub(crate) const NODE: usize = 12;

/// As long as names of fields are. That of one that is not known is in the price of its value.
const NAME: usize = 64;

/// Why bytes are not the JSON that was expected.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// More than may be kept.
    #[error(transparent)]
    OverBudget(#[from] OverBudget),
    /// Not JSON, or not of the shape.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl Budget {
    /// Reads a value from JSON; it counts until `Held` is dropped.
    pub fn json<T: DeserializeOwned>(&self, json: &[u8]) -> Result<(T, Held), JsonError> {
        let held = self.hold(0)?;
        let value = self.json_with(json, &held, std::marker::PhantomData)?;
        Ok((value, held))
    }

    /// Reads JSON by a seed, which can do with each part of it what it likes; what the parts take is held in `held`.
    pub fn json_with<'a, T: DeserializeSeed<'a>>(
        &self,
        json: &'a [u8],
        held: &Held,
        seed: T,
    ) -> Result<T::Value, JsonError> {
        self.work(json.len() as u64)?;
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        let meter = Meter { held, is_field: Cell::new(false), place: Cell::new(0) };
        let value = seed.deserialize(Charged { inner: &mut deserializer, meter: &meter });
        let value = value.and_then(|value| deserializer.end().map(|()| value));
        value.map_err(|error| held.add(0).map_or_else(JsonError::from, |()| JsonError::Json(error)))
    }
}

/// What is charged, and what a value needs to know of the one that it lies in.
struct Meter<'h> {
    held: &'h Held,
    /// Whether the last key of a map is the name of a field: those of a struct lie in the struct.
    is_field: Cell<bool>,
    /// What was charged for the place of the next value. That of a box is smaller than what is in it.
    place: Cell<usize>,
}

impl Meter<'_> {
    fn charge<E: serde::de::Error>(&self, bytes: usize) -> Result<(), E> {
        self.held.add(bytes).map_err(E::custom)
    }

    /// The name of a field that is known is not kept, that of another one is: what is beyond a name's length counts.
    fn charge_text<E: serde::de::Error>(&self, bytes: usize) -> Result<(), E> {
        self.charge(if self.is_field.get() { bytes.saturating_sub(NAME) } else { bytes + ALLOCATION })
    }
}

/// Hands all on to `inner`, and charges on the way.
struct Charged<'m, T> {
    inner: T,
    meter: &'m Meter<'m>,
}

impl<'m, T> Charged<'m, T> {
    fn with<U>(&self, inner: U) -> Charged<'m, U> {
        Charged { inner, meter: self.meter }
    }
}

macro_rules! deserialize {
    ($($name:ident)*) => {
        $(fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            let visitor = self.with(visitor);
            self.inner.$name(visitor)
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Charged<'_, D> {
    type Error = D::Error;

    deserialize! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32
        deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_byte_buf deserialize_option deserialize_unit deserialize_seq deserialize_map
        deserialize_ignored_any
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.meter.is_field.set(true);
        let visitor = self.with(visitor);
        self.inner.deserialize_identifier(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.meter.charge(OF_ANY_SHAPE)?;
        let visitor = self.with(visitor);
        self.inner.deserialize_any(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = self.with(visitor);
        self.inner.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = self.with(visitor);
        self.inner.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = self.with(visitor);
        self.inner.deserialize_tuple(length, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = self.with(visitor);
        self.inner.deserialize_tuple_struct(name, length, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = self.with(visitor);
        self.inner.deserialize_struct(name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = self.with(visitor);
        self.inner.deserialize_enum(name, variants, visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! visit {
    ($($name:ident: $type:ty),*) => {
        $(fn $name<E: serde::de::Error>(self, value: $type) -> Result<V::Value, E> {
            self.inner.$name(value)
        })*
    };
}

macro_rules! visit_text {
    ($($name:ident: $type:ty),*) => {
        $(fn $name<E: serde::de::Error>(self, value: $type) -> Result<V::Value, E> {
            self.meter.charge_text(value.len())?;
            self.inner.$name(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Charged<'_, V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(formatter)
    }

    visit! {
        visit_bool: bool, visit_i8: i8, visit_i16: i16, visit_i32: i32, visit_i64: i64, visit_i128: i128, visit_u8: u8,
        visit_u16: u16, visit_u32: u32, visit_u64: u64, visit_u128: u128, visit_f32: f32, visit_f64: f64,
        visit_char: char
    }

    visit_text! {
        visit_str: &str, visit_borrowed_str: &'de str, visit_string: String, visit_bytes: &[u8],
        visit_borrowed_bytes: &'de [u8], visit_byte_buf: Vec<u8>
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let deserializer = self.with(deserializer);
        self.inner.visit_some(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let deserializer = self.with(deserializer);
        self.inner.visit_newtype_struct(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<V::Value, A::Error> {
        self.inner.visit_seq(Elements { sequence, meter: self.meter, room: 0 })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let of_struct = size_of::<V::Value>().saturating_sub(self.meter.place.take());
        let map = Entries { map, meter: self.meter, of_struct, room: 0 };
        self.inner.visit_map(map)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
        let data = self.with(data);
        self.inner.visit_enum(data)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Charged<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        let deserializer = self.with(deserializer);
        self.inner.deserialize(deserializer)
    }
}

/// The elements of a list.
struct Elements<'m, A> {
    sequence: A,
    meter: &'m Meter<'m>,
    /// For how many there is room for each that comes: a node of a set, at first.
    room: usize,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Elements<'_, A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        // A vector that grows is there twice, as it was and with twice the room.
        self.room = if self.room == 0 { NODE } else { 3 };
        self.meter.charge(self.room * size_of::<T::Value>())?;
        self.meter.place.set(size_of::<T::Value>());
        self.sequence.next_element_seed(Charged { inner: seed, meter: self.meter })
    }

    fn size_hint(&self) -> Option<usize> {
        self.sequence.size_hint()
    }
}

/// The entries of a map, or the fields of a struct.
struct Entries<'m, A> {
    map: A,
    meter: &'m Meter<'m>,
    /// What is still to be charged of the whole, if it is a struct.
    of_struct: usize,
    /// For how many entries there is room for each that comes: a node, at first. 0 for fields.
    room: usize,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Entries<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.meter.is_field.set(false);
        let key = self.map.next_key_seed(Charged { inner: seed, meter: self.meter })?;
        let is_field = self.meter.is_field.replace(false);
        if key.is_some() && is_field {
            self.meter.charge(std::mem::take(&mut self.of_struct))?;
        } else if key.is_some() {
            self.room = if self.room == 0 { NODE } else { 2 };
            self.meter.charge(self.room * size_of::<K::Value>())?;
        }
        Ok(key)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.meter.charge(self.room * size_of::<V::Value>())?;
        self.meter.place.set(if self.room == 0 { 0 } else { size_of::<V::Value>() });
        self.map.next_value_seed(Charged { inner: seed, meter: self.meter })
    }

    fn size_hint(&self) -> Option<usize> {
        self.map.size_hint()
    }
}

impl<'m, 'de, A: EnumAccess<'de>> EnumAccess<'de> for Charged<'m, A> {
    type Error = A::Error;
    type Variant = Charged<'m, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let meter = self.meter;
        let (value, variant) = self.inner.variant_seed(Charged { inner: seed, meter })?;
        meter.is_field.set(false);
        Ok((value, Charged { inner: variant, meter }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Charged<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.with(seed);
        self.inner.newtype_variant_seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, A::Error> {
        let visitor = self.with(visitor);
        self.inner.tuple_variant(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = self.with(visitor);
        self.inner.struct_variant(fields, visitor)
    }
}
