//! What was dealt with a short while ago, so that what comes again is known.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// The newest of what it was told, at most so many, each with what was told of it last.
pub(crate) struct Recent<K, V> {
    /// With the number of the telling.
    known: HashMap<K, (u64, V)>,
    oldest_first: VecDeque<(u64, K)>,
    told: u64,
    most: usize,
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            known: HashMap::new(),
            oldest_first: VecDeque::new(),
            told: 0,
            most,
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.known.get(key).map(|(_, value)| value)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.told = self.told.saturating_add(1);
        self.known.insert(key.clone(), (self.told, value));
        self.oldest_first.push_back((self.told, key));
        if self.oldest_first.len() <= self.most {
            return;
        }
        if let Some((number, oldest)) = self.oldest_first.pop_front()
            && self
                .known
                .get(&oldest)
                .is_some_and(|(last, _)| *last == number)
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_known_and_no_more_of_them_than_so_many() {
        let mut recent = Recent::new(3);
        for (key, value) in [(1, "a"), (2, "b"), (1, "c"), (3, "d")] {
            recent.insert(key, value);
        }
        assert_eq!(recent.get(&1), Some(&"c"), "it was told again");
        assert_eq!(recent.get(&3), Some(&"d"));
        recent.insert(4, "e");
        assert_eq!(recent.get(&2), None, "it is the oldest");
        recent.insert(5, "f");
        assert_eq!(recent.get(&1), None);
        assert_eq!(recent.known.len(), 3);
        assert_eq!(recent.oldest_first.len(), 3);
    }
}
