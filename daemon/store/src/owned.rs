//! Who belongs to whom: what the garbage collector finds its work by. Only objects with owners, and objects that wait for
//! the collector, cost anything.

use std::ops::Bound;
use std::sync::Arc;

use hanse_base::id::ClusterId;
use imbl::OrdSet;

use crate::key::Key;
use crate::object::Object;

/// The indexes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Owned {
    dependents: OrdSet<Dependent>,
    /// Objects that [`Object::awaits_collection`].
    waiting: OrdSet<Key>,
}

/// One owner of one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependent {
    /// `cluster NUL uid`: a logical cluster's id holds no zero byte, so that this is one owner's.
    owner: Arc<[u8]>,
    key: Key,
}

impl Dependent {
    /// The object that names an owner.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }
}

impl Owned {
    /// The object at the key is another one, has come, or has gone.
    pub(crate) fn replace(&mut self, key: &Key, old: Option<&Object>, new: Option<&Object>) {
        if old.map(|old| &old.owners) != new.map(|new| &new.owners) {
            for uid in old.into_iter().flat_map(Object::owners) {
                self.dependents.remove(&Dependent { owner: owner(key.cluster_str(), uid), key: key.clone() });
            }
            for uid in new.into_iter().flat_map(Object::owners) {
                self.dependents.insert(Dependent { owner: owner(key.cluster_str(), uid), key: key.clone() });
            }
        }
        let waits = |object: Option<&Object>| object.is_some_and(Object::awaits_collection);
        match (waits(old), waits(new)) {
            (false, true) => drop(self.waiting.insert(key.clone())),
            (true, false) => drop(self.waiting.remove(key)),
            _ => {}
        }
    }

    /// The objects of a logical cluster that name an owner's uid, behind `after`, in order.
    pub(crate) fn of<'a>(
        &'a self,
        cluster: &ClusterId,
        uid: &str,
        after: Option<&Key>,
    ) -> impl Iterator<Item = &'a Key> + use<'a> {
        let owner = owner(cluster.as_str(), uid);
        let from = Dependent { owner: Arc::clone(&owner), key: after.cloned().unwrap_or_else(Key::lowest) };
        let found = self.dependents.range::<_, Dependent>((Bound::Excluded(from), Bound::Unbounded));
        found.take_while(move |dependent| dependent.owner == owner).map(|dependent| &dependent.key)
    }

    /// All owners of all objects behind `after`, in order.
    pub(crate) fn all(&self, after: Option<&Dependent>) -> impl Iterator<Item = &Dependent> {
        let from = after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.clone()));
        self.dependents.range::<_, Dependent>((from, Bound::Unbounded))
    }

    /// The objects that wait for the collector.
    pub(crate) fn waiting(&self) -> &OrdSet<Key> {
        &self.waiting
    }
}

fn owner(cluster: &str, uid: &str) -> Arc<[u8]> {
    Arc::from([cluster.as_bytes(), &[0], uid.as_bytes()].concat())
}
