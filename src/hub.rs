//! The Durable Object of a tenant: its events and its listeners.
//!
//! An object runs one step at a time, and a step without `.await` in it is not come between. So
//! storing events and sending them is one step, and so is reading what a listener is owed and
//! making it one; that is why no listener misses an event and none gets one twice.
//!
//! Where a tenant has more listeners than one object may hold, its root stores the events and
//! hands them to shards, which are objects of the same class and hold the sockets. Then the same
//! is true of each shard, and [`follower`](session_events_core::follower) says why of all
//! together.
//!
//! Only the Worker and the tenant's other objects can reach an object, so every request that comes
//! in has been let through.
//!
//! What the runtime calls is exported by hand. The `worker` crate's macro can have an object's
//! alarm or its sockets, or both together with TCP connections and all that they take; and each of
//! its methods is a promise, where most of what a socket does is over at once.

mod database;
mod event_store;
mod key_sets;
mod known;
mod listening;
mod relays;
mod revocations;
mod root;
mod shard;
mod sockets;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use session_events_core::{
    config::Config,
    error::Fault,
    event_log::EventLog,
    follower::{Relay, RelayReceipt},
    hub_request::{HEADER, HubRequest, Publication, REQUEST_ID_HEADER},
    listeners::Listeners,
    message_rate::MessageRate,
    object::Object,
    object_name::ObjectName,
    protocol::{ObjectDebug, PublishReceipt},
    route::Target,
    session::Session,
    tenant::Tenant,
    timestamp::Timestamp,
};
use worker::{
    Env, Result, ScheduledTime, State, WebSocket,
    js_sys::Error,
    wasm_bindgen::{JsValue, prelude::wasm_bindgen},
    web_sys::{self, Request, Response},
    worker_sys::DurableObjectState,
};

use crate::{
    clock, environment, http,
    key_set_copies::KeySetCopies,
    report::{self, Refused},
    verifier::RuntimeVerifier,
};
pub(crate) use key_sets::KeySets;
use root::Root;
use shard::Shard;
use sockets::{Socket, Sockets};

/// A tenant's object.
#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen)]
pub struct TenantHub {
    state: Rc<State>,
    config: std::result::Result<Config, Fault>,
    /// The object's name, as the log has it.
    name: String,
    tenant: Tenant,
    part: Part,
    sockets: Sockets,
    message_rate: RefCell<MessageRate>,
    /// When the alarm will ring, where that is known: each socket that comes would ask otherwise.
    alarm: Cell<Option<Timestamp>>,
}

/// Which of a tenant's objects it is, and what that one has beside sockets.
enum Part {
    Root(Root),
    Shard(Shard),
}

/// What the runtime calls (Cloudflare, "Durable Objects: Base class").
#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen, wasm_bindgen_futures = worker::wasm_bindgen_futures, js_sys = worker::js_sys)]
impl TenantHub {
    /// An object that wakes. Whoever wakes it has asked for it by name, and the runtime knows the
    /// name when an alarm wakes it too (Cloudflare, "Durable Object ID: `name`"); without one
    /// nothing can be known of whose it is.
    #[wasm_bindgen(constructor)]
    pub fn new(state: DurableObjectState, env: Env) -> std::result::Result<Self, JsValue> {
        let state = Rc::new(State::from(state));
        let name = state.id().name().unwrap_or_default();
        let nameless = || Error::new(&format!("no object of a tenant is called \"{name}\""));
        let ObjectName { tenant, shard } = ObjectName::parse(&name).ok_or_else(nameless)?;
        let part = match shard {
            Some(number) => Part::Shard(Shard::new(&state, &env, tenant.clone(), number)),
            None => Part::Root(Root::new(&state, &env, tenant.clone())),
        };
        let prepared = part
            .create_tables(&state)
            .and_then(|()| sockets::answer_pings(&state));
        if let Err(error) = prepared {
            // Whatever needs the tables will fail on its own and say so to whoever asked.
            report::incident("object_start", &name, &error);
        }
        Ok(Self {
            tenant,
            part,
            sockets: Sockets::new(Rc::clone(&state)),
            message_rate: RefCell::default(),
            alarm: Cell::new(None),
            config: environment::read_config(&env),
            name,
            state,
        })
    }

    /// Answers what the Worker or another of the tenant's objects asks.
    pub async fn fetch(&self, request: Request) -> std::result::Result<Response, JsValue> {
        let wanted = http::header(&request, HEADER)
            .as_deref()
            .and_then(HubRequest::decode);
        let request_id = http::header(&request, REQUEST_ID_HEADER).unwrap_or_default();
        let endpoint = wanted.as_ref().map_or("none", HubRequest::name);
        match self.serve(wanted, &request).await {
            Ok(response) => Ok(response),
            Err(fault) => {
                let refused = Refused {
                    tenant: &self.name,
                    endpoint,
                    request_id: Some(&request_id),
                };
                report::refused(refused, &fault);
                Ok(http::fault(&fault, &request_id)?)
            }
        }
    }

