//! The object's database.
//!
//! Rows come out of it as one JSON text, lists of their columns, which crosses over from
//! JavaScript once, however many they are, and is read by the same code as all other JSON; the
//! `worker` crate fetches each field by itself. Whatever the runtime throws is an error here,
//! while rows are read too.

use serde::de::DeserializeOwned;
use session_events_core::json;
use worker::{
    Result, SqlStorageValue, State,
    js_sys::{Array, JSON},
    wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen},
};

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen, js_sys = worker::js_sys)]
extern "C" {
    #[derive(Clone)]
    type Sql;

    #[wasm_bindgen(method, catch, variadic)]
    fn exec(this: &Sql, statement: &str, bindings: &Array) -> std::result::Result<Cursor, JsValue>;

    type Cursor;

    #[wasm_bindgen(method, catch)]
    fn raw(this: &Cursor) -> std::result::Result<Rows, JsValue>;

    type Rows;

    #[wasm_bindgen(method, catch, js_name = toArray)]
    fn to_array(this: &Rows) -> std::result::Result<JsValue, JsValue>;
}

/// A tenant's database.
#[derive(Clone)]
pub(super) struct Database(Sql);

impl Database {
    pub(super) fn of(state: &State) -> Self {
        let sql = state.storage().sql();
        let sql: &JsValue = sql.as_ref();
        Self(sql.clone().unchecked_into())
    }

    /// Carries out a statement, with `bindings` for the question marks in it.
    pub(super) fn run(&self, statement: &str, bindings: Vec<SqlStorageValue>) -> Result<()> {
        self.exec(statement, bindings).map(drop)
    }

    /// Carries out a statement and yields its rows, the columns in the statement's order.
    pub(super) fn rows<Row: DeserializeOwned>(
        &self,
        statement: &str,
        bindings: Vec<SqlStorageValue>,
    ) -> Result<Vec<Row>> {
        Ok(json::read(&self.rows_as_json(statement, bindings)?)?)
    }

    /// Yields the numbers in the only column.
    pub(super) fn numbers(
        &self,
        statement: &str,
        bindings: Vec<SqlStorageValue>,
    ) -> Result<Vec<i64>> {
        let rows: Vec<(Option<i64>,)> = self.rows(statement, bindings)?;
        Ok(rows.into_iter().filter_map(|(number,)| number).collect())
    }

    fn rows_as_json(&self, statement: &str, bindings: Vec<SqlStorageValue>) -> Result<String> {
        let rows = self.exec(statement, bindings)?.raw()?.to_array()?;
        Ok(JSON::stringify(&rows)?.into())
    }

    fn exec(&self, statement: &str, bindings: Vec<SqlStorageValue>) -> Result<Cursor> {
        let bindings: Array = bindings.into_iter().map(JsValue::from).collect();
        Ok(self.0.exec(statement, &bindings)?)
    }
}
