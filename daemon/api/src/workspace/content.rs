//! What a workspace is made of: its row's content, and the objects that its logical cluster begins with.

use bytes::Bytes;
use hanse_base::id::ClusterId;
use hanse_base::random::Random;
use hanse_schema::decode::{FieldValidation, redecode};
use hanse_schema::kind::by_kind;
use hanse_schema::metadata;
use hanse_schema::time::{Moment, Precision};
use hanse_store::key::Key;
use hanse_store::object::Draft;
use serde_json::{Map, Value, json};

use crate::authenticate::User;
use crate::encode::{self, CLUSTER_ANNOTATION};
use crate::namespace::{Beginning, first_object};
use crate::status::Failure;

/// Finalizer of every Workspace: it goes when its logical cluster is empty.
pub(crate) const FINALIZER: &str = "core.kcp.io/logicalcluster";
/// Label that mirrors the phase.
pub(crate) const PHASE_LABEL: &str = "tenancy.kcp.io/phase";
/// Annotation that names who made a workspace.
pub(crate) const OWNER_ANNOTATION: &str = "experimental.tenancy.kcp.io/owner";
pub(crate) const PATH_ANNOTATION: &str = "kcp.io/path";
/// Annotation of a workspace that was restored: logical cluster and name of the one that was backed up.
const RESTORED_ANNOTATION: &str = "hanse.dev/restored-from";
const TYPE_ANNOTATION: &str = "internal.tenancy.kcp.io/type";
const CLUSTER_HINT_ANNOTATION: &str = "internal.tenancy.kcp.io/cluster";
const SHARD_ANNOTATION: &str = "core.kcp.io/shard";
const REGION_LABEL: &str = "region";
/// The condition that the projection adds.
const NAME_CONFLICT: &str = "NameConflict";
const LOGICAL_CLUSTERS: &str = "logicalclusters.core.kcp.io";
/// Namespaces that every logical cluster begins with.
const NAMESPACES: [&str; 2] = ["default", "kube-system"];

/// Readies a new Workspace: what the system sets on it.
pub(crate) fn ready(object: &mut Value, id: &ClusterId, user: &User) {
    let owner = json!({ "username": user.name }).to_string();
    encode::set_annotation(object, OWNER_ANNOTATION, &owner);
    encode::set_annotation(object, CLUSTER_HINT_ANNOTATION, id.as_str());
    encode::set_label(object, PHASE_LABEL, "Ready");
    keep_finalizer(object);
    if let Some(map) = object.as_object_mut() {
        let spec = map.entry("spec").or_insert_with(|| json!({}));
        if spec.get("type").is_none_or(Value::is_null) {
            spec["type"] = json!({"name": "universal", "path": "root"});
        } else if spec.pointer("/type/path").and_then(Value::as_str).is_none_or(str::is_empty) {
            // Types of one's own come with another issue; those that are built in are root's.
            spec["type"]["path"] = json!("root");
        }
        map.insert("status".to_owned(), json!({"phase": "Ready"}));
    }
}

/// Readies a Workspace that is restored from a backup: the system's part of it is new.
pub(crate) fn restored(object: &mut Value, id: &ClusterId, from: &str) {
    encode::set_annotation(object, CLUSTER_HINT_ANNOTATION, id.as_str());
    encode::set_annotation(object, RESTORED_ANNOTATION, from);
    encode::set_label(object, PHASE_LABEL, "Ready");
    keep_finalizer(object);
    if let Some(map) = object.as_object_mut() {
        map.insert("status".to_owned(), json!({"phase": "Ready"}));
    }
}

/// The system's own finalizer stays until the system takes it away.
pub(crate) fn keep_finalizer(object: &mut Value) {
    let Some(metadata) = metadata::of_mut(object) else { return };
    let mut finalizers = metadata.get("finalizers").and_then(Value::as_array).cloned().unwrap_or_default();
    if !finalizers.iter().any(|finalizer| finalizer == FINALIZER) {
        finalizers.push(Value::from(FINALIZER));
        metadata::set_field(metadata, "finalizers", Value::Array(finalizers));
    }
}

