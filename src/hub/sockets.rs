//! The sockets and their sessions.
//!
//! A session lives in its socket's attachment and nowhere else, so there is no second copy to
//! get out of step, and an object that wakes knows what it knew when it fell asleep (Cloudflare,
//! "Durable Objects: WebSocket Hibernation API").

use serde::Serialize;
use session_events_core::{
    error::Fault,
    protocol::{PING, PONG},
    session::Session,
};
use worker::{
    Result, State, WebSocket, WebSocketRequestResponsePair,
    js_sys::JsString,
    wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen},
    worker_sys::web_sys,
};

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen, js_sys = worker::js_sys)]
extern "C" {
    /// A socket as JavaScript has it: it takes a string that is JavaScript's already, so that an
    /// event for a thousand listeners leaves WebAssembly once.
    type RawSocket;

    #[wasm_bindgen(method, catch, js_name = send)]
    fn send_text(this: &RawSocket, text: &JsString) -> std::result::Result<(), JsValue>;
}

/// An open socket and what is known of it.
pub(super) struct Socket {
    raw: WebSocket,
    session: Session,
    /// The session as it was last kept.
    attachment: String,
}

impl Socket {
    /// Takes a new socket in.
    pub(super) fn accept(state: &State, raw: WebSocket, session: Session) -> Result<Self> {
        state.as_raw().accept_websocket(raw.as_ref())?;
        let mut socket = Self {
            raw,
            session,
            attachment: String::new(),
        };
        socket.keep()?;
        Ok(socket)
    }

    /// A socket that was accepted before; `None` where its attachment cannot be read.
    pub(super) fn of(raw: WebSocket) -> Option<Self> {
        let attachment: String = raw.deserialize_attachment().ok()??;
        let session = serde_json::from_str(&attachment).ok()?;
        Some(Self {
            raw,
            session,
            attachment,
        })
    }

    /// The same socket after something else was waited for, and may have moved it on.
    pub(super) fn reread(self) -> Option<Self> {
        Self::of(self.raw)
    }

    /// Every socket that is there.
    pub(super) fn all(state: &State) -> Result<Vec<Self>> {
        let sockets = state.as_raw().get_websockets()?;
        let sockets = sockets.into_iter().map(WebSocket::from);
        Ok(sockets.filter_map(Self::of).collect())
    }

    /// What is known of it.
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// Moves the session on, and keeps what became of it through hibernation.
    pub(super) fn update<T>(&mut self, step: impl FnOnce(&mut Session) -> T) -> Result<T> {
        let outcome = step(&mut self.session);
        self.keep()?;
        Ok(outcome)
    }

    fn keep(&mut self) -> Result<()> {
        let attachment = serde_json::to_string(&self.session)?;
        if attachment != self.attachment {
            self.raw.serialize_attachment(&attachment)?;
            self.attachment = attachment;
        }
        Ok(())
    }

    /// Sends a message. A socket whose other end is gone takes none; it is closed by and by.
    pub(super) fn send(&self, message: &impl Serialize) {
        if let Ok(text) = serde_json::to_string(message) {
            self.send_text(&JsString::from(text));
        }
    }

    /// Sends text that is JavaScript's already.
    pub(super) fn send_text(&self, text: &JsString) {
        let raw: &web_sys::WebSocket = self.raw.as_ref();
        let _gone = raw.unchecked_ref::<RawSocket>().send_text(text);
    }

    /// Closes it for a fault; one that is closed already stays so.
    pub(super) fn close(&self, fault: &Fault) {
        let _closed = self.raw.close(Some(fault.close_code()), Some(fault.code()));
    }

    /// Answers the other end's closing (RFC 6455, section 5.5.1) with the code that came, but for
    /// the two that stand for none and must not be sent.
    pub(super) fn answer_close(&self, code: usize) {
        let _closed = match u16::try_from(code) {
            Ok(1006) => Ok(()),
            Ok(1005) | Err(_) => self.raw.close(None, None::<&str>),
            Ok(code) => self.raw.close(Some(code), Some("")),
        };
    }
}

/// Has the runtime answer pings without waking the object.
pub(super) fn answer_pings(state: &State) -> Result<()> {
    let pair = WebSocketRequestResponsePair::new(PING, PONG)?;
    Ok(state.as_raw().set_websocket_auto_response(&pair)?)
}
