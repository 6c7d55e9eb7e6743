//! The user and the session that a log record affects.

use super::record_view::RecordView;
use crate::events::event::Revokes;

/// Returns the user and the session that a log record affects, or `None` if the record does not
/// match the rule.
pub(super) type Rule = fn(&RecordView<'_>) -> Option<Affected>;

/// The user whom a log record affects, and the tokens that it revokes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Affected {
    pub(super) user_id: String,
    /// The affected session, if the record names one.
    pub(super) session_id: Option<String>,
    pub(super) revokes: Option<Revokes>,
}

impl Affected {
    /// Returns the effect of a record that revokes all sessions and tokens of a user.
    pub(super) fn user(user_id: &str) -> Self {
        Self {
            user_id: user_id.to_owned(),
            session_id: None,
            revokes: Some(Revokes::User),
        }
    }

    /// Returns the effect of a record that revokes one session, or all of the user's sessions if the
    /// session is unknown.
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

    /// Returns the effect of a record that revokes nothing.
    pub(super) fn nothing(user_id: &str) -> Self {
        Self {
            user_id: user_id.to_owned(),
            session_id: None,
            revokes: None,
        }
    }
}
