use proptest::prelude::*;

use super::*;

fn parsed_ids(body: &str) -> Vec<Option<String>> {
    split_records(body.as_bytes())
        .slices()
        .map(|slice| parse(slice).ok().map(|record| record.log_id.into_owned()))
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
fn an_array_lines_and_a_single_object_are_detected_from_the_body() {
    let [a, b] = ["a", "b"].map(record);
    assert_eq!(parsed_ids(&format!("[{a},{b}]")), some(&["a", "b"]));
    assert_eq!(
        parsed_ids(&format!(" [\n {a} ,\r\n {b}\n]\n")),
        some(&["a", "b"])
    );
    assert_eq!(parsed_ids(&format!("{a}\n{b}\n")), some(&["a", "b"]));
    assert_eq!(
        parsed_ids(&format!("{a}\r\n\r\n{b}\r\n")),
        some(&["a", "b"])
    );
    assert_eq!(parsed_ids(&a), some(&["a"]));
    assert_eq!(parsed_ids(&a.replace(",\"", ",\n  \"")), some(&["a"]));
    assert_eq!(parsed_ids(&format!("\u{feff}[{a}]")), some(&["a"]));
}

#[test]
fn an_empty_body_contains_no_record() {
    for body in ["", " \n", "[]", "[ ]", "[,]", "\u{feff}"] {
        assert_eq!(parsed_ids(body), [], "{body:?}");
    }
}

#[test]
fn a_malformed_record_does_not_affect_the_others() {
    let [a, b] = ["a", "b"].map(record);
    let malformed_count = |bad: &str| {
        let array = parsed_ids(&format!("[{a},{bad},{b}]"));
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
        assert_eq!(malformed_count(bad), 1, "{bad}");
    }
    assert_eq!(
        parsed_ids(&format!("{a}\n{{\"log_id\":\n{b}")),
        [Some("a".into()), None, Some("b".into())]
    );
}

#[test]
fn the_records_before_the_end_of_a_truncated_body_are_parsed() {
    let [a, b] = ["a", "b"].map(record);
    let (half, _) = b.split_at(30);
    assert_eq!(
        parsed_ids(&format!("[{a},{half}")),
        [Some("a".into()), None]
    );
    assert_eq!(parsed_ids(&format!("[{a}")), some(&["a"]));
    assert_eq!(
        parsed_ids(&format!("[{a}] trailing")),
        [Some("a".into()), None]
    );
    assert_eq!(
        parsed_ids(&format!("[{a}],{b}")).first(),
        some(&["a"]).first()
    );
}

#[test]
fn invalid_utf_8_affects_only_its_record() {
    let mut body = b"[{\"log_id\":\"\xff\",\"data\":{\"type\":\"slo\"}},".to_vec();
    body.extend_from_slice(record("b").as_bytes());
    body.push(b']');
    let parsed: Vec<bool> = split_records(&body)
        .slices()
        .map(|slice| parse(slice).is_ok())
        .collect();
    assert_eq!(parsed, [false, true]);
}

#[test]
fn a_log_id_has_at_most_256_bytes() {
    let fits = "x".repeat(256);
    assert_eq!(parsed_ids(&record(&fits)), some(&[&fits]));
    assert_eq!(parsed_ids(&record(&"x".repeat(257))), [None]);
}

#[test]
fn an_absent_a_null_and_an_empty_field_are_equivalent() {
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
fn a_record_borrows_text_without_escape_sequences() {
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
    fn any_bytes_are_split_and_parsed_without_a_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        for slice in split_records(&body).slices() {
            let _ = parse(slice);
        }
    }

    #[test]
    fn json_like_text_is_split_and_parsed_without_a_panic(body in r#"[\[\]{},:"\\a \n]{0,60}"#) {
        for slice in split_records(body.as_bytes()).slices() {
            let _ = parse(slice);
        }
    }

    #[test]
    fn valid_records_are_parsed_in_order_despite_malformed_ones_between(
        bad in proptest::collection::vec(r#"[^\[\]{}",\\\n]{1,10}|\{[^\[\]{}",\\\n]*\}|"[^"\\\n]*""#, 0..5),
        lines in any::<bool>(),
    ) {
        let mut records = vec![record("first")];
        records.extend(bad);
        records.push(record("last"));
        let body = if lines { records.join("\n") } else { format!("[{}]", records.join(",")) };
        let parsed: Vec<String> = parsed_ids(&body).into_iter().flatten().collect();
        prop_assert_eq!(parsed, ["first", "last"]);
    }
}