/// The row's content: the object without what each region adds to it.
pub(crate) fn of_row(object: &Value) -> Bytes {
    let mut object = object.clone();
    if let Some(metadata) = metadata::of_mut(&mut object) {
        for field in ["name", "namespace", "resourceVersion"] {
            metadata.shift_remove(field);
        }
        remove(metadata, "annotations", &[CLUSTER_ANNOTATION, SHARD_ANNOTATION]);
        remove(metadata, "labels", &[REGION_LABEL]);
    }
    if let Some(map) = object.as_object_mut() {
        remove(map, "spec", &["URL", "cluster"]);
        if let Some(Value::Array(conditions)) = map.get_mut("status").and_then(|status| status.get_mut("conditions")) {
            conditions.retain(|condition| condition["type"] != NAME_CONFLICT);
        }
    }
    Bytes::from(object.to_string())
}

fn remove(map: &mut Map<String, Value>, field: &str, keys: &[&str]) {
    if let Some(inner) = map.get_mut(field).and_then(Value::as_object_mut) {
        for key in keys {
            inner.shift_remove(*key);
        }
    }
}

/// A logical cluster about to be made.
pub(crate) struct NewCluster<'a> {
    pub(crate) id: &'a ClusterId,
    /// Its path when it is made.
    pub(crate) path: &'a str,
    /// Scheme, host and port that clients of the home's region use.
    pub(crate) url: &'a str,
    /// The certificates with which clients verify the API there, PEM; may be empty.
    pub(crate) root_ca: &'a str,
    /// Name of the type, with the path that it stands at.
    pub(crate) type_name: &'a str,
    /// Who makes it.
    pub(crate) user: Option<&'a User>,
    /// The Workspace that it stands behind: parent, name and uid.
    pub(crate) owner: Option<(&'a ClusterId, &'a str, &'a str)>,
    /// The time, as objects show it.
    pub(crate) now: &'a str,
}

/// Everything that a logical cluster holds from its first moment.
///
/// # Errors
/// Only when an object breaks a limit, which these do not.
pub(crate) fn first_objects(new: &NewCluster<'_>, random: &dyn Random) -> Result<Vec<(Key, Draft)>, Failure> {
    let cluster = logical_cluster(new, random)?;
    let mut objects = vec![first_object(LOGICAL_CLUSTERS, new.id, "", &cluster)?];
    let beginning = Beginning { cluster: new.id, root_ca: new.root_ca, now: new.now };
    for name in NAMESPACES {
        let namespace = json!({
            "kind": "Namespace",
            "apiVersion": "v1",
            "metadata": {
                "name": name,
                "uid": encode::uuid(random),
                "creationTimestamp": new.now,
                "labels": {"kubernetes.io/metadata.name": name},
                "annotations": {CLUSTER_ANNOTATION: new.id.as_str()},
            },
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        });
        objects.push(first_object(crate::admit::NAMESPACES, new.id, "", &namespace)?);
        objects.extend(beginning.objects(name, random)?);
    }
    Ok(objects)
}

fn logical_cluster(new: &NewCluster<'_>, random: &dyn Random) -> Result<Value, Failure> {
    let mut annotations = json!({
        CLUSTER_ANNOTATION: new.id.as_str(),
        PATH_ANNOTATION: new.path,
        TYPE_ANNOTATION: new.type_name,
    });
    let mut spec = json!({"directlyDeletable": false});
    if let Some((parent, name, uid)) = new.owner {
        spec["owner"] = json!({
            "apiVersion": "tenancy.kcp.io/v1alpha1", "resource": "workspaces",
            "name": name, "cluster": parent.as_str(), "uid": uid,
        });
    }
    if let Some(user) = new.user {
        annotations[OWNER_ANNOTATION] = json!({ "username": user.name }).to_string().into();
        spec["createdBy"] = json!({"username": user.name, "groups": user.groups});
        if !user.uid.is_empty() {
            spec["createdBy"]["uid"] = user.uid.as_str().into();
        }
    }
    let object = json!({
        "apiVersion": "core.kcp.io/v1alpha1",
        "kind": "LogicalCluster",
        "metadata": {
            "name": metadata::LOGICAL_CLUSTER_NAME,
            "uid": encode::uuid(random),
            "generation": 1,
            "creationTimestamp": new.now,
            "labels": {PHASE_LABEL: "Ready"},
            "annotations": annotations,
        },
        "spec": spec,
        "status": {"phase": "Ready", "URL": format!("{}/clusters/{}", new.url, new.id)},
    });
    // Into the canonical form, so that a later write of the same is known as a change of nothing.
    let kind = by_kind("core.kcp.io", "v1alpha1", "LogicalCluster");
    let kind = kind.ok_or_else(|| Failure::Internal("LogicalCluster is not served".to_owned()))?;
    Ok(redecode(kind, &object, FieldValidation::Ignore)?.value)
}

