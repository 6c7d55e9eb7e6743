//! Every table of a tenant object, and their creation.
//!
//! Tables are created with the first write, so a request that only reads leaves no storage behind.
//! Stored rows outlive deployments. A change to a table must be able to read the rows that earlier
//! versions wrote.

use std::cell::Cell;

use serde::de::DeserializeOwned;
use worker::{Result, SqlStorageValue};

use super::{database::Database, migration};

/// A group of tables that are created together.
pub(crate) struct Schema {
    /// One of the tables. The others exist if this one does.
    table: &'static str,
    create: &'static str,
    added: &'static [AddedColumn],
    previous: Option<Previous>,
}

/// A column that an earlier version of a table does not have.
struct AddedColumn {
    table: &'static str,
    column: &'static str,
    add: &'static str,
}

/// The tables of an earlier version.
struct Previous {
    /// One of the tables. The others exist if this one does.
    table: &'static str,
    /// Moves their rows into the new tables, and drops them.
    migrate: fn(&Database) -> Result<()>,
}

/// The events and their revocations.
///
/// A revocation refers to its event by `seq`, and the event of a current revocation is kept as long as
/// the revocation. So `event_log` gives the order of receipt without an index. Each further index
/// would cost one more row write per event.
pub(crate) const EVENTS: Schema = Schema {
    table: "event_log",
    create: "
    -- The events, in the order of receipt. `seq` numbers them without gaps. `log_id` is unique: a
    -- record whose log id is in this table is a duplicate. It is null if an earlier version stored
    -- the event without it. `user_id` is empty in a row that only keeps its `seq` or `log_id`.
    -- `received_at` is in milliseconds since 1970. The other columns are members of the event.
    CREATE TABLE IF NOT EXISTS event_log (
        seq INTEGER PRIMARY KEY,
        log_id TEXT UNIQUE,
        received_at INTEGER NOT NULL,
        type TEXT NOT NULL,
        date TEXT NOT NULL,
        user_id TEXT NOT NULL,
        session_id TEXT,
        revokes TEXT
    );

    -- One row for each user with a revocation. `seq`, `type`, `date` and `at` are those of the latest
    -- user-wide revocation, or null. `at` is `date` in milliseconds since 1970. `session_at` is the
    -- latest `at` of any of the user's sessions, or null.
    CREATE TABLE IF NOT EXISTS revoked_users (
        user_id TEXT PRIMARY KEY,
        seq INTEGER,
        type TEXT,
        date TEXT,
        at INTEGER,
        session_at INTEGER
    ) WITHOUT ROWID;

    -- One row for each revoked session. `date` and `at` are those of its latest revocation.
    -- `ended_at` is the `at` of the latest event that ended the session itself, or null. `type` is the
    -- type of that event, or else of the latest revocation. `ended_by_token` is 1 if a logout token
    -- reported the end first.
    CREATE TABLE IF NOT EXISTS revoked_sessions (
        user_id TEXT NOT NULL,
        session_id TEXT NOT NULL,
        seq INTEGER NOT NULL,
        type TEXT NOT NULL,
        date TEXT NOT NULL,
        at INTEGER NOT NULL,
        ended_at INTEGER,
        ended_by_token INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (user_id, session_id)
    ) WITHOUT ROWID;

    -- The session entries that were dropped because the tenant had too many, in at most one row.
    CREATE TABLE IF NOT EXISTS dropped_revocations (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        count INTEGER NOT NULL,
        last_at INTEGER NOT NULL
    )",
    added: &[AddedColumn {
        table: "revoked_sessions",
        column: "ended_by_token",
        add: "ALTER TABLE revoked_sessions ADD COLUMN ended_by_token INTEGER NOT NULL DEFAULT 0",
    }],
    previous: Some(Previous {
        table: "accepted",
        migrate: migration::migrate_events,
    }),
};

/// The shards that are registered as followers.
pub(crate) const FOLLOWERS: Schema = Schema {
    table: "shards",
    create: "CREATE TABLE IF NOT EXISTS shards (number INTEGER PRIMARY KEY)",
    added: &[],
    previous: None,
};

/// The cached key set of each issuer, as JSON.
pub(crate) const KEY_SETS: Schema = Schema {
    table: "key_sets",
    create: "CREATE TABLE IF NOT EXISTS key_sets (jwks_uri TEXT PRIMARY KEY, cached TEXT NOT NULL)",
    added: &[],
    previous: None,
};

/// A shard's position in the leader's log, in at most one row.
pub(crate) const POSITION: Schema = Schema {
    table: "position",
    create: "
    CREATE TABLE IF NOT EXISTS position (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        seq INTEGER NOT NULL
    )",
    added: &[],
    previous: None,
};

/// A group of tables in a database.
pub(crate) struct Tables {
    database: Database,
    schema: Schema,
    exist: Cell<bool>,
}

impl Tables {
    /// Returns the tables of a schema, whether they exist or not.
    pub(crate) fn new(database: Database, schema: Schema) -> Self {
        Self {
            database,
            schema,
            exist: Cell::new(false),
        }
    }

    /// Returns the database if the tables exist. Without tables there are no rows. The first call brings
    /// tables of an earlier version up to date.
    pub(crate) fn for_reading(&self) -> Result<Option<&Database>> {
        if !self.exist.get() {
            let exist = if self.database.has_table(self.schema.table)? {
                self.add_columns()?;
                true
            } else {
                self.migrate()?
            };
            self.exist.set(exist);
        }
        Ok(self.exist.get().then_some(&self.database))
    }

    /// Returns the database. Creates the tables if they do not exist.
    pub(crate) fn for_writing(&self) -> Result<&Database> {
        if self.for_reading()?.is_none() {
            self.database.execute(self.schema.create, vec![])?;
            self.exist.set(true);
        }
        Ok(&self.database)
    }

    /// Executes a statement and returns its rows. Without tables there are none.
    pub(crate) fn query<Row: DeserializeOwned>(
        &self,
        statement: &str,
        bindings: Vec<SqlStorageValue>,
    ) -> Result<Vec<Row>> {
        match self.for_reading()? {
            None => Ok(Vec::new()),
            Some(database) => database.query(statement, bindings),
        }
    }

    /// Executes a statement. Creates the tables if they do not exist.
    pub(crate) fn execute(&self, statement: &str, bindings: Vec<SqlStorageValue>) -> Result<()> {
        self.for_writing()?.execute(statement, bindings)
    }

    /// Adds the columns that an earlier version of the tables does not have.
    fn add_columns(&self) -> Result<()> {
        for added in self.schema.added {
            if !self
                .database
                .definition_contains(added.table, added.column)?
            {
                self.database.execute(added.add, vec![])?;
            }
        }
        Ok(())
    }

    /// Replaces the tables of an earlier version, in one transaction. Returns whether there were any.
    fn migrate(&self) -> Result<bool> {
        let Some(previous) = &self.schema.previous else {
            return Ok(false);
        };
        if !self.database.has_table(previous.table)? {
            return Ok(false);
        }
        self.database.transaction(|| {
            self.database.execute(self.schema.create, vec![])?;
            (previous.migrate)(&self.database)
        })?;
        Ok(true)
    }
}
