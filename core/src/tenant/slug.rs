//! Auth0 tenants and their slugs.
//!
//! A [`Tenant`] exists only if its slug or domain is valid. Its domain becomes the host of the key
//! set request and the name of the tenant object. So no other text from a request path can become
//! either.

use std::fmt;

/// The locality of a tenant: the region in a slug (`acme@us`) and in a domain
/// (`acme.us.auth0.com`).
///
/// Source: Auth0, "Create Tenants": each region has its own domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Locality {
    /// United States.
    Us,
    /// Europe.
    Eu,
    /// Australia.
    Au,
    /// Japan.
    Jp,
    /// United Kingdom.
    Uk,
    /// Canada.
    Ca,
}

impl Locality {
    /// All localities.
    pub const ALL: [Self; 6] = [Self::Us, Self::Eu, Self::Au, Self::Jp, Self::Uk, Self::Ca];

    fn as_str(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::Eu => "eu",
            Self::Au => "au",
            Self::Jp => "jp",
            Self::Uk => "uk",
            Self::Ca => "ca",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|locality| locality.as_str() == text)
    }
}

/// An Auth0 tenant: a valid name and a locality. The oldest tenants have no locality.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tenant {
    name: String,
    locality: Option<Locality>,
}

impl Tenant {
    /// Parses a slug, `NAME` or `NAME@LOCALITY`. In a path, the `@` may be encoded as `%40`.
    pub fn from_slug(slug: &str) -> Option<Self> {
        match slug.split_once('@').or_else(|| slug.split_once("%40")) {
            None => Self::new(slug, None),
            Some((name, locality)) => Self::new(name, Some(locality)),
        }
    }

    /// Parses an Auth0 domain, the inverse of [`Tenant::domain`].
    pub fn from_domain(domain: &str) -> Option<Self> {
        let host = domain.strip_suffix(".auth0.com")?;
        match host.split_once('.') {
            None => Self::new(host, None),
            Some((name, locality)) => Self::new(name, Some(locality)),
        }
    }

    fn new(name: &str, locality: Option<&str>) -> Option<Self> {
        let locality = match locality {
            None => None,
            Some(text) => Some(Locality::parse(text)?),
        };
        is_valid_name(name).then(|| Self {
            name: name.to_owned(),
            locality,
        })
    }

    /// Returns the name: the `tenant_name` of log records.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the Auth0 domain: `acme.us.auth0.com`.
    pub fn domain(&self) -> String {
        match self.locality {
            None => format!("{}.auth0.com", self.name),
            Some(locality) => format!("{}.{}.auth0.com", self.name, locality.as_str()),
        }
    }
}

impl fmt::Display for Tenant {
    /// Formats the slug, with a literal `@`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.locality {
            None => f.write_str(&self.name),
            Some(locality) => write!(f, "{}@{}", self.name, locality.as_str()),
        }
    }
}

/// Returns whether a name has 3 to 63 characters of `a-z`, `0-9` and `-`, without a hyphen at
/// either end. Such a name is a single DNS label, so the domain is always below `auth0.com`.
fn is_valid_name(name: &str) -> bool {
    let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name
            .bytes()
            .all(|byte| is_alphanumeric(byte) || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_slug_identifies_an_auth0_domain() {
        for (slug, domain) in [
            ("acme", "acme.auth0.com"),
            ("acme@us", "acme.us.auth0.com"),
            ("acme%40eu", "acme.eu.auth0.com"),
            ("a-1@au", "a-1.au.auth0.com"),
            ("acme@jp", "acme.jp.auth0.com"),
            ("acme@uk", "acme.uk.auth0.com"),
            ("acme@ca", "acme.ca.auth0.com"),
        ] {
            let tenant = Tenant::from_slug(slug).map(|tenant| tenant.domain());
            assert_eq!(tenant.as_deref(), Some(domain), "{slug}");
        }
    }

    #[test]
    fn any_other_slug_is_invalid() {
        let too_long = "a".repeat(64);
        for slug in [
            "",
            "a",
            "ab",
            "-acme",
            "acme-",
            "Acme",
            "acme@",
            "acme@us@eu",
            "acme@US",
            "acme@xx",
            "@us",
            "acme.us",
            "ac me",
            "acme@us.evil.com",
            "acme%2eus",
            "acme%40%75s",
            "ac_me",
            "acme%40us%40eu",
            "acmé",
            "acme@us/",
            "\u{430}cme",
            &too_long,
        ] {
            assert_eq!(Tenant::from_slug(slug), None, "{slug}");
        }
        assert!(Tenant::from_slug(&"a".repeat(63)).is_some());
        assert!(Tenant::from_slug("abc").is_some());
    }

    proptest! {
        #[test]
        fn a_slug_is_valid_exactly_when_it_matches_the_grammar(slug in "[a-zA-Z0-9@%.-]{0,66}|[a-z0-9][a-z0-9-]{1,61}[a-z0-9](@(us|eu|au|jp|uk|ca|xx))?") {
            let (name, locality) = slug.split_once('@').or_else(|| slug.split_once("%40")).unwrap_or((&slug, "us"));
            let valid = name.len() >= 3
                && name.len() <= 63
                && name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'))
                && !name.starts_with('-')
                && !name.ends_with('-')
                && ["us", "eu", "au", "jp", "uk", "ca"].contains(&locality);
            prop_assert_eq!(Tenant::from_slug(&slug).is_some(), valid);
        }

        #[test]
        fn every_domain_is_one_label_and_a_locality_under_auth0_com(slug in any::<String>()) {
            if let Some(tenant) = Tenant::from_slug(&slug) {
                let domain = tenant.domain();
                prop_assert!(domain.ends_with(".auth0.com"));
                prop_assert!(domain.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '.')));
                prop_assert_eq!(Tenant::from_domain(&domain), Some(tenant.clone()));
                prop_assert_eq!(Tenant::from_slug(&tenant.to_string()), Some(tenant));
            }
        }

        #[test]
        fn a_domain_and_its_slug_identify_the_same_tenant(slug in "[a-z0-9][a-z0-9-]{1,61}[a-z0-9](@(us|eu|au|jp|uk|ca))?") {
            let tenant = Tenant::from_slug(&slug);
            prop_assert!(tenant.is_some());
            prop_assert_eq!(tenant.as_ref().and_then(|tenant| Tenant::from_domain(&tenant.domain())), tenant.clone());
            prop_assert_eq!(tenant.map(|tenant| tenant.to_string()), Some(slug));
        }
    }
}
