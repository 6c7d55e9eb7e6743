//! `completions`: prints a completion script for a shell.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use crate::{arguments::Arguments, error::Result, output};

pub(crate) fn run(shell: Shell) -> Result {
    let mut script = Vec::new();
    generate(
        shell,
        &mut Arguments::command(),
        "session-events",
        &mut script,
    );
    output::print_line(String::from_utf8_lossy(&script).trim_end())
}
