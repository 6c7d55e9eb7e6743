//! The rows in which a tenant's events are kept.
//!
//! A batch is stored in one transaction, so a failure leaves none of it and the publisher may
//! try again. Whether an event is news is decided by the table itself, whose `log_id` is unique.
//! Row numbers have no gaps, because only the oldest rows are ever deleted; so "the last 100" is
//! a matter of subtraction.

use std::cell::RefMut;

use session_events_core::{
    event::Event,
    event_log::{EventLog, KEPT_EVENTS, KeptEvent},
    follower::{EVENTS_A_RELAY, NumberedEvent},
    revocation::MAX_REVOCATIONS,
    timestamp::Timestamp,
};
use worker::{
    Result, State,
    wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen},
};

use super::{
    database::Database,
    known::Known,
    relays,
    revocations::{self, Revocations},
};

/// How many events are kept, as a number of rows.
#[expect(clippy::cast_possible_wrap, reason = "a hundred")]
const KEPT_ROWS: i64 = KEPT_EVENTS as i64;
/// How many are kept for a shard that lacks them: more than come in one body.
const OUTSTANDING_ROWS: i64 = 100_000;
/// How many log ids are remembered to tell a redelivery from news.
const REMEMBERED_LOG_IDS: i64 = 10_000;
/// How many events go into one statement: of the longest that there can be, as many stay below
/// the 2 MB that a bound value may have (Cloudflare, "Durable Objects: Limits").
const EVENTS_A_STATEMENT: usize = 100;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS accepted (seq INTEGER PRIMARY KEY, log_id TEXT NOT NULL UNIQUE);
    CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, event TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS key_sets (jwks_uri TEXT PRIMARY KEY, cached TEXT NOT NULL);
";

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen, js_sys = worker::js_sys)]
extern "C" {
    /// The part of the storage interface that the `worker` crate leaves out.
    type Transactions;

    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(
        this: &Transactions,
        run: &mut dyn FnMut() -> std::result::Result<JsValue, JsValue>,
    ) -> std::result::Result<JsValue, JsValue>;
}

/// Makes the tables where they are missing.
pub(super) fn create_tables(state: &State) -> Result<()> {
    let database = Database::of(state);
    database.run(SCHEMA, vec![])?;
    database.run(relays::SCHEMA, vec![])?;
    database.run(revocations::SCHEMA, vec![])
}

/// The stored events, what they revoke, and in memory the newest of them.
pub(super) struct EventStore {
    database: Database,
    revocations: Revocations,
    log: Known<EventLog>,
}

/// The oldest events after this number, as many as travel together.
pub(super) fn after(database: &Database, seq: i64) -> Result<Vec<NumberedEvent>> {
    let next = "SELECT seq, event FROM events WHERE seq > ? ORDER BY seq LIMIT ?";
    let limit = i64::from(EVENTS_A_RELAY);
    database.rows(next, vec![seq.into(), limit.into()])
}

impl EventStore {
    pub(super) fn new(state: &State) -> Self {
        let database = Database::of(state);
        Self {
            revocations: Revocations::new(database.clone()),
            database,
            log: Known::new(),
        }
    }

    /// Whether the rows can be read.
    pub(super) fn check(&self) -> Result<()> {
        let newest = "SELECT event FROM events ORDER BY seq DESC LIMIT 1";
        self.database.rows::<(String,)>(newest, vec![]).map(drop)
    }

    /// What the events have revoked.
    pub(super) fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// Looks at the newest events.
    pub(super) fn with_log<T>(&self, look: impl FnOnce(&EventLog) -> T) -> Result<T> {
        Ok(look(&*self.log()?))
    }

