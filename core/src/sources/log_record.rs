//! A published body, record by record.
//!
//! One bad record never costs another: the body is cut into records first, by brackets and line
//! ends alone, and each is then read on its own. What cannot be read is reported and the rest
//! goes on, because Auth0 repeats a refused batch for days and then pauses the stream.
//!
//! Records are large and six of their fields matter here, so a record borrows from the body and
//! everything else in it is skipped over.
//!
//! Source: Auth0, "Log Streams: Custom Webhook" (content formats JSON Array, JSON Lines and
//! JSON Object) and "Log Event Type Codes".

use std::{borrow::Cow, str};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::JsonObject;

/// The longest body that is taken, in bytes.
pub const MAX_BODY_BYTES: usize = 5 * 1024 * 1024;
/// How many records are taken at once. Auth0's are so long that fewer fill a body; more can only
/// be of no use.
pub const MAX_RECORDS: usize = 50_000;
/// The longest log id that is taken, in bytes; Auth0's have 56 or so.
const MAX_LOG_ID_BYTES: usize = 256;

/// One record of the tenant's log.
#[derive(Debug, Deserialize)]
pub struct LogRecord<'a> {
    /// What tells this record from every other, and a redelivery from news.
    #[serde(borrow)]
    pub log_id: Cow<'a, str>,
    /// What happened.
    #[serde(borrow)]
    data: JsonObject<LogData<'a>>,
}

impl<'a> LogRecord<'a> {
    /// What happened.
    pub fn data(&self) -> &LogData<'a> {
        &self.data.0
    }
}

/// What happened, as far as any rule here looks at it.
#[derive(Debug, Deserialize)]
pub struct LogData<'a> {
    /// Auth0's code for the kind of record: `slo`, `scp`, `sapi`.
    #[serde(borrow, rename = "type")]
    pub code: Cow<'a, str>,
    /// As it came: a date that cannot be read must not cost the event.
    #[serde(borrow, default)]
    date: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tenant_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    user_id: Option<Text<'a>>,
    /// As they came: what they hold depends on the kind.
    #[serde(borrow, default)]
    pub details: Option<&'a RawValue>,
}

/// Text that borrows where it holds no escapes, also inside an `Option`.
#[derive(Debug, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn non_empty<'t>(text: Option<&'t Text<'_>>) -> Option<&'t str> {
    text.map(|text| text.0.as_ref())
        .filter(|text| !text.is_empty())
}

impl LogData<'_> {
    /// When it happened, as Auth0 wrote it.
    pub fn date(&self) -> Option<Cow<'_, str>> {
        let Text(date) = serde_json::from_str(self.date?.get()).ok()?;
        Some(date)
    }

    /// The tenant's name; older records lack it.
    pub fn tenant_name(&self) -> Option<&str> {
        non_empty(self.tenant_name.as_ref())
    }

    /// The user that the record is about, or who did it: each kind knows which.
    pub fn user_id(&self) -> Option<&str> {
        non_empty(self.user_id.as_ref())
    }
}

/// Why a piece of a body is not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Not even a JSON object's opening brace.
    NotAnObject,
    /// An object that is not well-formed, or lacks what every record has.
    NotARecord,
}

/// Cuts a body into its pieces, each the bytes of one record as far as can be told: the elements
/// of an array, or one object, or the lines. Empty pieces are left out.
pub fn pieces(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let body = body.trim_ascii();
    let (inside, form) = match body.strip_prefix(b"[") {
        Some(inside) => (inside, Form::Array),
        // Telling one object from lines of objects takes reading the first: lines leave a rest.
        None if parse(body).is_ok() => (body, Form::Object),
        None => (body, Form::Lines),
    };
    let mut nesting = Nesting::default();
    inside
        .split(move |byte| match form {
            Form::Array => nesting.separates(*byte),
            Form::Object => false,
            Form::Lines => *byte == b'\n',
        })
        .map(<[u8]>::trim_ascii)
        .filter(|piece| !piece.is_empty())
}

/// The three forms of a body.
enum Form {
    Array,
    Object,
    Lines,
}

/// Reads one piece.
///
/// # Errors
///
/// [`Unreadable`], where it is not a log record.
pub fn parse(piece: &[u8]) -> Result<LogRecord<'_>, Unreadable> {
    if !piece.starts_with(b"{") {
        return Err(Unreadable::NotAnObject);
    }
    let text = str::from_utf8(piece).map_err(|_| Unreadable::NotARecord)?;
    let record = serde_json::from_str(text).map_err(|_| Unreadable::NotARecord)?;
    let JsonObject(record): JsonObject<LogRecord<'_>> = record;
    if is_log_id(&record.log_id) {
        Ok(record)
    } else {
        Err(Unreadable::NotARecord)
    }
}

/// Bounded, and free of control characters, which a database may not compare as they are.
fn is_log_id(id: &str) -> bool {
    (1..=MAX_LOG_ID_BYTES).contains(&id.len()) && !id.contains(char::is_control)
}

/// Where the elements of an array end, by brackets and quotation marks alone, so that an element
/// that is not well-formed is still told from its neighbours.
#[derive(Default)]
struct Nesting {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Nesting {
    /// Whether the next byte stands between elements: a comma, or the array's closing bracket.
    fn separates(&mut self, byte: u8) -> bool {
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
