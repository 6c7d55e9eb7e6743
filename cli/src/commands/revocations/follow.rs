//! `revocations --follow`: prints all revocations, then each new one as it arrives.
//!
//! First it reads all pages, then it subscribes from the event at which the last page was current.
//! If the Worker can no longer replay all events since then, it reads the pages again, starting at
//! the last page that was not full, and prints the revocations that it has not printed yet. It also
//! reads the pages again after a number of revocations, so that at most `REMEMBERED_REVOCATIONS` can
//! arrive again.

use session_events_core::{
    events::{event::Event, revocation::Revocation},
    protocol::revocation_page::{MAX_PAGE_SIZE, RevocationPage},
    timestamp::{Timestamp, parse_rfc3339},
};
use tokio::task;

use crate::{
    connection::{
        revocation_pages::RevocationPages,
        subscription::{Subscription, UNKNOWN_EVENT_ID, Update, block_on},
        token_source::TokenSource,
    },
    error::{Error, Result},
    options::{output::OutputOptions, read::ReadOptions},
    output::{self, event_row::revocation_line},
    recent_map::RecentMap,
    revocation::is_final,
};

/// The number of printed revocations after which the pages are read again.
const MAX_SINCE_LAST_PAGE: u32 = 2 * MAX_PAGE_SIZE;
/// The number of printed revocations to remember. Larger than the number that can repeat: those of
/// the last page, those printed since then, and the last 100 events.
const REMEMBERED_REVOCATIONS: usize = 5_000;

pub(super) fn run(options: &ReadOptions) -> Result {
    let worker = &options.worker;
    let token_source = TokenSource::new(options)?;
    let token = token_source.fetch_token()?;
    let mut follower = Follower {
        pages: RevocationPages::new(worker, None),
        output: options.output,
        printed: RecentMap::new(REMEMBERED_REVOCATIONS),
        since_last_page: 0,
    };
    let last_event_id = loop {
        let page = follower.pages.fetch(&token)?;
        let last_event_id = page.last_event_id.clone();
        if !follower.print_page(page)? {
            break last_event_id;
        }
    };
    block_on(async {
        let start = last_event_id.unwrap_or_else(|| UNKNOWN_EVENT_ID.to_owned());
        let mut subscription = Subscription::new(worker, token_source, Some(start))?;
        loop {
            let read_pages = match subscription.next().await? {
                Update::Gap => true,
                Update::Event(event) => {
                    follower.print_event(&event)?;
                    follower.since_last_page >= MAX_SINCE_LAST_PAGE
                }
            };
            if read_pages {
                follower.catch_up(&mut subscription).await?;
            }
        }
    })
}

struct Follower {
    pages: RevocationPages,
    output: OutputOptions,
    /// The combined effect of the printed revocations, by user and session.
    printed: RecentMap<(String, Option<String>), Printed>,
    /// The number of revocations printed since the last page was read.
    since_last_page: u32,
}

/// The effect of all printed revocations of one user and session.
#[derive(Clone, Copy)]
struct Printed {
    /// The latest date.
    date: Option<Timestamp>,
    is_final: bool,
}

impl Printed {
    fn new(revocation: &Revocation) -> Self {
        Self {
            date: parse_rfc3339(&revocation.date),
            is_final: is_final(revocation),
        }
    }

    /// Adds a revocation. Returns `None` if it applies to no further token.
    fn with(self, revocation: &Revocation) -> Option<Self> {
        let Self { date, is_final } = Self::new(revocation);
        let is_new = date > self.date || (is_final && !self.is_final);
        is_new.then(|| Self {
            date: date.max(self.date),
            is_final: is_final || self.is_final,
        })
    }
}

impl Follower {
    /// Reads the remaining pages and prints the new revocations.
    ///
    /// If a page cannot be read, the subscription drops its connection. The pages are then read
    /// again after the reconnect.
    async fn catch_up(&mut self, subscription: &mut Subscription) -> Result {
        loop {
            let pages = self.pages.clone();
            let token = subscription.token().to_owned();
            let fetch = task::spawn_blocking(move || pages.fetch(&token));
            let page = subscription
                .unless_signalled(fetch)
                .await?
                .unwrap_or_else(|error| Err(Error::Temporary(error.to_string())));
            match page {
                Ok(page) => {
                    if !self.print_page(page)? {
                        return Ok(());
                    }
                }
                Err(error) => return subscription.drop_and_back_off(&error).await,
            }
        }
    }

    /// Prints the new revocations of a page. Returns true if there are more pages.
    fn print_page(&mut self, page: RevocationPage) -> Result<bool> {
        let has_more = self.pages.advance(&page);
        for revocation in page.revocations {
            self.print_revocation(revocation)?;
        }
        if !has_more {
            self.since_last_page = 0;
        }
        Ok(has_more)
    }

    /// Prints the revocation that an event causes, if there is one.
    fn print_event(&mut self, event: &str) -> Result {
        let Ok(event) = serde_json::from_str::<Event>(event) else {
            output::print_note(&format!(
                "An event of an unknown type was not printed as a revocation: update session-events. The event: {event}"
            ));
            return Ok(());
        };
        match Revocation::from_event(&event) {
            Some(revocation) => self.print_revocation(revocation),
            None => Ok(()),
        }
    }

    /// Prints a revocation unless those printed for the same user and session already include it.
    fn print_revocation(&mut self, revocation: Revocation) -> Result {
        let key = (revocation.user_id.clone(), revocation.session_id.clone());
        let printed = match self.printed.get(&key) {
            Some(printed) => printed.with(&revocation),
            None => Some(Printed::new(&revocation)),
        };
        let Some(printed) = printed else {
            return Ok(());
        };
        self.printed.insert(key, printed);
        self.since_last_page = self.since_last_page.saturating_add(1);
        if self.output.is_json() {
            output::print_json(&revocation)
        } else {
            output::print_line(&revocation_line(&revocation))
        }
    }
}
