//! The index over all open sockets of an object, and the limits on their number.
//!
//! The index finds the sockets that receive an event without a scan over all sockets: by the user
//! of the event, and by the right to receive the events of all users. It also orders the sockets by
//! their authentication deadline or token expiry. It is computed from the sessions alone, so an
//! object that wakes from hibernation can rebuild it.
//!
//! The limits apply when a socket connects and when it authenticates. An open socket is never
//! closed to make room for another.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    limits::{
        MAX_BACKEND_SOCKETS_PER_SUBJECT, MAX_OWN_SOCKETS_PER_SUBJECT, MAX_SOCKETS,
        MAX_UNAUTHENTICATED_SOCKETS, MAX_UNAUTHENTICATED_SOCKETS_PER_ADDRESS,
    },
    listener::Listener,
    session::Session,
};
use crate::{
    Result,
    error::{ApiError, SocketLimit},
    protocol::filter::Filter,
    timestamp::Timestamp,
};

/// Sort key: a timestamp, then the socket number to break ties.
type SocketKey = (Timestamp, u64);

/// The open sockets of an object. `S` is the runtime's type for a socket.
#[derive(Debug)]
pub struct Listeners<S> {
    next_number: u64,
    /// All open sockets by number.
    sockets: BTreeMap<u64, Entry<S>>,
    /// The subscribers that receive the events of all users, by connection time.
    to_all_users: BTreeSet<SocketKey>,
    /// The subscribers of each subject, by connection time.
    by_subject: HashMap<String, BTreeSet<SocketKey>>,
    /// The sockets that have not authenticated, by their deadline.
    authentication_deadlines: BTreeSet<SocketKey>,
    /// The number of sockets from each client address that have not authenticated.
    unauthenticated_by_address: HashMap<String, usize>,
    /// The authenticated sockets, by the expiry of their token.
    token_expiries: BTreeSet<SocketKey>,
}

#[derive(Debug)]
struct Entry<S> {
    socket: S,
    session: Session,
}

impl<S> Entry<S> {
    fn connected_key(&self) -> SocketKey {
        connected_key(&self.session)
    }

    fn socket_and_session(&self) -> (&S, &Session) {
        (&self.socket, &self.session)
    }
}

fn connected_key(session: &Session) -> SocketKey {
    (session.connected_on(), session.number())
}

impl<S> Default for Listeners<S> {
    fn default() -> Self {
        Self {
            next_number: 0,
            sockets: BTreeMap::new(),
            to_all_users: BTreeSet::new(),
            by_subject: HashMap::new(),
            authentication_deadlines: BTreeSet::new(),
            unauthenticated_by_address: HashMap::new(),
            token_expiries: BTreeSet::new(),
        }
    }
}

impl<S> Listeners<S> {
    /// Returns a socket number that has never been used in this index, not even by a closed socket.
    pub fn next_number(&self) -> u64 {
        self.next_number
    }

    /// Inserts or updates a socket after a change of its session. Removes it if the session is
    /// closed.
    pub fn put(&mut self, socket: S, session: &Session) {
        let number = session.number();
        self.next_number = self.next_number.max(number.saturating_add(1));
        self.remove(number);
        if session.is_closed() {
            return;
        }
        if let Some(deadline) = session.authentication_deadline() {
            self.authentication_deadlines.insert((deadline, number));
        }
        if let Some(address) = session.unauthenticated_address() {
            let count = self
                .unauthenticated_by_address
                .entry(address.to_owned())
                .or_default();
            *count = count.saturating_add(1);
        }
        if let Some(listener) = session.listener() {
            self.token_expiries.insert((listener.expires_at, number));
            if listener.receives_all() {
                self.to_all_users.insert(connected_key(session));
            }
            self.by_subject
                .entry(listener.sub.clone())
                .or_default()
                .insert(connected_key(session));
        }
        let session = session.clone();
        self.sockets.insert(number, Entry { socket, session });
    }

    fn remove(&mut self, number: u64) {
        let Some(Entry { session, .. }) = self.sockets.remove(&number) else {
            return;
        };
        if let Some(deadline) = session.authentication_deadline() {
            self.authentication_deadlines.remove(&(deadline, number));
        }
        if let Some(address) = session.unauthenticated_address() {
            self.remove_from_address(address);
        }
        let Some(listener) = session.listener() else {
            return;
        };
        self.token_expiries.remove(&(listener.expires_at, number));
        let key = connected_key(&session);
        self.to_all_users.remove(&key);
        if let Some(keys) = self.by_subject.get_mut(&listener.sub) {
            keys.remove(&key);
            if keys.is_empty() {
                self.by_subject.remove(&listener.sub);
            }
        }
    }

    fn remove_from_address(&mut self, address: &str) {
        let Some(count) = self.unauthenticated_by_address.get_mut(address) else {
            return;
        };
        *count = count.saturating_sub(1);
        if *count == 0 {
            self.unauthenticated_by_address.remove(address);
        }
    }

