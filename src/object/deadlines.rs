//! Keeps the authentication deadlines of sockets with a timer in memory.
//!
//! So an upgrade without a token writes no row and sets no alarm. There is one timer, and only while
//! a socket has not authenticated. It keeps the object from hibernating until the deadline, which is
//! 10 seconds, or 30 while a token is being verified. An object that is evicted nevertheless starts
//! the timer again when it wakes.

use std::{
    cell::RefCell,
    rc::{Rc, Weak},
};

use futures::future::{AbortHandle, abortable};
use session_events_core::{sessions::listeners::Listeners, timestamp::Timestamp};
use worker::{Result, wasm_bindgen_futures::spawn_local};

use super::tenant_hub::TenantHub;
use crate::runtime::{clock, log};

/// The timer of an object.
#[derive(Default)]
pub(super) struct DeadlineTimer(RefCell<Option<RunningTimer>>);

struct RunningTimer {
    /// The deadline at which the timer fires next.
    fires_at: Timestamp,
    task: AbortHandle,
}

impl TenantHub {
    /// Starts the timer if a socket has not authenticated, and stops it if there is none. Must be
    /// called at the end of every method that the runtime calls: it may have opened, authenticated
    /// or closed a socket, or it may be the first after the object was evicted.
    pub(super) fn update_deadline_timer(self: &Rc<Self>) {
        match self.next_authentication_deadline() {
            Ok(Some(deadline)) => self.ensure_deadline_timer_by(deadline),
            Ok(None) => self.stop_deadline_timer(),
            Err(error) => log::incident("deadline", &self.name, &error),
        }
    }

    /// Starts the timer, unless it fires at this deadline or earlier. When it fires, it continues with
    /// the next deadline.
    fn ensure_deadline_timer_by(self: &Rc<Self>, deadline: Timestamp) {
        let fires_at = self.deadline_timer.fires_at();
        if fires_at.is_some_and(|fires_at| fires_at <= deadline) {
            return;
        }
        self.stop_deadline_timer();
        // A strong reference would keep an evicted object in memory.
        let (timer, task) = abortable(close_at_deadlines(Rc::downgrade(self), deadline));
        self.deadline_timer.0.replace(Some(RunningTimer {
            fires_at: deadline,
            task,
        }));
        spawn_local(async move {
            let _aborted = timer.await;
        });
    }

    fn stop_deadline_timer(&self) {
        if let Some(timer) = self.deadline_timer.0.take() {
            timer.task.abort();
        }
    }

    fn next_authentication_deadline(&self) -> Result<Option<Timestamp>> {
        self.sockets
            .with_index(Listeners::next_authentication_deadline)
    }
}

impl DeadlineTimer {
    fn fires_at(&self) -> Option<Timestamp> {
        let timer = self.0.borrow();
        timer.as_ref().map(|timer| timer.fires_at)
    }

    /// Records when the running timer fires next, or that it ends.
    fn continue_at(&self, deadline: Option<Timestamp>) {
        let mut timer = self.0.borrow_mut();
        match (timer.as_mut(), deadline) {
            (Some(timer), Some(deadline)) => timer.fires_at = deadline,
            _ => *timer = None,
        }
    }
}

/// Closes sockets at their deadline until every open socket has authenticated.
async fn close_at_deadlines(hub: Weak<TenantHub>, mut deadline: Timestamp) {
    loop {
        clock::sleep_until(deadline).await;
        let Some(hub) = hub.upgrade() else { return };
        let now = clock::now();
        if let Err(error) = hub.close_due_sockets(now) {
            log::incident("deadline", &hub.name, &error);
        }
        hub.write_metrics();
        let next = hub.next_authentication_deadline().ok().flatten();
        // A socket that could not be closed is still due.
        let next = next.map(|next| {
            if next > now {
                next
            } else {
                now.plus_seconds(1)
            }
        });
        hub.deadline_timer.continue_at(next);
        match next {
            None => return,
            Some(next) => deadline = next,
        }
    }
}
