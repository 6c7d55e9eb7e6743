//! Strict JSON objects.
//!
//! Serde accepts an array of values where it expects a struct. [`JsonObject`] accepts an object
//! only. [`NoDuplicateKeys`] also rejects an object with a duplicate key, because one reader could
//! use the first value and another reader the last.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Unexpected, Visitor, value::MapAccessDeserializer},
};

/// A value that is deserialized from a JSON object and from nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonObject<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for JsonObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = JsonObject<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
                Err(text_in_place_of_an_object(&self))
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members)).map(JsonObject)
            }
        }

        // `deserialize_map` would not call `visit_str`.
        deserializer.deserialize_any(ObjectVisitor(PhantomData))
    }
}

/// Returns the error for text where an object is expected. It does not quote the text, as serde's
/// own error does: six bytes per byte, if each must be escaped.
fn text_in_place_of_an_object<'de, E: Error>(visitor: &impl Visitor<'de>) -> E {
    E::invalid_type(Unexpected::Other("text"), visitor)
}

/// Deserializes a [`JsonObject`] field: `#[serde(deserialize_with = "object")]`.
pub(crate) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    JsonObject::deserialize(deserializer).map(|JsonObject(value)| value)
}

/// Deserializes a list of [`JsonObject`]s: `#[serde(deserialize_with = "objects")]`.
pub(crate) fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let objects = Vec::deserialize(deserializer)?;
    Ok(objects.into_iter().map(|JsonObject(value)| value).collect())
}

/// A JSON object in which no key occurs twice.
#[derive(Debug)]
pub(crate) struct NoDuplicateKeys<T>(pub(crate) BTreeMap<String, T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for NoDuplicateKeys<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for MembersVisitor<T> {
            type Value = NoDuplicateKeys<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
                Err(text_in_place_of_an_object(&self))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((key, value)) = entries.next_entry::<String, T>()? {
                    if members.contains_key(&key) {
                        return Err(A::Error::custom(format_args!("duplicate key {key:?}")));
                    }
                    members.insert(key, value);
                }
                Ok(NoDuplicateKeys(members))
            }
        }

        deserializer.deserialize_any(MembersVisitor(PhantomData))
    }
}
