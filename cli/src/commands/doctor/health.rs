//! Checks the storage of the tenant object and the age of its key sets.

use std::time::SystemTime;

use serde::Deserialize;
use session_events_core::timestamp::parse_rfc3339;
use ureq::Agent;

use crate::{connection::http, error::Result, options::worker::WorkerOptions};

/// The part of the response of `/api/health` that this check needs. Without a token that may listen to
/// all users, it has no details.
#[derive(Deserialize)]
struct Health {
    key_sets: Option<Vec<KeySet>>,
    dropped_revocations: Option<DroppedRevocations>,
}

#[derive(Deserialize)]
struct DroppedRevocations {
    count: u64,
    last_at: String,
}

#[derive(Deserialize)]
struct KeySet {
    jwks_uri: String,
    fetched_at: Option<String>,
    failed_at: Option<String>,
}

/// `token` is an access token that the Worker accepts.
pub(super) fn check(client: &Agent, worker: &WorkerOptions, token: Option<&str>) -> Result<String> {
    let url = worker.endpoint("/api/health");
    let response = match token {
        None => http::get(client, &url),
        Some(token) => http::get_authorized(client, &url, token),
    }?;
    if response.status == 503 {
        return Err(format!(
            "{}: see the Worker's log, and the status of Durable Objects at cloudflarestatus.com",
            response.error_message()
        )
        .into());
    }
    let health: Health = response.json()?;
    if let Some(DroppedRevocations { count, last_at }) = health.dropped_revocations {
        return Err(format!(
            "the Worker dropped {count} ended sessions, the last at {last_at}, because the tenant has too many revocations: lower REVOCATION_DAYS"
        )
        .into());
    }
    let Some(key_sets) = health.key_sets else {
        return Ok("its storage responds; the age of its keys is shown with listen:events".into());
    };
    for key_set in &key_sets {
        if let Some(failed_at) = &key_set.failed_at {
            return Err(format!(
                "the Worker could not fetch {} at {failed_at} (its keys: {}): check that this URL returns a key set, and check the tenant's issuers in TENANTS",
                key_set.jwks_uri,
                describe_age(key_set)
            )
            .into());
        }
    }
    let ages: Vec<_> = key_sets
        .iter()
        .map(|key_set| format!("keys of {}: {}", key_set.jwks_uri, describe_age(key_set)))
        .collect();
    Ok(format!("its storage responds; {}", ages.join(", ")))
}

fn describe_age(key_set: &KeySet) -> String {
    let Some(fetched_at) = &key_set.fetched_at else {
        return "none yet".to_owned();
    };
    match minutes_since(fetched_at) {
        Some(minutes) => format!("fetched {minutes} min ago"),
        None => format!("fetched at {fetched_at}"),
    }
}

fn minutes_since(date: &str) -> Option<i64> {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()?;
    let now = i64::try_from(now.as_millis()).ok()?;
    let age = now.checked_sub(parse_rfc3339(date)?.as_millis())?;
    Some(age.max(0) / 60_000)
}
