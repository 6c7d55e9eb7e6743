//! What the operator set, checked as a whole.
//!
//! A [`Config`] exists only where every variable can be used, so nothing is served from half a
//! configuration. The worker's build runs the same check over `wrangler.toml`, so a bad value
//! stops a build and not a request.

use http::Uri;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    error::Misconfigured,
    event::Kinds,
    json,
    object::{Object, Unique},
    tenant::Tenant,
};

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

/// Who may sign a tenant's access tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// The `iss` of its tokens, to the letter.
    pub issuer: String,
    /// Where its key set is.
    pub jwks_uri: String,
}

impl Issuer {
    /// The issuer that every Auth0 tenant has by its domain.
    fn of_domain(tenant: &Tenant) -> Self {
        let issuer = format!("https://{}/", tenant.domain());
        Self {
            jwks_uri: default_jwks_uri(&issuer),
            issuer,
        }
    }
}

/// The configuration of this deployment.
#[derive(Clone, Debug)]
pub struct Config {
    audience: String,
    tenants: Vec<Tenant>,
    /// A tenant comes as often as it has further issuers.
    issuers: Vec<(Tenant, Issuer)>,
    kinds: Kinds,
    revocation_days: u16,
    shards: u16,
}

impl Config {
    /// Reads the variables through `lookup`, which yields a variable's text where it is set.
    ///
    /// # Errors
    ///
    /// The first variable that cannot be used, and why.
    pub fn read(lookup: impl Fn(&'static str) -> Option<String>) -> Result<Self, Misconfigured> {
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
    pub fn kinds(&self) -> &Kinds {
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

    /// Who may sign the tenant's access tokens.
    pub fn issuers(&self, tenant: &Tenant) -> impl Iterator<Item = Issuer> {
        let further = self.further_issuers(tenant).cloned();
        std::iter::once(Issuer::of_domain(tenant)).chain(further)
    }

    /// The issuer of this tenant whose tokens carry `iss`, compared to the letter.
    pub fn issuer(&self, tenant: &Tenant, iss: &str) -> Option<Issuer> {
        self.issuers(tenant).find(|issuer| issuer.issuer == iss)
    }

    /// The origins of the tenant's issuers on this very host: those that stand in for Auth0 while
    /// the worker runs on somebody's machine. A deployment has none.
    pub fn local_issuer_origins(&self, tenant: &Tenant) -> Vec<String> {
        self.further_issuers(tenant)
            .filter_map(|issuer| local_origin(&issuer.issuer))
            .collect()
    }

    fn further_issuers(&self, tenant: &Tenant) -> impl Iterator<Item = &Issuer> {
        let of_tenant = self.issuers.iter().filter(move |(of, _)| of == tenant);
        of_tenant.map(|(_, issuer)| issuer)
    }
}

fn local_origin(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    is_loopback(authority.host()).then(|| format!("{scheme}://{authority}"))
}

fn read_audience(audience: Option<String>) -> Result<String, Misconfigured> {
    let audience = audience.unwrap_or_else(|| DEFAULT_AUDIENCE.to_owned());
    if audience.trim().is_empty() {
        return Err(Misconfigured {
            variable: AUDIENCE,
            problem: "must not be empty: set the identifier of your API in Auth0".into(),
        });
    }
    Ok(audience)
}

fn read_tenants(list: &str) -> Result<Vec<Tenant>, Misconfigured> {
    list.split(',')
        .map(str::trim)
        .filter(|slug| !slug.is_empty())
        .map(|slug| read_slug(TENANTS, slug))
        .collect()
}

fn read_slug(variable: &'static str, slug: &str) -> Result<Tenant, Misconfigured> {
    Tenant::from_slug(slug).ok_or_else(|| Misconfigured {
        variable,
        problem: format!("names \"{slug}\", which is not a tenant: write acme or acme@us"),
    })
}

/// An empty list is as good as none: a worker that takes no event is of no use to anybody.
fn read_kinds(list: Option<&str>) -> Result<Kinds, Misconfigured> {
    let Some(list) = list.filter(|list| !list.trim().is_empty()) else {
        return Ok(Kinds::default());
    };
    Kinds::parse(list).map_err(|name| Misconfigured {
        variable: EVENTS,
        problem: format!(
            "names {name}, which is no type of event: there are {}",
            Kinds::all().names()
        ),
    })
}

/// Reads a whole number, of something, from 1 to `most`.
fn read_number(
    variable: &'static str,
    value: &str,
    of: &str,
    most: u16,
) -> Result<u16, Misconfigured> {
    let value = value.trim();
    let number = value.parse().ok();
    number
        .filter(|number| (1..=most).contains(number))
        .ok_or_else(|| Misconfigured {
            variable,
            problem: format!("must be a whole number{of} from 1 to {most}, not \"{value}\""),
        })
}

fn read_revocation_days(days: Option<&str>) -> Result<u16, Misconfigured> {
    days.map_or(Ok(DEFAULT_REVOCATION_DAYS), |days| {
        read_number(REVOCATION_DAYS, days, " of days", MAX_REVOCATION_DAYS)
    })
}

fn read_shards(shards: Option<&str>) -> Result<u16, Misconfigured> {
    shards.map_or(Ok(1), |shards| read_number(SHARDS, shards, "", MAX_SHARDS))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuerEntry {
    issuer: String,
    jwks_uri: Option<String>,
}

fn read_issuers(text: &str) -> Result<Vec<(Tenant, Issuer)>, Misconfigured> {
    let wrong = |problem: String| Misconfigured {
        variable: ISSUERS,
        problem,
    };
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let unreadable = |error: serde_json::Error| {
        wrong(format!(
            "must be JSON like {{\"acme@us\":[{{\"issuer\":\"https://login.acme.com/\"}}]}} ({error})"
        ))
    };
    let Unique(entries): Unique<Value> = json::read(text).map_err(unreadable)?;
    let mut issuers = Vec::new();
    for (slug, list) in entries {
        // By way of text, so that there is one reader of JSON and not one of values as well.
        let list = serde_json::to_string(&list).map_err(unreadable)?;
        let list: Vec<Object<IssuerEntry>> = json::read(&list).map_err(unreadable)?;
        let tenant = read_slug(ISSUERS, &slug)?;
        for Object(IssuerEntry { issuer, jwks_uri }) in list {
            let jwks_uri = jwks_uri.unwrap_or_else(|| default_jwks_uri(&issuer));
            check_url(&issuer).map_err(wrong)?;
            check_url(&jwks_uri).map_err(wrong)?;
            issuers.push((tenant.clone(), Issuer { issuer, jwks_uri }));
        }
    }
    Ok(issuers)
}

/// Where an issuer has its key set unless it says otherwise (Auth0, "JSON Web Key Sets").
fn default_jwks_uri(issuer: &str) -> String {
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    format!("{base}/.well-known/jwks.json")
}

/// Lets pass what keys may be fetched from: `https`, or `http` on this very host, where nobody
/// is in between.
fn check_url(url: &str) -> Result<(), String> {
    let wrong = || format!("holds \"{url}\", which must be an https URL (http only on localhost)");
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let plain = |text: &str| !text.contains(['@', '#', '\\']);
    let authority = uri.authority().ok_or_else(wrong)?;
    let host = authority.host();
    // The parser leaves aside what it does not know around a host and a port.
    let whole = match authority.port_u16() {
        None => host.to_owned(),
        Some(port) => format!("{host}:{port}"),
    };
    let complete = !host.is_empty() && authority.as_str() == whole;
    let safe = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => is_loopback(host),
        _ => false,
    };
    if safe && complete && plain(url) {
        Ok(())
    } else {
        Err(wrong())
    }
}

/// Whether a host is this very machine, as the host of a URL has it.
pub fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host == "[::1]"
        || host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&'static str, &str)]) -> Result<Config, Misconfigured> {
        Config::read(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name)?;
            Some(found.1.to_owned())
        })
    }

    fn config(variables: &[(&'static str, &str)]) -> Config {
        read(variables).unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    fn tenant(slug: &str) -> Tenant {
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
    fn only_issuers_on_this_host_count_as_local_and_only_for_their_tenant() {
        let config = config(&[(
            ISSUERS,
            r#"{"acme@us":[{"issuer":"https://a.com/"},{"issuer":"http://localhost:8788/x/"},{"issuer":"https://127.0.0.1/"}]}"#,
        )]);
        assert_eq!(
            config.local_issuer_origins(&tenant("acme@us")),
            ["http://localhost:8788", "https://127.0.0.1"]
        );
        assert!(config.local_issuer_origins(&tenant("acme")).is_empty());
    }

    #[test]
    fn an_issuer_is_compared_to_the_letter_and_belongs_to_one_tenant() {
        let config = config(&[(
            ISSUERS,
            r#"{"acme@us":[{"issuer":"https://login.acme.com/"}]}"#,
        )]);
        let acme = tenant("acme@us");
        assert!(config.issuer(&acme, "https://login.acme.com/").is_some());
        for iss in [
            "",
            "https://acme.us.auth0.com",
            "http://acme.us.auth0.com/",
            "https://ACME.us.auth0.com/",
            "https://acme.eu.auth0.com/",
            "https://login.acme.com",
            "https://login.acme.com/ ",
        ] {
            assert_eq!(config.issuer(&acme, iss), None, "{iss}");
        }
        assert_eq!(
            config.issuer(&tenant("acme"), "https://login.acme.com/"),
            None
        );
    }

    #[test]
    fn a_custom_domain_s_key_set_is_where_it_says_or_at_the_usual_place() {
        let config = config(&[(
            ISSUERS,
            r#"{"acme@us":[{"issuer":"https://a.com/"},{"issuer":"https://b.com/","jwks_uri":"https://keys.b.com/set"},{"issuer":"http://localhost:8788","jwks_uri":"http://127.0.0.1:8788/jwks"}]}"#,
        )]);
        let uri = |iss| {
            config
                .issuer(&tenant("acme@us"), iss)
                .map(|issuer| issuer.jwks_uri)
        };
        assert_eq!(
            uri("https://a.com/").as_deref(),
            Some("https://a.com/.well-known/jwks.json")
        );
        assert_eq!(
            uri("https://b.com/").as_deref(),
            Some("https://keys.b.com/set")
        );
        assert_eq!(
            uri("http://localhost:8788").as_deref(),
            Some("http://127.0.0.1:8788/jwks")
        );
    }

    #[test]
    fn a_tenant_that_is_spelt_in_two_ways_has_the_issuers_of_both() {
        let config = config(&[(
            ISSUERS,
            r#"{"acme%40us":[{"issuer":"https://a.com/"}],"acme@us":[{"issuer":"https://b.com/"}]}"#,
        )]);
        for iss in ["https://a.com/", "https://b.com/"] {
            assert!(config.issuer(&tenant("acme@us"), iss).is_some(), "{iss}");
        }
    }

    #[test]
    fn a_slug_that_stands_twice_in_one_spelling_is_refused_by_its_name() {
        for again in ["acme@us", r"acme\u0040us"] {
            let list = r#"[{"issuer":"https://a.com/"}]"#;
            let json = format!(r#"{{"acme@us":{list},"acme":[],"{again}":{list}}}"#);
            let Err(wrong) = read(&[(ISSUERS, &json)]) else {
                panic!("{json} is taken");
            };
            assert_eq!(wrong.variable, ISSUERS);
            let sentence = wrong.to_string();
            assert!(
                sentence.contains(r#""acme@us" stands there twice"#),
                "{sentence}"
            );
        }
    }

    #[test]
    fn keys_are_fetched_over_https_or_from_this_very_host() {
        for url in [
            "http://login.acme.com/",
            "http://localhost.evil.com/",
            "http://127.0.0.1.evil.com/",
            "http://169.254.169.254/",
            "ftp://login.acme.com/",
            "login.acme.com",
            "/keys",
            "https://user@login.acme.com/",
            "https://login.acme.com/#here",
            "https://login.acme.com:99999/",
            "http://localhost:;script-src/",
            "http://localhost:+1/",
            "http://[::1]3:1/",
            "https://",
            "",
        ] {
            let json = format!(r#"{{"acme@us":[{{"issuer":"{url}"}}]}}"#);
            let wrong = read(&[(ISSUERS, &json)]).err();
            assert_eq!(wrong.map(|wrong| wrong.variable), Some(ISSUERS), "{url}");
        }
        for url in [
            "https://login.acme.com/",
            "http://localhost:8788/",
            "http://127.0.0.1/",
            "http://[::1]:1/",
        ] {
            let json = format!(r#"{{"acme@us":[{{"issuer":"{url}"}}]}}"#);
            assert!(read(&[(ISSUERS, &json)]).is_ok(), "{url}");
        }
    }

    #[test]
    fn the_events_that_count_are_chosen_by_name_and_revocations_kept_by_the_day() {
        assert_eq!(config(&[]).kinds(), &Kinds::default());
        assert_eq!(config(&[(EVENTS, " ")]).kinds(), &Kinds::default());
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
