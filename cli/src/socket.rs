//! One WebSocket to the worker.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use session_events_core::protocol::{ClientMessage, PING};
use tokio::{net::TcpStream, time};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{self, Message, protocol::WebSocketConfig},
};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// The silence after which the worker is asked for a sign of life.
const SILENCE: Duration = Duration::from_secs(25);
/// How long to wait for that.
const PATIENCE: Duration = Duration::from_secs(5);
/// Far more than the worker ever says at once.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
/// What a socket without a close frame ends with (RFC 6455, section 7.4.1).
const ABNORMAL: u16 = 1006;

/// Why there is no socket.
pub(crate) enum NotConnected {
    /// The worker answered with this status instead.
    Refused(u16),
    /// There was no answer.
    Unreachable(String),
}

impl NotConnected {
    /// What is wrong, as a sentence.
    pub(crate) fn complaint(&self, url: &str) -> String {
        match self {
            Self::Refused(404) => format!(
                "{url} is not found: check the URL, and that the worker serves the tenant (TENANTS)"
            ),
            Self::Refused(status) => {
                format!("{url} answers {status} to a WebSocket: see the worker's log")
            }
            Self::Unreachable(problem) => format!("{url} cannot be reached: {problem}"),
        }
    }
}

/// How a socket ended.
#[derive(Debug)]
pub(crate) struct Closed {
    pub(crate) code: u16,
    pub(crate) reason: String,
}

/// An open socket.
pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Whether a sign of life is being waited for.
    asked: bool,
}

impl Socket {
    /// Opens one and shows the token on it. In a message and not with the upgrade, because what is
    /// wrong with a token is told in full only there.
    pub(crate) async fn connect(
        url: &str,
        token: String,
        last_event_id: Option<String>,
    ) -> Result<Self, NotConnected> {
        let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE_BYTES));
        let connecting = connect_async_with_config(url, Some(config), true);
        let unreachable = |error: String| NotConnected::Unreachable(error);
        let mut socket = match time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok((stream, _))) => Self {
                stream,
                asked: false,
            },
            Ok(Err(tungstenite::Error::Http(response))) => {
                return Err(NotConnected::Refused(response.status().as_u16()));
            }
            Ok(Err(error)) => return Err(unreachable(error.to_string())),
            Err(_) => return Err(unreachable("no answer in time".into())),
        };
        let shown = socket.authenticate(token, last_event_id).await;
        shown.map_err(|closed| unreachable(closed.reason))?;
        Ok(socket)
    }

    /// The next message. A socket whose other end is gone is noticed by its silence. May be
    /// dropped and called again; nothing is lost by that.
    pub(crate) async fn next(&mut self) -> Result<String, Closed> {
        loop {
            let patience = if self.asked { PATIENCE } else { SILENCE };
            let Ok(message) = time::timeout(patience, self.stream.next()).await else {
                if self.asked {
                    return Err(lost("no answer to a ping"));
                }
                self.asked = true;
                self.send_text(PING.into()).await?;
                continue;
            };
            self.asked = false;
            match message {
                Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map_or_else(
                        || lost(""),
                        |frame| Closed {
                            code: frame.code.into(),
                            reason: frame.reason.as_str().to_owned(),
                        },
                    ));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(lost(&error.to_string())),
                None => return Err(lost("")),
            }
        }
    }

    /// Shows a token; a newer one, on a socket that has shown one.
    pub(crate) async fn authenticate(
        &mut self,
        access_token: String,
        last_event_id: Option<String>,
    ) -> Result<(), Closed> {
        let message = ClientMessage::Authenticate {
            access_token,
            last_event_id,
        };
        let text = serde_json::to_string(&message).map_err(|error| lost(&error.to_string()))?;
        self.send_text(text).await
    }

    /// Says goodbye.
    pub(crate) async fn close(mut self) {
        // Whoever does not hear it notices the end of the connection.
        let _ = time::timeout(PATIENCE, self.stream.close(None)).await;
    }

    async fn send_text(&mut self, text: String) -> Result<(), Closed> {
        let sent = self.stream.send(Message::Text(text.into())).await;
        sent.map_err(|error| lost(&error.to_string()))
    }
}

fn lost(reason: &str) -> Closed {
    Closed {
        code: ABNORMAL,
        reason: reason.to_owned(),
    }
}
