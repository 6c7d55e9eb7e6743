//! The messages and bodies, as they go over the wire: written by the worker, read by the command
//! line. What the worker has at hand it lends, so that saying it copies nothing.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

use crate::{
    error::Fault,
    event::Batch,
    json,
    object::Unique,
    timestamp::{Timestamp, iso8601},
};

/// The longest message that a socket takes, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024;
/// The ping that the runtime answers without waking the object, to the letter.
pub const PING: &str = r#"{"type":"ping"}"#;
/// Its answer.
pub const PONG: &str = r#"{"type":"pong"}"#;

/// Whose events a listener is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Filter {
    /// Everybody's.
    #[serde(rename = "*")]
    All,
    /// Those of its own `sub`.
    #[serde(rename = "self")]
    Own,
}

/// What a client may say over its socket.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Show who you are, or show a newer token.
    Authenticate {
        /// The token.
        access_token: String,
        /// The id of the last event that the client got on an earlier socket.
        #[serde(skip_serializing_if = "Option::is_none")]
        last_event_id: Option<String>,
    },
    /// Answer me.
    Ping,
}

impl ClientMessage {
    /// Reads a message.
    ///
    /// # Errors
    ///
    /// [`Fault::InvalidMessage`] for anything but an object of a known type.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let Unique(members): Unique<Value> = json::read(text).map_err(|_| Fault::InvalidMessage)?;
        let member = |name| match members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(Fault::InvalidMessage),
        };
        match member("type")?.as_deref() {
            Some("ping") => Ok(Self::Ping),
            Some("authenticate") => Ok(Self::Authenticate {
                access_token: member("access_token")?.ok_or(Fault::InvalidMessage)?,
                last_event_id: member("last_event_id")?,
            }),
            _ => Err(Fault::InvalidMessage),
        }
    }
}

/// What the service says over a socket, apart from the events themselves.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage<'a> {
    /// The socket is open: authenticate.
    Connected,
    /// The token was taken.
    Authenticated {
        /// Who the token is about.
        sub: Cow<'a, str>,
        /// Whose events will come.
        filter: Filter,
        /// All of the token's claims.
        claims: Cow<'a, Map<String, Value>>,
        /// When the socket will be closed unless a newer token comes.
        #[serde(with = "iso8601")]
        expires_at: Timestamp,
        /// Whether nothing was lost since `last_event_id`, where the client named one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        recovered: Option<bool>,
    },
    /// The token was not taken; the socket is about to be closed.
    AuthenticationFailed(ErrorBody),
    /// A message was not understood.
    Error(ErrorBody),
    /// The answer to a ping.
    Pong,
}

/// What every error looks like.
#[derive(Debug, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What is wrong, for programs.
    pub error: Cow<'static, str>,
    /// What is wrong and what to do about it, for people.
    pub error_description: Cow<'static, str>,
}

impl From<&Fault> for ErrorBody {
    fn from(fault: &Fault) -> Self {
        Self {
            error: fault.code().into(),
            error_description: fault.description(),
        }
    }
}

/// The answer to a published batch.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishReceipt {
    /// The records in the body.
    pub received: usize,
    /// Those that were news and went to listeners.
    pub events: usize,
    /// Those that had been accepted before.
    pub duplicates: usize,
    /// Those that are no event of this tenant.
    pub ignored: usize,
    /// Those that could not be read.
    pub malformed: usize,
}

impl PublishReceipt {
    /// The receipt of a batch of whose events none is known to be news.
    pub fn of(batch: &Batch) -> Self {
        Self {
            received: batch.received,
            events: 0,
            duplicates: batch.events.len(),
            ignored: batch.ignored,
            malformed: batch.malformed.len(),
        }
    }

    /// The same where so many of the events were news.
    pub fn with_news(self, events: usize) -> Self {
        Self {
            events,
            duplicates: self.duplicates.saturating_sub(events),
            ..self
        }
    }
}

/// The answer of `GET /`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Index {
    /// The service's name.
    pub name: Cow<'static, str>,
    /// Its version.
    pub version: Cow<'static, str>,
    /// What it does.
    pub description: Cow<'static, str>,
}

/// The answer of `GET /{tenant}/_debug`.
#[derive(Debug, Serialize)]
pub struct WorkerDebug<'a> {
    /// The host, with the port unless it is the usual one.
    pub host: &'a str,
    /// The whole URL.
    pub url: &'a str,
    /// Its path.
    pub path: &'a str,
    /// The path without the tenant's segment.
    pub internal_path: &'a str,
    /// The slug.
    pub tenant: String,
    /// The Auth0 domain.
    pub tenant_domain: String,
}

