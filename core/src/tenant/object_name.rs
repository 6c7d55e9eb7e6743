//! Which of a tenant's objects: the one that has its events, or one that holds sockets only.
//!
//! An object is reached by its name alone, so whoever makes a name says whom it talks to. A name
//! is made of a valid [`Tenant`] and nothing else, so no two tenants can ever share an object.

use std::fmt;

use crate::tenant::Tenant;

/// An object of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    /// Whose.
    pub tenant: Tenant,
    /// Which of the tenant's shards, from 1; `None` is the root, which has the events.
    pub shard: Option<u16>,
}

impl ObjectName {
    /// Reads a name, the inverse of its `Display`.
    pub fn parse(name: &str) -> Option<Self> {
        let (domain, shard) = match name.split_once('/') {
            None => (name, None),
            Some((domain, number)) => (domain, Some(number.parse().ok().filter(|n| *n > 0)?)),
        };
        let tenant = Tenant::from_domain(domain)?;
        Some(Self { tenant, shard })
    }
}

impl fmt::Display for ObjectName {
    /// The tenant's Auth0 domain; after it, for a shard, its number: `acme.us.auth0.com/3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.tenant.domain())?;
        match self.shard {
            None => Ok(()),
            Some(number) => write!(f, "/{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_was_written() {
        for name in ["acme.auth0.com", "acme.us.auth0.com", "acme.us.auth0.com/3"] {
            let object = ObjectName::parse(name);
            assert_eq!(
                object.map(|object| object.to_string()).as_deref(),
                Some(name)
            );
        }
        let root = |tenant| ObjectName {
            tenant,
            shard: None,
        };
        assert_eq!(
            ObjectName::parse("acme.us.auth0.com"),
            Tenant::from_slug("acme@us").map(root)
        );
    }

    #[test]
    fn nothing_else_names_an_object() {
        for name in [
            "",
            "acme.com",
            "acme.auth0.com/",
            "acme.auth0.com/0",
            "acme.auth0.com/x",
        ] {
            assert_eq!(ObjectName::parse(name), None, "{name:?}");
        }
    }
}
