//! The methods that the runtime calls (Cloudflare, "Durable Objects: Base class").
//!
//! Bypass of the `worker` crate's `#[durable_object]`: its constructor cannot fail, so an object
//! without a valid name would have to panic, and it copies every message into WebAssembly before
//! any check of its length. The runtime accepts messages 2,000 times as long as ours, and
//! WebAssembly never returns memory.

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    rc::Rc,
};

use session_events_core::{
    error::ApiError,
    protocol::object_request::{HEADER, ObjectRequest, REQUEST_ID_HEADER},
    sessions::session::Session,
    tenant::object_name::ObjectName,
};
use worker::{
    Env, Request, State, WebSocket,
    js_sys::Error,
    wasm_bindgen::{JsValue, prelude::wasm_bindgen},
    web_sys,
    worker_sys::DurableObjectState,
};

use super::{
    deadlines::DeadlineTimer,
    leader::Leader,
    shard::Shard,
    sockets::{self, Sockets},
    tenant_hub::{Role, TenantHub},
};
use crate::runtime::{
    environment,
    http::{self, Response},
    log::{self, OrInternal, Rejected},
    requests::header,
};

/// The class that the runtime constructs. The timer needs a reference to the object that outlives
/// a call.
#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen, js_name = TenantHub)]
pub struct DurableObject(Rc<TenantHub>);

#[wasm_bindgen(
    js_class = TenantHub,
    wasm_bindgen = worker::wasm_bindgen,
    wasm_bindgen_futures = worker::wasm_bindgen_futures,
    js_sys = worker::js_sys
)]
impl DurableObject {
    /// Constructs an object that wakes. The runtime knows the name with which the object was
    /// addressed, even if an alarm wakes it (Cloudflare, "Durable Object ID: `name`").
    #[wasm_bindgen(constructor)]
    pub fn new(state: DurableObjectState, env: Env) -> Result<Self, JsValue> {
        let state = Rc::new(State::from(state));
        let name = state.id().name().unwrap_or_default();
        let Some(ObjectName { tenant, shard }) = ObjectName::parse(&name) else {
            return Err(Error::new(&format!("no object of a tenant is called \"{name}\"")).into());
        };
        let role = match shard {
            None => Role::Leader(Box::new(Leader::new(&state, &env, tenant.clone()))),
            Some(number) => Role::Shard(Box::new(Shard::new(&state, &env, tenant.clone(), number))),
        };
        if let Err(error) = sockets::set_ping_auto_response(&state) {
            log::incident("object_start", &name, &error);
        }
        let config = environment::read_config(&env);
        let tenant_config = match &config {
            Ok(config) => config
                .tenant_of_domain(&tenant)
                .map(Cow::into_owned)
                .ok_or(ApiError::NotFound),
            Err(error) => Err(error.clone()),
        };
        Ok(Self(Rc::new(TenantHub {
            config,
            tenant_config,
            name,
            tenant,
            role,
            sockets: Sockets::new(Rc::clone(&state)),
            rates: RefCell::default(),
            metrics: RefCell::default(),
            deadline_timer: DeadlineTimer::default(),
            alarm_time: Cell::new(None),
            state,
            env,
        })))
    }

    /// Responds to a request of the Worker or of another object of the tenant.
    pub async fn fetch(&self, request: web_sys::Request) -> Result<Response, JsValue> {
        let response = self.0.respond(&Request::from(request)).await;
        self.0.end_invocation();
        Ok(response?)
    }

    /// Processes a message from a socket.
    #[wasm_bindgen(js_name = webSocketMessage)]
    pub async fn websocket_message(&self, socket: web_sys::WebSocket, message: JsValue) {
        self.0.process_message(socket.into(), message).await;
        self.0.end_invocation();
    }

    /// Ends the session of a socket that the client closes.
    #[wasm_bindgen(js_name = webSocketClose)]
    pub fn websocket_close(&self, socket: web_sys::WebSocket, code: u16) -> Result<(), JsValue> {
        let socket = WebSocket::from(socket);
        let ended = self.0.end_session(socket.clone());
        self.0.end_invocation();
        // Complete the close even without a session; otherwise the client waits for the close frame.
        sockets::complete_close(&socket, code);
        Ok(ended?)
    }

    /// Ends the session of a socket that has lost its connection.
    #[wasm_bindgen(js_name = webSocketError)]
    pub fn websocket_error(&self, socket: web_sys::WebSocket) -> Result<(), JsValue> {
        let ended = self.0.end_session(socket.into());
        self.0.end_invocation();
        Ok(ended?)
    }

    /// Processes everything that is due, and sets the alarm for what is due next.
    pub async fn alarm(&self) -> Result<(), JsValue> {
        let outcome = self.0.run_alarm().await;
        self.0.end_invocation();
        Ok(outcome?)
    }
}

impl TenantHub {
    /// Must be called at the end of every method that the runtime calls.
    fn end_invocation(self: &Rc<Self>) {
        self.update_deadline_timer();
        self.write_metrics();
    }

    async fn respond(&self, request: &Request) -> worker::Result<Response> {
        let object_request = header(request, HEADER)
            .as_deref()
            .and_then(ObjectRequest::decode);
        let endpoint = object_request.as_ref().map_or("none", ObjectRequest::name);
        let error = match self.handle(object_request, request).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        let request_id = header(request, REQUEST_ID_HEADER).unwrap_or_default();
        let rejected = Rejected {
            tenant: &self.name,
            endpoint,
            request_id: Some(&request_id),
        };
        log::rejected(rejected, &error);
        self.metrics.borrow_mut().record_rejected(endpoint, &error);
        http::error(&error, &request_id)
    }

    async fn process_message(&self, socket: WebSocket, message: JsValue) {
        let received = self.receive_message(socket.clone(), message).await;
        if let Err(error) = received.or_internal("message") {
            self.log_rejected_socket(&error);
            self.metrics.borrow_mut().record_closed(&error);
            sockets::close(&socket, &error);
            // If this fails as well, the session ends when the client completes the close.
            let _still_open = self.end_session(socket);
        }
    }

    /// Ends the session of a socket, if it has one.
    fn end_session(&self, socket: WebSocket) -> worker::Result<()> {
        if let Some(socket) = self.sockets.find(socket) {
            self.sockets.update(socket, Session::end)?;
        }
        Ok(())
    }
}
