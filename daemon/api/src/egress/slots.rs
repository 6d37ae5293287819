//! Limits of calls at once by a key: a logical cluster, a host.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A number of places for each key. A key without a call costs nothing.
pub(crate) struct Slots {
    each: usize,
    keys: Mutex<HashMap<Box<str>, Arc<Semaphore>>>,
}

/// A place. Given back when it is dropped.
pub(crate) struct Permit<'a> {
    slots: &'a Slots,
    key: Box<str>,
    semaphore: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Slots {
    pub(crate) fn new(each: usize) -> Self {
        Self { each, keys: Mutex::default() }
    }

    /// Waits for a place.
    pub(crate) async fn take(&self, key: &str) -> Permit<'_> {
        let semaphore = {
            let mut keys = self.keys();
            let semaphore = keys.entry(key.into()).or_insert_with(|| Arc::new(Semaphore::new(self.each)));
            Arc::clone(semaphore)
        };
        // Made before the wait, so that a wait that is given up leaves nothing behind.
        let mut place = Permit { slots: self, key: key.into(), semaphore: Some(Arc::clone(&semaphore)), permit: None };
        place.permit = semaphore.acquire_owned().await.ok();
        place
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<Box<str>, Arc<Semaphore>>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.permit = None;
        self.semaphore = None;
        let mut keys = self.slots.keys();
        // Only the table itself knows the key: nobody holds a place or waits for one.
        if keys.get(&self.key).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            keys.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::Slots;

    #[tokio::test]
    async fn each_key_has_its_places_and_leaves_nothing_behind() {
        let slots = Slots::new(2);
        let (first, second) = (slots.take("a").await, slots.take("a").await);
        assert!(slots.take("a").now_or_never().is_none(), "the third waits");
        let other = slots.take("b").now_or_never();
        assert!(other.is_some(), "another key has its own places");
        drop(first);
        let third = slots.take("a").now_or_never();
        assert!(third.is_some());
        drop((second, third, other));
        assert!(slots.keys().is_empty());
    }
}