    /// Checks the limits for a socket that connects with a valid token on its upgrade request.
    ///
    /// # Errors
    ///
    /// [`ApiError::TooManySockets`] if a limit is reached.
    pub fn check_limits_with_token(&self, listener: &Listener) -> Result<()> {
        self.check_tenant_limit()?;
        // No socket has this number yet, so none is left out of the count.
        self.check_subject_limit(listener, self.next_number)
    }

    /// Checks the limits for a socket that connects without a token. `address` is the rate limit
    /// key of the client's address, if it is known.
    ///
    /// # Errors
    ///
    /// [`ApiError::TooManySockets`] if a limit is reached.
    pub fn check_limits_without_token(&self, address: Option<&str>) -> Result<()> {
        self.check_tenant_limit()?;
        if self.authentication_deadlines.len() >= MAX_UNAUTHENTICATED_SOCKETS {
            return Err(ApiError::TooManySockets(SocketLimit::Unauthenticated));
        }
        let of_address = address.and_then(|address| self.unauthenticated_by_address.get(address));
        if of_address.is_some_and(|count| *count >= MAX_UNAUTHENTICATED_SOCKETS_PER_ADDRESS) {
            return Err(ApiError::TooManySockets(SocketLimit::Address));
        }
        Ok(())
    }

    fn check_tenant_limit(&self) -> Result<()> {
        if self.sockets.len() >= MAX_SOCKETS {
            return Err(ApiError::TooManySockets(SocketLimit::Tenant));
        }
        Ok(())
    }

    /// Checks the limit of a subject for the socket with this number, which authenticates as
    /// `listener`. A socket that renews its token does not count against itself.
    ///
    /// # Errors
    ///
    /// [`ApiError::TooManySockets`] if the subject's other sockets reach the limit.
    pub fn check_subject_limit(&self, listener: &Listener, number: u64) -> Result<()> {
        let Some(keys) = self.by_subject.get(&listener.sub) else {
            return Ok(());
        };
        let limit = match listener.filter {
            Filter::All => MAX_BACKEND_SOCKETS_PER_SUBJECT,
            Filter::Own => MAX_OWN_SOCKETS_PER_SUBJECT,
        };
        let is_renewal = self
            .sockets
            .get(&number)
            .is_some_and(|entry| keys.contains(&entry.connected_key()));
        let others = keys.len().saturating_sub(usize::from(is_renewal));
        if others >= limit {
            return Err(ApiError::TooManySockets(SocketLimit::Subject));
        }
        Ok(())
    }

    /// Returns the sockets that receive an event of this user: first the subscribers to all users,
    /// then the user's own. Each group is ordered by connection time.
    pub fn receivers(&self, user_id: &str, now: Timestamp) -> impl Iterator<Item = &S> {
        let keys = self.to_all_users.iter().copied().chain(self.own(user_id));
        keys.filter_map(|(_, number)| self.sockets.get(&number))
            .filter(move |entry| entry.session.receives(user_id, now))
            .map(|entry| &entry.socket)
    }

    /// Returns the sockets that may receive an event of any of these users, each once.
    pub fn receivers_of_any<'u>(
        &self,
        user_ids: impl IntoIterator<Item = &'u str>,
    ) -> impl Iterator<Item = (&S, &Session)> {
        let own: BTreeSet<SocketKey> = user_ids
            .into_iter()
            .flat_map(|user_id| self.own(user_id))
            .collect();
        let keys = self.to_all_users.iter().copied().chain(own);
        keys.filter_map(|(_, number)| self.sockets.get(&number))
            .map(Entry::socket_and_session)
    }

    /// Returns a user's sockets that receive only the user's own events.
    fn own(&self, user_id: &str) -> impl Iterator<Item = SocketKey> {
        let keys = self.by_subject.get(user_id).into_iter().flatten();
        keys.copied().filter(|key| !self.to_all_users.contains(key))
    }

    /// Returns the number of open sockets of a subject.
    pub fn sockets_of_subject(&self, sub: &str) -> usize {
        self.by_subject.get(sub).map_or(0, BTreeSet::len)
    }

    /// Returns whether any socket has authenticated.
    pub fn has_listeners(&self) -> bool {
        !self.by_subject.is_empty()
    }

    /// Returns all open sockets, ordered by number.
    pub fn all(&self) -> impl Iterator<Item = (&S, &Session)> {
        self.sockets.values().map(Entry::socket_and_session)
    }

    /// Returns the sockets whose authentication deadline or token expiry has passed, the most
    /// overdue of each group first.
    pub fn due(&self, now: Timestamp) -> impl Iterator<Item = (&S, &Session)> {
        [&self.authentication_deadlines, &self.token_expiries]
            .into_iter()
            .flat_map(move |keys| keys.iter().take_while(move |(time, _)| *time <= now))
            .filter_map(|(_, number)| self.sockets.get(number))
            .map(Entry::socket_and_session)
    }

    /// Returns the earliest authentication deadline.
    pub fn next_authentication_deadline(&self) -> Option<Timestamp> {
        self.authentication_deadlines.first().map(|(time, _)| *time)
    }

    /// Returns the time at which the next token expires.
    pub fn next_token_expiry(&self) -> Option<Timestamp> {
        self.token_expiries.first().map(|(time, _)| *time)
    }
}

#[cfg(test)]
mod tests;
