use super::*;

const TOKEN_FAULTS: [TokenError; 14] = [
    TokenError::Missing,
    TokenError::TooLong,
    TokenError::Malformed,
    TokenError::Algorithm,
    TokenError::Header,
    TokenError::Type,
    TokenError::UnknownKey,
    TokenError::AmbiguousKey,
    TokenError::Signature,
    TokenError::Issuer,
    TokenError::Audience,
    TokenError::Subject,
    TokenError::Expired,
    TokenError::NotYetValid,
];

#[test]
fn who_sent_no_credentials_is_challenged_without_an_error() {
    let plain = Some("Bearer realm=\"session-events\"");
    let token = ApiError::from(TokenError::Missing);
    let publish = ApiError::InvalidPublishToken { presented: false };
    assert_eq!(token.challenge().as_deref(), plain);
    assert_eq!(publish.challenge().as_deref(), plain);
}

#[test]
fn every_bad_token_is_challenged_as_a_401_with_a_description_fit_for_a_header() {
    for fault in TOKEN_FAULTS.map(ApiError::from) {
        assert_eq!(fault.status(), 401);
        assert_eq!(fault.close_code(), 4401);
        let challenge = fault.challenge().unwrap_or_default();
        assert!(challenge.is_ascii(), "{challenge}");
        assert!(!challenge.contains('\\'));
        if fault != ApiError::from(TokenError::Missing) {
            assert!(challenge.contains("error=\"invalid_token\""));
            assert_eq!(challenge.matches('"').count(), 6, "{challenge}");
        }
    }
}

#[test]
fn a_missing_right_is_challenged_with_the_scope_that_is_needed() {
    let fault = ApiError::InsufficientScope {
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
    let misconfigured = ConfigError {
        variable: "SHARDS",
        problem: "is odd".into(),
    };
    for fault in [
        ApiError::NotFound,
        ApiError::MethodNotAllowed { allow: "GET" },
        ApiError::UpgradeRequired,
        ApiError::InvalidRequest(""),
        ApiError::PayloadTooLarge(""),
        ApiError::TooManyRecords,
        ApiError::InvalidPublishToken { presented: true },
        ApiError::InvalidToken(TokenError::Expired),
        ApiError::InsufficientScope { needed: "" },
        ApiError::TemporarilyUnavailable,
        ApiError::StorageUnavailable(incident()),
        ApiError::TooManySockets(SocketLimit::Tenant),
        ApiError::TooManySockets(SocketLimit::Unauthenticated),
        ApiError::TooManySockets(SocketLimit::Subject),
        ApiError::TooManyRequests,
        ApiError::NotConfigured,
        ApiError::Misconfigured(misconfigured),
        ApiError::Internal(incident()),
        ApiError::InvalidMessage,
        ApiError::TooManyInvalidMessages,
        ApiError::TooManyMessages,
        ApiError::TooSlow,
        ApiError::Reconnect,
        ApiError::MessageTooBig,
        ApiError::AuthenticationTimeout,
        ApiError::TokenExpired,
    ] {
        let passes = matches!(fault.status(), 503 | 429);
        assert_eq!(fault.retry_after().is_some(), passes, "{fault:?}");
    }
}

#[test]
fn what_happened_inside_is_for_the_log_alone() {
    for fault in [
        ApiError::Internal(incident()),
        ApiError::StorageUnavailable(incident()),
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