    fn log(&self) -> Result<RefMut<'_, EventLog>> {
        self.log.or_read(|| {
            let newest = "SELECT seq, event FROM (SELECT seq, event FROM events ORDER BY seq DESC LIMIT ?) ORDER BY seq";
            let rows: Vec<NumberedEvent> = self.database.rows(newest, vec![KEPT_ROWS.into()])?;
            let mut log = EventLog::default();
            for (seq, json) in rows {
                log.push(KeptEvent::read(seq, json)?);
            }
            Ok(log)
        })
    }

    /// The number of the newest event; 0 where there is none yet.
    pub(super) fn newest(&self) -> Result<i64> {
        self.with_log(EventLog::newest)
    }

    /// Stores those of the events that are news, all or none, and yields them in their order.
    /// What every shard has, up to this number, need not be kept for any.
    pub(super) fn append(
        &self,
        state: &State,
        events: Vec<Event>,
        now: Timestamp,
        all_have: i64,
    ) -> Result<Vec<KeptEvent>> {
        // Read first, so that the log is never taken for complete when it lacks what is older.
        self.with_log(|_| ())?;
        let mut news = Vec::new();
        let mut events = events.into_iter().peekable();
        let storage = state.storage();
        let transactions: &Transactions = storage.as_raw().unchecked_ref();
        transactions.transaction_sync(&mut || {
            while events.peek().is_some() {
                let chunk = events.by_ref().take(EVENTS_A_STATEMENT).collect();
                news.extend(self.insert(chunk, now)?);
            }
            if let Some(KeptEvent { seq, .. }) = news.last() {
                self.forget(*seq, all_have)?;
            }
            Ok(JsValue::UNDEFINED)
        })?;
        self.log
            .change(|log| news.iter().cloned().for_each(|event| log.push(event)));
        Ok(news)
    }

    fn insert(&self, events: Vec<Event>, now: Timestamp) -> Result<Vec<KeptEvent>> {
        let ids: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
        let accept = "INSERT INTO accepted (log_id) SELECT value FROM json_each(?) WHERE true ON CONFLICT (log_id) DO NOTHING RETURNING seq, log_id";
        let ids = serde_json::to_string(&ids)?;
        let mut rows: Vec<(i64, String)> = self.database.rows(accept, vec![ids.into()])?;

        let accepted: Vec<(i64, Event)> = events
            .into_iter()
            .filter_map(|event| {
                // Taken out, because the same record may stand in a batch twice.
                let place = rows.iter().position(|(_, log_id)| *log_id == event.id)?;
                let (seq, _) = rows.swap_remove(place);
                Some((seq, event))
            })
            .collect();
        self.revocations
            .record(accepted.iter().map(|(seq, event)| (*seq, event)), now)?;

        let mut news = Vec::new();
        let mut numbered = Vec::new();
        for (seq, event) in accepted {
            let json = serde_json::to_string(&event)?;
            numbered.push((seq, json.clone()));
            news.push(KeptEvent::new(seq, event, json));
        }
        let keep =
            "INSERT INTO events (seq, event) SELECT value ->> 0, value ->> 1 FROM json_each(?)";
        let numbered = serde_json::to_string(&numbered)?;
        self.database.run(keep, vec![numbered.into()])?;

        Ok(news)
    }

    /// Lets the oldest rows go, seen from the newest. No two revocations are of one event, so here
    /// too the numbers tell, without counting rows.
    fn forget(&self, newest: i64, all_have: i64) -> Result<()> {
        let past = |count| newest.saturating_sub(count);
        let events = past(KEPT_ROWS).min(all_have).max(past(OUTSTANDING_ROWS));
        for (rows, last) in [
            ("DELETE FROM events WHERE seq <= ?", events),
            (
                "DELETE FROM accepted WHERE seq <= ?",
                past(REMEMBERED_LOG_IDS),
            ),
            (
                "DELETE FROM revocations WHERE seq <= ?",
                past(i64::from(MAX_REVOCATIONS)),
            ),
        ] {
            // As long as there have been fewer, there is nothing to look for.
            if last > 0 {
                self.database.run(rows, vec![last.into()])?;
            }
        }
        Ok(())
    }
}
