//! The `active` attribute in the request of a SCIM operation on a user.
//!
//! Identity providers write an update in different ways: with or without a `path`, with the value as a
//! boolean or as text, and with `op` in any case.
//!
//! Source: RFC 7643, section 4.1.1 (`active`), RFC 7644, sections 3.5.1 and 3.5.2 (PUT and PATCH).

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::record_view::{non_empty_text, parse_object};

/// The name of the attribute. Attribute names are case-insensitive.
const ACTIVE: &str = "active";
/// The prefix of an attribute in its fully qualified form.
const USER_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User:";

/// A user, or a part of one.
#[derive(Deserialize)]
pub(super) struct User<'a> {
    #[serde(borrow, default, alias = "Active")]
    active: Option<&'a RawValue>,
}

impl User<'_> {
    /// Returns the value of `active` if the user has it.
    pub(super) fn active(&self) -> Option<bool> {
        boolean(self.active?)
    }
}

/// The request body of a PATCH.
#[derive(Deserialize)]
pub(super) struct Patch<'a> {
    /// An array, unparsed: serde's error for text in its place would quote all of the text.
    #[serde(borrow, rename = "Operations", alias = "operations")]
    operations: &'a RawValue,
}

impl Patch<'_> {
    /// Returns the value that the operations set `active` to, if they do.
    pub(super) fn active(&self) -> Option<bool> {
        let operations = self.operations.get();
        if !operations.starts_with('[') {
            return None;
        }
        let FinalActive(active) = serde_json::from_str(operations).ok()?;
        active
    }
}

/// The value of `active` after all operations. The operations are not stored, because there can be any
/// number of them.
struct FinalActive(Option<bool>);

impl<'de> Deserialize<'de> for FinalActive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Operations;

        impl<'de> Visitor<'de> for Operations {
            type Value = FinalActive;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of operations")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<FinalActive, A::Error> {
                let mut active = None;
                while let Some(item) = items.next_element::<&RawValue>()? {
                    let operation: Option<Operation<'_>> = parse_object(item);
                    active = operation
                        .and_then(|operation| operation.active())
                        .or(active);
                }
                Ok(FinalActive(active))
            }
        }

        deserializer.deserialize_seq(Operations)
    }
}

#[derive(Deserialize)]
struct Operation<'a> {
    #[serde(borrow, default)]
    op: Option<&'a RawValue>,
    #[serde(borrow, default)]
    path: Option<&'a RawValue>,
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
}

impl Operation<'_> {
    /// Returns the value that the operation sets `active` to, if it does.
    fn active(&self) -> Option<bool> {
        let op = non_empty_text(self.op?)?;
        let sets_value = ["add", "replace"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(&op));
        if !sets_value {
            return None;
        }
        match self.path.and_then(non_empty_text) {
            None => parse_object::<User<'_>>(self.value?)?.active(),
            Some(path) if is_active(&path) => boolean(self.value?),
            Some(_) => None,
        }
    }
}

fn is_active(path: &str) -> bool {
    let name = match path.split_at_checked(USER_SCHEMA.len()) {
        Some((schema, name)) if schema.eq_ignore_ascii_case(USER_SCHEMA) => name,
        _ => path,
    };
    name.eq_ignore_ascii_case(ACTIVE)
}

/// Returns a boolean that is written as such or as text, such as `"False"`.
fn boolean(value: &RawValue) -> Option<bool> {
    let text = non_empty_text(value);
    match text.as_deref().unwrap_or_else(|| value.get()) {
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}
