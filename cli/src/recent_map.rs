//! A map of bounded size that keeps the latest insertions.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// Keeps the entries of the last `capacity` insertions. Inserting a key again replaces its value
/// and counts as a new insertion.
pub(crate) struct RecentMap<K, V> {
    /// Each value with the number of its insertion.
    entries: HashMap<K, (u64, V)>,
    /// The numbers and keys of the last insertions, oldest first.
    insertions: VecDeque<(u64, K)>,
    insertion_count: u64,
    capacity: usize,
}

impl<K: Clone + Eq + Hash, V> RecentMap<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            entries: HashMap::new(),
            insertions: VecDeque::new(),
            insertion_count: 0,
            capacity,
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.insertion_count = self.insertion_count.saturating_add(1);
        self.entries
            .insert(key.clone(), (self.insertion_count, value));
        self.insertions.push_back((self.insertion_count, key));
        if self.insertions.len() > self.capacity {
            self.evict_oldest();
        }
    }

    fn evict_oldest(&mut self) {
        let Some((number, key)) = self.insertions.pop_front() else {
            return;
        };
        // A key that was inserted again has a later number and stays.
        let is_latest = self
            .entries
            .get(&key)
            .is_some_and(|(latest, _)| *latest == number);
        if is_latest {
            self.entries.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_keeps_the_last_insertions_up_to_its_capacity() {
        let mut map = RecentMap::new(3);
        for (key, value) in [(1, "a"), (2, "b"), (1, "c"), (3, "d")] {
            map.insert(key, value);
        }
        assert_eq!(map.get(&1), Some(&"c"), "the key was inserted again");
        assert_eq!(map.get(&3), Some(&"d"));
        map.insert(4, "e");
        assert_eq!(map.get(&2), None, "this was the oldest insertion");
        map.insert(5, "f");
        assert_eq!(map.get(&1), None);
        assert_eq!(map.entries.len(), 3);
        assert_eq!(map.insertions.len(), 3);
    }
}
