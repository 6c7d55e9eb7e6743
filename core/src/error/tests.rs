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
fn whoever_is_told_503_or_429_and_nobody_else_is_told_when_to_come_back() {
    let misconfigured = Misconfigured {
        variable: "SHARDS",
        problem: "is odd".into(),
    };
    for fault in [
        Fault::NotFound,
        Fault::MethodNotAllowed { allow: "GET" },
        Fault::UpgradeRequired,
        Fault::InvalidRequest(""),
        Fault::PayloadTooLarge(""),
        Fault::TooManyRecords,
        Fault::InvalidPublishToken { presented: true },
        Fault::InvalidToken(TokenFault::Expired),
        Fault::InsufficientScope { needed: "" },
        Fault::TemporarilyUnavailable,
        Fault::StorageUnavailable(incident()),
        Fault::TooManySockets(SocketLimit::Tenant),
        Fault::TooManySockets(SocketLimit::Unauthenticated),
        Fault::TooManySockets(SocketLimit::Subject),
        Fault::TooManyRequests,
        Fault::NotConfigured,
        Fault::Misconfigured(misconfigured),
        Fault::Internal(incident()),
        Fault::InvalidMessage,
        Fault::TooManyInvalidMessages,
        Fault::TooManyMessages,
        Fault::TooSlow,
        Fault::Reconnect,
        Fault::MessageTooBig,
        Fault::AuthenticationTimeout,
        Fault::TokenExpired,
    ] {
        let passes = matches!(fault.status(), 503 | 429);
        assert_eq!(fault.retry_after().is_some(), passes, "{fault:?}");
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
