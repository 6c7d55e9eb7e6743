//! Catching up: a follower obtains a snapshot before it admits a subscriber.
//!
//! Several subscribers may arrive while a snapshot request is in flight. They share the request and
//! its snapshot, which is applied once. While an admission is in progress the follower must not
//! leave, because the leader would stop appending to it.

use super::follower::Follower;

/// Maximum number of snapshots for one admission. One is usually enough, and two if the first is
/// outdated when it arrives. The limit ends an admission that would never finish.
const MAX_SNAPSHOTS: u32 = 5;

/// The snapshot requests and admissions of one follower.
#[derive(Debug, Default)]
pub struct CatchUp {
    /// The number of the latest snapshot request.
    requested: u64,
    /// The number of the latest request whose snapshot was applied.
    applied: u64,
    /// Number of admissions in progress.
    admissions: usize,
}

/// The admission of one subscriber.
#[derive(Debug)]
pub struct PendingAdmission {
    last_event_id: Option<String>,
    /// The number of the latest snapshot request when the subscriber arrived.
    requested_before: u64,
    /// The number of the latest request whose snapshot this admission has received.
    received: u64,
    snapshots: u32,
}

/// The next step of an admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Write the position to disk and admit the subscriber.
    Admit,
    /// Wait for the snapshot in flight, or request one.
    AwaitSnapshot,
    /// Close the socket; the subscriber reconnects.
    GiveUp,
}

impl CatchUp {
    /// Begins an admission. The caller must end it with [`CatchUp::end`], whatever the outcome.
    pub fn begin(&mut self, last_event_id: Option<&str>) -> PendingAdmission {
        self.admissions = self.admissions.saturating_add(1);
        PendingAdmission {
            last_event_id: last_event_id.map(str::to_owned),
            requested_before: self.requested,
            received: 0,
            snapshots: 0,
        }
    }

    /// Ends an admission.
    pub fn end(&mut self) {
        self.admissions = self.admissions.saturating_sub(1);
    }

    /// Returns whether an admission is in progress.
    pub fn is_admitting(&self) -> bool {
        self.admissions > 0
    }

    /// Returns the number of a new snapshot request.
    pub fn begin_request(&mut self) -> u64 {
        self.requested = self.requested.saturating_add(1);
        self.requested
    }

    /// Records that an admission has received the snapshot of a request. Returns whether it must
    /// apply the snapshot: only the first of the admissions that share the request does.
    pub fn receive(&mut self, admission: &mut PendingAdmission, request: u64) -> bool {
        admission.received = request;
        let is_first = request > self.applied;
        self.applied = self.applied.max(request);
        is_first
    }
}

impl PendingAdmission {
    /// Returns the next step, and counts a snapshot if that is the next step.
    pub fn next_step(&mut self, follower: &Follower) -> NextStep {
        let has_snapshot_since_arrival = self.received > self.requested_before;
        let last_event_id = self.last_event_id.as_deref();
        if !follower.needs_snapshot(last_event_id, has_snapshot_since_arrival) {
            return NextStep::Admit;
        }
        if self.snapshots >= MAX_SNAPSHOTS {
            return NextStep::GiveUp;
        }
        self.snapshots = self.snapshots.saturating_add(1);
        NextStep::AwaitSnapshot
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replication::messages::{LogEntry, Snapshot};

    fn snapshot(ids: std::ops::RangeInclusive<i64>) -> Snapshot {
        Snapshot {
            last_seq: *ids.end(),
            entries: ids
                .map(|seq| LogEntry {
                    seq,
                    event: format!(
                        r#"{{"id":"{seq}","type":"logout","date":"2026-11-24T22:52:49.000Z","user_id":"auth0|1"}}"#
                    ),
                })
                .collect(),
        }
    }

    fn caught_up(last_seq: i64) -> Follower {
        let mut follower = Follower::restore(None);
        follower.apply_snapshot(&snapshot(1..=last_seq)).unwrap();
        follower
    }

    #[test]
    fn a_follower_that_has_caught_up_admits_at_once() {
        let mut catch_up = CatchUp::default();
        for last_event_id in [None, Some("3")] {
            let mut admission = catch_up.begin(last_event_id);
            assert_eq!(admission.next_step(&caught_up(3)), NextStep::Admit);
        }
    }

    #[test]
    fn subscribers_that_arrive_while_a_snapshot_is_in_flight_share_it() {
        let mut catch_up = CatchUp::default();
        let mut follower = Follower::restore(None);
        let mut first = catch_up.begin(None);
        assert_eq!(first.next_step(&follower), NextStep::AwaitSnapshot);
        let request = catch_up.begin_request();
        let mut second = catch_up.begin(None);
        assert_eq!(second.next_step(&follower), NextStep::AwaitSnapshot);

        assert!(
            catch_up.receive(&mut first, request),
            "the first applies it"
        );
        follower.apply_snapshot(&snapshot(1..=3)).unwrap();
        assert!(!catch_up.receive(&mut second, request));
        assert_eq!(first.next_step(&follower), NextStep::Admit);
        assert_eq!(second.next_step(&follower), NextStep::Admit);
    }

    #[test]
    fn an_unknown_last_event_needs_a_snapshot_that_was_requested_after_the_subscriber_arrived() {
        let mut catch_up = CatchUp::default();
        let follower = caught_up(3);
        let in_flight = catch_up.begin_request();
        let mut admission = catch_up.begin(Some("8"));
        assert_eq!(admission.next_step(&follower), NextStep::AwaitSnapshot);
        catch_up.receive(&mut admission, in_flight);
        assert_eq!(
            admission.next_step(&follower),
            NextStep::AwaitSnapshot,
            "the snapshot in flight may be older than the event"
        );
        let request = catch_up.begin_request();
        catch_up.receive(&mut admission, request);
        assert_eq!(
            admission.next_step(&follower),
            NextStep::Admit,
            "the event is no longer stored"
        );
    }

    #[test]
    fn an_admission_gives_up_after_five_snapshots_that_do_not_suffice() {
        let mut catch_up = CatchUp::default();
        let follower = Follower::restore(Some(7));
        let mut admission = catch_up.begin(None);
        for _ in 0..5 {
            assert_eq!(admission.next_step(&follower), NextStep::AwaitSnapshot);
            let request = catch_up.begin_request();
            catch_up.receive(&mut admission, request);
        }
        assert_eq!(admission.next_step(&follower), NextStep::GiveUp);
    }

    #[test]
    fn a_follower_admits_until_the_last_admission_ends() {
        let mut catch_up = CatchUp::default();
        assert!(!catch_up.is_admitting());
        catch_up.begin(None);
        catch_up.begin(None);
        catch_up.end();
        assert!(catch_up.is_admitting());
        catch_up.end();
        assert!(!catch_up.is_admitting());
    }
}
