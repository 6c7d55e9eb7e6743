//! A request for a tenant that is served, and the checks that several endpoints share.

use session_events_core::{
    error::{ApiError, RequestLimit, TokenError},
    metrics::Metrics,
    protocol::{object_request::ObjectRequest, request_url::RequestUrl},
    tenant::config::{Config, TenantConfig},
    tokens::{
        access_token::{self, AccessToken},
        bearer,
    },
};
use worker::Request;

use super::rate_limit::{RateLimit, address_key, subject_key};
use crate::{
    Result,
    runtime::{
        http::Response,
        key_set_cache::KeySetCache,
        metrics,
        requests::{BodyError, header, read_body},
        tenant_stub::{Payload, TenantStub},
        verifier::RuntimeVerifier,
    },
};

/// A request for a tenant.
pub(super) struct TenantRequest<'a> {
    pub(super) request: &'a Request,
    pub(super) url: &'a RequestUrl<'a>,
    pub(super) config: &'a Config,
    pub(super) tenant: &'a TenantConfig,
    /// The tenant's leader.
    pub(super) leader: TenantStub<'a>,
    /// The URL for the object: without the tenant's segment.
    pub(super) forwarded_url: String,
}

impl TenantRequest<'_> {
    /// Writes metrics of the tenant.
    pub(super) fn record(&self, record: impl FnOnce(&mut Metrics)) {
        let mut recorded = Metrics::default();
        record(&mut recorded);
        let domain = self.leader.tenant.domain();
        metrics::write(self.leader.env, domain, recorded.into_data_points());
    }

    /// Returns the verifier of access tokens.
    pub(super) fn verifier(&self) -> RuntimeVerifier<KeySetCache<'_>> {
        RuntimeVerifier(KeySetCache(self.leader))
    }

    /// Verifies an access token.
    pub(super) async fn verify(&self, token: &str) -> Result<AccessToken> {
        let verifier = self.verifier();
        access_token::verify(token, self.tenant, &verifier).await
    }

    /// Checks that the request has an access token with the permission for all users.
    pub(super) async fn authorize_all_users(&self) -> Result<()> {
        let token = self.bearer_token()?.ok_or(TokenError::Missing)?;
        let token = self.verify(&token).await?;
        match token.authorize_all_users() {
            Ok(()) => Ok(()),
            Err(error) => Err(self.forbidden(&token, error).await),
        }
    }

    /// Returns the access token of the request, unverified.
    pub(super) fn bearer_token(&self) -> Result<Option<String>> {
        let authorization = header(self.request, "authorization");
        let token = bearer::access_token(authorization.as_deref())?;
        Ok(token.map(str::to_owned))
    }

    /// Counts a request without permission. Returns the error for its client: 429 in place of 403
    /// if the subject has too many of them.
    pub(super) async fn forbidden(&self, token: &AccessToken, error: ApiError) -> ApiError {
        match self.check_subject_rate(token).await {
            Ok(()) => error,
            Err(exceeded) => exceeded,
        }
    }

    /// Counts a request of a subject, and checks that the subject may send it.
    pub(super) async fn check_subject_rate(&self, token: &AccessToken) -> Result<()> {
        let key = subject_key(self.leader.tenant, token);
        let limit = RateLimit::SubjectRequests;
        if limit.is_exceeded(self.leader.env, Some(key)).await {
            return Err(ApiError::TooManyRequests(RequestLimit::Subject));
        }
        Ok(())
    }

    /// Checks that the client's address may still reach the object without a token.
    pub(super) async fn check_anonymous_limit(&self) -> Result<()> {
        let limit = RateLimit::AnonymousRequests;
        let address = address_key(self.request);
        if limit.is_exceeded(self.leader.env, address).await {
            return Err(ApiError::TooManyRequests(RequestLimit::Address));
        }
        Ok(())
    }

    /// Returns the leader's response to a client with the permission for all users.
    pub(super) async fn read(&self, request: &ObjectRequest) -> Result<Response> {
        self.authorize_all_users().await?;
        self.fetch_from_leader(request).await
    }

    /// Returns the leader's response to a client without a token.
    pub(super) async fn read_anonymously(&self, request: &ObjectRequest) -> Result<Response> {
        self.check_anonymous_limit().await?;
        self.fetch_from_leader(request).await
    }

    /// Returns the leader's response to an authorized client.
    pub(super) async fn fetch_from_leader(&self, request: &ObjectRequest) -> Result<Response> {
        self.leader
            .fetch(&self.forwarded_url, request, Payload::None)
            .await
    }

    /// Reads the body up to a limit. `too_large` is the error for a longer body.
    pub(super) async fn body(&self, limit: usize, too_large: ApiError) -> Result<Vec<u8>> {
        read_body(self.request, limit)
            .await
            .map_err(|error| match error {
                BodyError::TooLong => too_large,
                BodyError::Failed(_) => {
                    ApiError::InvalidRequest("The body is incomplete. Send the request again.")
                }
            })
    }
}
