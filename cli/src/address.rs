//! Where the worker and the issuer are.
//!
//! Tokens and secrets are sent to both, so neither is spoken to in the clear, save on this very
//! machine.

use std::{fmt, str::FromStr};

use clap::Args;
use http::Uri;
use session_events_core::{config::is_loopback, tenant::Tenant};

/// An `https` URL without a slash at its end, or an `http` one on this machine.
#[derive(Clone, Debug)]
pub(crate) struct BaseUrl(String);

impl FromStr for BaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: Uri = text.parse().map_err(|_| "that is no URL")?;
        let host = uri.host().unwrap_or_default();
        let safe = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => is_loopback(host),
            _ => return Err("write it with https://".into()),
        };
        if !safe {
            return Err(
                "write it with https://, for tokens are sent there (http:// only to localhost)"
                    .into(),
            );
        }
        // A worker may be below a path, but an address of its tenant's is easily pasted here.
        if uri.path().contains('@') {
            return Err("leave out the path: the tenant goes into --tenant".into());
        }
        if uri.query().is_some() || text.contains(['#', '@']) {
            return Err("write it without a query, a fragment or a user".into());
        }
        let scheme = uri.scheme_str().unwrap_or_default();
        let rest = text.get(scheme.len()..).unwrap_or_default();
        Ok(Self(format!("{scheme}{}", rest.trim_end_matches('/'))))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The worker, and the tenant there.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Worker")]
pub(crate) struct Address {
    /// Where the worker is: https://events.example.com
    #[arg(long, value_name = "URL", env = "SESSION_EVENTS_URL")]
    pub(crate) url: BaseUrl,
    /// The tenant: acme for acme.auth0.com, acme@us for acme.us.auth0.com
    #[arg(long, value_name = "SLUG", env = "SESSION_EVENTS_TENANT", value_parser = tenant)]
    pub(crate) tenant: Tenant,
}

impl Address {
    /// The URL of a path below the tenant's.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}/{}{path}", self.url, self.tenant)
    }

    /// The same for a WebSocket.
    pub(crate) fn socket(&self, path: &str) -> String {
        self.path(path).replacen("http", "ws", 1)
    }
}

/// Reads a slug off the command line.
pub(crate) fn tenant(slug: &str) -> Result<Tenant, String> {
    Tenant::from_slug(slug).ok_or_else(|| {
        "write acme for acme.auth0.com, acme@us for acme.us.auth0.com (also @eu @au @jp @uk @ca)"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_travel_encrypted_or_not_at_all() {
        for good in [
            "https://events.example.com",
            "https://events.example.com/path/",
            "http://localhost:8787",
            "http://127.0.0.1:8787/",
            "http://[::1]:1",
        ] {
            assert!(good.parse::<BaseUrl>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "events.example.com",
            "http://events.example.com",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "ws://localhost",
            "https://user@example.com",
            "https://example.com/?query",
            "https://example.com/#fragment",
        ] {
            assert!(bad.parse::<BaseUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_of_a_tenants_says_where_the_tenant_goes() {
        for url in [
            "https://example.com/acme@us",
            "https://example.com/acme@us/api/publish",
        ] {
            let error = url.parse::<BaseUrl>().unwrap_err();
            assert_eq!(error, "leave out the path: the tenant goes into --tenant");
        }
        let error = "https://user@example.com".parse::<BaseUrl>().unwrap_err();
        assert_eq!(error, "write it without a query, a fragment or a user");
    }

    #[test]
    fn a_path_is_the_tenants() {
        let address = Address {
            url: "https://example.com/".parse().unwrap(),
            tenant: tenant("acme@us").unwrap(),
        };
        assert_eq!(
            address.path("/api/events"),
            "https://example.com/acme@us/api/events"
        );
        assert_eq!(address.socket("/x"), "wss://example.com/acme@us/x");
        let shouted: BaseUrl = "HTTP://localhost:1".parse().unwrap();
        assert_eq!(shouted.to_string(), "http://localhost:1");
    }
}
