//! Accepts sockets, processes their messages, and authenticates subscribers.

use session_events_core::{
    error::{ApiError, RequestLimit},
    protocol::{
        filter::Filter,
        messages::{MAX_MESSAGE_BYTES, ServerMessage},
        object_request::UpgradeCredentials,
        upgrade::SUBPROTOCOL,
    },
    sessions::{
        limits::VERIFICATION_SECONDS,
        listener::Listener,
        session::{Incoming, Received, Session},
    },
    timestamp::Timestamp,
    tokens::access_token::{self, AccessToken},
};
use worker::{
    WebSocket, WebSocketPair,
    js_sys::{JsString, Uint8Array},
    wasm_bindgen::{JsCast, JsValue},
};

use super::{
    shard::AdmissionGuard,
    sockets::{Socket, buffered_bytes},
    tenant_hub::{Role, TenantHub},
};
use crate::{
    Result,
    runtime::{
        clock,
        http::{self, Response},
        log::OrInternal,
    },
};

/// Maximum number of milliseconds for an admission on a shard.
const ADMISSION_MILLIS: u64 = VERIFICATION_SECONDS.unsigned_abs().saturating_mul(1_000);

impl TenantHub {
    /// Accepts a WebSocket if the limits permit one. They are checked first, so that a client that
    /// is rejected receives a response with `Retry-After`.
    pub(super) async fn subscribe(
        &self,
        credentials: Option<UpgradeCredentials>,
        address: Option<String>,
        selects_subprotocol: bool,
    ) -> Result<Response> {
        let step = "subscribe";
        self.check_not_retired()?;
        let _guard = match &credentials {
            None => {
                self.check_limits_without_token(address.as_deref())?;
                None
            }
            Some(credentials) => {
                self.limit_time(self.admit_with_credentials(credentials))
                    .await?
            }
        };
        let WebSocketPair { client, server } = WebSocketPair::new().or_internal(step)?;
        let socket = self
            .sockets
            .accept(server, address, clock::now())
            .or_internal(step)?;
        self.begin_session(socket, credentials)
            .await
            .or_internal(step)?;
        let subprotocol = selects_subprotocol.then_some(SUBPROTOCOL);
        http::switching_protocols(client, subprotocol).or_internal(step)
    }

    fn check_limits_without_token(&self, address: Option<&str>) -> Result<()> {
        self.sockets
            .with_index(|listeners| listeners.check_limits_without_token(address))
            .or_internal("subscribe")?
    }

