//! `logout`: the user logged out of Auth0. The record may name the session that ended.

use crate::sources::{affected::Affected, record_view::RecordView};

/// Matches "Success Logout".
pub(in crate::sources) fn from_log_record<'r>(record: &'r RecordView<'_>) -> Option<Affected<'r>> {
    Some(Affected::session_or_user(
        record.user_id()?,
        record.session_id(),
    ))
}

#[cfg(test)]
mod tests {
    use crate::sources::test_support::event_json;

    #[test]
    fn a_logout_revokes_the_session_that_it_names() {
        let data = r#"{"date":"2021-11-03T05:53:57.546Z","type":"slo","connection":"Username-Password-Authentication","details":{"return_to":"http://localhost:3000","allowed_logout_url":["http://localhost:3000"],"session_id":"1TAd-x"},"user_id":"auth0|6182","log_id":"9002"}"#;
        assert_eq!(
            event_json(data).as_deref(),
            Some(
                r#"{"id":"1","type":"logout","date":"2021-11-03T05:53:57.546Z","user_id":"auth0|6182","session_id":"1TAd-x","revokes":"session"}"#
            )
        );
    }

    #[test]
    fn a_logout_without_a_session_id_revokes_all_sessions_of_the_user() {
        for details in [
            "",
            r#","details":null"#,
            r#","details":{}"#,
            r#","details":"text""#,
            r#","details":{"session_id":null}"#,
            r#","details":{"session_id":""}"#,
            r#","details":{"session_id":7}"#,
        ] {
            let data = format!(
                r#"{{"type":"slo","date":"2021-11-03T05:53:57Z","user_id":"auth0|1"{details}}}"#
            );
            assert_eq!(
                event_json(&data).as_deref(),
                Some(
                    r#"{"id":"1","type":"logout","date":"2021-11-03T05:53:57Z","user_id":"auth0|1","revokes":"user"}"#
                ),
                "{details}"
            );
        }
    }

    #[test]
    fn a_logout_without_a_user_makes_no_event() {
        for user in ["", r#","user_id":null"#, r#","user_id":"""#] {
            assert_eq!(event_json(&format!(r#"{{"type":"slo"{user}}}"#)), None);
        }
        assert_eq!(event_json(r#"{"type":"flo","user_id":"auth0|1"}"#), None);
    }
}
