//! A table of limited size that nobody can empty by filling it. Attack 70.
//!
//! Any process of this user may make entries without a factor. At a limit, entries of the owner with the most end first, then those
//! that were unused for the longest time. An entry that was used with evidence of a person's presence ends for no other kind.

use std::{cmp::Reverse, collections::HashMap};

use briefcase_types::Digest;

/// The limits of a table.
#[derive(Clone, Copy, Debug)]
pub struct TableLimits {
    /// The number of entries.
    pub entries: usize,
    /// The sum of their weights.
    pub weight: usize,
}

/// Entries by digest.
#[derive(Debug)]
pub struct FairTable<V> {
    limits: TableLimits,
    /// The order of uses.
    clock: u64,
    entries: HashMap<Digest, Entry<V>>,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    owner: i32,
    weight: usize,
    used: u64,
    /// It was used with evidence of a person's presence.
    verified: bool,
}

impl<V> FairTable<V> {
    /// Makes an empty table.
    pub fn new(limits: TableLimits) -> Self {
        Self { limits, clock: 0, entries: HashMap::new() }
    }

    /// Adds an entry of a process. Others may end for it. An entry that is present stays as it is.
    pub fn insert(&mut self, key: Digest, value: V, owner: i32, weight: usize) {
        if self.use_entry(&key).is_some() {
            return;
        }
        while !self.fits(weight) {
            let Some(ending) = self.first_to_end() else { break };
            self.entries.remove(&ending);
        }
        self.clock = self.clock.saturating_add(1);
        self.entries.insert(key, Entry { value, owner, weight, used: self.clock, verified: false });
    }

    /// Returns an entry and its owner, and counts the use.
    pub fn use_entry(&mut self, key: &Digest) -> Option<(&V, i32)> {
        self.clock = self.clock.saturating_add(1);
        let entry = self.entries.get_mut(key)?;
        entry.used = self.clock;
        Some((&entry.value, entry.owner))
    }

    /// Records that an entry was used with evidence of a person's presence.
    pub fn verify(&mut self, key: &Digest) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.verified = true;
        }
    }

    /// Removes an entry. Returns it and its owner.
    pub fn remove(&mut self, key: &Digest) -> Option<(V, i32)> {
        self.entries.remove(key).map(|entry| (entry.value, entry.owner))
    }

    /// Keeps the entries that `keep` selects.
    pub fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        self.entries.retain(|_, entry| keep(&entry.value));
    }

    fn fits(&self, weight: usize) -> bool {
        let used = self.entries.values().fold(weight, |sum, entry| sum.saturating_add(entry.weight));
        self.entries.len() < self.limits.entries && used <= self.limits.weight
    }

    fn first_to_end(&self) -> Option<Digest> {
        let mut owned: HashMap<i32, usize> = HashMap::new();
        for entry in self.entries.values() {
            let sum = owned.entry(entry.owner).or_default();
            *sum = sum.saturating_add(entry.weight);
        }
        let order = |entry: &Entry<V>| {
            let owned = owned.get(&entry.owner).copied().unwrap_or_default();
            (entry.verified, Reverse(owned), entry.used)
        };
        self.entries.iter().min_by_key(|(_, entry)| order(entry)).map(|(key, _)| *key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: TableLimits = TableLimits { entries: 16, weight: 1000 };

    fn key(number: u32) -> Digest {
        Digest::sha256(&number.to_be_bytes())
    }

    #[test]
    fn one_owner_ends_its_own_entries() {
        let mut table = FairTable::new(LIMITS);
        table.insert(key(0), "person", 1, 1);
        (1..1000).for_each(|number| table.insert(key(number), "greedy", 2, 1));
        assert_eq!(table.use_entry(&key(0)), Some((&"person", 1)));
        assert_eq!(table.entries.len(), LIMITS.entries);
    }

    #[test]
    fn a_used_entry_outlives_unused_ones_of_many_owners() {
        let mut table = FairTable::new(LIMITS);
        table.insert(key(0), "person", 0, 1);
        for number in 1..1000 {
            table.insert(key(number), "greedy", i32::try_from(number).unwrap(), 1);
            assert!(table.use_entry(&key(0)).is_some(), "{number}");
        }
    }

    #[test]
    fn a_verified_entry_ends_only_for_verified_ones() {
        let mut table = FairTable::new(LIMITS);
        table.insert(key(0), "person", 0, 1);
        table.verify(&key(0));
        (1..1000).for_each(|number| table.insert(key(number), "greedy", i32::try_from(number).unwrap(), 1));
        assert_eq!(table.remove(&key(0)), Some(("person", 0)));
        for number in 1000..1100 {
            table.insert(key(number), "verified", 0, 1);
            table.verify(&key(number));
        }
        assert_eq!(table.entries.len(), LIMITS.entries, "the table never exceeds its limits");
    }

    #[test]
    fn the_largest_owner_by_weight_ends_first() {
        let mut table = FairTable::new(LIMITS);
        table.insert(key(0), "person", 0, 100);
        for number in 1..1000 {
            table.insert(key(number), "greedy", i32::try_from(number).unwrap(), 300);
        }
        assert!(table.use_entry(&key(0)).is_some());
        table.insert(key(0), "the same by another process", 9, 1);
        assert_eq!(table.use_entry(&key(0)), Some((&"person", 0)));
        table.insert(key(5000), "longer than the limit", 5, 5000);
        assert_eq!(table.entries.len(), 1, "one entry is always possible");
    }
}
