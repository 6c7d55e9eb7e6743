//! Publishes a log record and measures the time until a subscriber receives its event.

use std::time::{Duration, Instant};

use session_events_core::protocol::{
    bodies::PublishReceipt, filter::Filter, messages::ServerMessage,
};
use tokio::time::timeout;
use ureq::Agent;

use crate::{
    connection::{http, socket::Socket, subscription::block_on},
    error::{Error, Result},
    options::worker::WorkerOptions,
    output::event_row::EventRow,
};

/// The same user in each run, so that repeated runs share one revocation.
const USER: &str = "doctor|session-events";
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Subscribes, publishes the logout of a user that does not exist, and waits for its event.
pub(super) fn check(
    client: &Agent,
    worker: &WorkerOptions,
    token: &str,
    publish_token: &str,
) -> Result<String> {
    block_on(async {
        let url = worker.websocket_endpoint("/api/subscribe");
        let mut socket = Socket::connect(&url, token, None).await?;
        if wait_until_authenticated(&mut socket).await? == Filter::Own {
            return Err("the access token is limited to its own user's events: use a token with listen:events and without listen:events:self".into());
        }
        let id = format!("session-events-doctor-{:016x}", fastrand::u64(..));
        let record = serde_json::json!([{
            "log_id": id,
            "data": {"type": "slo", "user_id": USER, "description": "a test of session-events"},
        }]);
        let published_at = Instant::now();
        let url = worker.endpoint("/api/publish");
        let _: PublishReceipt =
            http::publish(client, &url, publish_token, record.to_string().as_bytes())?.json()?;
        let arrival = timeout(RESPONSE_TIMEOUT, wait_for_event(&mut socket, &id)).await;
        let milliseconds = published_at.elapsed().as_millis();
        match arrival {
            Ok(result) => result?,
            Err(_) => {
                return Err(
                    "the event was published but did not arrive: see the Worker's log".into(),
                );
            }
        }
        socket.close().await;
        Ok(format!(
            "an event arrived {milliseconds} ms after it was published"
        ))
    })
}

async fn wait_until_authenticated(socket: &mut Socket) -> Result<Filter> {
    loop {
        match serde_json::from_str(&next_message(socket).await?) {
            Ok(ServerMessage::Authenticated { filter, .. }) => return Ok(filter),
            Ok(ServerMessage::AuthenticationFailed(error)) => {
                return Err(format!("{}: {}", error.error, error.error_description).into());
            }
            _ => {}
        }
    }
}

async fn wait_for_event(socket: &mut Socket, id: &str) -> Result {
    loop {
        let message = next_message(socket).await?;
        if serde_json::from_str::<EventRow>(&message).is_ok_and(|event| event.id == id) {
            return Ok(());
        }
    }
}

async fn next_message(socket: &mut Socket) -> Result<String> {
    match timeout(RESPONSE_TIMEOUT, socket.next()).await {
        Ok(message) => Ok(message?),
        Err(_) => Err(Error::Temporary(
            "the Worker did not respond in time: see its log".into(),
        )),
    }
}
