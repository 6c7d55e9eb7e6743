//! What is revoked, and then every event that revokes as it comes, without a gap.
//!
//! It listens from the event up to which the last page tells. Where the worker no longer keeps all
//! that came since, it takes the pages again, from the last one that was full, and writes what it
//! has not written yet. So that those never become many, it does the same now and then unasked.

use session_events_core::{
    event::Event,
    revocation::{MAX_PAGE, Page, Revocation},
    timestamp::{Timestamp, instant},
};
use tokio::task;

use crate::{
    event_line::revocation_line,
    failure::{Failure, Outcome},
    output::{self, Output, plain},
    pages::Pages,
    reader::Reader,
    recent::Recent,
    subscription::{Arrival, NO_EVENT, Subscription, block_on},
};

/// How many are written before the pages are taken again.
const UNTURNED: u32 = 2 * MAX_PAGE;
/// More than can then come again: those of a page that is not full, those written since, and the
/// last 100 events.
const REMEMBERED: usize = 5_000;

pub(super) fn run(reader: &Reader) -> Outcome {
    let Reader {
        address,
        login,
        output,
    } = reader;
    let tokens = login.tokens(&address.tenant)?;
    let token = tokens.get().map_err(String::from)?;
    let mut follower = Follower {
        pages: Pages::of(address, None),
        output: *output,
        written: Recent::new(REMEMBERED),
        unturned: 0,
    };
    let last_event_id = loop {
        let page = follower.pages.get(&token)?;
        let last_event_id = page.last_event_id.clone();
        if follower.take(page)? {
            break last_event_id;
        }
    };
    block_on(async {
        let beginning = last_event_id.unwrap_or_else(|| NO_EVENT.to_owned());
        let mut subscription = Subscription::new(address, tokens, Some(beginning))?;
        loop {
            let gap = match subscription.next().await? {
                Arrival::Gap => true,
                Arrival::Event(event) => {
                    follower.heed(&event)?;
                    follower.unturned >= UNTURNED
                }
            };
            if gap {
                follower.catch_up(&mut subscription).await?;
            }
        }
    })
}

struct Follower {
    pages: Pages,
    output: Output,
    /// Up to when those are revoked, by user and session, that were written last.
    written: Recent<(String, Option<String>), Option<Timestamp>>,
    /// How many were written since the pages were taken.
    unturned: u32,
}

impl Follower {
    /// Takes all pages that there are by now; when one is not to be had, the connection is given
    /// up, and with the next one it is tried again.
    async fn catch_up(&mut self, subscription: &mut Subscription) -> Outcome {
        loop {
            let (pages, token) = (self.pages.clone(), subscription.token().to_owned());
            let getting = task::spawn_blocking(move || pages.get(&token));
            let page = subscription.unless_signalled(getting).await?;
            match page.unwrap_or_else(|error| Err(error.to_string())) {
                Ok(page) => {
                    if self.take(page)? {
                        return Ok(());
                    }
                }
                Err(problem) => return subscription.lose(&problem).await,
            }
        }
    }

    /// Writes what is new on a page; whether it was the last.
    fn take(&mut self, page: Page) -> Result<bool, Failure> {
        let is_last = self.pages.turn(&page);
        page.revocations
            .into_iter()
            .try_for_each(|revocation| self.write(revocation))?;
        if is_last {
            self.unturned = 0;
        }
        Ok(is_last)
    }

    /// Writes what an event revokes.
    fn heed(&mut self, event: &str) -> Outcome {
        let Ok(event) = serde_json::from_str::<Event>(event) else {
            output::note(&format!(
                "The worker is newer than this program, which cannot tell what this revokes: {}",
                plain(event)
            ));
            return Ok(());
        };
        Revocation::of(&event).map_or(Ok(()), |revocation| self.write(revocation))
    }

    /// Writes one, unless that or a later one of the same was just written: what is written last
    /// counts.
    fn write(&mut self, revocation: Revocation) -> Outcome {
        let whose = (revocation.user_id.clone(), revocation.session_id.clone());
        let date = instant(&revocation.date);
        if self.written.get(&whose).is_some_and(|known| date <= *known) {
            return Ok(());
        }
        self.written.insert(whose, date);
        self.unturned = self.unturned.saturating_add(1);
        if self.output.is_json() {
            super::json(&revocation)
        } else {
            output::line(&revocation_line(&revocation))
        }
    }
}
