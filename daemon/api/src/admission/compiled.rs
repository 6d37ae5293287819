//! Configurations in the form in which they are used, kept by the object that they come from.

use std::sync::Arc;

use hanse_base::id::{ClusterId, Revision};
use hanse_store::key::{Key, Scope};
use hanse_store::object::Object;
use hanse_store::state::State;

use crate::cache::Cache;

/// Configurations of one kind, by key and revision. What is compiled takes about as much memory as its object has bytes, so
/// there is less room for large ones.
pub(crate) struct Compiled<T> {
    small: Cache<(Key, Revision), Arc<T>>,
    large: Cache<(Key, Revision), Arc<T>>,
}

impl<T> Compiled<T> {
    /// Knows nothing yet.
    pub(crate) fn new() -> Self {
        Self { small: Cache::new(SMALL_CACHED), large: Cache::new(LARGE_CACHED) }
    }

    /// All of a resource in a logical cluster, in order of their names.
    pub(crate) fn all(
        &self,
        state: &State,
        cluster: &ClusterId,
        resource: &str,
        compile: impl Fn(&Key, &Object) -> T,
    ) -> Vec<Arc<T>> {
        let scope = scope(cluster, resource);
        if state.count(&scope) == 0 {
            return Vec::new();
        }
        state.list(&scope, None).map(|(key, object)| self.get(key, object, &compile)).collect()
    }

    /// One.
    pub(crate) fn get(&self, key: &Key, object: &Object, compile: impl Fn(&Key, &Object) -> T) -> Arc<T> {
        let place = (key.clone(), object.revision());
        if let Some(known) = self.small.get(&place).or_else(|| self.large.get(&place)) {
            return known;
        }
        let compiled = Arc::new(compile(key, object));
        let cache = if object.bytes().len() <= SMALL_BYTES { &self.small } else { &self.large };
        cache.put(place, Arc::clone(&compiled));
        compiled
    }
}

/// All of a resource in a logical cluster.
pub(crate) fn scope(cluster: &ClusterId, resource: &str) -> Scope {
    Scope { resource: resource.to_owned(), cluster: Some(cluster.clone()), namespace: None }
}

/// Above this, an object is large.
const SMALL_BYTES: usize = 32 * 1024;
/// Compiled forms that are kept. Above it those that were not used lately are made again when they are.
const SMALL_CACHED: usize = 4_096;
/// Compiled forms of large objects that are kept. As above.
const LARGE_CACHED: usize = 64;
