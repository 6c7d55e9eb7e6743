//! The permissions of the Management API that `setup-auth0` needs.

use serde_json::{Map, Value};

pub(super) const READ_APIS: &str = "read:resource_servers";
pub(super) const READ_GRANTS: &str = "read:client_grants";
pub(super) const READ_STREAMS: &str = "read:log_streams";
pub(super) const READ: [&str; 3] = [READ_APIS, READ_GRANTS, READ_STREAMS];

/// Returns the needed permissions that the claims of a management token do not contain. Returns
/// none if the token has no `scope` claim: then only Auth0 knows its permissions.
pub(super) fn missing<'a>(
    claims: Option<&Map<String, Value>>,
    needed: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    let granted = claims.and_then(|claims| claims.get("scope")?.as_str());
    let Some(granted) = granted else {
        return Vec::new();
    };
    let mut missing = Vec::new();
    for permission in needed {
        let is_granted = granted.split_whitespace().any(|one| one == permission);
        if !is_granted && !missing.contains(&permission) {
            missing.push(permission);
        }
    }
    missing
}

pub(super) fn missing_message(missing: &[&str]) -> String {
    let plural = if missing.len() == 1 { "" } else { "s" };
    format!(
        "the management token lacks the permission{plural} {}: authorize the application for it in Auth0 (Applications > APIs > Auth0 Management API > Machine to Machine Applications), then get a new token",
        missing.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_permissions_are_named_once_if_the_token_states_its_scope() {
        let claims = |scope: &str| Map::from_iter([("scope".to_owned(), scope.into())]);
        let needed = [READ_APIS, READ_STREAMS, READ_APIS];
        assert_eq!(
            missing(Some(&claims("read:log_streams_all")), needed),
            [READ_APIS, READ_STREAMS]
        );
        assert_eq!(
            missing(
                Some(&claims("x read:resource_servers read:log_streams")),
                needed
            ),
            [""; 0]
        );
        assert_eq!(missing(Some(&Map::new()), needed), [""; 0]);
        assert_eq!(missing(None, needed), [""; 0]);
    }
}
