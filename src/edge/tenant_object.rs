//! The tenant's object, as the Worker reaches it.

use session_events_core::{
    error::Fault,
    hub_request::{HEADER, HubRequest, REQUEST_ID_HEADER},
    tenant::Tenant,
};
use worker::{
    Env, Headers, Response,
    wasm_bindgen::JsValue,
    web_sys::{Request, RequestInit},
};

use crate::report;

/// The binding's name in wrangler.toml.
const TENANT_HUB: &str = "TENANT_HUB";

/// The object of one tenant, asked for the sake of one request.
#[derive(Clone, Copy)]
pub(super) struct TenantObject<'a> {
    pub(super) env: &'a Env,
    pub(super) tenant: &'a Tenant,
    /// Ties what the object logs to the request.
    pub(super) request_id: &'a str,
}

/// What goes along with what the object is asked.
pub(super) enum Along<'a> {
    Nothing,
    /// The wish for a WebSocket.
    Upgrade,
    /// A body, as text.
    Body(&'a str),
}

impl TenantObject<'_> {
    /// Asks it. Whatever it answers, status 500 included, is a response; a fault is that it did
    /// not answer.
    pub(super) async fn ask(
        &self,
        url: &str,
        request: &HubRequest,
        along: Along<'_>,
    ) -> Result<Response, Fault> {
        let asked = async {
            let headers = Headers::new();
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
            let request = Request::new_with_str_and_init(url, &init)?;
            let namespace = self.env.durable_object(TENANT_HUB)?;
            let object = namespace.get_by_name(&self.tenant.domain())?;
            object.fetch_with_request(request.into()).await
        };
        asked.await.map_err(report::internal("hub_unreachable"))
    }
}
