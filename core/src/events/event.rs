//! Events: the end of a user session, or another change to a user's account.

use serde::{Deserialize, Serialize};

/// The type of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    /// The account was deleted.
    UserDeleted,
    /// An administrator blocked the user.
    UserBlocked,
    /// The user's password changed.
    PasswordChanged,
    /// The user logged out.
    Logout,
    /// Sessions were revoked through the Management API.
    SessionRevoked,
    /// Refresh tokens were revoked.
    RefreshTokenRevoked,
    /// An administrator unblocked the user.
    UserUnblocked,
    /// The user's email address changed.
    EmailChanged,
    /// The user's authentication factors changed.
    MfaChanged,
    /// Auth0 locked the account after too many failed logins.
    AccountLocked,
    /// Auth0 unlocked the account.
    AccountUnlocked,
}

impl EventType {
    /// Every event type, sorted by how much it revokes, most first.
    pub const ALL: [Self; 11] = [
        Self::UserDeleted,
        Self::UserBlocked,
        Self::PasswordChanged,
        Self::Logout,
        Self::SessionRevoked,
        Self::RefreshTokenRevoked,
        Self::UserUnblocked,
        Self::EmailChanged,
        Self::MfaChanged,
        Self::AccountLocked,
        Self::AccountUnlocked,
    ];

    /// Returns the name of the event type on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::UserDeleted => "user_deleted",
            Self::UserBlocked => "user_blocked",
            Self::PasswordChanged => "password_changed",
            Self::Logout => "logout",
            Self::SessionRevoked => "session_revoked",
            Self::RefreshTokenRevoked => "refresh_token_revoked",
            Self::UserUnblocked => "user_unblocked",
            Self::EmailChanged => "email_changed",
            Self::MfaChanged => "mfa_changed",
            Self::AccountLocked => "account_locked",
            Self::AccountUnlocked => "account_unlocked",
        }
    }

    /// Returns whether an event of this type that names a session ends the session itself. Other types
    /// only revoke tokens that were issued for the session so far.
    pub fn ends_session(self) -> bool {
        matches!(self, Self::Logout | Self::SessionRevoked)
    }
}

/// The tokens that an event revokes, among those issued before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revokes {
    /// All sessions and tokens of the user.
    User,
    /// The session that the event names, and its tokens.
    Session,
}

/// An event, exactly as subscribers receive it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The log id of the record that the event was made from.
    pub id: String,
    /// The event type.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// The date of the log record in ISO 8601, or the time of receipt if the record has none. At most
    /// [`MAX_CLOCK_SKEW_SECONDS`](crate::sources::batch::MAX_CLOCK_SKEW_SECONDS) after the time of
    /// receipt.
    pub date: String,
    /// The affected user.
    pub user_id: String,
    /// The affected session, if the record names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The tokens that the event revokes, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revokes: Option<Revokes>,
}
