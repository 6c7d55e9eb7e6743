//! The log stream, which posts the tenant's log to the Worker.

use serde_json::{Map, Value, json};

use crate::commands::setup_auth0::tenant_state::Stream;

use super::{Desired, FieldChange, Resource, Step, Update};

const NAME: &str = "session-events";
const TYPE: &str = "http";
const ENDPOINT: &str = "httpEndpoint";
const AUTHORIZATION: &str = "httpAuthorization";
/// The name of the secret field in the plan.
const AUTHORIZATION_FIELD: &str = "sink.httpAuthorization";

/// The fields of the sink that may be printed: the name in the plan, the name in the sink, and the
/// value.
fn sink_fields(desired: &Desired) -> [(&'static str, &'static str, &str); 3] {
    [
        ("sink.httpEndpoint", ENDPOINT, &desired.payload_url),
        ("sink.httpContentFormat", "httpContentFormat", "JSONLINES"),
        (
            "sink.httpContentType",
            "httpContentType",
            "application/json",
        ),
    ]
}

pub(super) fn plan(desired: &Desired, streams: &[Stream]) -> Step {
    let mut ours = streams
        .iter()
        .filter(|stream| posts_to(stream, &desired.payload_url));
    let Some(stream) = ours.next() else {
        return create(desired, streams);
    };
    let notes = ours.map(|other| {
        format!(
            "the log stream {} posts to the same URL, and the Worker receives each record twice: delete it",
            other.name
        )
    });
    update(desired, stream).with_notes(notes.collect())
}

/// Returns true if the stream posts to this URL, however the URL is written.
pub(super) fn posts_to(stream: &Stream, payload_url: &str) -> bool {
    let endpoint = stream.sink.get(ENDPOINT).and_then(Value::as_str);
    stream.stream_type == TYPE
        && endpoint.is_some_and(|endpoint| normalized(endpoint) == normalized(payload_url))
}

/// Returns a URL with scheme and host in lower case, without a default port and a slash at the end,
/// and with `@` instead of `%40`.
fn normalized(url: &str) -> String {
    let url = url.trim();
    let (origin, path) = match url.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            (format!("{scheme}://{host}").to_lowercase(), path)
        }
        None => (String::new(), url),
    };
    let default_port = if origin.starts_with("https:") {
        ":443"
    } else {
        ":80"
    };
    let origin = origin.strip_suffix(default_port).unwrap_or(&origin);
    let path = path.trim_end_matches('/').replace("%40", "@");
    format!("{origin}/{path}")
}

fn create(desired: &Desired, streams: &[Stream]) -> Step {
    let name = free_name(desired, streams);
    let mut changes = Vec::new();
    let mut sink = Map::new();
    for (field, name, value) in sink_fields(desired) {
        changes.push(FieldChange::new(field, value));
        sink.insert(name.to_owned(), value.into());
    }
    changes.push(FieldChange::secret(AUTHORIZATION_FIELD));
    let token = desired.publish_token.as_str().into();
    sink.insert(AUTHORIZATION.to_owned(), token);
    let body = json!({ "name": name, "type": TYPE, "sink": sink });
    Step::create(Resource::LogStream, name, changes, body)
}

/// Returns a name that no other stream has. The stream of another deployment may have the usual one.
fn free_name(desired: &Desired, streams: &[Stream]) -> String {
    if streams.iter().any(|stream| stream.name == NAME) {
        format!("{NAME} {}", desired.payload_url)
    } else {
        NAME.to_owned()
    }
}

fn update(desired: &Desired, stream: &Stream) -> Step {
    let mut update = Update::default();
    let mut sink = stream.sink.clone();
    let old = |field: &str| stream.sink.get(field).cloned().unwrap_or_default();
    for (field, name, value) in sink_fields(desired) {
        update.record_difference(field, old(name), value);
        sink.insert(name.to_owned(), value.into());
    }
    if old(AUTHORIZATION) != desired.publish_token {
        update
            .changes
            .push(FieldChange::secret(AUTHORIZATION_FIELD));
        let token = desired.publish_token.as_str().into();
        sink.insert(AUTHORIZATION.to_owned(), token);
    }
    if !update.changes.is_empty() {
        update.body.insert("sink".to_owned(), Value::Object(sink));
    }
    // The records that end sessions are not among those of a prioritized stream.
    update.set("isPriority", stream.is_priority.unwrap_or_default(), false);
    update.set("filters", stream.filters.clone(), json!([]));
    // Auth0 suspends a stream that keeps failing. An operator can pause it.
    update.set("status", stream.status.clone(), "active");
    let name = stream.name.clone();
    Step::update(Resource::LogStream, name, &stream.id, update)
}
