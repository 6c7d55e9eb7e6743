//! Variables and secrets.

use session_events_core::{
    config::{Config, PUBLISH_SECRET, PUBLISH_SECRET_PREVIOUS},
    error::Fault,
    publish_token::PublishSecrets,
};
use worker::{
    Env,
    js_sys::{JSON, Reflect},
    wasm_bindgen::JsValue,
};

/// What is bound to a name; `undefined` where nothing is.
pub(crate) fn binding(env: &Env, name: &str) -> worker::Result<JsValue> {
    Ok(Reflect::get(env, &JsValue::from_str(name))?)
}

/// A variable or secret as text; what `wrangler` was given as JSON is turned back into it.
fn text(env: &Env, name: &'static str) -> Option<String> {
    let value = binding(env, name).ok()?;
    if value.is_undefined() || value.is_null() {
        return None;
    }
    value
        .as_string()
        .or_else(|| JSON::stringify(&value).ok().map(String::from))
}

/// The configuration, checked.
pub(crate) fn config(env: &Env) -> Result<Config, Fault> {
    Ok(Config::read(|name| text(env, name))?)
}

/// The secrets that publish tokens are derived from.
pub(crate) fn publish_secrets(env: &Env) -> Result<PublishSecrets, Fault> {
    PublishSecrets::new(
        text(env, PUBLISH_SECRET),
        text(env, PUBLISH_SECRET_PREVIOUS),
    )
}
