//! The SQLite storage of a tenant object.
//!
//! - [`schema`]: every table, in one place.
//! - [`database`]: executes statements and reads rows.
//! - [`event_store`]: the event log, and the detection of duplicates.
//! - [`revocations`]: the revocation table.
//! - [`followers`], [`position`]: the replication state of the leader and of a shard.
//! - [`key_sets`]: cached key sets.
//! - [`cached`]: values that are loaded once after an object wakes.

pub(crate) mod cached;
pub(crate) mod database;
pub(crate) mod event_store;
pub(crate) mod followers;
pub(crate) mod key_sets;
pub(crate) mod position;
pub(crate) mod revocations;
pub(crate) mod schema;
