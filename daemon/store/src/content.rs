//! How many objects there are of what, and where: so that a whole logical cluster or namespace is found without a
//! look at anybody else's objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use hanse_base::id::{ClusterId, Revision};
use imbl::OrdMap;

use crate::key::{Key, Scope};

/// Numbers of objects, and when they changed. An entry that would be zero is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Content {
    /// By `1 resource`, by `2 cluster NUL resource`, and by `3 cluster NUL namespace NUL resource`.
    counts: OrdMap<Arc<[u8]>, Count>,
    /// When a logical cluster last lost its last object of some resource: what is known of the changes of all resources
    /// that it holds nothing of, in one number.
    emptied: OrdMap<Box<str>, Revision>,
}

/// What there is of one resource in one place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    number: u64,
    /// Revision of the last event of the resource; kept for logical clusters only.
    changed: Revision,
}

impl Content {
    /// An object has come to stand at the key, by the event of the revision.
    pub(crate) fn add(&mut self, key: &Key, revision: Revision) {
        for place in places(key) {
            let changed = if place.first() == Some(&CLUSTER) { revision } else { Revision::default() };
            if let Some(count) = self.counts.get_mut(place.as_slice()) {
                *count = Count { number: count.number + 1, changed: count.changed.max(changed) };
            } else {
                self.counts.insert(Arc::from(place), Count { number: 1, changed });
            }
        }
    }

    /// The object at the key has been replaced, by the event of the revision.
    ///
    /// # Panics
    /// When there was none.
    pub(crate) fn change(&mut self, key: &Key, revision: Revision) {
        let [resource, cluster, ..] = key.parts();
        let place = joined(CLUSTER, &[cluster, resource]);
        self.counts.get_mut(place.as_slice()).expect("each object is counted").changed = revision;
    }

    /// The object at the key has gone, by the event of the revision.
    ///
    /// # Panics
    /// When there was none.
    pub(crate) fn remove(&mut self, key: &Key, revision: Revision) {
        for place in places(key) {
            let count = self.counts.get_mut(place.as_slice()).expect("each object is counted");
            count.number -= 1;
            let of_cluster = place.first() == Some(&CLUSTER);
            if of_cluster {
                count.changed = revision;
            }
            if count.number == 0 {
                self.counts.remove(place.as_slice());
                if of_cluster {
                    self.emptied.insert(Box::from(key.cluster_str()), revision);
                }
            }
        }
    }

    /// A logical cluster that holds nothing is no more.
    pub(crate) fn forget(&mut self, cluster: &ClusterId) {
        self.emptied.remove(cluster.as_str());
    }

    /// A revision since which no object of the resource was created, changed or deleted in the logical cluster: that of
    /// the last such event while there are objects of the resource, and otherwise maybe a later one.
    pub(crate) fn last_change(&self, cluster: &ClusterId, resource: &str) -> Revision {
        let place = joined(CLUSTER, &[cluster.as_str(), resource]);
        let emptied = || self.emptied.get(cluster.as_str()).copied().unwrap_or_default();
        self.counts.get(place.as_slice()).map_or_else(emptied, |count| count.changed)
    }

    /// The number of objects in a scope; `None` for a namespace in all logical clusters, which is not counted.
    pub(crate) fn count(&self, scope: &Scope) -> Option<u64> {
        let place = match (&scope.cluster, scope.namespace.as_deref()) {
            (None, None) => joined(GROUP, &[&scope.resource]),
            (Some(cluster), None) => joined(CLUSTER, &[cluster.as_str(), &scope.resource]),
            // An object without a namespace is not counted by namespace.
            (_, Some("")) | (None, Some(_)) => return None,
            (Some(cluster), Some(namespace)) => joined(NAMESPACE, &[cluster.as_str(), namespace, &scope.resource]),
        };
        Some(self.counts.get(place.as_slice()).map_or(0, |count| count.number))
    }

