//! The issuers of a tenant's access tokens.
//!
//! The keys of an issuer are fetched over TLS or from the local machine only. Anybody who could
//! replace them in transit could sign tokens for every user.

use http::Uri;
use serde::Deserialize;
use serde_json::Value;

use super::variables::{ISSUERS, parse_tenant};
use crate::{
    error::ConfigError,
    json::{JsonObject, NoDuplicateKeys},
    tenant::Tenant,
};

/// An issuer of access tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// The exact `iss` of its tokens.
    pub issuer: String,
    /// The URL of its key set.
    pub jwks_uri: String,
}

impl Issuer {
    /// Returns the issuer at a tenant's Auth0 domain.
    pub(super) fn auth0_domain(tenant: &Tenant) -> Self {
        let issuer = format!("https://{}/", tenant.domain());
        Self {
            jwks_uri: default_jwks_uri(&issuer),
            issuer,
        }
    }

    /// Returns the issuer's origin if it is on the local machine.
    pub(super) fn local_origin(&self) -> Option<String> {
        let uri: Uri = self.issuer.parse().ok()?;
        let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
        is_loopback(authority.host()).then(|| format!("{scheme}://{authority}"))
    }
}

/// An issuer in the JSON of [`ISSUERS`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuerEntry {
    issuer: String,
    jwks_uri: Option<String>,
}

/// Parses a JSON object that maps each tenant's slug to a list of issuers.
pub(super) fn parse_issuers(json: &str) -> Result<Vec<(Tenant, Issuer)>, ConfigError> {
    if json.trim().is_empty() {
        return Ok(Vec::new());
    }
    let NoDuplicateKeys(lists): NoDuplicateKeys<Value> =
        serde_json::from_str(json).map_err(invalid_json)?;
    let mut issuers = Vec::new();
    for (slug, list) in lists {
        let entries: Vec<JsonObject<IssuerEntry>> =
            serde_json::from_value(list).map_err(invalid_json)?;
        let tenant = parse_tenant(ISSUERS, &slug)?;
        for JsonObject(IssuerEntry { issuer, jwks_uri }) in entries {
            let jwks_uri = jwks_uri.unwrap_or_else(|| default_jwks_uri(&issuer));
            check_url(&issuer)?;
            check_url(&jwks_uri)?;
            issuers.push((tenant.clone(), Issuer { issuer, jwks_uri }));
        }
    }
    Ok(issuers)
}

fn invalid_json(error: serde_json::Error) -> ConfigError {
    ConfigError {
        variable: ISSUERS,
        problem: format!(
            "is invalid ({error}). Write JSON such as {{\"acme@us\":[{{\"issuer\":\"https://login.acme.com/\"}}]}}"
        ),
    }
}

/// Returns the usual URL of an issuer's key set (Auth0, "JSON Web Key Sets").
fn default_jwks_uri(issuer: &str) -> String {
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    format!("{base}/.well-known/jwks.json")
}

fn check_url(url: &str) -> Result<(), ConfigError> {
    if is_safe_url(url) {
        Ok(())
    } else {
        Err(ConfigError {
            variable: ISSUERS,
            problem: format!(
                "contains \"{url}\", which is not an accepted URL. Use an https URL, or an http URL on localhost"
            ),
        })
    }
}

/// Returns whether keys may be fetched from a URL: over `https`, or over `http` from the local
/// machine.
fn is_safe_url(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else {
        return false;
    };
    let Some(authority) = uri.authority() else {
        return false;
    };
    let host = authority.host();
    // The parser tolerates other text next to the host and the port.
    let host_and_port = match authority.port_u16() {
        None => host.to_owned(),
        Some(port) => format!("{host}:{port}"),
    };
    let is_plain_authority = !host.is_empty() && authority.as_str() == host_and_port;
    let has_safe_scheme = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => is_loopback(host),
        _ => false,
    };
    is_plain_authority && has_safe_scheme && !url.contains(['@', '#', '\\'])
}

/// Returns whether the host of a URL is the local machine.
pub fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host == "[::1]"
        || host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}
