//! How many objects there are of what, and where: so that a whole logical cluster or namespace is found without a
//! look at anybody else's objects.

use std::sync::Arc;

use hanse_base::id::ClusterId;
use imbl::OrdMap;

use crate::key::{Key, Scope};

/// Numbers of objects. An entry that would be zero is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Content {
    /// By `1 resource`, by `2 cluster NUL resource`, and by `3 cluster NUL namespace NUL resource`.
    counts: OrdMap<Arc<[u8]>, u64>,
}

impl Content {
    /// An object has come to stand at the key.
    pub(crate) fn add(&mut self, key: &Key) {
        for place in places(key) {
            if let Some(count) = self.counts.get_mut(place.as_slice()) {
                *count += 1;
            } else {
                self.counts.insert(Arc::from(place), 1);
            }
        }
    }

    /// The object at the key has gone.
    ///
    /// # Panics
    /// When there was none.
    pub(crate) fn remove(&mut self, key: &Key) {
        for place in places(key) {
            let count = self.counts.get_mut(place.as_slice()).expect("each object is counted");
            *count -= 1;
            if *count == 0 {
                self.counts.remove(place.as_slice());
            }
        }
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
        Some(self.counts.get(place.as_slice()).copied().unwrap_or(0))
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
    use hanse_base::id::ClusterId;

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
        keys.iter().for_each(|key| content.add(key));
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
        keys.iter().for_each(|key| content.remove(key));
        assert_eq!(content, Content::default());
    }
}
