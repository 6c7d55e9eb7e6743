//! The messages on a socket. The Worker serializes them and the command line parses them, or the
//! other way round.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{bodies::ErrorBody, filter::Filter};
use crate::{
    Result,
    error::ApiError,
    json::NoDuplicateKeys,
    timestamp::{Timestamp, iso8601},
};

/// Maximum length in bytes of a message from a client.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024;
/// The exact ping that the runtime answers without waking the object.
pub const PING: &str = r#"{"type":"ping"}"#;
/// The runtime's response to [`PING`].
pub const PONG: &str = r#"{"type":"pong"}"#;

/// A message from a client.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Authenticate the socket, or replace its token.
    Authenticate {
        /// The access token.
        access_token: String,
        /// The id of the last event that the client received on an earlier socket.
        #[serde(skip_serializing_if = "Option::is_none")]
        last_event_id: Option<String>,
    },
    /// Request a pong.
    Ping,
}

impl ClientMessage {
    /// Parses a message. Unknown members are ignored.
    ///
    /// # Errors
    ///
    /// [`ApiError::InvalidMessage`] if the text is not an object of a known type, or if a key occurs
    /// twice.
    pub fn parse(text: &str) -> Result<Self> {
        let NoDuplicateKeys(members): NoDuplicateKeys<Value> =
            serde_json::from_str(text).map_err(|_| ApiError::InvalidMessage)?;
        let member = |name| match members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(ApiError::InvalidMessage),
        };
        match member("type")?.as_deref() {
            Some("ping") => Ok(Self::Ping),
            Some("authenticate") => Ok(Self::Authenticate {
                access_token: member("access_token")?.ok_or(ApiError::InvalidMessage)?,
                last_event_id: member("last_event_id")?,
            }),
            _ => Err(ApiError::InvalidMessage),
        }
    }
}

/// A message from the service, apart from events.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage<'a> {
    /// The socket is open and waits for [`ClientMessage::Authenticate`].
    Connected,
    /// The token is valid.
    Authenticated {
        /// The subject of the token.
        sub: Cow<'a, str>,
        /// The events that the socket receives.
        filter: Filter,
        /// All claims of the token.
        claims: Cow<'a, Map<String, Value>>,
        /// The time at which the socket is closed unless the client sends a new token.
        #[serde(with = "iso8601")]
        expires_at: Timestamp,
        /// Whether the replay is complete, if the client sent a `last_event_id`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        recovered: Option<bool>,
    },
    /// The token was rejected. The service closes the socket next.
    AuthenticationFailed(ErrorBody),
    /// A message was invalid, or the token was renewed too often.
    Error(ErrorBody),
    /// The response to a ping.
    Pong,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authenticate_and_ping_messages_are_parsed() {
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
    fn any_other_message_is_invalid() {
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
                Err(ApiError::InvalidMessage),
                "{text}"
            );
        }
    }

    #[test]
    fn an_authenticated_message_is_unchanged_after_parsing_and_serializing() {
        let text = r#"{"type":"authenticated","sub":"auth0|jane","filter":"self","claims":{"iat":1},"expires_at":"2026-11-24T22:52:49.000Z","recovered":true}"#;
        let message: ServerMessage<'_> =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(serde_json::to_string(&message).ok().as_deref(), Some(text));
    }

    #[test]
    fn the_pong_of_the_runtime_equals_the_pong_of_the_object() {
        let pong = serde_json::to_string(&ServerMessage::Pong);
        assert_eq!(pong.ok().as_deref(), Some(PONG));
    }
}
