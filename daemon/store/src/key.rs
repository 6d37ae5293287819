//! Where an object stands: resource, logical cluster, namespace, name. Keys sort in this order, so that a list of one
//! namespace, of one logical cluster and of all logical clusters are each one range.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use hanse_base::id::ClusterId;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The key of one object: one string of bytes, `resource NUL cluster NUL namespace NUL name`.
///
/// `resource` is Kubernetes' group-resource, for example `configmaps` or `workspaces.tenancy.kcp.io`. The namespace of
/// an object without one is empty. No part holds a NUL; [`Key::new`] is the only way to make one from parts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<[u8]>);

/// Text that cannot be part of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a key: {0}")]
pub struct KeyError(pub &'static str);

const NUL: u8 = 0;
/// The longest resource, namespace or name; Kubernetes' own limits are below.
pub const KEY_PART_BYTES_MAX: usize = 512;

impl Key {
    /// Joins the parts.
    ///
    /// # Errors
    /// A part holds a NUL or is longer than [`KEY_PART_BYTES_MAX`], or the resource or name is empty.
    pub fn new(resource: &str, cluster: &ClusterId, namespace: &str, name: &str) -> Result<Self, KeyError> {
        if resource.is_empty() || name.is_empty() {
            return Err(KeyError("the resource and the name must not be empty"));
        }
        Self::joined(&[resource, cluster.as_str(), namespace, name])
    }

    fn joined(parts: &[&str]) -> Result<Self, KeyError> {
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
        for (position, part) in parts.iter().enumerate() {
            if part.len() > KEY_PART_BYTES_MAX || part.as_bytes().contains(&NUL) {
                return Err(KeyError("a part is longer than 512 bytes or holds a zero byte"));
            }
            if position > 0 {
                bytes.push(NUL);
            }
            bytes.extend_from_slice(part.as_bytes());
        }
        Ok(Self(Arc::from(bytes)))
    }

    /// What comes before every key. Stands for no object.
    pub(crate) fn lowest() -> Self {
        Self(Arc::from([]))
    }

    /// The bytes that all keys of this key's resource begin with: a topic of the hub.
    pub(crate) fn resource_prefix(&self) -> &[u8] {
        &self.0[..=self.end_of(0)]
    }

    /// The bytes that all keys of this key's resource and logical cluster begin with: a topic of the hub.
    pub(crate) fn cluster_prefix(&self) -> &[u8] {
        &self.0[..=self.end_of(1)]
    }

    /// Where the zero byte behind a part stands.
    fn end_of(&self, part: usize) -> usize {
        let zeros = self.0.iter().enumerate().filter(|(_, byte)| **byte == NUL);
        zeros.map(|(position, _)| position).nth(part).expect("a key has three zero bytes")
    }

    /// The bytes of the key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Resource, logical cluster, namespace and name.
    pub(crate) fn parts(&self) -> [&str; 4] {
        let mut parts = std::str::from_utf8(&self.0).unwrap_or_default().split('\0');
        std::array::from_fn(|_| parts.next().unwrap_or_default())
    }

    fn part(&self, position: usize) -> &str {
        let part = self.0.split(|byte| *byte == NUL).nth(position).unwrap_or_default();
        std::str::from_utf8(part).unwrap_or_default()
    }

    /// Group-resource, for example `configmaps`.
    #[must_use]
    pub fn resource(&self) -> &str {
        self.part(0)
    }

    /// The logical cluster.
    ///
    /// # Panics
    /// Never: the constructors take a `ClusterId`, and decoding checks it.
    #[must_use]
    pub fn cluster(&self) -> ClusterId {
        ClusterId::new(self.part(1)).expect("a key is made from a cluster id")
    }

    /// The logical cluster as text.
    #[must_use]
    pub fn cluster_str(&self) -> &str {
        self.part(1)
    }

    /// The namespace, empty for an object without one.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.part(2)
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.part(3)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.resource(), self.part(1), self.namespace(), self.name())
    }
}

impl TryFrom<&[u8]> for Key {
    type Error = KeyError;

    fn try_from(bytes: &[u8]) -> Result<Self, KeyError> {
        let text = std::str::from_utf8(bytes).or(Err(KeyError("the bytes are not UTF-8")))?;
        let mut parts = text.split('\0');
        let (Some(resource), Some(cluster), Some(namespace), Some(name), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(KeyError("there are not four parts"));
        };
        if ClusterId::new(cluster).is_err() {
            return Err(KeyError("the second part is not a logical cluster"));
        }
        if resource.is_empty() || name.is_empty() {
            return Err(KeyError("the resource and the name must not be empty"));
        }
        if [resource, namespace, name].iter().any(|part| part.len() > KEY_PART_BYTES_MAX) {
            return Err(KeyError("a part is longer than 512 bytes"));
        }
        Ok(Self(Arc::from(bytes)))
    }
}

impl TryFrom<Vec<u8>> for Key {
    type Error = KeyError;

