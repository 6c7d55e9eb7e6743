//! `password_changed`: the user has a new password, so every session begun with the old one is
//! in doubt.

use serde::{Deserialize, de::IgnoredAny};

use crate::sources::{affected::Affected, record::Record};

/// Success Change Password: the user did it.
pub(in crate::sources) fn by_log(record: &Record<'_>) -> Option<Affected> {
    record.user_id().map(Affected::user)
}

#[derive(Deserialize)]
struct Update {
    /// Auth0 may write something else in its place.
    #[serde(rename = "password")]
    _password: IgnoredAny,
}

/// An administrator did it (`PATCH /api/v2/users/{id}` with a `password`).
pub(in crate::sources) fn by_api(record: &Record<'_>) -> Option<Affected> {
    let operation = record.operation()?;
    let named = operation.updated_user()?;
    operation.request::<Update>()?;
    let user_id = operation.answered_user().unwrap_or(named);
    Some(Affected::user(&user_id))
}

#[cfg(test)]
mod tests {
    use crate::sources::batch::tests::event_of;

    #[test]
    fn a_changed_password_ends_every_session_of_its_user() {
        assert_eq!(
            event_of(
                r#"{"type":"scp","date":"2021-11-03T05:53:57.546Z","user_id":"auth0|1","details":{"session_id":"x"}}"#
            )
            .as_deref(),
            Some(
                r#"{"id":"1","type":"password_changed","date":"2021-11-03T05:53:57.546Z","user_id":"auth0|1","revokes":"user"}"#
            )
        );
    }

    #[test]
    fn a_changed_password_of_nobody_is_no_event() {
        assert_eq!(event_of(r#"{"type":"scp"}"#), None);
        assert_eq!(event_of(r#"{"type":"fcp","user_id":"auth0|1"}"#), None);
    }
}
