//! A tenant's object, as the Worker and the tenant's other objects reach it.

use session_events_core::{
    error::Fault,
    hub_request::{HEADER, HubRequest, REQUEST_ID_HEADER},
    object_name::ObjectName,
    tenant::Tenant,
};
use worker::{Env, Request, RequestInit, Response};

use crate::report;

/// The binding's name in wrangler.toml.
const TENANT_HUB: &str = "TENANT_HUB";

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
        init: RequestInit,
    ) -> Result<Response, Fault> {
        let asked = async {
            init.headers.set(HEADER, &request.encode())?;
            init.headers.set(REQUEST_ID_HEADER, self.request_id)?;
            let request = Request::new_with_init(url, &init)?;
            let namespace = self.env.durable_object(TENANT_HUB)?;
            let object = namespace.get_by_name(&self.name().to_string())?;
            object.fetch_with_request(request).await
        };
        asked.await.map_err(report::internal("hub_unreachable"))
    }
}
