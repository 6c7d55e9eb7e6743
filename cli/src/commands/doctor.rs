//! `doctor`: checks everything that subscribers and log streams need, in order of dependency.

mod health;
mod report;
mod round_trip;
pub(super) mod token;

use std::net::ToSocketAddrs as _;

use session_events_core::{
    protocol::bodies::{Index, PublishReceipt},
    tokens::key_set::KeySet,
};
use ureq::Agent;

use crate::{
    connection::{
        http::{self, Response},
        token_source::fetch_token,
    },
    error::{Error, Result},
    options::{publish_token::PublishTokenOptions, read::ReadOptions, worker::WorkerOptions},
};

use self::report::{Finding, Report};

pub(crate) fn run(
    options: &ReadOptions,
    publish_token: &PublishTokenOptions,
    round_trip: bool,
) -> Result {
    let ReadOptions {
        worker,
        access_token,
        output,
    } = options;
    let client = http::client();
    let mut report = Report::new(*output);

    let tenant = worker.tenant();
    let finding = format!("{} is {tenant}", worker.slug);
    report.print("tenant", Finding::Good(finding))?;
    let is_reachable = report.check("network", check_network(worker))?;
    let is_running = report.check_if(is_reachable, "worker", || check_worker(&client, worker))?;
    let is_served = report.check_if(is_running, "served", || check_served(&client, worker))?;
    let issuer = access_token.issuer(&tenant);
    report.check("key set", check_key_set(&client, &issuer))?;

    let token = obtain_token(options, &mut report)?;
    let mut accepted_token = None;
    if let Some(token) = &token {
        let finding = match access_token.audience() {
            Ok(audience) => {
                token::check_claims(token, audience, &issuer).unwrap_or_else(Finding::from)
            }
            Err(error) => error.into(),
        };
        report.print("token", finding)?;
        if report.check_if(is_served, "access", || check_access(&client, worker, token))? {
            accepted_token = Some(token.as_str());
        }
    }
    report.check_if(is_served, "health", || {
        health::check(&client, worker, accepted_token)
    })?;

    let publish_token = match publish_token.token(&tenant) {
        Ok(publish_token) => Some(publish_token),
        Err(error) => {
            report.print("publishing", error.into())?;
            None
        }
    };
    let can_publish = match &publish_token {
        Some(publish_token) => report.check_if(is_served, "publishing", || {
            check_publishing(&client, worker, publish_token)
        })?,
        None => false,
    };
    if round_trip {
        let result = match (&token, &publish_token) {
            (Some(token), Some(publish_token)) if can_publish => {
                round_trip::check(&client, worker, token, publish_token)
            }
            _ => Err("an access token is missing, or the publishing check did not pass".into()),
        };
        report.check("round trip", result)?;
    }

    if report.has_failures() {
        Err(Error::AlreadyReported)
    } else {
        Ok(())
    }
}

/// Returns the access token, or `None` if there is none. Reports the check either way.
fn obtain_token(options: &ReadOptions, report: &mut Report) -> Result<Option<String>> {
    match fetch_token(options) {
        Ok(token) => {
            report.print("login", Finding::Good("there is an access token".into()))?;
            Ok(Some(token))
        }
        Err(error) => {
            report.print("login", error.into())?;
            Ok(None)
        }
    }
}

fn check_network(worker: &WorkerOptions) -> Result<String> {
    let (host, port) = worker.url.host_and_port()?;
    let addresses = (host.as_str(), port).to_socket_addrs().map_err(|error| {
        format!("the host {host} is not found ({error}): check the URL, and the Worker's domain at Cloudflare")
    })?;
    let addresses: Vec<String> = addresses.map(|address| address.ip().to_string()).collect();
    Ok(format!("{host} is at {}", addresses.join(", ")))
}

fn check_worker(client: &Agent, worker: &WorkerOptions) -> Result<String> {
    let url = format!("{}/", worker.url);
    let response = http::get(client, &url)?;
    match serde_json::from_str::<Index>(&response.body) {
        Ok(index) if index.name == "session-events" => {
            Ok(format!("session-events {} answers", index.version))
        }
        _ => Err(format!(
            "{url} returned {} with a body that is not from a session-events Worker: check the URL",
            response.status
        )
        .into()),
    }
}

fn check_served(client: &Agent, worker: &WorkerOptions) -> Result<String> {
    let tenant = &worker.slug;
    let response = http::get(client, &worker.endpoint("/api/_debug"))?;
    match response.status {
        200 => Ok(format!(
            "{tenant} is served, and its tenant object responds"
        )),
        404 => Err(format!(
            "{tenant} is not served: add it to TENANTS in wrangler.toml and deploy"
        )
        .into()),
        _ => Err(response.error_message().into()),
    }
}

fn check_key_set(client: &Agent, issuer: &str) -> Result<String> {
    let url = format!("{issuer}.well-known/jwks.json");
    let advice = "check the tenant's locality, and --issuer for a custom domain";
    let response =
        Response::read(&url, client.get(&url).call()).map_err(|error| error.with_advice(advice))?;
    if response.status != 200 {
        return Err(format!("{url} returned {}: {advice}", response.status).into());
    }
    match KeySet::from_json(&response.body) {
        Ok(keys) if keys.is_empty() => Err(format!(
            "{url} contains no key for access tokens: an RSA key of at least 2048 bits with a kid is required"
        )
        .into()),
        Ok(_) => Ok(format!("{url} contains keys for access tokens")),
        Err(_) => Err(format!("{url} is not a key set: {advice}").into()),
    }
}

fn check_access(client: &Agent, worker: &WorkerOptions, token: &str) -> Result<String> {
    let response = http::get_authorized(client, &worker.endpoint("/api/events"), token)?;
    match response.status {
        200 => Ok("the Worker accepts the token, for the events of all users".into()),
        403 if token::allows_own_events(token) => {
            Ok("the Worker accepts the token, for the user's own events".into())
        }
        _ => Err(response.error_message().into()),
    }
}

fn check_publishing(client: &Agent, worker: &WorkerOptions, publish_token: &str) -> Result<String> {
    let url = worker.endpoint("/api/publish");
    let _: PublishReceipt = http::publish(client, &url, publish_token, b"[]")?.json()?;
    Ok("the Worker accepts the publish token".into())
}
