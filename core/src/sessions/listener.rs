//! An authenticated subscriber and its rights.

use serde::{Deserialize, Serialize};

use crate::{
    Result,
    error::ApiError,
    protocol::filter::Filter,
    timestamp::Timestamp,
    tokens::access_token::{AccessToken, LISTEN_TO_ALL, LISTEN_TO_OWN},
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
}

impl Listener {
    /// Returns the subscriber that an access token authorizes. The permission for the subject's own
    /// events takes precedence, so a token with both permissions receives only these.
    ///
    /// # Errors
    ///
    /// [`ApiError::InsufficientScope`] if the token has neither permission.
    pub fn authorize(token: &AccessToken) -> Result<Self> {
        let filter = if token.has_permission(LISTEN_TO_OWN) {
            Filter::Own
        } else if token.has_permission(LISTEN_TO_ALL) {
            Filter::All
        } else {
            return Err(ApiError::InsufficientScope {
                needed: LISTEN_TO_ANY,
            });
        };
        Ok(Self {
            sub: token.sub().to_owned(),
            filter,
            expires_at: token.expires_at(),
        })
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
