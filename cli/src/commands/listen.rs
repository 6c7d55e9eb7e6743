//! `listen`: prints events as they arrive.

use crate::{
    connection::{
        subscription::{Subscription, Update, block_on},
        token_source::TokenSource,
    },
    error::Result,
    options::{event_filter::EventFilter, output::OutputOptions, read::ReadOptions},
    output::{self, escape::escape, event_row::EventRow},
};

pub(crate) fn run(
    options: &ReadOptions,
    last_event_id: Option<String>,
    filter: &EventFilter,
) -> Result {
    let worker = &options.worker;
    let token_source = TokenSource::new(options)?;
    block_on(async {
        let mut subscription = Subscription::new(worker, token_source, last_event_id)?;
        loop {
            match subscription.next().await? {
                Update::Event(event) => print_event(&event, filter, options.output)?,
                Update::Gap => output::print_note(
                    "Some events were missed, because the Worker can no longer replay them",
                ),
            }
        }
    })
}

/// Prints an event unless the filter excludes it. An event without a type or a user matches only an
/// empty filter.
fn print_event(event: &str, filter: &EventFilter, output: OutputOptions) -> Result {
    let row = serde_json::from_str::<EventRow>(event).ok();
    if !row
        .as_ref()
        .map_or(filter.is_empty(), |row| filter.matches(row))
    {
        return Ok(());
    }
    match row {
        _ if output.is_json() => output::print_json_text(event),
        Some(row) => output::print_line(&row.line()),
        None => output::print_line(&escape(event)),
    }
}
