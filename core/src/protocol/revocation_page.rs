//! Pages of the list of revocations.

use serde::{Deserialize, Serialize};

use super::request_url::RequestUrl;
use crate::{error::ApiError, events::revocation::Revocation};

/// Maximum and default number of revocations in a page.
pub const MAX_PAGE: u32 = 1_000;

/// Which revocations a client asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRequest {
    /// Only those that were made or moved on after this.
    pub after: i64,
    /// How many at most.
    pub limit: u32,
    /// Only this user's.
    pub user_id: Option<String>,
}

impl PageRequest {
    /// Reads the query.
    ///
    /// # Errors
    ///
    /// [`ApiError::InvalidRequest`] for a cursor or a limit that is none.
    pub fn parse(target: &RequestUrl<'_>) -> Result<Self, ApiError> {
        let after = match target.parameter("after") {
            None => 0,
            Some(cursor) => cursor.parse().ok().filter(|cursor| *cursor >= 0).ok_or(
                ApiError::InvalidRequest("after must be the next of an earlier page."),
            )?,
        };
        let limit = match target.parameter("limit") {
            None => MAX_PAGE,
            Some(limit) => limit
                .parse()
                .ok()
                .filter(|limit| (1..=MAX_PAGE).contains(limit))
                .ok_or(ApiError::InvalidRequest(
                    "limit must be a whole number from 1 to 1000.",
                ))?,
        };
        Ok(Self {
            after,
            limit,
            user_id: target.parameter("user_id"),
        })
    }
}

/// A page of revocations: those that were made or moved on first come first.
#[derive(Debug, Serialize, Deserialize)]
pub struct RevocationPage {
    /// The revocations.
    pub revocations: Vec<Revocation>,
    /// What to ask for as `after` to have the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The newest event that all pages so far take into account: who resumes a socket from that of
    /// the last page misses nothing. `null` where there was none yet.
    pub last_event_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_selects_a_page_by_cursor_limit_and_user() {
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
