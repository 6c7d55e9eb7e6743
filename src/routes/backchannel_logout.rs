//! `POST /{tenant}/api/backchannel-logout`: receives logout tokens (OpenID Connect Back-Channel Logout
//! 1.0).

use session_events_core::{
    error::{ApiError, LogoutTokenError},
    events::event_lines::{EventLines, Source},
    protocol::{
        bodies::PublishReceipt,
        form::{LOGOUT_TOKEN, MAX_FORM_BYTES},
        object_request::ObjectRequest,
    },
    sources::backchannel_logout,
    tokens::logout_token,
};

use super::tenant_request::TenantRequest;
use crate::{
    Result,
    runtime::{
        clock,
        http::{self, Response},
        log::OrInternal,
        requests::header,
        tenant_stub::Payload,
    },
};

impl TenantRequest<'_> {
    /// Verifies a logout token and forwards its event to the leader. A token that was received before
    /// makes no event.
    pub(super) async fn backchannel_logout(&self) -> Result<Response> {
        let step = "backchannel_logout";
        let too_large = ApiError::PayloadTooLarge(
            "The form is longer than 32 KiB. Send only the logout token.",
        );
        let body = self.body(MAX_FORM_BYTES, too_large).await?;
        let content_type = header(self.request, "content-type");
        let token = LOGOUT_TOKEN
            .read(content_type.as_deref(), &body)
            .map_err(LogoutTokenError::Form)?;
        let token = logout_token::verify(&token, self.tenant, &self.verifier()).await?;
        let delay_seconds = clock::now().seconds_since(token.issued_at);
        let event = backchannel_logout::to_event(token, self.tenant.event_types());
        let Some(event) = event else {
            return http::empty().or_internal(step);
        };
        let mut events = EventLines::default();
        events.push(&event).or_internal(step)?;
        let request = ObjectRequest::StoreEvents {
            source: Source::LogoutToken,
            delay_seconds,
            receipt: PublishReceipt::before_storing_one(),
        };
        let payload = Payload::Body(events.into_text());
        let response = self
            .leader
            .fetch(&self.forwarded_url, &request, payload)
            .await?;
        match response.status() {
            200 => http::empty().or_internal(step),
            _ => Ok(response),
        }
    }
}
