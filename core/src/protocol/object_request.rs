//! Requests to a tenant object, from the Worker and from the tenant's other objects.
//!
//! Nobody else can reach a tenant object. So a request that arrives there is already authorized: the
//! Worker has checked its token, or the request needs none. The request travels as one typed value in
//! a header; neither side parses a path.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

use super::{bodies::PublishReceipt, revocation_page::PageRequest};
use crate::{events::event_lines::Source, json::object, tokens::access_token::AccessToken};

/// The header that carries the request.
pub const HEADER: &str = "session-events-request";

/// The header with the id that appears in the response and in the log lines of a request.
pub const REQUEST_ID_HEADER: &str = "x-request-id";

/// A request to a tenant object.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectRequest {
    /// Return the request as the object sees it.
    Debug,
    /// Store and deliver the events in the body, [`EventLines`](crate::events::event_lines::EventLines).
    StoreEvents {
        /// The source of the events.
        source: Source,
        /// The longest delay of an event: the number of seconds from its date to its receipt.
        delay_seconds: i64,
        /// The receipt of the batch, with every event counted as a duplicate.
        #[serde(deserialize_with = "object")]
        receipt: PublishReceipt,
    },
    /// Accept a WebSocket.
    Subscribe {
        /// The verified credentials of the upgrade, if it had any. Requests use the earlier name.
        #[serde(rename = "admission")]
        credentials: Option<UpgradeCredentials>,
        /// The rate limit key of the client's address, for an upgrade without credentials. Absent
        /// if the platform does not provide the address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<String>,
        /// Whether the response names [`SUBPROTOCOL`](super::upgrade::SUBPROTOCOL).
        selects_subprotocol: bool,
    },
    /// Return the open sockets.
    Listeners,
    /// Return the events in the log.
    Events,
    /// Return whether the object works.
    Health {
        /// Whether the response contains the details.
        has_details: bool,
    },
    /// Return a page of the revocations, or 304 if the client has it already.
    Revocations {
        /// The page.
        #[serde(deserialize_with = "object")]
        page: PageRequest,
        /// The client's `If-None-Match` header.
        if_none_match: Option<String>,
    },
    /// Return the revocations that can apply to a token, as [`UserRevocations`].
    ///
    /// [`UserRevocations`]: crate::events::revocation::UserRevocations
    UserRevocations {
        /// The user.
        user_id: String,
        /// The session of the token, if it names one.
        session_id: Option<String>,
    },
    /// Register a shard as a follower and return a
    /// [`Snapshot`](crate::replication::messages::Snapshot).
    Follow {
        /// The shard's number.
        shard: u16,
    },
    /// Append the log entries in the body, an [`Append`](crate::replication::messages::Append), and
    /// deliver them.
    Append,
    /// Return the cached key set of an issuer, refreshed if this `kid` requires it.
    KeySet {
        /// The URL of the key set.
        jwks_uri: String,
        /// The key id of a token.
        kid: String,
    },
}

/// The verified credentials of a WebSocket upgrade.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeCredentials {
    /// The verified token.
    #[serde(deserialize_with = "object")]
    pub token: AccessToken,
    /// The id of the last event that the client received on an earlier socket.
    pub last_event_id: Option<String>,
}

impl ObjectRequest {
    /// Returns the name of the request in log lines.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::StoreEvents { .. } => "publish",
            Self::Subscribe { .. } => "subscribe",
            Self::Listeners => "listeners",
            Self::Events => "events",
            Self::Health { .. } => "health",
            Self::Revocations { .. } => "revocations",
            Self::UserRevocations { .. } => "introspect",
            Self::Follow { .. } => "follow",
            Self::Append => "append",
            Self::KeySet { .. } => "key_set",
        }
    }

    /// Returns the value of [`HEADER`].
    pub fn encode(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        Base64UrlUnpadded::encode_string(&json)
    }

    /// Parses the value of [`HEADER`].
    pub fn decode(header: &str) -> Option<Self> {
        let json = Base64UrlUnpadded::decode_vec(header).ok()?;
        serde_json::from_slice(&json).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_survives_encoding() {
        let request = ObjectRequest::KeySet {
            jwks_uri: "https://acme.us.auth0.com/.well-known/jwks.json".into(),
            kid: "Schlüssel".into(),
        };
        assert!(request.encode().is_ascii());
        assert_eq!(ObjectRequest::decode(&request.encode()), Some(request));
        assert_eq!(ObjectRequest::decode("nonsense"), None);
    }
}
