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
        token_source::obtain_token,
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
    let mut doctor = Doctor {
        client: http::client(),
        options,
        report: Report::new(options.output),
    };
    let is_served = doctor.check_deployment()?;
    let access_token = doctor.check_access_token(is_served)?;
    doctor.check_health(is_served, access_token.as_ref())?;
    let publish_token = doctor.check_publishing(is_served, publish_token)?;
    if round_trip {
        doctor.check_round_trip(access_token, publish_token)?;
    }
    if doctor.report.has_failures() {
        Err(Error::AlreadyReported)
    } else {
        Ok(())
    }
}

struct Doctor<'a> {
    client: Agent,
    options: &'a ReadOptions,
    report: Report,
}

struct AccessToken {
    token: String,
    /// True if the Worker accepts the token.
    is_accepted: bool,
}

impl Doctor<'_> {
    /// Checks the Worker and the issuer. Returns true if the Worker serves the tenant.
    fn check_deployment(&mut self) -> Result<bool> {
        let worker = &self.options.worker;
        let finding = format!("{} is {}", worker.slug, worker.tenant());
        self.report.print("tenant", Finding::Passed(finding))?;
        let is_reachable = self.report.check("network", check_network(worker))?;
        let is_running = self.report.check_if(is_reachable, "worker", || {
            check_worker(&self.client, worker)
        })?;
        let is_served = self
            .report
            .check_if(is_running, "served", || check_served(&self.client, worker))?;
        let key_set = check_key_set(&self.client, &self.issuer());
        self.report.check("key set", key_set)?;
        Ok(is_served)
    }

    fn issuer(&self) -> String {
        let tenant = self.options.worker.tenant();
        self.options.access_token.issuer(&tenant)
    }

    /// Obtains and checks the access token. Returns `None` if there is none.
    fn check_access_token(&mut self, is_served: bool) -> Result<Option<AccessToken>> {
        let options = self.options;
        let token = match obtain_token(options) {
            Ok(token) => token,
            Err(error) => {
                self.report.print("access token", error.into())?;
                return Ok(None);
            }
        };
        let finding = Finding::Passed("there is an access token".to_owned());
        self.report.print("access token", finding)?;
        let issuer = self.issuer();
        let claims = options
            .access_token
            .audience()
            .and_then(|audience| token::check_claims(&token, audience, &issuer));
        self.report.check("claims", claims)?;
        let is_accepted = self.report.check_if(is_served, "access", || {
            check_access(&self.client, &options.worker, &token)
        })?;
        Ok(Some(AccessToken { token, is_accepted }))
    }

    /// Checks the health, with details if the Worker accepts the access token.
    fn check_health(&mut self, is_served: bool, access_token: Option<&AccessToken>) -> Result {
        let token = access_token
            .filter(|access_token| access_token.is_accepted)
            .map(|access_token| access_token.token.as_str());
        self.report.check_if(is_served, "health", || {
            health::check(&self.client, &self.options.worker, token)
        })?;
        Ok(())
    }

    /// Obtains and checks the publish token. Returns `None` unless the Worker accepts it.
    fn check_publishing(
        &mut self,
        is_served: bool,
        publish_token: &PublishTokenOptions,
    ) -> Result<Option<String>> {
        let worker = &self.options.worker;
        let publish_token = match publish_token.token(&worker.tenant()) {
            Ok(publish_token) => publish_token,
            Err(error) => {
                self.report.print("publishing", error.into())?;
                return Ok(None);
            }
        };
        let is_accepted = self.report.check_if(is_served, "publishing", || {
            check_publishing(&self.client, worker, &publish_token)
        })?;
        Ok(is_accepted.then_some(publish_token))
    }

    fn check_round_trip(
        &mut self,
        access_token: Option<AccessToken>,
        publish_token: Option<String>,
    ) -> Result {
        let worker = &self.options.worker;
        let result = match (access_token, publish_token) {
            (Some(AccessToken { token, .. }), Some(publish_token)) => {
                round_trip::check(&self.client, worker, &token, &publish_token)
            }
            _ => Err("an access token is missing, or the publishing check did not pass".into()),
        };
        self.report.check("round trip", result)?;
        Ok(())
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
        403 if token::is_limited_to_own_events(token) => {
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
