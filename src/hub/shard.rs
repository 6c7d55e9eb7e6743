//! What a shard has beside sockets: how far they have been sent what the root has.
//!
//! The position is on disk before an event is sent, in the same step, and the runtime holds back
//! what is sent until it is. So a shard that is killed, or that answers the root too late, is
//! handed the event again and knows that its sockets have it.

use std::{
    cell::{Cell, RefCell, RefMut},
    rc::Rc,
};

use futures::{
    FutureExt,
    future::{LocalBoxFuture, Shared},
};
use session_events_core::{
    config::Config,
    error::Fault,
    event_log::EventLog,
    follower::{Followed, Follower, Step},
    hub_request::HubRequest,
    object::Object,
    tenant::Tenant,
};
use worker::{Env, Result, State};

use super::{database::Database, known::Known};
use crate::tenant_object::TenantObject;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS position (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL)";
/// What the root's log calls a request that no client has made.
const REQUEST_ID: &str = "follow";

type Asking = Shared<LocalBoxFuture<'static, std::result::Result<Answer, Fault>>>;

/// What the root has answered.
#[derive(Clone)]
pub(super) struct Answer {
    /// Which of the shard's questions this answers, from 1.
    pub(super) number: u64,
    pub(super) followed: Rc<Followed>,
}

/// The shard's own part of an object.
pub(super) struct Shard {
    number: u16,
    tenant: Tenant,
    env: Env,
    database: Database,
    follower: Known<Follower>,
    /// The last question to the root, shared by all who wait for its answer.
    asking: RefCell<Option<Asking>>,
    /// How many questions the root was asked, the one under way included.
    asked: Cell<u64>,
    /// The last of them whose answer was taken in.
    taken: Cell<u64>,
    /// How many are about to make somebody a listener.
    admitting: Cell<usize>,
}

/// Somebody is about to become a listener, so the shard must not leave.
pub(super) struct Admitting<'a>(&'a Cell<usize>);

impl Drop for Admitting<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// Makes the table where it is missing.
pub(super) fn create_table(state: &State) -> Result<()> {
    Database::of(state).run(SCHEMA, vec![])
}

impl Shard {
    pub(super) fn new(state: &State, env: &Env, tenant: Tenant, number: u16) -> Self {
        Self {
            number,
            tenant,
            env: env.clone(),
            database: Database::of(state),
            follower: Known::new(),
            asking: RefCell::new(None),
            asked: Cell::new(0),
            taken: Cell::new(0),
            admitting: Cell::new(0),
        }
    }

    /// The tenant's root, which has the events and the key sets.
    pub(super) fn root(&self) -> TenantObject<'_> {
        TenantObject {
            env: &self.env,
            tenant: &self.tenant,
            shard: None,
            request_id: REQUEST_ID,
        }
    }

    /// Whether there is no such shard any more.
    pub(super) fn is_retired(&self, config: &Config) -> bool {
        config.shards().is_none_or(|shards| self.number > shards)
    }

    fn with_follower<T>(&self, look: impl FnOnce(&mut Follower) -> T) -> Result<T> {
        Ok(look(&mut *self.follower()?))
    }

    fn follower(&self) -> Result<RefMut<'_, Follower>> {
        self.follower.or_read(|| {
            let kept = "SELECT seq FROM position";
            let kept = self.database.numbers(kept, vec![])?;
            Ok(Follower::new(kept.first().copied()))
        })
    }

    /// Looks at what there is to replay.
    pub(super) fn with_log<T>(&self, look: impl FnOnce(&EventLog) -> T) -> Result<T> {
        self.with_follower(|follower| look(follower.log()))
    }

    /// Up to which number its sockets have been sent all.
    pub(super) fn position(&self) -> Result<Option<i64>> {
        self.with_follower(|follower| follower.position())
    }

    /// Whether the root must be asked before somebody becomes a listener who names this event.
    pub(super) fn must_ask(&self, last_event_id: Option<&str>, asked_since: bool) -> Result<bool> {
        self.with_follower(|follower| follower.must_ask(last_event_id, asked_since))
    }

    /// How many questions the root was asked so far.
    pub(super) fn asked(&self) -> u64 {
        self.asked.get()
    }

    /// Whether an answer is news to all who waited for it: the first takes it in.
    pub(super) fn is_first_to_take(&self, answer: &Answer) -> bool {
        self.taken.replace(answer.number.max(self.taken.get())) < answer.number
    }

    /// Keeps the shard from leaving until somebody has become a listener.
    pub(super) fn admit(&self) -> Admitting<'_> {
        self.admitting.set(self.admitting.get().saturating_add(1));
        Admitting(&self.admitting)
    }

    /// Asks the root what there is to replay, or waits for what is being asked already.
    pub(super) async fn ask(&self) -> std::result::Result<Answer, Fault> {
        let under_way = self.asking.borrow().clone();
        let asking = under_way.filter(|asking| asking.peek().is_none());
        let asking = asking.unwrap_or_else(|| {
            let number = self.asked.get().saturating_add(1);
            self.asked.set(number);
            let (env, tenant, shard) = (self.env.clone(), self.tenant.clone(), self.number);
            let ask = async move {
                let root = TenantObject {
                    env: &env,
                    tenant: &tenant,
                    shard: None,
                    request_id: REQUEST_ID,
                };
                let Object(followed) = root.ask_for(&HubRequest::Follow(shard)).await?.read()?;
                let followed = Rc::new(followed);
                Ok(Answer { number, followed })
            };
            ask.boxed_local().shared()
        });
        *self.asking.borrow_mut() = Some(asking.clone());
        asking.await
    }

    /// Moves on, and has on disk where it stands then if somebody hears of what is new. Where
    /// that fails, what is on disk counts.
    pub(super) fn advance(
        &self,
        step: impl FnOnce(&mut Follower) -> Result<(Step, bool)>,
    ) -> Result<Step> {
        let advanced = self.with_follower(|follower| {
            let (step, somebody_hears) = step(follower)?;
            self.keep(follower, somebody_hears)?;
            Ok(step)
        })?;
        if advanced.is_err() {
            self.follower.forget();
        }
        advanced
    }

    /// Has on disk where it stands, because somebody is about to become a listener.
    pub(super) fn keep_position(&self) -> Result<()> {
        self.with_follower(|follower| self.keep(follower, true))?
    }

    fn keep(&self, follower: &mut Follower, somebody_hears: bool) -> Result<()> {
        if let Some(position) = follower.to_keep(somebody_hears) {
            let keep = "INSERT OR REPLACE INTO position (id, seq) VALUES (1, ?)";
            self.database.run(keep, vec![position.into()])?;
            follower.keep();
        }
        Ok(())
    }

    /// Says that nobody listens here, unless somebody is about to.
    pub(super) fn leave(&self) -> Result<bool> {
        if self.admitting.get() > 0 {
            return Ok(false);
        }
        if self.with_follower(|follower| follower.is_kept())? {
            self.database.run("DELETE FROM position", vec![])?;
        }
        self.with_follower(Follower::leave)?;
        Ok(true)
    }
}
