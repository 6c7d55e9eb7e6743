//! Checks the variables of every environment in `wrangler.toml` with the code that reads them in the
//! Worker. An invalid value fails the build, so it cannot be deployed.

use session_events_core::tenant::config::Config;

fn main() {
    println!("cargo::rerun-if-changed=wrangler.toml");
    if let Err(error) = check_variables() {
        println!("cargo::error=wrangler.toml: {error}");
    }
}

fn check_variables() -> Result<(), String> {
    let text = std::fs::read_to_string("wrangler.toml").map_err(|error| error.to_string())?;
    let settings: toml::Table = text.parse().map_err(|error| format!("{error}"))?;
    let mut tables = Vec::new();
    if let Some(environments) = settings.get("env").and_then(toml::Value::as_table) {
        for (name, environment) in environments {
            tables.push((format!("[env.{name}.vars]"), environment.get("vars")));
        }
    }
    tables.push(("[vars]".to_owned(), settings.get("vars")));
    for (table, variables) in tables {
        let lookup = |name| variables.and_then(|variables| to_text(variables.get(name)?));
        Config::read(lookup).map_err(|error| format!("{table} {error}"))?;
    }
    Ok(())
}

/// Returns a variable as the text that the Worker reads. Tables become JSON.
fn to_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        other => serde_json::to_string(other).ok(),
    }
}
