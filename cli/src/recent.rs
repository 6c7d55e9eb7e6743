//! What was dealt with a short while ago, so that what comes again is known.

use std::{
    collections::{HashSet, VecDeque},
    hash::Hash,
};

/// The newest of what it was told, at most so many.
pub(crate) struct Recent<T> {
    known: HashSet<T>,
    oldest_first: VecDeque<T>,
    most: usize,
}

impl<T: Clone + Eq + Hash> Recent<T> {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            known: HashSet::new(),
            oldest_first: VecDeque::new(),
            most,
        }
    }

    /// Takes one in; whether it was not known.
    pub(crate) fn insert(&mut self, one: T) -> bool {
        if !self.known.insert(one.clone()) {
            return false;
        }
        self.oldest_first.push_back(one);
        if self.oldest_first.len() > self.most
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_known_and_no_more_of_them_than_so_many() {
        let mut recent = Recent::new(2);
        assert!(recent.insert(1) && recent.insert(2));
        assert!(!recent.insert(1) && !recent.insert(2));
        assert!(recent.insert(3));
        assert!(!recent.insert(2) && !recent.insert(3));
        assert!(recent.insert(1), "it was forgotten for the third");
    }
}
