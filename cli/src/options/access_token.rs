//! The access token, given as such or requested with a client id and secret.

use std::io::{BufRead as _, IsTerminal as _, Read as _, stdin};

use clap::Args;
use session_events_core::tenant::Tenant;

use crate::{
    error::{Error, Result},
    options::{
        credentials::{Credentials, MissingMessages},
        destinations::SecretUse,
        precedence::{Alternatives, Resolved, drop_if_alternatives_given},
        trimmed,
        worker::BaseUrl,
    },
    output,
};

/// The value of `--token` that means standard input.
const STDIN: &str = "-";
/// The limit for an access token on standard input, in bytes. More than the Worker accepts.
const MAX_STDIN_BYTES: u64 = 64 * 1024;

const MISSING: MissingMessages = MissingMessages {
    secret: "the client id has no secret: give --client-secret (or set AUTH0_CLIENT_SECRET)",
    id: "the client secret has no id: give --client-id (or set AUTH0_CLIENT_ID)",
    all: "there is no access token: give --token, or --client-id and --client-secret (or set SESSION_EVENTS_TOKEN, or AUTH0_CLIENT_ID and AUTH0_CLIENT_SECRET)",
};

pub(crate) type AccessTokenOptions = Resolved<AccessTokenArgs>;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Access token")]
pub(crate) struct AccessTokenArgs {
    /// An access token, or - to read it from standard input
    #[arg(long, env = "SESSION_EVENTS_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// True if `--token -` is on the command line. In the environment and in `.env`, `-` has no
    /// special meaning: a `.env` of somebody else must not have standard input sent anywhere.
    #[arg(skip)]
    is_token_on_stdin: bool,
    /// The client id of a machine-to-machine application, instead of a token
    #[arg(long, value_name = "ID", env = "AUTH0_CLIENT_ID")]
    client_id: Option<String>,
    /// The client secret; prefer the environment or .env to the command line
    #[arg(
        long,
        value_name = "SECRET",
        env = "AUTH0_CLIENT_SECRET",
        hide_env_values = true
    )]
    client_secret: Option<String>,
    /// The issuer of access tokens, if it is a custom domain [default: the tenant's domain]
    #[arg(long, value_name = "URL", env = "AUTH0_ISSUER")]
    issuer: Option<BaseUrl>,
    /// The identifier of the API at Auth0, as configured for the Worker
    #[arg(long, value_name = "URI", env = "SESSION_EVENTS_AUDIENCE")]
    audience: Option<String>,
}

impl Alternatives for AccessTokenArgs {
    fn apply_precedence(&mut self, on_command_line: impl Fn(&str) -> bool) {
        drop_if_alternatives_given(
            &mut self.token,
            "token",
            &["client_id", "client_secret"],
            &on_command_line,
        );
        self.is_token_on_stdin = on_command_line("token") && self.token.as_deref() == Some(STDIN);
    }
}

impl AccessTokenOptions {
    /// Returns the secret in use, if there is one.
    pub(crate) fn secret_use(&self) -> Option<SecretUse> {
        let Self(args) = self;
        if trimmed(&args.token).is_some() {
            return Some(SecretUse {
                secret: "token",
                destinations: &["url"],
            });
        }
        trimmed(&args.client_secret)?;
        Some(SecretUse {
            secret: "client_secret",
            // Without --issuer, the tenant determines the issuer. The Worker receives the token.
            destinations: match args.issuer {
                Some(_) => &["issuer", "url"],
                None => &["tenant", "domain", "url"],
            },
        })
    }

    /// The URL of the issuer. It ends with a slash, as the issuers of Auth0 do.
    pub(crate) fn issuer(&self, tenant: &Tenant) -> String {
        match &self.0.issuer {
            Some(issuer) => format!("{issuer}/"),
            None => format!("https://{}/", tenant.domain()),
        }
    }

    /// Returns the audience of access tokens, or an error if it is not given.
    pub(crate) fn audience(&self) -> Result<&str> {
        trimmed(&self.0.audience).ok_or(Error::MissingOption(
            "there is no audience: give --audience (or set SESSION_EVENTS_AUDIENCE) with the AUDIENCE of the Worker",
        ))
    }

    /// Returns the given credentials, or an error if they are incomplete. Reads standard input for
    /// `--token -`, so a command calls this once.
    pub(crate) fn credentials(&self) -> Result<Credentials> {
        let Self(args) = self;
        if args.is_token_on_stdin {
            return Ok(Credentials::Token(read_token()?));
        }
        Credentials::new(&args.token, &args.client_id, &args.client_secret, &MISSING)
    }
}

/// Reads an access token from the first line of standard input.
fn read_token() -> Result<String> {
    if stdin().is_terminal() {
        output::print_note("Paste the access token and press Enter");
    }
    let mut line = String::new();
    stdin()
        .lock()
        .take(MAX_STDIN_BYTES)
        .read_line(&mut line)
        .map_err(|error| format!("the access token cannot be read from standard input: {error}"))?;
    let token = trimmed(&Some(line)).map(str::to_owned);
    token.ok_or_else(|| {
        "there is no access token on standard input: pipe it into the command, or remove --token -"
            .into()
    })
}