    /// When what changed, for a snapshot: every logical cluster that holds anything or has lost anything, in order.
    pub(crate) fn changes(&self) -> Vec<Changes<'_>> {
        let mut all: BTreeMap<&str, Changes<'_>> = BTreeMap::new();
        for (cluster, emptied) in &self.emptied {
            all.insert(cluster, Changes { cluster, emptied: *emptied, resources: Vec::new() });
        }
        let (from, to) = (Arc::<[u8]>::from([CLUSTER]), Arc::<[u8]>::from([NAMESPACE]));
        for (place, count) in self.counts.range::<_, Arc<[u8]>>(from..to) {
            let text = std::str::from_utf8(&place[1..]).unwrap_or_default();
            let Some((cluster, resource)) = text.split_once('\0') else { continue };
            let new = || Changes { cluster, emptied: Revision::default(), resources: Vec::new() };
            all.entry(cluster).or_insert_with(new).resources.push((resource, count.changed));
        }
        all.into_values().collect()
    }

    /// Takes back what [`Content::changes`] gave, for one logical cluster whose objects are counted already. Whether it
    /// can be true, in a state of the given revision.
    pub(crate) fn restore(&mut self, changes: &Changes<'_>, newest: Revision) -> bool {
        let Ok(cluster) = ClusterId::new(changes.cluster) else { return false };
        let held: Vec<String> = self.cluster_resources(&cluster).map(str::to_owned).collect();
        if !changes.resources.iter().map(|(resource, _)| *resource).eq(held.iter().map(String::as_str)) {
            return false;
        }
        for (resource, changed) in &changes.resources {
            let place = joined(CLUSTER, &[changes.cluster, resource]);
            match self.counts.get_mut(place.as_slice()) {
                Some(count) if (count.changed..=newest).contains(changed) => count.changed = *changed,
                _ => return false,
            }
        }
        if changes.emptied != Revision::default() {
            self.emptied.insert(Box::from(changes.cluster), changes.emptied);
        }
        let empty = changes.resources.is_empty() && changes.emptied == Revision::default();
        !empty && changes.emptied <= newest
    }

    /// That these are the numbers of the objects that `counted` was made from, and that none of them changed later than
    /// is known here.
    ///
    /// # Panics
    /// When they are not.
    pub(crate) fn check(&self, counted: &Self) {
        let numbers = |content: &Self| content.counts.iter().map(|(_, count)| count.number).collect::<Vec<_>>();
        assert!(self.counts.keys().eq(counted.counts.keys()), "the objects are counted");
        assert_eq!(numbers(self), numbers(counted), "the objects are counted");
        let mut pairs = self.counts.values().zip(counted.counts.values());
        assert!(pairs.all(|(known, seen)| known.changed >= seen.changed), "each change is noted");
    }

    /// The group-resources that there are objects of, in order.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &str> {
        self.below(vec![GROUP])
    }

    /// The group-resources that there are objects of in a logical cluster, in order.
    pub(crate) fn cluster_resources(&self, cluster: &ClusterId) -> impl Iterator<Item = &str> {
        self.below(joined(CLUSTER, &[cluster.as_str(), ""]))
    }

    /// The group-resources that there are objects of in a namespace, in order.
    pub(crate) fn namespace_resources(&self, cluster: &ClusterId, namespace: &str) -> impl Iterator<Item = &str> {
        self.below(joined(NAMESPACE, &[cluster.as_str(), namespace, ""]))
    }

    /// What follows the prefix, for each entry that begins with it.
    fn below(&self, prefix: Vec<u8>) -> impl Iterator<Item = &str> {
        let from = Arc::<[u8]>::from(prefix.as_slice());
        let entries = self.counts.range::<_, Arc<[u8]>>(from..);
        entries.map_while(move |(place, _)| place.strip_prefix(prefix.as_slice())).map(|resource| {
            std::str::from_utf8(resource).expect("a resource is text, and zero bytes divide it from the rest")
        })
    }
}

/// When what changed in one logical cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Changes<'a> {
    pub(crate) cluster: &'a str,
    /// When it last lost its last object of some resource; zero for never.
    pub(crate) emptied: Revision,
    /// When each resource that it holds objects of was last changed, in order.
    pub(crate) resources: Vec<(&'a str, Revision)>,
}

