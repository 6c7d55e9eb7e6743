//! The issuers of a tenant's access tokens.
//!
//! The keys of an issuer are fetched over TLS or from the local machine only. Anybody who could
//! replace them in transit could sign tokens for every user.

use std::fmt;

use http::Uri;
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::tenant::Tenant;

/// An issuer of access tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// The exact `iss` of its tokens.
    pub issuer: String,
    /// The URL of its key set.
    pub jwks_uri: String,
}

impl Issuer {
    /// Returns the issuer at a tenant's domain.
    pub(super) fn of_domain(tenant: &Tenant) -> Self {
        Self::with_usual_key_set(format!("https://{}/", tenant.domain()))
    }

    /// Returns the issuer with its usual key set URL (Auth0, "JSON Web Key Sets").
    fn with_usual_key_set(issuer: String) -> Self {
        let base = issuer.strip_suffix('/').unwrap_or(&issuer);
        Self {
            jwks_uri: format!("{base}/.well-known/jwks.json"),
            issuer,
        }
    }

    /// Returns the issuer's origin: the scheme, the host and the port.
    pub(super) fn origin(&self) -> Option<String> {
        let uri: Uri = self.issuer.parse().ok()?;
        let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
        Some(format!("{scheme}://{authority}"))
    }

    /// Returns whether the issuer is on the local machine.
    pub(super) fn is_local(&self) -> bool {
        let uri = self.issuer.parse::<Uri>();
        uri.is_ok_and(|uri| uri.host().is_some_and(is_loopback))
    }
}

/// An element of `issuers`, before it is checked: a URL, or an object with the URL of the key set.
pub(super) struct IssuerEntry {
    issuer: String,
    jwks_uri: Option<String>,
}

impl<'de> Deserialize<'de> for IssuerEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Object {
            issuer: String,
            jwks_uri: Option<String>,
        }

        struct EntryVisitor;

        impl<'de> Visitor<'de> for EntryVisitor {
            type Value = IssuerEntry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the URL of an issuer, or an object with issuer and jwks_uri")
            }

            fn visit_str<E: Error>(self, issuer: &str) -> Result<IssuerEntry, E> {
                let issuer = issuer.to_owned();
                Ok(IssuerEntry {
                    issuer,
                    jwks_uri: None,
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<IssuerEntry, A::Error> {
                let Object { issuer, jwks_uri } =
                    Object::deserialize(MapAccessDeserializer::new(members))?;
                Ok(IssuerEntry { issuer, jwks_uri })
            }
        }

        deserializer.deserialize_any(EntryVisitor)
    }
}

/// Checks the issuers of a tenant.
pub(super) fn parse_issuers(entries: Vec<IssuerEntry>) -> Result<Vec<Issuer>, String> {
    if entries.is_empty() {
        return Err("issuers is empty. Write for example issuers = [\"https://login.acme.com/\"], or remove it".into());
    }
    let mut issuers: Vec<Issuer> = Vec::new();
    for IssuerEntry { issuer, jwks_uri } in entries {
        check_url(&issuer)?;
        if issuers.iter().any(|other| other.issuer == issuer) {
            return Err(format!(
                "issuers contains \"{issuer}\" twice. Remove one of them"
            ));
        }
        issuers.push(match jwks_uri {
            None => Issuer::with_usual_key_set(issuer),
            Some(jwks_uri) => {
                check_url(&jwks_uri)?;
                Issuer { issuer, jwks_uri }
            }
        });
    }
    Ok(issuers)
}

fn check_url(url: &str) -> Result<(), String> {
    if is_safe_url(url) {
        return Ok(());
    }
    Err(format!(
        "issuers contains \"{url}\", which is not an accepted URL. Use an https URL such as \"https://login.acme.com/\", or an http URL on localhost"
    ))
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
    let is_plain_authority = is_plain_host(host) && authority.as_str() == host_and_port;
    let has_safe_scheme = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => is_loopback(host),
        _ => false,
    };
    is_plain_authority && has_safe_scheme && !url.contains(['@', '#', '\\'])
}

/// Returns whether a host consists of the characters of names and addresses alone. The parser also
/// accepts others, such as `;` and `*`, which have a meaning in a Content-Security-Policy.
fn is_plain_host(host: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
    !host.is_empty() && host.bytes().all(is_plain)
}

/// Returns whether the host of a URL is the local machine.
pub fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host == "[::1]"
        || host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}
