//! An authenticated subscriber and its rights.

use serde::{Deserialize, Serialize};

use crate::{
    Result,
    error::ApiError,
    protocol::filter::Filter,
    timestamp::Timestamp,
    tokens::access_token::{AccessToken, TokenDigest},
};

/// The permissions of which a subscriber needs one, as a scope of OAuth 2.0.
const LISTEN_TO_ANY: &str = "listen:events:self listen:events";

/// An authenticated subscriber and the expiry of its token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// The token's subject: an Auth0 user id or a client id.
    pub sub: String,
    /// The events that the subscriber receives.
    pub filter: Filter,
    /// The token's `exp`.
    pub expires_at: Timestamp,
    /// Identifies the token. Absent in the sessions of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenDigest>,
}

impl Listener {
    /// Returns the subscriber that an access token authorizes.
    ///
    /// # Errors
    ///
    /// [`ApiError::InsufficientScope`] if the token has neither permission.
    pub fn authorize(token: &AccessToken) -> Result<Self> {
        let filter = token.filter().ok_or(ApiError::InsufficientScope {
            needed: LISTEN_TO_ANY,
        })?;
        Ok(Self {
            sub: token.sub().to_owned(),
            filter,
            expires_at: token.expires_at(),
            token: token.digest().cloned(),
        })
    }

    /// Returns whether this is the token that has authorized the subscriber.
    pub fn holds(&self, token: &str) -> bool {
        self.token.as_ref() == Some(&TokenDigest::of(token))
    }

    /// Returns whether the subscriber may receive events of this user.
    pub fn may_receive(&self, user_id: &str) -> bool {
        self.receives_all() || self.sub == user_id
    }

    /// Returns whether the subscriber receives the events of all users.
    pub fn receives_all(&self) -> bool {
        self.filter == Filter::All
    }
}
