//! Checks the variables in a wrangler configuration with the code that reads them in the Worker.

use session_events_core::{
    error::ConfigError,
    tenant::config::{Config, PUBLISH_SECRET, PUBLISH_SECRET_PREVIOUS, check_variable},
    tokens::publish_token::PublishSecret,
};

/// Checks the variables that are set, in every environment. Required variables may be missing.
///
/// # Errors
///
/// A sentence about the first invalid variable, with its environment.
pub fn check_form(wrangler_toml: &str) -> Result<(), String> {
    for variables in read_all(wrangler_toml)? {
        variables
            .check_form()
            .map_err(|error| variables.describe(&error))?;
    }
    Ok(())
}

/// Checks that no required variable is missing from an environment. `None` is the top level.
///
/// # Errors
///
/// A sentence about the first variable that is invalid or missing.
pub fn check_complete(wrangler_toml: &str, environment: Option<&str>) -> Result<(), String> {
    let all = read_all(wrangler_toml)?;
    let chosen = all
        .iter()
        .find(|variables| variables.environment.as_deref() == environment);
    let chosen = chosen.ok_or_else(|| {
        let name = environment.unwrap_or_default();
        format!(
            "There is no environment {name}. Add [env.{name}], or choose another one with --env"
        )
    })?;
    Config::read(|name| chosen.text(name))
        .map(|_| ())
        .map_err(|error| chosen.describe(&error))
}

/// The variables of an environment.
struct Variables {
    /// The name of the environment. `None` is the top level.
    environment: Option<String>,
    values: toml::Table,
}

impl Variables {
    fn new(environment: Option<&str>, settings: &toml::Table) -> Self {
        let values = settings.get("vars").and_then(toml::Value::as_table);
        Self {
            environment: environment.map(str::to_owned),
            values: values.cloned().unwrap_or_default(),
        }
    }

    fn check_form(&self) -> Result<(), ConfigError> {
        for name in self.values.keys() {
            check_variable(name, &self.text(name).unwrap_or_default())?;
        }
        for name in [PUBLISH_SECRET, PUBLISH_SECRET_PREVIOUS] {
            if let Some(secret) = self.text(name) {
                PublishSecret::new(name, secret)?;
            }
        }
        Config::check_form(|name| self.text(name))
    }

    /// Returns a variable as the text that the Worker reads. Tables become JSON.
    fn text(&self, name: &str) -> Option<String> {
        match self.values.get(name)? {
            toml::Value::String(text) => Some(text.clone()),
            other => serde_json::to_string(other).ok(),
        }
    }

    fn describe(&self, error: &ConfigError) -> String {
        match &self.environment {
            None => format!("[vars]: {error}"),
            Some(name) => format!("[env.{name}.vars]: {error}"),
        }
    }
}

/// Returns the variables of the top level and of every environment.
fn read_all(wrangler_toml: &str) -> Result<Vec<Variables>, String> {
    let settings: toml::Table = wrangler_toml.parse().map_err(|error| format!("{error}"))?;
    let mut all = vec![Variables::new(None, &settings)];
    let environments = settings.get("env").and_then(toml::Value::as_table);
    for (name, environment) in environments.into_iter().flatten() {
        if let Some(environment) = environment.as_table() {
            all.push(Variables::new(Some(name), environment));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: &str = r#"
        [vars]
        [env.production.vars]
        AUDIENCE = "https://events.example.com/api"
        SHARDS = 4
        [env.production.vars.TENANTS."acme@us"]
        issuers = ["https://login.acme.com/"]
        [env.production.vars.TENANTS_2.corp]
        domain = "sso.corp.example"
    "#;

    fn sentence(checked: Result<(), String>) -> String {
        checked.expect_err("an error")
    }

    #[test]
    fn a_complete_environment_passes_both_checks() {
        assert_eq!(check_form(COMPLETE), Ok(()));
        assert_eq!(check_complete(COMPLETE, Some("production")), Ok(()));
    }

    #[test]
    fn an_incomplete_environment_passes_only_the_check_of_its_form() {
        for (remaining, missing) in [
            ("", "[env.production.vars]: The variable TENANTS is missing"),
            ("TENANTS = \"\"", "The variable TENANTS is missing"),
            ("TENANTS = \"acme@us\"", "The variable AUDIENCE is missing"),
        ] {
            let text = format!("[env.production.vars]\n{remaining}");
            assert_eq!(check_form(&text), Ok(()));
            let sentence = sentence(check_complete(&text, Some("production")));
            assert!(sentence.contains(missing), "{sentence}");
        }
        assert!(sentence(check_complete(COMPLETE, None)).starts_with("[vars]: "));
    }

    #[test]
    fn an_invalid_variable_of_any_environment_fails_the_check_of_the_form() {
        for (invalid, named) in [
            ("SHARDS = 0", "SHARDS"),
            ("TENANTS = \"Acme\"", "TENANTS"),
            ("TENANTS = \", ,\"", "TENANTS"),
            ("TENANTS = {}", "TENANTS"),
            ("TENANTS_1 = {}", "TENANTS_1"),
            ("ISSUERS = \"{}\"", "ISSUERS"),
            ("PUBLISH_SECRET = \"short\"", "openssl rand -hex 32"),
        ] {
            for table in ["[vars]", "[env.production.vars]", "[env.staging.vars]"] {
                let sentence = sentence(check_form(&format!("{table}\n{invalid}")));
                assert!(sentence.starts_with(table), "{sentence}");
                assert!(sentence.contains(named), "{sentence}");
            }
        }
    }

    #[test]
    fn a_variable_of_more_than_5_kb_fails_the_check_of_the_form() {
        let tenant = |number| {
            format!(
                "[vars.TENANTS.tenant-{number}]\naudience = \"https://events.example.com/api\"\n"
            )
        };
        let table = |count| (0..count).map(tenant).collect::<String>();
        assert_eq!(check_form(&table(50)), Ok(()));
        let sentence = sentence(check_form(&table(200)));
        assert!(
            sentence.starts_with("[vars]: The variable TENANTS has "),
            "{sentence}"
        );
        assert!(sentence.contains("TENANTS_2"), "{sentence}");
    }

    #[test]
    fn an_environment_that_does_not_exist_is_named() {
        let sentence = sentence(check_complete(COMPLETE, Some("staging")));
        assert!(sentence.contains("[env.staging]"), "{sentence}");
    }
}
