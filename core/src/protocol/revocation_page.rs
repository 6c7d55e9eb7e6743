//! Pages of the list of revocations.

use serde::{Deserialize, Serialize};

use super::request_url::RequestUrl;
use crate::{Result, error::ApiError, events::revocation::Revocation};

/// Maximum and default number of revocations in a page.
pub const MAX_PAGE_SIZE: u32 = 1_000;

/// A request for a page of revocations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRequest {
    /// The cursor: only revocations that changed after this sequence number, or 0 for the first page.
    pub after: i64,
    /// Maximum number of revocations in the page.
    pub limit: u32,
    /// Only the revocations of this user.
    pub user_id: Option<String>,
}

impl PageRequest {
    /// Parses the query of a URL.
    ///
    /// # Errors
    ///
    /// [`ApiError::InvalidRequest`] if `after` or `limit` is invalid.
    pub fn parse(url: &RequestUrl<'_>) -> Result<Self> {
        let after = match url.parameter("after") {
            None => 0,
            Some(after) => after.parse().ok().filter(|after| *after >= 0).ok_or(
                ApiError::InvalidRequest(
                    "The parameter after is invalid. Use the value of next from an earlier page.",
                ),
            )?,
        };
        let limit = match url.parameter("limit") {
            None => MAX_PAGE_SIZE,
            Some(limit) => limit
                .parse()
                .ok()
                .filter(|limit| (1..=MAX_PAGE_SIZE).contains(limit))
                .ok_or(ApiError::InvalidRequest(
                    "The parameter limit is invalid. Use a whole number from 1 to 1000.",
                ))?,
        };
        Ok(Self {
            after,
            limit,
            user_id: url.parameter("user_id"),
        })
    }
}

/// A page of revocations, ordered by the sequence number of the latest event of each.
#[derive(Debug, Serialize, Deserialize)]
pub struct RevocationPage {
    /// The revocations.
    pub revocations: Vec<Revocation>,
    /// The value of `after` for the next page. Absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The id of the tenant's latest event when the page was read, or `null` without events. A client
    /// that subscribes from the id of the last page misses nothing.
    pub last_event_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_contains_the_cursor_the_limit_and_the_user() {
        let parse = |query: &str| {
            let url = format!("https://a.com/acme/api/revocations{query}");
            PageRequest::parse(&RequestUrl::parse(&url)?)
        };
        let page = |after, limit, user_id: Option<&str>| {
            Ok(PageRequest {
                after,
                limit,
                user_id: user_id.map(str::to_owned),
            })
        };
        assert_eq!(parse(""), page(0, 1_000, None));
        assert_eq!(parse("?after=7&limit=10"), page(7, 10, None));
        assert_eq!(parse("?user_id=auth0%7C1"), page(0, 1_000, Some("auth0|1")));
        for query in [
            "?after=-1",
            "?after=x",
            "?after=",
            "?limit=0",
            "?limit=1001",
            "?limit=ten",
        ] {
            assert!(
                matches!(parse(query), Err(ApiError::InvalidRequest(_))),
                "{query}"
            );
        }
    }
}
