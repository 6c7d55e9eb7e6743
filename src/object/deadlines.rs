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
pub(super) struct DeadlineTimer(RefCell<Option<AbortHandle>>);

impl TenantHub {
    /// Starts the timer if a socket has not authenticated, and stops it if there is none. Must be
    /// called at the end of every method that the runtime calls: it may have opened, authenticated
    /// or closed a socket, or it may be the first after the object was evicted.
    pub(super) fn update_deadline_timer(self: &Rc<Self>) {
        match self.next_authentication_deadline() {
            Ok(Some(_)) => self.start_deadline_timer(),
            Ok(None) => self.stop_deadline_timer(),
            Err(error) => log::incident("deadline", &self.name, &error),
        }
    }

    fn start_deadline_timer(self: &Rc<Self>) {
        let mut timer = self.deadline_timer.0.borrow_mut();
        if timer.is_some() {
            // A later socket never has an earlier deadline.
            return;
        }
        // A strong reference would keep an evicted object in memory.
        let (task, handle) = abortable(close_at_deadlines(Rc::downgrade(self)));
        *timer = Some(handle);
        spawn_local(async move {
            let _aborted = task.await;
        });
    }

    fn stop_deadline_timer(&self) {
        let timer = self.deadline_timer.0.borrow_mut().take();
        if let Some(timer) = timer {
            timer.abort();
        }
    }

    fn next_authentication_deadline(&self) -> Result<Option<Timestamp>> {
        self.sockets
            .with_index(Listeners::next_authentication_deadline)
    }
}

/// Closes sockets at their deadline until every open socket has authenticated.
async fn close_at_deadlines(hub: Weak<TenantHub>) {
    let next_deadline = || hub.upgrade()?.next_authentication_deadline().ok()?;
    while let Some(deadline) = next_deadline() {
        clock::sleep_until(deadline).await;
        let Some(hub) = hub.upgrade() else { return };
        if let Err(error) = hub.close_due_sockets(clock::now()) {
            log::incident("deadline", &hub.name, &error);
        }
    }
    if let Some(hub) = hub.upgrade() {
        hub.deadline_timer.0.borrow_mut().take();
    }
}
