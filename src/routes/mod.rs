//! The Worker: turns a request into an authorized request to a tenant object.
//!
//! A request that reaches an object has passed every check that needs no state: its path names a
//! tenant that is served, its body is within the limits, and its token is valid if the endpoint
//! requires one. `api/health`, `api/_debug` and upgrades may come without a token; their number is
//! limited for each client address.

mod backchannel_logout;
mod console;
mod introspect;
mod publish;
mod rate_limit;
mod read;
mod subscribe;
mod tenant_request;

use std::borrow::Cow;

use futures::{
    FutureExt,
    future::{LocalBoxFuture, ready},
};
use session_events_core::{
    error::{ApiError, RequestLimit},
    metrics::Metrics,
    protocol::{
        bodies::{Index, WorkerDebug},
        object_request::ObjectRequest,
        request_url::RequestUrl,
        route::{Endpoint, READ_METHODS, Route, TenantRoute, check_method},
    },
    tenant::config::{Config, TenantConfig},
};
use worker::{Env, Request};

use crate::{
    Result,
    runtime::{
        environment,
        http::{self, Response},
        log::{self, OrInternal, Rejected},
        metrics,
        requests::{self, request_id},
        tenant_stub::TenantStub,
    },
};
use rate_limit::{RateLimit, address_key};
use tenant_request::TenantRequest;

/// Responds to a request. The runtime omits the body of a response to `HEAD`.
pub(crate) async fn respond(request: &Request, env: &Env) -> worker::Result<Response> {
    let request_id = request_id(request);
    let url = requests::url(request);
    let parsed = RequestUrl::parse(&url).and_then(|url| Ok((Route::parse(url.path)?, url)));
    let response = match &parsed {
        Ok((Route::Index, _)) => index(&requests::method(request)),
        Ok((Route::Tenant(route), url)) => {
            respond_for_tenant(request, env, url, route, &request_id).await
        }
        Err(error) => Err(error.clone()),
    };
    let error = match response {
        Ok(response) => return Ok(response),
        Err(error) => limit_failed_authentication(error, env, request).await,
    };
    let route = parsed.as_ref().map(|(route, _)| route).ok();
    report_rejected(env, route, &request_id, &error);
    http::error(&error, &request_id)
}

/// Writes the log line and the metrics of a rejected request.
fn report_rejected(env: &Env, route: Option<&Route<'_>>, request_id: &str, error: &ApiError) {
    let endpoint = route.map_or("none", Route::name);
    let (slug, domain) = match route {
        Some(Route::Tenant(route)) => (route.slug.to_string(), served_domain(env, route)),
        Some(Route::Index) | None => (String::new(), None),
    };
    let rejected = Rejected {
        tenant: domain.as_deref().unwrap_or(&slug),
        endpoint,
        request_id: Some(request_id),
    };
    log::rejected(rejected, error);
    let mut recorded = Metrics::default();
    recorded.record_rejected(endpoint, error);
    // Without a served tenant, the index stays empty: clients can invent slugs, and each would be a
    // separate index.
    metrics::write(
        env,
        &domain.unwrap_or_default(),
        recorded.into_data_points(),
    );
}

/// Replaces a failed authentication by 429 if the client's address has too many of them.
async fn limit_failed_authentication(error: ApiError, env: &Env, request: &Request) -> ApiError {
    if error.is_failed_authentication()
        && RateLimit::FailedAuthentications
            .is_exceeded(env, address_key(request))
            .await
    {
        return ApiError::TooManyRequests(RequestLimit::Address);
    }
    error
}

/// Returns the tenant's domain, if it is served.
fn served_domain(env: &Env, route: &TenantRoute<'_>) -> Option<String> {
    let config = environment::config(env).ok()?;
    let tenant = config.tenant(&route.slug)?;
    Some(tenant.tenant().to_string())
}

