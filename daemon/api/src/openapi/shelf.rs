//! Keeps documents that can be made again, up to a number of bytes: the ones used last.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::document::Document;

/// The shelf. Who asks for a document that is being made waits for it.
#[derive(Debug)]
pub(super) struct Shelf<K> {
    bytes_max: usize,
    places: Mutex<Places<K>>,
}

#[derive(Debug)]
struct Places<K> {
    by_key: HashMap<K, Place>,
    /// Counts requests; the documents with the lowest counts are the first to go.
    count: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Place {
    document: Arc<OnceLock<Document>>,
    used: u64,
    bytes: usize,
}

impl<K: Hash + Eq + Clone> Shelf<K> {
    /// An empty shelf for documents of together so many bytes.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, places: Mutex::new(Places { by_key: HashMap::new(), count: 0, bytes: 0 }) }
    }

    /// The document of this key, made if it is not there.
    pub(super) fn get(&self, key: K, make: impl FnOnce() -> Document) -> Document {
        let slot = {
            let mut places = self.locked();
            places.count += 1;
            let used = places.count;
            let place = places.by_key.entry(key.clone()).or_insert_with(|| Place {
                document: Arc::new(OnceLock::new()),
                used,
                bytes: 0,
            });
            place.used = used;
            Arc::clone(&place.document)
        };
        let mut made = false;
        let document = slot
            .get_or_init(|| {
                made = true;
                make()
            })
            .clone();
        if made {
            self.weigh(&key, &slot, document.bytes().len());
        }
        document
    }

    /// Notes how large a new document is, and makes room for it.
    fn weigh(&self, key: &K, slot: &Arc<OnceLock<Document>>, bytes: usize) {
        let mut places = self.locked();
        let Some(place) = places.by_key.get_mut(key).filter(|place| Arc::ptr_eq(&place.document, slot)) else {
            return;
        };
        place.bytes = bytes;
        places.bytes += bytes;
        while places.bytes > self.bytes_max {
            // Documents that are still being made weigh nothing, and must stay to be found.
            let weighed = places.by_key.iter().filter(|(_, place)| place.bytes > 0);
            let Some(oldest) = weighed.min_by_key(|(_, place)| place.used).map(|(key, _)| key.clone()) else { return };
            if let Some(place) = places.by_key.remove(&oldest) {
                places.bytes -= place.bytes;
            }
        }
    }

    /// No panic can happen while the lock is held; were there one, the map would be whole all the same.
    fn locked(&self) -> MutexGuard<'_, Places<K>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use bytes::Bytes;

    use super::Shelf;
    use crate::document::Document;

    #[test]
    fn what_was_used_last_stays() {
        let shelf = Shelf::new(100);
        let made = Cell::new(0);
        let get = |key: u8, size: usize| {
            shelf.get(key, || {
                made.set(made.get() + 1);
                Document::new("application/json", Bytes::from(vec![key; size]))
            })
        };
        for key in 0..10 {
            assert_eq!(get(key, 40).bytes().len(), 40);
            get(0, 40);
        }
        assert_eq!(made.get(), 10, "the first one is made once");
        get(1, 40);
        assert_eq!(made.get(), 11, "others had to go");
        get(99, 1000);
        get(99, 1000);
        assert_eq!(made.get(), 13, "what is too large is not kept");
    }
}