/// The entries that an object is counted in.
fn places(key: &Key) -> impl Iterator<Item = Vec<u8>> {
    let [resource, cluster, namespace, _] = key.parts();
    let group = joined(GROUP, &[resource]);
    let cluster_place = joined(CLUSTER, &[cluster, resource]);
    let namespace_place = (!namespace.is_empty()).then(|| joined(NAMESPACE, &[cluster, namespace, resource]));
    [Some(group), Some(cluster_place), namespace_place].into_iter().flatten()
}

fn joined(kind: u8, parts: &[&str]) -> Vec<u8> {
    let mut place = Vec::with_capacity(1 + parts.iter().map(|part| part.len() + 1).sum::<usize>());
    place.push(kind);
    for (position, part) in parts.iter().enumerate() {
        if position > 0 {
            place.push(0);
        }
        place.extend_from_slice(part.as_bytes());
    }
    place
}

const GROUP: u8 = 1;
const CLUSTER: u8 = 2;
const NAMESPACE: u8 = 3;

#[cfg(test)]
mod tests {
    use super::Content;
    use crate::key::{Key, Scope};
    use hanse_base::id::{ClusterId, Revision};

    #[test]
    fn each_place_knows_what_it_holds_and_nothing_of_its_neighbours() {
        let (a, ab) = (ClusterId::new("a").unwrap(), ClusterId::new("ab").unwrap());
        let keys = [
            Key::new("configmaps", &a, "n", "x").unwrap(),
            Key::new("configmaps", &a, "n", "y").unwrap(),
            Key::new("secrets", &a, "nn", "x").unwrap(),
            Key::new("namespaces", &a, "", "n").unwrap(),
            Key::new("leases", &ab, "n", "x").unwrap(),
        ];
        let mut content = Content::default();
        keys.iter().for_each(|key| content.add(key, Revision(7)));
        let count = |content: &Content, resource: &str, cluster: Option<&ClusterId>, namespace: Option<&str>| {
            let (cluster, namespace) = (cluster.cloned(), namespace.map(str::to_owned));
            content.count(&Scope { resource: resource.into(), cluster, namespace })
        };
        assert_eq!(content.resources().collect::<Vec<_>>(), ["configmaps", "leases", "namespaces", "secrets"]);
        assert_eq!(content.cluster_resources(&a).collect::<Vec<_>>(), ["configmaps", "namespaces", "secrets"]);
        assert_eq!(content.cluster_resources(&ab).collect::<Vec<_>>(), ["leases"]);
        assert_eq!(content.namespace_resources(&a, "n").collect::<Vec<_>>(), ["configmaps"]);
        assert_eq!(count(&content, "configmaps", None, None), Some(2));
        assert_eq!(count(&content, "configmaps", Some(&a), Some("n")), Some(2));
        assert_eq!(count(&content, "configmaps", Some(&ab), None), Some(0));
        assert_eq!(count(&content, "configmaps", None, Some("n")), None);
        keys.iter().for_each(|key| content.remove(key, Revision(8)));
        [a, ab].iter().for_each(|cluster| content.forget(cluster));
        assert_eq!(content, Content::default());
    }

    #[test]
    fn each_change_of_a_resource_is_noted_and_its_end_is_not_forgotten() {
        let (a, b) = (ClusterId::new("a").unwrap(), ClusterId::new("b").unwrap());
        let (x, y) = (Key::new("configmaps", &a, "n", "x").unwrap(), Key::new("configmaps", &a, "m", "y").unwrap());
        let mut content = Content::default();
        assert_eq!(content.last_change(&a, "configmaps"), Revision(0));
        content.add(&x, Revision(5));
        content.add(&y, Revision(6));
        content.change(&x, Revision(7));
        assert_eq!(content.last_change(&a, "configmaps"), Revision(7));
        content.remove(&y, Revision(8));
        assert_eq!(content.last_change(&a, "configmaps"), Revision(8));
        assert_eq!(content.last_change(&a, "secrets"), Revision(0), "another resource is not touched by it");
        content.remove(&x, Revision(9));
        assert_eq!(content.last_change(&a, "configmaps"), Revision(9));
        assert_eq!(content.last_change(&a, "secrets"), Revision(9), "all that is absent shares one number");
        assert_eq!(content.last_change(&b, "configmaps"), Revision(0));
        content.add(&y, Revision(10));
        assert_eq!(content.last_change(&a, "configmaps"), Revision(10));
    }
}
