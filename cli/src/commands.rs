//! The commands, one file for each.

mod completions;
mod doctor;
mod events;
mod listen;
mod listeners;
mod publish;
mod publish_token;
mod revocations;
pub(crate) mod setup_auth0;
mod status;

use crate::{arguments::Command, error::Result};

pub(crate) fn run(command: Command) -> Result {
    match command {
        Command::Listen {
            last_event_id,
            filter,
            options,
        } => listen::run(&options, last_event_id, &filter),
        Command::Events(options) => events::run(&options),
        Command::Revocations { follow, options } => revocations::run(&options, follow),
        Command::Status {
            user_id,
            exit_code,
            options,
        } => status::run(&options, user_id, exit_code),
        Command::Listeners(options) => listeners::run(&options),
        Command::Publish {
            file,
            worker,
            publish_token,
            output,
        } => publish::run(&worker, &publish_token, &file, output),
        Command::PublishToken {
            slug,
            domain,
            url,
            publish_secret,
        } => publish_token::run(&slug, &domain, url.as_ref(), &publish_secret),
        Command::Doctor {
            options,
            publish_token,
            round_trip,
        } => doctor::run(&options, &publish_token, round_trip),
        Command::SetupAuth0(options) => setup_auth0::run(*options),
        Command::Completions { shell } => completions::run(shell),
    }
}
