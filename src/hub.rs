//! The Durable Object of a tenant: its events and its listeners.
//!
//! An object runs one step at a time, and a step without `.await` in it is not come between. So
//! storing events and sending them is one step, and so is reading what a listener is owed and
//! making it one; that is why no listener misses an event and none gets one twice.
//!
//! Only the Worker can reach an object, so every request that comes in has been let through.

mod event_store;
mod key_sets;
mod revocations;
mod sockets;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use session_events_core::{
    access_token::{self, AccessToken},
    error::{Fault, Incident},
    event_log::EventLog,
    hub_request::{
        Admission, HEADER, HubRequest, Publication, Published, REQUEST_ID_HEADER, RevokedAt,
    },
    listeners::Listeners,
    message_rate::MessageRate,
    protocol::{ErrorBody, EventsBody, HealthBody, HubDebug, ListenersBody, ServerMessage},
    revocation::PageRequest,
    route::Target,
    session::{Effect, Incoming, MAX_UNREAD_BYTES, Session},
    tenant::Tenant,
    timestamp::Timestamp,
    upgrade::SUBPROTOCOL,
};
use worker::{
    DurableObject,
    Env,
    Request,
    Response,
    Result,
    ScheduledTime,
    State,
    WebSocket,
    WebSocketIncomingMessage,
    WebSocketPair,
    durable_object,
    js_sys::JsString,
    wasm_bindgen, // the macro's expansion names it
};

use crate::{
    clock, environment, http,
    report::{self, Refused},
    verifier::RuntimeVerifier,
};
use event_store::EventStore;
use key_sets::KeySets;
use sockets::{Socket, Sockets};

/// A tenant's object.
#[durable_object]
pub struct TenantHub {
    state: Rc<State>,
    env: Env,
    /// The object's name, which is the tenant's Auth0 domain.
    domain: String,
    tenant: Option<Tenant>,
    events: EventStore,
    key_sets: KeySets,
    sockets: Sockets,
    message_rate: RefCell<MessageRate>,
    /// Whether the alarm is known to be set for when revocations must be let go.
    pruning_seen_to: Cell<bool>,
}

impl DurableObject for TenantHub {
    fn new(state: State, env: Env) -> Self {
        let state = Rc::new(state);
        let domain = state.id().name().unwrap_or_default();
        let prepared =
            event_store::create_tables(&state).and_then(|()| sockets::answer_pings(&state));
        if let Err(error) = prepared {
            // Whatever needs the tables will fail on its own and say so to whoever asked.
            report::incident("object_start", &domain, &error);
        }
        Self {
            tenant: Tenant::from_domain(&domain),
            events: EventStore::new(&state),
            sockets: Sockets::new(Rc::clone(&state)),
            key_sets: KeySets::new(&state, domain.clone()),
            message_rate: RefCell::default(),
            pruning_seen_to: Cell::new(false),
            domain,
            state,
            env,
        }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let wanted = http::header(&request, HEADER)
            .as_deref()
            .and_then(HubRequest::decode);
        let request_id = http::header(&request, REQUEST_ID_HEADER).unwrap_or_default();
        let endpoint = wanted.as_ref().map_or("none", HubRequest::name);
        match self.serve(wanted, request).await {
            Ok(response) => Ok(response),
            Err(fault) => {
                let refused = Refused {
                    tenant: &self.domain,
                    endpoint,
                    request_id: Some(&request_id),
                };
                report::refused(refused, &fault);
                http::fault(&fault, &request_id)
            }
        }
    }

    async fn websocket_message(
        &self,
        raw: WebSocket,
        message: WebSocketIncomingMessage,
    ) -> Result<()> {
        if let Err(error) = self.hear(raw.clone(), message).await {
            let fault = Fault::internal("message", error);
            self.report_refused(&fault);
            sockets::close(&raw, &fault);
        }
        Ok(())
    }

    async fn websocket_close(
        &self,
        raw: WebSocket,
        code: usize,
        _reason: String,
        _was_clean: bool,
    ) -> Result<()> {
        let Some(mut socket) = Socket::of(raw) else {
            return Ok(());
        };
        self.sockets.update(&mut socket, Session::end)?;
        socket.answer_close(code);
        Ok(())
    }

