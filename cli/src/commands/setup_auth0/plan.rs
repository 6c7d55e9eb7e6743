//! The plan: the steps that lead from the state of a tenant to the desired state.
//!
//! Planning is a pure function. A step contains the request that performs it, so that exactly the
//! printed plan is applied.

mod api;
mod grant;
mod removal;
mod stream;
#[cfg(test)]
mod tests;

use serde::Serialize;
use serde_json::{Map, Value, json};
use session_events_core::tokens::access_token::{LISTEN_TO_ALL, LISTEN_TO_OWN};
use ureq::http::Method;

use super::{
    management::{ChangeRequest, encode},
    tenant_state::TenantState,
};

pub(super) use self::removal::plan_removal;

/// The settings that `setup-auth0` creates in a tenant.
#[derive(Clone, Debug)]
pub(super) struct Desired {
    /// The identifier of the API.
    pub(super) audience: String,
    /// The lifetime of access tokens in seconds.
    pub(super) token_lifetime: i64,
    pub(super) grants: Vec<DesiredGrant>,
    /// The URL to which the log stream posts.
    pub(super) payload_url: String,
    pub(super) publish_token: String,
}

#[derive(Clone, Debug)]
pub(super) struct DesiredGrant {
    pub(super) client_id: String,
    pub(super) subject: Subject,
}

/// The subject of the tokens that a grant allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Subject {
    /// Users of the application. They receive their own events.
    User,
    /// The application itself. It receives the events of all users.
    Client,
}

impl Subject {
    fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Client => "client",
        }
    }

    fn permission(self) -> &'static str {
        match self {
            Self::User => LISTEN_TO_OWN,
            Self::Client => LISTEN_TO_ALL,
        }
    }
}

/// The kind of object that a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Resource {
    Api,
    ClientGrant,
    LogStream,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Action {
    Create,
    Change,
    Delete,
    Unchanged,
}

/// One object of the tenant, and the change to make.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Step {
    pub(super) action: Action,
    pub(super) resource: Resource,
    pub(super) name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) changes: Vec<FieldChange>,
    /// Advice about this object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
    /// The request that performs the step. Its body may contain the publish token.
    #[serde(skip)]
    pub(super) request: Option<ChangeRequest>,
}

/// The change of a field. A secret value is `None`, so that it cannot be printed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct FieldChange {
    pub(super) field: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<Value>,
}

/// Returns the steps of the set-up, in the order in which they can be applied.
pub(super) fn plan(desired: &Desired, state: &TenantState) -> Vec<Step> {
    let mut steps = vec![api::plan(desired, state)];
    steps.extend(
        desired
            .grants
            .iter()
            .map(|desired_grant| grant::plan(&desired.audience, desired_grant, &state.grants)),
    );
    steps.push(stream::plan(desired, &state.streams));
    steps
}

impl Step {
    fn unchanged(resource: Resource, name: String) -> Self {
        Self {
            action: Action::Unchanged,
            resource,
            name,
            changes: Vec::new(),
            notes: Vec::new(),
            request: None,
        }
    }

    fn create(resource: Resource, name: String, changes: Vec<FieldChange>, body: Value) -> Self {
        let request = ChangeRequest {
            method: Method::POST,
            path: resource.path().to_owned(),
            body: Some(body),
            permission: resource.permission("create"),
        };
        Self {
            action: Action::Create,
            changes,
            request: Some(request),
            ..Self::unchanged(resource, name)
        }
    }

    /// A step that updates the changed fields, or that changes nothing if there are none.
    fn update(resource: Resource, name: String, id: &str, update: Update) -> Self {
        if update.changes.is_empty() {
            return Self::unchanged(resource, name);
        }
        let request = ChangeRequest {
            method: Method::PATCH,
            path: format!("{}/{}", resource.path(), encode(id)),
            body: Some(Value::Object(update.body)),
            permission: resource.permission("update"),
        };
        Self {
            action: Action::Change,
            changes: update.changes,
            request: Some(request),
            ..Self::unchanged(resource, name)
        }
    }

    fn delete(resource: Resource, name: String, id: &str) -> Self {
        let request = ChangeRequest {
            method: Method::DELETE,
            path: format!("{}/{}", resource.path(), encode(id)),
            body: None,
            permission: resource.permission("delete"),
        };
        Self {
            action: Action::Delete,
            request: Some(request),
            ..Self::unchanged(resource, name)
        }
    }

    fn with_notes(self, notes: Vec<String>) -> Self {
        Self { notes, ..self }
    }
}

impl Resource {
    /// The path of the collection below `/api/v2`.
    fn path(self) -> &'static str {
        match self {
            Self::Api => "/resource-servers",
            Self::ClientGrant => "/client-grants",
            Self::LogStream => "/log-streams",
        }
    }

    /// The permission of the Management API for a change, such as `create:log_streams`.
    fn permission(self, verb: &str) -> String {
        let resource = match self {
            Self::Api => "resource_servers",
            Self::ClientGrant => "client_grants",
            Self::LogStream => "log_streams",
        };
        format!("{verb}:{resource}")
    }
}

/// The changed fields of an object, for the plan, and the body that sends them.
#[derive(Default)]
struct Update {
    changes: Vec<FieldChange>,
    body: Map<String, Value>,
}

impl Update {
    /// Records a change of a top-level field, if the values differ.
    fn set(&mut self, field: &'static str, from: impl Into<Value>, to: impl Into<Value>) {
        let to = to.into();
        if self.record_difference(field, from, to.clone()) {
            self.body.insert(field.to_owned(), to);
        }
    }

    /// Records a change for the plan alone, if the values differ. Returns true if they do.
    fn record_difference(
        &mut self,
        field: &'static str,
        from: impl Into<Value>,
        to: impl Into<Value>,
    ) -> bool {
        let (from, to) = (from.into(), to.into());
        let differs = from != to;
        if differs {
            self.changes.push(FieldChange {
                field,
                from: Some(from),
                to: Some(to),
            });
        }
        differs
    }
}

impl FieldChange {
    fn new(field: &'static str, to: impl Into<Value>) -> Self {
        Self {
            field,
            from: None,
            to: Some(to.into()),
        }
    }

    fn secret(field: &'static str) -> Self {
        Self {
            field,
            from: None,
            to: None,
        }
    }
}

fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> Value {
    json!(values.into_iter().collect::<Vec<_>>())
}
