use super::*;

const TOKEN_ERRORS: [TokenError; 16] = [
    TokenError::Missing,
    TokenError::DpopScheme,
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
    TokenError::LogoutToken,
];

#[test]
fn a_request_without_credentials_receives_a_challenge_without_an_error_code() {
    let expected = Some("Bearer realm=\"session-events\"");
    let token = ApiError::from(TokenError::Missing);
    let publish = ApiError::InvalidPublishToken { presented: false };
    assert_eq!(token.challenge().as_deref(), expected);
    assert_eq!(publish.challenge().as_deref(), expected);
}

#[test]
fn every_token_error_has_status_401_and_a_challenge_that_is_a_valid_header_value() {
    for error in TOKEN_ERRORS.map(ApiError::from) {
        assert_eq!(error.status(), 401);
        assert_eq!(error.close_code(), 4401);
        let challenge = error.challenge().unwrap_or_default();
        assert!(challenge.is_ascii(), "{challenge}");
        assert!(!challenge.contains('\\'));
        if error != ApiError::from(TokenError::Missing) {
            assert!(challenge.contains("error=\"invalid_token\""));
            let parameters = if error == ApiError::from(TokenError::DpopScheme) {
                5
            } else {
                3
            };
            assert_eq!(
                challenge.matches('"').count(),
                2 * parameters,
                "{challenge}"
            );
        }
    }
}

#[test]
fn a_request_with_the_scheme_dpop_receives_a_challenge_of_both_schemes() {
    assert_eq!(
        ApiError::from(TokenError::DpopScheme)
            .challenge()
            .as_deref(),
        Some(
            "DPoP realm=\"session-events\", error=\"invalid_token\", error_description=\"The authorization scheme DPoP is not supported. Send the access token as `Authorization: Bearer ...`.\", algs=\"\", Bearer realm=\"session-events\""
        )
    );
}

#[test]
fn the_challenge_for_a_missing_permission_contains_the_required_scope() {
    let error = ApiError::InsufficientScope {
        needed: "listen:events",
    };
    assert_eq!(
        error.challenge().as_deref(),
        Some(
            "Bearer realm=\"session-events\", error=\"insufficient_scope\", error_description=\"The access token lacks the permission listen:events.\", scope=\"listen:events\""
        )
    );
}

#[test]
fn the_challenge_for_a_token_restricted_to_its_own_events_names_the_required_scope() {
    let challenge = ApiError::RestrictedToOwnEvents.challenge();
    let challenge = challenge.unwrap_or_default();
    assert!(challenge.contains("error=\"insufficient_scope\""));
    assert!(
        challenge.ends_with(", scope=\"listen:events\""),
        "{challenge}"
    );
}

fn incident() -> Incident {
    Incident {
        step: "publish",
        cause: "SQLITE_FULL".into(),
    }
}

#[test]
fn errors_with_status_503_or_429_and_no_others_have_a_retry_after() {
    let misconfigured = ConfigError::new("SHARDS", "is odd");
    for error in [
        ApiError::NotFound,
        ApiError::MethodNotAllowed { allow: "GET" },
        ApiError::UpgradeRequired,
        ApiError::InvalidRequest(""),
        ApiError::PayloadTooLarge(""),
        ApiError::TooManyRecords,
        ApiError::InvalidPublishToken { presented: true },
        ApiError::InvalidToken(TokenError::Expired),
        ApiError::InsufficientScope { needed: "" },
        ApiError::RestrictedToOwnEvents,
        ApiError::InvalidLogoutToken(LogoutTokenError::Nonce),
        ApiError::KeysUnavailable,
        ApiError::AdmissionTimeout,
        ApiError::VersionMismatch,
        ApiError::StorageUnavailable(incident()),
        ApiError::StorageFull,
        ApiError::TooManySockets(SocketLimit::Tenant),
        ApiError::TooManySockets(SocketLimit::Unauthenticated),
        ApiError::TooManySockets(SocketLimit::Address),
        ApiError::TooManySockets(SocketLimit::Subject),
        ApiError::TooManyRequests(RequestLimit::Address),
        ApiError::TooManyRequests(RequestLimit::Subject),
        ApiError::TooManyRequests(RequestLimit::Renewals),
        ApiError::NoPublishSecret,
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
        let is_transient = matches!(error.status(), 503 | 429);
        assert_eq!(error.retry_after().is_some(), is_transient, "{error:?}");
    }
}

#[test]
fn the_details_of_an_incident_appear_only_in_the_log() {
    for error in [
        ApiError::Internal(incident()),
        ApiError::StorageUnavailable(incident()),
    ] {
        assert_eq!(error.log_detail(), "publish: SQLITE_FULL");
        let response = format!(
            "{}{}{:?}",
            error.code(),
            error.description(),
            error.challenge()
        );
        assert!(
            !response.contains("SQLITE") && !response.contains("publish"),
            "{response}"
        );
    }
}
