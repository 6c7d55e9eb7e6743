//! The options of `setup-auth0`.

use clap::{Args, builder::NonEmptyStringValueParser};

use crate::{
    error::Result,
    options::{
        credentials::{Credentials, MissingMessages},
        destinations::SecretUse,
        precedence::{Alternatives, Resolved, drop_if_alternatives_given},
        publish_token::PublishTokenOptions,
        read::ReadOptions,
        trimmed,
        worker::BaseUrl,
    },
};

/// Auth0's limit, 30 days.
const MAX_TOKEN_LIFETIME: i64 = 30 * 24 * 60 * 60;

const MISSING: MissingMessages = MissingMessages {
    secret: "the management client id has no secret: set AUTH0_MANAGEMENT_CLIENT_SECRET",
    id: "the management client secret has no id: set AUTH0_MANAGEMENT_CLIENT_ID",
    all: "there is no token for the Auth0 Management API: set AUTH0_MANAGEMENT_TOKEN, or AUTH0_MANAGEMENT_CLIENT_ID and AUTH0_MANAGEMENT_CLIENT_SECRET of a machine-to-machine application that is authorized for that API",
};

#[derive(Args)]
pub(crate) struct SetupAuth0Options {
    #[command(flatten)]
    pub(super) mode: ModeOptions,
    #[command(flatten)]
    pub(super) settings: SettingsOptions,
    #[command(flatten)]
    pub(super) management: ManagementOptions,
    #[command(flatten)]
    pub(super) publish_token: PublishTokenOptions,
    #[command(flatten)]
    pub(super) read: ReadOptions,
}

#[derive(Args)]
#[command(next_help_heading = "Auth0 settings")]
pub(super) struct SettingsOptions {
    /// The client id of an application whose users receive their own events
    ///
    /// Creates a client grant for user access with listen:events:self. Repeat the option for
    /// several applications.
    #[arg(long = "browser-client", value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(super) browser_clients: Vec<String>,
    /// The client id of a machine-to-machine application that receives the events of all users
    ///
    /// Creates a client grant for client access with listen:events. Repeat the option for several
    /// applications.
    #[arg(long = "backend-client", value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(super) backend_clients: Vec<String>,
    /// The lifetime of access tokens for the API
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(i64).range(1..=MAX_TOKEN_LIFETIME))]
    pub(super) token_lifetime: i64,
}

#[derive(Args)]
#[command(next_help_heading = "Mode")]
pub(super) struct ModeOptions {
    /// Print the plan and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Apply the plan without asking
    #[arg(long, short)]
    pub(super) yes: bool,
    /// Do not run `doctor` afterwards
    #[arg(long)]
    pub(super) skip_doctor: bool,
    /// Delete the log stream, the grants of the given clients, and the API if nothing else uses it
    #[arg(long)]
    pub(super) remove: bool,
}

pub(super) type ManagementOptions = Resolved<ManagementArgs>;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Auth0 Management API")]
pub(super) struct ManagementArgs {
    /// An access token for the Auth0 Management API
    #[arg(
        long,
        value_name = "TOKEN",
        env = "AUTH0_MANAGEMENT_TOKEN",
        hide_env_values = true
    )]
    management_token: Option<String>,
    /// The client id of an application that is authorized for the Management API, instead of a token
    #[arg(long, value_name = "ID", env = "AUTH0_MANAGEMENT_CLIENT_ID")]
    management_client_id: Option<String>,
    /// The secret of that application; prefer the environment or .env to the command line
    #[arg(
        long,
        value_name = "SECRET",
        env = "AUTH0_MANAGEMENT_CLIENT_SECRET",
        hide_env_values = true
    )]
    management_client_secret: Option<String>,
    /// The URL of the Management API, for tests [default: the tenant's domain]
    #[arg(long, value_name = "URL")]
    management_url: Option<BaseUrl>,
}

impl Alternatives for ManagementArgs {
    fn apply_precedence(&mut self, on_command_line: impl Fn(&str) -> bool) {
        drop_if_alternatives_given(
            &mut self.management_token,
            "management_token",
            &["management_client_id", "management_client_secret"],
            on_command_line,
        );
    }
}

impl ManagementOptions {
    pub(super) fn url(&self) -> Option<&BaseUrl> {
        self.0.management_url.as_ref()
    }

    /// Returns the given credentials, or an error if they are incomplete.
    pub(super) fn credentials(&self) -> Result<Credentials> {
        let Self(args) = self;
        Credentials::new(
            &args.management_token,
            &args.management_client_id,
            &args.management_client_secret,
            &MISSING,
        )
    }

    /// Returns the secret in use, if there is one. `tenant` and `domain` choose the receiver of the
    /// secret, `url` the receiver of the tenant's log, and `audience` the API that is changed. None of
    /// them may come from a `.env` without the secret.
    fn secret_use(&self) -> Option<SecretUse> {
        let Self(args) = self;
        let secret = if trimmed(&args.management_token).is_some() {
            "management_token"
        } else {
            trimmed(&args.management_client_secret).map(|_| "management_client_secret")?
        };
        Some(SecretUse {
            secret,
            destinations: &["tenant", "domain", "url", "audience"],
        })
    }
}

impl SetupAuth0Options {
    /// Returns the secrets in use. Auth0 receives the publish token, so the options that choose the
    /// Auth0 tenant are destinations of the publish token as well.
    pub(crate) fn secret_uses(&self) -> Vec<Option<SecretUse>> {
        let publish_token = self.publish_token.secret_use().map(|publish| SecretUse {
            destinations: &["url", "tenant", "domain"],
            ..publish
        });
        vec![
            self.management.secret_use(),
            self.read.access_token.secret_use(),
            publish_token,
        ]
    }
}
