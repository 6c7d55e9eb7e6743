//! The commands, their options and their help.

use std::path::PathBuf;

use clap::{Parser, Subcommand, builder::NonEmptyStringValueParser};
use clap_complete::Shell;
use session_events_core::tenant::Slug;

use crate::commands::setup_auth0::SetupAuth0Options;
use crate::options::{
    event_filter::EventFilter,
    output::OutputOptions,
    publish_token::{PublishSecretOption, PublishTokenOptions},
    read::ReadOptions,
    worker::{BaseUrl, DomainOptions, WorkerOptions, parse_slug},
};

const SETTINGS_AND_EXIT_CODES: &str = "\
Settings: an option that shows [env: NAME] can also be set by that environment variable or in a
file .env in the working directory. The command line takes precedence over the environment, and
the environment over the file. If the file sets a URL, an issuer or a tenant, the secret that is sent
there must be in the file as well.

Exit codes: 0 success, 1 failure, 2 invalid command line, 3 revoked tokens (status --exit-code),
130 after Ctrl-C, 143 after SIGTERM.";

/// Receive the session events of an Auth0 tenant, inspect its state, and diagnose problems
#[derive(Parser)]
#[command(name = "session-events", version, after_help = SETTINGS_AND_EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print events as they arrive, until Ctrl-C
    ///
    /// Reconnects after a lost connection, resumes after the last event, and prints each event
    /// once. With a client id and secret, it requests a new access token before the old one
    /// expires. Events go to standard output, everything else to standard error.
    #[command(after_help = "Examples:
  session-events listen --url https://events.example.com --tenant acme@us
  session-events listen --type user_blocked,user_deleted --json | jq -r .user_id
  session-events listen --token - < token.txt")]
    Listen {
        /// Start after the event with this id
        ///
        /// Without it, a token with the permission listen:events first receives the last 100
        /// events.
        #[arg(long, value_name = "ID", help_heading = "Start")]
        last_event_id: Option<String>,
        #[command(flatten)]
        filter: EventFilter,
        #[command(flatten)]
        options: ReadOptions,
    },
    /// Print the last 100 events, latest first
    ///
    /// These are the events that the Worker can replay. The access token needs the permission
    /// listen:events.
    #[command(after_help = "Example:
  session-events events --json | jq -r .type | sort | uniq -c")]
    Events(ReadOptions),
    /// Print all revocations, in the order in which they last changed
    ///
    /// The Worker stores revocations for REVOCATION_DAYS. For each user there is at most one
    /// revocation of all the user's tokens, and at most one for each revoked session. A revocation
    /// applies to tokens issued up to its date. A logout or session_revoked that names a session
    /// applies to all tokens of that session. docs/protocol.md has the complete rule. A revocation
    /// that changes while this command runs is printed again.
    #[command(after_help = "Examples:
  session-events revocations --json | jq -r 'select(.session_id == null).user_id'
  session-events revocations --follow")]
    Revocations {
        /// Continue with each new revocation as it arrives, until Ctrl-C
        ///
        /// Reconnects after a lost connection like `listen`, skips no revocation and prints none
        /// twice. Later lines only revoke further tokens.
        #[arg(long)]
        follow: bool,
        #[command(flatten)]
        options: ReadOptions,
    },
    /// Print the revocations of one user
    ///
    /// Prints one line for a revocation of all the user's tokens, one for each revoked session, and
    /// one for tokens without a session id if a session's revocation is later than that of all tokens.
    /// JSON output has only the revocations, and is empty if no tokens are revoked.
    #[command(after_help = "Examples:
  session-events status 'auth0|6182002f34f4dd006b05b5c7'
  session-events status --exit-code 'auth0|6182002f34f4dd006b05b5c7'; [ $? = 3 ] && echo revoked")]
    Status {
        /// The id of the user at Auth0
        #[arg(value_name = "USER", value_parser = NonEmptyStringValueParser::new())]
        user_id: String,
        /// Exit with 3 if any tokens of the user are revoked
        ///
        /// Without this option, the exit code is 0 whether or not tokens are revoked.
        #[arg(long)]
        exit_code: bool,
        #[command(flatten)]
        options: ReadOptions,
    },
    /// Print the subscribers that are connected
    ///
    /// For each connection, prints the time of connecting, the subject of the access token, and
    /// whether it receives the events of all users or only its own. The access token needs the
    /// permission listen:events.
    #[command(after_help = "Example:
  session-events listeners --json | jq -r '.sub // empty'")]
    Listeners(ReadOptions),
    /// Publish a file of log records, as an Auth0 log stream would
    ///
    /// The file is a JSON array, JSON lines or a single JSON object. The records are sent in
    /// batches and in order. A batch is retried while the Worker is unavailable. It is safe to
    /// publish a file twice, because the Worker recognizes duplicates. The exit code is 1 if any
    /// record was malformed, even though all others were accepted.
    #[command(after_help = "Examples:
  session-events publish log.jsonl
  zcat log.jsonl.gz | session-events publish -")]
    Publish {
        /// The file, or - for standard input
        file: PathBuf,
        #[command(flatten)]
        worker: WorkerOptions,
        #[command(flatten)]
        publish_token: PublishTokenOptions,
        #[command(flatten)]
        output: OutputOptions,
    },
    /// Print the publish token and the payload URL to enter in a tenant's log stream
    ///
    /// The token is derived from the Worker's secret. If standard output is not a terminal, each
    /// line has a name, a tab and a value. The names are publish_token, payload_path and, with
    /// --url, payload_url.
    #[command(
        after_help = "Example:\n  PUBLISH_SECRET=\"$(cat secret.txt)\" session-events publish-token acme@us"
    )]
    PublishToken {
        /// The tenant: acme for acme.auth0.com, acme@us for acme.us.auth0.com
        #[arg(value_name = "TENANT", value_parser = parse_slug)]
        slug: Slug,
        #[command(flatten)]
        domain: DomainOptions,
        /// The URL of the Worker: https://events.example.com
        ///
        /// With it, the complete payload URL is printed, and the tenant's domain is that of the Worker's
        /// configuration.
        #[arg(long, value_name = "URL", env = "SESSION_EVENTS_URL")]
        url: Option<BaseUrl>,
        #[command(flatten)]
        publish_secret: PublishSecretOption,
    },
    /// Diagnose problems step by step and print how to fix them
    ///
    /// Checks the Worker, the tenant, the issuer's key set, the access token and the publish
    /// token. Checks without credentials are skipped, and so are checks that depend on a failed
    /// one. The exit code is 1 if a check fails.
    #[command(after_help = "Example:
  session-events doctor --url https://events.example.com --tenant acme@us --round-trip")]
    Doctor {
        #[command(flatten)]
        options: ReadOptions,
        #[command(flatten)]
        publish_token: PublishTokenOptions,
        /// Publish a logout of a user that does not exist, and wait for the event
        ///
        /// The event remains among the tenant's last 100 events. The revocation remains for
        /// REVOCATION_DAYS. Repeated runs share one revocation.
        #[arg(long, help_heading = "Checks")]
        round_trip: bool,
    },
    /// Create or correct the API, the log stream and the client grants at Auth0
    ///
    /// Prints a plan, asks, applies the plan with the Auth0 Management API, and runs `doctor`. A
    /// second run changes nothing. A log stream that already posts to the Worker is corrected, and
    /// not created twice. Other permissions, grants and log streams stay as they are. --remove
    /// deletes the same settings.
    ///
    /// The Management API needs a token with read, create and update of log_streams,
    /// resource_servers and client_grants, and delete for --remove. The token is neither printed nor
    /// stored. If standard input or output is not a terminal, --yes or --dry-run is required. An access
    /// token, or a client id and secret, is only for `doctor`.
    #[command(after_help = "Examples:
  session-events setup-auth0 --url https://events.example.com --tenant acme@us --dry-run
  session-events setup-auth0 --url https://events.example.com --tenant acme@us \\
    --browser-client BROWSER_CLIENT_ID --backend-client BACKEND_CLIENT_ID")]
    SetupAuth0(Box<SetupAuth0Options>),
    /// Print a completion script for a shell
    #[command(after_help = "Example:
  session-events completions bash > ~/.local/share/bash-completion/completions/session-events")]
    Completions {
        /// The shell
        shell: Shell,
    },
}
