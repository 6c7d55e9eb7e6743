//! What the Worker, or another of a tenant's objects, asks of one of them.
//!
//! An object can be reached by nobody else, so a request that arrives there has been let through:
//! its publish token or its access token was checked on the way. The whole request travels as one
//! typed value in a header, so that neither side can mistake a path or a field.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

use crate::{
    access_token::AccessToken,
    event::Event,
    object::{list, one},
    protocol::PublishReceipt,
    revocation::PageRequest,
    timestamp::Timestamp,
};

/// The header that the request travels in.
pub const HEADER: &str = "session-events-request";

/// The header of the id that ties a request's answers to its lines in the log.
pub const REQUEST_ID_HEADER: &str = "x-request-id";

/// A request to a tenant's object. Its parts go without names: to read them would be most of it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HubRequest {
    /// Say how the request looks from there.
    Debug,
    /// Store these events and push them; they travel in the body, as a [`Publication`]. Of the
    /// batch that they came in this is the receipt as long as none of them is known to be news.
    Publish(#[serde(deserialize_with = "one")] PublishReceipt),
    /// Take a socket in: with what it is let in at once, where it showed a token on the upgrade,
    /// and whether [`SUBPROTOCOL`](crate::upgrade::SUBPROTOCOL) must be answered.
    Subscribe(Option<Admission>, bool),
    /// Say who listens.
    Listeners,
    /// Say what the newest events are.
    Events,
    /// Say whether you can work.
    Health,
    /// Yield this page of the revocations, unless it has the tag of the one that the client has.
    Revocations(
        #[serde(deserialize_with = "one")] PageRequest,
        Option<String>,
    ),
    /// Say up to when this user's tokens are revoked, as a [`RevokedAt`]: those of this session;
    /// where it is not known, the end of any counts.
    RevokedAt(String, Option<String>),
    /// Say what there is to replay, as a [`Followed`](crate::follower::Followed), and from now on
    /// hand the shard of this number what comes.
    Follow(u16),
    /// Send your listeners these events; they travel in the body, as a
    /// [`Relay`](crate::follower::Relay).
    Relay,
    /// Yield the tenant's key set that is at this URI, for a token that names this `kid`.
    KeySet(String, String),
}

/// A socket that showed its token on the upgrade.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission(
    /// The token, verified.
    #[serde(deserialize_with = "one")]
    pub AccessToken,
    /// The id of the last event that the client got on an earlier socket.
    pub Option<String>,
);

/// Events to store and push, in their order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Publication {
    /// The events.
    #[serde(deserialize_with = "list")]
    pub events: Vec<Event>,
}

/// The answer to [`HubRequest::RevokedAt`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RevokedAt {
    /// The newest moment; `None` where nothing was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl HubRequest {
    /// What the log calls it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Publish(_) => "publish",
            Self::Subscribe(..) => "subscribe",
            Self::Listeners => "listeners",
            Self::Events => "events",
            Self::Health => "health",
            Self::Revocations(..) => "revocations",
            Self::RevokedAt(..) => "introspect",
            Self::Follow(_) => "follow",
            Self::Relay => "relay",
            Self::KeySet(..) => "key_set",
        }
    }

    /// The header's value.
    pub fn encode(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        Base64UrlUnpadded::encode_string(&json)
    }

    /// Reads the header's value.
    pub fn decode(header: &str) -> Option<Self> {
        let json = Base64UrlUnpadded::decode_vec(header).ok()?;
        serde_json::from_slice(&json).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_arrives_as_it_was_sent() {
        let request = HubRequest::KeySet(
            "https://acme.us.auth0.com/.well-known/jwks.json".into(),
            "Schlüssel".into(),
        );
        assert!(request.encode().is_ascii());
        assert_eq!(HubRequest::decode(&request.encode()), Some(request));
        assert_eq!(HubRequest::decode("nonsense"), None);
    }
}
