//! `GET /{tenant}/api/subscribe`: opens a WebSocket.

use session_events_core::{
    error::ApiError,
    protocol::{
        object_request::{ObjectRequest, UpgradeCredentials},
        upgrade::Upgrade,
    },
    sessions::listener::Listener,
};
use worker::js_sys::Math;

use super::{rate_limit::address_key, tenant_request::TenantRequest};
use crate::{
    Result,
    runtime::{
        http::Response,
        requests::{header, is_websocket_upgrade},
        tenant_stub::{Payload, TenantStub},
    },
};

impl TenantRequest<'_> {
    /// Forwards an upgrade to the object that will hold the socket. A token on the upgrade is
    /// verified first.
    pub(super) async fn subscribe(&self) -> Result<Response> {
        if !is_websocket_upgrade(self.request) {
            return Err(ApiError::UpgradeRequired);
        }
        let authorization = header(self.request, "authorization");
        let subprotocols = header(self.request, "sec-websocket-protocol");
        let upgrade = Upgrade::parse(authorization.as_deref(), subprotocols.as_deref())?;
        let (credentials, address) = match upgrade.token {
            None => {
                self.check_anonymous_limit().await?;
                (None, address_key(self.request))
            }
            Some(token) => (Some(self.verify_upgrade_token(token).await?), None),
        };
        let subscribe = ObjectRequest::Subscribe {
            credentials,
            address,
            selects_subprotocol: upgrade.selects_subprotocol,
        };
        let socket_object = TenantStub {
            shard: self.config.shards().map(pick_shard),
            ..self.leader
        };
        socket_object
            .fetch(&self.forwarded_url, &subscribe, Payload::Upgrade)
            .await
    }

    async fn verify_upgrade_token(&self, token: &str) -> Result<UpgradeCredentials> {
        let token = self.verify(token).await?;
        match Listener::authorize(&token) {
            Ok(listener) if listener.receives_all() => {}
            Ok(_) => self.check_subject_rate(&token).await?,
            Err(error) => return Err(self.forbidden(&token, error).await),
        }
        Ok(UpgradeCredentials {
            token,
            last_event_id: self.url.parameter("last_event_id"),
        })
    }
}

/// Picks a shard at random. A client cannot choose its shard, so it cannot fill a single one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at least 0 and less than the number of shards"
)]
fn pick_shard(shards: u16) -> u16 {
    let index = Math::random() * f64::from(shards);
    (index as u16).saturating_add(1)
}
