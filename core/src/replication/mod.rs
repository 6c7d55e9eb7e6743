//! Replication of the event log from the leader to its followers.
//!
//! The leader is the tenant object that stores events. Followers are its shards: objects that hold
//! sockets. The leader appends log entries to each follower; the follower delivers them to its
//! subscribers and acknowledges its position.
//!
//! - [`messages`]: the messages between the leader and its followers.
//! - [`follower`]: a follower's position and its copy of the log.
//! - [`catch_up`]: how a follower that wakes obtains a snapshot before it admits subscribers.
//! - [`followers`]: the leader's view of its followers.

pub mod catch_up;
pub mod follower;
pub mod followers;
pub mod messages;
