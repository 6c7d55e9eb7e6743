//! The pages of `/api/revocations`. Revocations are sorted by their last change, oldest first.

use session_events_core::{
    events::revocation::Revocation, protocol::revocation_page::RevocationPage,
};
use ureq::Agent;

use crate::{
    connection::http::{self, Response},
    error::Result,
    options::worker::WorkerOptions,
};

/// A cursor over the pages.
#[derive(Clone)]
pub(crate) struct RevocationPages {
    client: Agent,
    url: String,
    user_id: Option<String>,
    /// The `next` value of the last full page.
    after: Option<String>,
}

impl RevocationPages {
    /// Starts at the first page, with the revocations of one user or of all users.
    pub(crate) fn new(worker: &WorkerOptions, user_id: Option<String>) -> Self {
        Self {
            client: http::client(),
            url: worker.endpoint("/api/revocations"),
            user_id,
            after: None,
        }
    }

    /// Fetches the current page.
    pub(crate) fn fetch(&self, token: &str) -> Result<RevocationPage> {
        let parameters = [("user_id", &self.user_id), ("after", &self.after)];
        let query = parameters
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let request = self
            .client
            .get(&self.url)
            .header("authorization", format!("Bearer {token}"))
            .query_pairs(query);
        Response::read_from_worker(&self.url, request.call())?.json()
    }

    /// Moves the cursor past `page`. Returns false if it was the last page. The cursor then stays,
    /// because revocations may be added to that page later.
    pub(crate) fn advance(&mut self, page: &RevocationPage) -> bool {
        if page.next.is_none() {
            return false;
        }
        self.after.clone_from(&page.next);
        true
    }

    /// Calls `f` with each revocation, page by page.
    pub(crate) fn for_each(
        mut self,
        token: &str,
        mut f: impl FnMut(Revocation) -> Result,
    ) -> Result {
        loop {
            let page = self.fetch(token)?;
            let has_more = self.advance(&page);
            page.revocations.into_iter().try_for_each(&mut f)?;
            if !has_more {
                return Ok(());
            }
        }
    }
}
