//! Splits a request URL into its parts.

use crate::{Result, error::ApiError};

/// The parts of a request URL, still percent-encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestUrl<'a> {
    /// The scheme and the host: `https://events.example.com`.
    pub origin: &'a str,
    /// The host, with the port unless it is the default port.
    pub host: &'a str,
    /// The path, with its leading slash.
    pub path: &'a str,
    query: &'a str,
}

impl<'a> RequestUrl<'a> {
    /// Parses a URL that is absolute and normalized (WHATWG URL), as the runtime provides it.
    ///
    /// # Errors
    ///
    /// [`ApiError::NotFound`] if the URL has no scheme.
    pub fn parse(url: &'a str) -> Result<Self> {
        let url = url.split('#').next().unwrap_or(url);
        let (before_query, query) = url.split_once('?').unwrap_or((url, ""));
        let (scheme, rest) = before_query.split_once("://").ok_or(ApiError::NotFound)?;
        let (host, path) = match rest.split_once('/') {
            None => (rest, ""),
            Some((host, _)) => (host, rest.strip_prefix(host).unwrap_or_default()),
        };
        let origin_bytes = scheme
            .len()
            .saturating_add("://".len())
            .saturating_add(host.len());
        let origin = url.get(..origin_bytes).ok_or(ApiError::NotFound)?;
        Ok(Self {
            origin,
            host,
            path,
            query,
        })
    }

    /// Returns the first value of a query parameter, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_split_into_its_parts() {
        let url = RequestUrl::parse(
            "https://a.com:8443/acme%40us/api/subscribe?x=1&last_event_id=9%2B0+1#f",
        );
        let Ok(url) = url else { panic!("a URL") };
        assert_eq!(url.origin, "https://a.com:8443");
        assert_eq!(url.host, "a.com:8443");
        assert_eq!(url.path, "/acme%40us/api/subscribe");
        assert_eq!(url.parameter("last_event_id").as_deref(), Some("9+0 1"));
        assert_eq!(url.parameter("other"), None);
        let bare = RequestUrl::parse("http://localhost/");
        assert_eq!(
            bare.map(|url| (url.origin, url.path)),
            Ok(("http://localhost", "/"))
        );
        assert_eq!(RequestUrl::parse("localhost"), Err(ApiError::NotFound));
    }
}
