//! The Durable Object of a tenant: its events and its subscribers.
//!
//! An object runs one step at a time. A step without `.await` is never interrupted. Storing events
//! and delivering them is one step; reading a replay and registering its subscriber is another. So
//! no subscriber misses an event or receives it twice. The runtime delays messages and responses
//! until the rows written before them are on disk (Cloudflare, "Durable Objects: Easy, Fast,
//! Correct — Choose Three").
//!
//! A tenant has one leader. It stores the events. With `SHARDS` above 1, sockets are held by shards:
//! objects of the same class that follow the leader's log. The
//! [`follower`](session_events_core::replication::follower) module explains why every subscriber of
//! a shard receives every event once too.
//!
//! Only the Worker and the tenant's other objects can reach an object, so every request that arrives
//! is already authorized, or needs no token.
//!
//! - `tenant_hub`: the class, and its role.
//! - `lifecycle`: the methods that the runtime calls.
//! - `requests`: routes a request to its handler.
//! - `alarm`: expiry, pruning, and retries.
//! - `deadlines`: the timer for authentication deadlines.
//! - `publishing`: stores and delivers events.
//! - `admission`: accepts sockets and authenticates subscribers.
//! - `slow_consumers`: closes subscribers that do not read.
//! - `delivery`, `sockets`: sends messages to sockets, and keeps their sessions.
//! - `leader`, `replicator`: the leader's state, and how it appends entries to shards.
//! - `shard`, `following`: a shard's state, and how it applies entries.
//! - `key_sets`: fetches and caches the keys of issuers.

mod admission;
mod alarm;
mod deadlines;
mod delivery;
mod following;
mod key_sets;
mod leader;
mod lifecycle;
mod publishing;
mod replicator;
mod requests;
mod shard;
mod slow_consumers;
mod sockets;
mod tenant_hub;
