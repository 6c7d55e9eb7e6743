//! `mfa_changed`: the user's second factors are others than before. Sessions go on.

use crate::sources::{
    affected::Affected,
    record::{Record, named},
};

/// A factor was enrolled or given up.
pub(in crate::sources) fn by_log(record: &Record<'_>) -> Option<Affected> {
    record.user_id().map(Affected::nothing)
}

/// An administrator or an application changed them (below
/// `/api/v2/users/{id}/authentication-methods`).
pub(in crate::sources) fn by_api(record: &Record<'_>) -> Option<Affected> {
    let operation = record.operation()?;
    let (method, path) = (operation.method.as_str(), operation.path());
    match (method, path.as_slice()) {
        (
            "POST" | "PUT" | "PATCH" | "DELETE",
            ["users", id, "authentication-methods"] | ["users", id, "authentication-methods", _],
        ) => Some(Affected::nothing(&named(id)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::sources::batch::tests::{any_event_of, api};

    #[test]
    fn other_factors_revoke_nothing() {
        let changed = Some(("mfa_changed", "auth0|1", None, None));
        for code in ["gd_unenroll", "gd_enrollment_complete"] {
            let data = format!(r#"{{"type":"{code}","user_id":"auth0|1"}}"#);
            assert_eq!(any_event_of(&data), changed);
        }
        let at = |method, rest| {
            let path = format!("/api/v2/users/auth0%7C1/authentication-methods{rest}");
            any_event_of(&api(method, &path, "{}", "{}"))
        };
        for (method, rest) in [("post", ""), ("put", ""), ("patch", "/x"), ("delete", "/x")] {
            assert_eq!(at(method, rest), changed, "{method}");
        }
        assert_eq!(at("get", ""), None);
        assert_eq!(at("delete", "/x/y"), None);
    }
}
