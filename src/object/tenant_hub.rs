//! The class of a tenant's objects, and the role of an object.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use session_events_core::{
    error::ApiError,
    events::event_log::EventLog,
    metrics::Metrics,
    sessions::rates::Rates,
    tenant::{
        Tenant,
        config::{Config, TenantConfig},
    },
    timestamp::Timestamp,
};
use worker::{Env, State};

use super::{
    deadlines::DeadlineTimer, key_sets::RoleKeySets, leader::Leader, shard::Shard, sockets::Sockets,
};
use crate::{
    Result,
    runtime::{
        key_set_cache::KeySetCache,
        log::{self, Rejected},
        metrics,
        verifier::RuntimeVerifier,
    },
};

/// A Durable Object of a tenant.
pub(super) struct TenantHub {
    pub(super) state: Rc<State>,
    pub(super) env: Env,
    pub(super) config: Result<Config>,
    pub(super) tenant_config: Result<TenantConfig>,
    /// The object's name, for log lines.
    pub(super) name: String,
    pub(super) tenant: Tenant,
    pub(super) role: Role,
    pub(super) sockets: Sockets,
    pub(super) rates: RefCell<Rates>,
    /// The metrics of the current invocation.
    pub(super) metrics: RefCell<Metrics>,
    pub(super) deadline_timer: DeadlineTimer,
    /// The time for which the alarm is set, if known. Saves a read of storage for every socket.
    pub(super) alarm_time: Cell<Option<Timestamp>>,
}

/// The role of an object, and the state that belongs to it.
pub(super) enum Role {
    /// Stores the tenant's events.
    Leader(Box<Leader>),
    /// Holds sockets and follows the leader's log.
    Shard(Box<Shard>),
}

impl Role {
    /// Returns the verifier of access tokens. The leader fetches key sets; a shard requests them
    /// from the leader.
    pub(super) fn verifier(&self) -> RuntimeVerifier<RoleKeySets<'_>> {
        RuntimeVerifier(match self {
            Self::Leader(leader) => RoleKeySets::Leader(&leader.key_sets),
            Self::Shard(shard) => RoleKeySets::Shard(KeySetCache(shard.leader_stub())),
        })
    }

    /// Passes the event log to a closure, for replay.
    pub(super) fn with_log<T>(&self, read: impl FnOnce(&EventLog) -> T) -> worker::Result<T> {
        match self {
            Self::Leader(leader) => leader.events.with_log(read),
            Self::Shard(shard) => shard.with_log(read),
        }
    }
}

impl TenantHub {
    /// Returns the configuration.
    pub(super) fn config(&self) -> Result<&Config> {
        self.config.as_ref().map_err(ApiError::clone)
    }

    /// Returns the configuration of this tenant.
    ///
    /// # Errors
    ///
    /// - [`ApiError::Misconfigured`] if the configuration is invalid.
    /// - [`ApiError::NotFound`] if the tenant is no longer served. Only the alarm, and sockets that
    ///   were opened before the deployment, still reach its objects.
    pub(super) fn tenant_config(&self) -> Result<&TenantConfig> {
        self.tenant_config.as_ref().map_err(ApiError::clone)
    }

    /// Writes the metrics of an invocation. Must be called at its end.
    pub(super) fn write_metrics(&self) {
        let points = self.metrics.take().into_data_points();
        metrics::write(&self.env, self.tenant.domain(), points);
    }

    /// Logs a socket message that was rejected, or a socket that was closed.
    pub(super) fn log_rejected_socket(&self, error: &ApiError) {
        let socket = Rejected {
            tenant: &self.name,
            endpoint: "socket",
            request_id: None,
        };
        log::rejected(socket, error);
    }
}
