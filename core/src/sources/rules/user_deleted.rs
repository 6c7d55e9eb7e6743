//! `user_deleted`: the account was deleted, which ends all of its sessions.

use crate::sources::{affected::Affected, record_view::RecordView};

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
    match (operation.method, operation.api_path().as_slice()) {
        ("DELETE", ["users", id]) => Some(Affected::user(*id)),
        _ => None,
    }
}

/// Matches a deletion by an identity provider through SCIM.
pub(in crate::sources) fn from_scim_operation<'r>(
    record: &'r RecordView<'_>,
) -> Option<Affected<'r>> {
    let operation = record.operation()?;
    let user_id = operation.scim_user_id()?;
    (operation.method == "DELETE").then(|| Affected::user(user_id))
}

#[cfg(test)]
mod tests {
    use crate::sources::test_support::{api_operation, event_summary, scim_operation};

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

    #[test]
    fn a_deletion_through_scim_revokes_all_sessions_of_the_user() {
        let path = "/scim/v2/connections/con_1/Users/waad%7Cc%7C1";
        assert_eq!(
            event_summary(&scim_operation("DELETE", path, "null", "null")),
            Some(("user_deleted", "waad|c|1", None, Some("user")))
        );
        for path in [
            "/scim/v2/connections/con_1/Users/",
            "/scim/v2/connections/con_1/Groups/g1",
            "/scim/v2/Users/waad%7Cc%7C1",
        ] {
            let data = scim_operation("DELETE", path, "null", "null");
            assert_eq!(event_summary(&data), None, "{path}");
        }
    }
}
