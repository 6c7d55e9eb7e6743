//! `POST /{tenant}/api/publish`: receives log records from Auth0's log stream.

use session_events_core::{
    error::ApiError,
    protocol::{
        bodies::PublishReceipt,
        object_request::{ObjectRequest, Publication},
    },
    sources::{
        batch::{Batch, read_batch},
        log_record::MAX_BODY_BYTES,
    },
};
use worker::Response;

use super::tenant_request::TenantRequest;
use crate::{
    Result,
    runtime::{
        clock, environment, http,
        log::{self, OrInternal},
        requests::header,
        tenant_object::Payload,
    },
};

/// Maximum number of malformed records whose index is logged.
const MAX_LOGGED_INDICES: usize = 20;

impl TenantRequest<'_> {
    /// Parses a batch and forwards its events to the leader. A batch without events does not reach
    /// the leader; most log records end no session.
    pub(super) async fn publish(&self) -> Result<Response> {
        let tenant = self.leader.tenant;
        let secrets = environment::publish_secrets(self.leader.env)?;
        let authorization = header(self.request, "authorization");
        secrets.authorize(tenant, authorization.as_deref())?;
        let too_large =
            ApiError::PayloadTooLarge("The body is longer than 5 MiB. Publish smaller batches.");
        let body = self.body(MAX_BODY_BYTES, too_large).await?;
        let batch = read_batch(&body, tenant, self.config.event_types(), clock::now())?;
        self.log_malformed(&batch);
        let receipt = PublishReceipt::before_storing(&batch);
        if batch.events.is_empty() {
            return http::json(&receipt).or_internal("response");
        }
        let publication = Publication {
            events: batch.events,
        };
        let body = serde_json::to_string(&publication).or_internal("publish")?;
        self.leader
            .fetch(
                &self.forwarded_url,
                &ObjectRequest::Publish { receipt },
                Payload::Body(&body),
            )
            .await
    }

    fn log_malformed(&self, batch: &Batch) {
        if batch.malformed.is_empty() {
            return;
        }
        let indices: Vec<_> = batch.malformed.iter().take(MAX_LOGGED_INDICES).collect();
        let (count, received) = (batch.malformed.len(), batch.received);
        let detail = format!("{count} of {received} records, at {indices:?}");
        log::warning("malformed_records", &self.leader.tenant.domain(), &detail);
    }
}
