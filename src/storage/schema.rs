//! Every table of a tenant object.
//!
//! Stored rows outlive deployments. A change to a table must be able to read the rows that earlier
//! versions wrote.

use worker::Result;

use super::database::Database;

/// The tables of the leader.
const LEADER: &str = "
    -- The log ids of the latest 10,000 events. `log_id` is unique: a record whose log id is in this
    -- table is a duplicate. `seq` numbers the events without gaps.
    CREATE TABLE IF NOT EXISTS accepted (seq INTEGER PRIMARY KEY, log_id TEXT NOT NULL UNIQUE);

    -- The event log: events as JSON.
    CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, event TEXT NOT NULL);

    -- The latest revocation of each user (with an empty `session_id`) and of each session. `seq` is
    -- the event's sequence number, `at` the revocation time in milliseconds since 1970.
    CREATE TABLE IF NOT EXISTS revocations (
        user_id TEXT NOT NULL,
        session_id TEXT NOT NULL,
        seq INTEGER NOT NULL,
        type TEXT NOT NULL,
        date TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (user_id, session_id)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS revocations_by_seq ON revocations (seq);
    CREATE INDEX IF NOT EXISTS revocations_by_at ON revocations (at);

    -- The shards that are registered as followers.
    CREATE TABLE IF NOT EXISTS shards (number INTEGER PRIMARY KEY);

    -- The cached key set of each issuer, as JSON.
    CREATE TABLE IF NOT EXISTS key_sets (jwks_uri TEXT PRIMARY KEY, cached TEXT NOT NULL);
";

/// The table of a shard: its position in the leader's log, in at most one row.
const SHARD: &str = "
    CREATE TABLE IF NOT EXISTS position (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        seq INTEGER NOT NULL
    )";

/// Creates the leader's tables if they do not exist.
pub(crate) fn create_leader_tables(database: &Database) -> Result<()> {
    database.execute(LEADER, vec![])
}

/// Creates a shard's table if it does not exist.
pub(crate) fn create_shard_table(database: &Database) -> Result<()> {
    database.execute(SHARD, vec![])
}
