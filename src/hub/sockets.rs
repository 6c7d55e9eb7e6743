//! The sockets and their sessions.
//!
//! What is known of a socket lives in its attachment, which outlives the object's sleep
//! (Cloudflare, "Durable Objects: WebSocket Hibernation API"). The index over all of them is
//! made from the attachments and changes with them, in one place.

use std::{cell::RefMut, rc::Rc};

use serde::Serialize;
use session_events_core::{
    error::Fault,
    json,
    listeners::Listeners,
    object::Object,
    protocol::{PING, PONG},
    session::Session,
    timestamp::Timestamp,
};
use worker::{
    Result, State, WebSocket, WebSocketRequestResponsePair,
    js_sys::JsString,
    wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen},
    web_sys,
};

use super::known::Known;

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen, js_sys = worker::js_sys)]
extern "C" {
    /// A socket as JavaScript has it: it takes a string that is JavaScript's already, so that an
    /// event for a thousand listeners leaves WebAssembly once. Its attachment is text, which needs
    /// no further translation.
    type RawSocket;

    #[wasm_bindgen(method, catch, js_name = send)]
    fn send_text(this: &RawSocket, text: &JsString) -> std::result::Result<(), JsValue>;

    #[wasm_bindgen(method, catch, js_name = serializeAttachment)]
    fn attach(this: &RawSocket, text: &str) -> std::result::Result<(), JsValue>;

    #[wasm_bindgen(method, catch, js_name = deserializeAttachment)]
    fn attached(this: &RawSocket) -> std::result::Result<JsValue, JsValue>;
}

/// A tenant's sockets.
pub(super) struct Sockets {
    state: Rc<State>,
    index: Known<Listeners<WebSocket>>,
}

impl Sockets {
    /// The sockets of an object that wakes.
    pub(super) fn new(state: Rc<State>) -> Self {
        Self {
            state,
            index: Known::new(),
        }
    }

    /// Looks at all of them at once.
    pub(super) fn with_index<T>(&self, look: impl FnOnce(&Listeners<WebSocket>) -> T) -> Result<T> {
        Ok(look(&*self.index()?))
    }

    fn index(&self) -> Result<RefMut<'_, Listeners<WebSocket>>> {
        self.index.or_read(|| {
            let mut index = Listeners::default();
            for raw in self.state.as_raw().get_websockets()? {
                if let Some(socket) = Socket::of(raw.into()) {
                    index.put(socket.raw, &socket.session);
                }
            }
            Ok(index)
        })
    }

    /// The sockets whose time has come.
    pub(super) fn due(&self, now: Timestamp) -> Result<Vec<Socket>> {
        self.with_index(|all| all.due(now).map(Socket::known).collect())
    }

    /// Those of such a session.
    pub(super) fn those(&self, of: fn(&Session) -> bool) -> Result<Vec<Socket>> {
        let is_one = |(_, session): &(&WebSocket, &Session)| of(session);
        self.with_index(|all| all.all().filter(is_one).map(Socket::known).collect())
    }

    /// Takes a new socket in.
    pub(super) fn accept(&self, raw: WebSocket, now: Timestamp) -> Result<Socket> {
        let number = self.with_index(Listeners::next_number)?;
        self.state.as_raw().accept_websocket(raw.as_ref())?;
        let mut socket = Socket {
            raw,
            session: Session::new(number, now),
            attachment: String::new(),
        };
        self.keep(&mut socket)?;
        Ok(socket)
    }

    /// Moves a session on, and keeps what became of it, through hibernation too.
    pub(super) fn update<T>(
        &self,
        socket: &mut Socket,
        step: impl FnOnce(&mut Session) -> T,
    ) -> Result<T> {
        let outcome = step(&mut socket.session);
        self.keep(socket)?;
        Ok(outcome)
    }

    fn keep(&self, socket: &mut Socket) -> Result<()> {
        let attachment = serde_json::to_string(&socket.session)?;
        if attachment == socket.attachment {
            return Ok(());
        }
        self.index
            .change(|index| index.put(socket.raw.clone(), &socket.session));
        raw_socket(&socket.raw).attach(&attachment)?;
        socket.attachment = attachment;
        Ok(())
    }
}

/// An open socket and what is known of it.
pub(super) struct Socket {
    raw: WebSocket,
    session: Session,
    /// The session as it was last kept, or nothing where that was not read.
    attachment: String,
}

impl Socket {
    /// A socket that was accepted before; `None` where its attachment cannot be read.
    pub(super) fn of(raw: WebSocket) -> Option<Self> {
        let attachment = raw_socket(&raw).attached().ok()?.as_string()?;
        let Object(session) = json::read(&attachment).ok()?;
        Some(Self {
            raw,
            session,
            attachment,
        })
    }

    /// A socket as the index has it.
    fn known((raw, session): (&WebSocket, &Session)) -> Self {
        Self {
            raw: raw.clone(),
            session: session.clone(),
            attachment: String::new(),
        }
    }

    /// The same socket after something else was waited for, and may have moved it on.
    pub(super) fn reread(self) -> Option<Self> {
        Self::of(self.raw)
    }

    /// What tells it from the tenant's others.
    pub(super) fn number(&self) -> u64 {
        self.session.number()
    }

    /// When it must be looked at again.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.session.due()
    }

    /// Sends a message.
    pub(super) fn send(&self, message: &impl Serialize) {
        if let Ok(text) = serde_json::to_string(message) {
            self.send_text(&JsString::from(text));
        }
    }

    /// Sends text that is JavaScript's already.
    pub(super) fn send_text(&self, text: &JsString) {
        send_text(&self.raw, text);
    }

    /// Closes it for a fault; one that is closed already stays so.
    pub(super) fn close(&self, fault: &Fault) {
        close(&self.raw, fault);
    }

    /// Answers the other end's closing (RFC 6455, section 5.5.1) with the code that came, but for
    /// the two that stand for none and must not be sent.
    pub(super) fn answer_close(&self, code: u16) {
        let _closed = match code {
            1006 => Ok(()),
            1005 => self.raw.close(None, None::<&str>),
            code => self.raw.close(Some(code), Some("")),
        };
    }
}

/// Sends text that is JavaScript's already, to a socket of which nothing else matters. One whose
/// other end is gone takes none; its closing is reported by and by.
pub(super) fn send_text(raw: &WebSocket, text: &JsString) {
    let _gone = raw_socket(raw).send_text(text);
}

fn raw_socket(raw: &WebSocket) -> &RawSocket {
    let raw: &web_sys::WebSocket = raw.as_ref();
    raw.unchecked_ref()
}

/// How many bytes wait for the other end to read them, beyond what the network has taken.
pub(super) fn unread_bytes(raw: &WebSocket) -> u32 {
    let raw: &web_sys::WebSocket = raw.as_ref();
    raw.buffered_amount()
}

/// Closes a socket of which nothing else matters.
pub(super) fn close(raw: &WebSocket, fault: &Fault) {
    let _closed = raw.close(Some(fault.close_code()), Some(fault.code()));
}

/// Has the runtime answer pings without waking the object.
pub(super) fn answer_pings(state: &State) -> Result<()> {
    let pair = WebSocketRequestResponsePair::new(PING, PONG)?;
    Ok(state.as_raw().set_websocket_auto_response(&pair)?)
}
