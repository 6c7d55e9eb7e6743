//! `mfa_changed`: the user's authentication factors changed. No session ends.

use crate::sources::{
    affected::Affected,
    record_view::{RecordView, non_empty_id},
};

/// Matches the enrollment and the removal of a factor by the user.
pub(in crate::sources) fn from_log_record<'r>(record: &'r RecordView<'_>) -> Option<Affected<'r>> {
    record.user_id().map(Affected::nothing)
}

/// Matches a change of the factors through the Management API (below
/// `/api/v2/users/{id}/authentication-methods`).
pub(in crate::sources) fn from_api_operation<'r>(
    record: &'r RecordView<'_>,
) -> Option<Affected<'r>> {
    let operation = record.operation()?;
    match (operation.method, operation.path_segments().as_slice()) {
        (
            "POST" | "PUT" | "PATCH" | "DELETE",
            ["users", id, "authentication-methods"] | ["users", id, "authentication-methods", _],
        ) => Some(Affected::nothing(non_empty_id(*id)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::sources::test_support::{api_operation, event_summary};

    #[test]
    fn changed_authentication_factors_revoke_nothing() {
        let changed = Some(("mfa_changed", "auth0|1", None, None));
        for code in ["gd_unenroll", "gd_enrollment_complete"] {
            let data = format!(r#"{{"type":"{code}","user_id":"auth0|1"}}"#);
            assert_eq!(event_summary(&data), changed);
        }
        let at = |method, rest| {
            let path = format!("/api/v2/users/auth0%7C1/authentication-methods{rest}");
            event_summary(&api_operation(method, &path, "{}", "{}"))
        };
        for (method, rest) in [("post", ""), ("put", ""), ("patch", "/x"), ("delete", "/x")] {
            assert_eq!(at(method, rest), changed, "{method}");
        }
        assert_eq!(at("get", ""), None);
        assert_eq!(at("delete", "/x/y"), None);
    }
}
