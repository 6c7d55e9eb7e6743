//! The removal of the settings: the log stream, the grants of the named clients, and the API if
//! nothing else uses it.

use session_events_core::tokens::access_token::{LISTEN_TO_ALL, LISTEN_TO_OWN};

use crate::commands::setup_auth0::tenant_state::{Api, Grant, Permission, TenantState};

use super::{
    Desired, Resource, Step, Update,
    api::{PERMISSIONS, set_permissions},
    grant, stream, texts,
};

/// Returns the steps of the removal. The log stream comes first: if a later step fails, Auth0 at least
/// posts no more records.
pub(in crate::commands::setup_auth0) fn plan_removal(
    desired: &Desired,
    state: &TenantState,
) -> Vec<Step> {
    let streams = state
        .streams
        .iter()
        .filter(|stream| stream::posts_to(stream, &desired.payload_url))
        .map(|stream| Step::delete(Resource::LogStream, stream.name.clone(), &stream.id));
    let mut steps: Vec<Step> = streams.collect();

    let mut remaining_grants = state.grants.clone();
    for desired_grant in &desired.grants {
        let Some(grant) = grant::find(desired_grant, &state.grants) else {
            continue;
        };
        let step = plan_grant(grant::name(desired_grant), grant);
        remaining_grants.retain(|other| other.id != grant.id);
        if let Some(kept) = kept_grant(grant) {
            remaining_grants.push(kept);
        }
        steps.push(step);
    }
    if let Some(api) = &state.api {
        steps.push(plan_api(desired, api, &remaining_grants));
    }
    steps
}

fn is_ours(permission: &str) -> bool {
    PERMISSIONS.iter().any(|(value, _)| *value == permission)
}

/// Returns the grant without our permissions, or `None` if it has no other ones.
fn kept_grant(grant: &Grant) -> Option<Grant> {
    if grant.allows_all_scopes() {
        return Some(grant.clone());
    }
    let mut kept = grant.clone();
    kept.scope.retain(|permission| !is_ours(permission));
    (!kept.scope.is_empty()).then_some(kept)
}

/// Deletes the grant, or removes only our permissions if it has other ones.
fn plan_grant(name: String, grant: &Grant) -> Step {
    let Some(kept) = kept_grant(grant) else {
        return Step::delete(Resource::ClientGrant, name, &grant.id);
    };
    let mut update = Update::default();
    let scope = |grant: &Grant| texts(grant.scope.iter().map(String::as_str));
    update.set("scope", scope(grant), scope(&kept));
    let notes = if grant.allows_all_scopes() {
        vec!["stays, because it allows all permissions of the API".to_owned()]
    } else {
        Vec::new()
    };
    Step::update(Resource::ClientGrant, name, &grant.id, update).with_notes(notes)
}

/// Deletes the API if no grant and no permission of others is left. Keeps the API unchanged if a
/// remaining grant needs our permissions, or if the API has only ours. Otherwise removes ours.
fn plan_api(desired: &Desired, api: &Api, remaining_grants: &[Grant]) -> Step {
    let name = desired.audience.clone();
    let others: Vec<Permission> = api
        .scopes
        .iter()
        .filter(|scope| !is_ours(&scope.value))
        .cloned()
        .collect();
    if others.is_empty() && remaining_grants.is_empty() {
        return Step::delete(Resource::Api, name, &api.id);
    }
    let needs_ours = |grant: &Grant| grant.allows(LISTEN_TO_OWN) || grant.allows(LISTEN_TO_ALL);
    if others.is_empty() || remaining_grants.iter().any(needs_ours) {
        let notes = remaining_grants.iter().map(reason_to_keep_api).collect();
        return Step::unchanged(Resource::Api, name).with_notes(notes);
    }
    let mut update = Update::default();
    set_permissions(&mut update, api, others);
    let note = "stays, because it has permissions of others".to_owned();
    Step::update(Resource::Api, name, &api.id, update).with_notes(vec![note])
}

/// Returns a note that the API stays because of this grant.
fn reason_to_keep_api(grant: &Grant) -> String {
    let Some(client) = &grant.client_id else {
        return "stays, because it has a default grant for third-party applications".to_owned();
    };
    let option = if grant.is_for_users() {
        "--browser-client"
    } else {
        "--backend-client"
    };
    if grant.scope.iter().all(|permission| is_ours(permission)) && !grant.allows_all_scopes() {
        format!("stays, because {client} has a grant; give {option} {client} to delete that grant")
    } else {
        format!("stays, because {client} has a grant")
    }
}
