//! The names of a tenant's Durable Objects.
//!
//! An object is reached by its name only. A name is built from a [`Tenant`], which is identified by
//! its domain, and a shard number. No two tenants of a configuration have the same domain, so they
//! never share an object.

use std::fmt;

use crate::tenant::Tenant;

/// The name of a tenant object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    /// The tenant.
    pub tenant: Tenant,
    /// The shard number, from 1. `None` is the leader, which stores the events.
    pub shard: Option<u16>,
}

impl ObjectName {
    /// Parses a name, the inverse of its `Display`.
    pub fn parse(name: &str) -> Option<Self> {
        let (domain, shard) = match name.split_once('/') {
            None => (name, None),
            Some((domain, number)) => {
                let number = number.parse().ok().filter(|number| *number > 0)?;
                (domain, Some(number))
            }
        };
        let tenant = Tenant::from_domain(domain)?;
        Some(Self { tenant, shard })
    }
}

impl fmt::Display for ObjectName {
    /// Formats the name of the leader as the tenant's domain, and that of a shard as the
    /// domain and the shard number: `acme.us.auth0.com/3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tenant.domain())?;
        match self.shard {
            None => Ok(()),
            Some(number) => write!(f, "/{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::Slug;

    #[test]
    fn parsing_a_name_is_the_inverse_of_formatting_it() {
        for name in [
            "acme.auth0.com",
            "acme.us.auth0.com",
            "acme.us.auth0.com/3",
            "sso.corp.example",
            "sso.corp.example/3",
        ] {
            let object = ObjectName::parse(name);
            assert_eq!(
                object.map(|object| object.to_string()).as_deref(),
                Some(name)
            );
        }
        let leader = |tenant| ObjectName {
            tenant,
            shard: None,
        };
        let slug = Slug::parse("acme@us").unwrap();
        assert_eq!(
            ObjectName::parse("acme.us.auth0.com"),
            Some(leader(Tenant::on_auth0(&slug)))
        );
    }

    #[test]
    fn any_other_name_is_invalid() {
        for name in [
            "",
            "acme",
            "acme.auth0.com/",
            "acme.auth0.com/0",
            "acme.auth0.com/x",
        ] {
            assert_eq!(ObjectName::parse(name), None, "{name:?}");
        }
    }
}
