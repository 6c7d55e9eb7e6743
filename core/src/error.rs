//! Every error that a client can receive.
//!
//! One variant per error. This module is the only place where an error becomes an HTTP status, an
//! error code, a close code and a description. No description contains internal details: they are
//! logged, and the client receives only the general description of [`ApiError::Internal`] or
//! [`ApiError::StorageUnavailable`].

use std::{borrow::Cow, fmt};

use crate::tokens::access_token::LISTEN_TO_ALL;

mod logout_token_error;
mod token_error;

pub use logout_token_error::LogoutTokenError;
pub use token_error::TokenError;

/// A configuration variable that is invalid or missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The name of the variable.
    pub variable: Cow<'static, str>,
    /// The message that follows the variable's name, for example: is empty.
    pub problem: String,
}

impl ConfigError {
    /// Returns the error of a variable. `problem` follows the variable's name and has no full stop
    /// at the end.
    pub fn new(variable: impl Into<Cow<'static, str>>, problem: impl Into<String>) -> Self {
        Self {
            variable: variable.into(),
            problem: problem.into(),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The variable {} {}.", self.variable, self.problem)
    }
}

/// An internal failure. It is logged and never sent to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// The operation that failed.
    pub step: &'static str,
    /// The message of the underlying error.
    pub cause: String,
}

/// A limit on the number of open sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketLimit {
    /// All sockets of the tenant.
    Tenant,
    /// The tenant's sockets that have not authenticated.
    Unauthenticated,
    /// The sockets of one client address that have not authenticated.
    Address,
    /// The sockets of one subject.
    Subject,
}

/// A limit on the rate of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestLimit {
    /// The requests of one client address.
    Address,
    /// The new sockets of one subject, and its requests without permission.
    Subject,
    /// The renewals of one socket, and of all sockets of its subject.
    Renewals,
}

