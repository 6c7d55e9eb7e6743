//! The command line of session-events: listens, looks, publishes, and finds out what is wrong.
//!
//! # Layout
//!
//! - One file a command: [`listen`], [`events`], [`revocations`], [`status`], [`listeners`],
//!   [`publish`], [`publish_token`], [`doctor`], [`completions`].
//! - [`address`] and [`login`]: whom they talk to, and as whom; [`reader`]: both, for those that
//!   read; [`precedence`] and [`dot_env`]: which options count, and where they may
//!   stand.
//! - [`api`] and [`socket`]: how, over HTTP and over a WebSocket.
//! - [`subscription`] and [`renewal`]: how to go on listening, through losses and the end of tokens;
//!   [`pages`]: how to read what is revoked; [`recent`]: what was written already.
//! - [`output`] and [`event_line`]: what is written. [`failure`]: how a command ends.
//! - [`backoff`] and [`signals`]: when to try again, and when to end.

mod address;
mod api;
mod backoff;
mod completions;
mod doctor;
mod dot_env;
mod event_line;
mod events;
mod failure;
mod listen;
mod listeners;
mod login;
mod output;
mod pages;
mod precedence;
mod publish;
mod publish_token;
mod reader;
mod recent;
mod renewal;
mod revocations;
mod signals;
mod socket;
mod status;
mod subscription;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand, builder::NonEmptyStringValueParser};
use clap_complete::Shell;
use session_events_core::tenant::Tenant;

use crate::{
    address::{Address, BaseUrl},
    failure::Outcome,
    listen::Beginning,
    output::Output,
    publish::Publisher,
    reader::Reader,
};

const ENVIRONMENT: &str = "\
Every option can be given in the environment, by the name that stands beside it, or in a file
.env in the working directory. An option on the command line counts for more than the
environment, and that for more than the file.

Exit codes: 0 done, 1 failed, 2 the command line is wrong; after Ctrl-C 130, when told to
terminate 143.";

