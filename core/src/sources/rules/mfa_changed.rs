//! `mfa_changed`: the user's authentication factors changed. No session ends.

use crate::sources::{affected::Affected, record_view::RecordView};

/// Matches a change of a factor by the user.
pub(in crate::sources) fn from_log_record<'r>(record: &'r RecordView<'_>) -> Option<Affected<'r>> {
    record.user_id().map(Affected::nothing)
}

/// Matches a change of an enrollment. The `user_id` of its record may be that of an administrator, so
/// the user of the enrollment takes precedence.
pub(in crate::sources) fn from_enrollment<'r>(record: &'r RecordView<'_>) -> Option<Affected<'r>> {
    match record.enrolled_user_id() {
        Some(user_id) => Some(Affected::nothing(user_id)),
        None => from_log_record(record),
    }
}

/// Matches a change of the factors through the Management API (below `/api/v2/users/{id}/`).
pub(in crate::sources) fn from_api_operation<'r>(
    record: &'r RecordView<'_>,
) -> Option<Affected<'r>> {
    let operation = record.operation()?;
    match operation.api_path().as_slice() {
        [
            "users",
            id,
            "authentication-methods" | "authenticators" | "recovery-code-regeneration",
        ]
        | [
            "users",
            id,
            "authentication-methods" | "authenticators" | "multifactor",
            _,
        ]
        | ["users", id, "multifactor", "actions", _] => Some(Affected::nothing(*id)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::sources::test_support::{api_operation, event_summary};

    #[test]
    fn changed_authentication_factors_revoke_nothing() {
        let changed = Some(("mfa_changed", "auth0|1", None, None));
        for code in [
            "gd_unenroll",
            "gd_enrollment_complete",
            "gd_update_device_account",
            "my_account_authentication_method_succeeded",
        ] {
            let data = |user| format!(r#"{{"type":"{code}"{user}}}"#);
            assert_eq!(event_summary(&data(r#","user_id":"auth0|1""#)), changed);
            assert_eq!(event_summary(&data("")), None);
        }
        let at = |method, path| {
            let path = format!("/api/v2/users/auth0%7C1/{path}");
            event_summary(&api_operation(method, &path, "{}", "{}"))
        };
        for (method, path) in [
            ("post", "authentication-methods"),
            ("put", "authentication-methods"),
            ("patch", "authentication-methods/x"),
            ("delete", "authentication-methods/x"),
            ("delete", "authenticators"),
            ("delete", "multifactor/google-authenticator"),
            ("post", "multifactor/actions/invalidate-remember-browser"),
            ("post", "recovery-code-regeneration"),
        ] {
            assert_eq!(at(method, path), changed, "{path}");
        }
        for (method, path) in [
            ("get", "authentication-methods"),
            ("delete", "authentication-methods/x/y"),
            ("delete", "multifactor"),
            ("post", "recovery-code-regeneration/x"),
        ] {
            assert_eq!(at(method, path), None, "{path}");
        }
    }

    #[test]
    fn the_user_of_an_enrollment_takes_precedence_over_the_administrator() {
        let data = |enrollment| {
            format!(
                r#"{{"type":"gd_unenroll","user_id":"auth0|admin","details":{{"enrollment":{enrollment}}}}}"#
            )
        };
        assert_eq!(
            event_summary(&data(r#"{"user_id":"auth0|1"}"#)),
            Some(("mfa_changed", "auth0|1", None, None))
        );
        for enrollment in ["null", "{}", r#"{"user_id":""}"#, r#"{"user_id":1}"#, "[]"] {
            assert_eq!(
                event_summary(&data(enrollment)),
                Some(("mfa_changed", "auth0|admin", None, None))
            );
        }
    }
}
