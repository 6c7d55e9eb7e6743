//! Checks the storage of the tenant object, the age of its key sets, and that no revocations were
//! dropped.

use std::time::SystemTime;

use serde::Deserialize;
use session_events_core::timestamp::parse_rfc3339;
use ureq::Agent;

use crate::{connection::http, error::Result, options::worker::WorkerOptions};

use super::report::Finding;

const MINUTES_PER_DAY: i64 = 24 * 60;
const STORAGE_RESPONDS: &str = "the tenant's storage responds";

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

/// Checks the health with an access token that the Worker accepts, or without details if there is
/// none. Warns if revocations were dropped more than a day ago.
pub(super) fn check(
    client: &Agent,
    worker: &WorkerOptions,
    token: Option<&str>,
) -> Result<Finding> {
    let health = fetch(client, worker, token)?;
    let past_drop = check_dropped_revocations(health.dropped_revocations)?;
    let Some(key_sets) = health.key_sets else {
        return Ok(Finding::Passed(format!(
            "{STORAGE_RESPONDS}; with a token with listen:events, doctor also shows the age of the key sets"
        )));
    };
    let message = format!("{STORAGE_RESPONDS}; {}", check_key_sets(&key_sets)?);
    Ok(match past_drop {
        Some(past_drop) => Finding::Warning(format!("{message}; {past_drop}")),
        None => Finding::Passed(message),
    })
}

fn fetch(client: &Agent, worker: &WorkerOptions, token: Option<&str>) -> Result<Health> {
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
    response.json()
}

/// Fails if the Worker dropped revocations within the last day. Returns a description of an earlier
/// drop: the Worker never stops reporting the last one, and a monitor that runs this check must turn
/// green again.
fn check_dropped_revocations(dropped: Option<DroppedRevocations>) -> Result<Option<String>> {
    let Some(DroppedRevocations { count, last_at }) = dropped else {
        return Ok(None);
    };
    let description = format!(
        "the Worker dropped the revocations of {count} sessions, the last at {last_at}, because the tenant had too many revocations"
    );
    let is_past = minutes_since(&last_at).is_some_and(|age| age >= MINUTES_PER_DAY);
    if is_past {
        Ok(Some(description))
    } else {
        Err(format!("{description}: lower REVOCATION_DAYS").into())
    }
}

/// Fails if the Worker could not fetch a key set. Returns a description of the age of each one.
fn check_key_sets(key_sets: &[KeySet]) -> Result<String> {
    for key_set in key_sets {
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
    Ok(ages.join(", "))
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
