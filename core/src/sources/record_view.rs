//! The view of a log record that the rules read: the fields of every record, and the operation that a
//! record of the Management API (`sapi`) or of SCIM (`sscim`) describes.
//!
//! Source: Auth0, "Management API" (the operations and their paths) and "Inbound SCIM".

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
/// Maximum number of segments of a path. No operation that a rule matches has more.
const MAX_PATH_SEGMENTS: usize = 8;

/// A log record, and its operation once a rule has requested it.
pub(super) struct RecordView<'a> {
    data: &'a LogData<'a>,
    operation: OnceCell<Option<Operation<'a>>>,
}

/// A successful operation of the Management API or of SCIM.
///
/// The `user_id` of its record is the caller's, or absent. The affected user is in the path, in the
/// query, in the request or in the response.
pub(super) struct Operation<'a> {
    /// The HTTP method in uppercase.
    pub(super) method: &'static str,
    /// The segments of the path, percent-decoded.
    path_segments: Vec<String>,
    /// The query in the path, if there is one.
    path_query: Option<String>,
    query: Option<&'a RawValue>,
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
    refresh_token: Option<&'a RawValue>,
    #[serde(borrow, default)]
    enrollment: Option<&'a RawValue>,
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
    query: Option<&'a RawValue>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Response<'a> {
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

/// An object that names a user.
#[derive(Deserialize)]
struct User<'a> {
    #[serde(borrow)]
    user_id: &'a RawValue,
}

/// An object that names a session.
#[derive(Deserialize)]
struct Session<'a> {
    #[serde(borrow)]
    session_id: &'a RawValue,
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
        non_empty_text(self.details()?.session_id?)
    }

    /// Returns the session of the refresh token that the record's details describe.
    pub(super) fn refresh_token_session_id(&self) -> Option<Cow<'a, str>> {
        let Session { session_id } = parse_object(self.details()?.refresh_token?)?;
        non_empty_text(session_id)
    }

    /// Returns the user of the enrollment that the record's details describe.
    pub(super) fn enrolled_user_id(&self) -> Option<Cow<'a, str>> {
        let User { user_id } = parse_object(self.details()?.enrollment?)?;
        non_empty_text(user_id)
    }

    /// Returns the operation that the record describes. It is parsed once and only if a rule needs
    /// it.
    pub(super) fn operation(&self) -> Option<&Operation<'a>> {
        self.operation
            .get_or_init(|| self.parse_operation())
            .as_ref()
    }

    /// Returns the user of an update (`PATCH /api/v2/users/{id}`) whose request body is an object of
    /// type `T`.
    pub(super) fn user_updated_with<T: Deserialize<'a>>(&self) -> Option<Cow<'_, str>> {
        let operation = self.operation()?;
        let updated_user_id = operation.updated_user_id()?;
        operation.request_body::<T>()?;
        Some(match operation.response_user_id() {
            Some(user_id) => user_id,
            None => updated_user_id.into(),
        })
    }

    fn parse_operation(&self) -> Option<Operation<'a>> {
        let details = self.details()?;
        let request: Request<'_> = parse_object(details.request?)?;
        if request.path.len() > MAX_PATH_BYTES {
            return None;
        }
        let response: Response<'_> = details.response.and_then(parse_object).unwrap_or_default();
        let (path, query) = match request.path.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (request.path.as_ref(), None),
        };
        Some(Operation {
            method: parse_method(&request.method)?,
            path_segments: parse_path(path)?,
            path_query: query,
            query: request.query,
            request_body: request.body,
            response_body: response.body,
        })
    }

    fn details(&self) -> Option<Details<'a>> {
        parse_object(self.data.details?)
    }
}

