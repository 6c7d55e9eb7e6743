//! `listen`: prints events as they arrive.

use crate::{
    connection::{
        subscription::{Subscription, Update, block_on},
        token_source::TokenSource,
    },
    error::Result,
    options::{output::OutputOptions, read::ReadOptions},
    output::{self, escape::escape, event_row::EventRow},
};

pub(crate) fn run(options: &ReadOptions, last_event_id: Option<String>) -> Result {
    let worker = &options.worker;
    let token_source = TokenSource::new(options)?;
    block_on(async {
        let mut subscription = Subscription::new(worker, token_source, last_event_id)?;
        loop {
            match subscription.next().await? {
                Update::Event(event) => print_event(&event, options.output)?,
                Update::Gap => output::print_note(
                    "Some events were missed, because the Worker no longer stores them",
                ),
            }
        }
    })
}

fn print_event(event: &str, output: OutputOptions) -> Result {
    if output.is_json() {
        return output::print_json_text(event);
    }
    match serde_json::from_str::<EventRow>(event) {
        Ok(row) => output::print_line(&row.line()),
        Err(_) => output::print_line(&escape(event)),
    }
}
