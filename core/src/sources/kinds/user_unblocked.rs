//! `user_unblocked`: an administrator has lifted a block. Tokens from before the block stay revoked.

use super::user_blocked;
use crate::sources::{affected::Affected, record::Record};

/// The counterpart of `user_blocked`, told in the same way.
pub(in crate::sources) fn by_api(record: &Record<'_>) -> Option<Affected> {
    user_blocked::updated(record, false).map(|user_id| Affected::nothing(&user_id))
}

#[cfg(test)]
mod tests {
    use crate::sources::batch::tests::{any_event_of, api};

    #[test]
    fn a_block_that_is_lifted_revokes_nothing() {
        let path = "/api/v2/users/auth0|1";
        let answer = |blocked| format!(r#"{{"user_id":"auth0|1","blocked":{blocked}}}"#);
        assert_eq!(
            any_event_of(&api("patch", path, r#"{"blocked":false}"#, &answer(false))),
            Some(("user_unblocked", "auth0|1", None, None))
        );
        assert_eq!(
            any_event_of(&api("patch", path, r#"{"blocked":false}"#, &answer(true))),
            None
        );
        assert_eq!(
            any_event_of(&api("patch", path, r#"{"name":"x"}"#, &answer(false))),
            None
        );
    }
}
