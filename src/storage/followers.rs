//! The shards that are registered as followers of the leader.

use serde::Deserialize;
use worker::Result;

use super::{
    database::Database,
    schema::{FOLLOWERS, Tables},
};

/// The table of registered followers.
pub(crate) struct FollowerTable(Tables);

#[derive(Deserialize)]
struct Row {
    number: i64,
}

impl FollowerTable {
    /// Returns the table in this database.
    pub(crate) fn new(database: Database) -> Self {
        Self(Tables::new(database, FOLLOWERS))
    }

    /// Returns the numbers of the registered shards.
    pub(crate) fn load(&self) -> Result<Vec<u16>> {
        let rows: Vec<Row> = self.0.query("SELECT number FROM shards", vec![])?;
        let numbers = rows.into_iter().flat_map(|row| u16::try_from(row.number));
        Ok(numbers.collect())
    }

    /// Registers a shard.
    pub(crate) fn insert(&self, number: u16) -> Result<()> {
        let insert = "INSERT OR IGNORE INTO shards (number) VALUES (?)";
        self.0.execute(insert, vec![i64::from(number).into()])
    }

    /// Unregisters a shard.
    pub(crate) fn delete(&self, number: u16) -> Result<()> {
        let delete = "DELETE FROM shards WHERE number = ?";
        self.0.execute(delete, vec![i64::from(number).into()])
    }
}
