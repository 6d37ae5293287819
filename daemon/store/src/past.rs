//! The state as it was at an earlier revision, from the newest state and the window: pages of one list (`continue`)
//! and `resourceVersionMatch=Exact` read it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::iter::Peekable;
use std::sync::Arc;

use hanse_base::id::Revision;

use crate::history::Compacted;
use crate::key::{Key, Scope};
use crate::object::Object;
use crate::state::State;

impl State {
    /// The object at the key as it was at the revision. A revision in the future is taken for the newest.
    ///
    /// Costs a look at each event since.
    ///
    /// # Errors
    /// The revision is older than the window.
    pub fn get_at(&self, key: &Key, revision: Revision) -> Result<Option<Arc<Object>>, Compacted> {
        let changed = self.events_after(revision)?.find(|event| event.key == *key);
        Ok(changed.map_or_else(|| self.get(key).cloned(), |event| event.previous.clone()))
    }

    /// At most `limit` objects of the scope behind `after` as they were at the revision, in order of their keys. A
    /// revision in the future is taken for the newest.
    ///
    /// Costs a look at each event since.
    ///
    /// # Errors
    /// The revision is older than the window.
    pub fn list_at(
        &self,
        scope: &Scope,
        revision: Revision,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Arc<Object>)>, Compacted> {
        // The first event of a key since the revision knows what was there before.
        let mut before = BTreeMap::new();
        for event in self.events_after(revision)? {
            if scope.contains(&event.key)
                && after.is_none_or(|after| event.key > *after)
                && let Entry::Vacant(entry) = before.entry(&event.key)
            {
                entry.insert(event.previous.as_ref());
            }
        }
        let was = Merged { now: self.list(scope, after).peekable(), before: before.into_iter().peekable() };
        Ok(was.take(limit).map(|(key, object)| (key.clone(), Arc::clone(object))).collect())
    }
}

/// Two sequences in order of their keys as one; where both have a key, `before` decides.
struct Merged<N: Iterator, B: Iterator> {
    now: Peekable<N>,
    before: Peekable<B>,
}

impl<'a, N, B> Iterator for Merged<N, B>
where
    N: Iterator<Item = (&'a Key, &'a Arc<Object>)>,
    B: Iterator<Item = (&'a Key, Option<&'a Arc<Object>>)>,
{
    type Item = (&'a Key, &'a Arc<Object>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let unchanged = match (self.now.peek(), self.before.peek()) {
                (Some((now, _)), Some((before, _))) => now < before,
                (now, _) => now.is_some(),
            };
            if unchanged {
                return self.now.next();
            }
            let (key, was) = self.before.next()?;
            self.now.next_if(|(now, _)| *now == key);
            if let Some(object) = was {
                return Some((key, object));
            }
        }
    }
}