    /// Checks the limits for a subscriber with a token on the upgrade, and catches up for it. The
    /// caller must hold the guard until the subscriber is registered.
    async fn admit_with_credentials(
        &self,
        credentials: &UpgradeCredentials,
    ) -> Result<Option<AdmissionGuard<'_>>> {
        let listener = Listener::authorize(&credentials.token)?;
        self.check_new_socket_rate(&credentials.token)?;
        let guard = self
            .ensure_caught_up(credentials.last_event_id.as_deref())
            .await?;
        self.sockets
            .with_index(|listeners| listeners.check_limits_with_token(&listener))
            .or_internal("subscribe")??;
        Ok(guard)
    }

    /// Sends the first messages of a session and sets the alarm for the expiry of its token. If this
    /// fails, the session ends: no client will ever hold the other end of the socket.
    async fn begin_session(
        &self,
        socket: Socket,
        credentials: Option<UpgradeCredentials>,
    ) -> worker::Result<()> {
        let accepted = socket.clone();
        let begun = self.send_first_messages(socket, credentials).await;
        if begun.is_err() {
            self.sockets.update(accepted, Session::end)?;
        }
        begun
    }

    async fn send_first_messages(
        &self,
        socket: Socket,
        credentials: Option<UpgradeCredentials>,
    ) -> worker::Result<()> {
        socket.send(&ServerMessage::Connected);
        let socket = match credentials {
            None => socket,
            Some(UpgradeCredentials {
                token,
                last_event_id,
            }) => self.authenticate(socket, &Ok(token), last_event_id.as_deref())?,
        };
        self.ensure_alarm_by(socket.token_expiry()).await
    }

    /// Processes a message.
    pub(super) async fn receive_message(
        &self,
        raw: WebSocket,
        message: JsValue,
    ) -> worker::Result<()> {
        let (now, buffered) = (clock::now(), buffered_bytes(&raw));
        let Some(socket) = self.sockets.find(raw) else {
            return Ok(());
        };
        let (socket, received) = self.sockets.update(socket, |session| {
            let mut text = String::new();
            let incoming = read_message(&message, &mut text);
            session.receive(incoming, buffered, &mut self.rates.borrow_mut(), now)
        })?;
        match received {
            Received::Done(effects) => {
                self.perform_all(&socket, effects);
                Ok(())
            }
            Received::Verify {
                access_token,
                last_event_id,
                is_renewal,
            } => {
                if is_renewal && !self.count_renewal(&socket, now)? {
                    let (socket, effects) = self.sockets.update(socket, Session::reject_renewal)?;
                    self.perform_all(&socket, effects);
                    return Ok(());
                }
                let last_event_id = last_event_id.as_deref();
                self.verify_and_authenticate(socket, &access_token, last_event_id, is_renewal)
                    .await
            }
        }
    }

    /// Counts a renewal. Returns whether the subject is within its limit.
    fn count_renewal(&self, socket: &Socket, now: Timestamp) -> worker::Result<bool> {
        let Some(Listener { sub, .. }) = socket.listener() else {
            return Ok(true);
        };
        let sockets = self
            .sockets
            .with_index(|listeners| listeners.sockets_of_subject(sub))?;
        Ok(self.rates.borrow_mut().count_renewal(sub, sockets, now))
    }

    /// Limits the time of an admission on a shard, which may need several requests to the leader. On the
    /// leader, an admission waits for nothing but the fetch of a key set, which has its own limit.
    async fn limit_time<T>(&self, admission: impl Future<Output = Result<T>>) -> Result<T> {
        match self.role {
            Role::Leader(_) => admission.await,
            Role::Shard(_) => clock::timeout(ADMISSION_MILLIS, admission)
                .await
                .unwrap_or(Err(ApiError::AdmissionTimeout)),
        }
    }

    /// Verifies a token from a message and applies the result to the session.
    async fn verify_and_authenticate(
        &self,
        socket: Socket,
        access_token: &str,
        last_event_id: Option<&str>,
        is_renewal: bool,
    ) -> worker::Result<()> {
        let admission = self.admit(socket.number(), access_token, last_event_id, is_renewal);
        let (verified, _guard) = match self.limit_time(admission).await {
            Ok((token, guard)) => (Ok(token), guard),
            Err(error) => (Err(error), None),
        };
        // Other messages may have changed the session in the meantime.
        let Some(socket) = self.sockets.reload(socket) else {
            return Ok(());
        };
        let socket = self.authenticate(socket, &verified, last_event_id)?;
        self.ensure_alarm_by(socket.token_expiry()).await
    }

    /// Verifies a token from a message, catches up for its subscriber and checks the subject's
    /// limits. The caller must hold the guard until the subscriber is registered.
    async fn admit(
        &self,
        number: u64,
        access_token: &str,
        last_event_id: Option<&str>,
        is_renewal: bool,
    ) -> Result<(AccessToken, Option<AdmissionGuard<'_>>)> {
        let token = self.verify(access_token).await?;
        if !is_renewal {
            self.check_new_socket_rate(&token)?;
        }
        let guard = self.ensure_caught_up(last_event_id).await?;
        self.check_subject_limit(&token, number)?;
        Ok((token, guard))
    }

    /// Counts a new socket, and checks that its subject may open one. A subscriber to the events of all
    /// users is not limited.
    fn check_new_socket_rate(&self, token: &AccessToken) -> Result<()> {
        if token.filter() == Some(Filter::All) {
            return Ok(());
        }
        let mut rates = self.rates.borrow_mut();
        if rates.count_new_socket(token.sub(), clock::now()) {
            Ok(())
        } else {
            Err(ApiError::TooManyRequests(RequestLimit::Subject))
        }
    }

    async fn verify(&self, token: &str) -> Result<AccessToken> {
        let verifier = self.role.verifier();
        access_token::verify(token, self.tenant_config()?, &verifier).await
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

    /// Checks the limit on the sockets of a token's subject, for the socket with this number. A socket
    /// that renews its token does not count against itself.
    fn check_subject_limit(&self, token: &AccessToken, number: u64) -> Result<()> {
        let listener = Listener::authorize(token)?;
        self.sockets
            .with_index(|listeners| listeners.check_subject_limit(&listener, number))
            .or_internal("authenticate")?
    }

    /// Applies the result of verifying a token to a session and sends the replay, in one step.
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

/// Reads a message. Copies the text into `text` only if it is not too long. The length in
/// UTF-16 code units never exceeds the length in UTF-8.
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
