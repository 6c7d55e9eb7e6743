use super::*;

fn read(variables: &[(&'static str, &str)]) -> Result<Config, ConfigError> {
    Config::read(|name| {
        let found = variables.iter().find(|(variable, _)| *variable == name)?;
        Some(found.1.to_owned())
    })
}

fn config(variables: &[(&'static str, &str)]) -> Config {
    read(variables).unwrap_or_else(|error| panic!("{error}"))
}

fn tenant(slug: &str) -> Tenant {
    Tenant::from_slug(slug).unwrap_or_else(|| panic!("{slug}"))
}

#[test]
fn without_variables_every_tenant_is_served_and_its_issuer_is_its_auth0_domain() {
    let config = config(&[]);
    assert_eq!(config.audience(), "https://events.auth0a.com/api");
    assert!(config.serves(&tenant("acme@us")));
    assert_eq!(
        config.issuer(&tenant("acme@us"), "https://acme.us.auth0.com/"),
        Some(Issuer {
            issuer: "https://acme.us.auth0.com/".into(),
            jwks_uri: "https://acme.us.auth0.com/.well-known/jwks.json".into(),
        })
    );
}

#[test]
fn event_types_are_selected_by_name_and_the_retention_of_revocations_in_days() {
    assert_eq!(config(&[]).event_types(), &EventTypes::default());
    assert_eq!(
        config(&[(EVENTS, " ")]).event_types(),
        &EventTypes::default()
    );
    let selected = config(&[(EVENTS, "logout, user_deleted")]);
    assert_eq!(selected.event_types().names(), "user_deleted, logout");
    assert_eq!(config(&[]).revocation_days(), 30);
    assert_eq!(config(&[(REVOCATION_DAYS, "7")]).revocation_days(), 7);
}

#[test]
fn with_a_list_of_tenants_only_these_are_served() {
    let config = config(&[(TENANTS, " acme@us, acme-staging ,")]);
    assert!(config.serves(&tenant("acme@us")));
    assert!(config.serves(&tenant("acme-staging")));
    assert!(!config.serves(&tenant("acme")));
    assert!(!config.serves(&tenant("acme@eu")));
}

#[test]
fn the_error_for_an_invalid_variable_names_the_variable() {
    for (variable, value) in [
        (AUDIENCE, ""),
        (AUDIENCE, "  "),
        (TENANTS, "acme@us,Acme"),
        (TENANTS, "acme;other"),
        (ISSUERS, "{"),
        (ISSUERS, "[]"),
        (ISSUERS, r#"{"nope!":[]}"#),
        (ISSUERS, r#"{"acme":{"issuer":"https://a.com/"}}"#),
        (ISSUERS, r#"{"acme":[{"jwks_uri":"https://a.com/"}]}"#),
        (
            ISSUERS,
            r#"{"acme":[{"issuer":"https://a.com/","jwksuri":"x"}]}"#,
        ),
        (EVENTS, "logout,nonsense"),
        (REVOCATION_DAYS, "0"),
        (REVOCATION_DAYS, "367"),
        (REVOCATION_DAYS, "a month"),
        (REVOCATION_DAYS, ""),
        (SHARDS, "0"),
        (SHARDS, "101"),
        (SHARDS, "-1"),
        (SHARDS, "one"),
        (SHARDS, ""),
    ] {
        let error = read(&[(variable, value)]).err();
        assert_eq!(
            error.as_ref().map(|error| error.variable),
            Some(variable),
            "{value}"
        );
        assert!(error.is_some_and(|error| error.to_string().contains(variable)));
    }
}

#[test]
fn only_issuers_on_the_local_machine_are_local_and_only_for_their_tenant() {
    let config = config(&[(
        ISSUERS,
        r#"{"acme@us":[{"issuer":"https://a.com/"},{"issuer":"http://localhost:8788/x/"},{"issuer":"https://127.0.0.1/"}]}"#,
    )]);
    assert_eq!(
        config.local_issuer_origins(&tenant("acme@us")),
        ["http://localhost:8788", "https://127.0.0.1"]
    );
    assert!(config.local_issuer_origins(&tenant("acme")).is_empty());
}

#[test]
fn an_issuer_is_compared_exactly_and_belongs_to_one_tenant() {
    let config = config(&[(
        ISSUERS,
        r#"{"acme@us":[{"issuer":"https://login.acme.com/"}]}"#,
    )]);
    let acme = tenant("acme@us");
    assert!(config.issuer(&acme, "https://login.acme.com/").is_some());
    for iss in [
        "",
        "https://acme.us.auth0.com",
        "http://acme.us.auth0.com/",
        "https://ACME.us.auth0.com/",
        "https://acme.eu.auth0.com/",
        "https://login.acme.com",
        "https://login.acme.com/ ",
    ] {
        assert_eq!(config.issuer(&acme, iss), None, "{iss}");
    }
    assert_eq!(
        config.issuer(&tenant("acme"), "https://login.acme.com/"),
        None
    );
}

#[test]
fn the_key_set_url_of_a_custom_domain_is_the_configured_one_or_the_usual_one() {
    let config = config(&[(
        ISSUERS,
        r#"{"acme@us":[{"issuer":"https://a.com/"},{"issuer":"https://b.com/","jwks_uri":"https://keys.b.com/set"},{"issuer":"http://localhost:8788","jwks_uri":"http://127.0.0.1:8788/jwks"}]}"#,
    )]);
    let jwks_uri = |iss| {
        config
            .issuer(&tenant("acme@us"), iss)
            .map(|issuer| issuer.jwks_uri)
    };
    assert_eq!(
        jwks_uri("https://a.com/").as_deref(),
        Some("https://a.com/.well-known/jwks.json")
    );
    assert_eq!(
        jwks_uri("https://b.com/").as_deref(),
        Some("https://keys.b.com/set")
    );
    assert_eq!(
        jwks_uri("http://localhost:8788").as_deref(),
        Some("http://127.0.0.1:8788/jwks")
    );
}

#[test]
fn the_key_set_url_of_the_auth0_domain_can_be_configured() {
    let auth0_domain = "https://acme.us.auth0.com/";
    let keys = "https://keys.acme.com/set";
    let listed = format!(r#"{{"acme@us":[{{"issuer":"{auth0_domain}","jwks_uri":"{keys}"}}]}}"#);
    let config = config(&[(ISSUERS, &listed)]);
    let issuers: Vec<_> = config.issuers(&tenant("acme@us")).collect();
    let (issuer, jwks_uri) = (auth0_domain.into(), keys.into());
    assert_eq!(issuers, [Issuer { issuer, jwks_uri }]);
}

#[test]
fn a_tenant_with_two_spellings_has_the_issuers_of_both() {
    let config = config(&[(
        ISSUERS,
        r#"{"acme%40us":[{"issuer":"https://a.com/"}],"acme@us":[{"issuer":"https://b.com/"}]}"#,
    )]);
    for iss in ["https://a.com/", "https://b.com/"] {
        assert!(config.issuer(&tenant("acme@us"), iss).is_some(), "{iss}");
    }
}

#[test]
fn a_duplicate_slug_is_rejected_and_named_in_the_error() {
    for duplicate in ["acme@us", r"acme\u0040us"] {
        let list = r#"[{"issuer":"https://a.com/"}]"#;
        let json = format!(r#"{{"acme@us":{list},"acme":[],"{duplicate}":{list}}}"#);
        let Err(error) = read(&[(ISSUERS, &json)]) else {
            panic!("{json} is accepted");
        };
        assert_eq!(error.variable, ISSUERS);
        let sentence = error.to_string();
        assert!(
            sentence.contains(r#"duplicate key "acme@us""#),
            "{sentence}"
        );
    }
}

#[test]
fn an_issuer_must_have_an_https_url_or_be_on_the_local_machine() {
    for url in [
        "http://login.acme.com/",
        "http://localhost.evil.com/",
        "http://127.0.0.1.evil.com/",
        "http://169.254.169.254/",
        "ftp://login.acme.com/",
        "login.acme.com",
        "/keys",
        "https://user@login.acme.com/",
        "https://login.acme.com/#here",
        "https://login.acme.com:99999/",
        "http://localhost:;script-src/",
        "http://localhost:+1/",
        "http://[::1]3:1/",
        "https://",
        "",
    ] {
        let json = format!(r#"{{"acme@us":[{{"issuer":"{url}"}}]}}"#);
        let error = read(&[(ISSUERS, &json)]).err();
        assert_eq!(error.map(|error| error.variable), Some(ISSUERS), "{url}");
    }
    for url in [
        "https://login.acme.com/",
        "http://localhost:8788/",
        "http://127.0.0.1/",
        "http://[::1]:1/",
    ] {
        let json = format!(r#"{{"acme@us":[{{"issuer":"{url}"}}]}}"#);
        assert!(read(&[(ISSUERS, &json)]).is_ok(), "{url}");
    }
}
