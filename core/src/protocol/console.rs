//! The console at `/{tenant}/console`: its files and its Content-Security-Policy.
//!
//! The console is static and contains no secret. The person who opens it signs in at the tenant's
//! issuer or enters an access token. Its policy allows only its own files, its own Worker, the issuer
//! at which it signs in, and issuers on the developer's machine that stand in for Auth0.

use serde::Serialize;

use crate::tenant::config::TenantConfig;

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

/// The settings of the console: the body of the response to `GET /{tenant}/console/config.json`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Settings<'a> {
    /// Absent if the tenant has no client for the console. The page then offers no sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<SignIn<'a>>,
}

/// The authorization request of the console (RFC 6749, section 4.1.1). The client is public: a page
/// cannot keep a client secret.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct SignIn<'a> {
    /// The issuer, whose discovery document names the endpoints.
    pub issuer: &'a str,
    /// The client id.
    pub client_id: &'a str,
    /// The API for which the token is issued.
    pub audience: &'a str,
}

impl<'a> Settings<'a> {
    /// Returns the settings for a tenant. The console signs in at the tenant's first issuer.
    pub fn of(tenant: &'a TenantConfig) -> Self {
        let sign_in = tenant
            .console_client_id()
            .zip(tenant.issuers().first())
            .map(|(client_id, issuer)| SignIn {
                issuer: &issuer.issuer,
                client_id,
                audience: tenant.audience(),
            });
        Self { sign_in }
    }
}

/// Returns the Content-Security-Policy of the console (W3C, "Content Security Policy Level 3").
///
/// Everything that the policy does not name is forbidden. `'self'` includes WebSockets to the
/// Worker. Trusted Types prevent text from being parsed as HTML.
pub fn content_security_policy(tenant: &TenantConfig) -> String {
    let sources: String = tenant
        .console_issuer_origins()
        .iter()
        .map(|origin| format!(" {origin}"))
        .collect();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'{sources}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    )
}
