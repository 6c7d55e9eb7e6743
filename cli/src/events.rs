//! `events`: what the worker keeps.

use serde_json::value::RawValue;
use session_events_core::protocol::EventsBody;

use crate::{
    api::{self, Answer},
    event_line::{HEADINGS, ShownEvent},
    failure::Outcome,
    output,
    reader::Reader,
};

pub(crate) fn run(reader: &Reader) -> Outcome {
    let url = reader.address.path("/api/events");
    let answer = api::get(&api::agent(), &url, &reader.token()?)?;
    let events = events(&answer)?;
    if reader.output.is_json() {
        return events
            .iter()
            .try_for_each(|event| output::json_line(event.get()));
    }
    if events.is_empty() {
        output::note("There are no events yet.");
        return Ok(());
    }
    let shown = events.iter().map(|event| serde_json::from_str(event.get()));
    let shown: Vec<ShownEvent> = shown
        .collect::<Result<_, _>>()
        .map_err(|error| format!("the worker answers something unexpected: {error}"))?;
    let rows: Vec<_> = shown.iter().map(|event| event.cells().to_vec()).collect();
    output::line(&output::table(&HEADINGS, &rows))
}

fn events(answer: &Answer) -> Result<Vec<Box<RawValue>>, String> {
    if answer.status != 200 {
        return Err(answer.complaint());
    }
    let body: EventsBody<'_> = serde_json::from_str(&answer.body)
        .map_err(|error| format!("the worker answers something unexpected: {error}"))?;
    Ok(body.events.into_iter().map(ToOwned::to_owned).collect())
}
