//! From a method and a URL to what is asked of which tenant.
//!
//! A path that is not found is not found whatever the method, so that nobody learns more of a
//! tenant that is not served than of one that cannot exist.

use crate::{error::ApiError, protocol::console, tenant::Tenant};

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/`: what runs here.
    Index,
    /// `/{tenant}/console`: the live page, and the files that it is made of.
    Console(console::File),
    /// `/{tenant}/_debug`: how the Worker sees the request.
    WorkerDebug,
    /// `/{tenant}/api/_debug`: how the tenant's object sees it.
    HubDebug,
    /// `/{tenant}/api/publish`: the log stream's address.
    Publish,
    /// `/{tenant}/api/subscribe`: the listeners' address.
    Subscribe,
    /// `/{tenant}/api/listeners`: who listens.
    Listeners,
    /// `/{tenant}/api/events`: the newest events.
    Events,
    /// `/{tenant}/api/revocations`: who was revoked when.
    Revocations,
    /// `/{tenant}/api/introspect`: whether a token is still good.
    Introspect,
    /// `/{tenant}/api/health`: whether the tenant's object can work.
    Health,
}

impl Endpoint {
    /// The endpoint at a path below the tenant's segment.
    fn at(internal_path: &str) -> Option<Self> {
        Some(match internal_path {
            "/_debug" => Self::WorkerDebug,
            "/api/_debug" => Self::HubDebug,
            "/api/publish" => Self::Publish,
            "/api/subscribe" => Self::Subscribe,
            "/api/listeners" => Self::Listeners,
            "/api/events" => Self::Events,
            "/api/revocations" => Self::Revocations,
            "/api/introspect" => Self::Introspect,
            "/api/health" => Self::Health,
            _ => Self::Console(console::File::at(internal_path)?),
        })
    }

    /// What the log calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Console(_) => "console",
            Self::WorkerDebug | Self::HubDebug => "debug",
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
            Self::Listeners => "listeners",
            Self::Events => "events",
            Self::Revocations => "revocations",
            Self::Introspect => "introspect",
            Self::Health => "health",
        }
    }

    /// The methods that the endpoint takes, as `Allow` lists them.
    pub fn allow(self) -> &'static str {
        match self {
            Self::Publish | Self::Introspect => "POST, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        }
    }

    /// Passes a method that the endpoint takes.
    ///
    /// # Errors
    ///
    /// [`ApiError::MethodNotAllowed`] with those that it does take.
    pub fn check_method(self, method: &str) -> Result<(), ApiError> {
        let allow = self.allow();
        if allow.split(", ").any(|allowed| allowed == method) {
            Ok(())
        } else {
            Err(ApiError::MethodNotAllowed { allow })
        }
    }
}

/// A path that leads somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// `/`.
    Index,
    /// Below a valid tenant's segment.
    Tenant(TenantRoute<'a>),
}

/// What is wanted of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantRoute<'a> {
    /// Whose.
    pub tenant: Tenant,
    /// What.
    pub endpoint: Endpoint,
    /// The path without the tenant's segment: `/api/events`.
    pub internal_path: &'a str,
}

impl<'a> Route<'a> {
    /// Reads the path of a URL, as it came (still percent-encoded).
    ///
    /// # Errors
    ///
    /// [`ApiError::NotFound`] unless it is `/` or a valid tenant's segment and one of the endpoints.
    pub fn parse(path: &'a str) -> Result<Self, ApiError> {
        let rest = path.strip_prefix('/').ok_or(ApiError::NotFound)?;
        if rest.is_empty() {
            return Ok(Self::Index);
        }
        let (slug, _) = rest.split_once('/').ok_or(ApiError::NotFound)?;
        let internal_path = rest.strip_prefix(slug).ok_or(ApiError::NotFound)?;
        Ok(Self::Tenant(TenantRoute {
            tenant: Tenant::from_slug(slug).ok_or(ApiError::NotFound)?,
            endpoint: Endpoint::at(internal_path).ok_or(ApiError::NotFound)?,
            internal_path,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_found_below_a_tenant() {
        for (path, endpoint) in [
            ("/console", Endpoint::Console(console::File::Page)),
            ("/console/app.js", Endpoint::Console(console::File::Script)),
            ("/_debug", Endpoint::WorkerDebug),
            ("/api/_debug", Endpoint::HubDebug),
            ("/api/publish", Endpoint::Publish),
            ("/api/subscribe", Endpoint::Subscribe),
            ("/api/listeners", Endpoint::Listeners),
            ("/api/events", Endpoint::Events),
            ("/api/revocations", Endpoint::Revocations),
            ("/api/introspect", Endpoint::Introspect),
            ("/api/health", Endpoint::Health),
        ] {
            for slug in ["acme@us", "acme%40us"] {
                let whole = format!("/{slug}{path}");
                let Ok(Route::Tenant(TenantRoute {
                    tenant,
                    endpoint: found,
                    internal_path,
                })) = Route::parse(&whole)
                else {
                    panic!("{whole}");
                };
                assert_eq!(tenant.to_string(), "acme@us");
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
    fn reading_takes_get_and_head_and_publishing_takes_post() {
        for method in ["GET", "HEAD", "OPTIONS"] {
            assert_eq!(Endpoint::Events.check_method(method), Ok(()));
        }
        for method in ["POST", "OPTIONS"] {
            assert_eq!(Endpoint::Publish.check_method(method), Ok(()));
        }
        let reading = Err(ApiError::MethodNotAllowed {
            allow: "GET, HEAD, OPTIONS",
        });
        for method in ["POST", "PUT", "DELETE", "", "GET, HEAD", "get"] {
            assert_eq!(Endpoint::Subscribe.check_method(method), reading);
        }
        assert_eq!(
            Endpoint::Publish.check_method("GET"),
            Err(ApiError::MethodNotAllowed {
                allow: "POST, OPTIONS"
            })
        );
    }
}
