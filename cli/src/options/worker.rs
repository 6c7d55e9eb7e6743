//! The URL of the Worker and the tenant.

use std::{fmt, str::FromStr};

use clap::Args;
use http::Uri;
use session_events_core::tenant::{Slug, Tenant, config::is_loopback};

use crate::error::{Error, Result};

/// An `https` URL without a trailing slash.
///
/// Tokens and secrets are sent to these URLs, so plain `http` is accepted for loopback hosts only.
#[derive(Clone, Debug)]
pub(crate) struct BaseUrl(String);

impl FromStr for BaseUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let uri: Uri = text.parse().map_err(|_| "this is not a URL")?;
        let host = uri.host().unwrap_or_default();
        let is_secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => is_loopback(host),
            _ => return Err("write it with https://".into()),
        };
        if !is_secure {
            return Err(
                "write it with https://, because tokens are sent there (http:// only for localhost)"
                    .into(),
            );
        }
        // A path is allowed, because a Worker can be routed below one. An `@` in the path means
        // that a URL of the tenant was pasted.
        if uri.path().contains('@') {
            return Err("remove the path: the tenant belongs in --tenant".into());
        }
        if uri.query().is_some() || text.contains(['#', '@']) {
            return Err("write it without a query, a fragment or a user".into());
        }
        let scheme = uri.scheme_str().unwrap_or_default();
        let rest = text.get(scheme.len()..).unwrap_or_default();
        Ok(Self(format!("{scheme}{}", rest.trim_end_matches('/'))))
    }
}

impl BaseUrl {
    /// The host without the brackets of an IPv6 address, and the port.
    pub(crate) fn host_and_port(&self) -> Result<(String, u16)> {
        let uri: Uri = self.0.parse().map_err(|_| format!("{self} is not a URL"))?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let default_port = if uri.scheme_str() == Some("http") {
            80
        } else {
            443
        };
        Ok((host.to_owned(), uri.port_u16().unwrap_or(default_port)))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Worker")]
pub(crate) struct WorkerOptions {
    /// The URL of the Worker: https://events.example.com
    #[arg(long, value_name = "URL", env = "SESSION_EVENTS_URL")]
    pub(crate) url: BaseUrl,
    /// The tenant: acme for acme.auth0.com, acme@us for acme.us.auth0.com
    #[arg(id = "tenant", long = "tenant", value_name = "SLUG", env = "SESSION_EVENTS_TENANT", value_parser = parse_slug)]
    pub(crate) slug: Slug,
    #[command(flatten)]
    pub(crate) domain: DomainOptions,
}

/// The domain of a tenant that is not on Auth0's public cloud.
#[derive(Args, Clone, Debug)]
pub(crate) struct DomainOptions {
    /// The tenant's domain, if the Worker's TENANTS has a domain for it: sso.corp.example
    #[arg(long, value_name = "HOST", env = "SESSION_EVENTS_DOMAIN", value_parser = parse_domain)]
    domain: Option<Tenant>,
}

impl DomainOptions {
    /// Returns the tenant with the given domain, if a domain is given.
    pub(crate) fn given(&self) -> Option<&Tenant> {
        self.domain.as_ref()
    }

    /// Sets the domain, as if it had been given.
    pub(crate) fn set(&mut self, tenant: Tenant) {
        self.domain = Some(tenant);
    }

    /// Returns the tenant with the given domain, or else the tenant on Auth0's public cloud.
    pub(crate) fn tenant(&self, slug: &Slug) -> Tenant {
        self.domain
            .clone()
            .unwrap_or_else(|| Tenant::on_auth0(slug))
    }
}

impl WorkerOptions {
    /// Returns the tenant.
    pub(crate) fn tenant(&self) -> Tenant {
        self.domain.tenant(&self.slug)
    }

    /// The URL of a path of the tenant, such as `/api/events`.
    pub(crate) fn endpoint(&self, path: &str) -> String {
        format!("{}/{}{path}", self.url, self.slug)
    }

    /// The same URL with the scheme `ws` or `wss`.
    pub(crate) fn websocket_endpoint(&self, path: &str) -> String {
        self.endpoint(path).replacen("http", "ws", 1)
    }
}

pub(crate) fn parse_slug(slug: &str) -> Result<Slug> {
    Slug::parse(slug).ok_or_else(|| {
        "write acme for acme.auth0.com, acme@us for acme.us.auth0.com (also @eu @au @jp @uk @ca)"
            .into()
    })
}

fn parse_domain(domain: &str) -> Result<Tenant> {
    Tenant::from_domain(domain)
        .ok_or_else(|| "write the host alone in lower case, such as sso.corp.example".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_https_unless_the_host_is_loopback() {
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
    fn the_error_for_a_url_of_a_tenant_refers_to_the_tenant_option() {
        for url in [
            "https://example.com/acme@us",
            "https://example.com/acme@us/api/publish",
        ] {
            let error = url.parse::<BaseUrl>().unwrap_err();
            assert_eq!(
                error.to_string(),
                "remove the path: the tenant belongs in --tenant"
            );
        }
        let error = "https://user@example.com".parse::<BaseUrl>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "write it without a query, a fragment or a user"
        );
    }

    #[test]
    fn endpoints_contain_the_tenant() {
        let worker = WorkerOptions {
            url: "https://example.com/".parse().unwrap(),
            slug: parse_slug("acme@us").unwrap(),
            domain: DomainOptions { domain: None },
        };
        assert_eq!(
            worker.endpoint("/api/events"),
            "https://example.com/acme@us/api/events"
        );
        assert_eq!(
            worker.websocket_endpoint("/x"),
            "wss://example.com/acme@us/x"
        );
        let uppercase: BaseUrl = "HTTP://localhost:1".parse().unwrap();
        assert_eq!(uppercase.to_string(), "http://localhost:1");
    }
}
