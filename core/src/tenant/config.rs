//! What the operator set, checked as a whole.
//!
//! A [`Config`] exists only where every variable can be used, so nothing is served from half a
//! configuration. The worker's build runs the same check over `wrangler.toml`, so a bad value
//! stops a build and not a request.

use crate::{error::ConfigError, events::event_types::EventTypes, tenant::Tenant};

mod issuer;

use issuer::read_issuers;
pub use issuer::{Issuer, is_loopback};

/// The name of the variable that holds the required `aud` of access tokens.
pub const AUDIENCE: &str = "AUDIENCE";
/// The name of the variable that lists the slugs that are served.
pub const TENANTS: &str = "TENANTS";
/// The name of the variable that lists further issuers of tenants.
pub const ISSUERS: &str = "ISSUERS";
/// The name of the variable that lists the kinds of event that count.
pub const EVENTS: &str = "EVENTS";
/// The name of the variable that says for how many days a revocation is kept.
pub const REVOCATION_DAYS: &str = "REVOCATION_DAYS";
/// The name of the variable that says how many objects of a tenant hold sockets.
pub const SHARDS: &str = "SHARDS";
/// The name of the secret from which publish tokens are derived.
pub const PUBLISH_SECRET: &str = "PUBLISH_SECRET";
/// The name of the secret that is being rotated out.
pub const PUBLISH_SECRET_PREVIOUS: &str = "PUBLISH_SECRET_PREVIOUS";
/// The audience of a worker that is told no other.
pub const DEFAULT_AUDIENCE: &str = "https://events.auth0a.com/api";

/// For how many days a revocation is kept where the operator has not chosen: no access token of
/// Auth0 lives longer (Auth0, "Update Access Token Lifetime").
const DEFAULT_REVOCATION_DAYS: u16 = 30;
/// A choice of days: at most a year, for no token lives that long.
const MAX_REVOCATION_DAYS: u16 = 366;

/// A choice of shards. Each event is handed to every one of them that has listeners.
const MAX_SHARDS: u16 = 100;

/// The configuration of this deployment.
#[derive(Clone, Debug)]
pub struct Config {
    audience: String,
    tenants: Vec<Tenant>,
    /// A tenant comes as often as it has further issuers.
    issuers: Vec<(Tenant, Issuer)>,
    kinds: EventTypes,
    revocation_days: u16,
    shards: u16,
}

