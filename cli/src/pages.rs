//! The pages in which a worker tells of revocations: those that were made or moved on first come
//! first.

use session_events_core::revocation::Page;
use ureq::Agent;

use crate::{
    address::Address,
    api::{self, Answer},
};

/// Where one is in them.
#[derive(Clone)]
pub(crate) struct Pages {
    agent: Agent,
    url: String,
    user_id: Option<String>,
    /// What the last full page gave to ask for next.
    after: Option<String>,
}

impl Pages {
    /// Those of all users, or of one.
    pub(crate) fn of(address: &Address, user_id: Option<String>) -> Self {
        Self {
            agent: api::agent(),
            url: address.path("/api/revocations"),
            user_id,
            after: None,
        }
    }

    /// The page at which one is. The last one can be asked for again, as it is by then.
    pub(crate) fn get(&self, token: &str) -> Result<Page, String> {
        let parameters = [("user_id", &self.user_id), ("after", &self.after)];
        let given = parameters
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let request = self
            .agent
            .get(&self.url)
            .header("authorization", format!("Bearer {token}"))
            .query_pairs(given);
        Answer::of_worker(&self.url, request.call())?.json()
    }

    /// Turns this page over; whether it was the last.
    pub(crate) fn turn(&mut self, page: &Page) -> bool {
        if page.next.is_some() {
            self.after.clone_from(&page.next);
        }
        page.next.is_none()
    }
}
