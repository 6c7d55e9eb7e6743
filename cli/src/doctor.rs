//! `doctor`: goes through what a listener and a log stream need, in the order in which they need
//! it, and says of each what is well, or what to fix.

mod health;
mod round_trip;
mod token;

use std::net::ToSocketAddrs as _;

use serde::Serialize;
use session_events_core::{
    key_set::KeySet,
    protocol::{Index, PublishReceipt},
};
use ureq::Agent;

use crate::{
    address::Address,
    api::{self, Answer},
    failure::{Failure, Missing, Outcome},
    output::{self, BAD, DIM, GOOD, Output, WARNING, plain, styled},
    publish::Publisher,
    reader::Reader,
};

pub(crate) fn run(reader: &Reader, publisher: &Publisher, round_trip: bool) -> Outcome {
    let Reader {
        address,
        login,
        output,
    } = reader;
    let agent = api::agent();
    let publish_token = publisher.token(&address.tenant);
    let mut report = Report {
        output: *output,
        bad: false,
    };
    report.tell("tenant", Finding::Good(tenant(address)))?;
    let reachable = report.check("network", network(address))?;
    let worker = report.check_after(reachable.is_some(), "worker", || worker(&agent, address))?;
    let served = report.check_after(worker, "served", || served(&agent, address))?;
    report.check("key set", key_set(&agent, &login.issuer(&address.tenant)))?;

    let token = match login.tokens(&address.tenant) {
        Err(Missing(what)) => {
            report.tell("login", Finding::LeftOut(what.into()))?;
            None
        }
        Ok(tokens) => report.check(
            "login",
            tokens
                .get()
                .map(|token| ("there is an access token".into(), token))
                .map_err(String::from),
        )?,
    };
    if let Some(token) = &token {
        let finding = token::claims(token, address, login).unwrap_or_else(Finding::Bad);
        report.tell("token", finding)?;
        report.check_after(served, "access", || access(&agent, address, token))?;
    }
    report.check_after(served, "health", || health::check(&agent, address))?;
    let publishes = match &publish_token {
        Err(Missing(what)) => {
            report.tell("publishing", Finding::LeftOut((*what).into()))?;
            false
        }
        Ok(publish_token) => report.check_after(served, "publishing", || {
            publishing(&agent, address, publish_token)
        })?,
    };
    if round_trip {
        let finding = match (&token, &publish_token) {
            (Some(token), Ok(publish_token)) if publishes => {
                round_trip::measure(&agent, address, token, publish_token)
                    .map_or_else(Finding::Bad, Finding::Good)
            }
            _ => Finding::Bad(
                "it takes an access token and publishing, which are missing or not well".into(),
            ),
        };
        report.tell("round trip", finding)?;
    }
    if report.bad {
        Err(Failure::Reported)
    } else {
        Ok(())
    }
}

/// What a check came to.
enum Finding {
    /// All is well, as far as this goes.
    Good(String),
    /// It may be wrong: another check decides.
    Warning(String),
    /// Something is to be fixed.
    Bad(String),
    /// Nothing was given to check.
    LeftOut(String),
}

/// A check that yields something for those that follow.
type Check<T> = Result<(String, T), String>;

struct Report {
    output: Output,
    bad: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    check: &'a str,
    status: &'a str,
    message: &'a str,
}

impl Report {
    /// Tells what a check came to, and gives what it yields.
    fn check<T>(&mut self, name: &str, check: Check<T>) -> Result<Option<T>, Failure> {
        match check {
            Ok((message, yielded)) => {
                self.tell(name, Finding::Good(message))?;
                Ok(Some(yielded))
            }
            Err(problem) => {
                self.tell(name, Finding::Bad(problem))?;
                Ok(None)
            }
        }
    }

    /// Does a check that depends on others, if those came to good; gives whether this one did.
    fn check_after(
        &mut self,
        others: bool,
        name: &str,
        check: impl FnOnce() -> Check<()>,
    ) -> Result<bool, Failure> {
        if others {
            return Ok(self.check(name, check())?.is_some());
        }
        let reason = "skipped: fix the problem above first".to_owned();
        self.tell(name, Finding::LeftOut(reason))?;
        Ok(false)
    }

