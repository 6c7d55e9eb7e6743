//! The names of the configuration variables, and parsers for simple values.

use crate::{
    error::ConfigError,
    events::event_types::{EventTypes, all_names},
};

/// The variable with the required `aud` of access tokens.
pub const AUDIENCE: &str = "AUDIENCE";
/// The variable with the served tenants: a list of slugs, `*`, or a table.
pub const TENANTS: &str = "TENANTS";
/// A variable of earlier versions, with additional issuers of tenants.
pub const ISSUERS: &str = "ISSUERS";
/// The variable with the list of reported event types.
pub const EVENTS: &str = "EVENTS";
/// The variable with the retention of revocations in days.
pub const REVOCATION_DAYS: &str = "REVOCATION_DAYS";
/// The variable with the number of shards per tenant.
pub const SHARDS: &str = "SHARDS";
/// The secret from which publish tokens are derived.
pub const PUBLISH_SECRET: &str = "PUBLISH_SECRET";
/// The previous secret, which is still accepted during a rotation.
pub const PUBLISH_SECRET_PREVIOUS: &str = "PUBLISH_SECRET_PREVIOUS";

/// Rejects [`ISSUERS`], so that a deployment does not lose its custom domains unnoticed.
pub(super) fn reject_issuers(issuers: Option<String>) -> Result<(), ConfigError> {
    match issuers {
        Some(text) if !text.trim().is_empty() => Err(ConfigError::new(
            ISSUERS,
            "is no longer used. Remove it, and write each tenant's issuers into the table TENANTS, for example [env.production.vars.TENANTS.\"acme@us\"] with the line issuers = [\"https://login.acme.com/\"]",
        )),
        _ => Ok(()),
    }
}

/// Returns the audience, without spaces around it. A blank one counts as missing.
pub(super) fn parse_audience(audience: Option<String>) -> Option<String> {
    let audience = audience?.trim().to_owned();
    (!audience.is_empty()).then_some(audience)
}

/// Parses the list of event types. A blank list selects the default, because a deployment without
/// event types would be useless.
pub(super) fn parse_event_types(list: &str) -> Result<EventTypes, ConfigError> {
    let names: Vec<&str> = list
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    if names.is_empty() {
        return Ok(EventTypes::default());
    }
    EventTypes::parse(names).map_err(|name| {
        let names = all_names();
        let problem = format!(
            "contains {name}, which is not an event type. Write for example EVENTS = \"logout, user_blocked\". The event types are {names}"
        );
        ConfigError::new(EVENTS, problem)
    })
}

/// Parses a whole number from 1 to `max`. `unit` names what the number counts in the error message.
pub(super) fn parse_number(
    variable: &'static str,
    value: Option<String>,
    default: u16,
    unit: &str,
    max: u16,
) -> Result<u16, ConfigError> {
    let Some(value) = value else {
        return Ok(default);
    };
    let value = value.trim();
    value
        .parse()
        .ok()
        .filter(|number| (1..=max).contains(number))
        .ok_or_else(|| {
            let problem = format!(
                "is \"{value}\". Set it to a whole number of {unit} from 1 to {max}, for example {variable} = \"{default}\""
            );
            ConfigError::new(variable, problem)
        })
}