/// The key of a logical cluster's LogicalCluster object.
pub(crate) fn logical_cluster_key(id: &ClusterId) -> Option<Key> {
    Key::new(LOGICAL_CLUSTERS, id, "", metadata::LOGICAL_CLUSTER_NAME).ok()
}

/// What the logical cluster `root` begins with: for the daemon that founds a federation (`Operation::FoundRoot`).
///
/// `url` is the founding region's, without a slash at the end; `root_ca` the certificates with which clients verify it, PEM, or
/// nothing; `now_ms` the wall clock.
///
/// # Panics
/// Never: these objects are small and have good names.
#[must_use]
pub fn root_objects(url: &str, root_ca: &str, now_ms: u64, random: &dyn Random) -> Vec<(Key, Draft)> {
    let id = ClusterId::new("root").expect("root is the id of a logical cluster");
    let now = Moment::from_unix_ms(now_ms).format(Precision::Seconds);
    let new =
        NewCluster { id: &id, path: "root", url, root_ca, type_name: "root:root", user: None, owner: None, now: &now };
    first_objects(&new, random).expect("root's first objects are within all limits")
}

#[cfg(test)]
mod tests {
    use hanse_base::id::{ClusterId, Revision};
    use hanse_base::random::SystemRandom;
    use hanse_store::object::Object;
    use serde_json::{Value, json};

    use super::{of_row, ready, root_objects};
    use crate::authenticate::User;

    #[test]
    fn root_begins_with_its_cluster_its_namespaces_and_their_accounts() {
        let objects = root_objects("https://127.0.0.1:6443", "PEM", 0, &SystemRandom);
        let keys: Vec<String> = objects.iter().map(|(key, _)| format!("{key:?}")).collect();
        let expected = [
            "logicalclusters.core.kcp.io/root//cluster",
            "namespaces/root//default",
            "serviceaccounts/root/default/default",
            "configmaps/root/default/kube-root-ca.crt",
            "namespaces/root//kube-system",
            "serviceaccounts/root/kube-system/default",
            "configmaps/root/kube-system/kube-root-ca.crt",
        ];
        assert_eq!(keys, expected);
        for (key, draft) in &objects {
            let object = Object::new(draft, Revision(7)).unwrap();
            let value: Value = serde_json::from_slice(&object.bytes()).unwrap();
            assert_eq!(value["metadata"]["resourceVersion"], "7", "{key:?}");
            assert_eq!(value["metadata"]["annotations"]["kcp.io/cluster"], "root", "{key:?}");
        }
        let cluster: Value = serde_json::from_slice(&objects[0].1.bytes).unwrap();
        assert_eq!(cluster["status"]["URL"], "https://127.0.0.1:6443/clusters/root");
        assert_eq!(cluster["metadata"]["annotations"]["kcp.io/path"], "root");
    }

    #[test]
    fn the_rows_content_is_without_what_regions_add() {
        let mut object = json!({
            "apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace",
            "metadata": {"name": "w", "resourceVersion": "5", "labels": {"region": "eu", "l": "1"},
                "annotations": {"kcp.io/cluster": "root", "core.kcp.io/shard": "eu", "a": "1"}},
            "spec": {"URL": "https://x", "cluster": "abc"},
        });
        let user = User { name: "u".into(), uid: String::new(), ..User::default() };
        ready(&mut object, &ClusterId::new("abc").unwrap(), &user);
        object["status"]["conditions"] = json!([{"type": "NameConflict"}, {"type": "Other"}]);
        let content: Value = serde_json::from_slice(&of_row(&object)).unwrap();
        let expected = json!({
            "apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace",
            "metadata": {
                "labels": {"l": "1", "tenancy.kcp.io/phase": "Ready"},
                "annotations": {"a": "1", "experimental.tenancy.kcp.io/owner": "{\"username\":\"u\"}",
                    "internal.tenancy.kcp.io/cluster": "abc"},
                "finalizers": ["core.kcp.io/logicalcluster"],
            },
            "spec": {"type": {"name": "universal", "path": "root"}},
            "status": {"phase": "Ready", "conditions": [{"type": "Other"}]},
        });
        assert_eq!(content, expected);
    }
}
