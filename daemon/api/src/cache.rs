//! A bounded cache for what can be made again: two generations, of which the older is dropped whole when the younger is full.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The cache. Holds at most twice its size, and what was used since the last change of generations for certain.
pub(crate) struct Cache<K, V> {
    size: usize,
    generations: Mutex<Generations<K, V>>,
}

struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    /// An empty cache whose generations hold this many entries.
    pub(crate) fn new(size: usize) -> Self {
        Self { size, generations: Mutex::new(Generations { young: HashMap::new(), old: HashMap::new() }) }
    }

    /// What was put in last.
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let mut generations = self.locked();
        if let Some(value) = generations.young.get(key) {
            return Some(value.clone());
        }
        let value = generations.old.remove(key)?;
        self.keep(&mut generations, key.clone(), value.clone());
        Some(value)
    }

    /// Puts a value in the place of any other.
    pub(crate) fn put(&self, key: K, value: V) {
        self.keep(&mut self.locked(), key, value);
    }

    fn keep(&self, generations: &mut Generations<K, V>, key: K, value: V) {
        if generations.young.len() >= self.size {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(key, value);
    }

    /// No panic can happen while the lock is held; were there one, the maps would be whole all the same.
    fn locked(&self) -> MutexGuard<'_, Generations<K, V>> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Cache;

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let cache = Cache::new(2);
        for number in 0..100 {
            cache.put(number, number);
            cache.put(1000, 0);
            assert_eq!(cache.get(&1000), Some(0));
        }
        assert_eq!((cache.get(&99), cache.get(&3)), (Some(99), None));
    }
}
