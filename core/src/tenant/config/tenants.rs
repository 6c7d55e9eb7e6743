//! The variable [`TENANTS`] and the variables that continue it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use serde_json::value::RawValue;

use super::{TENANTS, TenantSettings};
use crate::{
    error::ConfigError,
    json::NoDuplicateKeys,
    tenant::{Slug, Tenant},
};

/// The numbers of the variables that continue a table: `TENANTS_2`, `TENANTS_3`, … Cloudflare allows
/// 64 variables for each Worker on the free plan.
const CONTINUATIONS: RangeInclusive<u8> = 2..=64;

/// A right value, for error messages.
const EXAMPLES: &str = "Write slugs such as TENANTS = \"acme@us\" or \"acme@us, acme-staging\", or * for any tenant, or a table such as [env.production.vars.TENANTS.\"acme@us\"]";

/// The value of [`TENANTS`].
pub(super) enum Tenants {
    /// `*`: any valid slug.
    Any,
    /// A list or a table, with at least one tenant. No two tenants have the same domain.
    Listed(Vec<TenantSettings>),
}

/// The tenants that have been read so far, and what must be unique among them.
#[derive(Default)]
struct Listed {
    settings: Vec<TenantSettings>,
    slugs: BTreeSet<Slug>,
    by_domain: BTreeMap<Tenant, Slug>,
}

impl Tenants {
    /// Reads the variables. Returns `None` if [`TENANTS`] is not set.
    pub(super) fn read(
        lookup: &impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, ConfigError> {
        let is_set = |text: &String| !text.trim().is_empty();
        let continued = CONTINUATIONS.filter_map(|number| {
            let variable = format!("{TENANTS}_{number}");
            let text = lookup(&variable).filter(is_set)?;
            Some((variable, text))
        });
        let Some(text) = lookup(TENANTS).filter(is_set) else {
            return Ok(None);
        };
        if text.trim() == "*" {
            return no_continuation(continued).map(|()| Some(Self::Any));
        }
        let mut tenants = Listed::default();
        if is_table(&text) {
            add_table(&mut tenants, TENANTS, &text)?;
            for (variable, text) in continued {
                add_table(&mut tenants, &variable, &text)?;
            }
        } else {
            no_continuation(continued)?;
            add_list(&mut tenants, &text)?;
        }
        if tenants.settings.is_empty() {
            let problem = format!("names no tenant. {EXAMPLES}");
            return Err(ConfigError::new(TENANTS, problem));
        }
        Ok(Some(Self::Listed(tenants.settings)))
    }
}

/// Checks that a variable whose name begins like that of a table is read.
pub(super) fn check_name(variable: &str) -> Result<(), ConfigError> {
    let Some(rest) = variable.strip_prefix(TENANTS) else {
        return Ok(());
    };
    let is_known = rest.is_empty()
        || CONTINUATIONS
            .map(|number| format!("_{number}"))
            .any(|known| known == rest);
    if is_known {
        return Ok(());
    }
    let problem = "is not read. TENANTS_2, TENANTS_3 and so on up to TENANTS_64 continue the table TENANTS. Rename it";
    Err(ConfigError::new(variable.to_owned(), problem))
}

fn is_table(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

fn no_continuation(
    mut continued: impl Iterator<Item = (String, String)>,
) -> Result<(), ConfigError> {
    match continued.next() {
        None => Ok(()),
        Some((variable, _)) => {
            let problem = format!("continues the table TENANTS, which is not a table. {EXAMPLES}");
            Err(ConfigError::new(variable, problem))
        }
    }
}

fn add_list(tenants: &mut Listed, list: &str) -> Result<(), ConfigError> {
    let slugs = list.split(',').map(str::trim);
    for slug in slugs.filter(|slug| !slug.is_empty()) {
        let settings = TenantSettings::on_auth0(parse_slug(TENANTS, slug)?);
        add(tenants, TENANTS, settings)?;
    }
    Ok(())
}

fn add_table(tenants: &mut Listed, variable: &str, json: &str) -> Result<(), ConfigError> {
    let NoDuplicateKeys(table): NoDuplicateKeys<&RawValue> =
        serde_json::from_str(json).map_err(|error| {
            let problem = format!("is not a table of tenants ({error}). {EXAMPLES}");
            ConfigError::new(variable.to_owned(), problem)
        })?;
    for (slug, entry) in table {
        let slug = parse_slug(variable, &slug)?;
        let settings = TenantSettings::parse(variable, slug, entry.get())?;
        add(tenants, variable, settings)?;
    }
    Ok(())
}

/// Adds a tenant if no other tenant has its slug or its domain.
fn add(tenants: &mut Listed, variable: &str, settings: TenantSettings) -> Result<(), ConfigError> {
    let TenantSettings { slug, tenant, .. } = &settings;
    let problem = match tenants.by_domain.get(tenant) {
        _ if tenants.slugs.contains(slug) => format!("contains {slug} twice. Remove one of them"),
        Some(other) => format!(
            "contains {other} and {slug}, which have the same domain {tenant}. Remove one of them, or correct its domain"
        ),
        None => {
            tenants.slugs.insert(slug.clone());
            tenants.by_domain.insert(tenant.clone(), slug.clone());
            tenants.settings.push(settings);
            return Ok(());
        }
    };
    Err(ConfigError::new(variable.to_owned(), problem))
}

fn parse_slug(variable: &str, slug: &str) -> Result<Slug, ConfigError> {
    Slug::parse(slug).ok_or_else(|| {
        let problem = format!("contains \"{slug}\", which is not the slug of a tenant. {EXAMPLES}");
        ConfigError::new(variable.to_owned(), problem)
    })
}
