//! A client of the Auth0 Management API v2, for the requests of `setup-auth0`.
//!
//! A request has a limited duration and response size and follows no redirect. A request is retried
//! after 429, and a GET also after 5xx. No message contains a token.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use ureq::{
    Agent,
    http::{self, Method},
};

use crate::{
    connection::{
        http::{Response, authorization},
        retries::{MAX_ATTEMPTS, Retries},
    },
    error::{Error, Result},
    output::{escape::escape, print_note},
};

use super::{
    permissions,
    tenant_state::{Api, Grant, Stream},
};

const PAGE_SIZE: usize = 100;
const MAX_PAGES: usize = 100;

pub(super) struct ManagementApi {
    client: Agent,
    /// The URL before `/api/v2`.
    base: String,
    token: String,
    /// The claims of the token, if it is a JSON Web Token.
    claims: Option<Map<String, Value>>,
    /// Texts that no message may contain.
    secrets: Vec<String>,
}

/// A request that changes the tenant, and the permission that it needs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ChangeRequest {
    pub(super) method: Method,
    /// The path below `/api/v2`, such as `/log-streams`.
    pub(super) path: String,
    pub(super) body: Option<Value>,
    pub(super) permission: String,
}

/// The result of a change that was not refused.
pub(super) enum Outcome {
    Done,
    /// The object does not exist any more.
    NotFound(String),
    /// The object exists already.
    Conflict(String),
}

/// An error response of the Management API.
#[derive(Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    error: String,
    #[serde(default)]
    message: String,
    #[serde(default, rename = "errorCode")]
    error_code: String,
}

/// A page of client grants. `next` is the start of the next page.
#[derive(Deserialize)]
struct GrantPage {
    client_grants: Vec<Grant>,
    next: Option<String>,
}

impl ManagementApi {
    pub(super) fn new(
        client: Agent,
        base: String,
        token: String,
        claims: Option<Map<String, Value>>,
        publish_token: &str,
    ) -> Self {
        let secrets = [token.as_str(), publish_token]
            .into_iter()
            .filter(|secret| !secret.is_empty())
            .map(str::to_owned)
            .collect();
        Self {
            client,
            base,
            token,
            claims,
            secrets,
        }
    }

