//! The domain of a tenant, which identifies it.

use std::fmt;

use super::Slug;

/// Maximum length of a host name (RFC 1035, section 2.3.4).
const MAX_DOMAIN_BYTES: usize = 253;
/// Maximum length of a label of a host name (RFC 1035, section 2.3.4).
const MAX_LABEL_BYTES: usize = 63;

/// A tenant, identified by its domain: its domain on Auth0's public cloud, or the `domain` that the
/// configuration gives it.
///
/// The domain names the tenant's objects, and its publish token is derived from it. It is a host
/// name in lower case, so one host has one spelling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tenant {
    domain: String,
}

impl Tenant {
    /// Returns the tenant on Auth0's public cloud that a slug names.
    pub fn on_auth0(slug: &Slug) -> Self {
        Self {
            domain: slug.auth0_domain(),
        }
    }

    /// Returns the tenant with this domain, if it is a host name in lower case with at least two
    /// labels.
    pub fn from_domain(domain: &str) -> Option<Self> {
        is_host_name(domain).then(|| Self {
            domain: domain.to_owned(),
        })
    }

    /// Returns the domain: `acme.us.auth0.com` or `sso.corp.example`.
    pub fn domain(&self) -> &str {
        &self.domain
    }
}

impl fmt::Display for Tenant {
    /// Formats the domain.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.domain)
    }
}

fn is_host_name(domain: &str) -> bool {
    let is_top_level = |label: &str| label.bytes().any(|byte| byte.is_ascii_lowercase());
    domain.len() <= MAX_DOMAIN_BYTES
        && domain.split('.').all(is_label)
        // The last label of an IP address is a number.
        && domain
            .rsplit_once('.')
            .is_some_and(|(_, top_level)| is_top_level(top_level))
}

fn is_label(label: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_LABEL_BYTES).contains(&label.len())
        && label.bytes().all(is_allowed)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_a_host_name_in_lower_case() {
        for domain in [
            "acme.us.auth0.com",
            "sso.corp.example",
            "a-1.b2",
            "xn--bcher-kva.example",
        ] {
            let tenant = Tenant::from_domain(domain);
            assert_eq!(tenant.as_ref().map(Tenant::domain), Some(domain));
        }
        let long_label = format!("{}.example", "a".repeat(64));
        let long_domain = format!("{}example", "a.".repeat(124));
        for domain in [
            "",
            "localhost",
            "SSO.corp.example",
            "sso.corp.example.",
            ".corp.example",
            "sso..example",
            "-sso.example",
            "sso-.example",
            "sso_1.example",
            "https://sso.corp.example",
            "sso.corp.example/realms",
            "sso.corp.example:443",
            "user@corp.example",
            "corp.example/1",
            "127.0.0.1",
            "[::1]",
            "b\u{fc}cher.example",
            &long_label,
            &long_domain,
        ] {
            assert_eq!(Tenant::from_domain(domain), None, "{domain:?}");
        }
    }

    #[test]
    fn a_slug_s_tenant_has_its_auth0_domain() {
        let slug = Slug::parse("acme@us").unwrap();
        assert_eq!(Tenant::on_auth0(&slug).domain(), "acme.us.auth0.com");
        assert_eq!(
            Tenant::from_domain("acme.us.auth0.com"),
            Some(Tenant::on_auth0(&slug))
        );
    }
}
