//! Property: parsing slugs, paths and URLs.

use session_events_core::{
    protocol::{request_url::RequestUrl, route::Route},
    tenant::Slug,
};

/// The Auth0 domain of a slug is one label with an optional region under `auth0.com`. A route
/// contains the slug and path of its text. The parts of a URL are substrings of its text.
pub fn slug(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let slug = Slug::parse(text);
    if let Some(slug) = &slug {
        check_slug(slug);
    }
    if let Some(slug) = Slug::from_auth0_domain(text) {
        assert_eq!(slug.auth0_domain(), text);
        check_slug(&slug);
    }
    let path = format!("/{text}/api/events");
    assert_eq!(Route::parse(&path).is_ok(), slug.is_some());

    check_route(text);
    if let Ok(target) = RequestUrl::parse(text) {
        check_target(text, target);
        check_route(target.path);
    }
    let encoded: String = form_urlencoded::byte_serialize(bytes).collect();
    let url = format!("https://a.com/acme/api/subscribe?x&last_event_id={encoded}&y=1");
    let target = RequestUrl::parse(&url).expect("a URL");
    assert_eq!(target.parameter("last_event_id").as_deref(), Some(text));
}

fn check_slug(slug: &Slug) {
    let domain = slug.auth0_domain();
    let host = domain.strip_suffix(".auth0.com").expect("Auth0's domain");
    let (name, locality) = host.split_once('.').unwrap_or((host, "us"));
    assert!(["us", "eu", "au", "jp", "uk", "ca"].contains(&locality));
    assert_eq!(name, slug.name());
    assert!((3..=63).contains(&name.len()));
    assert!(
        name.bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    );
    assert!(!name.starts_with('-') && !name.ends_with('-'));

    assert_eq!(Slug::from_auth0_domain(&domain).as_ref(), Some(slug));
    let text = slug.to_string();
    assert_eq!(Slug::parse(&text).as_ref(), Some(slug));
    let encoded = text.replace('@', "%40");
    assert_eq!(Slug::parse(&encoded).as_ref(), Some(slug));
    let url = url::Url::parse(&format!("https://{domain}/")).expect("a host");
    assert_eq!(url.host_str(), Some(domain.as_str()));
}

fn check_route(path: &str) {
    match Route::parse(path) {
        Ok(Route::Index) => assert_eq!(path, "/"),
        Ok(Route::Tenant(wanted)) => {
            let (slug, internal_path) = (&wanted.slug, wanted.internal_path);
            check_slug(slug);
            let segment = path
                .strip_suffix(internal_path)
                .expect("the end of the path");
            let segment = segment.strip_prefix('/').expect("the start of the path");
            assert_eq!(Slug::parse(segment).as_ref(), Some(slug));
            let canonical = format!("/{slug}{internal_path}");
            assert_eq!(Route::parse(&canonical), Ok(Route::Tenant(wanted)));
        }
        Err(_) => {}
    }
}

fn check_target(url: &str, target: RequestUrl<'_>) {
    let RequestUrl {
        origin, host, path, ..
    } = target;
    let rest = url
        .strip_prefix(origin)
        .and_then(|rest| rest.strip_prefix(path));
    let rest = rest.expect("a URL that starts with its origin and path");
    assert!(rest.is_empty() || rest.starts_with(['?', '#']));
    assert!(origin.ends_with(&format!("://{host}")));
    assert!(path.is_empty() || path.starts_with('/'));
    assert!(!path.contains(['?', '#']) && !host.contains(['/', '?', '#']));
}