    /// Fails if the token states its permissions and lacks one of these.
    pub(super) fn check_permissions<'a>(
        &self,
        needed: impl IntoIterator<Item = &'a str>,
    ) -> Result {
        let missing = permissions::missing(self.claims.as_ref(), needed);
        if missing.is_empty() {
            return Ok(());
        }
        Err(permissions::missing_message(&missing).into())
    }

    /// Returns the API with this identifier, if it exists.
    pub(super) fn api(&self, audience: &str) -> Result<Option<Api>> {
        let path = format!("/resource-servers/{}", encode(audience));
        let response = self.request(&Method::GET, &path, None)?;
        if response.status == 404 {
            return Ok(None);
        }
        self.parse(&path, permissions::READ_APIS, &response)
            .map(Some)
    }

    /// Returns all client grants for this API.
    pub(super) fn grants(&self, audience: &str) -> Result<Vec<Grant>> {
        let audience_query = encode(audience);
        let first = format!("/client-grants?audience={audience_query}&take={PAGE_SIZE}");
        let mut grants = Vec::new();
        let mut path = first.clone();
        let is_for_api = |grant: &Grant| {
            let granted = grant.audience.as_deref();
            granted.is_none_or(|granted| granted == audience)
        };
        for _ in 0..MAX_PAGES {
            let page: GrantPage = self.get(&path, permissions::READ_GRANTS)?;
            grants.extend(page.client_grants.into_iter().filter(is_for_api));
            let Some(next) = page.next.filter(|next| !next.is_empty()) else {
                return Ok(grants);
            };
            let next_path = format!("{first}&from={}", encode(&next));
            if next_path == path {
                let url = self.url(&path);
                return Err(self.failure(format!(
                    "{url} names itself as the next page: run the command again"
                )));
            }
            path = next_path;
        }
        Err(format!(
            "the API {audience} has more than {} client grants: delete those that are not used",
            MAX_PAGES.saturating_mul(PAGE_SIZE)
        )
        .into())
    }

    /// Returns all log streams. This endpoint has no pages, because a tenant has few log streams.
    pub(super) fn streams(&self) -> Result<Vec<Stream>> {
        self.get("/log-streams", permissions::READ_STREAMS)
    }

    fn get<T: DeserializeOwned>(&self, path: &str, permission: &str) -> Result<T> {
        let response = self.request(&Method::GET, path, None)?;
        self.parse(path, permission, &response)
    }

    fn parse<T: DeserializeOwned>(
        &self,
        path: &str,
        permission: &str,
        response: &Response,
    ) -> Result<T> {
        if response.status != 200 {
            return Err(self.refusal(&Method::GET, path, permission, response));
        }
        serde_json::from_str(&response.body).map_err(|error| {
            let url = self.url(path);
            self.failure(format!("{url} returned an unexpected body: {error}"))
        })
    }

    /// Sends a request that changes the tenant. An error means that it was refused, or that its
    /// outcome is unknown.
    pub(super) fn send(&self, request: &ChangeRequest) -> Result<Outcome> {
        let ChangeRequest {
            method,
            path,
            body,
            permission,
        } = request;
        let response = self.request(method, path, body.as_ref())?;
        Ok(match response.status {
            200 | 201 | 202 | 204 => Outcome::Done,
            404 => Outcome::NotFound(self.describe(&response)),
            409 => Outcome::Conflict(self.describe(&response)),
            _ => return Err(self.refusal(method, path, permission, &response)),
        })
    }

    /// Sends a request. Waits and sends it again after 429, and a GET also after 5xx. A request that
    /// gets no response is not sent again.
    fn request(&self, method: &Method, path: &str, body: Option<&Value>) -> Result<Response> {
        let mut retries = Retries::default();
        loop {
            let response = self.request_once(method, path, body)?;
            let error = match response.status {
                429 => "Auth0 limits the rate of requests",
                500.. if method == Method::GET => "Auth0 is unavailable",
                _ => return Ok(response),
            };
            let error = Error::Temporary(error.to_owned());
            if !retries.wait(&error, response.retry_delay, print_note) {
                return Ok(response);
            }
        }
    }

    fn request_once(&self, method: &Method, path: &str, body: Option<&Value>) -> Result<Response> {
        let url = self.url(path);
        let authorization = authorization("management token", &format!("Bearer {}", self.token))?;
        let request = http::Request::builder()
            .method(method)
            .uri(&url)
            .header("authorization", authorization)
            .header("accept", "application/json");
        let invalid = |error: http::Error| self.failure(format!("{url} is not valid: {error}"));
        let sent = match body {
            None => self.client.run(request.body(()).map_err(invalid)?),
            Some(body) => {
                let request = request.header("content-type", "application/json");
                self.client
                    .run(request.body(body.to_string()).map_err(invalid)?)
            }
        };
        Response::read(&url, sent).map_err(|error| {
            if method == Method::GET {
                error
            } else {
                error.with_advice("it is unknown if the change was made")
            }
        })
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v2{path}", self.base)
    }

    /// The error for a request that Auth0 refused, with advice.
    fn refusal(&self, method: &Method, path: &str, permission: &str, response: &Response) -> Error {
        let description = self.describe(response);
        let message = match response.status {
            401 => format!(
                "Auth0 does not accept the management token ({description}): get a new token, and check that it is for this tenant"
            ),
            403 if error_body(response).error_code == "insufficient_scope" => {
                permissions::missing_message(&[permission])
            }
            429 => format!(
                "Auth0 still limits the rate of requests after {MAX_ATTEMPTS} attempts ({description}): wait a minute and run the command again"
            ),
            _ => format!("{method} {} failed: {description}", self.url(path)),
        };
        self.failure(message)
    }

    /// Describes a response with the message of Auth0, if it contains one.
    fn describe(&self, response: &Response) -> String {
        let status = response.status;
        let body = error_body(response);
        let text = match (body.error.as_str(), body.message.as_str()) {
            ("", "") => format!(
                "{status} without an error message from Auth0; check the tenant, --domain and --management-url"
            ),
            (error, message) => format!("{status} {error}: {message}"),
        };
        escape(&self.redact(text))
    }

    fn failure(&self, message: String) -> Error {
        Error::Failed(self.redact(message))
    }

    /// Removes the tokens from a text. Auth0's messages may quote the request.
    fn redact(&self, text: String) -> String {
        self.secrets
            .iter()
            .fold(text, |text, secret| text.replace(secret, "[hidden]"))
    }
}

fn error_body(response: &Response) -> ErrorBody {
    serde_json::from_str(&response.body).unwrap_or_default()
}

/// Encodes a text as one segment of a path, or as a value of a query.
pub(super) fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_becomes_one_segment_of_a_path() {
        assert_eq!(
            encode("https://a.example/api?x=é z"),
            "https%3A%2F%2Fa.example%2Fapi%3Fx%3D%C3%A9%20z"
        );
    }
}
