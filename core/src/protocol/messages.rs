//! The messages and bodies, as they go over the wire: written by the worker, read by the command
//! line. What the worker has at hand it lends, so that saying it copies nothing.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{bodies::ErrorBody, filter::Filter};
use crate::{
    error::ApiError,
    json::NoDuplicateKeys,
    timestamp::{Timestamp, iso8601},
};

/// The longest message that a socket takes, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024;
/// The ping that the runtime answers without waking the object, to the letter.
pub const PING: &str = r#"{"type":"ping"}"#;
/// Its answer.
pub const PONG: &str = r#"{"type":"pong"}"#;

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
    /// [`ApiError::InvalidMessage`] for anything but an object of a known type.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
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
                Err(ApiError::InvalidMessage),
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
