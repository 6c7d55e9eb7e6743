//! Who gets an event, found without looking at who does not.
//!
//! The index holds each open socket under what matters for finding it: the subject whose events
//! it is told of, or the list of those that are told of all, and the moment when it is due. It
//! is made from the sessions alone, so an object that wakes can make it anew. The cost of an
//! event is that of the sockets that get it.
//!
//! It also knows how much room there is. A socket is let in, or made a listener, only while there
//! is some; what is open already is never closed to make room.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    error::{ApiError, SocketLimit},
    protocol::filter::Filter,
    sessions::{listener::Listener, session::Session},
    timestamp::Timestamp,
};

/// How many sockets a tenant may have open: well below the 32,768 at which the platform would
/// refuse them in its own way (Cloudflare, "Durable Objects: Limits").
pub const MAX_SOCKETS: usize = 30_000;
/// How many of them may have shown no token yet. Each has ten seconds, so this is what strangers
/// can take up.
pub const MAX_UNAUTHENTICATED_SOCKETS: usize = 1_000;
/// How many sockets a subject may have that is told of its own events: somebody's open tabs.
pub const MAX_OWN_SOCKETS_PER_SUBJECT: usize = 100;
/// How many sockets a subject may have that is told of everybody's: a backend's instances, which
/// share one.
pub const MAX_SOCKETS_PER_SUBJECT: usize = 1_000;

/// A moment in a socket's life, and its number: what has its place among others of its kind.
type Place = (Timestamp, u64);

/// The open sockets, each known to the runtime as an `S`.
#[derive(Debug)]
pub struct Listeners<S> {
    next_number: u64,
    sockets: BTreeMap<u64, Entry<S>>,
    to_all: BTreeSet<Place>,
    by_subject: HashMap<String, BTreeSet<Place>>,
    unauthenticated: usize,
    due: BTreeSet<Place>,
}

#[derive(Debug)]
struct Entry<S> {
    socket: S,
    session: Session,
}

impl<S> Default for Listeners<S> {
    fn default() -> Self {
        Self {
            next_number: 0,
            sockets: BTreeMap::new(),
            to_all: BTreeSet::new(),
            by_subject: HashMap::new(),
            unauthenticated: 0,
            due: BTreeSet::new(),
        }
    }
}

impl<S> Listeners<S> {
    /// A number that no socket has or had that was ever put in here, open or not.
    pub fn next_number(&self) -> u64 {
        self.next_number
    }

    /// Takes in a socket, or what became of its session; one whose session is over leaves.
    pub fn put(&mut self, socket: S, session: &Session) {
        let number = session.number();
        self.next_number = self.next_number.max(number.saturating_add(1));
        self.remove(number);
        let Some(due) = session.due() else { return };
        self.due.insert((due, number));
        let connected = (session.connected_on(), number);
        match session.listener() {
            None => self.unauthenticated = self.unauthenticated.saturating_add(1),
            Some(listener) => {
                if listener.receives_all() {
                    self.to_all.insert(connected);
                }
                let same = self.by_subject.entry(listener.sub.clone()).or_default();
                same.insert(connected);
            }
        }
        let session = session.clone();
        self.sockets.insert(number, Entry { socket, session });
    }

    fn remove(&mut self, number: u64) {
        let Some(Entry { session, .. }) = self.sockets.remove(&number) else {
            return;
        };
        let connected = (session.connected_on(), number);
        self.to_all.remove(&connected);
        if let Some(due) = session.due() {
            self.due.remove(&(due, number));
        }
        match session.listener() {
            None => self.unauthenticated = self.unauthenticated.saturating_sub(1),
            Some(listener) => {
                if let Some(same) = self.by_subject.get_mut(&listener.sub) {
                    same.remove(&connected);
                    if same.is_empty() {
                        self.by_subject.remove(&listener.sub);
                    }
                }
            }
        }
    }

    /// Lets one more socket in, if there is room: a stranger, or who has shown a token already.
    ///
    /// # Errors
    ///
    /// [`ApiError::TooManySockets`] where there is none.
    pub fn check_room(&self, newcomer: Option<&Listener>) -> Result<(), ApiError> {
        if self.sockets.len() >= MAX_SOCKETS {
            return Err(ApiError::TooManySockets(SocketLimit::Tenant));
        }
        match newcomer {
            Some(listener) => self.check_room_for(listener, self.next_number),
            None if self.unauthenticated >= MAX_UNAUTHENTICATED_SOCKETS => {
                Err(ApiError::TooManySockets(SocketLimit::Unauthenticated))
            }
            None => Ok(()),
        }
    }

    /// Lets a socket, which has this number, be this listener, if the subject has no more others
    /// than it may have.
    ///
    /// # Errors
    ///
    /// [`ApiError::TooManySockets`] where it has.
    pub fn check_room_for(&self, listener: &Listener, number: u64) -> Result<(), ApiError> {
        let Some(same) = self.by_subject.get(&listener.sub) else {
            return Ok(());
        };
        let limit = match listener.filter {
            Filter::All => MAX_SOCKETS_PER_SUBJECT,
            Filter::Own => MAX_OWN_SOCKETS_PER_SUBJECT,
        };
        let itself = self.sockets.get(&number).is_some_and(|entry| {
            let connected = (entry.session.connected_on(), number);
            same.contains(&connected)
        });
        let others = same.len().saturating_sub(usize::from(itself));
        if others >= limit {
            return Err(ApiError::TooManySockets(SocketLimit::Subject));
        }
        Ok(())
    }

    /// The sockets that an event about this user goes to, the longest connected first.
    pub fn receivers(&self, user_id: &str, now: Timestamp) -> impl Iterator<Item = &S> {
        let places = self.to_all.iter().copied().chain(self.own(user_id));
        places
            .filter_map(|(_, number)| self.sockets.get(&number))
            .filter(move |entry| entry.session.receives(user_id, now))
            .map(|entry| &entry.socket)
    }

    /// The sockets that any of the events about these users may go to, each once.
    pub fn receivers_of_any(&self, user_ids: &[&str]) -> impl Iterator<Item = (&S, &Session)> {
        // Put in one by one: to collect them would take a sorting algorithm along.
        let mut own = BTreeSet::new();
        for user_id in user_ids {
            own.extend(self.own(user_id));
        }
        self.to_all
            .iter()
            .copied()
            .chain(own)
            .filter_map(|(_, number)| self.sockets.get(&number))
            .map(|entry| (&entry.socket, &entry.session))
    }

    /// Of a user's own sockets, those that are told of its events alone.
    fn own(&self, user_id: &str) -> impl Iterator<Item = Place> {
        let own = self.by_subject.get(user_id).into_iter().flatten();
        own.copied().filter(|place| !self.to_all.contains(place))
    }

    /// Whether anybody listens.
    pub fn has_listeners(&self) -> bool {
        !self.by_subject.is_empty()
    }

    /// All sockets, the longest connected first.
    pub fn all(&self) -> impl Iterator<Item = (&S, &Session)> {
        let entries = self.sockets.values();
        entries.map(|entry| (&entry.socket, &entry.session))
    }

    /// The sockets whose time has come, the longest overdue first.
    pub fn due(&self, now: Timestamp) -> impl Iterator<Item = (&S, &Session)> {
        let come = self.due.iter().take_while(move |(due, _)| *due <= now);
        come.filter_map(|(_, number)| self.sockets.get(number))
            .map(|entry| (&entry.socket, &entry.session))
    }

    /// When the next socket is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, _)| *due)
    }
}

#[cfg(test)]
mod tests;