impl Config {
    /// Reads the variables through `lookup`, which yields a variable's text where it is set.
    ///
    /// # Errors
    ///
    /// The first variable that cannot be used, and why.
    pub fn read(lookup: impl Fn(&'static str) -> Option<String>) -> Result<Self, ConfigError> {
        Ok(Self {
            audience: read_audience(lookup(AUDIENCE))?,
            tenants: read_tenants(&lookup(TENANTS).unwrap_or_default())?,
            issuers: read_issuers(&lookup(ISSUERS).unwrap_or_default())?,
            kinds: read_kinds(lookup(EVENTS).as_deref())?,
            revocation_days: read_revocation_days(lookup(REVOCATION_DAYS).as_deref())?,
            shards: read_shards(lookup(SHARDS).as_deref())?,
        })
    }

    /// The `aud` that access tokens must hold.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The kinds of event that count.
    pub fn kinds(&self) -> &EventTypes {
        &self.kinds
    }

    /// For how many days a revocation is kept.
    pub fn revocation_days(&self) -> u16 {
        self.revocation_days
    }

    /// How many shards hold a tenant's sockets; `None` where the root holds them itself.
    pub fn shards(&self) -> Option<u16> {
        (self.shards > 1).then_some(self.shards)
    }

    /// Whether a tenant is served; an empty list serves all.
    pub fn serves(&self, tenant: &Tenant) -> bool {
        self.tenants.is_empty() || self.tenants.contains(tenant)
    }

    /// Who may sign the tenant's access tokens. Its own domain may be listed as well, to say where
    /// its key set is; then that counts.
    pub fn issuers(&self, tenant: &Tenant) -> impl Iterator<Item = Issuer> {
        let own = Issuer::of_domain(tenant);
        let listed = |further: &Issuer| further.issuer == own.issuer;
        let own = (!self.further_issuers(tenant).any(listed)).then_some(own);
        own.into_iter().chain(self.further_issuers(tenant).cloned())
    }

    /// The issuer of this tenant whose tokens carry `iss`, compared to the letter.
    pub fn issuer(&self, tenant: &Tenant, iss: &str) -> Option<Issuer> {
        self.issuers(tenant).find(|issuer| issuer.issuer == iss)
    }

    /// The origins of the tenant's issuers on this very host: those that stand in for Auth0 while
    /// the worker runs on somebody's machine. A deployment has none.
    pub fn local_issuer_origins(&self, tenant: &Tenant) -> Vec<String> {
        self.further_issuers(tenant)
            .filter_map(Issuer::local_origin)
            .collect()
    }

    fn further_issuers(&self, tenant: &Tenant) -> impl Iterator<Item = &Issuer> {
        let of_tenant = self.issuers.iter().filter(move |(of, _)| of == tenant);
        of_tenant.map(|(_, issuer)| issuer)
    }
}

fn read_audience(audience: Option<String>) -> Result<String, ConfigError> {
    let audience = audience.unwrap_or_else(|| DEFAULT_AUDIENCE.to_owned());
    if audience.trim().is_empty() {
        return Err(ConfigError {
            variable: AUDIENCE,
            problem: "must not be empty: set the identifier of your API in Auth0".into(),
        });
    }
    Ok(audience)
}

fn read_tenants(list: &str) -> Result<Vec<Tenant>, ConfigError> {
    list.split(',')
        .map(str::trim)
        .filter(|slug| !slug.is_empty())
        .map(|slug| read_slug(TENANTS, slug))
        .collect()
}

fn read_slug(variable: &'static str, slug: &str) -> Result<Tenant, ConfigError> {
    Tenant::from_slug(slug).ok_or_else(|| ConfigError {
        variable,
        problem: format!("names \"{slug}\", which is not a tenant: write acme or acme@us"),
    })
}

/// An empty list is as good as none: a worker that takes no event is of no use to anybody.
fn read_kinds(list: Option<&str>) -> Result<EventTypes, ConfigError> {
    let Some(list) = list.filter(|list| !list.trim().is_empty()) else {
        return Ok(EventTypes::default());
    };
    EventTypes::parse(list).map_err(|name| ConfigError {
        variable: EVENTS,
        problem: format!(
            "names {name}, which is no type of event: there are {}",
            EventTypes::all().names()
        ),
    })
}

/// Reads a whole number, of something, from 1 to `most`.
fn read_number(
    variable: &'static str,
    value: &str,
    of: &str,
    most: u16,
) -> Result<u16, ConfigError> {
    let value = value.trim();
    let number = value.parse().ok();
    number
        .filter(|number| (1..=most).contains(number))
        .ok_or_else(|| ConfigError {
            variable,
            problem: format!("must be a whole number{of} from 1 to {most}, not \"{value}\""),
        })
}

fn read_revocation_days(days: Option<&str>) -> Result<u16, ConfigError> {
    days.map_or(Ok(DEFAULT_REVOCATION_DAYS), |days| {
        read_number(REVOCATION_DAYS, days, " of days", MAX_REVOCATION_DAYS)
    })
}

fn read_shards(shards: Option<&str>) -> Result<u16, ConfigError> {
    shards.map_or(Ok(1), |shards| read_number(SHARDS, shards, "", MAX_SHARDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn read(variables: &[(&'static str, &str)]) -> Result<Config, ConfigError> {
        Config::read(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name)?;
            Some(found.1.to_owned())
        })
    }

    pub(super) fn config(variables: &[(&'static str, &str)]) -> Config {
        read(variables).unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    pub(super) fn tenant(slug: &str) -> Tenant {
        Tenant::from_slug(slug).unwrap_or_else(|| panic!("{slug}"))
    }

    #[test]
    fn with_nothing_set_any_tenant_is_served_by_its_own_issuer() {
        let config = config(&[]);
        assert_eq!(config.audience(), "https://events.auth0a.com/api");
        assert!(config.serves(&tenant("acme@us")));
        assert_eq!(
            config.issuer(&tenant("acme@us"), "https://acme.us.auth0.com/"),
            Some(Issuer {
                issuer: "https://acme.us.auth0.com/".into(),
                jwks_uri: "https://acme.us.auth0.com/.well-known/jwks.json".into(),
            })
        );
    }

    #[test]
    fn the_events_that_count_are_chosen_by_name_and_revocations_kept_by_the_day() {
        assert_eq!(config(&[]).kinds(), &EventTypes::default());
        assert_eq!(config(&[(EVENTS, " ")]).kinds(), &EventTypes::default());
        let chosen = config(&[(EVENTS, "logout, user_deleted")]);
        assert_eq!(chosen.kinds().names(), "user_deleted, logout");
        assert_eq!(config(&[]).revocation_days(), 30);
        assert_eq!(config(&[(REVOCATION_DAYS, "7")]).revocation_days(), 7);
    }

    #[test]
    fn an_allow_list_serves_only_those_on_it() {
        let config = config(&[(TENANTS, " acme@us, acme-staging ,")]);
        assert!(config.serves(&tenant("acme@us")));
        assert!(config.serves(&tenant("acme-staging")));
        assert!(!config.serves(&tenant("acme")));
        assert!(!config.serves(&tenant("acme@eu")));
    }

    #[test]
    fn a_variable_that_cannot_be_used_is_named() {
        for (variable, value) in [
            (AUDIENCE, ""),
            (AUDIENCE, "  "),
            (TENANTS, "acme@us,Acme"),
            (TENANTS, "acme;other"),
            (ISSUERS, "{"),
            (ISSUERS, "[]"),
            (ISSUERS, r#"{"nope!":[]}"#),
            (ISSUERS, r#"{"acme":{"issuer":"https://a.com/"}}"#),
            (ISSUERS, r#"{"acme":[{"jwks_uri":"https://a.com/"}]}"#),
            (
                ISSUERS,
                r#"{"acme":[{"issuer":"https://a.com/","jwksuri":"x"}]}"#,
            ),
            (EVENTS, "logout,nonsense"),
            (REVOCATION_DAYS, "0"),
            (REVOCATION_DAYS, "367"),
            (REVOCATION_DAYS, "a month"),
            (REVOCATION_DAYS, ""),
            (SHARDS, "0"),
            (SHARDS, "101"),
            (SHARDS, "-1"),
            (SHARDS, "one"),
            (SHARDS, ""),
        ] {
            let wrong = read(&[(variable, value)]).err();
            assert_eq!(
                wrong.as_ref().map(|wrong| wrong.variable),
                Some(variable),
                "{value}"
            );
            assert!(wrong.is_some_and(|wrong| wrong.to_string().contains(variable)));
        }
    }
}
