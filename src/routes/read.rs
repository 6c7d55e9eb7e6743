//! Endpoints that read: `health`, `listeners` and `revocations`. `events` and `_debug` are plain requests
//! to the leader.

use std::iter;

use futures::future::join_all;
use serde_json::value::RawValue;
use session_events_core::protocol::{
    bodies::ListenersBody, object_request::ObjectRequest, revocation_page::PageRequest,
};

use super::tenant_request::TenantRequest;
use crate::{
    Result,
    runtime::{
        http::{self, Response},
        log::OrInternal,
        requests::header,
        tenant_stub::TenantStub,
    },
};

impl TenantRequest<'_> {
    /// Returns the health of the leader. Only a client with the permission for all users receives the
    /// details, which name the tenant's issuers. An invalid token is rejected.
    pub(super) async fn health(&self) -> Result<Response> {
        let Some(token) = self.bearer_token()? else {
            let request = ObjectRequest::Health { has_details: false };
            return self.read_anonymously(&request).await;
        };
        let has_details = self.verify(&token).await?.authorize_all_users().is_ok();
        self.fetch_from_leader(&ObjectRequest::Health { has_details })
            .await
    }

    /// Returns a page of the revocations.
    pub(super) async fn revocations(&self) -> Result<Response> {
        let page = PageRequest::parse(self.url)?;
        let if_none_match = header(self.request, "if-none-match");
        self.read(&ObjectRequest::Revocations {
            page,
            if_none_match,
        })
        .await
    }

    /// Returns the open sockets of the leader and of all shards.
    pub(super) async fn listeners(&self) -> Result<Response> {
        let Some(shards) = self.config.shards() else {
            return self.read(&ObjectRequest::Listeners).await;
        };
        self.authorize_all_users().await?;
        let objects = iter::once(None).chain((1..=shards).map(Some));
        let responses = join_all(objects.map(|shard| self.connections_of(shard))).await;
        let mut connections = Vec::new();
        for response in responses {
            connections.extend(response?);
        }
        http::json(&ListenersBody {
            count: connections.len(),
            connections,
        })
        .or_internal("response")
    }

    async fn connections_of(&self, shard: Option<u16>) -> Result<Vec<Box<RawValue>>> {
        let object = TenantStub {
            shard,
            ..self.leader
        };
        let body: ListenersBody<Box<RawValue>> = object.call(&ObjectRequest::Listeners).await?;
        Ok(body.connections)
    }
}
