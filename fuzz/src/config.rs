//! The variables that the operator sets.

use std::collections::BTreeMap;

use serde_json::Value;
use session_events_core::tenant::{
    Tenant,
    config::{AUDIENCE, Config, ISSUERS, SHARDS, TENANTS, is_loopback},
};
use url::{Host, Url};

use super::acme;

/// What is taken names every tenant and issuer that the operator wrote, and keys are fetched over
/// `https` or from this very host, as a browser's reading of the URL has it. The bytes are lines
/// `NAME=value`.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let variables: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    let config = match Config::read(|name| variables.get(name).map(|&text| text.to_owned())) {
        Ok(config) => config,
        Err(wrong) => {
            let known = [AUDIENCE, TENANTS, ISSUERS, SHARDS];
            assert!(known.contains(&wrong.variable));
            return assert!(wrong.to_string().contains(wrong.variable));
        }
    };
    assert!(!config.audience().trim().is_empty());
    check_tenants(&config, variables.get(TENANTS).unwrap_or(&""));
    check_issuers(&config, variables.get(ISSUERS).unwrap_or(&""));
}

fn check_tenants(config: &Config, list: &str) {
    let slugs = || {
        list.split(',')
            .map(str::trim)
            .filter(|slug| !slug.is_empty())
    };
    for slug in slugs() {
        assert!(config.serves(&Tenant::from_slug(slug).expect("a tenant")));
    }
    let stranger = Tenant::from_slug("a-stranger-to-every-list@jp").expect("a tenant");
    let listed = slugs().any(|slug| Tenant::from_slug(slug).as_ref() == Some(&stranger));
    assert_eq!(config.serves(&stranger), listed || slugs().next().is_none());
}

fn check_issuers(config: &Config, json: &str) {
    let own = "https://acme.us.auth0.com/";
    assert!(config.issuer(&acme(), own).is_some());
    if json.trim().is_empty() {
        return;
    }
    let entries: BTreeMap<String, Vec<Value>> = serde_json::from_str(json).expect("JSON");
    for (slug, list) in entries {
        let tenant = Tenant::from_slug(&slug).expect("a tenant");
        for entry in list {
            // serde takes a list of the fields as well.
            let iss = entry.get("issuer").or_else(|| entry.get(0));
            let iss = iss.and_then(Value::as_str).expect("text");
            let issuer = config.issuer(&tenant, iss).expect("the issuer is known");
            assert_eq!(issuer.issuer, iss);
            check_url(&issuer.issuer);
            check_url(&issuer.jwks_uri);
        }
        for origin in config.local_issuer_origins(&tenant) {
            // It becomes a word of a Content-Security-Policy.
            assert!(!origin.contains([' ', ';', ',', '\'', '"']), "{origin}");
            let url = Url::parse(&origin).expect("an origin");
            assert_eq!(url.path(), "/");
            assert!(url.host_str().is_some_and(is_loopback), "{origin}");
        }
    }
}

fn check_url(url: &str) {
    assert!(!url.contains(char::is_whitespace), "{url}");
    // What the runtime cannot read it cannot fetch from either.
    let Ok(read) = Url::parse(url) else { return };
    assert!(
        read.username().is_empty() && read.password().is_none(),
        "{url}"
    );
    assert_eq!(read.fragment(), None, "{url}");
    let here = match read.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => panic!("{url} has no host"),
    };
    assert!(
        read.scheme() == "https" || read.scheme() == "http" && here,
        "{url}"
    );
}
