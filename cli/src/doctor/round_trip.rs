//! The whole way: a record goes in where Auth0 would put it, and the event comes out where a
//! listener is.

use std::time::{Duration, Instant};

use session_events_core::protocol::{Filter, ServerMessage};
use tokio::time::timeout;
use ureq::Agent;

use crate::{
    address::Address,
    event_line::ShownEvent,
    socket::{Closed, Socket},
};

/// One for all runs, so that no more than one revocation is left.
const USER: &str = "doctor|session-events";
const PATIENCE: Duration = Duration::from_secs(10);

/// Listens, publishes the logout of a user that does not exist, and waits for it.
pub(super) fn measure(
    agent: &Agent,
    address: &Address,
    token: &str,
    publish_token: &str,
) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let url = address.socket("/api/subscribe");
        let connecting = Socket::connect(&url, token.to_owned(), None).await;
        let mut socket = connecting.map_err(|problem| problem.complaint(&url))?;
        if authenticated(&mut socket).await? == Filter::Own {
            return Err("it takes a token with listen:events and without listen:events:self, for the event is another user's".into());
        }
        let id = format!("session-events-doctor-{:016x}", fastrand::u64(..));
        let record = serde_json::json!([{
            "log_id": id,
            "data": {"type": "slo", "user_id": USER, "description": "a test of session-events"},
        }]);
        let published = Instant::now();
        super::publish(agent, address, publish_token, &record.to_string())?;
        let arrival = timeout(PATIENCE, arrival(&mut socket, &id)).await;
        let milliseconds = published.elapsed().as_millis();
        match arrival {
            Ok(Ok(())) => {
                socket.close().await;
                Ok(format!("an event arrived {milliseconds} ms after it was published"))
            }
            Ok(Err(problem)) => Err(problem),
            Err(_) => Err("the event was published and did not arrive: see the worker's log".into()),
        }
    })
}

async fn authenticated(socket: &mut Socket) -> Result<Filter, String> {
    loop {
        match serde_json::from_str(&next(socket).await?) {
            Ok(ServerMessage::Authenticated { filter, .. }) => return Ok(filter),
            Ok(ServerMessage::AuthenticationFailed(error)) => {
                return Err(format!("{}: {}", error.error, error.error_description));
            }
            _ => {}
        }
    }
}

async fn arrival(socket: &mut Socket, id: &str) -> Result<(), String> {
    loop {
        let message = next(socket).await?;
        if serde_json::from_str::<ShownEvent>(&message).is_ok_and(|event| event.id == id) {
            return Ok(());
        }
    }
}

async fn next(socket: &mut Socket) -> Result<String, String> {
    let message = timeout(PATIENCE, socket.next()).await;
    let message = message.map_err(|_| "the worker says nothing".to_owned())?;
    message.map_err(|Closed { code, reason }| format!("the socket was closed with {code} {reason}"))
}
