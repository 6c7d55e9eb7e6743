//! `password_changed`: the user has a new password, so every session begun with the old one is
//! in doubt.

use super::Ended;
use crate::log_record::LogData;

/// Success Change Password.
pub(super) const CODE: &str = "scp";

pub(super) fn ended(data: &LogData<'_>) -> Option<Ended> {
    data.user_id().map(Ended::all_of)
}

#[cfg(test)]
mod tests {
    use crate::event::tests::event_of;

    #[test]
    fn a_changed_password_ends_every_session_of_its_user() {
        assert_eq!(
            event_of(
                r#"{"type":"scp","date":"2021-11-03T05:53:57.546Z","user_id":"auth0|1","details":{"session_id":"x"}}"#
            )
            .as_deref(),
            Some(
                r#"{"id":"1","type":"password_changed","date":"2021-11-03T05:53:57.546Z","user_id":"auth0|1"}"#
            )
        );
    }

    #[test]
    fn a_changed_password_of_nobody_is_no_event() {
        assert_eq!(event_of(r#"{"type":"scp"}"#), None);
        assert_eq!(event_of(r#"{"type":"fcp","user_id":"auth0|1"}"#), None);
    }
}
