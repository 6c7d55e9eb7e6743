//! The time. The runtime stands its clock still while code runs (Cloudflare, "Workers: Security
//! model"), so within one step there is one time.

use std::{pin::pin, time::Duration};

use futures::future::{Either, select};
use session_events_core::timestamp::Timestamp;
use worker::{Delay, js_sys::Date, wasm_bindgen::JsValue};

/// The time of the last input or output.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a whole number of milliseconds"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(Date::now() as i64)
}

/// What comes of something in time, or nothing.
pub(crate) async fn within<T>(millis: u64, awaited: impl Future<Output = T>) -> Option<T> {
    match select(pin!(awaited), Delay::from(Duration::from_millis(millis))).await {
        Either::Left((outcome, _)) => Some(outcome),
        Either::Right(_) => None,
    }
}

/// The first and the last moment that the runtime takes for an alarm: it takes none up to 1970, and
/// none after 2189; 2109 is late enough. Dates come from outside.
const ALARMS: (i64, i64) = (1, 1 << 42);

/// A moment as JavaScript has it, or the nearest that an alarm can be set to.
#[expect(clippy::cast_precision_loss, reason = "a timestamp is far below 2^53")]
pub(crate) fn alarm_date(moment: Timestamp) -> Date {
    let millis = moment.as_millis().clamp(ALARMS.0, ALARMS.1);
    Date::new(&JsValue::from_f64(millis as f64))
}
