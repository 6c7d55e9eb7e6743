//! The live page, out of the worker's static assets.
//!
//! The runtime would serve them by itself, but under paths without a tenant and without the
//! headers that make the page safe; so every request comes here first (`run_worker_first` in
//! wrangler.toml), and the assets are reachable only as the files of a served tenant's page.
//! A runtime that has no assets, as the bare workerd binary, has no page.

use session_events_core::{
    config::Config,
    console::{File, content_security_policy},
    error::Fault,
    tenant::Tenant,
};
use worker::{
    Env, Result,
    web_sys::{Headers, Request, RequestInit, Response},
};

use crate::{environment, http, report};

/// The binding's name in wrangler.toml.
const ASSETS: &str = "ASSETS";

/// The assets answer any host; they look at the path alone.
const ASSETS_ORIGIN: &str = "https://assets.invalid";

pub(super) async fn answer(
    request: &Request,
    env: &Env,
    config: &Config,
    tenant: &Tenant,
    file: File,
) -> std::result::Result<Response, Fault> {
    let internal = report::internal("console");
    let assets = environment::binding(env, ASSETS).map_err(&internal)?;
    if assets.is_undefined() {
        return Err(Fault::NotFound);
    }
    let served = async {
        let url = format!("{ASSETS_ORIGIN}{}", file.asset_path());
        let asked = Headers::new()?;
        if let Some(etag) = http::header(request, "if-none-match") {
            asked.set("if-none-match", &etag)?;
        }
        let init = RequestInit::new();
        init.set_headers(&asked);
        let asset = http::fetch(&assets, &url, &init).await?;
        if !matches!(asset.status(), 200 | 304) {
            return Err(format!("{url}: status {}", asset.status()).into());
        }
        let headers = headers(config, tenant, file)?;
        if let Some(etag) = asset.headers().get("etag")? {
            headers.set("etag", &etag)?;
        }
        http::with_headers(&asset, &headers)
    };
    served.await.map_err(internal)
}

fn headers(config: &Config, tenant: &Tenant, file: File) -> Result<Headers> {
    let headers = Headers::new()?;
    headers.set("content-type", file.content_type())?;
    // Kept, but asked for again each time: a deployment is seen at once.
    headers.set("cache-control", "no-cache")?;
    headers.set("x-content-type-options", "nosniff")?;
    headers.set("cross-origin-resource-policy", "same-origin")?;
    http::set_strict_transport(&headers)?;
    if file == File::Page {
        let policy = content_security_policy(&config.local_issuer_origins(tenant));
        headers.set("content-security-policy", &policy)?;
        headers.set("cross-origin-opener-policy", "same-origin")?;
        headers.set("referrer-policy", "no-referrer")?;
    }
    Ok(headers)
}
