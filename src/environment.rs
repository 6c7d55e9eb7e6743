//! Bindings, variables and secrets.

use session_events_core::{
    config::{Config, PUBLISH_SECRET, PUBLISH_SECRET_PREVIOUS},
    error::Fault,
    hub_request::HubRequest,
    publish_token::PublishSecrets,
    tenant::Tenant,
};
use worker::{
    Env, RequestInit, Response,
    js_sys::{JSON, Reflect},
    wasm_bindgen::JsValue,
};

use crate::{http::HUB_REQUEST_HEADER, report};

const TENANT_HUB: &str = "TENANT_HUB";

/// A variable or secret as text; what `wrangler` was given as JSON is turned back into it.
fn text(env: &Env, name: &'static str) -> Option<String> {
    let value = Reflect::get(env, &JsValue::from_str(name)).ok()?;
    if value.is_undefined() || value.is_null() {
        return None;
    }
    value
        .as_string()
        .or_else(|| JSON::stringify(&value).ok().map(String::from))
}

/// The configuration, checked.
pub(crate) fn config(env: &Env) -> Result<Config, Fault> {
    Ok(Config::read(|name| text(env, name))?)
}

/// The secrets that publish tokens are derived from.
pub(crate) fn publish_secrets(env: &Env) -> Result<PublishSecrets, Fault> {
    PublishSecrets::new(
        text(env, PUBLISH_SECRET),
        text(env, PUBLISH_SECRET_PREVIOUS),
    )
}

/// Asks the tenant's object. Whatever it answers, status 500 included, is a response; a fault is
/// that it did not answer.
pub(crate) async fn ask_hub(
    env: &Env,
    tenant: &Tenant,
    url: &str,
    request: &HubRequest,
    init: RequestInit,
) -> Result<Response, Fault> {
    let domain = tenant.domain();
    let asked = async {
        init.headers.set(HUB_REQUEST_HEADER, &request.encode())?;
        let request = worker::Request::new_with_init(url, &init)?;
        let hub = env.durable_object(TENANT_HUB)?.get_by_name(&domain)?;
        hub.fetch_with_request(request).await
    };
    asked
        .await
        .map_err(|error| report::internal("hub_unreachable", &domain, &error))
}
