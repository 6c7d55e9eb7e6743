//! Who may sign a tenant's access tokens.
//!
//! An [`Issuer`] that the operator lists is here only if its keys come over TLS, or from this very
//! host: whoever could change them on their way would be taken for anybody.

use http::Uri;
use serde::Deserialize;
use serde_json::Value;

use super::{ISSUERS, read_slug};
use crate::{
    error::ConfigError,
    json::{JsonObject, NoDuplicateKeys},
    tenant::Tenant,
};

/// One who may sign a tenant's access tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// The `iss` of its tokens, to the letter.
    pub issuer: String,
    /// Where its key set is.
    pub jwks_uri: String,
}

impl Issuer {
    /// The issuer that every Auth0 tenant has by its domain.
    pub(super) fn of_domain(tenant: &Tenant) -> Self {
        let issuer = format!("https://{}/", tenant.domain());
        Self {
            jwks_uri: default_jwks_uri(&issuer),
            issuer,
        }
    }

    /// Its origin where it is on this very host.
    pub(super) fn local_origin(&self) -> Option<String> {
        let uri: Uri = self.issuer.parse().ok()?;
        let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
        is_loopback(authority.host()).then(|| format!("{scheme}://{authority}"))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuerEntry {
    issuer: String,
    jwks_uri: Option<String>,
}

/// Reads a JSON object of lists, by slug; a tenant comes as often as it has issuers.
pub(super) fn read_issuers(text: &str) -> Result<Vec<(Tenant, Issuer)>, ConfigError> {
    let wrong = |problem: String| ConfigError {
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
    let NoDuplicateKeys(entries): NoDuplicateKeys<Value> =
        serde_json::from_str(text).map_err(unreadable)?;
    let mut issuers = Vec::new();
    for (slug, list) in entries {
        // By way of text, so that there is one reader of JSON and not one of values as well.
        let list = serde_json::to_string(&list).map_err(unreadable)?;
        let list: Vec<JsonObject<IssuerEntry>> = serde_json::from_str(&list).map_err(unreadable)?;
        let tenant = read_slug(ISSUERS, &slug)?;
        for JsonObject(IssuerEntry { issuer, jwks_uri }) in list {
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
    use super::super::tests::{config, read, tenant};
    use super::*;

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
    fn the_own_domain_s_key_set_is_where_it_is_listed() {
        let own = "https://acme.us.auth0.com/";
        let keys = "https://keys.acme.com/set";
        let listed = format!(r#"{{"acme@us":[{{"issuer":"{own}","jwks_uri":"{keys}"}}]}}"#);
        let config = config(&[(ISSUERS, &listed)]);
        let issuers: Vec<_> = config.issuers(&tenant("acme@us")).collect();
        let (issuer, jwks_uri) = (own.into(), keys.into());
        assert_eq!(issuers, [Issuer { issuer, jwks_uri }]);
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
                sentence.contains(r#""acme@us" duplicate key"#),
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
}
