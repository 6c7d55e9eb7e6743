//! Access tokens: one that was given, or those that a machine-to-machine application gets by the
//! client-credentials grant (RFC 6749, section 4.4; Auth0, "Client Credentials Flow").
//!
//! A token stays in memory, and neither it nor the secret is in any message.

use clap::Args;
use serde::Deserialize;
use session_events_core::{config::DEFAULT_AUDIENCE, tenant::Tenant};
use ureq::Agent;

use crate::{
    address::BaseUrl,
    api::{self, Answer},
    failure::Missing,
    precedence::{Alternatives, Chosen},
};

/// Where tokens come from.
pub(crate) type Login = Chosen<LoginOptions>;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Access token")]
pub(crate) struct LoginOptions {
    /// An access token
    #[arg(long, env = "SESSION_EVENTS_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The client id of a machine-to-machine application, in place of a token
    #[arg(long, value_name = "ID", env = "AUTH0_CLIENT_ID")]
    client_id: Option<String>,
    /// Its secret; rather in the environment or in .env than on the command line
    #[arg(
        long,
        value_name = "SECRET",
        env = "AUTH0_CLIENT_SECRET",
        hide_env_values = true
    )]
    client_secret: Option<String>,
    /// Who issues tokens, where that is not the tenant's Auth0 domain: a custom domain
    #[arg(long, value_name = "URL", env = "AUTH0_ISSUER")]
    issuer: Option<BaseUrl>,
    /// The identifier of the API in Auth0, as the worker has it
    #[arg(long, value_name = "URI", env = "SESSION_EVENTS_AUDIENCE", default_value = DEFAULT_AUDIENCE)]
    audience: String,
}

impl Alternatives for LoginOptions {
    fn choose(&mut self, is_given: impl Fn(&str) -> bool) {
        if !is_given("token") && (is_given("client_id") || is_given("client_secret")) {
            self.token = None;
        }
    }
}

/// A source of tokens.
#[derive(Clone)]
pub(crate) enum Tokens {
    /// The one that was given.
    Given(String),
    /// A login for each.
    ClientCredentials {
        agent: Agent,
        endpoint: String,
        client_id: String,
        client_secret: String,
        audience: String,
    },
}

/// Why there is no token.
#[derive(Debug)]
pub(crate) enum NoToken {
    /// The issuer will not give one, however often it is asked.
    Refused(String),
    /// It cannot be asked just now.
    Unavailable(String),
}

impl From<NoToken> for String {
    fn from(reason: NoToken) -> Self {
        match reason {
            NoToken::Refused(problem) | NoToken::Unavailable(problem) => problem,
        }
    }
}

/// The answer of the token endpoint; RFC 6749, sections 5.1 and 5.2.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
}

#[derive(Deserialize)]
struct TokenError {
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Login {
    /// The issuer's URL, with the slash at its end that Auth0's have.
    pub(crate) fn issuer(&self, tenant: &Tenant) -> String {
        match &self.0.issuer {
            Some(issuer) => format!("{issuer}/"),
            None => format!("https://{}/", tenant.domain()),
        }
    }

    /// The audience that tokens are asked for.
    pub(crate) fn audience(&self) -> &str {
        &self.0.audience
    }

    /// The source of tokens that these options name.
    pub(crate) fn tokens(&self, tenant: &Tenant) -> Result<Tokens, Missing> {
        // What comes out of a file ends with a line break.
        let given = |value: &Option<String>| {
            let value = value.as_deref().unwrap_or_default().trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        if let Some(token) = given(&self.0.token) {
            return Ok(Tokens::Given(token));
        }
        match (given(&self.0.client_id), given(&self.0.client_secret)) {
            (Some(client_id), Some(client_secret)) => Ok(Tokens::ClientCredentials {
                agent: api::agent(),
                endpoint: format!("{}oauth/token", self.issuer(tenant)),
                client_id,
                client_secret,
                audience: self.0.audience.clone(),
            }),
            (Some(_), None) => Err(Missing(
                "the client id has no secret: give --client-secret (or set AUTH0_CLIENT_SECRET)",
            )),
            (None, Some(_)) => Err(Missing(
                "the client secret has no id: give --client-id (or set AUTH0_CLIENT_ID)",
            )),
            (None, None) => Err(Missing(
                "there is no access token: give --token, or --client-id and --client-secret (or set SESSION_EVENTS_TOKEN, or AUTH0_CLIENT_ID and AUTH0_CLIENT_SECRET)",
            )),
        }
    }
}

impl Tokens {
    /// Whether a newer token than the last can be had.
    pub(crate) fn are_renewable(&self) -> bool {
        matches!(self, Self::ClientCredentials { .. })
    }

    /// A token; a new one, where that can be had.
    pub(crate) fn get(&self) -> Result<String, NoToken> {
        let (agent, endpoint, form) = match self {
            Self::Given(token) => return Ok(token.clone()),
            Self::ClientCredentials {
                agent,
                endpoint,
                client_id,
                client_secret,
                audience,
            } => (
                agent,
                endpoint,
                [
                    ("grant_type", "client_credentials"),
                    ("client_id", client_id),
                    ("client_secret", client_secret),
                    ("audience", audience),
                ],
            ),
        };
        let answer = Answer::of(endpoint, agent.post(endpoint).send_form(form));
        let answer =
            answer.map_err(|problem| NoToken::Unavailable(format!("{problem}: check --issuer")))?;
        match answer.status {
            200 => {}
            408 | 429 | 500.. => return Err(NoToken::Unavailable(complaint(endpoint, &answer))),
            _ => return Err(NoToken::Refused(complaint(endpoint, &answer))),
        }
        serde_json::from_str::<TokenAnswer>(&answer.body)
            .map(|answer| answer.access_token)
            .map_err(|_| {
                NoToken::Refused(format!("{endpoint} gave no access_token: check --issuer"))
            })
    }
}

fn complaint(endpoint: &str, answer: &Answer) -> String {
    let status = answer.status;
    match serde_json::from_str::<TokenError>(&answer.body) {
        Ok(TokenError {
            error,
            error_description,
        }) => format!(
            "{endpoint} answers {status} {error}: {error_description} (check client id and secret, and that the application is authorized for the API)"
        ),
        Err(_) => format!("{endpoint} answers {status}: check --issuer"),
    }
}
