//! The output format.

use std::io::{IsTerminal as _, stdout};

use clap::Args;

#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputOptions {
    /// Print one JSON object per line, the default if standard output is not a terminal
    #[arg(long)]
    json: bool,
}

impl OutputOptions {
    pub(crate) fn is_json(self) -> bool {
        self.json || !stdout().is_terminal()
    }
}
