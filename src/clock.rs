//! The time. The runtime stands its clock still while code runs (Cloudflare, "Workers: Security
//! model"), so within one step there is one time.

use std::{pin::pin, time::Duration};

use futures::future::{Either, select};
use session_events_core::timestamp::Timestamp;
use worker::{Date, Delay, js_sys, wasm_bindgen::JsValue};

/// The time of the last input or output.
pub(crate) fn now() -> Timestamp {
    let millis = Date::now().as_millis();
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// What comes of something in time, or nothing.
pub(crate) async fn within<T>(millis: u64, awaited: impl Future<Output = T>) -> Option<T> {
    match select(pin!(awaited), Delay::from(Duration::from_millis(millis))).await {
        Either::Left((outcome, _)) => Some(outcome),
        Either::Right(_) => None,
    }
}

/// A moment as JavaScript has it.
#[expect(clippy::cast_precision_loss, reason = "a timestamp is far below 2^53")]
pub(crate) fn js_date(moment: Timestamp) -> js_sys::Date {
    js_sys::Date::new(&JsValue::from_f64(moment.as_millis() as f64))
}
