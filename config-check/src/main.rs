//! Checks that an environment of a wrangler configuration is complete:
//! `config-check FILE [ENVIRONMENT]`. Without an environment, checks the top level.

use std::{env, fs, process::ExitCode};

use session_events_config_check::{check_complete, check_form};

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let Some(path) = arguments.next() else {
        eprintln!("Usage: config-check FILE [ENVIRONMENT]");
        return ExitCode::from(2);
    };
    let environment = arguments.next();
    let checked = fs::read_to_string(&path)
        .map_err(|error| error.to_string())
        .and_then(|text| {
            check_form(&text)?;
            check_complete(&text, environment.as_deref())
        });
    match checked {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{path}: {problem}");
            ExitCode::FAILURE
        }
    }
}
