//! How the tenant's object is: whether its storage answers, and how old the keys are by which it
//! checks tokens.

use std::time::SystemTime;

use serde::Deserialize;
use session_events_core::timestamp::instant;
use ureq::Agent;

use crate::{address::Address, api::Answer};

use super::Check;

/// The worker's `HealthBody`, as far as it is looked at.
#[derive(Deserialize)]
struct Health {
    key_sets: Vec<KeySet>,
}

#[derive(Deserialize)]
struct KeySet {
    jwks_uri: String,
    fetched_at: Option<String>,
    failed_at: Option<String>,
}

pub(super) fn check(agent: &Agent, address: &Address) -> Check<()> {
    let url = address.path("/api/health");
    let answer = Answer::of_worker(&url, agent.get(&url).call())?;
    if answer.status == 503 {
        return Err(format!(
            "{}: see the worker's log, and how Durable Objects are at cloudflarestatus.com",
            answer.complaint()
        ));
    }
    let Health { key_sets } = answer.json()?;
    for set in &key_sets {
        if let Some(failed_at) = &set.failed_at {
            return Err(format!(
                "the worker could not fetch {} at {failed_at} (its keys: {}): check that this URL answers with a key set, and ISSUERS",
                set.jwks_uri,
                keys(set)
            ));
        }
    }
    let ages: Vec<_> = key_sets
        .iter()
        .map(|set| format!("keys of {}: {}", set.jwks_uri, keys(set)))
        .collect();
    Ok((format!("its storage answers; {}", ages.join(", ")), ()))
}

/// What the worker has of a key set.
fn keys(set: &KeySet) -> String {
    let Some(fetched_at) = &set.fetched_at else {
        return "none yet".to_owned();
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let age = instant(fetched_at).and_then(|at| {
        let now = i64::try_from(now.ok()?.as_millis()).ok()?;
        Some(now.checked_sub(at.as_millis())?.max(0) / 60_000)
    });
    match age {
        Some(minutes) => format!("fetched {minutes} min ago"),
        None => format!("fetched at {fetched_at}"),
    }
}