    fn tell(&mut self, name: &str, finding: Finding) -> Outcome {
        let (status, sign, style, message) = match &finding {
            Finding::Good(message) => ("good", "✓", GOOD, message),
            Finding::Warning(message) => ("warning", "!", WARNING, message),
            Finding::Bad(message) => ("bad", "✗", BAD, message),
            Finding::LeftOut(message) => ("left out", "–", DIM, message),
        };
        self.bad |= matches!(finding, Finding::Bad(_));
        let line = Line {
            check: name,
            status,
            message,
        };
        if self.output.is_json() {
            let json = serde_json::to_string(&line).map_err(|error| error.to_string())?;
            return output::json_line(&json);
        }
        output::line(&format!(
            "{} {name:11} {}",
            styled(style, sign),
            plain(message)
        ))
    }
}

fn tenant(address: &Address) -> String {
    format!("{} is {}", address.tenant, address.tenant.domain())
}

fn network(address: &Address) -> Check<()> {
    let url = address.url.to_string();
    let uri: http::Uri = url.parse().map_err(|_| format!("{url} is no URL"))?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let port = uri
        .port_u16()
        .unwrap_or(if uri.scheme_str() == Some("http") {
            80
        } else {
            443
        });
    let found = (host, port).to_socket_addrs();
    let found = found.map_err(|error| {
        format!("the name {host} is not found ({error}): check the URL, and the worker's domain at Cloudflare")
    })?;
    let addresses: Vec<_> = found.map(|address| address.ip().to_string()).collect();
    Ok((format!("{host} is at {}", addresses.join(", ")), ()))
}

fn worker(agent: &Agent, address: &Address) -> Check<()> {
    let url = format!("{}/", address.url);
    let answer = Answer::of_worker(&url, agent.get(&url).call())?;
    match serde_json::from_str::<Index>(&answer.body) {
        Ok(index) if index.name == "session-events" => {
            Ok((format!("session-events {} answers", index.version), ()))
        }
        _ => Err(format!(
            "{url} answers {} with what no session-events worker says: check the URL",
            answer.status
        )),
    }
}

fn served(agent: &Agent, address: &Address) -> Check<()> {
    let url = address.path("/api/_debug");
    let answer = Answer::of_worker(&url, agent.get(&url).call())?;
    match answer.status {
        200 => Ok((
            format!("{} is served, and its object answers", address.tenant),
            (),
        )),
        404 => Err(format!(
            "{} is not served: add it to TENANTS in wrangler.toml and deploy",
            address.tenant
        )),
        _ => Err(answer.complaint()),
    }
}

fn key_set(agent: &Agent, issuer: &str) -> Check<()> {
    let url = format!("{issuer}.well-known/jwks.json");
    let fix = "check the tenant's locality, and --issuer for a custom domain";
    let answer =
        Answer::of(&url, agent.get(&url).call()).map_err(|problem| format!("{problem}: {fix}"))?;
    if answer.status != 200 {
        return Err(format!("{url} answers {}: {fix}", answer.status));
    }
    match KeySet::from_json(&answer.body) {
        Ok(keys) if keys.is_empty() => Err(format!(
            "{url} holds no key that access tokens may be signed with: it takes an RSA key of 2048 bits or more with a kid"
        )),
        Ok(_) => Ok((format!("{url} has keys to check tokens with"), ())),
        Err(_) => Err(format!("{url} is not a key set: {fix}")),
    }
}

fn access(agent: &Agent, address: &Address, token: &str) -> Check<()> {
    let answer = api::get(agent, &address.path("/api/events"), token)?;
    match answer.status {
        200 => Ok((
            "the worker takes the token, for the events of all users".into(),
            (),
        )),
        403 if token::listens_to_own(token) => Ok((
            "the worker takes the token, for the user's own events".into(),
            (),
        )),
        _ => Err(answer.complaint()),
    }
}

fn publishing(agent: &Agent, address: &Address, publish_token: &str) -> Check<()> {
    publish(agent, address, publish_token, "[]")?;
    Ok(("the worker takes the publish token".into(), ()))
}

fn publish(
    agent: &Agent,
    address: &Address,
    token: &str,
    body: &str,
) -> Result<PublishReceipt, String> {
    let url = address.path("/api/publish");
    let request = agent.post(&url).header("authorization", token);
    Answer::of_worker(&url, request.send(body))?.json()
}
