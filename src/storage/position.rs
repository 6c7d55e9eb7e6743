//! The position of a shard in the leader's log.

use serde::Deserialize;
use worker::Result;

use super::{
    database::Database,
    schema::{POSITION, Tables},
};

/// The table with the shard's position.
pub(crate) struct PositionTable(Tables);

#[derive(Deserialize)]
struct Row {
    seq: i64,
}

impl PositionTable {
    /// Returns the table in this database.
    pub(crate) fn new(database: Database) -> Self {
        Self(Tables::new(database, POSITION))
    }

    /// Returns the stored position.
    pub(crate) fn load(&self) -> Result<Option<i64>> {
        let rows: Vec<Row> = self.0.query("SELECT seq FROM position", vec![])?;
        Ok(rows.first().map(|row| row.seq))
    }

    /// Stores the position.
    pub(crate) fn store(&self, position: i64) -> Result<()> {
        let store = "INSERT OR REPLACE INTO position (id, seq) VALUES (1, ?)";
        self.0.execute(store, vec![position.into()])
    }

    /// Deletes the position.
    pub(crate) fn delete(&self) -> Result<()> {
        self.0.execute("DELETE FROM position", vec![])
    }
}