/// The reason why a request is rejected or a socket is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    /// The route does not exist, or the tenant is not served.
    NotFound,
    /// The route exists, but does not support the method.
    MethodNotAllowed {
        /// The value of the `Allow` header.
        allow: &'static str,
    },
    /// A request to `subscribe` without `Upgrade: websocket`.
    UpgradeRequired,
    /// The request is malformed or contradicts itself.
    InvalidRequest(&'static str),
    /// The body exceeds the limit. The description says what to do.
    PayloadTooLarge(&'static str),
    /// The body contains too many log records.
    TooManyRecords,
    /// The publish token is missing or wrong.
    InvalidPublishToken {
        /// Whether the request had an `Authorization` header.
        presented: bool,
    },
    /// The access token is missing or invalid.
    InvalidToken(TokenError),
    /// The logout token is invalid.
    InvalidLogoutToken(LogoutTokenError),
    /// The access token is valid but lacks a permission.
    InsufficientScope {
        /// The permissions of which one is required, separated by spaces.
        needed: &'static str,
    },
    /// The access token has the permission for all users, but also the one that restricts it to the
    /// subject's own events.
    RestrictedToOwnEvents,
    /// The issuer's keys cannot be fetched at present.
    KeysUnavailable,
    /// A shard takes too long to verify a token and to catch up with the leader.
    AdmissionTimeout,
    /// A tenant object does not understand a request, because a deployment is in progress and the
    /// Worker that sent it has another version.
    VersionMismatch,
    /// The tenant's storage does not respond.
    StorageUnavailable(Incident),
    /// The tenant has the maximum number of user-wide revocations.
    StorageFull,
    /// A limit on the number of open sockets is reached.
    TooManySockets(SocketLimit),
    /// A limit on requests is exceeded.
    TooManyRequests(RequestLimit),
    /// The secret that publish tokens are derived from is not set.
    NoPublishSecret,
    /// A configuration variable is invalid or missing.
    Misconfigured(ConfigError),
    /// An unexpected failure. The log has the details.
    Internal(Incident),
    /// A socket message is malformed.
    InvalidMessage,
    /// A socket has sent too many malformed messages.
    TooManyInvalidMessages,
    /// A socket or its subject sends too many messages.
    TooManyMessages,
    /// A slow consumer: the socket's messages are not read.
    TooSlow,
    /// The socket receives no more events: its shard was removed (`SHARDS` was lowered), its shard
    /// cannot catch up, or the socket has missed events.
    Reconnect,
    /// A socket message exceeds the size limit.
    MessageTooBig,
    /// The socket has not authenticated before its deadline.
    AuthenticationTimeout,
    /// The access token of the socket has expired.
    TokenExpired,
}

/// The protection space in `WWW-Authenticate` (RFC 6750, section 3).
const REALM: &str = "session-events";

/// The representation of an error on the wire, apart from its description.
struct WireError {
    code: &'static str,
    status: u16,
    close_code: u16,
    /// Seconds for `Retry-After`.
    retry_after: Option<u32>,
}

impl WireError {
    /// An error without `Retry-After`.
    const fn without_retry(code: &'static str, status: u16, close_code: u16) -> Self {
        Self {
            code,
            status,
            close_code,
            retry_after: None,
        }
    }

    /// An error with `Retry-After`: the client may repeat the request after `retry_after` seconds.
    const fn with_retry(
        code: &'static str,
        status: u16,
        close_code: u16,
        retry_after: u32,
    ) -> Self {
        Self {
            code,
            status,
            close_code,
            retry_after: Some(retry_after),
        }
    }
}

impl ApiError {
    /// Returns an internal error.
    pub fn internal(step: &'static str, cause: impl fmt::Display) -> Self {
        Self::Internal(Incident {
            step,
            cause: cause.to_string(),
        })
    }

    /// Returns the text for the log: the description, or the details of an internal failure.
    pub fn log_detail(&self) -> Cow<'static, str> {
        match self {
            Self::Internal(Incident { step, cause })
            | Self::StorageUnavailable(Incident { step, cause }) => {
                format!("{step}: {cause}").into()
            }
            _ => self.description(),
        }
    }

    /// Returns whether the credentials are missing or invalid.
    pub fn is_failed_authentication(&self) -> bool {
        matches!(
            self,
            Self::InvalidToken(_) | Self::InvalidLogoutToken(_) | Self::InvalidPublishToken { .. }
        )
    }

    /// Returns the error code, which is also the reason with which a socket is closed.
    pub fn code(&self) -> &'static str {
        self.wire().code
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> u16 {
        self.wire().status
    }

    /// Returns the close code. Clients decide by it whether to reconnect (docs/protocol.md, "Close
    /// codes").
    pub fn close_code(&self) -> u16 {
        self.wire().close_code
    }

    /// Returns the seconds for `Retry-After`, if the response has this header.
    pub fn retry_after(&self) -> Option<u32> {
        self.wire().retry_after
    }

    fn wire(&self) -> WireError {
        match self {
            Self::NotFound => WireError::without_retry("not_found", 404, 1011),
            Self::MethodNotAllowed { .. } => {
                WireError::without_retry("method_not_allowed", 405, 1011)
            }
            Self::UpgradeRequired => WireError::without_retry("upgrade_required", 426, 1011),
            Self::InvalidRequest(_) | Self::InvalidLogoutToken(_) => {
                WireError::without_retry("invalid_request", 400, 4400)
            }
            Self::PayloadTooLarge(_) | Self::TooManyRecords => {
                WireError::without_retry("payload_too_large", 413, 1009)
            }
            Self::InvalidPublishToken { .. } | Self::InvalidToken(_) => {
                WireError::without_retry("invalid_token", 401, 4401)
            }
            Self::InsufficientScope { .. } | Self::RestrictedToOwnEvents => {
                WireError::without_retry("insufficient_scope", 403, 4403)
            }
            Self::KeysUnavailable | Self::AdmissionTimeout | Self::VersionMismatch => {
                WireError::with_retry("temporarily_unavailable", 503, 1013, 5)
            }
            Self::StorageUnavailable(_) => {
                WireError::with_retry("storage_unavailable", 503, 1013, 5)
            }
            Self::StorageFull => WireError::with_retry("storage_full", 503, 1013, 60),
            Self::TooManySockets(SocketLimit::Unauthenticated | SocketLimit::Address) => {
                WireError::with_retry("too_many_sockets", 503, 1013, 10)
            }
            Self::TooManySockets(_) => WireError::with_retry("too_many_sockets", 503, 1013, 60),
            Self::TooManyRequests(RequestLimit::Address | RequestLimit::Subject) => {
                WireError::with_retry("too_many_requests", 429, 1013, 60)
            }
            Self::TooManyRequests(RequestLimit::Renewals) => {
                WireError::with_retry("too_many_requests", 429, 1013, 10)
            }
            Self::NoPublishSecret => WireError::with_retry("not_configured", 503, 1011, 60),
            Self::Misconfigured(_) => WireError::without_retry("misconfigured", 500, 1011),
            Self::Internal(_) => WireError::without_retry("internal_error", 500, 1011),
            Self::InvalidMessage => WireError::without_retry("invalid_message", 400, 4400),
            Self::TooManyInvalidMessages => {
                WireError::without_retry("too_many_invalid_messages", 400, 4400)
            }
            Self::TooManyMessages => WireError::with_retry("too_many_messages", 429, 1013, 1),
            Self::TooSlow => WireError::with_retry("too_slow", 503, 1013, 5),
            Self::Reconnect => WireError::with_retry("reconnect", 503, 1013, 1),
            Self::MessageTooBig => WireError::without_retry("message_too_big", 413, 1009),
            Self::AuthenticationTimeout => {
                WireError::without_retry("authentication_timeout", 401, 4408)
            }
            Self::TokenExpired => WireError::without_retry("token_expired", 401, 4419),
        }
    }

    /// Returns the error description: the problem, and then the remedy.
    pub fn description(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::NotFound => {
                "This path does not exist. Paths begin with a tenant that this deployment serves, for example /acme@us/api/subscribe."
            }
            Self::MethodNotAllowed { allow } => {
                return format!("This path supports only {allow}.").into();
            }
            Self::UpgradeRequired => "This path requires a WebSocket. Use a WebSocket client.",
            Self::InvalidRequest(problem) | Self::PayloadTooLarge(problem) => problem,
            Self::TooManyRecords => {
                "The body contains more than 50,000 log records. Publish smaller batches."
            }
            Self::InvalidPublishToken { presented: false } => {
                "The publish token is missing. Set it as the log stream's Authorization Token."
            }
            Self::InvalidPublishToken { presented: true } => {
                "The publish token is not valid for this tenant. Print the right one with `npm run token -- TENANT`."
            }
            Self::InvalidToken(error) => error.description(),
            Self::InvalidLogoutToken(error) => error.description(),
            Self::InsufficientScope { needed } => {
                return match needed.split_once(' ') {
                    None => format!("The access token lacks the permission {needed}."),
                    Some((one, other)) => {
                        format!("The access token has neither of the permissions {one} and {other}. Grant one of them.")
                    }
                }
                .into();
            }
            Self::RestrictedToOwnEvents => {
                "The permission listen:events:self restricts the access token to its own events. Use a token with listen:events and without listen:events:self."
            }
            Self::KeysUnavailable => {
                "The issuer's keys cannot be fetched at present. Try again in a few seconds."
            }
            Self::AdmissionTimeout => {
                "The service did not respond in time. Try again in a few seconds."
            }
            Self::VersionMismatch => "A new version is being deployed. Try again in a few seconds.",
            Self::StorageUnavailable(_) => {
                "The tenant's storage does not respond. The failure has been logged. Try again in a few seconds."
            }
            Self::StorageFull => {
                "The tenant has the maximum number of revoked users. Lower REVOCATION_DAYS, or wait until older revocations expire."
            }
            Self::TooManySockets(SocketLimit::Tenant) => {
                "The tenant has reached its limit of open sockets. Try again later."
            }
            Self::TooManySockets(SocketLimit::Unauthenticated) => {
                "Too many sockets have not authenticated yet. Try again in a few seconds, or send the token with the upgrade request."
            }
            Self::TooManySockets(SocketLimit::Address) => {
                "Too many sockets of this address have not authenticated yet. Try again in a few seconds, or send the token with the upgrade request."
            }
            Self::TooManySockets(SocketLimit::Subject) => {
                "This subject has reached its limit of open sockets. Close some of them, or try again later."
            }
            Self::TooManyRequests(RequestLimit::Address) => {
                "This address has sent too many requests of this kind. Try again in a minute."
            }
            Self::TooManyRequests(RequestLimit::Subject) => {
                "This subject has opened more than 200 sockets in a minute, or sent more than 200 requests without permission. Try again in a minute."
            }
            Self::TooManyRequests(RequestLimit::Renewals) => {
                "The token was not renewed, because this socket or its subject renews too often. Wait 10 seconds between renewals."
            }
            Self::NoPublishSecret => {
                "Publishing is not configured. Generate a secret with `openssl rand -hex 32` and set it with `npx wrangler secret put PUBLISH_SECRET --env production`."
            }
            Self::Misconfigured(error) => return error.to_string().into(),
            Self::Internal(_) => {
                "An internal error occurred. It has been logged. Try again in a few seconds."
            }
            Self::InvalidMessage => {
                "The message is invalid. Send JSON text of type authenticate (with an access_token) or ping."
            }
            Self::TooManyInvalidMessages => "The socket has sent too many invalid messages.",
            Self::TooManyMessages => {
                "The socket has sent too many messages. Send at most 10 before authentication. After it, send at most 10 a second, and 100 a second from all sockets of the subject. Renew the token at most once in 10 seconds."
            }
            Self::TooSlow => {
                "The socket has not read its events for too long. Reconnect with last_event_id."
            }
            Self::Reconnect => "This socket receives no more events. Reconnect with last_event_id.",
            Self::MessageTooBig => "The message is longer than 16 KiB.",
            Self::AuthenticationTimeout => "The socket has not authenticated within 10 seconds.",
            Self::TokenExpired => "The access token has expired. Reconnect with a new one.",
        })
    }

    /// Returns the value of `WWW-Authenticate` if the status requires one (RFC 6750, section 3). A
    /// request without credentials receives no error code (section 3.1).
    pub fn challenge(&self) -> Option<String> {
        match self {
            Self::InvalidToken(TokenError::Missing)
            | Self::InvalidPublishToken { presented: false } => Some(bearer_challenge()),
            // The first challenge has the scheme of the request (RFC 9449, section 7.1). Its empty
            // `algs` says that no proof is accepted. The second names the accepted scheme.
            Self::InvalidToken(TokenError::DpopScheme) => Some(format!(
                "{}, algs=\"\", {}",
                self.full_challenge("DPoP"),
                bearer_challenge()
            )),
            Self::InvalidToken(_) | Self::InvalidPublishToken { .. } => {
                Some(self.full_challenge("Bearer"))
            }
            Self::RestrictedToOwnEvents => Some(format!(
                "{}, scope=\"{LISTEN_TO_ALL}\"",
                self.full_challenge("Bearer")
            )),
            Self::InsufficientScope { needed } => Some(format!(
                "{}, scope=\"{needed}\"",
                self.full_challenge("Bearer")
            )),
            _ => None,
        }
    }

    fn full_challenge(&self, scheme: &str) -> String {
        let code = self.code();
        // Header values are ASCII. No description contains a quotation mark or a backslash.
        let description = self.description().replace('…', "...");
        format!("{scheme} realm=\"{REALM}\", error=\"{code}\", error_description=\"{description}\"")
    }
}

/// Returns the challenge without an error code.
fn bearer_challenge() -> String {
    format!("Bearer realm=\"{REALM}\"")
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        Self::InvalidToken(error)
    }
}

impl From<LogoutTokenError> for ApiError {
    fn from(error: LogoutTokenError) -> Self {
        Self::InvalidLogoutToken(error)
    }
}

impl From<ConfigError> for ApiError {
    fn from(error: ConfigError) -> Self {
        Self::Misconfigured(error)
    }
}

#[cfg(test)]
mod tests;
