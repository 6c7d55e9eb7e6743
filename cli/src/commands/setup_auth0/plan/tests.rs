use serde_json::{Value, json};
use ureq::http::Method;

use crate::commands::setup_auth0::tenant_state::{Api, Grant, Stream, TenantState};

use super::*;

const AUDIENCE: &str = "https://events.example.com/api";
const PAYLOAD_URL: &str = "https://events.example.com/acme@us/api/publish";

fn desired() -> Desired {
    Desired {
        audience: AUDIENCE.to_owned(),
        token_lifetime: 86_400,
        grants: vec![
            DesiredGrant {
                client_id: "browser".to_owned(),
                subject: Subject::User,
            },
            DesiredGrant {
                client_id: "backend".to_owned(),
                subject: Subject::Client,
            },
        ],
        payload_url: PAYLOAD_URL.to_owned(),
        publish_token: "s3cret".to_owned(),
    }
}

fn api(changes: Value) -> Api {
    let mut api = json!({
        "id": "api-1",
        "signing_alg": "RS256",
        "token_lifetime": 86_400,
        "scopes": [
            { "value": "listen:events:self", "description": "Listen to my own session events" },
            { "value": "listen:events", "description": "Listen to all session events" },
        ],
        "subject_type_authorization": {
            "user": { "policy": "require_client_grant" },
            "client": { "policy": "require_client_grant" },
        },
    });
    merge(&mut api, changes);
    serde_json::from_value(api).unwrap()
}

fn grant(client_id: &str, subject_type: Option<&str>, scope: &[&str]) -> Grant {
    Grant {
        audience: Some(AUDIENCE.to_owned()),
        id: format!("grant-of-{client_id}"),
        client_id: Some(client_id.to_owned()),
        subject_type: subject_type.map(str::to_owned),
        scope: scope.iter().map(|&value| value.to_owned()).collect(),
        allow_all_scopes: None,
    }
}

fn stream(changes: Value) -> Stream {
    let mut stream = json!({
        "id": "stream-1",
        "name": "session-events",
        "type": "http",
        "status": "active",
        "sink": {
            "httpEndpoint": PAYLOAD_URL,
            "httpAuthorization": "s3cret",
            "httpContentFormat": "JSONLINES",
            "httpContentType": "application/json",
        },
    });
    merge(&mut stream, changes);
    serde_json::from_value(stream).unwrap()
}

fn merge(target: &mut Value, changes: Value) {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_object() && target[name].is_object() {
            merge(&mut target[name], value.clone());
        } else {
            target[name] = value.clone();
        }
    }
}

/// The state after the set-up.
fn complete() -> TenantState {
    TenantState {
        api: Some(api(json!({}))),
        grants: vec![
            grant("browser", Some("user"), &["listen:events:self"]),
            // Auth0 omits the subject type of grants that it made before it had them.
            grant("backend", None, &["listen:events"]),
        ],
        streams: vec![stream(json!({}))],
    }
}

/// The actions with the names of their objects.
fn actions(steps: &[Step]) -> Vec<(Action, &str)> {
    steps
        .iter()
        .map(|step| (step.action, step.name.as_str()))
        .collect()
}

/// The method, path and body of the only step that changes something.
fn only_request(steps: &[Step]) -> (Method, String, Value) {
    let requests: Vec<&ChangeRequest> = steps
        .iter()
        .filter_map(|step| step.request.as_ref())
        .collect();
    assert_eq!(requests.len(), 1, "{requests:?}");
    let ChangeRequest {
        method, path, body, ..
    } = requests[0].clone();
    (method, path, body.unwrap_or_default())
}

