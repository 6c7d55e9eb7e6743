//! Every fault that a client can be told of.
//!
//! One variant a fault, and one place, this module, where a fault becomes a status, an error
//! code, a close code and a sentence that names the mend. Nothing internal is in any of them:
//! what went wrong inside is logged by whoever saw it, and shown as [`Fault::Internal`].

use std::{borrow::Cow, fmt};

mod token_fault;

pub use token_fault::TokenFault;

/// What the operator has to set right before anything can be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misconfigured {
    /// The variable's name.
    pub variable: &'static str,
    /// What is wrong with its value, as the end of a sentence that starts with the name.
    pub problem: String,
}

impl fmt::Display for Misconfigured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The variable {} {}.", self.variable, self.problem)
    }
}

/// What happened inside, for the log and for nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// The step that failed.
    pub step: &'static str,
    /// What came of it.
    pub cause: String,
}

/// Which of the bounds on open sockets was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketLimit {
    /// Of the tenant, all together.
    Tenant,
    /// Of the tenant, those that have shown no token yet.
    Unauthenticated,
    /// Of one subject.
    Subject,
}

/// A refusal, or the reason why a socket is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No such route, or no tenant that is served here.
    NotFound,
    /// The route exists, but not for this method.
    MethodNotAllowed {
        /// The value of the `Allow` header.
        allow: &'static str,
    },
    /// `subscribe` without `Upgrade: websocket`.
    UpgradeRequired,
    /// A request that contradicts itself or cannot be read.
    InvalidRequest(&'static str),
    /// A body over the limit, and what to do about it.
    PayloadTooLarge(&'static str),
    /// A body of more records than are taken at once.
    TooManyRecords,
    /// The publish token is missing or wrong.
    InvalidPublishToken {
        /// Whether an `Authorization` header was sent at all.
        presented: bool,
    },
    /// The access token is missing or not to be trusted.
    InvalidToken(TokenFault),
    /// A good token without the right that is asked for.
    InsufficientScope {
        /// The rights of which one is needed, separated by spaces.
        needed: &'static str,
    },
    /// The issuer's keys cannot be had just now.
    TemporarilyUnavailable,
    /// The tenant's storage does not answer.
    StorageUnavailable(Incident),
    /// As many sockets are open as may be.
    TooManySockets(SocketLimit),
    /// An address from which more came than a minute has room for.
    TooManyRequests,
    /// Publishing without a secret to check publish tokens with.
    NotConfigured,
    /// A variable that cannot be used.
    Misconfigured(Misconfigured),
    /// Something that should not happen; the log says what.
    Internal(Incident),
    /// A socket message that cannot be understood.
    InvalidMessage,
    /// The last straw of such messages.
    TooManyInvalidMessages,
    /// Messages that come faster than they are taken.
    TooManyMessages,
    /// Messages that are not read.
    TooSlow,
    /// A socket that is told of no more events, because its place is elsewhere or some were
    /// missed here.
    Reconnect,
    /// A socket message over the limit.
    MessageTooBig,
    /// No authentication in time.
    AuthenticationTimeout,
    /// The token's `exp` has come.
    TokenExpired,
}

/// The protection space that `WWW-Authenticate` names (RFC 6750, section 3).
const REALM: &str = "session-events";

impl Fault {
    /// A fault that is nobody's but ours.
    pub fn internal(step: &'static str, cause: impl fmt::Display) -> Self {
        Self::Internal(Incident {
            step,
            cause: cause.to_string(),
        })
    }

    /// What the log says: what the client is told, and where that is less than what is known, the
    /// rest.
    pub fn log_detail(&self) -> Cow<'static, str> {
        match self {
            Self::Internal(Incident { step, cause })
            | Self::StorageUnavailable(Incident { step, cause }) => {
                format!("{step}: {cause}").into()
            }
            _ => self.description(),
        }
    }

    /// Whether somebody has shown credentials that are not to be trusted, or none where some are
    /// needed.
    pub fn is_failed_authentication(&self) -> bool {
        matches!(
            self,
            Self::InvalidToken(_) | Self::InvalidPublishToken { .. }
        )
    }

    /// The `error` code on the wire, and the reason with which a socket is closed.
    pub fn code(&self) -> &'static str {
        self.telling().0
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.telling().1
    }

    /// The code with which a socket is closed. It tells the client whether to come back: 44xx as
    /// the protocol documents each, 1013 after a pause, 1009 and 1011 as RFC 6455 has them.
    pub fn close_code(&self) -> u16 {
        self.telling().2
    }

    /// The seconds of `Retry-After`, where coming back helps.
    pub fn retry_after(&self) -> Option<u32> {
        self.telling().3
    }

    /// How a fault is told: error code, status, close code, seconds until coming back helps.
    fn telling(&self) -> (&'static str, u16, u16, Option<u32>) {
        match self {
            Self::NotFound => ("not_found", 404, 1011, None),
            Self::MethodNotAllowed { .. } => ("method_not_allowed", 405, 1011, None),
            Self::UpgradeRequired => ("upgrade_required", 426, 1011, None),
            Self::InvalidRequest(_) => ("invalid_request", 400, 4400, None),
            Self::PayloadTooLarge(_) | Self::TooManyRecords => {
                ("payload_too_large", 413, 1009, None)
            }
            Self::InvalidPublishToken { .. } | Self::InvalidToken(_) => {
                ("invalid_token", 401, 4401, None)
            }
            Self::InsufficientScope { .. } => ("insufficient_scope", 403, 4403, None),
            Self::TemporarilyUnavailable => ("temporarily_unavailable", 503, 1013, Some(5)),
            Self::StorageUnavailable(_) => ("storage_unavailable", 503, 1013, Some(5)),
            Self::TooManySockets(SocketLimit::Unauthenticated) => {
                ("too_many_sockets", 503, 1013, Some(10))
            }
            Self::TooManySockets(_) => ("too_many_sockets", 503, 1013, Some(60)),
            Self::TooManyRequests => ("too_many_requests", 429, 1013, Some(60)),
            Self::NotConfigured => ("not_configured", 503, 1011, Some(60)),
            Self::Misconfigured(_) => ("misconfigured", 500, 1011, None),
            Self::Internal(_) => ("internal_error", 500, 1011, None),
            Self::InvalidMessage => ("invalid_message", 400, 4400, None),
            Self::TooManyInvalidMessages => ("too_many_invalid_messages", 400, 4400, None),
            Self::TooManyMessages => ("too_many_messages", 429, 1013, Some(1)),
            Self::TooSlow => ("too_slow", 503, 1013, Some(5)),
            Self::Reconnect => ("reconnect", 503, 1013, Some(1)),
            Self::MessageTooBig => ("message_too_big", 413, 1009, None),
            Self::AuthenticationTimeout => ("authentication_timeout", 401, 4408, None),
            Self::TokenExpired => ("token_expired", 401, 4419, None),
        }
    }

    /// The `error_description`: what is wrong and what to do about it.
    pub fn description(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::NotFound => {
                "There is nothing at this path. Paths start with a tenant that is served here: /acme@us/api/subscribe."
            }
            Self::MethodNotAllowed { allow } => {
                return format!("This path takes only {allow}.").into();
            }
            Self::UpgradeRequired => {
                "Subscribing takes a WebSocket: connect with a WebSocket client."
            }
            Self::InvalidRequest(problem) | Self::PayloadTooLarge(problem) => problem,
            Self::TooManyRecords => {
                "The body holds more than 50,000 records; publish in smaller batches."
            }
            Self::InvalidPublishToken { presented: false } => {
                "Publishing takes the tenant's publish token: put it in the log stream's Authorization field."
            }
            Self::InvalidPublishToken { presented: true } => {
                "The publish token is not this tenant's; print the right one with `npm run token`."
            }
            Self::InvalidToken(fault) => fault.description(),
            Self::InsufficientScope { needed } => {
                return match needed.split_once(' ') {
                    None => format!("The access token lacks the permission {needed}."),
                    Some((one, other)) => {
                        format!(
                            "The access token has neither of the permissions {one} and {other}."
                        )
                    }
                }
                .into();
            }
            Self::TemporarilyUnavailable => {
                "The issuer's keys cannot be fetched just now; try again shortly."
            }
            Self::StorageUnavailable(_) => {
                "The tenant's storage does not answer; it has been logged. Try again shortly."
            }
            Self::TooManySockets(SocketLimit::Tenant) => {
                "The tenant has as many open sockets as it may have; try again later."
            }
            Self::TooManySockets(SocketLimit::Unauthenticated) => {
                "Too many sockets have shown no token yet; try again shortly, or show the token on the upgrade."
            }
            Self::TooManySockets(SocketLimit::Subject) => {
                "This subject has as many open sockets as it may have; close some, or try again later."
            }
            Self::TooManyRequests => {
                "Too many requests of this kind have come from this address; try again in a minute."
            }
            Self::NotConfigured => {
                "Publishing is not set up: set the secret with `wrangler secret put PUBLISH_SECRET`."
            }
            Self::Misconfigured(misconfigured) => return misconfigured.to_string().into(),
            Self::Internal(_) => {
                "Something went wrong here; it has been logged. Try again shortly."
            }
            Self::InvalidMessage => {
                "The message was not understood: send JSON text of type authenticate (with an access_token) or ping."
            }
            Self::TooManyInvalidMessages => "Too many messages could not be understood.",
            Self::TooManyMessages => "Messages come too fast: at most 100 a second are taken.",
            Self::TooSlow => {
                "Events have not been read for too long; come back and go on from the last."
            }
            Self::Reconnect => {
                "This socket is told of no more events; come back and go on from the last."
            }
            Self::MessageTooBig => "The message is over 16 KiB.",
            Self::AuthenticationTimeout => "No authentication within 10 seconds.",
            Self::TokenExpired => "The access token has expired; come back with a new one.",
        })
    }

    /// The value of `WWW-Authenticate`, where the status calls for one (RFC 6750, section 3).
    /// Who sent no credentials is not told of an error (section 3.1).
    pub fn challenge(&self) -> Option<String> {
        match self {
            Self::InvalidToken(TokenFault::Missing)
            | Self::InvalidPublishToken { presented: false } => {
                Some(format!("Bearer realm=\"{REALM}\""))
            }
            Self::InvalidToken(_) | Self::InvalidPublishToken { .. } => Some(self.full_challenge()),
            Self::InsufficientScope { needed } => {
                Some(format!("{}, scope=\"{needed}\"", self.full_challenge()))
            }
            _ => None,
        }
    }

    fn full_challenge(&self) -> String {
        let code = self.code();
        // Header values are ASCII; no description holds a quotation mark or a backslash.
        let description = self.description().replace('…', "...");
        format!("Bearer realm=\"{REALM}\", error=\"{code}\", error_description=\"{description}\"")
    }
}

impl From<TokenFault> for Fault {
    fn from(fault: TokenFault) -> Self {
        Self::InvalidToken(fault)
    }
}

impl From<Misconfigured> for Fault {
    fn from(misconfigured: Misconfigured) -> Self {
        Self::Misconfigured(misconfigured)
    }
}

#[cfg(test)]
mod tests;