    async fn websocket_error(&self, raw: WebSocket, _error: worker::Error) -> Result<()> {
        let Some(mut socket) = Socket::of(raw) else {
            return Ok(());
        };
        self.sockets.update(&mut socket, Session::end)
    }

    /// Closes the sockets whose time is over, and has itself called again for the next.
    async fn alarm(&self) -> Result<Response> {
        let now = clock::now();
        for mut socket in self.sockets.due(now)? {
            let tick = |session: &mut Session| session.tick(now);
            match self.sockets.update(&mut socket, tick) {
                Ok(effect) => effect
                    .into_iter()
                    .for_each(|effect| self.perform(&socket, effect)),
                // The others must not wait for this one.
                Err(error) => report::incident("alarm", &self.domain, &error),
            }
        }
        let pruning = self.prune(now).unwrap_or_else(|error| {
            report::incident("alarm", &self.domain, &error);
            None
        });
        let sockets = self.sockets.with_index(Listeners::next_due)?;
        self.wake_by(sockets.into_iter().chain(pruning).min())
            .await?;
        Response::empty()
    }

    /// Not offered: the Worker never opens a TCP connection to an object.
    async fn connect(&self, _socket: worker::Socket) -> Result<()> {
        Err("no TCP connections are taken".into())
    }
}