/// The answer of `GET /{tenant}/api/_debug`.
#[derive(Debug, Serialize)]
pub struct HubDebug<'a> {
    /// The host, with the port unless it is the usual one.
    pub host: &'a str,
    /// The whole URL, as the tenant's object sees it.
    pub url: &'a str,
    /// Its path.
    pub path: &'a str,
    /// The Auth0 domain.
    pub tenant_domain: String,
}

/// The answer of `GET /{tenant}/api/listeners`; who only hands it on need not look into a `C`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListenersBody<C = Connection> {
    /// How many there are.
    pub count: usize,
    /// Each open socket.
    pub connections: Vec<C>,
}

/// An open socket.
#[derive(Debug, Serialize, Deserialize)]
pub struct Connection {
    /// Since when.
    #[serde(with = "iso8601")]
    pub connected_on: Timestamp,
    /// Whose, once it has authenticated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Whose events it is told of, once it has authenticated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// Always `false`: a socket that has ended is not listed.
    pub terminated: bool,
}

/// The answer of `GET /{tenant}/api/events`, as it is read.
#[derive(Debug, Deserialize)]
pub struct EventsBody<'a> {
    /// The events, newest first.
    #[serde(borrow)]
    pub events: Vec<&'a RawValue>,
}

/// The answer of `GET /{tenant}/api/health`, where the tenant's storage answers.
#[derive(Debug, Serialize)]
pub struct HealthBody {
    /// Always `ok`; what is not well is answered as a fault.
    pub storage: &'static str,
    /// The key set of each of the tenant's issuers.
    pub key_sets: Vec<KeySetHealth>,
}

/// What is known of an issuer's key set.
#[derive(Debug, Serialize)]
pub struct KeySetHealth {
    /// Where it is.
    pub jwks_uri: String,
    /// When it was last fetched, in ISO 8601; `null` where no token has called for it yet.
    pub fetched_at: Option<String>,
    /// When it was last tried to fetch it anew and that failed; absent once it succeeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_says_authenticate_or_ping() {
        assert_eq!(
            ClientMessage::parse(r#"{"type":"authenticate","access_token":"t"}"#),
            Ok(ClientMessage::Authenticate {
                access_token: "t".into(),
                last_event_id: None
            })
        );
        assert_eq!(
            ClientMessage::parse(
                r#" {"last_event_id":"1","access_token":"t","type":"authenticate","more":[]}"#
            ),
            Ok(ClientMessage::Authenticate {
                access_token: "t".into(),
                last_event_id: Some("1".into())
            })
        );
        for ping in [PING, r#"{ "type" : "ping" }"#, r#"{"type":"ping","n":1}"#] {
            assert_eq!(ClientMessage::parse(ping), Ok(ClientMessage::Ping));
        }
    }

    #[test]
    fn anything_else_is_not_understood() {
        for text in [
            "",
            "ping",
            "{}",
            "null",
            "[]",
            r#"["ping"]"#,
            r#"["authenticate","t",null]"#,
            r#"{"type":"pong"}"#,
            r#"{"type":"Ping"}"#,
            r#"{"type":"authenticate"}"#,
            r#"{"type":"authenticate","access_token":1}"#,
            r#"{"type":"ping","type":"ping"}"#,
            r#"{"type":"authenticate","access_token":"t","access_token":"u"}"#,
            r#"{"type":"authenticate","access_token":null}"#,
            r#"{"type":"authenticate","access_token":"t","last_event_id":1}"#,
            r#"{"type":"ping"} {"type":"ping"}"#,
        ] {
            assert_eq!(
                ClientMessage::parse(text),
                Err(Fault::InvalidMessage),
                "{text}"
            );
        }
    }

    #[test]
    fn what_the_worker_says_of_a_token_is_read_as_it_was_written() {
        let text = r#"{"type":"authenticated","sub":"auth0|jane","filter":"self","claims":{"iat":1},"expires_at":"2026-11-24T22:52:49.000Z","recovered":true}"#;
        let message: ServerMessage<'_> =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(serde_json::to_string(&message).ok().as_deref(), Some(text));
    }

    #[test]
    fn the_pong_is_the_same_whoever_answers() {
        let pong = serde_json::to_string(&ServerMessage::Pong);
        assert_eq!(pong.ok().as_deref(), Some(PONG));
    }
}
