//! `email_changed`: the account has another address. Its sessions go on.

use super::{catalogue::Affected, record::Record};

/// Success Change Email.
pub(super) fn by_log(record: &Record<'_>) -> Option<Affected> {
    record.user_id().map(Affected::nothing_of)
}

#[cfg(test)]
mod tests {
    use crate::event::tests::any_event_of;

    #[test]
    fn another_address_revokes_nothing() {
        assert_eq!(
            any_event_of(r#"{"type":"sce","user_id":"auth0|1"}"#),
            Some(("email_changed", "auth0|1", None, None))
        );
        assert_eq!(any_event_of(r#"{"type":"sce"}"#), None);
    }
}