    fn try_from(bytes: Vec<u8>) -> Result<Self, KeyError> {
        Self::try_from(bytes.as_slice())
    }
}

// Ordered as its bytes are, so that a map by key is asked with any slice of bytes.
impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the bytes of a key")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Key, E> {
                Key::try_from(bytes).map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Key, A::Error> {
                let mut joined = Vec::new();
                while let Some(byte) = bytes.next_element()? {
                    if joined.len() > 4 * KEY_PART_BYTES_MAX {
                        return Err(A::Error::custom("a key is too long"));
                    }
                    joined.push(byte);
                }
                Key::try_from(joined).map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_bytes(KeyVisitor)
    }
}

impl From<Key> for Vec<u8> {
    fn from(key: Key) -> Self {
        key.0.to_vec()
    }
}

/// A list's range: all objects of one resource, in all logical clusters, in one, or in one namespace of one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Group-resource.
    pub resource: String,
    /// One logical cluster, or all of the group's (a wildcard request).
    pub cluster: Option<ClusterId>,
    /// One namespace, or all. Only with a cluster, or with none and then meaning that namespace in each cluster.
    pub namespace: Option<String>,
}

impl Scope {
    /// The bytes that all keys of the scope begin with. A namespace in all logical clusters is not one prefix: such a
    /// scope's prefix is the resource's, and [`Scope::contains`] decides.
    #[must_use]
    pub fn prefix(&self) -> Vec<u8> {
        let mut prefix = Vec::from(self.resource.as_bytes());
        prefix.push(NUL);
        if let Some(cluster) = &self.cluster {
            prefix.extend_from_slice(cluster.as_str().as_bytes());
            prefix.push(NUL);
            if let Some(namespace) = &self.namespace {
                prefix.extend_from_slice(namespace.as_bytes());
                prefix.push(NUL);
            }
        }
        prefix
    }

    /// The bytes that the hub's topic of this scope has for a name: the resource's prefix, or the logical cluster's.
    pub(crate) fn topic(&self) -> Vec<u8> {
        Self { resource: self.resource.clone(), cluster: self.cluster.clone(), namespace: None }.prefix()
    }

    /// The range of keys that begin with [`Scope::prefix`], for a map's `range`.
    #[must_use]
    pub fn range(&self) -> (Bound<Key>, Bound<Key>) {
        let start = self.prefix();
        let mut end = start.clone();
        // The prefix ends with a zero byte; the first key behind all that begin with it has a one there.
        if let Some(last) = end.last_mut() {
            *last = 1;
        }
        (Bound::Included(Key(Arc::from(start))), Bound::Excluded(Key(Arc::from(end))))
    }

    /// Whether the object at the key belongs to the scope.
    #[must_use]
    pub fn contains(&self, key: &Key) -> bool {
        key.resource() == self.resource
            && self.cluster.as_ref().is_none_or(|cluster| cluster.as_str() == key.part(1))
            && self.namespace.as_ref().is_none_or(|namespace| namespace == key.namespace())
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, Scope};
    use hanse_base::id::ClusterId;

    fn cluster(id: &str) -> ClusterId {
        ClusterId::new(id).unwrap()
    }

    #[test]
    fn a_key_gives_back_its_parts() {
        let key = Key::new("configmaps", &cluster("root"), "default", "a").unwrap();
        assert_eq!(
            (key.resource(), key.cluster_str(), key.namespace(), key.name()),
            ("configmaps", "root", "default", "a")
        );
        assert_eq!(Key::try_from(Vec::from(key.clone())).unwrap(), key);
    }

    #[test]
    fn junk_is_not_a_key() {
        for junk in [
            &b""[..],
            b"a",
            b"a\0root\0b",
            b"a\0root\0b\0c\0d",
            b"\0root\0\0a",
            b"a\0ROOT\0\0a",
            b"a\0root\0\0",
            b"\xff\0root\0\0a",
        ] {
            assert!(Key::try_from(junk.to_vec()).is_err(), "{junk:?}");
        }
    }

    #[test]
    fn a_scope_is_one_range_and_holds_no_neighbour() {
        let inside = Key::new("configmaps", &cluster("root"), "ab", "x").unwrap();
        let outside = [
            Key::new("configmaps", &cluster("root"), "a", "x").unwrap(),
            Key::new("configmaps", &cluster("root"), "abc", "x").unwrap(),
            Key::new("configmaps", &cluster("roo"), "ab", "x").unwrap(),
            Key::new("configmaps.x", &cluster("root"), "ab", "x").unwrap(),
        ];
        let scope =
            Scope { resource: "configmaps".into(), cluster: Some(cluster("root")), namespace: Some("ab".into()) };
        let range = std::collections::BTreeMap::from_iter(outside.iter().chain([&inside]).map(|key| (key.clone(), ())));
        let found: Vec<_> = range.range(scope.range()).map(|(key, ())| key.clone()).collect();
        assert_eq!(found, std::slice::from_ref(&inside));
        assert!(scope.contains(&inside) && outside.iter().all(|key| !scope.contains(key)));
    }
}
