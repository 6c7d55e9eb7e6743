//! A log record as the rules look at it: what every record has, and, read once and only where a
//! rule asks for it, what it says of a use of the Management API.
//!
//! Source: Auth0, "Management API" (the operations and their paths).

use std::cell::OnceCell;

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::log_record::LogData;
use crate::json::JsonObject;

/// A record whose code some rule knows.
pub(super) struct Record<'a> {
    data: &'a LogData<'a>,
    operation: OnceCell<Option<Operation<'a>>>,
}

/// A use of the Management API that has succeeded. The record's own `user_id` is then whoever used
/// it; whom it affects is in the path or in the answer.
pub(super) struct Operation<'a> {
    /// In capital letters.
    pub(super) method: String,
    /// The parts of the path below `/api/v2/`, decoded.
    path: Vec<String>,
    request: Option<&'a RawValue>,
    response: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Details<'a> {
    #[serde(default)]
    session_id: Value,
    #[serde(borrow, default)]
    request: Option<&'a RawValue>,
    #[serde(borrow, default)]
    response: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Request<'a> {
    method: String,
    path: String,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

/// Whom an answer names.
#[derive(Deserialize)]
struct User {
    user_id: String,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

impl<'a> Record<'a> {
    pub(super) fn new(data: &'a LogData<'a>) -> Self {
        Self {
            data,
            operation: OnceCell::new(),
        }
    }

    /// The record's own user.
    pub(super) fn user_id(&self) -> Option<&str> {
        self.data.user_id()
    }

    /// The session that the record's details name.
    pub(super) fn session_id(&self) -> Option<String> {
        match self.details()?.session_id {
            Value::String(id) if !id.is_empty() => Some(id),
            _ => None,
        }
    }

    /// What the record says of a use of the Management API.
    pub(super) fn operation(&self) -> Option<&Operation<'a>> {
        let read = || {
            let details = self.details()?;
            let request: Request<'_> = object(details.request?)?;
            let response: Response<'_> = object(details.response?)?;
            Some(Operation {
                method: request.method.to_ascii_uppercase(),
                path: path_of(&request.path)?,
                request: request.body,
                response: response.body,
            })
        };
        self.operation.get_or_init(read).as_ref()
    }

    fn details(&self) -> Option<Details<'a>> {
        object(self.data.details?)
    }
}

/// What an object holds.
fn object<'de, T: Deserialize<'de>>(json: &'de RawValue) -> Option<T> {
    let JsonObject(held) = serde_json::from_str(json.get()).ok()?;
    Some(held)
}

/// The parts of a path below `/api/v2/`; Auth0 does not say whether ids in it are percent-encoded.
fn path_of(path: &str) -> Option<Vec<String>> {
    let decode = |part: &str| Some(percent_decode_str(part).decode_utf8().ok()?.into_owned());
    path.strip_prefix("/api/v2/")?
        .split('/')
        .map(decode)
        .collect()
}

/// The id in a path, unless it is empty.
pub(super) fn named(id: &str) -> Option<String> {
    (!id.is_empty()).then(|| id.to_owned())
}

impl Operation<'_> {
    /// Of an update of a user (`PATCH /api/v2/users/{id}`), the id.
    pub(super) fn updated_user(&self) -> Option<String> {
        match (self.method.as_str(), self.path().as_slice()) {
            ("PATCH", ["users", id]) => named(id),
            _ => None,
        }
    }

    /// The path's parts, to be matched.
    pub(super) fn path(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// The body of the request, as far as it is a `T`.
    pub(super) fn request<'de, T: Deserialize<'de>>(&'de self) -> Option<T> {
        object(self.request?)
    }

    /// The user that the answer names.
    pub(super) fn answered_user(&self) -> Option<String> {
        let User { user_id } = self.response()?;
        (!user_id.is_empty()).then_some(user_id)
    }

    /// The body of the answer, as far as it is a `T`.
    pub(super) fn response<'de, T: Deserialize<'de>>(&'de self) -> Option<T> {
        object(self.response?)
    }
}
