//! One WebSocket connection to the Worker.

use std::{fmt, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use session_events_core::protocol::messages::{ClientMessage, PING};
use tokio::{net::TcpStream, time};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{self, Message, protocol::WebSocketConfig},
};

use crate::{
    error::{Error, Result},
    output::escape::escape,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// A ping is sent after this time without a message.
const PING_AFTER: Duration = Duration::from_secs(25);
const PONG_TIMEOUT: Duration = Duration::from_secs(5);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Much larger than any message of the Worker.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
/// The close code of a connection that ended without a close frame (RFC 6455, section 7.4.1).
const ABNORMAL_CLOSURE: u16 = 1006;

/// The close code and reason of a socket that has ended.
#[derive(Debug)]
pub(crate) struct Closed {
    pub(crate) code: u16,
    pub(crate) reason: String,
}

impl Closed {
    /// A connection that ended without a close frame.
    fn abnormally(reason: impl fmt::Display) -> Self {
        Self {
            code: ABNORMAL_CLOSURE,
            reason: reason.to_string(),
        }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the connection was closed with {}", self.code)?;
        if !self.reason.is_empty() {
            write!(f, " {}", escape(&self.reason))?;
        }
        Ok(())
    }
}

impl From<Closed> for Error {
    fn from(closed: Closed) -> Self {
        Self::Failed(closed.to_string())
    }
}

pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    is_awaiting_pong: bool,
}

impl Socket {
    /// Opens a socket and sends the access token.
    ///
    /// The token goes into a message and not into the upgrade request, because a rejected message
    /// results in a complete error description.
    pub(crate) async fn connect(
        url: &str,
        token: String,
        last_event_id: Option<String>,
    ) -> Result<Self> {
        let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE_BYTES));
        let connecting = connect_async_with_config(url, Some(config), true);
        let unreachable =
            |reason: &str| Error::Temporary(format!("{url} cannot be reached: {reason}"));
        let stream = match time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok((stream, _))) => stream,
            Ok(Err(tungstenite::Error::Http(response))) => {
                return Err(upgrade_error(url, response.status().as_u16()));
            }
            Ok(Err(error)) => return Err(unreachable(&error.to_string())),
            Err(_) => return Err(unreachable("the connection timed out")),
        };
        let mut socket = Self {
            stream,
            is_awaiting_pong: false,
        };
        socket
            .authenticate(token, last_event_id)
            .await
            .map_err(|closed| unreachable(&closed.reason))?;
        Ok(socket)
    }

    /// Waits for the next message. Sends a ping if the connection is idle, and fails if there is
    /// no response.
    ///
    /// Cancel safe: if the future is dropped, no message is lost.
    pub(crate) async fn next(&mut self) -> Result<String, Closed> {
        loop {
            let timeout = if self.is_awaiting_pong {
                PONG_TIMEOUT
            } else {
                PING_AFTER
            };
            let Ok(message) = time::timeout(timeout, self.stream.next()).await else {
                if self.is_awaiting_pong {
                    return Err(Closed::abnormally("no response to a ping"));
                }
                self.is_awaiting_pong = true;
                self.send_text(PING.into()).await?;
                continue;
            };
            self.is_awaiting_pong = false;
            match message {
                Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err(Closed {
                        code: frame.code.into(),
                        reason: frame.reason.as_str().to_owned(),
                    });
                }
                Some(Ok(Message::Close(None))) | None => return Err(Closed::abnormally("")),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(Closed::abnormally(error)),
            }
        }
    }

    /// Sends an access token. On an authenticated socket it replaces the previous one.
    pub(crate) async fn authenticate(
        &mut self,
        access_token: String,
        last_event_id: Option<String>,
    ) -> Result<(), Closed> {
        let message = ClientMessage::Authenticate {
            access_token,
            last_event_id,
        };
        let text = serde_json::to_string(&message).map_err(Closed::abnormally)?;
        self.send_text(text).await
    }

    /// Sends a close frame.
    pub(crate) async fn close(mut self) {
        // If this fails, the Worker detects the end of the TCP connection.
        let _ = time::timeout(CLOSE_TIMEOUT, self.stream.close(None)).await;
    }

    async fn send_text(&mut self, text: String) -> Result<(), Closed> {
        self.stream
            .send(Message::Text(text.into()))
            .await
            .map_err(Closed::abnormally)
    }
}

/// The error for an upgrade request that was rejected with an HTTP status.
fn upgrade_error(url: &str, status: u16) -> Error {
    match status {
        404 => Error::Failed(format!(
            "{url} is not found: check the URL, and that the Worker serves the tenant (TENANTS)"
        )),
        400..=499 if !matches!(status, 408 | 429) => Error::Failed(upgrade_message(url, status)),
        _ => Error::Temporary(upgrade_message(url, status)),
    }
}

fn upgrade_message(url: &str, status: u16) -> String {
    format!("{url} rejected the WebSocket with {status}: see the Worker's log")
}
