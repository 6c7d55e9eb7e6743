//! `events`: prints the last 100 events.

use session_events_core::protocol::bodies::EventsBody;

use crate::{
    connection::{http, token_source::obtain_token},
    error::{Error, Result},
    options::read::ReadOptions,
    output::{
        self,
        escape::escape,
        event_row::{EventRow, HEADINGS},
        table::table,
    },
};

pub(crate) fn run(options: &ReadOptions) -> Result {
    let url = options.worker.endpoint("/api/events");
    let response = http::get_authorized(&http::client(), &url, &obtain_token(options)?)?;
    let body: EventsBody<'_> = response.json()?;
    if options.output.is_json() {
        return body
            .events
            .iter()
            .try_for_each(|event| output::print_json_text(event.get()));
    }
    if body.events.is_empty() {
        output::print_note("No events are stored yet.");
        return Ok(());
    }
    let mut rows = Vec::new();
    for event in &body.events {
        let row: EventRow = serde_json::from_str(event.get()).map_err(|error| {
            let error = escape(&error.to_string());
            Error::Failed(format!("{url} returned an unexpected event: {error}"))
        })?;
        rows.push(row.cells());
    }
    output::print_line(&table(HEADINGS, &rows))
}
