//! The API, for which subscribers request access tokens.

use serde_json::{Value, json};
use session_events_core::tokens::access_token::{LISTEN_TO_ALL, LISTEN_TO_OWN};

use crate::commands::setup_auth0::tenant_state::{Api, Grant, Permission, TenantState};

use super::{Desired, FieldChange, Resource, Step, Update, texts};

const NAME: &str = "Session events";
const SIGNING_ALG: &str = "RS256";
/// Only applications with a client grant can request tokens. Without it, any application could
/// request `listen:events` for its users.
const POLICY: &str = "require_client_grant";

/// The permissions and their descriptions.
pub(super) const PERMISSIONS: [(&str, &str); 2] = [
    (LISTEN_TO_OWN, "Listen to my own session events"),
    (LISTEN_TO_ALL, "Listen to all session events"),
];

pub(super) fn plan(desired: &Desired, state: &TenantState) -> Step {
    match &state.api {
        None => create(desired),
        Some(api) => update(desired, api).with_notes(notes(desired, api, &state.grants)),
    }
}

fn create(desired: &Desired) -> Step {
    let changes = vec![
        FieldChange::new("name", NAME),
        FieldChange::new("signing_alg", SIGNING_ALG),
        FieldChange::new("token_lifetime", desired.token_lifetime),
        FieldChange::new("subject_type_authorization.user.policy", POLICY),
        FieldChange::new("subject_type_authorization.client.policy", POLICY),
        FieldChange::new("scopes", texts(PERMISSIONS.map(|(value, _)| value))),
    ];
    let body = json!({
        "identifier": desired.audience,
        "name": NAME,
        "signing_alg": SIGNING_ALG,
        "token_lifetime": desired.token_lifetime,
        "subject_type_authorization": policies(),
        "scopes": PERMISSIONS.map(permission),
    });
    Step::create(Resource::Api, desired.audience.clone(), changes, body)
}

fn update(desired: &Desired, api: &Api) -> Step {
    let mut update = Update::default();
    update.set("signing_alg", api.signing_alg.clone(), SIGNING_ALG);
    update.set("token_lifetime", api.token_lifetime, desired.token_lifetime);
    let current = &api.subject_type_authorization;
    let user_differs = update.record_difference(
        "subject_type_authorization.user.policy",
        current.user.policy.clone(),
        POLICY,
    );
    let client_differs = update.record_difference(
        "subject_type_authorization.client.policy",
        current.client.policy.clone(),
        POLICY,
    );
    if user_differs || client_differs {
        let policies = policies();
        update
            .body
            .insert("subject_type_authorization".to_owned(), policies);
    }
    let missing: Vec<Permission> = PERMISSIONS
        .into_iter()
        .filter(|(value, _)| !api.scopes.iter().any(|scope| scope.value == *value))
        .map(permission)
        .collect();
    set_permissions(&mut update, api, [api.scopes.clone(), missing].concat());
    Step::update(Resource::Api, desired.audience.clone(), &api.id, update)
}

/// Sets all permissions of the API. The Management API replaces the whole list.
pub(super) fn set_permissions(update: &mut Update, api: &Api, permissions: Vec<Permission>) {
    let values = |list: &[Permission]| texts(list.iter().map(|scope| scope.value.as_str()));
    if update.record_difference("scopes", values(&api.scopes), values(&permissions)) {
        update.body.insert("scopes".to_owned(), json!(permissions));
    }
}

fn policies() -> Value {
    json!({ "user": { "policy": POLICY }, "client": { "policy": POLICY } })
}

fn permission((value, description): (&str, &str)) -> Permission {
    Permission {
        value: value.to_owned(),
        description: Some(description.to_owned()),
    }
}

/// Warns of changes that affect other applications, and of users that could listen to all events.
fn notes(desired: &Desired, api: &Api, grants: &[Grant]) -> Vec<String> {
    let mut notes = Vec::new();
    let user_policy = &api.subject_type_authorization.user.policy;
    if user_policy.as_deref() != Some(POLICY) {
        notes.push(
            "applications without a client grant for user access can no longer request tokens for this API: give each of them a client grant first, or name it with --browser-client"
                .to_owned(),
        );
    }
    if let Some(lifetime) = api.token_lifetime
        && lifetime != desired.token_lifetime
    {
        notes.push(format!(
            "the lifetime of tokens changes from {lifetime} to {} seconds: to keep it, give --token-lifetime {lifetime}",
            desired.token_lifetime
        ));
    }
    let unsafe_grants = grants
        .iter()
        .filter(|grant| grant.is_for_users() && grant.allows(LISTEN_TO_ALL))
        .filter(|grant| !is_corrected(desired, grant));
    for grant in unsafe_grants {
        let client = grant
            .client_id
            .as_deref()
            .unwrap_or("all third-party applications");
        notes.push(format!(
            "the client grant of {client} allows {LISTEN_TO_ALL} for user access, so each of its users can receive the events of all users: remove this permission from the grant"
        ));
    }
    notes
}

/// Returns true if the plan removes `listen:events` from this grant for users.
fn is_corrected(desired: &Desired, grant: &Grant) -> bool {
    !grant.allows_all_scopes()
        && desired.grants.iter().any(|desired_grant| {
            desired_grant.subject == super::Subject::User
                && Some(&desired_grant.client_id) == grant.client_id.as_ref()
        })
}
