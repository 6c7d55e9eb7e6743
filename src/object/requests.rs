//! Routes a request to its handler.

use futures::FutureExt;
use session_events_core::{
    error::ApiError,
    events::event_lines::{EventLines, Publication},
    protocol::{
        bodies::{ListenersBody, ObjectDebug},
        object_request::ObjectRequest,
        request_url::RequestUrl,
    },
};
use worker::Request;

use super::{
    leader::Leader,
    shard::Shard,
    tenant_hub::{Role, TenantHub},
};
use crate::{
    Result,
    runtime::{
        http::{self, Response},
        log::OrInternal,
        requests::{self, read_json, read_text},
    },
};

impl TenantHub {
    /// Handles a request. `None` is a request that this version does not understand: during a
    /// deployment, a Worker of another version can reach this object for some seconds. The client
    /// receives a 503 and repeats its request. Large handlers are boxed as in
    /// [`routes`](crate::routes).
    pub(super) async fn handle(
        &self,
        object_request: Option<ObjectRequest>,
        request: &Request,
    ) -> Result<Response> {
        let object_request = object_request.ok_or(ApiError::VersionMismatch)?;
        let step = object_request.name();
        match object_request {
            ObjectRequest::Debug => self.debug(request),
            ObjectRequest::Subscribe {
                credentials,
                address,
                selects_subprotocol,
            } => {
                self.subscribe(credentials, address, selects_subprotocol)
                    .boxed_local()
                    .await
            }
            ObjectRequest::Listeners => self.listeners().or_internal(step),
            other => match &self.role {
                Role::Leader(leader) => {
                    self.handle_as_leader(leader, other, request)
                        .boxed_local()
                        .await
                }
                Role::Shard(shard) => {
                    self.handle_as_shard(shard, &other, request)
                        .boxed_local()
                        .await
                }
            },
        }
    }

    /// Handles a request that only the leader handles.
    async fn handle_as_leader(
        &self,
        leader: &Leader,
        object_request: ObjectRequest,
        request: &Request,
    ) -> Result<Response> {
        let step = object_request.name();
        match object_request {
            ObjectRequest::StoreEvents {
                source,
                delay_seconds,
                receipt,
            } => {
                let events = read_text(request).await.or_internal(step)?;
                let publication = Publication {
                    source,
                    delay_seconds,
                    events: EventLines::from_text(events),
                };
                self.publish(leader, &publication, receipt).await
            }
            ObjectRequest::Events => leader.events_response().or_internal(step),
            ObjectRequest::Health { has_details } => {
                leader.health(self.tenant_config()?, has_details)
            }
            ObjectRequest::Revocations {
                page,
                if_none_match,
            } => leader
                .revocations(&page, if_none_match.as_deref(), self.config()?)
                .or_internal(step),
            ObjectRequest::UserRevocations {
                user_id,
                session_id,
            } => leader
                .user_revocations(&user_id, session_id.as_deref(), self.config()?)
                .or_internal(step),
            ObjectRequest::KeySet { jwks_uri, kid } => {
                let key_set = leader.key_sets.get(&jwks_uri, &kid).await;
                http::object_response(&key_set).or_internal(step)
            }
            ObjectRequest::Follow { shard } => leader.snapshot_for(shard).or_internal(step),
            _ => Err(ApiError::NotFound),
        }
    }

    /// Handles a request that only a shard handles.
    async fn handle_as_shard(
        &self,
        shard: &Shard,
        object_request: &ObjectRequest,
        request: &Request,
    ) -> Result<Response> {
        match object_request {
            ObjectRequest::Append => {
                let append = read_json(request)
                    .await
                    .or_internal(object_request.name())?;
                self.handle_append(shard, &append)
            }
            _ => Err(ApiError::NotFound),
        }
    }

    fn debug(&self, request: &Request) -> Result<Response> {
        let text = requests::url(request);
        let url = RequestUrl::parse(&text)?;
        http::json(&ObjectDebug {
            host: url.host,
            url: &text,
            path: url.path,
            tenant_domain: self.tenant.domain(),
        })
        .or_internal("debug")
    }

    fn listeners(&self) -> worker::Result<Response> {
        self.sockets.with_index(|listeners| {
            let connections: Vec<_> = listeners
                .all()
                .filter_map(|(_, session)| session.connection())
                .collect();
            http::json(&ListenersBody {
                count: connections.len(),
                connections,
            })
        })?
    }
}
