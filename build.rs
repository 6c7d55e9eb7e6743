//! Checks the variables in `wrangler.toml` with the very code that reads them in the worker, so
//! that a bad value fails the build and is never deployed.

use session_events_core::tenant::config::Config;

fn main() {
    println!("cargo::rerun-if-changed=wrangler.toml");
    if let Err(wrong) = check() {
        println!("cargo::error=wrangler.toml: {wrong}");
    }
}

fn check() -> Result<(), String> {
    let text = std::fs::read_to_string("wrangler.toml").map_err(|error| error.to_string())?;
    let settings: toml::Table = text.parse().map_err(|error| format!("{error}"))?;
    let environments = settings.get("env").and_then(toml::Value::as_table);
    let named = environments.into_iter().flatten();
    let tables = named
        .map(|(name, environment)| (format!("[env.{name}.vars]"), environment.get("vars")))
        .chain([("[vars]".to_owned(), settings.get("vars"))]);
    for (place, variables) in tables {
        let lookup = |name| variables.and_then(|variables| text_of(variables.get(name)?));
        Config::read(lookup).map_err(|wrong| format!("{place} {wrong}"))?;
    }
    Ok(())
}

/// A variable's text as the worker gets it: a table as JSON.
fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        other => serde_json::to_string(other).ok(),
    }
}