fn notes(steps: &[Step]) -> String {
    steps
        .iter()
        .flat_map(|step| step.notes.clone())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn an_empty_tenant_gets_the_api_the_grants_and_the_log_stream_in_this_order() {
    let steps = plan(&desired(), &TenantState::default());
    assert_eq!(
        actions(&steps),
        [
            (Action::Create, AUDIENCE),
            (Action::Create, "browser (user)"),
            (Action::Create, "backend (client)"),
            (Action::Create, "session-events"),
        ]
    );
    let bodies: Vec<Value> = steps
        .iter()
        .map(|step| step.request.clone().unwrap().body.unwrap())
        .collect();
    assert_eq!(
        bodies[0],
        json!({
            "identifier": AUDIENCE,
            "name": "Session events",
            "signing_alg": "RS256",
            "token_lifetime": 86_400,
            "scopes": [
                { "value": "listen:events:self", "description": "Listen to my own session events" },
                { "value": "listen:events", "description": "Listen to all session events" },
            ],
            "subject_type_authorization": {
                "user": { "policy": "require_client_grant" },
                "client": { "policy": "require_client_grant" },
            },
        })
    );
    assert_eq!(
        bodies[1],
        json!({ "client_id": "browser", "audience": AUDIENCE, "scope": ["listen:events:self"], "subject_type": "user" })
    );
    assert_eq!(
        bodies[2],
        json!({ "client_id": "backend", "audience": AUDIENCE, "scope": ["listen:events"], "subject_type": "client" })
    );
    assert_eq!(
        bodies[3],
        json!({
            "name": "session-events",
            "type": "http",
            "sink": {
                "httpEndpoint": PAYLOAD_URL,
                "httpAuthorization": "s3cret",
                "httpContentFormat": "JSONLINES",
                "httpContentType": "application/json",
            },
        })
    );
}

#[test]
fn a_complete_tenant_stays_unchanged() {
    let steps = plan(&desired(), &complete());
    assert!(
        steps
            .iter()
            .all(|step| step.action == Action::Unchanged && step.request.is_none())
    );
    assert_eq!(notes(&steps), "");
}

#[test]
fn each_step_names_the_permission_that_it_needs() {
    let permissions = |steps: &[Step]| -> Vec<String> {
        let requests = steps.iter().map(|step| step.request.as_ref().unwrap());
        requests.map(|request| request.permission.clone()).collect()
    };
    assert_eq!(
        permissions(&plan(&desired(), &TenantState::default())),
        [
            "create:resource_servers",
            "create:client_grants",
            "create:client_grants",
            "create:log_streams"
        ]
    );
    assert_eq!(
        permissions(&plan_removal(&desired(), &complete())),
        [
            "delete:log_streams",
            "delete:client_grants",
            "delete:client_grants",
            "delete:resource_servers"
        ]
    );
}

#[test]
fn the_secret_is_in_the_request_but_not_in_the_printable_step() {
    let old = stream(json!({ "sink": { "httpAuthorization": "0ld" } }));
    let state = TenantState {
        streams: vec![old],
        ..complete()
    };
    for state in [TenantState::default(), state] {
        let steps = plan(&desired(), &state);
        let printable = serde_json::to_string(&steps).unwrap();
        assert!(
            !printable.contains("s3cret") && !printable.contains("0ld"),
            "{printable}"
        );
        assert!(printable.contains("sink.httpAuthorization"), "{printable}");
    }
}

#[test]
fn a_stream_with_another_name_that_posts_to_the_url_is_corrected_and_keeps_the_rest() {
    for endpoint in [
        PAYLOAD_URL,
        "https://events.example.com/acme%40us/api/publish",
        "HTTPS://Events.example.com:443/acme@us/api/publish/",
    ] {
        let theirs = json!({
            "id": "old/1",
            "name": "by hand",
            "status": "paused",
            "filters": [{ "type": "category", "name": "auth.login.fail" }],
            "sink": {
                "httpEndpoint": endpoint,
                "httpContentFormat": "JSONARRAY",
                "httpCustomHeaders": [{ "header": "x", "value": "y" }],
            },
        });
        let state = TenantState {
            streams: vec![
                stream(json!({ "sink": { "httpEndpoint": "https://x.example" } })),
                stream(theirs),
            ],
            ..complete()
        };
        let steps = plan(&desired(), &state);
        assert_eq!(steps.last().unwrap().name, "by hand");
        let (method, path, body) = only_request(&steps);
        assert_eq!(
            (method, path.as_str()),
            (Method::PATCH, "/log-streams/old%2F1")
        );
        assert_eq!(
            body,
            json!({
                "status": "active",
                "filters": [],
                "sink": {
                    "httpEndpoint": PAYLOAD_URL,
                    "httpAuthorization": "s3cret",
                    "httpContentFormat": "JSONLINES",
                    "httpContentType": "application/json",
                    "httpCustomHeaders": [{ "header": "x", "value": "y" }],
                },
            })
        );
    }
}

#[test]
fn streams_to_other_urls_are_not_touched() {
    let mut others = Vec::new();
    for endpoint in [
        "https://events.example.com/other@us/api/publish",
        "https://events.example.com/acme@us/api/publish?x",
        "https://other.example.com/acme@us/api/publish",
        "http://events.example.com/acme@us/api/publish",
    ] {
        others.push(stream(json!({ "sink": { "httpEndpoint": endpoint } })));
    }
    others.push(stream(json!({ "type": "datadog" })));
    let state = TenantState {
        streams: others,
        ..complete()
    };
    let steps = plan(&desired(), &state);
    assert_eq!(
        actions(&steps).last(),
        Some(&(
            Action::Create,
            "session-events https://events.example.com/acme@us/api/publish"
        )),
        "the name is not used twice"
    );
    assert!(
        plan_removal(&desired(), &state)
            .iter()
            .all(|step| step.resource != Resource::LogStream)
    );
}

#[test]
fn a_second_stream_to_the_same_url_is_reported() {
    let state = TenantState {
        streams: vec![
            stream(json!({})),
            stream(json!({ "id": "2", "name": "copy" })),
        ],
        ..complete()
    };
    let steps = plan(&desired(), &state);
    assert!(steps.iter().all(|step| step.action == Action::Unchanged));
    assert!(notes(&steps).contains("the log stream copy posts to the same URL"));
}

#[test]
fn the_api_is_corrected_and_keeps_the_permissions_of_others() {
    let theirs = json!({
        "signing_alg": "HS256",
        "token_lifetime": 600,
        "scopes": [{ "value": "read:x" }, { "value": "listen:events", "description": "mine" }],
        "subject_type_authorization": { "user": { "policy": "allow_all" } },
    });
    let state = TenantState {
        api: Some(api(theirs)),
        ..complete()
    };
    let steps = plan(&desired(), &state);
    let (method, path, body) = only_request(&steps);
    assert_eq!(
        (method, path.as_str()),
        (Method::PATCH, "/resource-servers/api-1")
    );
    assert_eq!(
        body,
        json!({
            "signing_alg": "RS256",
            "token_lifetime": 86_400,
            "scopes": [
                { "value": "read:x" },
                { "value": "listen:events", "description": "mine" },
                { "value": "listen:events:self", "description": "Listen to my own session events" },
            ],
            "subject_type_authorization": {
                "user": { "policy": "require_client_grant" },
                "client": { "policy": "require_client_grant" },
            },
        })
    );
    let changed: Vec<&str> = steps[0].changes.iter().map(|change| change.field).collect();
    assert_eq!(
        changed,
        [
            "signing_alg",
            "token_lifetime",
            "subject_type_authorization.user.policy",
            "scopes"
        ]
    );
    assert!(notes(&steps).contains("--browser-client"));
    assert!(
        notes(&steps).contains("from 600 to 86400 seconds: to keep it, give --token-lifetime 600")
    );
}

#[test]
fn a_grant_keeps_other_permissions_but_users_lose_the_events_of_all_users() {
    let state = TenantState {
        grants: vec![
            grant("browser", Some("user"), &["read:x", "listen:events"]),
            grant("backend", Some("client"), &["read:x"]),
            grant("browser", Some("client"), &["read:y"]),
        ],
        ..complete()
    };
    let steps = plan(&desired(), &state);
    let bodies: Vec<Value> = steps
        .iter()
        .filter_map(|step| step.request.clone()?.body)
        .collect();
    assert_eq!(
        bodies,
        [
            json!({ "scope": ["read:x", "listen:events:self"] }),
            json!({ "scope": ["read:x", "listen:events"] }),
        ]
    );
    assert_eq!(notes(&steps), "");
}

#[test]
fn a_grant_of_another_application_that_lets_users_receive_all_events_is_reported() {
    let mut everything = grant("browser", Some("user"), &[]);
    everything.allow_all_scopes = Some(true);
    let mut third_party = grant("", Some("user"), &["listen:events"]);
    third_party.client_id = None;
    let theirs = grant("theirs", Some("user"), &["listen:events"]);
    for (grant, named) in [
        (everything, "browser"),
        (third_party, "all third-party applications"),
        (theirs, "theirs"),
    ] {
        let mut state = complete();
        state
            .grants
            .retain(|other| other.client_id != grant.client_id);
        state.grants.push(grant);
        let steps = plan(&desired(), &state);
        assert!(steps.iter().all(|step| step.action == Action::Unchanged));
        let expected = format!("the client grant of {named} allows listen:events for user access");
        assert!(notes(&steps).contains(&expected), "{}", notes(&steps));
    }
}

#[test]
fn the_removal_deletes_the_stream_the_named_grants_and_the_api() {
    assert_eq!(
        actions(&plan_removal(&desired(), &complete())),
        [
            (Action::Delete, "session-events"),
            (Action::Delete, "browser (user)"),
            (Action::Delete, "backend (client)"),
            (Action::Delete, AUDIENCE),
        ]
    );
    assert_eq!(plan_removal(&desired(), &TenantState::default()), []);
}

#[test]
fn the_removal_keeps_the_api_with_a_grant_of_another_application() {
    for (subject, option) in [("user", "--browser-client"), ("client", "--backend-client")] {
        let mut state = complete();
        state
            .grants
            .push(grant("theirs", Some(subject), &["listen:events:self"]));
        let steps = plan_removal(&desired(), &state);
        assert_eq!(actions(&steps).last(), Some(&(Action::Unchanged, AUDIENCE)));
        assert!(notes(&steps).contains(&format!("give {option} theirs to delete that grant")));
    }
}

#[test]
fn the_removal_keeps_permissions_of_others_on_the_api_and_in_grants() {
    let scopes = json!([{ "value": "read:x" }, { "value": "listen:events" }]);
    let mut state = complete();
    state.api = Some(api(json!({ "scopes": scopes })));
    state.grants[0].scope.push("read:x".to_owned());
    let steps = plan_removal(&desired(), &state);
    assert_eq!(
        actions(&steps),
        [
            (Action::Delete, "session-events"),
            (Action::Change, "browser (user)"),
            (Action::Delete, "backend (client)"),
            (Action::Change, AUDIENCE),
        ]
    );
    let bodies: Vec<Value> = steps
        .iter()
        .filter_map(|step| step.request.clone()?.body)
        .collect();
    assert_eq!(
        bodies,
        [
            json!({ "scope": ["read:x"] }),
            json!({ "scopes": [{ "value": "read:x" }] })
        ]
    );

    // A grant of somebody else needs the permission.
    state
        .grants
        .push(grant("theirs", Some("client"), &["listen:events"]));
    let steps = plan_removal(&desired(), &state);
    assert_eq!(actions(&steps).last(), Some(&(Action::Unchanged, AUDIENCE)));
}
