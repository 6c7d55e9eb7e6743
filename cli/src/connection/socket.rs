//! One WebSocket connection to the Worker.

use std::{fmt, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use http::header::AUTHORIZATION;
use session_events_core::protocol::{
    bodies::ErrorBody,
    messages::{ClientMessage, PING},
};
use tokio::{net::TcpStream, time};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{self, Message, client::IntoClientRequest as _, protocol::WebSocketConfig},
};

use crate::{
    connection::http::authorization,
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

    /// Returns the minimum delay before a reconnect: ten seconds if the Worker closed the socket
    /// for exceeding a rate.
    pub(crate) fn min_delay(&self) -> Duration {
        match self.reason.as_str() {
            "too_many_messages" | "too_many_requests" => Duration::from_secs(10),
            _ => Duration::ZERO,
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
    /// Opens a socket with an access token.
    ///
    /// The token goes into the upgrade request. A socket that sends it in a message counts as
    /// unauthenticated at first, and strangers can use up the Worker's limit for such sockets.
    pub(crate) async fn connect(
        url: &str,
        token: &str,
        last_event_id: Option<&str>,
    ) -> Result<Self, ConnectError> {
        let request = upgrade_request(url, token, last_event_id)?;
        let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE_BYTES));
        let connecting = connect_async_with_config(request, Some(config), true);
        let unreachable = |reason: &str| {
            ConnectError::Other(Error::Temporary(format!(
                "{url} cannot be reached: {}",
                escape(reason)
            )))
        };
        match time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok((stream, _))) => Ok(Self {
                stream,
                is_awaiting_pong: false,
            }),
            Ok(Err(tungstenite::Error::Http(response))) => {
                Err(ConnectError::Rejected(Rejection::new(url, &response)))
            }
            Ok(Err(error)) => Err(unreachable(&error.to_string())),
            Err(_) => Err(unreachable("the connection timed out")),
        }
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

    /// Sends an access token, which replaces the previous one.
    pub(crate) async fn renew(&mut self, access_token: String) -> Result<(), Closed> {
        let message = ClientMessage::Authenticate {
            access_token,
            last_event_id: None,
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

/// The reason why a socket could not be opened.
pub(crate) enum ConnectError {
    /// The Worker rejected the upgrade request.
    Rejected(Rejection),
    Other(Error),
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Rejected(rejection) => Self::Failed(rejection.message),
            ConnectError::Other(error) => error,
        }
    }
}

/// An HTTP response that rejects the upgrade request.
pub(crate) struct Rejection {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) message: String,
}

impl Rejection {
    fn new(url: &str, response: &http::Response<Option<Vec<u8>>>) -> Self {
        let status = response.status().as_u16();
        let message = match error_body(response).or_else(|| challenge_error(response)) {
            _ if status == 404 => format!(
                "{url} is not found: check the URL, and that the Worker serves the tenant (TENANTS)"
            ),
            Some([code, description]) => escape(&format!(
                "the Worker rejected the connection with {status} {code}: {description}"
            )),
            None => format!("{url} rejected the WebSocket with {status}: see the Worker's log"),
        };
        Self {
            status,
            retry_after: header(response, "retry-after")
                .and_then(|seconds| seconds.parse().ok())
                .map(Duration::from_secs),
            message,
        }
    }
}

/// Returns the upgrade request for a socket. The access token is a header and the event id a
/// parameter.
fn upgrade_request(
    url: &str,
    token: &str,
    last_event_id: Option<&str>,
) -> Result<http::Request<()>, ConnectError> {
    let url = match last_event_id {
        Some(id) => {
            let mut query = form_urlencoded::Serializer::new(String::new());
            format!("{url}?{}", query.append_pair("last_event_id", id).finish())
        }
        None => url.to_owned(),
    };
    let mut request = url
        .into_client_request()
        .map_err(|error| ConnectError::Other(error.to_string().into()))?;
    let authorization =
        authorization("access token", &format!("Bearer {token}")).map_err(ConnectError::Other)?;
    request.headers_mut().insert(AUTHORIZATION, authorization);
    Ok(request)
}

fn header<'a>(response: &'a http::Response<Option<Vec<u8>>>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// Returns the error code and description in the body. The library reads only the part of the body
/// that arrives together with the headers, and does not decode it, so it may be missing.
fn error_body(response: &http::Response<Option<Vec<u8>>>) -> Option<[String; 2]> {
    let text = str::from_utf8(response.body().as_ref()?).ok()?;
    // A chunked body has numbers around the object.
    let json = text.get(text.find('{')?..=text.rfind('}')?)?;
    let body: ErrorBody = serde_json::from_str(json).ok()?;
    Some([body.error.into_owned(), body.error_description.into_owned()])
}

/// Returns the error code and description in `WWW-Authenticate` (RFC 6750, section 3).
fn challenge_error(response: &http::Response<Option<Vec<u8>>>) -> Option<[String; 2]> {
    let challenge = header(response, "www-authenticate")?;
    let parameter = |name: &str| {
        let (_, value) = challenge.split_once(&format!("{name}=\""))?;
        Some(value.split_once('"')?.0.to_owned())
    };
    Some([parameter(" error")?, parameter(" error_description")?])
}
