//! `email_changed`: the account has another address. Its sessions go on.

use crate::sources::{affected::Affected, record::Record};

/// Success Change Email.
pub(in crate::sources) fn by_log(record: &Record<'_>) -> Option<Affected> {
    record.user_id().map(Affected::nothing)
}

#[cfg(test)]
mod tests {
    use crate::sources::batch::tests::any_event_of;

    #[test]
    fn another_address_revokes_nothing() {
        assert_eq!(
            any_event_of(r#"{"type":"sce","user_id":"auth0|1"}"#),
            Some(("email_changed", "auth0|1", None, None))
        );
        assert_eq!(any_event_of(r#"{"type":"sce"}"#), None);
    }
}
