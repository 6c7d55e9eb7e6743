//! `POST /{tenant}/api/publish`: receives log records from Auth0's log stream.

use session_events_core::{
    error::ApiError,
    events::event_lines::Source,
    protocol::{bodies::PublishReceipt, object_request::ObjectRequest},
    sources::{
        batch::{Batch, read_batch},
        log_record::MAX_BODY_BYTES,
    },
};

use super::tenant_request::TenantRequest;
use crate::{
    Result,
    runtime::{
        clock, environment,
        http::{self, Response},
        log::{self, OrInternal},
        requests::header,
        tenant_stub::Payload,
    },
};

impl TenantRequest<'_> {
    /// Parses a batch and forwards its events to the leader. A batch without events does not reach
    /// the leader; most log records end no session.
    pub(super) async fn publish(&self) -> Result<Response> {
        let tenant = self.tenant;
        let secrets = environment::publish_secrets(self.leader.env)?;
        let authorization = header(self.request, "authorization");
        secrets.authorize(tenant.tenant(), authorization.as_deref())?;
        let too_large =
            ApiError::PayloadTooLarge("The body is longer than 5 MiB. Publish smaller batches.");
        let body = self.body(MAX_BODY_BYTES, too_large).await?;
        let batch = read_batch(
            &body,
            tenant.tenant_name(),
            tenant.event_types(),
            clock::now(),
        )?;
        // Free the memory before the events are sent.
        drop(body);
        self.log_malformed(&batch);
        let receipt = PublishReceipt::before_storing(&batch);
        if batch.events.is_empty() {
            self.record(|metrics| metrics.record_publication(Source::Log, &receipt, 0));
            return http::json(&receipt).or_internal("response");
        }
        self.leader
            .fetch(
                &self.forwarded_url,
                &ObjectRequest::StoreEvents {
                    source: Source::Log,
                    delay_seconds: batch.delay_seconds,
                    receipt,
                },
                Payload::Body(batch.events.into_text()),
            )
            .await
    }

    fn log_malformed(&self, batch: &Batch) {
        let (count, received, indices) =
            (batch.malformed, batch.received, &batch.malformed_indices);
        if count == 0 {
            return;
        }
        let detail = format!("{count} of {received} records, at {indices:?}");
        log::warning("malformed_records", self.leader.tenant.domain(), &detail);
    }
}
