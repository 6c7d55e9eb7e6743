//! `listeners`: prints the connected subscribers.

use session_events_core::protocol::{
    bodies::{Connection, ListenersBody},
    filter::Filter,
};

use crate::{
    connection::{http, token_source::obtain_token},
    error::Result,
    options::read::ReadOptions,
    output::{self, escape::escape, table::table},
};

pub(crate) fn run(options: &ReadOptions) -> Result {
    let url = options.worker.endpoint("/api/listeners");
    let response = http::get_authorized(&http::client(), &url, &obtain_token(options)?)?;
    let body: ListenersBody = response.json()?;
    if options.output.is_json() {
        return body.connections.iter().try_for_each(output::print_json);
    }
    if body.connections.is_empty() {
        output::print_note("No subscribers are connected.");
        return Ok(());
    }
    let rows: Vec<_> = body.connections.iter().map(row).collect();
    output::print_line(&table(["SINCE", "EVENTS OF", "SUBSCRIBER"], &rows))
}

fn row(connection: &Connection) -> [String; 3] {
    let (events_of, subscriber) = match (connection.filter, &connection.sub) {
        (Some(Filter::All), Some(sub)) => ("all users", escape(sub)),
        (Some(Filter::Own), Some(sub)) => ("its own", escape(sub)),
        _ => ("–", "not authenticated yet".to_owned()),
    };
    [
        connection.connected_on.to_string(),
        events_of.to_owned(),
        subscriber,
    ]
}
