use super::*;
use crate::events::event::EventType;

const SHARED_AUDIENCE: &str = "https://events.example.com/api";

fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::read(|name| {
        let found = variables.iter().find(|(variable, _)| *variable == name)?;
        Some(found.1.to_owned())
    })
}

fn config(variables: &[(&str, &str)]) -> Config {
    read(variables).unwrap_or_else(|error| panic!("{error}"))
}

/// Reads a configuration with a valid audience.
fn read_tenants(tenants: &str) -> Result<Config, ConfigError> {
    read(&[(AUDIENCE, SHARED_AUDIENCE), (TENANTS, tenants)])
}

fn served(tenants: &str) -> Config {
    read_tenants(tenants).unwrap_or_else(|error| panic!("{error}"))
}

fn slug(slug: &str) -> Slug {
    Slug::parse(slug).unwrap_or_else(|| panic!("{slug}"))
}

fn find(config: &Config, name: &str) -> Option<TenantConfig> {
    config.tenant(&slug(name)).map(Cow::into_owned)
}

/// Returns the only tenant of a table with the slug `acme@us` and this JSON as its entry.
fn acme(entry: &str) -> TenantConfig {
    let config = served(&format!(r#"{{"acme@us":{entry}}}"#));
    find(&config, "acme@us").unwrap_or_else(|| panic!("acme@us is not served"))
}

/// Returns the error for a table with the slug `acme@us` and this JSON as its entry.
fn acme_error(entry: &str) -> String {
    match read_tenants(&format!(r#"{{"acme@us":{entry}}}"#)) {
        Ok(_) => panic!("{entry} is accepted"),
        Err(error) => {
            assert_eq!(error.variable, TENANTS, "{entry}");
            error.to_string()
        }
    }
}

fn issuer(issuer: &str, jwks_uri: &str) -> Issuer {
    Issuer {
        issuer: issuer.into(),
        jwks_uri: jwks_uri.into(),
    }
}

fn acme_auth0() -> Issuer {
    issuer(
        "https://acme.us.auth0.com/",
        "https://acme.us.auth0.com/.well-known/jwks.json",
    )
}

#[test]
fn without_tenants_or_an_audience_the_configuration_is_incomplete() {
    for (variables, missing, example) in [
        (&[][..], TENANTS, "TENANTS = \"acme@us\""),
        (
            &[(AUDIENCE, "a"), (TENANTS, " ")],
            TENANTS,
            "TENANTS = \"acme@us\"",
        ),
        (&[(TENANTS, "acme@us")], AUDIENCE, "AUDIENCE = \"https://"),
        (
            &[(TENANTS, "*"), (AUDIENCE, " ")],
            AUDIENCE,
            "AUDIENCE = \"https://",
        ),
        (
            &[(TENANTS, r#"{"acme":{"audience":"a"},"corp":{}}"#)],
            AUDIENCE,
            "corp has no audience",
        ),
    ] {
        let error = read(variables).err();
        assert_eq!(
            error.as_ref().map(|error| error.variable.as_ref()),
            Some(missing),
            "{variables:?}"
        );
        let message = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(message.contains("is missing"), "{message}");
        assert!(message.contains(example), "{message}");
        let lookup = |name: &str| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, text)| (*text).to_owned())
        };
        assert_eq!(Config::check_form(lookup), Ok(()), "{variables:?}");
    }
}

#[test]
fn the_shared_audience_is_not_required_if_every_tenant_has_its_own() {
    let config = config(&[(
        TENANTS,
        r#"{"acme":{"audience":"a"},"corp":{"audience":"b"}}"#,
    )]);
    let audience = |name| find(&config, name).map(|tenant| tenant.audience().to_owned());
    assert_eq!(audience("acme").as_deref(), Some("a"));
    assert_eq!(audience("corp").as_deref(), Some("b"));
}

#[test]
fn only_the_tenants_in_a_list_are_served() {
    let config = served(" acme@us, acme-staging ,");
    for name in ["acme@us", "acme-staging"] {
        let tenant = find(&config, name).unwrap_or_else(|| panic!("{name} is not served"));
        assert_eq!(tenant.slug().to_string(), name);
        assert_eq!(tenant.audience(), SHARED_AUDIENCE);
    }
    for name in ["acme", "acme@eu", "acme-staging@us"] {
        assert_eq!(find(&config, name), None, "{name}");
    }
}

#[test]
fn a_star_serves_every_slug_as_a_tenant_on_auth0() {
    let config = served(" * ");
    let tenant = find(&config, "acme@us").unwrap_or_else(|| panic!("acme@us is not served"));
    assert_eq!(tenant.tenant().domain(), "acme.us.auth0.com");
    assert_eq!(tenant.audience(), SHARED_AUDIENCE);
    assert_eq!(tenant.issuers(), [acme_auth0()]);
    assert_eq!(tenant.event_types(), &EventTypes::Revoking);
    assert_eq!(tenant.tenant_name(), Some("acme"));
    assert!(tenant.logout_token_audiences().is_empty());
    assert_eq!(tenant.console_client_id(), None);
}

#[test]
fn a_list_or_a_table_without_a_tenant_is_rejected() {
    for tenants in [",", " , ,", "{}", " { } "] {
        let error = read_tenants(tenants).err();
        assert_eq!(
            error.as_ref().map(|error| error.variable.as_ref()),
            Some(TENANTS),
            "{tenants}"
        );
        let message = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(message.contains("names no tenant"), "{message}");
    }
}

#[test]
fn a_tenant_that_is_named_by_its_domain_has_the_configuration_of_its_slug() {
    let of_domain = |config: &Config, domain: &str| {
        let tenant = Tenant::from_domain(domain).unwrap_or_else(|| panic!("{domain}"));
        let found = config.tenant_of_domain(&tenant);
        found.map(|tenant| tenant.slug().to_string())
    };
    let table = served(r#"{"acme@us":{},"corp":{"domain":"sso.corp.example"}}"#);
    assert_eq!(
        of_domain(&table, "acme.us.auth0.com").as_deref(),
        Some("acme@us")
    );
    assert_eq!(
        of_domain(&table, "sso.corp.example").as_deref(),
        Some("corp")
    );
    assert_eq!(of_domain(&table, "corp.auth0.com"), None);
    assert_eq!(of_domain(&served("acme@us"), "acme.eu.auth0.com"), None);
    assert_eq!(
        of_domain(&served("*"), "acme.eu.auth0.com").as_deref(),
        Some("acme@eu")
    );
    assert_eq!(of_domain(&served("*"), "sso.corp.example"), None);
}

#[test]
fn an_entry_overrides_the_settings_of_the_deployment() {
    let config = config(&[
        (AUDIENCE, SHARED_AUDIENCE),
        (EVENTS, "email_changed"),
        (
            TENANTS,
            r#"{
                "acme@us": {
                    "audience": "https://events.acme.com/api",
                    "events": ["logout", "user_blocked"],
                    "tenant_name": "acme-1",
                    "logout_token_audiences": ["a", "b"],
                    "console_client_id": "c"
                },
                "corp": {}
            }"#,
        ),
    ]);
    let acme = find(&config, "acme@us").unwrap_or_else(|| panic!("acme@us is not served"));
    assert_eq!(acme.audience(), "https://events.acme.com/api");
    let events = EventTypes::only([EventType::UserBlocked, EventType::Logout]);
    assert_eq!(acme.event_types(), &events);
    assert_eq!(acme.tenant_name(), Some("acme-1"));
    assert_eq!(acme.logout_token_audiences(), ["a", "b"]);
    assert_eq!(acme.console_client_id(), Some("c"));
    let corp = find(&config, "corp").unwrap_or_else(|| panic!("corp is not served"));
    assert_eq!(corp.audience(), SHARED_AUDIENCE);
    let events = EventTypes::only([EventType::EmailChanged]);
    assert_eq!(corp.event_types(), &events);
    assert_eq!(corp.tenant_name(), Some("corp"));
}

#[test]
fn issuers_add_to_the_auth0_domain_of_a_slug() {
    let tenant = acme(
        r#"{"issuers":["https://a.com/",{"issuer":"https://b.com/"},{"issuer":"https://c.com/","jwks_uri":"https://keys.c.com/set"},{"issuer":"http://localhost:8788","jwks_uri":"http://127.0.0.1:8788/jwks"}]}"#,
    );
    assert_eq!(
        tenant.issuers(),
        [
            acme_auth0(),
            issuer("https://a.com/", "https://a.com/.well-known/jwks.json"),
            issuer("https://b.com/", "https://b.com/.well-known/jwks.json"),
            issuer("https://c.com/", "https://keys.c.com/set"),
            issuer("http://localhost:8788", "http://127.0.0.1:8788/jwks"),
        ]
    );
}

#[test]
fn the_key_set_url_of_the_auth0_domain_can_be_configured() {
    let listed = issuer("https://acme.us.auth0.com/", "https://keys.acme.com/set");
    let tenant = acme(
        r#"{"issuers":[{"issuer":"https://acme.us.auth0.com/","jwks_uri":"https://keys.acme.com/set"}]}"#,
    );
    assert_eq!(tenant.issuers(), [listed]);
}

#[test]
fn a_domain_takes_the_place_of_the_auth0_domain() {
    let tenant = acme(r#"{"domain":"sso.corp.example"}"#);
    assert_eq!(tenant.tenant().domain(), "sso.corp.example");
    let own = issuer(
        "https://sso.corp.example/",
        "https://sso.corp.example/.well-known/jwks.json",
    );
    assert_eq!(tenant.issuers(), [own]);
    assert_eq!(tenant.tenant_name(), None);
    let named = acme(r#"{"domain":"sso.corp.example","tenant_name":"corp"}"#);
    assert_eq!(named.tenant_name(), Some("corp"));
}

#[test]
fn the_issuers_of_a_tenant_with_a_domain_are_all_listed() {
    let realm = "https://sso.corp.example/realms/corp";
    let certs = format!("{realm}/protocol/openid-connect/certs");
    let tenant = acme(&format!(
        r#"{{"domain":"sso.corp.example","issuers":[{{"issuer":"{realm}","jwks_uri":"{certs}"}}]}}"#
    ));
    assert_eq!(tenant.issuers(), [issuer(realm, &certs)]);
}

#[test]
fn two_tenants_with_the_same_domain_are_rejected() {
    for (tenants, named) in [
        (
            r#"{"acme":{"domain":"sso.corp.example"},"corp":{"domain":"sso.corp.example"}}"#,
            ["acme and corp", "sso.corp.example"],
        ),
        (
            r#"{"acme@us":{},"corp":{"domain":"acme.us.auth0.com"}}"#,
            ["acme@us and corp", "acme.us.auth0.com"],
        ),
        (
            r#"{"acme%40us":{},"acme@us":{"domain":"sso.corp.example"}}"#,
            ["acme@us twice", "TENANTS"],
        ),
        (
            r#"{"acme@us":{},"acme@us":{}}"#,
            ["duplicate key", "acme@us"],
        ),
        (
            r#"{"acme@us":{},"acme\u0040us":{}}"#,
            ["duplicate key", "acme@us"],
        ),
        ("acme@us,acme@us", ["acme@us twice", "TENANTS"]),
    ] {
        let error = read_tenants(tenants).err().map(|error| error.to_string());
        let message = error.unwrap_or_else(|| panic!("{tenants} is accepted"));
        for text in named {
            assert!(message.contains(text), "{message}");
        }
    }
}

#[test]
fn further_variables_continue_the_table() {
    let config = config(&[
        (AUDIENCE, SHARED_AUDIENCE),
        (TENANTS, r#"{"acme@us":{}}"#),
        ("TENANTS_2", r#"{"corp":{"domain":"sso.corp.example"}}"#),
        ("TENANTS_64", r#"{"last":{}}"#),
    ]);
    for name in ["acme@us", "corp", "last"] {
        assert!(find(&config, name).is_some(), "{name}");
    }
}

#[test]
fn an_error_in_a_further_variable_names_that_variable() {
    for (tenants, continued) in [
        (r#"{"acme@us":{}}"#, "nonsense"),
        (r#"{"acme@us":{}}"#, "acme@eu"),
        (r#"{"acme@us":{}}"#, r#"{"acme@us":{}}"#),
        (
            r#"{"acme@us":{}}"#,
            r#"{"corp":{"domain":"acme.us.auth0.com"}}"#,
        ),
        (r#"{"acme@us":{}}"#, r#"{"corp":{"colour":"red"}}"#),
        ("acme@us", r#"{"corp":{}}"#),
        ("*", r#"{"corp":{}}"#),
    ] {
        let error = read(&[
            (AUDIENCE, SHARED_AUDIENCE),
            (TENANTS, tenants),
            ("TENANTS_2", continued),
        ])
        .err();
        assert_eq!(
            error.map(|error| error.variable),
            Some("TENANTS_2".into()),
            "{tenants} {continued}"
        );
    }
}

#[test]
fn a_member_that_is_unknown_or_blank_or_of_another_type_is_named_in_the_error() {
    for (entry, named) in [
        ("null", "invalid for acme@us"),
        ("[]", "invalid for acme@us"),
        (r#""https://a.com/""#, "invalid for acme@us"),
        (r#"{"colour":"red"}"#, "colour"),
        (r#"{"webhooks":{}}"#, "webhooks"),
        (r#"{"domain":"a.com","domain":"b.com"}"#, "domain"),
        (r#"{"issuers":[]}"#, "issuers is empty"),
        (r#"{"issuers":"https://a.com/"}"#, "invalid type"),
        (r#"{"issuers":[7]}"#, "the URL of an issuer"),
        (
            r#"{"issuers":[["https://a.com/"]]}"#,
            "the URL of an issuer",
        ),
        (r#"{"issuers":[{"jwks_uri":"https://a.com/"}]}"#, "issuer"),
        (
            r#"{"issuers":[{"issuer":"https://a.com/","jwksuri":"x"}]}"#,
            "jwksuri",
        ),
        (
            r#"{"issuers":["https://a.com/",{"issuer":"https://a.com/"}]}"#,
            "twice",
        ),
        (r#"{"audience":" "}"#, "audience is empty"),
        (r#"{"events":[]}"#, "events is empty"),
        (r#"{"events":["log_out"]}"#, "\"log_out\""),
        (r#"{"events":"logout"}"#, "invalid type"),
        (r#"{"domain":""}"#, "domain = \"sso.corp.example\""),
        (
            r#"{"domain":"https://sso.corp.example/"}"#,
            "domain = \"sso.corp.example\"",
        ),
        (r#"{"domain":"SSO.corp.example"}"#, "lower case"),
        (r#"{"tenant_name":""}"#, "tenant_name is empty"),
        (
            r#"{"logout_token_audiences":[]}"#,
            "logout_token_audiences = [\"my-client-id\"]",
        ),
        (
            r#"{"logout_token_audiences":["a"," "]}"#,
            "logout_token_audiences",
        ),
        (r#"{"console_client_id":""}"#, "console_client_id is empty"),
    ] {
        let message = acme_error(entry);
        assert!(message.contains(named), "{entry}: {message}");
        assert!(message.contains("acme@us"), "{entry}: {message}");
    }
}

#[test]
fn the_error_for_an_invalid_variable_names_the_variable_and_shows_a_valid_value() {
    for (variable, value, example) in [
        (TENANTS, "acme@us,Acme", "TENANTS = \"acme@us\""),
        (TENANTS, "acme;other", "TENANTS = \"acme@us\""),
        (TENANTS, "acme,*", "TENANTS = \"acme@us\""),
        (TENANTS, "{", "[env.production.vars.TENANTS.\"acme@us\"]"),
        (TENANTS, r#"["acme@us"]"#, "TENANTS = \"acme@us\""),
        (TENANTS, r#"{"nope!":{}}"#, "TENANTS = \"acme@us\""),
        (TENANTS, "7", "TENANTS = \"acme@us\""),
        (
            ISSUERS,
            r#"{"acme":[{"issuer":"https://a.com/"}]}"#,
            "[env.production.vars.TENANTS.\"acme@us\"]",
        ),
        (ISSUERS, "{}", "issuers = [\"https://login.acme.com/\"]"),
        (
            EVENTS,
            "logout,nonsense",
            "EVENTS = \"logout, user_blocked\"",
        ),
        (REVOCATION_DAYS, "0", "REVOCATION_DAYS = \"30\""),
        (REVOCATION_DAYS, "367", "REVOCATION_DAYS = \"30\""),
        (REVOCATION_DAYS, "a month", "REVOCATION_DAYS = \"30\""),
        (REVOCATION_DAYS, "", "REVOCATION_DAYS = \"30\""),
        (SHARDS, "0", "SHARDS = \"1\""),
        (SHARDS, "101", "SHARDS = \"1\""),
        (SHARDS, "-1", "SHARDS = \"1\""),
        (SHARDS, "one", "SHARDS = \"1\""),
        (SHARDS, "", "SHARDS = \"1\""),
    ] {
        let lookup = |name: &str| (name == variable).then(|| value.to_owned());
        let Err(error) = Config::check_form(lookup) else {
            panic!("{variable} may be {value}");
        };
        assert_eq!(error.variable, variable, "{value}");
        let message = error.to_string();
        assert!(message.contains(variable), "{message}");
        assert!(message.contains(example), "{message}");
        // An invalid value is reported before a missing one.
        assert_eq!(Config::read(lookup).err(), Some(error));
    }
}

#[test]
fn a_blank_variable_of_earlier_versions_is_ignored() {
    assert!(read(&[(AUDIENCE, "a"), (TENANTS, "acme"), (ISSUERS, " ")]).is_ok());
}

#[test]
fn event_types_are_selected_by_name_and_the_retention_of_revocations_in_days() {
    let valid = [(AUDIENCE, SHARED_AUDIENCE), (TENANTS, "acme@us")];
    let with = |variable, value| config(&[&valid[..], &[(variable, value)]].concat());
    let events =
        |config: Config| find(&config, "acme@us").map(|tenant| tenant.event_types().clone());
    assert_eq!(events(config(&valid)), Some(EventTypes::Revoking));
    for blank in ["", " ", " , "] {
        assert_eq!(events(with(EVENTS, blank)), Some(EventTypes::Revoking));
    }
    assert_eq!(
        events(with(EVENTS, "logout, user_deleted")),
        Some(EventTypes::only([
            EventType::UserDeleted,
            EventType::Logout
        ]))
    );
    assert_eq!(config(&valid).revocation_days(), 30);
    assert_eq!(with(REVOCATION_DAYS, "7").revocation_days(), 7);
    assert_eq!(config(&valid).shards(), None);
    assert_eq!(with(SHARDS, "4").shards(), Some(4));
}

#[test]
fn the_console_connects_to_local_issuers_and_to_the_issuer_at_which_it_signs_in() {
    let issuers =
        r#""issuers":["https://a.com/","http://localhost:8788/x/","https://127.0.0.1:8443/"]"#;
    let local = ["http://localhost:8788", "https://127.0.0.1:8443"];
    let tenant = acme(&format!("{{{issuers}}}"));
    assert_eq!(tenant.console_issuer_origins(), local);
    assert!(acme("{}").console_issuer_origins().is_empty());

    let tenant = acme(&format!(r#"{{{issuers},"console_client_id":"c"}}"#));
    let [first, second] = local;
    assert_eq!(
        tenant.console_issuer_origins(),
        ["https://acme.us.auth0.com", first, second]
    );
}

#[test]
fn an_issuer_is_compared_exactly_and_belongs_to_one_tenant() {
    let config = served(r#"{"acme@us":{"issuers":["https://login.acme.com/"]},"acme":{}}"#);
    let tenant = find(&config, "acme@us").unwrap_or_else(|| panic!("acme@us is not served"));
    assert!(tenant.issuer("https://login.acme.com/").is_some());
    for iss in [
        "",
        "https://acme.us.auth0.com",
        "http://acme.us.auth0.com/",
        "https://ACME.us.auth0.com/",
        "https://acme.eu.auth0.com/",
        "https://login.acme.com",
        "https://login.acme.com/ ",
    ] {
        assert_eq!(tenant.issuer(iss), None, "{iss}");
    }
    let other = find(&config, "acme").unwrap_or_else(|| panic!("acme is not served"));
    assert_eq!(other.issuer("https://login.acme.com/"), None);
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
        "https://*.acme.com/",
        "https://login.acme.com;x/",
        "https://login.acme.com/#here",
        "https://login.acme.com:99999/",
        "http://localhost:;script-src/",
        "http://localhost:+1/",
        "http://[::1]3:1/",
        "https://",
        "",
    ] {
        for entry in [
            format!(r#"{{"issuers":["{url}"]}}"#),
            format!(r#"{{"issuers":[{{"issuer":"{url}"}}]}}"#),
            format!(r#"{{"issuers":[{{"issuer":"https://a.com/","jwks_uri":"{url}"}}]}}"#),
        ] {
            let message = acme_error(&entry);
            assert!(message.contains("https://login.acme.com/"), "{message}");
        }
    }
    for url in [
        "https://login.acme.com/",
        "http://localhost:8788/",
        "http://127.0.0.1/",
        "http://[::1]:1/",
    ] {
        let tenant = acme(&format!(r#"{{"issuers":["{url}"]}}"#));
        assert!(tenant.issuer(url).is_some(), "{url}");
    }
}

#[test]
fn a_variable_that_is_larger_than_cloudflare_accepts_is_rejected() {
    assert_eq!(check_variable(TENANTS, &"x".repeat(5 * 1024)), Ok(()));
    let message = |variable| {
        let error = check_variable(variable, &"x".repeat(5 * 1024 + 1)).err();
        error.map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(message(TENANTS).contains("TENANTS_2"));
    assert!(message("TENANTS_3").starts_with("The variable TENANTS_3 has 5121 bytes"));
    assert!(message(AUDIENCE).contains("Shorten it"));
}

#[test]
fn a_variable_that_is_named_like_a_table_but_not_read_is_rejected() {
    for name in [TENANTS, "TENANTS_2", "TENANTS_64", AUDIENCE, "OTHER"] {
        assert_eq!(check_variable(name, "x"), Ok(()), "{name}");
    }
    for name in [
        "TENANTS_",
        "TENANTS_1",
        "TENANTS2",
        "TENANTS_02",
        "TENANTS_65",
        "TENANTS_B",
    ] {
        let error = check_variable(name, "x").err();
        assert_eq!(error.map(|error| error.variable), Some(name.into()));
    }
}
