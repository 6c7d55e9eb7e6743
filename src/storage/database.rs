//! Executes SQL statements and reads rows.
//!
//! Bypass of the `worker` crate's `SqlCursor`: it throws through WebAssembly if the database fails
//! while rows are read, and it converts each field of each row by a call into JavaScript. Here the
//! rows become JSON text in one call, and every failure is an error.

use serde::de::{DeserializeOwned, IgnoredAny};
use session_events_core::json::JsonObject;
use worker::{
    Result, SqlStorageValue, State,
    js_sys::{Array, JSON},
    wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen},
};

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen, js_sys = worker::js_sys)]
extern "C" {
    #[derive(Clone)]
    type SqlStorage;

    #[wasm_bindgen(method, catch, variadic)]
    fn exec(
        this: &SqlStorage,
        statement: &str,
        bindings: &Array,
    ) -> std::result::Result<SqlCursor, JsValue>;

    type SqlCursor;

    #[wasm_bindgen(method, catch, js_name = toArray)]
    fn to_array(this: &SqlCursor) -> std::result::Result<JsValue, JsValue>;

    type Storage;

    /// The `worker` crate has no binding for synchronous transactions.
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(
        this: &Storage,
        closure: &mut dyn FnMut() -> std::result::Result<JsValue, JsValue>,
    ) -> std::result::Result<JsValue, JsValue>;
}

/// The SQLite database of a tenant object.
#[derive(Clone)]
pub(crate) struct Database {
    sql: SqlStorage,
    state: std::rc::Rc<State>,
}

impl Database {
    /// Returns the database of an object.
    pub(crate) fn new(state: &std::rc::Rc<State>) -> Self {
        let sql = state.storage().sql();
        let sql: &JsValue = sql.as_ref();
        Self {
            sql: sql.clone().unchecked_into(),
            state: std::rc::Rc::clone(state),
        }
    }

    /// Executes a statement. `bindings` are the values of its placeholders.
    pub(crate) fn execute(&self, statement: &str, bindings: Vec<SqlStorageValue>) -> Result<()> {
        self.exec(statement, bindings).map(drop)
    }

    /// Executes a statement and returns its rows. `Row` is a struct whose members have the names
    /// of the columns.
    pub(crate) fn query<Row: DeserializeOwned>(
        &self,
        statement: &str,
        bindings: Vec<SqlStorageValue>,
    ) -> Result<Vec<Row>> {
        let rows = self.exec(statement, bindings)?.to_array()?;
        let json = String::from(JSON::stringify(&rows)?);
        let rows: Vec<JsonObject<Row>> = serde_json::from_str(&json)?;
        Ok(rows.into_iter().map(|JsonObject(row)| row).collect())
    }

    /// Returns whether a table exists.
    pub(crate) fn has_table(&self, name: &str) -> Result<bool> {
        let select = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?";
        let rows: Vec<IgnoredAny> = self.query(select, vec![name.into()])?;
        Ok(!rows.is_empty())
    }

    /// Returns whether the definition of a table contains the name of a column.
    pub(crate) fn definition_contains(&self, table: &str, column: &str) -> Result<bool> {
        let select = "SELECT name FROM sqlite_master
            WHERE type = 'table' AND name = ? AND instr(sql, ?) > 0";
        let rows: Vec<IgnoredAny> = self.query(select, vec![table.into(), column.into()])?;
        Ok(!rows.is_empty())
    }

    /// Runs a closure in a transaction. If the closure fails, nothing is stored.
    pub(crate) fn transaction(&self, mut closure: impl FnMut() -> Result<()>) -> Result<()> {
        let storage = self.state.storage();
        let storage: &Storage = storage.as_raw().unchecked_ref();
        storage.transaction_sync(&mut || {
            closure()?;
            Ok(JsValue::UNDEFINED)
        })?;
        Ok(())
    }

    fn exec(&self, statement: &str, bindings: Vec<SqlStorageValue>) -> Result<SqlCursor> {
        let bindings: Array = bindings.into_iter().map(JsValue::from).collect();
        Ok(self.sql.exec(statement, &bindings)?)
    }
}
