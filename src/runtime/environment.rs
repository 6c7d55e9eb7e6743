//! Variables and secrets.
//!
//! They change only by a deployment, which ends every isolate and every object. So each reads its
//! configuration once.

use std::{cell::OnceCell, rc::Rc};

use session_events_core::{
    tenant::config::{Config, PUBLISH_SECRET, PUBLISH_SECRET_PREVIOUS},
    tokens::publish_token::PublishSecrets,
};
use worker::{
    Env,
    js_sys::{JSON, Reflect},
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
    Reflect::get(env, &name.into()).is_ok_and(|binding| !binding.is_undefined())
}

/// Returns the text of a variable or secret.
fn text(env: &Env, name: &'static str) -> Option<String> {
    match env.var(name) {
        Ok(text) => Some(text.to_string()),
        Err(_) => json(env, name),
    }
}

/// Returns a variable that is not text in `wrangler.toml`, as JSON. Bypass of `Env::object_var`,
/// which accepts only tables: a number or a list would count as absent, and its default would
/// apply.
fn json(env: &Env, name: &'static str) -> Option<String> {
    let value = Reflect::get(env, &name.into()).ok()?;
    if value.is_undefined() || value.is_null() {
        return None;
    }
    JSON::stringify(&value).ok().map(String::from)
}

/// Reads the configuration and checks it.
pub(crate) fn read_config(env: &Env) -> Result<Config> {
    Ok(Config::read(|name| text(env, name))?)
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
