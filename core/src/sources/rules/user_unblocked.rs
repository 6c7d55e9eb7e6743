//! `user_unblocked`: an administrator unblocked the user. Tokens that the block revoked stay
//! revoked.

use super::user_blocked::user_with_changed_block;
use crate::sources::{affected::Affected, record_view::RecordView};

/// Matches an update that unblocks a user.
pub(in crate::sources) fn from_api_operation<'r>(
    record: &'r RecordView<'_>,
) -> Option<Affected<'r>> {
    user_with_changed_block(record, false).map(Affected::nothing)
}

#[cfg(test)]
mod tests {
    use crate::sources::test_support::{api_operation, event_summary};

    #[test]
    fn an_unblocked_user_makes_an_event_that_revokes_nothing() {
        let path = "/api/v2/users/auth0|1";
        let response = |blocked| format!(r#"{{"user_id":"auth0|1","blocked":{blocked}}}"#);
        assert_eq!(
            event_summary(&api_operation(
                "patch",
                path,
                r#"{"blocked":false}"#,
                &response(false)
            )),
            Some(("user_unblocked", "auth0|1", None, None))
        );
        assert_eq!(
            event_summary(&api_operation(
                "patch",
                path,
                r#"{"blocked":false}"#,
                &response(true)
            )),
            None
        );
        assert_eq!(
            event_summary(&api_operation(
                "patch",
                path,
                r#"{"name":"x"}"#,
                &response(false)
            )),
            None
        );
    }
}
