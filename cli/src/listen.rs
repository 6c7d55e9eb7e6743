//! `listen`: events as they come, until Ctrl-C.

use clap::Args;

use crate::{
    event_line::ShownEvent,
    failure::Outcome,
    output::{self, Output, plain},
    reader::Reader,
    subscription::{Arrival, Subscription, block_on},
};

/// Where to begin.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Beginning")]
pub(crate) struct Beginning {
    /// Begin after this event; without it, with the last 100 for a token with listen:events
    #[arg(long, value_name = "ID")]
    last_event_id: Option<String>,
}

pub(crate) fn run(reader: &Reader, beginning: Beginning) -> Outcome {
    let Reader {
        address,
        login,
        output,
    } = reader;
    let tokens = login.tokens(&address.tenant)?;
    block_on(async {
        let mut subscription = Subscription::new(address, tokens, beginning.last_event_id)?;
        loop {
            match subscription.next().await? {
                Arrival::Event(event) => write(&event, *output)?,
                Arrival::Gap => {
                    output::note("Some events were missed: the worker no longer keeps them");
                }
            }
        }
    })
}

fn write(event: &str, output: Output) -> Outcome {
    if output.is_json() {
        return output::json_line(event);
    }
    match serde_json::from_str::<ShownEvent>(event) {
        Ok(shown) => output::line(&shown.line()),
        Err(_) => output::line(&plain(event)),
    }
}
