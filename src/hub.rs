//! The Durable Object of a tenant: its events and its listeners.
//!
//! An object runs one step at a time, and a step without `.await` in it is not come between. So
//! storing events and sending them is one step, and so is reading what a listener is owed and
//! making it one; that is why no listener misses an event and none gets one twice.
//!
//! Only the Worker can reach an object, so every request that comes in has been let through.

mod event_store;
mod key_sets;
mod listening;
mod revocations;
mod root;
mod sockets;

use std::{cell::RefCell, rc::Rc};

use session_events_core::{
    config::Config,
    error::Fault,
    hub_request::{HEADER, HubRequest, Publication, Published, REQUEST_ID_HEADER},
    listeners::Listeners,
    message_rate::MessageRate,
    protocol::HubDebug,
    route::Target,
    session::Session,
    tenant::Tenant,
    timestamp::Timestamp,
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
    durable_object,
    wasm_bindgen, // the macro's expansion names it
};

use crate::{
    clock, environment, http,
    report::{self, Refused},
};
use root::Root;
use sockets::{Socket, Sockets};

/// A tenant's object.
#[durable_object]
pub struct TenantHub {
    state: Rc<State>,
    env: Env,
    /// The object's name, which is the tenant's Auth0 domain.
    domain: String,
    tenant: Option<Tenant>,
    root: Root,
    sockets: Sockets,
    message_rate: RefCell<MessageRate>,
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
            root: Root::new(&state, &domain),
            sockets: Sockets::new(Rc::clone(&state)),
            message_rate: RefCell::default(),
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
        let pruning = self.prune(now);
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
    fn config(&self) -> std::result::Result<Config, Fault> {
        environment::config(&self.env)
    }

    /// Lets revocations go whose time is over, and tells when to look again. What is amiss with
    /// the configuration is told to whoever asks for something; until it is mended, nothing goes.
    fn prune(&self, now: Timestamp) -> Option<Timestamp> {
        let pruned = self.root.prune(now, &self.config().ok()?);
        pruned.unwrap_or_else(|error| {
            report::incident("alarm", &self.domain, &error);
            None
        })
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
                let internal = report::internal("publish");
                let publication = request.json().await.map_err(&internal)?;
                let published = self.publish(publication).map_err(&internal)?;
                let pruning = self.root.unseen_pruning(&self.config()?);
                self.wake_by(pruning.map_err(&internal)?)
                    .await
                    .map_err(&internal)?;
                Ok(published)
            }
            Some(HubRequest::Subscribe {
                admission,
                answers_subprotocol,
            }) => self.subscribe(admission, answers_subprotocol).await,
            Some(HubRequest::Listeners) => self.listeners().map_err(report::internal("listeners")),
            Some(HubRequest::Events) => {
                let events = self.root.newest_events();
                events.map_err(report::internal("events"))
            }
            Some(HubRequest::Health) => self.root.health(self.tenant.as_ref(), &self.config()?),
            Some(HubRequest::Revocations {
                page,
                if_none_match,
            }) => {
                let config = self.config()?;
                let page = self
                    .root
                    .revocations(page, if_none_match.as_deref(), &config);
                page.map_err(report::internal("revocations"))
            }
            Some(HubRequest::RevokedAt {
                user_id,
                session_id,
            }) => {
                let revoked_at = self.root.revoked_at(&user_id, session_id.as_deref());
                revoked_at.map_err(report::internal("introspect"))
            }
            Some(HubRequest::KeySet { jwks_uri, kid }) => {
                let cached = self.root.key_sets.look_up(&jwks_uri, &kid).await;
                let cached = cached.ok_or(Fault::TemporarilyUnavailable)?;
                http::json(&cached).map_err(report::internal("key_set"))
            }
        }
    }

    /// Stores events and sends them to whoever may see them: one step. What can fail comes before
    /// the events are stored, because those that are stored are not sent when they come again.
    fn publish(&self, publication: Publication) -> Result<Response> {
        self.close_stuck(
            publication
                .events
                .iter()
                .map(|event| event.user_id.as_str()),
        )?;
        let news = self.sockets.with_index(|listeners| {
            let now = clock::now();
            let news = self
                .root
                .events
                .append(&self.state, publication.events, now)?;
            listening::deliver(&news, listeners, now);
            Ok::<_, worker::Error>(news)
        })??;
        http::json(&Published { events: news.len() })
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
