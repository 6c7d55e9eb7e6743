//! Routes: from the path of a request to a tenant and an endpoint.
//!
//! The path is resolved before the method is checked. So an unknown path is always `not_found`, and
//! a client cannot distinguish a tenant that is not served from one that cannot exist.

use super::console;
use crate::{Result, error::ApiError, tenant::Slug};

/// The methods of `/`, and of an endpoint that only returns something, in the form of an `Allow` header.
pub const READ_METHODS: &str = "GET, HEAD, OPTIONS";

/// An endpoint of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/{tenant}/console`: a file of the console.
    Console(console::File),
    /// `/{tenant}/console/config.json`: the settings of the console.
    ConsoleSettings,
    /// `/{tenant}/_debug`: the request as the Worker sees it.
    WorkerDebug,
    /// `/{tenant}/api/_debug`: the request as the tenant object sees it.
    ObjectDebug,
    /// `/{tenant}/api/publish`: receives batches from the log stream.
    Publish,
    /// `/{tenant}/api/backchannel-logout`: receives logout tokens from an OpenID provider.
    BackchannelLogout,
    /// `/{tenant}/api/subscribe`: accepts the WebSockets of subscribers.
    Subscribe,
    /// `/{tenant}/api/listeners`: the open sockets.
    Listeners,
    /// `/{tenant}/api/events`: the event log.
    Events,
    /// `/{tenant}/api/revocations`: the revocations.
    Revocations,
    /// `/{tenant}/api/introspect`: token introspection.
    Introspect,
    /// `/{tenant}/api/health`: the health of the tenant object.
    Health,
}

impl Endpoint {
    /// Returns the endpoint at a path below the tenant segment.
    fn from_path(internal_path: &str) -> Option<Self> {
        Some(match internal_path {
            "/_debug" => Self::WorkerDebug,
            "/api/_debug" => Self::ObjectDebug,
            "/api/publish" => Self::Publish,
            "/api/backchannel-logout" => Self::BackchannelLogout,
            "/api/subscribe" => Self::Subscribe,
            "/api/listeners" => Self::Listeners,
            "/api/events" => Self::Events,
            "/api/revocations" => Self::Revocations,
            "/api/introspect" => Self::Introspect,
            "/api/health" => Self::Health,
            "/console/config.json" => Self::ConsoleSettings,
            _ => Self::Console(console::File::from_path(internal_path)?),
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Console(_) | Self::ConsoleSettings => "console",
            Self::WorkerDebug | Self::ObjectDebug => "debug",
            Self::Publish => "publish",
            Self::BackchannelLogout => "backchannel_logout",
            Self::Subscribe => "subscribe",
            Self::Listeners => "listeners",
            Self::Events => "events",
            Self::Revocations => "revocations",
            Self::Introspect => "introspect",
            Self::Health => "health",
        }
    }

    /// Returns the supported methods in the form of an `Allow` header.
    pub fn allow(self) -> &'static str {
        match self {
            Self::Publish | Self::BackchannelLogout | Self::Introspect => "POST, OPTIONS",
            _ => READ_METHODS,
        }
    }
}

/// The route of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// `/`: the name and the version of the service.
    Index,
    /// An endpoint of a tenant.
    Tenant(TenantRoute<'a>),
}

/// The route to an endpoint of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantRoute<'a> {
    /// The slug of the tenant.
    pub slug: Slug,
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The path without the tenant segment: `/api/events`.
    pub internal_path: &'a str,
}

impl<'a> Route<'a> {
    /// Parses the path of a URL, still percent-encoded.
    ///
    /// # Errors
    ///
    /// [`ApiError::NotFound`] if the tenant is invalid or the endpoint does not exist.
    pub fn parse(path: &'a str) -> Result<Self> {
        let rest = path.strip_prefix('/').ok_or(ApiError::NotFound)?;
        if rest.is_empty() {
            return Ok(Self::Index);
        }
        let (segment, _) = rest.split_once('/').ok_or(ApiError::NotFound)?;
        let internal_path = rest.strip_prefix(segment).ok_or(ApiError::NotFound)?;
        Ok(Self::Tenant(TenantRoute {
            slug: Slug::parse(segment).ok_or(ApiError::NotFound)?,
            endpoint: Endpoint::from_path(internal_path).ok_or(ApiError::NotFound)?,
            internal_path,
        }))
    }

