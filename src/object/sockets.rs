//! The sockets of an object and their sessions.
//!
//! The session of a socket is stored as its attachment, which survives hibernation (Cloudflare,
//! "Durable Objects: WebSocket Hibernation API"). The index over all sockets is built from the
//! attachments and changes together with them, in [`Sockets::update`] and [`Sockets::accept`].
//!
//! Bypass of the `worker` crate: its methods of `State` panic if the runtime refuses a socket, its
//! `WebSocket` converts the text of an event once per socket, and its attachments are JavaScript
//! objects that take a call for each field.

use std::{cell::RefMut, rc::Rc};

use serde::Serialize;
use session_events_core::{
    error::ApiError,
    json::JsonObject,
    protocol::{
        close_code,
        messages::{PING, PONG},
    },
    sessions::{listener::Listener, listeners::Listeners, session::Session},
    timestamp::Timestamp,
};
use worker::{
    Result, State, WebSocket, WebSocketRequestResponsePair,
    js_sys::JsString,
    wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen},
    web_sys,
};

use crate::storage::cached::Cached;

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen, js_sys = worker::js_sys)]
extern "C" {
    type RawSocket;

    #[wasm_bindgen(method, catch, js_name = send)]
    fn send_text(this: &RawSocket, text: &JsString) -> std::result::Result<(), JsValue>;

    #[wasm_bindgen(method, catch, js_name = serializeAttachment)]
    fn serialize_attachment(this: &RawSocket, json: &str) -> std::result::Result<(), JsValue>;

    #[wasm_bindgen(method, catch, js_name = deserializeAttachment)]
    fn deserialize_attachment(this: &RawSocket) -> std::result::Result<JsValue, JsValue>;
}

/// An open socket and its session.
#[derive(Clone)]
pub(super) struct Socket {
    raw: WebSocket,
    session: Session,
    /// The session as it is stored, or `None` if it has not been read.
    attachment: Option<String>,
}

/// All sockets of an object.
pub(super) struct Sockets {
    state: Rc<State>,
    index: Cached<Listeners<WebSocket>>,
}

impl Sockets {
    /// Returns the sockets of an object that wakes.
    pub(super) fn new(state: Rc<State>) -> Self {
        Self {
            state,
            index: Cached::new(),
        }
    }

    /// Passes the index over all sockets to a closure.
    pub(super) fn with_index<T>(&self, read: impl FnOnce(&Listeners<WebSocket>) -> T) -> Result<T> {
        Ok(read(&*self.index()?))
    }

    fn index(&self) -> Result<RefMut<'_, Listeners<WebSocket>>> {
        self.index.get_or_load(|| {
            let mut index = Listeners::default();
            for raw in self.state.as_raw().get_websockets()? {
                if let Some(socket) = self.find(raw.into()) {
                    index.put(socket.raw, &socket.session);
                }
            }
            Ok(index)
        })
    }

    /// Returns a socket with its stored session, or `None` if it has none.
    pub(super) fn find(&self, raw: WebSocket) -> Option<Socket> {
        let attachment = raw_socket(&raw)
            .deserialize_attachment()
            .ok()?
            .as_string()?;
        let JsonObject(session) = serde_json::from_str(&attachment).ok()?;
        Some(Socket {
            raw,
            session,
            attachment: Some(attachment),
        })
    }

    /// Returns a socket with its session as it is stored now.
    pub(super) fn reload(&self, socket: Socket) -> Option<Socket> {
        self.find(socket.raw)
    }

    /// Returns the sockets whose authentication deadline or token expiry has passed.
    pub(super) fn due(&self, now: Timestamp) -> Result<Vec<Socket>> {
        self.with_index(|listeners| listeners.due(now).map(Socket::from_index).collect())
    }

    /// Returns the sockets whose session matches a predicate.
    pub(super) fn matching(&self, predicate: fn(&Session) -> bool) -> Result<Vec<Socket>> {
        self.with_index(|listeners| {
            listeners
                .all()
                .filter(|(_, session)| predicate(session))
                .map(Socket::from_index)
                .collect()
        })
    }

    /// Accepts a new socket. `address` is the rate limit key of the client's address.
    pub(super) fn accept(
        &self,
        raw: WebSocket,
        address: Option<String>,
        now: Timestamp,
    ) -> Result<Socket> {
        let number = self.with_index(Listeners::next_number)?;
        self.state.as_raw().accept_websocket(raw.as_ref())?;
        self.store(Socket {
            raw,
            session: Session::new(number, address, now),
            attachment: None,
        })
    }

    /// Applies a change to a session and stores the session. Returns the socket and the result of
    /// the change.
    pub(super) fn update<T>(
        &self,
        mut socket: Socket,
        change: impl FnOnce(&mut Session) -> T,
    ) -> Result<(Socket, T)> {
        let outcome = change(&mut socket.session);
        Ok((self.store(socket)?, outcome))
    }

    fn store(&self, mut socket: Socket) -> Result<Socket> {
        let attachment = serde_json::to_string(&socket.session)?;
        if socket.attachment.as_ref() == Some(&attachment) {
            return Ok(socket);
        }
        // Update the index first, so that a session whose attachment cannot be stored is not due again
        // and again.
        self.index
            .update(|index| index.put(socket.raw.clone(), &socket.session));
        raw_socket(&socket.raw).serialize_attachment(&attachment)?;
        socket.attachment = Some(attachment);
        Ok(socket)
    }
}

