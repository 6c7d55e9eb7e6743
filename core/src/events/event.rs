//! Events: the end of a user session, or another change to a user's account.

use serde::{Deserialize, Serialize};

/// Maximum length of a user id in bytes.
pub const MAX_USER_ID_BYTES: usize = 1024;
/// Maximum length of a session id in bytes.
pub const MAX_SESSION_ID_BYTES: usize = 256;

/// The type of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    /// The account was deleted.
    UserDeleted,
    /// The user was blocked by an administrator, or deactivated by SCIM.
    UserBlocked,
    /// An identity provider ended all sessions of the user (Universal Logout).
    UniversalLogout,
    /// The user's password changed.
    PasswordChanged,
    /// The user's email address changed.
    EmailChanged,
    /// The user's phone number changed.
    PhoneChanged,
    /// The user's username changed.
    UsernameChanged,
    /// The user logged out.
    Logout,
    /// Sessions were revoked through the Management API or by an Action.
    SessionRevoked,
    /// Refresh tokens were revoked.
    RefreshTokenRevoked,
    /// An administrator unblocked the user.
    UserUnblocked,
    /// The user's authentication factors changed.
    MfaChanged,
    /// Auth0 locked the account after too many failed logins.
    AccountLocked,
    /// Auth0 unlocked the account.
    AccountUnlocked,
}

impl EventType {
    /// Every event type, in the order of precedence of the catalogue.
    pub const ALL: [Self; 14] = [
        Self::UserDeleted,
        Self::UserBlocked,
        Self::UniversalLogout,
        Self::PasswordChanged,
        Self::EmailChanged,
        Self::PhoneChanged,
        Self::UsernameChanged,
        Self::Logout,
        Self::SessionRevoked,
        Self::RefreshTokenRevoked,
        Self::UserUnblocked,
        Self::MfaChanged,
        Self::AccountLocked,
        Self::AccountUnlocked,
    ];

    /// Returns the name of the event type on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::UserDeleted => "user_deleted",
            Self::UserBlocked => "user_blocked",
            Self::UniversalLogout => "universal_logout",
            Self::PasswordChanged => "password_changed",
            Self::EmailChanged => "email_changed",
            Self::PhoneChanged => "phone_changed",
            Self::UsernameChanged => "username_changed",
            Self::Logout => "logout",
            Self::SessionRevoked => "session_revoked",
            Self::RefreshTokenRevoked => "refresh_token_revoked",
            Self::UserUnblocked => "user_unblocked",
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

/// The tokens that an event revokes, among those issued before it. The larger set is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revokes {
    /// The session that the event names, and its tokens.
    Session,
    /// All sessions and tokens of the user.
    User,
}

/// An event, exactly as subscribers receive it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The log id of the record that the event was made from (see [`event_id`] for further events of the
    /// record), or a hash of the `iss` and the `jti` of a logout token.
    pub id: String,
    /// The event type.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// The date of the log record in ISO 8601, or the time of receipt if the record has none, or the
    /// `iat` of the logout token. At most
    /// [`MAX_CLOCK_SKEW_SECONDS`](crate::sources::batch::MAX_CLOCK_SKEW_SECONDS) after the time of
    /// receipt.
    pub date: String,
    /// The affected user.
    pub user_id: String,
    /// The affected session, if the report names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The tokens that the event revokes, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revokes: Option<Revokes>,
}

/// Returns the id of a record's event: the log id, and for further events of the record the suffix
/// `#2`, `#3` and so on. `index` counts the events of the record from 0.
pub fn event_id(log_id: &str, index: usize) -> String {
    match index {
        0 => log_id.to_owned(),
        _ => format!("{log_id}#{}", index.saturating_add(1)),
    }
}

/// Returns whether an event is the first of its record. No log id of Auth0 ends like the id of a
/// further event.
pub fn is_first_of_record(event_id: &str) -> bool {
    event_id
        .rsplit_once('#')
        .is_none_or(|(_, index)| index.parse::<usize>().is_err())
}