impl<'a> Operation<'a> {
    /// Returns the segments of the path, for use as a pattern. `prefix` is the part of the path that
    /// they follow, without slashes at its ends.
    fn segments_below<'s>(&'s self, prefix: &[&str]) -> Option<Vec<&'s str>> {
        let segments: Vec<&'s str> = self.path_segments.iter().map(String::as_str).collect();
        let is_below = segments.starts_with(prefix);
        is_below.then(|| segments.into_iter().skip(prefix.len()).collect())
    }

    /// Returns the segments of the path of a Management API operation, below `/api/v2/`. Any other
    /// operation has none.
    pub(super) fn api_path(&self) -> Vec<&str> {
        self.segments_below(&["api", "v2"]).unwrap_or_default()
    }

    /// Returns the user id in the path of a SCIM operation on a user
    /// (`/scim/v2/connections/{id}/Users/{user_id}`).
    pub(super) fn scim_user_id(&self) -> Option<&str> {
        match self
            .segments_below(&["scim", "v2", "connections"])?
            .as_slice()
        {
            [_, "Users", user_id] => Some(*user_id),
            _ => None,
        }
    }

    /// Returns the user id in the path of an update of a user (`PATCH /api/v2/users/{id}`).
    pub(super) fn updated_user_id(&self) -> Option<&str> {
        match (self.method, self.api_path().as_slice()) {
            ("PATCH", ["users", id]) => Some(*id),
            _ => None,
        }
    }

    /// Returns the user id in the query.
    pub(super) fn query_user_id(&self) -> Option<Cow<'_, str>> {
        if let Some(User { user_id }) = self.query.and_then(parse_object) {
            return non_empty_text(user_id);
        }
        let mut parameters = form_urlencoded::parse(self.path_query.as_deref()?.as_bytes());
        let (_, user_id) = parameters.find(|(name, _)| name == "user_id")?;
        (!user_id.is_empty()).then_some(user_id)
    }

    /// Returns the request body if it is an object of type `T`.
    pub(super) fn request_body<T: Deserialize<'a>>(&self) -> Option<T> {
        parse_object(self.request_body?)
    }

    /// Returns the response body if it is an object of type `T`.
    pub(super) fn response_body<T: Deserialize<'a>>(&self) -> Option<T> {
        parse_object(self.response_body?)
    }

    /// Returns whether the record contains no response body. Auth0 may write `{}` for an empty body.
    pub(super) fn has_empty_response(&self) -> bool {
        self.response_body
            .is_none_or(|body| matches!(body.get(), "null" | "{}" | r#""""#))
    }

    /// Returns the `user_id` in the request body.
    pub(super) fn request_user_id(&self) -> Option<Cow<'a, str>> {
        let User { user_id } = self.request_body()?;
        non_empty_text(user_id)
    }

    /// Returns the `session_id` in the request body.
    pub(super) fn request_session_id(&self) -> Option<Cow<'a, str>> {
        let Session { session_id } = self.request_body()?;
        non_empty_text(session_id)
    }

    /// Returns the `user_id` in the response body.
    pub(super) fn response_user_id(&self) -> Option<Cow<'a, str>> {
        let User { user_id } = self.response_body()?;
        non_empty_text(user_id)
    }
}

/// Returns the text of a JSON value, or `None` if the value is not text or is empty.
pub(super) fn non_empty_text(value: &RawValue) -> Option<Cow<'_, str>> {
    let Text(text) = serde_json::from_str(value.get()).ok()?;
    (!text.is_empty()).then_some(text)
}

/// Returns a JSON value as a `T` if it is an object of that type.
pub(super) fn parse_object<'a, T: Deserialize<'a>>(json: &'a RawValue) -> Option<T> {
    let JsonObject(value) = serde_json::from_str(json.get()).ok()?;
    Some(value)
}

/// Returns a method in uppercase, or `None` if no rule matches it. Auth0 writes it in lowercase.
fn parse_method(method: &str) -> Option<&'static str> {
    METHODS
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(method))
}

/// Returns the segments of a path, or `None` if one is empty or if there are more than
/// [`MAX_PATH_SEGMENTS`]. They are percent-decoded, because Auth0 does not document whether ids in the
/// path are encoded.
fn parse_path(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/')?;
    if path.split('/').count() > MAX_PATH_SEGMENTS {
        return None;
    }
    path.split('/')
        .map(|segment| {
            let decoded = percent_decode_str(segment).decode_utf8().ok()?;
            (!decoded.is_empty()).then(|| decoded.into_owned())
        })
        .collect()
}
