//! Variables and secrets.
//!
//! They change by a deployment alone, which ends every isolate and every object. So each reads its
//! configuration once.

use std::{cell::OnceCell, rc::Rc};

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

thread_local! {
    static CONFIG: OnceCell<Result<Rc<Config>, Fault>> = const { OnceCell::new() };
}

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

/// Reads the configuration and checks it.
pub(crate) fn read_config(env: &Env) -> Result<Config, Fault> {
    Ok(Config::read(|name| text(env, name))?)
}

/// The configuration of this isolate's requests.
pub(crate) fn config(env: &Env) -> Result<Rc<Config>, Fault> {
    CONFIG.with(|config| config.get_or_init(|| read_config(env).map(Rc::new)).clone())
}

/// The secrets that publish tokens are derived from.
pub(crate) fn publish_secrets(env: &Env) -> Result<PublishSecrets, Fault> {
    PublishSecrets::new(
        text(env, PUBLISH_SECRET),
        text(env, PUBLISH_SECRET_PREVIOUS),
    )
}
