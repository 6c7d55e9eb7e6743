//! Property: reading the configuration.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use session_events_core::tenant::{
    Slug, Tenant,
    config::{Config, TENANTS, TenantConfig, is_loopback},
};
use url::{Host, Url};

/// The names of variables start with one of these.
const VARIABLES: [&str; 6] = [
    "AUDIENCE",
    TENANTS,
    "ISSUERS",
    "EVENTS",
    "REVOCATION_DAYS",
    "SHARDS",
];

/// A valid configuration contains every tenant and issuer in the input, and no other tenant. No two
/// tenants have the same domain. Key-set URLs use `https`, or `http` with a loopback host, according
/// to an independent URL parser. The input consists of lines `NAME=value`.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let variables: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    let lookup = |name: &str| variables.get(name).map(|&text| text.to_owned());
    let config = match Config::read(lookup) {
        Ok(config) => config,
        Err(error) => {
            assert!(
                VARIABLES
                    .iter()
                    .any(|name| error.variable.starts_with(name))
            );
            return assert!(error.to_string().contains(error.variable.as_ref()));
        }
    };
    assert_eq!(Config::check_form(lookup), Ok(()));
    let tenants = variables.get(TENANTS).expect("a configuration has tenants");
    let stranger = Slug::parse("a-stranger-to-every-list@jp").expect("a slug");
    match tenants.trim() {
        "*" => check_tenant(
            &config,
            &config.tenant(&stranger).expect("any tenant"),
            None,
        ),
        table if table.starts_with('{') => {
            assert!(table.contains(&stranger.to_string()) || config.tenant(&stranger).is_none());
            check_table(&config, &variables);
        }
        list => {
            for slug in list
                .split(',')
                .map(str::trim)
                .filter(|slug| !slug.is_empty())
            {
                let slug = Slug::parse(slug).expect("a slug");
                check_tenant(&config, &config.tenant(&slug).expect("a tenant"), None);
            }
        }
    }
}

fn check_table(config: &Config, variables: &BTreeMap<&str, &str>) {
    let mut domains = BTreeSet::new();
    let is_number = |number: &str| (2..=64).any(|expected| number == expected.to_string());
    for (name, text) in variables {
        let continues = name.strip_prefix("TENANTS_").is_some_and(is_number);
        if !(*name == TENANTS || continues) || text.trim().is_empty() {
            continue;
        }
        let entries: BTreeMap<String, Value> = serde_json::from_str(text).expect("JSON");
        for (slug, entry) in entries {
            let slug = Slug::parse(&slug).expect("a slug");
            let tenant = config.tenant(&slug).expect("a tenant");
            check_tenant(config, &tenant, Some(&entry));
            assert!(domains.insert(tenant.tenant().domain().to_owned()));
        }
    }
}

fn check_tenant(config: &Config, tenant: &TenantConfig, entry: Option<&Value>) {
    let member = |name: &str| {
        entry
            .and_then(|entry| entry.get(name))
            .filter(|member| !member.is_null())
    };
    assert!(!tenant.audience().trim().is_empty());
    let domain = tenant.tenant().domain();
    let auth0_domain = tenant.slug().auth0_domain();
    let given = member("domain").map(|domain| domain.as_str().expect("text"));
    assert_eq!(domain, given.unwrap_or(&auth0_domain));
    let url = Url::parse(&format!("https://{domain}/")).expect("a host");
    assert_eq!(url.host_str(), Some(domain));
    let same = Tenant::from_domain(domain).expect("a domain");
    assert_eq!(config.tenant_of_domain(&same).as_deref(), Some(tenant));

    let listed = member("issuers").and_then(Value::as_array);
    if given.is_none() || listed.is_none() {
        assert!(tenant.issuer(&format!("https://{domain}/")).is_some());
    }
    for entry in listed.into_iter().flatten() {
        let iss = entry.as_str().or_else(|| entry.get("issuer")?.as_str());
        assert!(tenant.issuer(iss.expect("text")).is_some());
    }
    assert!(!tenant.issuers().is_empty());
    for issuer in tenant.issuers() {
        check_url(&issuer.issuer);
        check_url(&issuer.jwks_uri);
    }
    for origin in tenant.console_issuer_origins() {
        // The origin becomes part of a Content-Security-Policy, in which * is a wildcard.
        assert!(
            !origin.contains([' ', ';', ',', '\'', '"', '*']),
            "{origin}"
        );
        // The runtime cannot fetch a URL that a standard parser rejects.
        let Ok(url) = Url::parse(&origin) else {
            continue;
        };
        assert_eq!(url.path(), "/");
        let is_local = url.host_str().is_some_and(is_loopback);
        assert!(is_local || tenant.console_client_id().is_some(), "{origin}");
    }
}

fn check_url(url: &str) {
    assert!(!url.contains(char::is_whitespace), "{url}");
    // The runtime cannot fetch a URL that a standard parser rejects.
    let Ok(parsed) = Url::parse(url) else { return };
    assert!(
        parsed.username().is_empty() && parsed.password().is_none(),
        "{url}"
    );
    assert_eq!(parsed.fragment(), None, "{url}");
    let is_loopback = match parsed.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => panic!("{url} has no host"),
    };
    assert!(
        parsed.scheme() == "https" || parsed.scheme() == "http" && is_loopback,
        "{url}"
    );
}
