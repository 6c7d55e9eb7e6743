//! An object's sockets: how they are let in, what they say, and what they are sent.

use session_events_core::{
    access_token::{self, AccessToken},
    error::Fault,
    event_log::KeptEvent,
    follower::{Follower, Step},
    hub_request::Admission,
    listeners::Listeners,
    protocol::{ErrorBody, ListenersBody, MAX_MESSAGE_BYTES, ServerMessage},
    session::{Effect, Incoming, Received, Session},
    timestamp::Timestamp,
    upgrade::SUBPROTOCOL,
};
use worker::{
    Result, WebSocket, WebSocketPair,
    js_sys::{JsString, Uint8Array},
    wasm_bindgen::{JsCast, JsValue},
    web_sys::Response,
};

use super::{
    Part, TenantHub,
    shard::{Admitting, Shard},
    sockets::{self, Socket},
};
use crate::{
    clock, http,
    report::{self, Refused},
};

/// How often the root is asked for the sake of one who wants to listen. An answer may be too old
/// already when it comes, but hardly twice.
const MAX_QUESTIONS: usize = 5;

/// Sends each event to whoever may see it, as one JavaScript string for all of them.
pub(super) fn deliver(events: &[KeptEvent], listeners: &Listeners<WebSocket>, now: Timestamp) {
    for event in events {
        let text = JsString::from(event.json.as_str());
        for socket in listeners.receivers(&event.user_id, now) {
            sockets::send_text(socket, &text);
        }
    }
}

/// What a message is. Its text is copied to `text` only if it is not too long: the platform takes
/// two thousand times as much as we do. JavaScript counts units of UTF-16, of which a text never
/// has more than bytes.
fn incoming<'a>(message: &JsValue, text: &'a mut String) -> Incoming<'a> {
    let Some(said) = message.dyn_ref::<JsString>() else {
        return Incoming::Unread(Uint8Array::new(message).length() as usize);
    };
    let length = said.length() as usize;
    if length > MAX_MESSAGE_BYTES {
        return Incoming::Unread(length);
    }
    *text = said.into();
    Incoming::Text(text)
}

impl TenantHub {
    pub(super) fn perform(&self, socket: &Socket, effect: Effect<'_>) {
        match effect {
            Effect::Send(message) => socket.send(&message),
            Effect::Deliver(json) => socket.send_text(&JsString::from(json)),
            Effect::Refuse(fault) => {
                self.report_refused(&fault);
                socket.send(&ServerMessage::Error(ErrorBody::from(&fault)));
            }
            Effect::Close(fault) => {
                self.report_refused(&fault);
                socket.close(&fault);
            }
        }
    }

    pub(super) fn report_refused(&self, fault: &Fault) {
        let refused = Refused {
            tenant: &self.name,
            endpoint: "socket",
            request_id: None,
        };
        report::refused(refused, fault);
    }

    /// Closes those of the receivers that have not read for too long what they were sent before:
    /// it is in memory until they do. Looked at once, before anything is sent, since within this
    /// step nothing that is sent can be read.
    pub(super) fn close_stuck(&self, users: &[&str]) -> Result<()> {
        let now = clock::now();
        let heeding: Vec<(WebSocket, u32)> = self.sockets.with_index(|listeners| {
            listeners
                .receivers_of_any(users)
                .map(|(raw, session)| (raw, session, sockets::unread_bytes(raw)))
                .filter(|(_, session, unread)| session.heeds_unread(*unread))
                .map(|(raw, _, unread)| (raw.clone(), unread))
                .collect()
        })?;
        for (raw, unread) in heeding {
            let Some(mut socket) = Socket::of(raw) else {
                continue;
            };
            let step = |session: &mut Session| session.take_unread(unread, now);
            if let Some(effect) = self.sockets.update(&mut socket, step)? {
                self.perform(&socket, effect);
            }
        }
        Ok(())
    }

    /// Takes a socket in, if there is room. Whether there is shows before it is accepted, so that
    /// who finds none gets an answer that says when to come back.
    pub(super) async fn subscribe(
        &self,
        admission: Option<Admission>,
        answers_subprotocol: bool,
    ) -> std::result::Result<Response, Fault> {
        let internal = report::internal("subscribe");
        let newcomer = match &admission {
            None => None,
            Some(Admission(token, _)) => Some(token.listener()?),
        };
        self.check_current()?;
        let _admitting = match &admission {
            None => None,
            Some(Admission(_, last_event_id)) => self.prepare(last_event_id.as_deref()).await?,
        };
        self.sockets
            .with_index(|all| all.check_limits(newcomer.as_ref()))
            .map_err(&internal)??;
        let WebSocketPair { client, server } = WebSocketPair::new().map_err(&internal)?;
        let accepted = self.sockets.accept(server, clock::now());
        let mut socket = accepted.map_err(&internal)?;
        if let Err(error) = self.begin(&mut socket, admission).await {
            // Nobody will ever hold its other end.
            let ended = self.sockets.update(&mut socket, Session::end);
            return Err(internal(ended.err().unwrap_or(error)));
        }
        let subprotocol = answers_subprotocol.then_some(SUBPROTOCOL);
        http::switching_protocols(client.as_ref(), subprotocol).map_err(&internal)
    }

    /// Says to a socket what comes first, and has the alarm ring for it.
    async fn begin(&self, socket: &mut Socket, admission: Option<Admission>) -> Result<()> {
        socket.send(&ServerMessage::Connected);
        if let Some(Admission(token, last_event_id)) = admission {
            self.authenticate(socket, &Ok(token), last_event_id.as_deref())?;
        }
        self.wake_by(socket.due()).await
    }

