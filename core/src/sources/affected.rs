//! The user and the session that a log record affects.

use std::borrow::Cow;

use super::record_view::RecordView;
use crate::events::event::{MAX_SESSION_ID_BYTES, MAX_USER_ID_BYTES, Revokes};

/// A user id or session id exceeds its maximum length.
pub(super) struct IdTooLong;

/// Returns the user and the session that a log record affects, or `None` if the record does not
/// match the rule.
pub(super) type Rule = for<'r> fn(&'r RecordView<'_>) -> Option<Affected<'r>>;

/// The user whom a log record affects, and the tokens that it revokes. It borrows from the record, so
/// that an id that is too long is not copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Affected<'r> {
    pub(super) user_id: Cow<'r, str>,
    /// The affected session, if the record names one.
    pub(super) session_id: Option<Cow<'r, str>>,
    pub(super) revokes: Option<Revokes>,
}

impl<'r> Affected<'r> {
    /// Returns the effect of a record that revokes all sessions and tokens of a user.
    pub(super) fn user(user_id: impl Into<Cow<'r, str>>) -> Self {
        Self {
            user_id: user_id.into(),
            session_id: None,
            revokes: Some(Revokes::User),
        }
    }

    /// Returns the effect of a record that revokes one session and its tokens.
    pub(super) fn session(
        user_id: impl Into<Cow<'r, str>>,
        session_id: impl Into<Cow<'r, str>>,
    ) -> Self {
        Self {
            user_id: user_id.into(),
            session_id: Some(session_id.into()),
            revokes: Some(Revokes::Session),
        }
    }

    /// Returns the effect of a record that revokes the session that it names, or all of the user's if it
    /// names none. An id that is not text counts as none: to ignore the record would leave an ended
    /// session open, whereas to revoke too much only makes the user log in again.
    pub(super) fn session_or_user(
        user_id: impl Into<Cow<'r, str>>,
        session_id: Option<Cow<'r, str>>,
    ) -> Self {
        match session_id {
            Some(session_id) => Self::session(user_id, session_id),
            None => Self::user(user_id),
        }
    }

    /// Returns the effect of a record that revokes nothing.
    pub(super) fn nothing(user_id: impl Into<Cow<'r, str>>) -> Self {
        Self {
            user_id: user_id.into(),
            session_id: None,
            revokes: None,
        }
    }

    /// Checks the lengths of the ids.
    pub(super) fn check_lengths(&self) -> Result<(), IdTooLong> {
        let session_id_bytes = self.session_id.as_ref().map_or(0, |id| id.len());
        if self.user_id.len() > MAX_USER_ID_BYTES || session_id_bytes > MAX_SESSION_ID_BYTES {
            return Err(IdTooLong);
        }
        Ok(())
    }
}