impl TenantHub {
    fn perform(&self, socket: &Socket, effect: Effect<'_>) {
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
            Effect::Verify { .. } => {}
        }
    }

    fn report_refused(&self, fault: &Fault) {
        let refused = Refused {
            tenant: &self.domain,
            endpoint: "socket",
            request_id: None,
        };
        report::refused(refused, fault);
    }

    async fn serve(
        &self,
        wanted: Option<HubRequest>,
        mut request: Request,
    ) -> std::result::Result<Response, Fault> {
        match wanted {
            None => Err(Fault::NotFound),
            Some(HubRequest::Debug) => {
                let url = request.inner().url();
                let target = Target::parse(&url)?;
                http::json(&HubDebug {
                    host: target.host,
                    url: &url,
                    path: target.path,
                    tenant_domain: self.domain.clone(),
                })
                .map_err(report::internal("debug"))
            }
            Some(HubRequest::Publish) => {
                let publication = request.json().await.map_err(report::internal("publish"))?;
                let published = self.publish(publication);
                let published = published.map_err(report::internal("publish"))?;
                self.see_to_pruning().await?;
                Ok(published)
            }
            Some(HubRequest::Subscribe {
                admission,
                answers_subprotocol,
            }) => self.subscribe(admission, answers_subprotocol).await,
            Some(HubRequest::Listeners) => self.listeners().map_err(report::internal("listeners")),
            Some(HubRequest::Events) => self.newest_events().map_err(report::internal("events")),
            Some(HubRequest::Health) => self.health(),
            Some(HubRequest::Revocations {
                page,
                if_none_match,
            }) => self.revocations(page, if_none_match.as_deref()),
            Some(HubRequest::RevokedAt {
                user_id,
                session_id,
            }) => self
                .revoked_at(&user_id, session_id.as_deref())
                .map_err(report::internal("introspect")),
            Some(HubRequest::KeySet { jwks_uri, kid }) => {
                let cached = self.key_sets.look_up(&jwks_uri, &kid).await;
                http::json(&cached).map_err(report::internal("key_set"))
            }
        }
    }

    /// Stores events and sends them to whoever may see them: one step. What can fail comes before
    /// the events are stored, because those that are stored are not sent when they come again.
    fn publish(&self, publication: Publication) -> Result<Response> {
        self.close_stuck(&publication)?;
        let count = self.sockets.with_index(|listeners| {
            let now = clock::now();
            let news = self.events.append(&self.state, publication.events, now)?;
            for event in &news {
                let text = JsString::from(event.json.as_str());
                for socket in listeners.receivers(&event.user_id, now) {
                    sockets::send_text(socket, &text);
                }
            }
            Ok::<_, worker::Error>(news.len())
        })??;
        http::json(&Published { events: count })
    }

    /// Closes those of the receivers that do not read what they were sent before: it is in memory
    /// until they do. Looked at once, before anything is sent, since within this step nothing
    /// that is sent can be read.
    fn close_stuck(&self, publication: &Publication) -> Result<()> {
        let users = publication
            .events
            .iter()
            .map(|event| event.user_id.as_str());
        let stuck: Vec<(WebSocket, u32)> = self.sockets.with_index(|listeners| {
            listeners
                .receivers_of_any(users.collect())
                .map(|raw| (raw, sockets::unread_bytes(raw)))
                .filter(|(_, unread)| *unread > MAX_UNREAD_BYTES)
                .map(|(raw, unread)| (raw.clone(), unread))
                .collect()
        })?;
        for (raw, unread) in stuck {
            let Some(mut socket) = Socket::of(raw) else {
                continue;
            };
            let lag = |session: &mut Session| session.lag(unread);
            if let Some(effect) = self.sockets.update(&mut socket, lag)? {
                self.perform(&socket, effect);
            }
        }
        Ok(())
    }

    /// Takes a socket in, if there is room. Whether there is shows before it is accepted, so that
    /// who finds none gets an answer that says when to come back.
    async fn subscribe(
        &self,
        admission: Option<Admission>,
        answers_subprotocol: bool,
    ) -> std::result::Result<Response, Fault> {
        let internal = report::internal("subscribe");
        let newcomer = match &admission {
            None => None,
            Some(admission) => Some(admission.token.listener()?),
        };
        self.sockets
            .with_index(|all| all.check_room(newcomer.as_ref()))
            .map_err(&internal)??;
        let accepted = || {
            let pair = WebSocketPair::new()?;
            let mut socket = self.sockets.accept(pair.server, clock::now())?;
            socket.send(&ServerMessage::Connected);
            if let Some(admission) = admission {
                let last_event_id = admission.last_event_id.as_deref();
                let begun = self.authenticate(&mut socket, &Ok(admission.token), last_event_id);
                if let Err(error) = begun {
                    // Nobody will ever hold its other end.
                    self.sockets.update(&mut socket, Session::end)?;
                    return Err(error);
                }
            }
            Ok((pair.client, socket.due()))
        };
        let (client, due) = accepted().map_err(&internal)?;
        self.wake_by(due).await.map_err(&internal)?;
        let subprotocol = answers_subprotocol.then_some(SUBPROTOCOL);
        http::switching_protocols(client, subprotocol).map_err(&internal)
    }

    /// Takes in what a socket says.
    async fn hear(&self, raw: WebSocket, message: WebSocketIncomingMessage) -> Result<()> {
        let Some(mut socket) = Socket::of(raw) else {
            return Ok(());
        };
        let incoming = match &message {
            WebSocketIncomingMessage::String(text) => Incoming::Text(text),
            WebSocketIncomingMessage::Binary(bytes) => Incoming::Binary(bytes.len()),
        };
        let now = clock::now();
        let admitted = self.message_rate.borrow_mut().admits(socket.number(), now);
        let receive = |session: &mut Session| {
            if admitted {
                session.receive(incoming, now)
            } else {
                session.overrun().into_iter().collect()
            }
        };
        let effects = self.sockets.update(&mut socket, receive)?;
        for effect in effects {
            match effect {
                Effect::Verify {
                    access_token,
                    last_event_id,
                } => {
                    let outcome = self.verify(&access_token).await;
                    let outcome = outcome.and_then(|token| self.admit(token, socket.number()));
                    let Some(mut socket) = socket.reread() else {
                        return Ok(());
                    };
                    self.authenticate(&mut socket, &outcome, last_event_id.as_deref())?;
                    return self.wake_by(socket.due()).await;
                }
                effect => self.perform(&socket, effect),
            }
        }
        Ok(())
    }

    async fn verify(&self, token: &str) -> std::result::Result<AccessToken, Fault> {
        let nameless = || Fault::internal("verify", "the object's name is no domain of Auth0's");
        let tenant = self.tenant.as_ref().ok_or_else(nameless)?;
        let config = environment::config(&self.env)?;
        let verifier = RuntimeVerifier(&self.key_sets);
        access_token::verify(token, tenant, &config, &verifier).await
    }

    /// Lets a token pass whose subject may have one more socket, or has this one already.
    fn admit(&self, token: AccessToken, number: u64) -> std::result::Result<AccessToken, Fault> {
        let listener = token.listener()?;
        self.sockets
            .with_index(|all| all.check_room_for(&listener, number))
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
        self.events.with_log(|log| {
            let now = clock::now();
            let step =
                |session: &mut Session| session.authenticate(outcome, last_event_id, log, now);
            for effect in self.sockets.update(socket, step)? {
                self.perform(socket, effect);
            }
            Ok(())
        })?
    }

    fn listeners(&self) -> Result<Response> {
        self.sockets.with_index(|all| {
            let connections: Vec<_> = all.sessions().filter_map(Session::connection).collect();
            http::json(&ListenersBody {
                count: connections.len(),
                connections,
            })
        })?
    }

    fn newest_events(&self) -> Result<Response> {
        self.events.with_log(|log| {
            let events: std::result::Result<Vec<_>, _> = log
                .newest_first()
                .map(|event| serde_json::from_str(&event.json))
                .collect();
            http::json(&EventsBody { events: events? })
        })?
    }

    /// A page of the revocations, unless the client has it already.
    fn revocations(
        &self,
        wanted: PageRequest,
        if_none_match: Option<&str>,
    ) -> std::result::Result<Response, Fault> {
        let internal = report::internal("revocations");
        let days = environment::config(&self.env)?.revocation_days();
        let newest = |log: &EventLog| log.newest_first().next().map(|event| event.id.clone());
        let last_event_id = self.events.with_log(newest).map_err(&internal)?;
        let revocations = self.events.revocations();
        let page = revocations.page(wanted, last_event_id, days, clock::now());
        http::json_unless_known(&page.map_err(&internal)?, if_none_match).map_err(&internal)
    }

    fn revoked_at(&self, user_id: &str, session_id: Option<&str>) -> Result<Response> {
        let revocations = self.events.revocations();
        let revoked_at = revocations.revoked_at(user_id, session_id)?;
        http::json(&RevokedAt { revoked_at })
    }

    /// Sees to it that the alarm rings when revocations must be let go. As long as there are some
    /// it is set, so to look once after each waking is enough.
    async fn see_to_pruning(&self) -> std::result::Result<(), Fault> {
        if self.pruning_seen_to.get() {
            return Ok(());
        }
        let internal = report::internal("publish");
        let days = environment::config(&self.env)?.revocation_days();
        let due = self.events.revocations().due(days).map_err(&internal)?;
        self.pruning_seen_to.set(due.is_some());
        self.wake_by(due).await.map_err(&internal)
    }

    /// Lets revocations go whose time is over, and tells when to look again.
    fn prune(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        let Ok(config) = environment::config(&self.env) else {
            // To be told to whoever asks for something; until then, nothing is let go.
            return Ok(None);
        };
        let (days, revocations) = (config.revocation_days(), self.events.revocations());
        if revocations.due(days)?.is_some_and(|due| due <= now) {
            revocations.prune(days, now)?;
        }
        revocations.due(days)
    }

    /// Whether storage answers, and how old the key sets are.
    fn health(&self) -> std::result::Result<Response, Fault> {
        self.events.check().map_err(|error| {
            let (step, cause) = ("health", error.to_string());
            Fault::StorageUnavailable(Incident { step, cause })
        })?;
        let config = environment::config(&self.env)?;
        let issuers = self.tenant.iter().flat_map(|tenant| config.issuers(tenant));
        http::json(&HealthBody {
            storage: "ok",
            key_sets: issuers
                .map(|issuer| self.key_sets.health(issuer.jwks_uri))
                .collect(),
        })
        .map_err(report::internal("health"))
    }

    /// Sees to it that the alarm rings no later than this.
    async fn wake_by(&self, due: Option<Timestamp>) -> Result<()> {
        let Some(due) = due else { return Ok(()) };
        let storage = self.state.storage();
        let set = storage.get_alarm().await?;
        if set.is_none_or(|set| due.as_millis() < set) {
            let date = ScheduledTime::new(clock::js_date(due));
            storage.set_alarm(date).await?;
        }
        Ok(())
    }
}
