//! The console at `/{tenant}/console`: its files and its Content-Security-Policy.
//!
//! The console is static and contains no secret. The person who opens it enters an access token. Its
//! policy allows only its own files, its own Worker, and issuers on the developer's machine that
//! stand in for Auth0.

/// A file of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// The HTML page.
    Page,
    /// The script.
    Script,
    /// The style sheet.
    Style,
    /// The icon.
    Icon,
}

impl File {
    /// Returns the file at a path below the tenant segment.
    pub fn from_path(internal_path: &str) -> Option<Self> {
        Some(match internal_path {
            "/console" => Self::Page,
            "/console/app.js" => Self::Script,
            "/console/app.css" => Self::Style,
            "/console/icon.svg" => Self::Icon,
            _ => return None,
        })
    }

    /// Returns the path of the file in the Worker's static assets.
    pub fn asset_path(self) -> &'static str {
        match self {
            Self::Page => "/index.html",
            Self::Script => "/app.js",
            Self::Style => "/app.css",
            Self::Icon => "/icon.svg",
        }
    }

    /// Returns the value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Page => "text/html; charset=utf-8",
            Self::Script => "text/javascript; charset=utf-8",
            Self::Style => "text/css; charset=utf-8",
            Self::Icon => "image/svg+xml",
        }
    }
}

/// Returns the Content-Security-Policy of the console (W3C, "Content Security Policy Level 3").
///
/// Everything that the policy does not name is forbidden. `'self'` includes WebSockets to the
/// Worker. Trusted Types prevent text from being parsed as HTML.
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
    fn the_console_connects_only_to_its_worker_and_to_local_issuers() {
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
