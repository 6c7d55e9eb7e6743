//! `account_locked` and `account_unlocked`: Auth0 keeps somebody from logging in after too many
//! wrong passwords, and lets them again. That is about whoever tries; sessions go on.

use crate::sources::{affected::Affected, record::Record};

/// Blocked Account, or Unblocked: of a user that Auth0 names.
pub(in crate::sources) fn by_log(record: &Record<'_>) -> Option<Affected> {
    record.user_id().map(Affected::nothing)
}

#[cfg(test)]
mod tests {
    use crate::sources::batch::tests::any_event_of;

    #[test]
    fn a_lock_and_its_end_revoke_nothing() {
        for (code, kind) in [
            ("limit_wc", "account_locked"),
            ("ublkdu", "account_unlocked"),
        ] {
            let data = |user| format!(r#"{{"type":"{code}"{user}}}"#);
            assert_eq!(
                any_event_of(&data(r#","user_id":"auth0|1""#)),
                Some((kind, "auth0|1", None, None))
            );
            assert_eq!(any_event_of(&data("")), None);
        }
    }
}