    /// Takes in what a socket says.
    pub(super) async fn hear(&self, raw: WebSocket, message: JsValue) -> Result<()> {
        let Some(mut socket) = Socket::of(raw) else {
            return Ok(());
        };
        let now = clock::now();
        let admitted = self
            .message_rate
            .borrow_mut()
            .count_message(socket.number(), now);
        let receive = |session: &mut Session| {
            if !admitted {
                return Received::Done(session.overrun().into_iter().collect());
            }
            session.receive(incoming(&message, &mut String::new()), now)
        };
        let (access_token, last_event_id) = match self.sockets.update(&mut socket, receive)? {
            Received::Done(effects) => {
                effects
                    .into_iter()
                    .for_each(|effect| self.perform(&socket, effect));
                return Ok(());
            }
            Received::Verify {
                access_token,
                last_event_id,
            } => (access_token, last_event_id),
        };
        let outcome = self.verify(&access_token).await;
        let prepared = match &outcome {
            Ok(_) => self.prepare(last_event_id.as_deref()).await,
            Err(_) => Ok(None),
        };
        let outcome = outcome.and_then(|token| {
            prepared.as_ref().map_err(Fault::clone)?;
            self.admit(token, socket.number())
        });
        let Some(mut socket) = socket.reread() else {
            return Ok(());
        };
        self.authenticate(&mut socket, &outcome, last_event_id.as_deref())?;
        self.wake_by(socket.due()).await
    }

    async fn verify(&self, token: &str) -> std::result::Result<AccessToken, Fault> {
        let (config, verifier) = (self.config()?, self.part.verifier());
        access_token::verify(token, &self.tenant, config, &verifier).await
    }

    /// Lets nobody in where there is no such shard any more.
    fn check_current(&self) -> std::result::Result<(), Fault> {
        match &self.part {
            Part::Shard(shard) if shard.is_retired(self.config()?) => Err(Fault::Reconnect),
            _ => Ok(()),
        }
    }

    /// Sees to it that what there is to replay is known. What it yields must be held until whoever
    /// names this event has become a listener.
    async fn prepare(
        &self,
        last_event_id: Option<&str>,
    ) -> std::result::Result<Option<Admitting<'_>>, Fault> {
        let Part::Shard(shard) = &self.part else {
            return Ok(None);
        };
        self.check_current()?;
        let admitting = shard.admit();
        let internal = report::internal("follow");
        let before = shard.asked();
        let mut latest = 0;
        for _ in 0..MAX_QUESTIONS {
            let must_ask = shard.must_ask(last_event_id, latest > before);
            if !must_ask.map_err(&internal)? {
                shard.keep_position().map_err(&internal)?;
                return Ok(Some(admitting));
            }
            let answer = shard.ask().await?;
            latest = answer.number;
            if shard.is_first_to_take(&answer) {
                let taken = self.take_in(shard, &|follower| follower.followed(&answer.followed));
                taken.map_err(&internal)?;
            }
        }
        Err(Fault::Reconnect)
    }

    /// Takes in what a shard is told by its root, and sends its listeners what is news: one step.
    pub(super) fn take_in(
        &self,
        shard: &Shard,
        step: &dyn Fn(&mut Follower) -> serde_json::Result<Step>,
    ) -> Result<()> {
        let step = shard.advance(|follower| {
            let step = step(follower)?;
            let users = step.news.iter().map(|event| event.user_id.as_str());
            let users: Vec<&str> = users.collect();
            self.close_stuck(&users)?;
            let hears = |all: &Listeners<WebSocket>| all.receivers_of_any(&users).next().is_some();
            let somebody_hears = self.sockets.with_index(hears)?;
            Ok((step, somebody_hears))
        })?;
        if step.missed {
            self.displace(|session| session.listener().is_some())?;
        }
        let now = clock::now();
        self.sockets
            .with_index(|listeners| deliver(&step.news, listeners, now))
    }

    /// Closes such sockets, so that their clients come back.
    pub(super) fn displace(&self, whom: fn(&Session) -> bool) -> Result<()> {
        for mut socket in self.sockets.those(whom)? {
            if let Some(effect) = self.sockets.update(&mut socket, Session::displace)? {
                self.perform(&socket, effect);
            }
        }
        Ok(())
    }

    /// Lets a token pass whose subject may have one more socket, or has this one already.
    fn admit(&self, token: AccessToken, number: u64) -> std::result::Result<AccessToken, Fault> {
        let listener = token.listener()?;
        self.sockets
            .with_index(|all| all.check_subject_limit(&listener, number))
            .map_err(report::internal("authenticate"))??;
        Ok(token)
    }

    /// Moves a session on by a verified token and sends the replay: one step.
    fn authenticate(
        &self,
        socket: &mut Socket,
        outcome: &std::result::Result<AccessToken, Fault>,
        last_event_id: Option<&str>,
    ) -> Result<()> {
        self.part.with_log(|log| {
            let now = clock::now();
            let step =
                |session: &mut Session| session.authenticate(outcome, last_event_id, log, now);
            for effect in self.sockets.update(socket, step)? {
                self.perform(socket, effect);
            }
            Ok(())
        })?
    }

    pub(super) fn listeners(&self) -> Result<Response> {
        self.sockets.with_index(|all| {
            let connections: Vec<_> = all
                .all()
                .filter_map(|(_, session)| session.connection())
                .collect();
            http::json(&ListenersBody {
                count: connections.len(),
                connections,
            })
        })?
    }
}
