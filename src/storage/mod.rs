//! The SQLite storage of a tenant object.
//!
//! - [`schema`]: every table, in one place, and its creation.
//! - [`migration`]: moves the rows of an earlier version.
//! - [`database`]: executes statements and reads rows.
//! - [`event_store`]: the events, and the detection of duplicates.
//! - [`revocations`], [`revocation_queries`]: writes and reads the revocation tables.
//! - [`retention`]: deletes what is no longer needed or has expired.
//! - [`capacity`]: the limit on the number of revocations.
//! - [`followers`], [`position`]: the replication state of the leader and of a shard.
//! - [`key_sets`]: cached key sets.
//! - [`cached`]: values that are loaded once after an object wakes.

pub(crate) mod cached;
pub(crate) mod capacity;
pub(crate) mod database;
pub(crate) mod event_store;
pub(crate) mod followers;
pub(crate) mod key_sets;
mod migration;
pub(crate) mod position;
mod retention;
mod revocation_queries;
mod revocations;
pub(crate) mod schema;
