//! The options of every command that reads from the Worker with an access token.

use clap::Args;

use crate::options::{
    access_token::AccessTokenOptions, output::OutputOptions, worker::WorkerOptions,
};

#[derive(Args)]
pub(crate) struct ReadOptions {
    #[command(flatten)]
    pub(crate) worker: WorkerOptions,
    #[command(flatten)]
    pub(crate) access_token: AccessTokenOptions,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}