async fn respond_for_tenant(
    request: &Request,
    env: &Env,
    url: &RequestUrl<'_>,
    route: &TenantRoute<'_>,
    request_id: &str,
) -> Result<Response> {
    let method = requests::method(request);
    let config = environment::config(env);
    // An unserved tenant is not found whatever the method. An invalid configuration is reported
    // only after the method is known to be supported.
    let served = match &config {
        Ok(config) => Ok((config, find_tenant(config, route)?)),
        Err(error) => Err(error.clone()),
    };
    check_method(&method, route.endpoint.allow())?;
    if method == "OPTIONS" {
        return http::preflight(route.endpoint.allow()).or_internal("response");
    }
    let (config, tenant) = served?;
    let tenant_request = TenantRequest {
        request,
        url,
        config,
        tenant: &tenant,
        leader: TenantStub {
            env,
            tenant: tenant.tenant(),
            shard: None,
            request_id,
        },
        forwarded_url: format!("{}{}", url.origin, route.internal_path),
    };
    handler(&tenant_request, route).await
}

/// Returns the tenant if it is served and has the endpoint. A tenant without `logout_token_audiences`
/// has no endpoint for logout tokens.
fn find_tenant<'c>(config: &'c Config, route: &TenantRoute<'_>) -> Result<Cow<'c, TenantConfig>> {
    let tenant = config.tenant(&route.slug).ok_or(ApiError::NotFound)?;
    let has_endpoint = route.endpoint != Endpoint::BackchannelLogout
        || !tenant.logout_token_audiences().is_empty();
    if has_endpoint {
        Ok(tenant)
    } else {
        Err(ApiError::NotFound)
    }
}

/// Returns the handler of the endpoint. Each handler is boxed so that the compiler does not merge all
/// of them into one function. V8 compiles a function when it is first called, so the first request in
/// an isolate would wait until all handlers are compiled.
fn handler<'a>(
    tenant_request: &'a TenantRequest<'a>,
    route: &TenantRoute<'_>,
) -> LocalBoxFuture<'a, Result<Response>> {
    let TenantRequest {
        request,
        tenant,
        leader,
        ..
    } = tenant_request;
    match route.endpoint {
        Endpoint::WorkerDebug => ready(worker_debug(tenant_request, route)).boxed_local(),
        Endpoint::Console(file) => {
            console::respond(request, leader.env, tenant, file).boxed_local()
        }
        Endpoint::ConsoleSettings => ready(console::settings(tenant)).boxed_local(),
        Endpoint::ObjectDebug => tenant_request
            .read_anonymously(&ObjectRequest::Debug)
            .boxed_local(),
        Endpoint::Publish => tenant_request.publish().boxed_local(),
        Endpoint::BackchannelLogout => tenant_request.backchannel_logout().boxed_local(),
        Endpoint::Subscribe => tenant_request.subscribe().boxed_local(),
        Endpoint::Listeners => tenant_request.listeners().boxed_local(),
        Endpoint::Events => tenant_request.read(&ObjectRequest::Events).boxed_local(),
        Endpoint::Revocations => tenant_request.revocations().boxed_local(),
        Endpoint::Introspect => tenant_request.introspect().boxed_local(),
        Endpoint::Health => tenant_request.health().boxed_local(),
    }
}

fn index(method: &str) -> Result<Response> {
    check_method(method, READ_METHODS)?;
    let response = if method == "OPTIONS" {
        http::preflight(READ_METHODS)
    } else {
        http::json(&Index {
            name: env!("CARGO_PKG_NAME").into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: env!("CARGO_PKG_DESCRIPTION").into(),
        })
    };
    response.or_internal("response")
}

fn worker_debug(tenant_request: &TenantRequest<'_>, route: &TenantRoute<'_>) -> Result<Response> {
    let TenantRequest {
        request,
        url,
        tenant,
        ..
    } = *tenant_request;
    http::json(&WorkerDebug {
        host: url.host,
        url: &requests::url(request),
        path: url.path,
        internal_path: route.internal_path,
        tenant: tenant.slug().to_string(),
        tenant_domain: tenant.tenant().domain(),
    })
    .or_internal("response")
}
