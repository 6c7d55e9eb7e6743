//! `email_changed`: the user's email address changed. No session ends.

use crate::sources::{affected::Affected, record_view::RecordView};

/// Matches "Success Change Email".
pub(in crate::sources) fn from_log_record<'r>(record: &'r RecordView<'_>) -> Option<Affected<'r>> {
    record.user_id().map(Affected::nothing)
}

#[cfg(test)]
mod tests {
    use crate::sources::test_support::event_summary;

    #[test]
    fn a_changed_email_address_revokes_nothing() {
        assert_eq!(
            event_summary(r#"{"type":"sce","user_id":"auth0|1"}"#),
            Some(("email_changed", "auth0|1", None, None))
        );
        assert_eq!(event_summary(r#"{"type":"sce"}"#), None);
    }
}
