//! The user and the session that a log record affects.

use super::record::Record;
use crate::events::event::Revokes;

/// Reads from a log record which user and session it affects. Returns `None` if the record does
/// not match the rule.
pub(super) type Rule = fn(&Record<'_>) -> Option<Affected>;

/// The user whom a log record affects, and the tokens that it revokes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Affected {
    pub(super) user_id: String,
    /// The session that the record names, if it names one.
    pub(super) session_id: Option<String>,
    pub(super) revokes: Option<Revokes>,
}

impl Affected {
    /// Revokes all sessions and tokens of a user.
    pub(super) fn user(user_id: &str) -> Self {
        Self {
            user_id: user_id.to_owned(),
            session_id: None,
            revokes: Some(Revokes::User),
        }
    }

    /// Revokes one session, or all of the user's sessions if the session is unknown.
    pub(super) fn session_or_user(user_id: &str, session_id: Option<&str>) -> Self {
        Self {
            user_id: user_id.to_owned(),
            session_id: session_id.map(str::to_owned),
            revokes: Some(match session_id {
                Some(_) => Revokes::Session,
                None => Revokes::User,
            }),
        }
    }

    /// Revokes nothing.
    pub(super) fn nothing(user_id: &str) -> Self {
        Self {
            user_id: user_id.to_owned(),
            session_id: None,
            revokes: None,
        }
    }
}
