//! The live page at `/{tenant}/console`: which files it consists of and what it may do.
//!
//! The page is static and holds no secret; whoever opens it shows an access token of their own.
//! What it may load and whom it may talk to is closed by its Content-Security-Policy: its own
//! files, its own worker, and on a developer's machine the issuer that stands in for Auth0.

/// A file of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// `/console`: the page itself.
    Page,
    /// Its script.
    Script,
    /// Its style sheet.
    Style,
    /// Its icon.
    Icon,
}

impl File {
    /// The file at a path below the tenant's segment.
    pub fn at(internal_path: &str) -> Option<Self> {
        Some(match internal_path {
            "/console" => Self::Page,
            "/console/app.js" => Self::Script,
            "/console/app.css" => Self::Style,
            "/console/icon.svg" => Self::Icon,
            _ => return None,
        })
    }

    /// Its path among the worker's static assets.
    pub fn asset_path(self) -> &'static str {
        match self {
            Self::Page => "/index.html",
            Self::Script => "/app.js",
            Self::Style => "/app.css",
            Self::Icon => "/icon.svg",
        }
    }

    /// Its media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Page => "text/html; charset=utf-8",
            Self::Script => "text/javascript; charset=utf-8",
            Self::Style => "text/css; charset=utf-8",
            Self::Icon => "image/svg+xml",
        }
    }
}

/// The Content-Security-Policy of the page (W3C, "Content Security Policy Level 3"): everything
/// is forbidden but what is named. `'self'` covers the worker's sockets as well. Trusted Types
/// keep text from ever being taken for markup.
pub fn content_security_policy(local_issuer_origins: &[String]) -> String {
    let mut connect = String::from("'self'");
    for origin in local_issuer_origins {
        connect.push(' ');
        connect.push_str(origin);
    }
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src {connect}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_talks_to_its_worker_and_to_issuers_on_this_host_only() {
        let connect = |origins: &[String]| {
            let policy = content_security_policy(origins);
            let mut directives = policy.split("; ").map(str::to_owned);
            directives.find(|directive| directive.starts_with("connect-src"))
        };
        assert_eq!(connect(&[]).as_deref(), Some("connect-src 'self'"));
        assert_eq!(
            connect(&["http://localhost:8788".into()]).as_deref(),
            Some("connect-src 'self' http://localhost:8788")
        );
    }
}
