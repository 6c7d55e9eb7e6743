//! Sources of access tokens: a fixed token, or the client-credentials grant of a
//! machine-to-machine application (RFC 6749, section 4.4).
//!
//! Tokens stay in memory. No message contains a token or a secret.

use serde::Deserialize;
use ureq::Agent;

use crate::{
    connection::{
        http::{self, Response},
        retries::Retries,
    },
    error::{Error, Result},
    options::{credentials::Credentials, read::ReadOptions},
    output::{escape::escape, print_note},
};

/// The advice for an error response that another request would not change.
const REJECTION_ADVICE: &str =
    " (check the client id and secret, and that the application is authorized for the API)";

#[derive(Clone)]
pub(crate) enum TokenSource {
    Fixed(String),
    ClientCredentials(ClientCredentials),
}

/// A machine-to-machine application, and the API that its tokens are for.
#[derive(Clone)]
pub(crate) struct ClientCredentials {
    pub(crate) client: Agent,
    pub(crate) endpoint: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) audience: String,
    /// The option that determines the endpoint, for error messages.
    pub(crate) endpoint_option: &'static str,
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
            Credentials::Client { id, secret } => Self::ClientCredentials(ClientCredentials {
                client: http::client(),
                endpoint: format!("{issuer}oauth/token"),
                client_id: id,
                client_secret: secret,
                audience: access_token.audience()?.to_owned(),
                endpoint_option: "--issuer",
            }),
        })
    }

    /// Returns true if the source can issue a token that expires later than the previous one.
    pub(crate) fn can_refresh(&self) -> bool {
        matches!(self, Self::ClientCredentials(_))
    }

    /// Returns the fixed token, or requests a new token from the issuer.
    ///
    /// The error is temporary unless the issuer rejects the request.
    pub(crate) fn fetch_token(&self) -> Result<String> {
        match self {
            Self::Fixed(token) => Ok(token.clone()),
            Self::ClientCredentials(application) => {
                application.read_token(&application.request_token()?)
            }
        }
    }
}

impl ClientCredentials {
    /// Requests a token from the issuer. Waits and requests it again while the issuer limits the
    /// rate of requests or is unavailable.
    pub(crate) fn fetch_token_with_retries(&self) -> Result<String> {
        let mut retries = Retries::default();
        loop {
            let response = self.request_token()?;
            let token = self.read_token(&response);
            match token {
                Err(error) if error.is_temporary() => {
                    if !retries.wait(&error, response.retry_delay, print_note) {
                        return Err(error);
                    }
                }
                token => return token,
            }
        }
    }

    /// Sends a request to the token endpoint. A transport failure is a temporary error.
    fn request_token(&self) -> Result<Response> {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.client_id),
            ("client_secret", &self.client_secret),
            ("audience", &self.audience),
        ];
        let sent = self.client.post(&self.endpoint).send_form(form);
        Response::read(&self.endpoint, sent)
            .map_err(|error| error.with_advice(&format!("check {}", self.endpoint_option)))
    }

    /// Returns the token in a response. The error is temporary if the same request may succeed later.
    fn read_token(&self, response: &Response) -> Result<String> {
        if response.status != 200 {
            return Err(self.error(response));
        }
        let body: TokenResponse = serde_json::from_str(&response.body).map_err(|_| {
            format!(
                "{} returned no access_token: check {}",
                self.endpoint, self.endpoint_option
            )
        })?;
        Ok(body.access_token)
    }

    /// Returns the error for a response without a token.
    fn error(&self, response: &Response) -> Error {
        let status = response.status;
        let is_temporary = http::is_temporary(status);
        let message = format!("{} returned {status}", self.endpoint);
        let message = match serde_json::from_str::<TokenErrorResponse>(&response.body) {
            Err(_) => format!("{message}: check {}", self.endpoint_option),
            Ok(TokenErrorResponse {
                error,
                error_description,
            }) => {
                let description = escape(&format!("{error}: {error_description}"));
                let advice = if is_temporary { "" } else { REJECTION_ADVICE };
                format!("{message} {description}{advice}")
            }
        };
        if is_temporary {
            Error::Temporary(message)
        } else {
            Error::Failed(message)
        }
    }
}

/// Returns the given access token, or requests one from the issuer.
pub(crate) fn obtain_token(options: &ReadOptions) -> Result<String> {
    TokenSource::new(options)?.fetch_token()
}
