//! Avoids `queueMicrotask`, which is slow in this runtime.
//!
//! `js-sys` schedules every wake-up of a future with `queueMicrotask`. The runtime creates a new
//! function for each call, which takes about ten times as long as a resolved promise. Without
//! `queueMicrotask`, `js-sys` uses promises.
//!
//! docs/architecture.md has the measured gain. This file can go when the gain is below 5 %: if
//! workerd reuses the function, or `js-sys` prefers promises.

use worker::{
    js_sys::{Reflect, global},
    wasm_bindgen::JsValue,
};

/// Removes `queueMicrotask`, so that `js-sys` uses promises. If that fails, wake-ups are slower.
#[expect(
    clippy::disallowed_methods,
    reason = "removes a function of the runtime and stores nothing"
)]
pub(crate) fn prefer_promises() {
    let _unchanged = Reflect::set(&global(), &"queueMicrotask".into(), &JsValue::UNDEFINED);
}
