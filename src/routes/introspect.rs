//! `POST /{tenant}/api/introspect`: returns whether a token is active (RFC 7662).

use session_events_core::{
    error::ApiError,
    events::revocation::UserRevocations,
    protocol::{form, object_request::ObjectRequest},
    tokens::{
        access_token::{self, IssuedToken},
        introspection,
    },
};

use super::tenant_request::TenantRequest;
use crate::{
    Result,
    runtime::{
        http::{self, Response},
        log::OrInternal,
        requests::header,
    },
};

impl TenantRequest<'_> {
    /// Verifies the token in the form and looks up whether it is revoked.
    pub(super) async fn introspect(&self) -> Result<Response> {
        self.authorize_all_users().await?;
        let too_large =
            ApiError::PayloadTooLarge("The form is longer than 32 KiB. Send only the token.");
        let body = self.body(form::MAX_FORM_BYTES, too_large).await?;
        let content_type = header(self.request, "content-type");
        let token = form::TOKEN
            .read(content_type.as_deref(), &body)
            .map_err(ApiError::InvalidRequest)?;
        let response = match self.verify_issued(&token).await {
            Ok(token) if self.is_revoked(&token).await? => introspection::inactive_response(),
            Ok(token) => introspection::active_response(&token),
            Err(ApiError::InvalidToken(_)) => introspection::inactive_response(),
            Err(error) => return Err(error),
        };
        http::json(&response).or_internal("response")
    }

    async fn verify_issued(&self, token: &str) -> Result<IssuedToken> {
        let verifier = self.verifier();
        access_token::verify_issued(token, self.tenant, &verifier).await
    }

    async fn is_revoked(&self, token: &IssuedToken) -> Result<bool> {
        let (Some(user_id), session_id) = introspection::user_and_session(token) else {
            return Ok(false);
        };
        let request = ObjectRequest::UserRevocations {
            user_id: user_id.to_owned(),
            session_id: session_id.map(str::to_owned),
        };
        let revocations: UserRevocations = self.leader.call(&request).await?;
        Ok(revocations.revokes(token.claims(), session_id))
    }
}
