//! A workspace from a backup, as a new one: what of its objects has to change so that they mean in the new logical cluster
//! what they meant in the old one.
//!
//! Pure, and a function of the backup and of the new logical cluster's id alone: whoever begins again after a crash makes
//! the same objects.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use hanse_base::id::ClusterId;
use hanse_schema::metadata;
use hanse_schema::time::{Moment, Precision};
use hanse_store::backup::SavedCluster;
use hanse_store::key::Key;
use hanse_store::object::Draft;
use hanse_store::txn::NewWorkspace;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::content;
use crate::encode;

/// Where a workspace is restored to.
#[derive(Debug, Clone)]
pub struct Target {
    /// The new logical cluster.
    pub id: ClusterId,
    /// The logical cluster that it comes to stand below.
    pub parent: ClusterId,
    /// Path of that.
    pub parent_path: String,
    /// The name below it.
    pub name: String,
    /// Scheme, host and port that clients of the region use, without a slash at the end.
    pub url: String,
}

/// In which order objects come to be: what others need comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Namespaces.
    Namespaces,
    /// Definitions of kinds.
    Definitions,
    /// Everything else.
    Others,
}

impl Rank {
    /// All, in their order.
    pub const ALL: [Self; 3] = [Self::Namespaces, Self::Definitions, Self::Others];

    /// That of a resource.
    #[must_use]
    pub fn of(key: &Key) -> Self {
        match key.resource() {
            "namespaces" => Self::Namespaces,
            "customresourcedefinitions.apiextensions.k8s.io" => Self::Definitions,
            _ => Self::Others,
        }
    }
}

/// A backup cannot be restored as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// An object is not one.
    #[error("the object {0} of the backup is not one that can be stored")]
    Object(String),
    /// The logical clusters do not stand below each other.
    #[error("the logical clusters of the backup do not form one tree")]
    Tree,
}

/// How the objects of a backup become those of new logical clusters.
#[derive(Debug)]
pub struct Plan {
    target: Target,
    clusters: Vec<SavedCluster>,
    /// The new logical cluster of each old one, with its path.
    new: BTreeMap<ClusterId, (ClusterId, String)>,
    uids: BTreeSet<Box<str>>,
}

impl Plan {
    /// A plan for the logical clusters of a backup, parents before their children, and the uids of all its objects.
    ///
    /// # Errors
    /// The logical clusters are not one with those below it.
    pub fn new(target: Target, clusters: Vec<SavedCluster>, mut uids: BTreeSet<Box<str>>) -> Result<Self, PlanError> {
        let mut new: BTreeMap<ClusterId, (ClusterId, String)> = BTreeMap::new();
        for cluster in &clusters {
            let place = if new.is_empty() {
                (target.id.clone(), format!("{}:{}", target.parent_path, target.name))
            } else {
                let (_, above) = new.get(&cluster.parent).ok_or(PlanError::Tree)?;
                let path = format!("{above}:{}", cluster.name);
                (derived_id(&[b"cluster", target.id.as_str().as_bytes(), cluster.id.as_str().as_bytes()]), path)
            };
            if new.insert(cluster.id.clone(), place).is_some() {
                return Err(PlanError::Tree);
            }
            uids.extend(uid_of(&cluster.content));
        }
        if new.is_empty() {
            return Err(PlanError::Tree);
        }
        Ok(Self { target, clusters, new, uids })
    }

    /// An object as it is stored in the new logical cluster: uids and ids of logical clusters that the backup holds are the
    /// new ones, wherever they stand as a value; all else is as it was, finalizers, deletion and managed fields included.
    ///
    /// # Errors
    /// It is not an object.
    pub fn object(&self, key: &Key, bytes: &[u8]) -> Result<(Key, Draft), PlanError> {
        let wrong = || PlanError::Object(format!("{key:?}"));
        let mut object: Value = serde_json::from_slice(bytes).ok().ok_or_else(wrong)?;
        let (id, path) = self.new.get(key.cluster_str()).ok_or_else(wrong)?;
        if !object["metadata"].is_object() {
            return Err(wrong());
        }
        self.renew(&mut object);
        encode::annotate_cluster(&mut object, id);
        if *key == content::logical_cluster_key(&key.cluster()).ok_or_else(wrong)? {
            self.renew_cluster(&mut object, id, path);
        }
        let place = Key::new(key.resource(), id, key.namespace(), key.name()).ok().ok_or_else(wrong)?;
        Ok((place, Draft::of(&object).ok_or_else(wrong)?))
    }

