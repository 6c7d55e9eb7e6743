use proptest::prelude::*;

use super::*;

fn ids(body: &str) -> Vec<Option<String>> {
    pieces(body.as_bytes())
        .map(|piece| parse(piece).ok().map(|record| record.log_id.into_owned()))
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
    let read: Vec<bool> = pieces(&body).map(|piece| parse(piece).is_ok()).collect();
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
        let record = parse(body.as_bytes()).unwrap_or_else(|_| panic!("{body}"));
        assert_eq!(
            (record.data().user_id(), record.data().tenant_name()),
            (None, None)
        );
    }
}

#[test]
fn a_record_borrows_what_holds_no_escapes() {
    let body = record("a");
    let record = parse(body.as_bytes()).unwrap_or_else(|_| panic!("{body}"));
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
            let _ = parse(piece);
        }
    }

    #[test]
    fn json_like_text_is_cut_and_read_without_a_panic(body in r#"[\[\]{},:"\\a \n]{0,60}"#) {
        for piece in pieces(body.as_bytes()) {
            let _ = parse(piece);
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
