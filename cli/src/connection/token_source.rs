//! Sources of access tokens: a fixed token, or the client-credentials grant of a
//! machine-to-machine application (RFC 6749, section 4.4).
//!
//! Tokens stay in memory. No message contains a token or a secret.

use serde::Deserialize;
use ureq::Agent;

use crate::{
    connection::http::{self, Response},
    error::{Error, Result},
    options::{access_token::Credentials, read::ReadOptions},
    output::escape::escape,
};

#[derive(Clone)]
pub(crate) enum TokenSource {
    Fixed(String),
    ClientCredentials {
        client: Agent,
        endpoint: String,
        client_id: String,
        client_secret: String,
        audience: String,
        /// The option that determines the endpoint, for error messages.
        endpoint_option: &'static str,
    },
}

/// A success response of the token endpoint (RFC 6749, section 5.1).
#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
}

/// An error response of the token endpoint (RFC 6749, section 5.2).
#[derive(Deserialize)]
struct TokenErrorResponse {
    error: String,
    #[serde(default)]
    error_description: String,
}

impl TokenSource {
    /// Creates the source for the credentials in the options.
    pub(crate) fn new(options: &ReadOptions) -> Result<Self> {
        let access_token = &options.access_token;
        let issuer = access_token.issuer(&options.worker.tenant());
        Ok(match access_token.credentials()? {
            Credentials::Token(token) => Self::Fixed(token),
            Credentials::Client { id, secret } => Self::ClientCredentials {
                client: http::client(),
                endpoint: format!("{issuer}oauth/token"),
                client_id: id,
                client_secret: secret,
                audience: access_token.audience()?.to_owned(),
                endpoint_option: "--issuer",
            },
        })
    }

    /// Returns true if the source can issue a token that expires later than the previous one.
    pub(crate) fn can_refresh(&self) -> bool {
        matches!(self, Self::ClientCredentials { .. })
    }

    /// Returns the fixed token, or requests a new token from the issuer.
    ///
    /// The error is temporary unless the issuer rejects the request.
    pub(crate) fn fetch_token(&self) -> Result<String> {
        let (client, endpoint, endpoint_option, form) = match self {
            Self::Fixed(token) => return Ok(token.clone()),
            Self::ClientCredentials {
                client,
                endpoint,
                client_id,
                client_secret,
                audience,
                endpoint_option,
            } => (
                client,
                endpoint,
                endpoint_option,
                [
                    ("grant_type", "client_credentials"),
                    ("client_id", client_id),
                    ("client_secret", client_secret),
                    ("audience", audience),
                ],
            ),
        };
        let response = Response::read(endpoint, client.post(endpoint).send_form(form))
            .map_err(|error| error.with_advice(&format!("check {endpoint_option}")))?;
        match response.status {
            200 => {}
            408 | 429 | 500.. => {
                return Err(Error::Temporary(error_message(
                    endpoint,
                    endpoint_option,
                    &response,
                )));
            }
            _ => {
                return Err(Error::Failed(error_message(
                    endpoint,
                    endpoint_option,
                    &response,
                )));
            }
        }
        let body: TokenResponse = serde_json::from_str(&response.body)
            .map_err(|_| format!("{endpoint} returned no access_token: check {endpoint_option}"))?;
        Ok(body.access_token)
    }
}

/// Returns the given access token, or requests one from the issuer.
pub(crate) fn fetch_token(options: &ReadOptions) -> Result<String> {
    TokenSource::new(options)?.fetch_token()
}

fn error_message(endpoint: &str, endpoint_option: &str, response: &Response) -> String {
    let status = response.status;
    match serde_json::from_str::<TokenErrorResponse>(&response.body) {
        Ok(TokenErrorResponse {
            error,
            error_description,
        }) => format!(
            "{endpoint} returned {status} {}: {} (check the client id and secret, and that the application is authorized for the API)",
            escape(&error),
            escape(&error_description)
        ),
        Err(_) => format!("{endpoint} returned {status}: check {endpoint_option}"),
    }
}
