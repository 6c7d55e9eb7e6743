//! Splits a published body into log records and parses each.
//!
//! One malformed record must not affect the others. So the body is first split by brackets and line
//! ends alone, and each slice is then parsed by itself. A malformed slice is counted, and the rest
//! of the body is accepted, because Auth0 repeats a rejected batch for days and then pauses the log
//! stream.
//!
//! Records are large, but only six of their fields are needed. So a [`LogRecord`] borrows from the
//! body, and the other fields are skipped.
//!
//! Source: Auth0, "Log Streams: Custom Webhook" (content formats JSON Array, JSON Lines and
//! JSON Object) and "Log Event Type Codes".

use std::{borrow::Cow, str};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::JsonObject;

/// Maximum length of a body in bytes.
pub const MAX_BODY_BYTES: usize = 5 * 1024 * 1024;
/// Maximum number of records in a body. A body of the maximum length holds fewer of Auth0's records.
pub const MAX_RECORDS: usize = 50_000;
/// Maximum length of a log id in bytes. Auth0's have about 56.
const MAX_LOG_ID_BYTES: usize = 256;

/// An entry of an Auth0 tenant's log.
#[derive(Debug, Deserialize)]
pub struct LogRecord<'a> {
    /// The unique id of the record.
    ///
    /// Auth0 may deliver a record several times. A record is a duplicate if an event with its `log_id`
    /// is stored.
    #[serde(borrow)]
    pub log_id: Cow<'a, str>,
    #[serde(borrow)]
    data: JsonObject<LogData<'a>>,
}

impl<'a> LogRecord<'a> {
    /// Returns the content of the record.
    pub fn data(&self) -> &LogData<'a> {
        &self.data.0
    }
}

/// The content of a log record: the fields that the rules need.
#[derive(Debug, Deserialize)]
pub struct LogData<'a> {
    /// Auth0's event type code, such as `slo`, `scp` or `sapi`.
    #[serde(borrow, rename = "type")]
    pub code: Cow<'a, str>,
    /// Unparsed: a record with an invalid date still makes an event.
    #[serde(borrow, default)]
    date: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tenant_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    user_id: Option<Text<'a>>,
    /// Unparsed: the content depends on the code.
    #[serde(borrow, default)]
    pub details: Option<&'a RawValue>,
}

/// Text that borrows from the body if it has no escape sequences. Serde borrows a plain `Cow` only
/// outside an `Option`.
#[derive(Debug, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

fn non_empty<'t>(text: Option<&'t Text<'_>>) -> Option<&'t str> {
    text.map(|text| text.0.as_ref())
        .filter(|text| !text.is_empty())
}

impl LogData<'_> {
    /// Returns the date of the record, exactly as Auth0 wrote it.
    pub fn date(&self) -> Option<Cow<'_, str>> {
        let Text(date) = serde_json::from_str(self.date?.get()).ok()?;
        Some(date)
    }

    /// Returns the name of the tenant. Older records have none.
    pub fn tenant_name(&self) -> Option<&str> {
        non_empty(self.tenant_name.as_ref())
    }

    /// Returns the `user_id`: the affected user or the caller, depending on the code.
    pub fn user_id(&self) -> Option<&str> {
        non_empty(self.user_id.as_ref())
    }
}

/// The reason why a slice of a body is not a log record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// The slice does not begin with `{`.
    NotAnObject,
    /// The slice is not well-formed JSON, or a required member is missing or invalid.
    InvalidRecord,
}

/// The records of a body, before each is parsed.
pub struct RecordSlices<'a> {
    content: &'a [u8],
    format: ContentFormat,
}

/// The three content formats of a log stream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ContentFormat {
    /// The content begins after the opening bracket.
    Array,
    Object,
    Lines,
}

/// Splits a body into slices, each of which should be a log record: the elements of an array, or
/// the lines, or the body itself if it is one record. An object whose first member is an array with
/// the name `logs` counts as that array.
pub fn split_records(body: &[u8]) -> RecordSlices<'_> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let body = body.trim_ascii();
    let (content, format) = match body.strip_prefix(b"[") {
        Some(elements) => (elements, ContentFormat::Array),
        // A single object may span several lines.
        None if parse(body).is_ok() => (body, ContentFormat::Object),
        None => match elements_of_logs(body) {
            Some(elements) => (elements, ContentFormat::Array),
            None => (body, ContentFormat::Lines),
        },
    };
    RecordSlices { content, format }
}

/// Returns the elements of the array in `{"logs":[…]}`, with the closing bracket if there is one.
/// Returns `None` for a body of which the object is only a part.
fn elements_of_logs(body: &[u8]) -> Option<&[u8]> {
    let mut rest = body;
    for token in [b"{".as_slice(), br#""logs""#, b":", b"["] {
        rest = rest.trim_ascii_start().strip_prefix(token)?;
    }
    let mut scanner = ArrayScanner::default();
    let is_end = |byte: &u8| scanner.is_separator(*byte) && *byte == b']';
    let Some(end) = rest.iter().position(is_end) else {
        return Some(rest);
    };
    let after_array = rest.get(end.saturating_add(1)..)?.trim_ascii();
    match after_array.strip_prefix(b"}") {
        // Further lines would get lost.
        Some(after_object) if !after_object.is_empty() => None,
        _ => rest.get(..=end),
    }
}

impl<'a> RecordSlices<'a> {
    /// Returns the slices that are not empty.
    pub fn slices(&self) -> impl Iterator<Item = &'a [u8]> {
        let format = self.format;
        let mut scanner = ArrayScanner::default();
        self.content
            .split(move |byte| match format {
                ContentFormat::Array => scanner.is_separator(*byte),
                ContentFormat::Object => false,
                ContentFormat::Lines => *byte == b'\n',
            })
            .map(<[u8]>::trim_ascii)
            .filter(|slice| !slice.is_empty())
    }

    /// Returns whether the body is an array that is not cut off.
    pub fn is_complete_array(&self) -> bool {
        self.format == ContentFormat::Array && self.content.ends_with(b"]")
    }
}

/// Parses a slice of a body as a log record.
///
/// # Errors
///
/// [`ParseError`] if the slice is not a log record.
pub fn parse(slice: &[u8]) -> Result<LogRecord<'_>, ParseError> {
    if !slice.starts_with(b"{") {
        return Err(ParseError::NotAnObject);
    }
    let text = str::from_utf8(slice).map_err(|_| ParseError::InvalidRecord)?;
    let JsonObject(record): JsonObject<LogRecord<'_>> =
        serde_json::from_str(text).map_err(|_| ParseError::InvalidRecord)?;
    if is_valid_log_id(&record.log_id) {
        Ok(record)
    } else {
        Err(ParseError::InvalidRecord)
    }
}

/// Returns whether a log id has a valid length and no control characters. A database may not
/// compare control characters exactly.
fn is_valid_log_id(id: &str) -> bool {
    (1..=MAX_LOG_ID_BYTES).contains(&id.len()) && !id.contains(char::is_control)
}

/// Finds the ends of the elements of a JSON array. It tracks only brackets and strings, so it also
/// finds the end of an element that is not well-formed.
#[derive(Default)]
struct ArrayScanner {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl ArrayScanner {
    /// Scans the next byte. Returns whether it separates elements: a comma, or the closing bracket
    /// of the array.
    fn is_separator(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b',' | b']' if self.depth == 0 => return true,
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests;