    /// The workspaces, without their objects: the first is the one that was asked for. `reserved`: whether its parent's home
    /// holds the name.
    #[must_use]
    pub fn workspaces(&self, now_ms: u64, reserved: bool) -> Vec<NewWorkspace> {
        let now = Moment::from_unix_ms(now_ms).format(Precision::Seconds);
        let workspace = |(position, cluster): (usize, &SavedCluster)| {
            let (id, _) = self.new.get(&cluster.id)?;
            let first = position == 0;
            let above = self.new.get(&cluster.parent).filter(|_| !first).map(|(id, _)| id.clone());
            Some(NewWorkspace {
                id: id.clone(),
                parent: above.unwrap_or_else(|| self.target.parent.clone()),
                name: if first { self.target.name.clone() } else { cluster.name.clone() },
                reserved: reserved || !first,
                content: self.content(cluster, id, &now),
                objects: Vec::new(),
            })
        };
        self.clusters.iter().enumerate().filter_map(workspace).collect()
    }

    /// The row's content of a restored workspace: what its users have put there; the system's part is new.
    fn content(&self, cluster: &SavedCluster, id: &ClusterId, now: &str) -> Bytes {
        let mut object = serde_json::from_slice(&cluster.content).unwrap_or_else(|_| json!({}));
        if !object.is_object() {
            object = json!({});
        }
        self.renew(&mut object);
        let uid = uid_of(&cluster.content).unwrap_or_else(|| cluster.id.as_str().into());
        if let Some(metadata) = metadata::of_mut(&mut object) {
            for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "finalizers"] {
                metadata.shift_remove(field);
            }
            metadata::set_field(metadata, "uid", Value::from(self.uid(&uid)));
            metadata::set_field(metadata, "creationTimestamp", Value::from(now));
        }
        content::restored(&mut object, id, &format!("{} {}", cluster.id, cluster.name));
        content::of_row(&object)
    }

    /// The object that a logical cluster knows itself by.
    fn renew_cluster(&self, object: &mut Value, id: &ClusterId, path: &str) {
        encode::set_annotation(object, content::PATH_ANNOTATION, path);
        encode::set_label(object, content::PHASE_LABEL, "Ready");
        if let Some(metadata) = metadata::of_mut(object) {
            for field in ["deletionTimestamp", "deletionGracePeriodSeconds"] {
                metadata.shift_remove(field);
            }
        }
        if *id == self.target.id && object["spec"]["owner"].is_object() {
            object["spec"]["owner"]["cluster"] = self.target.parent.as_str().into();
            object["spec"]["owner"]["name"] = self.target.name.as_str().into();
        }
        if object["status"].is_object() {
            object["status"]["phase"] = "Ready".into();
            object["status"]["URL"] = format!("{}/clusters/{id}", self.target.url).into();
        }
    }

    /// Puts new uids and ids in the place of old ones.
    fn renew(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if self.uids.contains(text.as_str()) {
                    *text = self.uid(text);
                } else if let Some((id, _)) = self.new.get(text.as_str()) {
                    *text = id.as_str().to_owned();
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.renew(item)),
            Value::Object(map) => map.values_mut().for_each(|value| self.renew(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn uid(&self, old: &str) -> String {
        let hash = digest(&[b"uid", self.target.id.as_str().as_bytes(), old.as_bytes()]);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        encode::uuid_of(bytes)
    }
}

/// The id of a logical cluster that is made of a backup: a function of what makes it the one that it is.
///
/// # Panics
/// Never: 16 letters and digits are an id.
#[must_use]
pub fn derived_id(parts: &[&[u8]]) -> ClusterId {
    const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let text: String = digest(parts)
        .chunks(2)
        .map(|pair| usize::from(u16::from_le_bytes([pair[0], pair[1]])) % ALPHABET.len())
        .map(|at| char::from(ALPHABET[at]))
        .collect();
    ClusterId::new(&text).expect("16 letters and digits are an id")
}

/// `metadata.uid` of an object's JSON.
fn uid_of(bytes: &[u8]) -> Option<Box<str>> {
    let object: Value = serde_json::from_slice(bytes).ok()?;
    object.pointer("/metadata/uid").and_then(Value::as_str).filter(|uid| !uid.is_empty()).map(Box::from)
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bytes::Bytes;
    use hanse_base::id::{ClusterId, Revision};
    use hanse_store::backup::SavedCluster;
    use hanse_store::key::Key;
    use hanse_store::object::Object;
    use serde_json::{Value, json};

    use super::{Plan, PlanError, Rank, Target, derived_id};

    const UID: &str = "11111111-1111-4111-8111-111111111111";
    const OWNER: &str = "22222222-2222-4222-8222-222222222222";

    fn id(text: &str) -> ClusterId {
        ClusterId::new(text).unwrap()
    }

    fn saved(own: &str, parent: &str, name: &str) -> SavedCluster {
        let content = json!({
            "metadata": {"uid": format!("uid-of-{own}"), "deletionTimestamp": "2026-01-01T00:00:00Z",
                "labels": {"team": "a"}, "annotations": {"internal.tenancy.kcp.io/cluster": own}},
            "spec": {"type": {"name": "universal", "path": "root"}},
            "status": {"phase": "Deleting", "conditions": [{"type": "WorkspaceDeletionContentSuccess"}]},
        });
        let content = Bytes::from(content.to_string());
        SavedCluster { id: id(own), parent: id(parent), name: name.to_owned(), content }
    }

    fn plan() -> Plan {
        let target = Target {
            id: id("newcluster"),
            parent: id("newparent"),
            parent_path: "root:x".to_owned(),
            name: "copy".to_owned(),
            url: "https://eu".to_owned(),
        };
        let uids = [UID, OWNER].map(Box::from);
        let clusters = vec![saved("oldcluster", "oldparent", "org"), saved("oldchild", "oldcluster", "team")];
        Plan::new(target, clusters, BTreeSet::from(uids)).unwrap()
    }

    fn object(plan: &Plan, key: &Key, value: &Value) -> (Key, Value) {
        let (place, draft) = plan.object(key, value.to_string().as_bytes()).unwrap();
        let object = Object::new(&draft, Revision(7)).unwrap();
        (place, serde_json::from_slice(&object.bytes()).unwrap())
    }

    #[test]
    fn uids_and_clusters_are_renewed_alike_wherever_they_stand_and_the_rest_stays() {
        let plan = plan();
        let key = Key::new("configmaps", &id("oldcluster"), "default", "a").unwrap();
        let before = json!({
            "kind": "ConfigMap",
            "metadata": {"name": "a", "namespace": "default", "uid": UID, "resourceVersion": "5",
                "annotations": {"kcp.io/cluster": "oldcluster"}, "finalizers": ["x/y"],
                "deletionTimestamp": "2026-01-01T00:00:00Z",
                "ownerReferences": [{"uid": OWNER, "name": "o"}, {"uid": "foreign", "name": "p"}],
                "managedFields": [{"manager": "m", "fieldsV1": {"f:data": {}}}]},
            "data": {"note": format!("{UID} is not a value of its own"), "other": "oldchild", "oldcluster": "key"},
        });
        let (place, after) = object(&plan, &key, &before);
        assert_eq!(place, Key::new("configmaps", &id("newcluster"), "default", "a").unwrap());
        let (uid, owner) = (after["metadata"]["uid"].clone(), after["metadata"]["ownerReferences"][0]["uid"].clone());
        assert!(uid != UID && owner != OWNER && uid != owner);
        assert_eq!(uid.as_str().unwrap().len(), UID.len());
        let mut expected = before;
        expected["metadata"]["uid"] = uid;
        expected["metadata"]["ownerReferences"][0]["uid"] = owner.clone();
        expected["metadata"]["resourceVersion"] = "7".into();
        expected["metadata"]["annotations"]["kcp.io/cluster"] = "newcluster".into();
        let child = derived_id(&[b"cluster", b"newcluster", b"oldchild"]);
        expected["data"]["other"] = child.as_str().into();
        assert_eq!(after, expected);
        // The owner itself gets the uid that its dependents name.
        let (_, after) = object(&plan, &key, &json!({"metadata": {"name": "o", "uid": OWNER}}));
        assert_eq!(after["metadata"]["uid"], owner);
    }

    #[test]
    fn a_logical_cluster_knows_its_new_place() {
        let cluster = |own: &str, owner: &str| {
            let key = Key::new("logicalclusters.core.kcp.io", &id(own), "", "cluster").unwrap();
            let value = json!({
                "metadata": {"name": "cluster", "annotations": {"kcp.io/cluster": own, "kcp.io/path": "root:old"}},
                "spec": {"owner": {"cluster": owner, "name": "org", "uid": format!("uid-of-{own}")}},
                "status": {"phase": "Deleting", "URL": "https://us/clusters/oldcluster"},
            });
            object(&plan(), &key, &value).1
        };
        let top = cluster("oldcluster", "oldparent");
        assert_eq!(top["metadata"]["annotations"]["kcp.io/path"], "root:x:copy");
        assert_eq!(
            (&top["spec"]["owner"]["cluster"], &top["spec"]["owner"]["name"]),
            (&json!("newparent"), &json!("copy"))
        );
        assert_eq!(top["status"], json!({"phase": "Ready", "URL": "https://eu/clusters/newcluster"}));
        let below = cluster("oldchild", "oldcluster");
        assert_eq!(below["metadata"]["annotations"]["kcp.io/path"], "root:x:copy:team");
        assert_eq!(below["spec"]["owner"]["cluster"], "newcluster");
        let rows = plan().workspaces(0, true);
        let uid = |row: &Bytes| serde_json::from_slice::<Value>(row).unwrap()["metadata"]["uid"].clone();
        assert_eq!(
            [uid(&rows[0].content), uid(&rows[1].content)],
            [top, below].map(|it| it["spec"]["owner"]["uid"].clone())
        );
    }

    #[test]
    fn the_workspaces_are_ready_again_and_keep_what_their_users_gave_them() {
        let rows = plan().workspaces(0, false);
        let places: Vec<_> = rows.iter().map(|row| (row.parent.as_str(), row.name.as_str(), row.reserved)).collect();
        assert_eq!(places, [("newparent", "copy", false), ("newcluster", "team", true)]);
        let content: Value = serde_json::from_slice(&rows[0].content).unwrap();
        assert_eq!(content["status"], json!({"phase": "Ready"}));
        assert_eq!(content["metadata"]["labels"]["team"], "a");
        assert_eq!(content["metadata"]["annotations"]["internal.tenancy.kcp.io/cluster"], "newcluster");
        assert!(content["metadata"].get("deletionTimestamp").is_none());
        assert_eq!(content["metadata"]["finalizers"], json!(["core.kcp.io/logicalcluster"]));
    }

    #[test]
    fn a_backup_that_is_no_tree_and_an_object_that_is_none_are_refused() {
        let target = Target {
            id: id("n"),
            parent: id("root"),
            parent_path: "root".to_owned(),
            name: "n".to_owned(),
            url: String::new(),
        };
        let lone = vec![saved("a", "root", "a"), saved("b", "elsewhere", "b")];
        for clusters in [vec![], lone, vec![saved("a", "root", "a"), saved("a", "a", "a")]] {
            assert_eq!(Plan::new(target.clone(), clusters, BTreeSet::new()).unwrap_err(), PlanError::Tree);
        }
        let key = Key::new("configmaps", &id("oldcluster"), "default", "a").unwrap();
        for junk in ["", "7", "[]", "{}", r#"{"metadata":7}"#] {
            assert!(plan().object(&key, junk.as_bytes()).is_err(), "{junk}");
        }
        let other = Key::new("configmaps", &id("stranger"), "default", "a").unwrap();
        assert!(plan().object(&other, br#"{"metadata":{}}"#).is_err());
        assert!(Rank::of(&key) == Rank::Others && Rank::ALL.is_sorted());
    }
}