impl Socket {
    fn from_index((raw, session): (&WebSocket, &Session)) -> Self {
        Self {
            raw: raw.clone(),
            session: session.clone(),
            attachment: None,
        }
    }

    /// Returns the number that identifies the socket within its object.
    pub(super) fn number(&self) -> u64 {
        self.session.number()
    }

    /// Returns the authenticated subscriber.
    pub(super) fn listener(&self) -> Option<&Listener> {
        self.session.listener()
    }

    /// Returns the time at which the token of the socket expires.
    pub(super) fn token_expiry(&self) -> Option<Timestamp> {
        self.session.token_expiry()
    }

    /// Sends a message.
    pub(super) fn send(&self, message: &impl Serialize) {
        if let Ok(text) = serde_json::to_string(message) {
            self.send_text(&JsString::from(text));
        }
    }

    /// Sends text.
    pub(super) fn send_text(&self, text: &JsString) {
        send_text(&self.raw, text);
    }

    /// Closes the socket with the close code of an error.
    pub(super) fn close(&self, error: &ApiError) {
        close(&self.raw, error);
    }
}

/// Sends text to a socket. A socket that has lost its connection drops the text; the runtime reports
/// its end later.
pub(super) fn send_text(socket: &WebSocket, text: &JsString) {
    let _disconnected = raw_socket(socket).send_text(text);
}

/// Closes a socket with the close code of an error. A socket that is already closed stays closed.
pub(super) fn close(socket: &WebSocket, error: &ApiError) {
    let _already_closed = socket.close(Some(error.close_code()), Some(error.code()));
}

/// Completes the closing handshake after a close frame with this code. Has no effect on a socket
/// that is already closed or has lost its connection.
pub(super) fn complete_close(socket: &WebSocket, code: u16) {
    let _already_closed = match close_code::reply(code) {
        None => socket.close(None, None::<&str>),
        Some(code) => socket.close(Some(code), Some("")),
    };
}

/// Returns the number of bytes that the runtime buffers until the client reads them.
pub(super) fn buffered_bytes(socket: &WebSocket) -> u32 {
    let socket: &web_sys::WebSocket = socket.as_ref();
    socket.buffered_amount()
}

/// Lets the runtime answer pings without waking the object.
pub(super) fn set_ping_auto_response(state: &State) -> Result<()> {
    let pair = WebSocketRequestResponsePair::new(PING, PONG)?;
    Ok(state.as_raw().set_websocket_auto_response(&pair)?)
}

fn raw_socket(socket: &WebSocket) -> &RawSocket {
    let socket: &web_sys::WebSocket = socket.as_ref();
    socket.unchecked_ref()
}
