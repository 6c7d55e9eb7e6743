//! The time. The runtime's clock does not advance while code runs (Cloudflare, "Workers: Security
//! model"), so there is one time per step.

use std::{pin::pin, time::Duration};

use futures::future::{Either, select};
use session_events_core::timestamp::Timestamp;
use worker::{Date, Delay, ScheduledTime, js_sys, wasm_bindgen::JsValue};

/// The range of an alarm in milliseconds since 1970. The runtime accepts no time before 1970 or after
/// 2189; the upper limit here is in 2109. The `exp` of a token can be any time, so times are clamped.
const ALARM_MILLIS: (i64, i64) = (1, 1 << 42);

/// Returns the time of the last input or output.
pub(crate) fn now() -> Timestamp {
    let millis = Date::now().as_millis();
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// Waits until a time, but at least for a millisecond.
pub(crate) async fn sleep_until(time: Timestamp) {
    let millis = time.as_millis().saturating_sub(now().as_millis()).max(1);
    Delay::from(Duration::from_millis(millis.unsigned_abs())).await;
}

/// Returns the output of a future, or `None` if it takes too long.
pub(crate) async fn timeout<T>(millis: u64, future: impl Future<Output = T>) -> Option<T> {
    match select(pin!(future), Delay::from(Duration::from_millis(millis))).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// Returns the time for an alarm, moved to the nearest time that the runtime accepts.
#[expect(clippy::cast_precision_loss, reason = "a timestamp is far below 2^53")]
pub(crate) fn alarm_time(time: Timestamp) -> ScheduledTime {
    let millis = time.as_millis().clamp(ALARM_MILLIS.0, ALARM_MILLIS.1);
    ScheduledTime::new(js_sys::Date::new(&JsValue::from_f64(millis as f64)))
}
