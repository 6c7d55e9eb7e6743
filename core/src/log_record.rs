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

use crate::{json, object::Object};

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
    data: Object<LogData<'a>>,
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
        let Text(date) = json::read(self.date?.get()).ok()?;
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
        None if read(body).is_ok() => (body, Form::Object),
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
pub fn read(piece: &[u8]) -> Result<LogRecord<'_>, Unreadable> {
    if !piece.starts_with(b"{") {
        return Err(Unreadable::NotAnObject);
    }
    let text = str::from_utf8(piece).map_err(|_| Unreadable::NotARecord)?;
    let record = json::read(text).map_err(|_| Unreadable::NotARecord)?;
    let Object(record): Object<LogRecord<'_>> = record;
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(body: &str) -> Vec<Option<String>> {
        pieces(body.as_bytes())
            .map(|piece| read(piece).ok().map(|record| record.log_id.into_owned()))
            .collect()
    }

    fn record(id: &str) -> String {
        format!(
            r#"{{"log_id":"{id}","data":{{"type":"slo","user_id":"auth0|{id}","details":{{"a":[1,"],}}"]}}}}}}"#
        )
    }

    fn some(ids: &[&str]) -> Vec<Option<String>> {
        ids.iter().map(|id| Some((*id).to_owned())).collect()
    }

    #[test]
    fn an_array_lines_and_one_object_are_told_apart_by_their_bytes() {
        let [a, b] = ["a", "b"].map(record);
        assert_eq!(ids(&format!("[{a},{b}]")), some(&["a", "b"]));
        assert_eq!(ids(&format!(" [\n {a} ,\r\n {b}\n]\n")), some(&["a", "b"]));
        assert_eq!(ids(&format!("{a}\n{b}\n")), some(&["a", "b"]));
        assert_eq!(ids(&format!("{a}\r\n\r\n{b}\r\n")), some(&["a", "b"]));
        assert_eq!(ids(&a), some(&["a"]));
        assert_eq!(ids(&a.replace(",\"", ",\n  \"")), some(&["a"]));
        assert_eq!(ids(&format!("\u{feff}[{a}]")), some(&["a"]));
    }

    #[test]
    fn an_empty_body_holds_no_piece() {
        for body in ["", " \n", "[]", "[ ]", "[,]", "\u{feff}"] {
            assert_eq!(ids(body), [], "{body:?}");
        }
    }

    #[test]
    fn a_record_that_cannot_be_read_costs_no_other() {
        let [a, b] = ["a", "b"].map(record);
        let around = |bad: &str| {
            let array = ids(&format!("[{a},{bad},{b}]"));
            assert_eq!(array.first(), some(&["a"]).first(), "{bad}");
            assert_eq!(array.last(), some(&["b"]).first(), "{bad}");
            array.iter().filter(|id| id.is_none()).count()
        };
        for bad in [
            "null",
            "1",
            "\"text\"",
            "{}",
            "{oops}",
            "[1,2]",
            "[[[]]]",
            r#"{"log_id":"","data":{"type":"slo"}}"#,
            r#"{"log_id":"a\u0000b","data":{"type":"slo"}}"#,
            r#"{"log_id":1,"data":{"type":"slo"}}"#,
            r#"{"log_id":"x","data":{"type":1}}"#,
            r#"{"log_id":"x","data":{}}"#,
            r#"{"log_id":"x","data":[]}"#,
            r#"{"log_id":"x","data":["slo",null,null,"auth0|x",{}]}"#,
            r#"{"log_id":"x","data":null}"#,
            r#"{"log_id":"x"}"#,
            r#"{"data":{"type":"slo"}}"#,
            r#"{"log_id":"x","data":{"type":"slo","user_id":5}}"#,
            r#"{"log_id":"x","log_id":"y","data":{"type":"slo"}}"#,
            r#"{"log_id":"x","data":{"type":"slo"}} x"#,
        ] {
            assert_eq!(around(bad), 1, "{bad}");
        }
        assert_eq!(
            ids(&format!("{a}\n{{\"log_id\":\n{b}")),
            [Some("a".into()), None, Some("b".into())]
        );
    }

    #[test]
    fn a_body_that_breaks_off_keeps_what_came_before() {
        let [a, b] = ["a", "b"].map(record);
        let (half, _) = b.split_at(30);
        assert_eq!(ids(&format!("[{a},{half}")), [Some("a".into()), None]);
        assert_eq!(ids(&format!("[{a}")), some(&["a"]));
        assert_eq!(ids(&format!("[{a}] trailing")), [Some("a".into()), None]);
        assert_eq!(ids(&format!("[{a}],{b}")).first(), some(&["a"]).first());
    }

    #[test]
    fn bytes_that_are_not_text_spoil_only_their_record() {
        let mut body = b"[{\"log_id\":\"\xff\",\"data\":{\"type\":\"slo\"}},".to_vec();
        body.extend_from_slice(record("b").as_bytes());
        body.push(b']');
        let read: Vec<bool> = pieces(&body).map(|piece| read(piece).is_ok()).collect();
        assert_eq!(read, [false, true]);
    }

    #[test]
    fn a_log_id_has_at_most_256_bytes() {
        let fits = "x".repeat(256);
        assert_eq!(ids(&record(&fits)), some(&[&fits]));
        assert_eq!(ids(&record(&"x".repeat(257))), [None]);
    }

    #[test]
    fn an_absent_a_null_and_an_empty_field_are_the_same() {
        for fields in [
            "",
            r#","user_id":null,"tenant_name":null"#,
            r#","user_id":"","tenant_name":"""#,
        ] {
            let body = format!(r#"{{"log_id":"x","data":{{"type":"slo"{fields}}}}}"#);
            let record = read(body.as_bytes()).unwrap_or_else(|_| panic!("{body}"));
            assert_eq!(
                (record.data().user_id(), record.data().tenant_name()),
                (None, None)
            );
        }
    }

    #[test]
    fn a_record_borrows_what_holds_no_escapes() {
        let body = record("a");
        let record = read(body.as_bytes()).unwrap_or_else(|_| panic!("{body}"));
        assert!(matches!(record.log_id, Cow::Borrowed("a")));
        assert!(matches!(record.data().code, Cow::Borrowed("slo")));
        assert!(matches!(
            record.data().user_id,
            Some(Text(Cow::Borrowed("auth0|a")))
        ));
    }

    proptest! {
        #[test]
        fn any_bytes_are_cut_and_read_without_a_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            for piece in pieces(&body) {
                let _ = read(piece);
            }
        }

        #[test]
        fn json_like_text_is_cut_and_read_without_a_panic(body in r#"[\[\]{},:"\\a \n]{0,60}"#) {
            for piece in pieces(body.as_bytes()) {
                let _ = read(piece);
            }
        }

        #[test]
        fn good_records_come_through_in_order_whatever_stands_between(
            bad in proptest::collection::vec(r#"[^\[\]{}",\\\n]{1,10}|\{[^\[\]{}",\\\n]*\}|"[^"\\\n]*""#, 0..5),
            lines in any::<bool>(),
        ) {
            let mut records = vec![record("first")];
            records.extend(bad);
            records.push(record("last"));
            let body = if lines { records.join("\n") } else { format!("[{}]", records.join(",")) };
            let read: Vec<String> = ids(&body).into_iter().flatten().collect();
            prop_assert_eq!(read, ["first", "last"]);
        }
    }
}
