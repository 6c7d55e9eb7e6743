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
        match self {
            Self::NotFound => "not_found",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::UpgradeRequired => "upgrade_required",
            Self::InvalidRequest(_) => "invalid_request",
            Self::PayloadTooLarge(_) | Self::TooManyRecords => "payload_too_large",
            Self::InvalidPublishToken { .. } | Self::InvalidToken(_) => "invalid_token",
            Self::InsufficientScope { .. } => "insufficient_scope",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::StorageUnavailable(_) => "storage_unavailable",
            Self::TooManySockets(_) => "too_many_sockets",
            Self::TooManyRequests => "too_many_requests",
            Self::NotConfigured => "not_configured",
            Self::Misconfigured(_) => "misconfigured",
            Self::Internal(_) => "internal_error",
            Self::InvalidMessage => "invalid_message",
            Self::TooManyInvalidMessages => "too_many_invalid_messages",
            Self::TooManyMessages => "too_many_messages",
            Self::TooSlow => "too_slow",
            Self::Reconnect => "reconnect",
            Self::MessageTooBig => "message_too_big",
            Self::AuthenticationTimeout => "authentication_timeout",
            Self::TokenExpired => "token_expired",
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::InvalidRequest(_) | Self::InvalidMessage | Self::TooManyInvalidMessages => 400,
            Self::InvalidPublishToken { .. }
            | Self::InvalidToken(_)
            | Self::AuthenticationTimeout
            | Self::TokenExpired => 401,
            Self::InsufficientScope { .. } => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed { .. } => 405,
            Self::PayloadTooLarge(_) | Self::TooManyRecords | Self::MessageTooBig => 413,
            Self::UpgradeRequired => 426,
            Self::TooManyRequests | Self::TooManyMessages => 429,
            Self::Misconfigured(_) | Self::Internal(_) => 500,
            Self::TemporarilyUnavailable
            | Self::StorageUnavailable(_)
            | Self::TooManySockets(_)
            | Self::TooSlow
            | Self::Reconnect
            | Self::NotConfigured => 503,
        }
    }

    /// The code with which a socket is closed. It tells the client whether to come back: 44xx as
    /// the protocol documents each, 1013 after a pause, 1009 and 1011 as RFC 6455 has them.
    pub fn close_code(&self) -> u16 {
        match self {
            Self::InvalidMessage | Self::TooManyInvalidMessages | Self::InvalidRequest(_) => 4400,
            Self::InvalidPublishToken { .. } | Self::InvalidToken(_) => 4401,
            Self::InsufficientScope { .. } => 4403,
            Self::AuthenticationTimeout => 4408,
            Self::TokenExpired => 4419,
            Self::MessageTooBig | Self::PayloadTooLarge(_) | Self::TooManyRecords => 1009,
            Self::TemporarilyUnavailable
            | Self::StorageUnavailable(_)
            | Self::TooManySockets(_)
            | Self::TooManyRequests
            | Self::TooManyMessages
            | Self::TooSlow
            | Self::Reconnect => 1013,
            Self::NotFound
            | Self::MethodNotAllowed { .. }
            | Self::UpgradeRequired
            | Self::NotConfigured
            | Self::Misconfigured(_)
            | Self::Internal(_) => 1011,
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

    /// The seconds of `Retry-After`, where coming back helps.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::TemporarilyUnavailable | Self::StorageUnavailable(_) => Some(5),
            Self::TooManySockets(SocketLimit::Unauthenticated) => Some(10),
            Self::TooManySockets(_) | Self::TooManyRequests | Self::NotConfigured => Some(60),
            Self::TooSlow => Some(5),
            Self::Reconnect => Some(1),
            _ => None,
        }
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
mod tests {
    use super::*;

    const TOKEN_FAULTS: [TokenFault; 14] = [
        TokenFault::Missing,
        TokenFault::TooLong,
        TokenFault::Malformed,
        TokenFault::Algorithm,
        TokenFault::Header,
        TokenFault::Type,
        TokenFault::UnknownKey,
        TokenFault::AmbiguousKey,
        TokenFault::Signature,
        TokenFault::Issuer,
        TokenFault::Audience,
        TokenFault::Subject,
        TokenFault::Expired,
        TokenFault::NotYetValid,
    ];

    #[test]
    fn who_sent_no_credentials_is_challenged_without_an_error() {
        let plain = Some("Bearer realm=\"session-events\"");
        let token = Fault::from(TokenFault::Missing);
        let publish = Fault::InvalidPublishToken { presented: false };
        assert_eq!(token.challenge().as_deref(), plain);
        assert_eq!(publish.challenge().as_deref(), plain);
    }

    #[test]
    fn every_bad_token_is_challenged_as_a_401_with_a_description_fit_for_a_header() {
        for fault in TOKEN_FAULTS.map(Fault::from) {
            assert_eq!(fault.status(), 401);
            assert_eq!(fault.close_code(), 4401);
            let challenge = fault.challenge().unwrap_or_default();
            assert!(challenge.is_ascii(), "{challenge}");
            assert!(!challenge.contains('\\'));
            if fault != Fault::from(TokenFault::Missing) {
                assert!(challenge.contains("error=\"invalid_token\""));
                assert_eq!(challenge.matches('"').count(), 6, "{challenge}");
            }
        }
    }

    #[test]
    fn a_missing_right_is_challenged_with_the_scope_that_is_needed() {
        let fault = Fault::InsufficientScope {
            needed: "listen:events",
        };
        assert_eq!(
            fault.challenge().as_deref(),
            Some(
                "Bearer realm=\"session-events\", error=\"insufficient_scope\", error_description=\"The access token lacks the permission listen:events.\", scope=\"listen:events\""
            )
        );
    }

    fn incident() -> Incident {
        Incident {
            step: "publish",
            cause: "SQLITE_FULL".into(),
        }
    }

    #[test]
    fn whoever_is_told_503_or_429_is_told_when_to_come_back() {
        for (fault, status) in [
            (Fault::TemporarilyUnavailable, 503),
            (Fault::StorageUnavailable(incident()), 503),
            (Fault::TooManySockets(SocketLimit::Tenant), 503),
            (Fault::TooManySockets(SocketLimit::Unauthenticated), 503),
            (Fault::TooManySockets(SocketLimit::Subject), 503),
            (Fault::NotConfigured, 503),
            (Fault::Reconnect, 503),
            (Fault::TooManyRequests, 429),
        ] {
            assert_eq!(fault.status(), status);
            assert!(fault.retry_after().is_some());
        }
    }

    #[test]
    fn what_happened_inside_is_for_the_log_alone() {
        for fault in [
            Fault::Internal(incident()),
            Fault::StorageUnavailable(incident()),
        ] {
            assert_eq!(fault.log_detail(), "publish: SQLITE_FULL");
            let told = format!(
                "{}{}{:?}",
                fault.code(),
                fault.description(),
                fault.challenge()
            );
            assert!(
                !told.contains("SQLITE") && !told.contains("publish"),
                "{told}"
            );
        }
    }
}
