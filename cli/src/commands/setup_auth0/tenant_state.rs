//! The objects of an Auth0 tenant that `setup-auth0` reads, with the fields that it needs.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::error::Result;

use super::management::ManagementApi;

/// The state of the tenant when the plan is made.
#[derive(Debug, Default)]
pub(super) struct TenantState {
    pub(super) api: Option<Api>,
    /// All client grants for the API.
    pub(super) grants: Vec<Grant>,
    /// All log streams of the tenant.
    pub(super) streams: Vec<Stream>,
}

/// An API, which Auth0 also calls a resource server.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Api {
    pub(super) id: String,
    pub(super) identifier: Option<String>,
    /// True for the APIs of Auth0 itself, such as the Management API.
    pub(super) is_system: Option<bool>,
    pub(super) signing_alg: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) scopes: Vec<Permission>,
    pub(super) token_lifetime: Option<i64>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) subject_type_authorization: SubjectTypeAuthorization,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Permission {
    pub(super) value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
}

/// The access policies of an API for users and for machine-to-machine applications.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct SubjectTypeAuthorization {
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) user: AccessPolicy,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) client: AccessPolicy,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct AccessPolicy {
    pub(super) policy: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Grant {
    pub(super) id: String,
    pub(super) audience: Option<String>,
    /// Absent from a default grant for all third-party applications.
    pub(super) client_id: Option<String>,
    /// Absent from grants that were made before Auth0 had user access. Those are for clients.
    pub(super) subject_type: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) scope: Vec<String>,
    pub(super) allow_all_scopes: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Stream {
    pub(super) id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) name: String,
    #[serde(default, rename = "type", deserialize_with = "null_as_default")]
    pub(super) stream_type: String,
    pub(super) status: Option<String>,
    /// A prioritized stream carries only a few kinds of records.
    #[serde(rename = "isPriority")]
    pub(super) is_priority: Option<bool>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) filters: Vec<Value>,
    /// Kept as it is, because an update sends the whole sink.
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) sink: Map<String, Value>,
}

impl Grant {
    pub(super) fn is_for_users(&self) -> bool {
        self.subject_type.as_deref() == Some("user")
    }

    pub(super) fn allows_all_scopes(&self) -> bool {
        self.allow_all_scopes == Some(true)
    }

    pub(super) fn allows(&self, permission: &str) -> bool {
        self.allows_all_scopes() || self.scope.iter().any(|value| value == permission)
    }
}

/// Fails if an API must not be changed: one of Auth0 itself, or one with another identifier. Auth0
/// finds an API by its id as well.
fn check_api(api: &Api, audience: &str) -> Result {
    if let Some(identifier) = &api.identifier
        && identifier != audience
    {
        return Err(format!(
            "{audience} is the id of the API {identifier}: give the identifier of the API for session events with --audience"
        )
        .into());
    }
    if api.is_system == Some(true) {
        return Err(format!(
            "the API {audience} belongs to Auth0 and must not be changed: give the identifier of the API for session events with --audience"
        )
        .into());
    }
    Ok(())
}

/// Reads `null` like an absent field.
fn null_as_default<'de, D, T>(deserializer: D) -> std::result::Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads the API with this identifier, its grants, and the log streams.
pub(super) fn read(management: &ManagementApi, audience: &str) -> Result<TenantState> {
    let api = management.api(audience)?;
    if let Some(api) = &api {
        check_api(api, audience)?;
    }
    // Without the API there are no grants for it.
    let grants = match api {
        Some(_) => management.grants(audience)?,
        None => Vec::new(),
    };
    let streams = management.streams()?;
    Ok(TenantState {
        api,
        grants,
        streams,
    })
}
