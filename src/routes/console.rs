//! `GET /{tenant}/console`: the console, from the Worker's static assets, and its settings.
//!
//! The runtime could serve the assets itself, but under paths without a tenant and without security
//! headers. So every request reaches the Worker first (`run_worker_first` in `wrangler.toml`), and
//! the assets are available only as files of a served tenant's console. A runtime without assets,
//! such as the bare workerd binary, has no console.

use session_events_core::{
    error::ApiError,
    protocol::console::{File, Settings, content_security_policy},
    tenant::config::TenantConfig,
};
use worker::{Env, Fetcher, Headers, Request, RequestInit};

use crate::{
    Result,
    runtime::{
        http::{self, Response},
        log::OrInternal,
        requests::header,
    },
};

/// The name of the assets binding in `wrangler.toml`.
const BINDING: &str = "ASSETS";

/// The origin of requests for assets. The assets ignore the host.
const ORIGIN: &str = "https://assets.invalid";

/// Returns a file of the console.
pub(super) async fn respond(
    request: &Request,
    env: &Env,
    tenant: &TenantConfig,
    file: File,
) -> Result<Response> {
    let assets = env.assets(BINDING).map_err(|_| ApiError::NotFound)?;
    let if_none_match = header(request, "if-none-match");
    let asset = fetch_asset(&assets, file, if_none_match.as_deref())
        .await
        .or_internal("console")?;
    let headers = headers(tenant, file, &asset).or_internal("console")?;
    Ok(asset.with_headers(headers).into())
}

/// Returns the settings of the console.
pub(super) fn settings(tenant: &TenantConfig) -> Result<Response> {
    http::json(&Settings::of(tenant)).or_internal("console")
}

async fn fetch_asset(
    assets: &Fetcher,
    file: File,
    if_none_match: Option<&str>,
) -> worker::Result<worker::Response> {
    let url = format!("{ORIGIN}{}", file.asset_path());
    let headers = Headers::new();
    if let Some(etag) = if_none_match {
        headers.set("if-none-match", etag)?;
    }
    let mut init = RequestInit::new();
    init.with_headers(headers);
    let asset = assets.fetch(url.as_str(), Some(init)).await?;
    match asset.status_code() {
        200 | 304 => Ok(asset),
        status => Err(format!("{url}: status {status}").into()),
    }
}

fn headers(tenant: &TenantConfig, file: File, asset: &worker::Response) -> worker::Result<Headers> {
    let headers = Headers::new();
    headers.set("content-type", file.content_type())?;
    // Browsers store the file and revalidate it each time, so a deployment takes effect at once.
    headers.set("cache-control", "no-cache")?;
    headers.set("x-content-type-options", "nosniff")?;
    headers.set("cross-origin-resource-policy", "same-origin")?;
    http::set_strict_transport(&headers)?;
    if let Some(etag) = asset.headers().get("etag")? {
        headers.set("etag", &etag)?;
    }
    if file == File::Page {
        let policy = content_security_policy(tenant);
        headers.set("content-security-policy", &policy)?;
        headers.set("cross-origin-opener-policy", "same-origin")?;
        headers.set("referrer-policy", "no-referrer")?;
    }
    Ok(headers)
}
