//! Variables and secrets.
//!
//! They change only by a deployment, which ends every isolate and every object. So an isolate and an
//! object each read the configuration once. The secrets are read for each publication.

use std::{cell::OnceCell, rc::Rc};

use session_events_core::{
    error::ApiError,
    tenant::config::{Config, PUBLISH_SECRET, PUBLISH_SECRET_PREVIOUS},
    tokens::publish_token::PublishSecrets,
};
use worker::{
    Env,
    js_sys::{JSON, Reflect},
    wasm_bindgen::JsValue,
};

use crate::Result;

thread_local! {
    #[expect(
        clippy::disallowed_types,
        reason = "all tenants share the operator's configuration"
    )]
    static CONFIG: OnceCell<Result<Rc<Config>>> = const { OnceCell::new() };
}

/// Returns whether anything is bound to a name.
pub(crate) fn is_bound(env: &Env, name: &str) -> bool {
    value(env, name).is_some()
}

/// Returns the text of a variable or secret. A value that is not text is returned as JSON.
///
/// Bypass of `Env::var`, `secret` and `object_var`: a value of any other type, such as
/// `SHARDS = 4`, is an error there and would count as absent, and `null` throws an exception through
/// WebAssembly.
fn text(env: &Env, name: &str) -> Option<String> {
    let value = value(env, name)?;
    value
        .as_string()
        .or_else(|| JSON::stringify(&value).ok().map(String::from))
}

/// Returns the value that is bound to a name. `null` counts as absent.
fn value(env: &Env, name: &str) -> Option<JsValue> {
    let value = Reflect::get(env, &name.into()).ok()?;
    (!value.is_undefined() && !value.is_null()).then_some(value)
}

/// Reads the configuration and checks it. A missing publish secret affects only publishing; an invalid
/// one makes the configuration invalid.
pub(crate) fn read_config(env: &Env) -> Result<Config> {
    let config = Config::read(|name| text(env, name))?;
    match publish_secrets(env) {
        Err(error @ ApiError::Misconfigured(_)) => Err(error),
        _ => Ok(config),
    }
}

/// Returns the configuration of this isolate.
pub(crate) fn config(env: &Env) -> Result<Rc<Config>> {
    CONFIG.with(|config| config.get_or_init(|| read_config(env).map(Rc::new)).clone())
}

/// Returns the secrets from which publish tokens are derived.
pub(crate) fn publish_secrets(env: &Env) -> Result<PublishSecrets> {
    PublishSecrets::new(
        text(env, PUBLISH_SECRET),
        text(env, PUBLISH_SECRET_PREVIOUS),
    )
}
