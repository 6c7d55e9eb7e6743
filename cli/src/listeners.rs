//! `listeners`: who listens.

use session_events_core::protocol::{Connection, Filter, ListenersBody};

use crate::{
    api,
    failure::Outcome,
    output::{self, plain},
    reader::Reader,
};

pub(crate) fn run(reader: &Reader) -> Outcome {
    let url = reader.address.path("/api/listeners");
    let answer = api::get(&api::agent(), &url, &reader.token()?)?;
    let body: ListenersBody = answer.json()?;
    if reader.output.is_json() {
        return body.connections.iter().try_for_each(|connection| {
            output::json_line(
                &serde_json::to_string(connection).map_err(|error| error.to_string())?,
            )
        });
    }
    if body.connections.is_empty() {
        output::note("Nobody listens.");
        return Ok(());
    }
    let rows: Vec<_> = body.connections.iter().map(row).collect();
    output::line(&output::table(&["SINCE", "EVENTS OF", "WHO"], &rows))
}

fn row(connection: &Connection) -> Vec<String> {
    let (events_of, who) = match (connection.filter, &connection.sub) {
        (Some(Filter::All), Some(sub)) => ("all users", plain(sub)),
        (Some(Filter::Own), Some(sub)) => ("its own", plain(sub)),
        _ => ("–", "not authenticated yet".to_owned()),
    };
    vec![
        connection.connected_on.to_string(),
        events_of.to_owned(),
        who,
    ]
}