    /// Takes in what a socket says.
    #[wasm_bindgen(js_name = webSocketMessage)]
    pub async fn hear_socket(&self, raw: web_sys::WebSocket, message: JsValue) {
        let raw = WebSocket::from(raw);
        if let Err(error) = self.hear(raw.clone(), message).await {
            let fault = Fault::internal("message", error);
            self.report_refused(&fault);
            sockets::close(&raw, &fault);
        }
    }

    /// Lets a socket go that the other end closes.
    #[wasm_bindgen(js_name = webSocketClose)]
    pub fn close_socket(
        &self,
        raw: web_sys::WebSocket,
        code: u16,
    ) -> std::result::Result<(), JsValue> {
        if let Some(socket) = self.end(raw)? {
            socket.answer_close(code);
        }
        Ok(())
    }

    /// Lets a socket go whose other end is gone.
    #[wasm_bindgen(js_name = webSocketError)]
    pub fn drop_socket(&self, raw: web_sys::WebSocket) -> std::result::Result<(), JsValue> {
        self.end(raw)?;
        Ok(())
    }

    /// Closes the sockets whose time is over, and has itself called again for the next.
    pub async fn alarm(&self) -> std::result::Result<(), JsValue> {
        self.alarm.set(None);
        let now = clock::now();
        for mut socket in self.sockets.due(now)? {
            let tick = |session: &mut Session| session.tick(now);
            match self.sockets.update(&mut socket, tick) {
                Ok(effect) => effect
                    .into_iter()
                    .for_each(|effect| self.perform(&socket, effect)),
                // The others must not wait for this one.
                Err(error) => report::incident("alarm", &self.name, &error),
            }
        }
        let sockets = self.sockets.with_index(Listeners::next_due)?;
        let root = match &self.part {
            Part::Root(root) => self.alarm_of(root, now),
            Part::Shard(_) => None,
        };
        self.wake_by(sockets.into_iter().chain(root).min()).await?;
        Ok(())
    }
}

impl Part {
    /// Makes the tables where they are missing.
    fn create_tables(&self, state: &State) -> Result<()> {
        match self {
            Self::Root(_) => event_store::create_tables(state),
            Self::Shard(_) => shard::create_table(state),
        }
    }

    /// The root fetches key sets; a shard asks the root.
    fn verifier(&self) -> RuntimeVerifier<'_> {
        match self {
            Self::Root(root) => RuntimeVerifier::Root(&root.key_sets),
            Self::Shard(shard) => RuntimeVerifier::Elsewhere(KeySetCopies(shard.root())),
        }
    }

    /// Looks at what there is to replay.
    fn with_log<T>(&self, look: impl FnOnce(&EventLog) -> T) -> Result<T> {
        match self {
            Self::Root(root) => root.events.with_log(look),
            Self::Shard(shard) => shard.with_log(look),
        }
    }
}

impl TenantHub {
    fn config(&self) -> std::result::Result<&Config, Fault> {
        self.config.as_ref().map_err(Fault::clone)
    }

    /// What a root does when the alarm rings, and when it must ring again for that. What is amiss
    /// with the configuration is told to whoever asks for something; until it is mended, no
    /// revocation is let go.
    fn alarm_of(&self, root: &Root, now: Timestamp) -> Option<Timestamp> {
        let failed = |error| report::incident("alarm", &self.name, &error);
        let pruning = self.config().map(|config| root.prune(now, config));
        let pruning = pruning.unwrap_or(Ok(None));
        let retry = root.hand_on_rest(&self.state);
        let dues = [pruning, retry].map(|due| due.map_err(failed).ok().flatten());
        dues.into_iter().flatten().min()
    }