    /// Returns the name of the endpoint in log lines.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Tenant(route) => route.endpoint.name(),
        }
    }
}

/// Checks that a method is among the supported ones, which have the form of an `Allow` header.
///
/// # Errors
///
/// [`ApiError::MethodNotAllowed`] if it is not.
pub fn check_method(method: &str, allow: &'static str) -> Result<()> {
    if allow.split(", ").any(|allowed| allowed == method) {
        Ok(())
    } else {
        Err(ApiError::MethodNotAllowed { allow })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_found_below_the_tenant_segment() {
        for (path, endpoint) in [
            ("/console", Endpoint::Console(console::File::Page)),
            ("/console/app.js", Endpoint::Console(console::File::Script)),
            ("/console/config.json", Endpoint::ConsoleSettings),
            ("/_debug", Endpoint::WorkerDebug),
            ("/api/_debug", Endpoint::ObjectDebug),
            ("/api/publish", Endpoint::Publish),
            ("/api/backchannel-logout", Endpoint::BackchannelLogout),
            ("/api/subscribe", Endpoint::Subscribe),
            ("/api/listeners", Endpoint::Listeners),
            ("/api/events", Endpoint::Events),
            ("/api/revocations", Endpoint::Revocations),
            ("/api/introspect", Endpoint::Introspect),
            ("/api/health", Endpoint::Health),
        ] {
            for segment in ["acme@us", "acme%40us"] {
                let full_path = format!("/{segment}{path}");
                let Ok(Route::Tenant(TenantRoute {
                    slug,
                    endpoint: found,
                    internal_path,
                })) = Route::parse(&full_path)
                else {
                    panic!("{full_path}");
                };
                assert_eq!(slug.to_string(), "acme@us");
                assert_eq!((found, internal_path), (endpoint, path));
            }
        }
        assert_eq!(Route::parse("/"), Ok(Route::Index));
    }

    #[test]
    fn any_other_path_is_not_found() {
        for path in [
            "",
            "acme",
            "//",
            "/acme",
            "/acme/",
            "/acme/api",
            "/acme/api/",
            "/acme/api/events/",
            "/acme/api/Events",
            "/acme//api/events",
            "//api/events",
            "/ac/api/events",
            "/acme@xx/api/events",
            "/acme/console/",
            "/acme/console/index.html",
            "/acme/app.js",
            "/console",
            "/acme/debug",
            "/_debug",
            "/acme/api/%65vents",
        ] {
            assert_eq!(Route::parse(path), Err(ApiError::NotFound), "{path}");
        }
    }

    #[test]
    fn an_endpoint_supports_either_get_and_head_or_post() {
        for method in ["GET", "HEAD", "OPTIONS"] {
            assert_eq!(check_method(method, Endpoint::Events.allow()), Ok(()));
        }
        for method in ["POST", "OPTIONS"] {
            assert_eq!(check_method(method, Endpoint::Publish.allow()), Ok(()));
        }
        let not_allowed = Err(ApiError::MethodNotAllowed {
            allow: "GET, HEAD, OPTIONS",
        });
        for method in ["POST", "PUT", "DELETE", "", "GET, HEAD", "get"] {
            let checked = check_method(method, Endpoint::Subscribe.allow());
            assert_eq!(checked, not_allowed);
        }
        assert_eq!(
            check_method("GET", Endpoint::Publish.allow()),
            Err(ApiError::MethodNotAllowed {
                allow: "POST, OPTIONS"
            })
        );
    }
}
