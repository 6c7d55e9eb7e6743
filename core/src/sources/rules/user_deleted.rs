//! `user_deleted`: the account was deleted, which ends all of its sessions.

use crate::sources::{
    affected::Affected,
    record_view::{RecordView, non_empty_id},
};

/// Matches "Success User Deletion". The record's `user_id` is the deleted user.
pub(in crate::sources) fn from_log_record<'r>(record: &'r RecordView<'_>) -> Option<Affected<'r>> {
    record.user_id().map(Affected::user)
}

/// Matches a deletion through the Management API (`DELETE /api/v2/users/{id}`). Its response is
/// empty, so the user is taken from the path.
pub(in crate::sources) fn from_api_operation<'r>(
    record: &'r RecordView<'_>,
) -> Option<Affected<'r>> {
    let operation = record.operation()?;
    match (operation.method, operation.path_segments().as_slice()) {
        ("DELETE", ["users", id]) => Some(Affected::user(non_empty_id(*id)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::sources::test_support::{api_operation, event_summary};

    #[test]
    fn a_deletion_revokes_all_sessions_of_the_user() {
        let deleted = Some(("user_deleted", "auth0|1", None, Some("user")));
        assert_eq!(
            event_summary(r#"{"type":"sdu","user_id":"auth0|1"}"#),
            deleted
        );
        for path in ["/api/v2/users/auth0|1", "/api/v2/users/auth0%7C1"] {
            assert_eq!(
                event_summary(&api_operation("delete", path, "{}", "{}")),
                deleted
            );
        }
    }

    #[test]
    fn a_deletion_without_a_user_id_makes_no_event() {
        assert_eq!(event_summary(r#"{"type":"sdu"}"#), None);
        for path in [
            "/api/v2/users/",
            "/api/v2/users",
            "/api/v2/clients/a",
            "/api/v2/users/%ff",
        ] {
            assert_eq!(
                event_summary(&api_operation("DELETE", path, "{}", "{}")),
                None,
                "{path}"
            );
        }
    }
}