    async fn serve(
        &self,
        wanted: Option<HubRequest>,
        request: &Request,
    ) -> std::result::Result<Response, Fault> {
        let wanted = wanted.ok_or(Fault::NotFound)?;
        let internal = report::internal(wanted.name());
        match (wanted, &self.part) {
            (HubRequest::Debug, _) => self.debug(request),
            (HubRequest::Subscribe(admission, answers_subprotocol), _) => {
                self.subscribe(admission, answers_subprotocol).await
            }
            (HubRequest::Listeners, _) => self.listeners().map_err(internal),
            (HubRequest::Publish(receipt), Part::Root(root)) => {
                let publication = http::read_json(request).await.map_err(&internal)?;
                self.publish(root, publication, receipt).await
            }
            (HubRequest::Events, Part::Root(root)) => root.newest_events().map_err(internal),
            (HubRequest::Health, Part::Root(root)) => root.health(&self.tenant, self.config()?),
            (HubRequest::Revocations(page, if_none_match), Part::Root(root)) => {
                let config = self.config()?;
                let page = root.revocations(page, if_none_match.as_deref(), config);
                page.map_err(internal)
            }
            (HubRequest::RevokedAt(user_id, session_id), Part::Root(root)) => {
                let revoked_at = root.revoked_at(&user_id, session_id.as_deref());
                revoked_at.map_err(internal)
            }
            (HubRequest::KeySet(jwks_uri, kid), Part::Root(root)) => {
                let cached = root.key_sets.look_up(&jwks_uri, &kid).await;
                http::internal(&cached).map_err(internal)
            }
            (HubRequest::Follow(shard), Part::Root(root)) => root.follow(shard).map_err(internal),
            (HubRequest::Relay, Part::Shard(shard)) => {
                let Object(relay) = http::read_json(request).await.map_err(&internal)?;
                self.relay(shard, &relay)
            }
            (
                HubRequest::Publish(_)
                | HubRequest::Events
                | HubRequest::Health
                | HubRequest::Revocations(..)
                | HubRequest::RevokedAt(..)
                | HubRequest::KeySet(..)
                | HubRequest::Follow(_)
                | HubRequest::Relay,
                _,
            ) => Err(Fault::NotFound),
        }
    }

    /// Ends a socket's session; `None` where it has none.
    fn end(&self, raw: web_sys::WebSocket) -> Result<Option<Socket>> {
        let mut socket = Socket::of(raw.into());
        if let Some(socket) = &mut socket {
            self.sockets.update(socket, Session::end)?;
        }
        Ok(socket)
    }

    fn debug(&self, request: &Request) -> std::result::Result<Response, Fault> {
        let url = request.url();
        let target = Target::parse(&url)?;
        http::json(&ObjectDebug {
            host: target.host,
            url: &url,
            path: target.path,
            tenant_domain: self.tenant.domain(),
        })
        .map_err(report::internal("debug"))
    }

    /// Stores events, sends them to whoever may see them, and has the alarm ring for what is to
    /// be done after that.
    async fn publish(
        &self,
        root: &Root,
        publication: Publication,
        receipt: PublishReceipt,
    ) -> std::result::Result<Response, Fault> {
        let internal = report::internal("publish");
        let events = self.store(root, publication).map_err(&internal)?;
        let pruning = root.unseen_pruning(self.config()?).map_err(&internal)?;
        let retry = root.next_retry().map_err(&internal)?;
        let due = pruning.into_iter().chain(retry).min();
        self.wake_by(due).await.map_err(&internal)?;
        if retry.is_some() {
            root.hand_on(&self.state).map_err(&internal)?;
        }
        http::json(&receipt.with_new_events(events)).map_err(internal)
    }

    /// Stores events and sends them to this object's listeners: one step. What can fail comes
    /// before the events are stored, because those that are stored are not sent when they come
    /// again.
    fn store(&self, root: &Root, publication: Publication) -> Result<usize> {
        let users = publication.events.iter();
        let users: Vec<&str> = users.map(|event| event.user_id.as_str()).collect();
        self.close_stuck(&users)?;
        self.sockets.with_index(|listeners| {
            let now = clock::now();
            let news = root.append(&self.state, publication.events, now)?;
            listening::deliver(&news, listeners, now);
            Ok(news.len())
        })?
    }

    /// Sends this shard's listeners what the root hands on.
    fn relay(&self, shard: &Shard, relay: &Relay) -> std::result::Result<Response, Fault> {
        let internal = report::internal("relay");
        let taken = self.take_in(shard, &|follower| follower.relayed(relay));
        taken.map_err(&internal)?;
        if shard.is_retired(self.config()?) {
            self.displace(|_| true).map_err(&internal)?;
        }
        let position = shard.position().map_err(&internal)?.unwrap_or_default();
        let has_listeners = self.sockets.with_index(Listeners::has_listeners);
        let leaves = !has_listeners.map_err(&internal)? && shard.leave().map_err(&internal)?;
        let position = (!leaves).then_some(position);
        http::internal(&RelayReceipt { position }).map_err(internal)
    }

    /// Sees to it that the alarm rings no later than this.
    async fn wake_by(&self, due: Option<Timestamp>) -> Result<()> {
        let Some(due) = due else { return Ok(()) };
        if self.alarm.get().is_some_and(|alarm| alarm <= due) {
            return Ok(());
        }
        let storage = self.state.storage();
        let set = storage.get_alarm().await?.map(Timestamp::from_millis);
        // Others may have come here meanwhile, with a sooner moment.
        let sooner = set.into_iter().chain(self.alarm.get()).min();
        let soonest = sooner.map_or(due, |sooner| sooner.min(due));
        self.alarm.set(Some(soonest));
        if set == Some(soonest) {
            return Ok(());
        }
        let date = ScheduledTime::new(clock::alarm_date(soonest));
        let alarm = storage.set_alarm(date).await;
        if alarm.is_err() {
            self.alarm.set(None);
        }
        alarm
    }
}
