//! Accepts sockets, processes their messages, and authenticates subscribers.

use session_events_core::{
    error::ApiError,
    protocol::{
        messages::{MAX_MESSAGE_BYTES, ServerMessage},
        object_request::Admission,
        upgrade::SUBPROTOCOL,
    },
    sessions::{
        listener::Listener,
        session::{Incoming, Received, Session},
    },
    tokens::access_token::{self, AccessToken},
};
use worker::{
    Response, WebSocket, WebSocketPair,
    js_sys::{JsString, Uint8Array},
    wasm_bindgen::{JsCast, JsValue},
};

use super::{
    shard::AdmissionGuard,
    sockets::Socket,
    tenant_hub::{Role, TenantHub},
};
use crate::{
    Result,
    runtime::{clock, http, log::OrInternal},
};

impl TenantHub {
    /// Accepts a WebSocket if the limits permit one. They are checked first, so that a client that
    /// is rejected receives a response with `Retry-After`.
    pub(super) async fn subscribe(
        &self,
        admission: Option<Admission>,
        selects_subprotocol: bool,
    ) -> Result<Response> {
        let step = "subscribe";
        let listener = match &admission {
            None => None,
            Some(admission) => Some(Listener::authorize(&admission.token)?),
        };
        self.check_not_retired()?;
        let _guard = match &admission {
            None => None,
            Some(admission) => {
                self.ensure_caught_up(admission.last_event_id.as_deref())
                    .await?
            }
        };
        self.sockets
            .with_index(|listeners| listeners.check_limits(listener.as_ref()))
            .or_internal(step)??;
        let WebSocketPair { client, server } = WebSocketPair::new().or_internal(step)?;
        let socket = self
            .sockets
            .accept(server, clock::now())
            .or_internal(step)?;
        self.begin_session(socket, admission)
            .await
            .or_internal(step)?;
        let subprotocol = selects_subprotocol.then_some(SUBPROTOCOL);
        http::switching_protocols(client, subprotocol).or_internal(step)
    }

    /// Sends the first messages of a session and sets the alarm for its deadline. If this fails, the
    /// session ends: no client will ever hold the other end of the socket.
    async fn begin_session(
        &self,
        socket: Socket,
        admission: Option<Admission>,
    ) -> worker::Result<()> {
        let accepted = socket.clone();
        let begun = self.send_first_messages(socket, admission).await;
        if begun.is_err() {
            self.sockets.update(accepted, Session::end)?;
        }
        begun
    }

    async fn send_first_messages(
        &self,
        socket: Socket,
        admission: Option<Admission>,
    ) -> worker::Result<()> {
        socket.send(&ServerMessage::Connected);
        let socket = match admission {
            None => socket,
            Some(Admission {
                token,
                last_event_id,
            }) => self.authenticate(socket, &Ok(token), last_event_id.as_deref())?,
        };
        self.ensure_alarm_by(socket.due()).await
    }

    /// Processes a message.
    pub(super) async fn receive_message(
        &self,
        raw: WebSocket,
        message: JsValue,
    ) -> worker::Result<()> {
        let Some(socket) = self.sockets.find(raw) else {
            return Ok(());
        };
        let now = clock::now();
        let is_within_rate = self
            .message_rate
            .borrow_mut()
            .count_message(socket.number(), now);
        let (socket, received) = self.sockets.update(socket, |session| {
            if is_within_rate {
                session.receive(read_message(&message, &mut String::new()), now)
            } else {
                Received::Done(session.exceed_message_rate().into_iter().collect())
            }
        })?;
        match received {
            Received::Done(effects) => {
                self.perform_all(&socket, effects);
                Ok(())
            }
            Received::Verify {
                access_token,
                last_event_id,
            } => {
                self.verify_and_authenticate(socket, &access_token, last_event_id.as_deref())
                    .await
            }
        }
    }

    /// Verifies a token from a message and applies the result to the session.
    async fn verify_and_authenticate(
        &self,
        socket: Socket,
        access_token: &str,
        last_event_id: Option<&str>,
    ) -> worker::Result<()> {
        let (verified, _admission_guard) =
            self.verify_and_catch_up(access_token, last_event_id).await;
        let admitted = verified.and_then(|token| {
            self.check_subject_limit(&token, socket.number())?;
            Ok(token)
        });
        // Other messages may have changed the session in the meantime.
        let Some(socket) = self.sockets.reload(socket) else {
            return Ok(());
        };
        let socket = self.authenticate(socket, &admitted, last_event_id)?;
        self.ensure_alarm_by(socket.due()).await
    }

    /// Verifies a token and catches up for its subscriber. The caller must hold the guard until the
    /// subscriber is registered.
    async fn verify_and_catch_up(
        &self,
        token: &str,
        last_event_id: Option<&str>,
    ) -> (Result<AccessToken>, Option<AdmissionGuard<'_>>) {
        let token = match self.verify(token).await {
            Ok(token) => token,
            Err(error) => return (Err(error), None),
        };
        match self.ensure_caught_up(last_event_id).await {
            Ok(guard) => (Ok(token), guard),
            Err(error) => (Err(error), None),
        }
    }

    async fn verify(&self, token: &str) -> Result<AccessToken> {
        let verifier = self.role.verifier();
        access_token::verify(token, &self.tenant, self.config()?, &verifier).await
    }

    /// Rejects sockets if `SHARDS` was lowered and this shard no longer exists.
    fn check_not_retired(&self) -> Result<()> {
        match &self.role {
            Role::Shard(shard) if shard.is_retired(self.config()?) => Err(ApiError::Reconnect),
            _ => Ok(()),
        }
    }

    /// Ensures that a shard has caught up with the leader, so that the replay is complete. The
    /// caller must hold the guard until the subscriber is registered.
    async fn ensure_caught_up(
        &self,
        last_event_id: Option<&str>,
    ) -> Result<Option<AdmissionGuard<'_>>> {
        let Role::Shard(shard) = &self.role else {
            return Ok(None);
        };
        self.check_not_retired()?;
        self.catch_up(shard, last_event_id).await.map(Some)
    }

    /// Checks that the subject of a token may have one more socket, or already has this one.
    fn check_subject_limit(&self, token: &AccessToken, number: u64) -> Result<()> {
        let listener = Listener::authorize(token)?;
        self.sockets
            .with_index(|listeners| listeners.check_subject_limit(&listener, number))
            .or_internal("authenticate")?
    }

    /// Applies a verified token to a session and sends the replay, in one step.
    fn authenticate(
        &self,
        socket: Socket,
        verified: &Result<AccessToken>,
        last_event_id: Option<&str>,
    ) -> worker::Result<Socket> {
        self.role.with_log(|log| {
            let now = clock::now();
            let (socket, effects) = self.sockets.update(socket, |session| {
                session.authenticate(verified, last_event_id, log, now)
            })?;
            self.perform_all(&socket, effects);
            Ok(socket)
        })?
    }
}

/// Reads a message. Copies the text into `text` only if it is not too long. JavaScript counts UTF-16
/// code units, of which a text never has more than bytes.
fn read_message<'a>(message: &JsValue, text: &'a mut String) -> Incoming<'a> {
    let Some(string) = message.dyn_ref::<JsString>() else {
        return Incoming::Unread(Uint8Array::new(message).length() as usize);
    };
    let length = string.length() as usize;
    if length > MAX_MESSAGE_BYTES {
        return Incoming::Unread(length);
    }
    *text = string.into();
    Incoming::Text(text)
}