/// Listens to the session events of an Auth0 tenant, and helps whoever runs the worker.
#[derive(Parser)]
#[command(name = "session-events", version, after_help = ENVIRONMENT)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write events as they come, until Ctrl-C
    ///
    /// Comes back after every loss of the connection, takes up where it left off, and writes each
    /// event once. With a client id and secret it gets new tokens before the old ones expire.
    /// Events go to standard output, everything else to standard error.
    #[command(after_help = "Examples:
  session-events listen --url https://events.example.com --tenant acme@us
  session-events listen --json | jq -r 'select(.type == \"user_blocked\").user_id'")]
    Listen {
        #[command(flatten)]
        beginning: Beginning,
        #[command(flatten)]
        reader: Reader,
    },
    /// Write the events that the worker keeps, newest first
    Events(Reader),
    /// Write whose tokens are revoked and up to when, oldest change first
    ///
    /// All that the worker keeps, for REVOCATION_DAYS: of each user the newest event that revoked
    /// all of the user's tokens, and the newest of each session that ended alone. A token is
    /// revoked when it was issued no later than that. One that changes meanwhile comes again.
    #[command(after_help = "Examples:
  session-events revocations --json | jq -r 'select(.session_id == null).user_id'
  session-events revocations --follow")]
    Revocations {
        /// Go on with every event that revokes as it comes, without a gap, until Ctrl-C
        ///
        /// Comes back after every loss of the connection as `listen` does, and writes nothing
        /// twice.
        #[arg(long)]
        follow: bool,
        #[command(flatten)]
        reader: Reader,
    },
    /// Tell whether tokens of a user are revoked, and up to when
    ///
    /// One line for all of the user's tokens, and one for each session that ended alone. In a
    /// pipe nothing is written where nothing is revoked. The exit code is 0 either way.
    #[command(after_help = "Example:
  session-events status 'auth0|6182002f34f4dd006b05b5c7'")]
    Status {
        /// The user's id in Auth0
        #[arg(value_name = "USER", value_parser = NonEmptyStringValueParser::new())]
        user_id: String,
        #[command(flatten)]
        reader: Reader,
    },
    /// Write who listens
    Listeners(Reader),
    /// Publish a saved log, as a log stream would
    ///
    /// The file is a JSON array, JSON lines or one JSON object of log records. They are sent in
    /// batches, in their order; while the worker is away, a batch is tried again. Publishing a
    /// file twice does no harm, for the worker recognises what it has seen. The exit code is 1
    /// when a record could not be read, though all others were taken.
    #[command(after_help = "Examples:
  session-events publish log.jsonl
  zcat log.jsonl.gz | session-events publish -")]
    Publish {
        /// The file; - for standard input
        file: PathBuf,
        #[command(flatten)]
        address: Address,
        #[command(flatten)]
        publisher: Publisher,
        #[command(flatten)]
        output: Output,
    },
    /// Print what to paste into a tenant's log stream: the publish token and the payload URL
    ///
    /// The token is derived from the secret that the worker has as PUBLISH_SECRET, which must be
    /// in the environment variable of that name. To a pipe it prints lines, each a name, a tab
    /// and a value: publish_token, payload_path and, with --url, payload_url.
    #[command(
        after_help = "Example:\n  PUBLISH_SECRET=\"$(cat secret.txt)\" session-events publish-token acme@us"
    )]
    PublishToken {
        /// The tenant: acme for acme.auth0.com, acme@us for acme.us.auth0.com
        #[arg(value_parser = address::tenant)]
        tenant: Tenant,
        /// Where the worker is, to print the whole payload URL: https://events.example.com
        #[arg(long, value_name = "URL", env = "SESSION_EVENTS_URL")]
        url: Option<BaseUrl>,
    },
    /// Find out what is wrong, step by step, and say what to fix
    ///
    /// Checks the worker, the tenant, the issuer's keys, the login, the access token and the
    /// publish token, as far as they are given. What depends on something broken is left out.
    /// The exit code is 1 when there is something to fix.
    #[command(after_help = "Example:
  session-events doctor --url https://events.example.com --tenant acme@us --round-trip")]
    Doctor {
        #[command(flatten)]
        reader: Reader,
        #[command(flatten)]
        publisher: Publisher,
        /// Publish the logout of a user that does not exist, and see it arrive
        ///
        /// The event stays among the tenant's last 100. The revocation stays for REVOCATION_DAYS;
        /// there is one, however often this is done.
        #[arg(long, help_heading = "Checks")]
        round_trip: bool,
    },
    /// Print the script that completes this program's commands and options in a shell
    #[command(after_help = "Example:
  session-events completions bash > ~/.local/share/bash-completion/completions/session-events")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

fn main() -> ExitCode {
    let dot_env = dot_env::read();
    let parsed = Arguments::try_parse();
    let needs_no_variables = match &parsed {
        Ok(arguments) => matches!(arguments.command, Command::Completions { .. }),
        // --help and --version go to standard output.
        Err(error) => !error.use_stderr(),
    };
    if let Err(problem) = dot_env
        && !needs_no_variables
    {
        return end(Err(problem.into()));
    }
    let Arguments { command } = parsed.unwrap_or_else(|error| error.exit());
    end(match command {
        Command::Listen { beginning, reader } => listen::run(&reader, beginning),
        Command::Events(reader) => events::run(&reader),
        Command::Revocations { follow, reader } => revocations::run(&reader, follow),
        Command::Status { user_id, reader } => status::run(&reader, user_id),
        Command::Listeners(reader) => listeners::run(&reader),
        Command::Publish {
            file,
            address,
            publisher,
            output,
        } => publish::run(&address, &publisher, &file, output),
        Command::PublishToken { tenant, url } => publish_token::run(&tenant, url.as_ref()),
        Command::Doctor {
            reader,
            publisher,
            round_trip,
        } => doctor::run(&reader, &publisher, round_trip),
        Command::Completions { shell } => completions::run(shell),
    })
}

fn end(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(problem) = failure.problem() {
                let error = output::styled(output::BAD, "error:");
                anstream::eprintln!("{error} {}", output::plain_lines(problem));
            }
            failure.exit_code()
        }
    }
}
