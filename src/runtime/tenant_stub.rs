//! Requests to a tenant object, from the Worker and from the tenant's other objects.

use serde::de::DeserializeOwned;
use session_events_core::{
    error::ApiError,
    json::JsonObject,
    protocol::object_request::{HEADER, ObjectRequest, REQUEST_ID_HEADER},
    tenant::{Tenant, object_name::ObjectName},
};
use worker::{
    Env, Headers, Method, RequestInit,
    js_sys::Uint8Array,
    wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen},
    web_sys,
};

use super::{clock, http::Response, log::OrInternal};
use crate::Result;

#[wasm_bindgen(
    wasm_bindgen = worker::wasm_bindgen,
    wasm_bindgen_futures = worker::wasm_bindgen_futures,
    js_sys = worker::js_sys
)]
extern "C" {
    type DurableObjectNamespace;

    #[wasm_bindgen(method, catch, js_name = getByName)]
    fn get_by_name(
        this: &DurableObjectNamespace,
        name: &str,
    ) -> std::result::Result<DurableObjectStub, JsValue>;

    /// Bypass of the `worker` crate's `Stub`, which makes a copy of every request and response, see
    /// [`Response`].
    type DurableObjectStub;

    #[wasm_bindgen(method, catch)]
    async fn fetch(
        this: &DurableObjectStub,
        url: &str,
        init: &web_sys::RequestInit,
    ) -> std::result::Result<JsValue, JsValue>;
}

/// The name of the Durable Object binding in `wrangler.toml`.
const BINDING: &str = "TENANT_HUB";

/// The URL of requests that no client has made. Objects do not read it.
const INTERNAL_URL: &str = "https://object.invalid/";

/// Time limit for a response that no client sees, in milliseconds. It is longer than the time limit
/// for a key set, which the object may have to fetch, and shorter than the authentication deadline
/// of a socket.
const TIMEOUT_MILLIS: u64 = 8_000;

/// A stub of one of a tenant's objects: the leader or a shard.
#[derive(Clone, Copy)]
pub(crate) struct TenantStub<'a> {
    pub(crate) env: &'a Env,
    pub(crate) tenant: &'a Tenant,
    /// The shard's number, or `None` for the leader.
    pub(crate) shard: Option<u16>,
    /// The id for the log lines of the object.
    pub(crate) request_id: &'a str,
}

/// The payload of a request to an object.
pub(crate) enum Payload {
    None,
    /// A WebSocket upgrade.
    Upgrade,
    /// A text body: JSON, or events as lines of JSON.
    Body(String),
}

impl TenantStub<'_> {
    /// Sends a request and returns the response, whatever its status except 404.
    ///
    /// # Errors
    ///
    /// [`ApiError::Internal`] if the object does not respond, and [`ApiError::VersionMismatch`] if
    /// it responds with 404: its role does not handle the request, or during a deployment it may have
    /// an earlier version that does not.
    pub(crate) async fn fetch(
        &self,
        url: &str,
        request: &ObjectRequest,
        payload: Payload,
    ) -> Result<Response> {
        let response = self
            .try_fetch(url, request, payload)
            .await
            .or_internal("object_unreachable")?;
        match response.status() {
            404 => Err(ApiError::VersionMismatch),
            _ => Ok(response),
        }
    }

    async fn try_fetch(
        &self,
        url: &str,
        request: &ObjectRequest,
        payload: Payload,
    ) -> worker::Result<Response> {
        let headers = Headers::new();
        headers.set(HEADER, &request.encode())?;
        headers.set(REQUEST_ID_HEADER, self.request_id)?;
        let mut init = RequestInit::new();
        match payload {
            Payload::None => {}
            Payload::Upgrade => headers.set("upgrade", "websocket")?,
            Payload::Body(text) => {
                // Sent as bytes, because a JavaScript string can take two bytes for a character.
                let bytes = Uint8Array::from(text.as_bytes());
                init.with_method(Method::Post).with_body(Some(bytes.into()));
            }
        }
        init.with_headers(headers);
        let name = ObjectName {
            tenant: self.tenant.clone(),
            shard: self.shard,
        };
        let namespace = self.env.durable_object(BINDING)?;
        let namespace: &JsValue = namespace.as_ref();
        let namespace: &DurableObjectNamespace = namespace.unchecked_ref();
        let stub = namespace.get_by_name(&name.to_string())?;
        let response = stub.fetch(url, &web_sys::RequestInit::from(&init)).await?;
        Ok(response.unchecked_into())
    }

    /// Sends a request and returns the JSON object in the response.
    ///
    /// # Errors
    ///
    /// [`ApiError::VersionMismatch`] if the object does not understand the request, and
    /// [`ApiError::Internal`] if it does not respond in time or responds with another error.
    pub(crate) async fn call<T: DeserializeOwned>(&self, request: &ObjectRequest) -> Result<T> {
        self.call_with(request, Payload::None).await
    }

    /// Sends a request with a body and returns the JSON object in the response.
    ///
    /// # Errors
    ///
    /// As [`TenantStub::call`].
    pub(crate) async fn call_with_body<T: DeserializeOwned>(
        &self,
        request: &ObjectRequest,
        body: String,
    ) -> Result<T> {
        self.call_with(request, Payload::Body(body)).await
    }

    async fn call_with<T: DeserializeOwned>(
        &self,
        request: &ObjectRequest,
        payload: Payload,
    ) -> Result<T> {
        let step = request.name();
        let response = async {
            let response = self.fetch(INTERNAL_URL, request, payload).await?;
            let mut response = worker::Response::from(response);
            match response.status_code() {
                200 => response.text().await.or_internal(step),
                // The object could not decode the request.
                503 => Err(ApiError::VersionMismatch),
                status => Err(ApiError::internal(step, format_args!("status {status}"))),
            }
        };
        let text = clock::timeout(TIMEOUT_MILLIS, response)
            .await
            .ok_or_else(|| ApiError::internal(step, "no response within eight seconds"))??;
        let JsonObject(body) = serde_json::from_str(&text).or_internal(step)?;
        Ok(body)
    }
}
