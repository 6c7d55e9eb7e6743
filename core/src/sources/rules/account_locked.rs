//! `account_locked` and `account_unlocked`: Auth0 locks an account after too many wrong passwords,
//! and unlocks it later. Both affect new logins only, so no session ends.

use crate::sources::{affected::Affected, record_view::RecordView};

/// Matches "Blocked Account" and "Unblocked Account" if the record names a user.
pub(in crate::sources) fn from_log_record<'r>(record: &'r RecordView<'_>) -> Option<Affected<'r>> {
    record.user_id().map(Affected::nothing)
}

#[cfg(test)]
mod tests {
    use crate::sources::test_support::event_summary;

    #[test]
    fn locking_and_unlocking_an_account_revokes_nothing() {
        for (code, kind) in [
            ("limit_wc", "account_locked"),
            ("ublkdu", "account_unlocked"),
        ] {
            let data = |user| format!(r#"{{"type":"{code}"{user}}}"#);
            assert_eq!(
                event_summary(&data(r#","user_id":"auth0|1""#)),
                Some((kind, "auth0|1", None, None))
            );
            assert_eq!(event_summary(&data("")), None);
        }
    }
}
