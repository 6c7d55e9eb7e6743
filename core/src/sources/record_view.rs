//! The view of a log record that the rules read: the fields of every record, and the Management API
//! operation that a `sapi` record describes.
//!
//! Source: Auth0, "Management API" (the operations and their paths).

use std::{borrow::Cow, cell::OnceCell};

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::log_record::{LogData, Text};
use crate::json::JsonObject;

/// The HTTP methods of operations that change something.
const METHODS: [&str; 4] = ["POST", "PUT", "PATCH", "DELETE"];
/// Maximum length of the path of an operation in bytes. A user id of the maximum length fits, with
/// every byte percent-encoded.
const MAX_PATH_BYTES: usize = 4 * 1024;
/// Maximum number of segments below `/api/v2/`. No operation that a rule matches has more.
const MAX_PATH_SEGMENTS: usize = 8;

/// A log record, and its operation once a rule has requested it.
pub(super) struct RecordView<'a> {
    data: &'a LogData<'a>,
    operation: OnceCell<Option<ApiOperation<'a>>>,
}

/// A successful operation of the Management API.
///
/// The `user_id` of its record is the caller's. The affected user is in the path or in the response.
pub(super) struct ApiOperation<'a> {
    /// The HTTP method in uppercase.
    pub(super) method: &'static str,
    /// The segments of the path below `/api/v2/`, percent-decoded.
    path_segments: Vec<String>,
    request_body: Option<&'a RawValue>,
    response_body: Option<&'a RawValue>,
}

// Members that may have any type are unparsed. A `Value` can take sixty times the memory of its
// text, and serde's error for text of the wrong type quotes all of it.

#[derive(Deserialize)]
struct Details<'a> {
    #[serde(borrow, default)]
    session_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    request: Option<&'a RawValue>,
    #[serde(borrow, default)]
    response: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    path: Cow<'a, str>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

/// A response body that names a user.
#[derive(Deserialize)]
struct User<'a> {
    #[serde(borrow)]
    user_id: Cow<'a, str>,
}

impl<'a> RecordView<'a> {
    pub(super) fn new(data: &'a LogData<'a>) -> Self {
        Self {
            data,
            operation: OnceCell::new(),
        }
    }

    /// Returns the record's own `user_id`.
    pub(super) fn user_id(&self) -> Option<&str> {
        self.data.user_id()
    }

    /// Returns the session that the record's details name.
    pub(super) fn session_id(&self) -> Option<Cow<'a, str>> {
        let Text(session_id) = serde_json::from_str(self.details()?.session_id?.get()).ok()?;
        non_empty_id(session_id)
    }

    /// Returns the Management API operation that the record describes. It is parsed once and only
    /// if a rule needs it.
    pub(super) fn operation(&self) -> Option<&ApiOperation<'a>> {
        self.operation
            .get_or_init(|| self.parse_operation())
            .as_ref()
    }

    fn parse_operation(&self) -> Option<ApiOperation<'a>> {
        let details = self.details()?;
        let request: Request<'_> = parse_object(details.request?)?;
        let response: Response<'_> = parse_object(details.response?)?;
        Some(ApiOperation {
            method: parse_method(&request.method)?,
            path_segments: parse_path(&request.path)?,
            request_body: request.body,
            response_body: response.body,
        })
    }

    fn details(&self) -> Option<Details<'a>> {
        parse_object(self.data.details?)
    }
}

impl<'a> ApiOperation<'a> {
    /// Returns the segments of the path below `/api/v2/`, for use as a pattern.
    pub(super) fn path_segments(&self) -> Vec<&str> {
        self.path_segments.iter().map(String::as_str).collect()
    }

    /// Returns the user id in the path of an update of a user (`PATCH /api/v2/users/{id}`).
    pub(super) fn updated_user_id(&self) -> Option<&str> {
        match (self.method, self.path_segments().as_slice()) {
            ("PATCH", ["users", id]) => non_empty_id(*id),
            _ => None,
        }
    }

    /// Returns the request body if it is an object of type `T`.
    pub(super) fn request_body<T: Deserialize<'a>>(&self) -> Option<T> {
        parse_object(self.request_body?)
    }

    /// Returns the response body if it is an object of type `T`.
    pub(super) fn response_body<T: Deserialize<'a>>(&self) -> Option<T> {
        parse_object(self.response_body?)
    }

    /// Returns the `user_id` in the response body.
    pub(super) fn response_user_id(&self) -> Option<Cow<'a, str>> {
        let User { user_id } = self.response_body()?;
        non_empty_id(user_id)
    }
}

/// Returns an id from a path or a body, or `None` if it is empty.
pub(super) fn non_empty_id<T: AsRef<str>>(id: T) -> Option<T> {
    (!id.as_ref().is_empty()).then_some(id)
}

fn parse_object<'a, T: Deserialize<'a>>(json: &'a RawValue) -> Option<T> {
    let JsonObject(value) = serde_json::from_str(json.get()).ok()?;
    Some(value)
}

/// Returns a method in uppercase, or `None` if no rule matches it. Auth0 writes it in lowercase.
fn parse_method(method: &str) -> Option<&'static str> {
    METHODS
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(method))
}

/// Returns the segments of a path below `/api/v2/`, or `None` if the path is longer than that of
/// any operation. They are percent-decoded, because Auth0 does not document whether ids in the path
/// are encoded.
fn parse_path(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix("/api/v2/")?;
    let is_too_long = path.len() > MAX_PATH_BYTES || path.split('/').count() > MAX_PATH_SEGMENTS;
    if is_too_long {
        return None;
    }
    path.split('/')
        .map(|segment| {
            let decoded = percent_decode_str(segment).decode_utf8().ok()?;
            Some(decoded.into_owned())
        })
        .collect()
}
