//! Slugs, which name tenants in the paths of requests.
//!
//! A [`Slug`] exists only if it is valid. Unless a tenant has a `domain` in the configuration, its
//! domain is derived from the slug and becomes the host of the key set request and the name of the
//! tenant object. So no other text from a request path can become either.

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

/// A slug: a valid name and a locality. The oldest tenants of Auth0 have no locality.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slug {
    name: String,
    locality: Option<Locality>,
}

impl Slug {
    /// Parses a slug, `NAME` or `NAME@LOCALITY`. In a path, the `@` may be encoded as `%40`.
    pub fn parse(slug: &str) -> Option<Self> {
        match slug.split_once('@').or_else(|| slug.split_once("%40")) {
            None => Self::new(slug, None),
            Some((name, locality)) => Self::new(name, Some(locality)),
        }
    }

    /// Returns the slug of an Auth0 domain, the inverse of [`Slug::auth0_domain`].
    pub fn from_auth0_domain(domain: &str) -> Option<Self> {
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

    /// Returns the name: the `tenant_name` of the log records of a tenant on Auth0's public cloud.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the domain on Auth0's public cloud: `acme.us.auth0.com`.
    pub fn auth0_domain(&self) -> String {
        match self.locality {
            None => format!("{}.auth0.com", self.name),
            Some(locality) => format!("{}.{}.auth0.com", self.name, locality.as_str()),
        }
    }
}

impl fmt::Display for Slug {
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
            let parsed = Slug::parse(slug).map(|slug| slug.auth0_domain());
            assert_eq!(parsed.as_deref(), Some(domain), "{slug}");
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
            assert_eq!(Slug::parse(slug), None, "{slug}");
        }
        assert!(Slug::parse(&"a".repeat(63)).is_some());
        assert!(Slug::parse("abc").is_some());
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
            prop_assert_eq!(Slug::parse(&slug).is_some(), valid);
        }

        #[test]
        fn every_domain_is_one_label_and_a_locality_under_auth0_com(text in any::<String>()) {
            if let Some(slug) = Slug::parse(&text) {
                let domain = slug.auth0_domain();
                prop_assert!(domain.ends_with(".auth0.com"));
                prop_assert!(domain.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '.')));
                prop_assert_eq!(Slug::from_auth0_domain(&domain), Some(slug.clone()));
                prop_assert_eq!(Slug::parse(&slug.to_string()), Some(slug));
            }
        }

        #[test]
        fn a_slug_and_its_domain_identify_each_other(text in "[a-z0-9][a-z0-9-]{1,61}[a-z0-9](@(us|eu|au|jp|uk|ca))?") {
            let slug = Slug::parse(&text);
            prop_assert!(slug.is_some());
            prop_assert_eq!(slug.as_ref().and_then(|slug| Slug::from_auth0_domain(&slug.auth0_domain())), slug.clone());
            prop_assert_eq!(slug.map(|slug| slug.to_string()), Some(text));
        }
    }
}
