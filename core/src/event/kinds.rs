//! Which kinds of event count: the operator's choice, or those that are on by default.

use super::{Kind, catalogue::CATALOGUE};
use crate::json;

/// A choice of kinds, each once and in the order of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kinds(Vec<Kind>);

impl Default for Kinds {
    fn default() -> Self {
        Self::only(
            CATALOGUE
                .iter()
                .filter(|row| row.by_default)
                .map(|row| row.kind),
        )
    }
}

impl Kinds {
    /// These and no others.
    pub fn only(kinds: impl IntoIterator<Item = Kind>) -> Self {
        let chosen: Vec<Kind> = kinds.into_iter().collect();
        let all = CATALOGUE.iter().map(|row| row.kind);
        Self(all.filter(|kind| chosen.contains(kind)).collect())
    }

    /// Every kind there is.
    pub fn all() -> Self {
        Self::only(CATALOGUE.iter().map(|row| row.kind))
    }

    /// Reads their names off a list with commas.
    ///
    /// # Errors
    ///
    /// The first name that is none.
    pub fn parse(list: &str) -> Result<Self, String> {
        let names = list
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        let kinds: Result<Vec<Kind>, String> = names
            .map(|name| {
                let name = serde_json::to_string(name).unwrap_or_default();
                json::read(&name).map_err(|_| name)
            })
            .collect();
        kinds.map(Self::only)
    }

    /// Whether this kind counts.
    pub fn contains(&self, kind: Kind) -> bool {
        self.0.contains(&kind)
    }

    /// The names, as [`Kinds::parse`] reads them.
    pub fn names(&self) -> String {
        let name = |kind: &Kind| serde_json::to_value(kind).ok()?.as_str().map(str::to_owned);
        self.0
            .iter()
            .filter_map(name)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_row_and_a_name_that_is_read_as_it_is_written() {
        let all = Kinds::all();
        assert_eq!(all.0.len(), CATALOGUE.len());
        assert_eq!(Kinds::parse(&all.names()), Ok(all));
        assert_eq!(
            Kinds::default().names(),
            "user_blocked, password_changed, logout"
        );
        assert_eq!(Kinds::parse(""), Ok(Kinds::only([])));
    }

    #[test]
    fn what_is_no_kind_is_named() {
        assert_eq!(Kinds::parse("logout, log_out"), Err("\"log_out\"".into()));
        assert_eq!(Kinds::parse("Logout"), Err("\"Logout\"".into()));
    }
}
