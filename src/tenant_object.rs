//! A tenant's object, as the Worker and the tenant's other objects reach it.

use serde::de::DeserializeOwned;
use session_events_core::{
    error::Fault,
    hub_request::{HEADER, HubRequest, REQUEST_ID_HEADER},
    json,
    object_name::ObjectName,
    tenant::Tenant,
};
use worker::{
    Env,
    wasm_bindgen::{JsCast, JsValue},
    web_sys::{Headers, RequestInit, Response},
    worker_sys::DurableObjectNamespace,
};

use crate::{clock, environment, http, report};

/// The binding's name in wrangler.toml.
const TENANT_HUB: &str = "TENANT_HUB";

/// An object does not look at the URL of a request that is not a client's.
const INTERNAL_URL: &str = "https://hub/";

/// How long it may take to answer something that no client sees as it is: longer than its own
/// question to an issuer, and shorter than a socket may wait to be let in.
const TIMEOUT_MILLIS: u64 = 8_000;

/// An object of one tenant, asked for the sake of one request.
#[derive(Clone, Copy)]
pub(crate) struct TenantObject<'a> {
    pub(crate) env: &'a Env,
    pub(crate) tenant: &'a Tenant,
    /// Which of the tenant's objects, as in [`ObjectName`].
    pub(crate) shard: Option<u16>,
    /// Ties what the object logs to the request.
    pub(crate) request_id: &'a str,
}

/// What goes along with what the object is asked.
pub(crate) enum Along<'a> {
    Nothing,
    /// The wish for a WebSocket.
    Upgrade,
    /// A body, as text.
    Body(&'a str),
}

impl TenantObject<'_> {
    fn name(&self) -> ObjectName {
        ObjectName {
            tenant: self.tenant.clone(),
            shard: self.shard,
        }
    }

    /// Asks it. Whatever it answers, status 500 included, is a response; a fault is that it did
    /// not answer.
    pub(crate) async fn ask(
        &self,
        url: &str,
        request: &HubRequest,
        along: Along<'_>,
    ) -> Result<Response, Fault> {
        let asked = async {
            let headers = Headers::new()?;
            headers.set(HEADER, &request.encode())?;
            headers.set(REQUEST_ID_HEADER, self.request_id)?;
            let init = RequestInit::new();
            match along {
                Along::Nothing => {}
                Along::Upgrade => headers.set("upgrade", "websocket")?,
                Along::Body(text) => {
                    init.set_method("POST");
                    init.set_body(&JsValue::from_str(text));
                }
            }
            init.set_headers(headers.as_ref());
            let namespace = environment::binding(self.env, TENANT_HUB)?;
            let namespace: &DurableObjectNamespace = namespace.unchecked_ref();
            let object = namespace.get_by_name(&self.name().to_string())?;
            http::fetch(&object, url, &init).await
        };
        asked.await.map_err(report::internal("hub_unreachable"))
    }

    /// Asks it for something that no client sees as it is.
    pub(crate) async fn ask_for(&self, request: &HubRequest) -> Result<Answer, Fault> {
        self.answer(request, Along::Nothing).await
    }

    /// Sends it something.
    pub(crate) async fn send(&self, request: &HubRequest, body: &str) -> Result<Answer, Fault> {
        self.answer(request, Along::Body(body)).await
    }

    async fn answer(&self, request: &HubRequest, along: Along<'_>) -> Result<Answer, Fault> {
        let step = request.name();
        let answered = async {
            let answer = self.ask(INTERNAL_URL, request, along).await?;
            match answer.status() {
                200 => {
                    let text = http::text(answer.text());
                    let text = text.await.map_err(report::internal(step))?;
                    Ok(Answer { step, text })
                }
                status => Err(Fault::internal(step, format_args!("status {status}"))),
            }
        };
        let late = || Err(Fault::internal(step, "no answer in time"));
        let answered = clock::within(TIMEOUT_MILLIS, answered).await;
        answered.unwrap_or_else(late)
    }
}

/// What an object answers to something that no client sees as it is. It waits to be read, so that
/// to wait for it is the same whatever it holds.
pub(crate) struct Answer {
    step: &'static str,
    text: String,
}

impl Answer {
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        json::read(&self.text).map_err(|error| Fault::internal(self.step, error))
    }
}
