//! `user_deleted`: the account is gone, and all of its sessions with it.

use crate::sources::{
    affected::Affected,
    record::{Record, named},
};

/// Success User Deletion: the record's user is who is gone.
pub(in crate::sources) fn by_log(record: &Record<'_>) -> Option<Affected> {
    record.user_id().map(Affected::user)
}

/// An administrator did it (`DELETE /api/v2/users/{id}`), which answers with nothing, so the path
/// tells who it was.
pub(in crate::sources) fn by_api(record: &Record<'_>) -> Option<Affected> {
    let operation = record.operation()?;
    match (operation.method.as_str(), operation.path().as_slice()) {
        ("DELETE", ["users", id]) => Some(Affected::user(&named(id)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::sources::batch::tests::{any_event_of, api};

    #[test]
    fn a_deleted_user_s_sessions_are_over() {
        let gone = Some(("user_deleted", "auth0|1", None, Some("user")));
        assert_eq!(any_event_of(r#"{"type":"sdu","user_id":"auth0|1"}"#), gone);
        for path in ["/api/v2/users/auth0|1", "/api/v2/users/auth0%7C1"] {
            assert_eq!(any_event_of(&api("delete", path, "{}", "{}")), gone);
        }
    }

    #[test]
    fn it_is_nobody_without_an_id_and_never_the_administrator() {
        assert_eq!(any_event_of(r#"{"type":"sdu"}"#), None);
        for path in [
            "/api/v2/users/",
            "/api/v2/users",
            "/api/v2/clients/a",
            "/api/v2/users/%ff",
        ] {
            assert_eq!(
                any_event_of(&api("DELETE", path, "{}", "{}")),
                None,
                "{path}"
            );
        }
    }
}
