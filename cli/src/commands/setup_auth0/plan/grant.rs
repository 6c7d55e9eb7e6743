//! The client grants, which permit an application to request tokens for the API.

use serde_json::json;
use session_events_core::tokens::access_token::LISTEN_TO_ALL;

use crate::commands::setup_auth0::tenant_state::Grant;

use super::{DesiredGrant, FieldChange, Resource, Step, Subject, Update, texts};

pub(super) fn plan(audience: &str, desired: &DesiredGrant, grants: &[Grant]) -> Step {
    let DesiredGrant { client_id, subject } = desired;
    let name = name(desired);
    let Some(grant) = find(desired, grants) else {
        let scope = [subject.permission()];
        let changes = vec![FieldChange::new("scope", texts(scope))];
        let body = json!({
            "client_id": client_id,
            "audience": audience,
            "scope": scope,
            "subject_type": subject.as_str(),
        });
        return Step::create(Resource::ClientGrant, name, changes, body);
    };
    let mut update = Update::default();
    if !grant.allows_all_scopes() {
        let scope = corrected_scope(grant, *subject);
        update.set(
            "scope",
            texts(grant.scope.iter().map(String::as_str)),
            scope,
        );
    }
    Step::update(Resource::ClientGrant, name, &grant.id, update)
}

pub(super) fn find<'a>(desired: &DesiredGrant, grants: &'a [Grant]) -> Option<&'a Grant> {
    grants.iter().find(|grant| {
        grant.client_id.as_ref() == Some(&desired.client_id)
            && grant.subject_type.as_deref().unwrap_or("client") == desired.subject.as_str()
    })
}

pub(super) fn name(desired: &DesiredGrant) -> String {
    format!("{} ({})", desired.client_id, desired.subject.as_str())
}

/// Returns the scope of a grant with the permission of this subject. Users must not receive the
/// events of all users. Other permissions stay.
fn corrected_scope(grant: &Grant, subject: Subject) -> Vec<String> {
    let mut scope: Vec<String> = grant
        .scope
        .iter()
        .filter(|value| !(subject == Subject::User && *value == LISTEN_TO_ALL))
        .cloned()
        .collect();
    if !scope.iter().any(|value| value == subject.permission()) {
        scope.push(subject.permission().to_owned());
    }
    scope
}
