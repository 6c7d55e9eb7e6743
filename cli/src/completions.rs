//! `completions`: what a shell needs to complete this program's commands and options.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use crate::{Arguments, failure::Outcome, output};

pub(crate) fn run(shell: Shell) -> Outcome {
    let mut script = Vec::new();
    generate(
        shell,
        &mut Arguments::command(),
        "session-events",
        &mut script,
    );
    output::line(String::from_utf8_lossy(&script).trim_end())
}
