//! The cached key sets of a tenant's issuers.

use serde::Deserialize;
use session_events_core::{json::JsonObject, tokens::cached_key_set::CachedKeySet};
use worker::Result;

use super::{
    database::Database,
    schema::{KEY_SETS, Tables},
};

/// The table of cached key sets.
pub(crate) struct KeySetTable(Tables);

#[derive(Deserialize)]
struct Row {
    cached: String,
}

impl KeySetTable {
    /// Returns the table in this database.
    pub(crate) fn new(database: Database) -> Self {
        Self(Tables::new(database, KEY_SETS))
    }

    /// Returns the stored key set of an issuer.
    pub(crate) fn load(&self, jwks_uri: &str) -> Result<Option<CachedKeySet>> {
        let select = "SELECT cached FROM key_sets WHERE jwks_uri = ?";
        let rows: Vec<Row> = self.0.query(select, vec![jwks_uri.into()])?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let JsonObject(key_set) = serde_json::from_str(&row.cached)?;
        Ok(Some(key_set))
    }

    /// Stores the key set of an issuer.
    pub(crate) fn store(&self, jwks_uri: &str, key_set: &CachedKeySet) -> Result<()> {
        let store = "INSERT OR REPLACE INTO key_sets (jwks_uri, cached) VALUES (?, ?)";
        let json = serde_json::to_string(key_set)?;
        self.0.execute(store, vec![jwks_uri.into(), json.into()])
    }
}
