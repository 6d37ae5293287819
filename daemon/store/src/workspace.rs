//! The Workspace object as a region shows it: the row's content, as its home wrote it, and what only the reader's side
//! knows: the name it has here, where it stands, who owns it, how to reach it.
//!
//! A row comes from another region, which may be broken or hostile. One object that typed clients cannot decode would
//! spoil their whole list, so what does not have the shape of a Workspace is left out.

use bytes::Bytes;
use hanse_base::id::ClusterId;
use serde_json::{Map, Value, json};

use crate::object::{Draft, Labels};

/// Group-resource of Workspace objects.
pub const WORKSPACES: &str = "workspaces.tenancy.kcp.io";

/// What the reader's side knows of a workspace.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    /// The logical cluster behind it.
    pub(crate) id: &'a ClusterId,
    /// The logical cluster that it is listed in.
    pub(crate) parent: &'a ClusterId,
    /// The name that it has there.
    pub(crate) name: &'a str,
    /// Name of the group that is its home.
    pub(crate) owner: &'a str,
    /// Name of the owner's region.
    pub(crate) region: &'a str,
    /// Where clients of this region reach it.
    pub(crate) url: String,
    /// The name that it was given and that another workspace has, with that one's id.
    pub(crate) conflict: Option<(&'a str, Option<&'a ClusterId>)>,
}

/// The Workspace object.
pub(crate) fn render(facts: &Facts<'_>, content: &[u8]) -> Draft {
    let mut object = parse(content);
    let mut metadata = taken(&mut object, "metadata");
    let mut spec = taken(&mut object, "spec");
    let mut status = taken(&mut object, "status");
    metadata.remove("resourceVersion");
    metadata.remove("namespace");
    metadata.insert("name".into(), facts.name.into());
    // Clients tell objects apart by their uid.
    metadata.entry("uid").or_insert_with(|| facts.id.as_str().into());
    let mut annotations = taken(&mut metadata, "annotations");
    annotations.insert("kcp.io/cluster".into(), facts.parent.as_str().into());
    annotations.insert("core.kcp.io/shard".into(), facts.owner.into());
    metadata.insert("annotations".into(), annotations.into());
    let mut label_map = taken(&mut metadata, "labels");
    label_map.insert("region".into(), facts.region.into());
    if let Some(phase) = status.get("phase") {
        label_map.insert("tenancy.kcp.io/phase".into(), phase.clone());
    }
    let labels = sorted(&label_map);
    metadata.insert("labels".into(), label_map.into());
    spec.insert("cluster".into(), facts.id.as_str().into());
    spec.insert("URL".into(), facts.url.as_str().into());
    set_conflict(&mut status, facts, metadata.get("creationTimestamp"));
    let deleting = metadata.contains_key("deletionTimestamp");
    let (bytes, revision_at) = written(&metadata, &spec, &status);
    // A workspace ends where its row is, never by an owner that this region's objects know of.
    Draft { bytes, revision_at, labels, deleting, ..Draft::default() }
}

/// Whether a row's content says that the workspace is being deleted.
pub(crate) fn is_deleting(content: &[u8]) -> bool {
    taken(&mut parse(content), "metadata").contains_key("deletionTimestamp")
}

/// The content of a row that only others knew of after its group was restored from a backup.
pub(crate) fn lost(content: &[u8], restored_ms: u64) -> Bytes {
    let mut object = parse(content);
    let mut status = taken(&mut object, "status");
    let conditions = match status.get_mut("conditions").map(Value::take) {
        Some(Value::Array(conditions)) => conditions,
        _ => Vec::new(),
    };
    let mut conditions: Vec<Value> =
        conditions.into_iter().filter(|condition| condition["type"] != CONTENT_LOST).collect();
    let when = time::OffsetDateTime::from_unix_timestamp(i64::try_from(restored_ms / 1000).unwrap_or_default());
    let when = when.ok().and_then(|when| when.format(&time::format_description::well_known::Rfc3339).ok());
    conditions.push(json!({
        "type": CONTENT_LOST,
        "status": "True",
        "severity": "Error",
        "reason": "RestoredFromBackup",
        "message": "the region was restored from a backup that is older than this workspace: its objects are lost; delete it, and make or restore it under this name again",
        "lastTransitionTime": when.unwrap_or_else(|| "1970-01-01T00:00:00Z".into()),
    }));
    status.insert("phase".into(), "Unavailable".into());
    status.insert("conditions".into(), Value::Array(conditions));
    object.insert("status".into(), status.into());
    Bytes::from(Value::Object(object).to_string())
}

/// The content as far as it has a Workspace's shape: at worst nothing.
fn parse(content: &[u8]) -> Map<String, Value> {
    let mut value = serde_json::from_slice(content).unwrap_or(Value::Null);
    match (WORKSPACE.fit(&mut value), value) {
        (true, Value::Object(object)) => object,
        _ => Map::new(),
    }
}

fn taken(object: &mut Map<String, Value>, field: &str) -> Map<String, Value> {
    match object.get_mut(field).map(Value::take) {
        Some(Value::Object(inner)) => inner,
        _ => Map::new(),
    }
}

fn sorted(labels: &Map<String, Value>) -> Labels {
    let texts = labels.iter().filter_map(|(key, value)| Some((Box::from(key.as_str()), Box::from(value.as_str()?))));
    let mut labels: Vec<_> = texts.collect();
    labels.sort();
    labels.into_boxed_slice()
}

/// The condition `NameConflict` stands exactly where there is a conflict.
fn set_conflict(status: &mut Map<String, Value>, facts: &Facts<'_>, created: Option<&Value>) {
    if let Some(Value::Array(conditions)) = status.get_mut("conditions") {
        conditions.retain(|condition| condition["type"] != CONFLICT);
    }
    let Some((claimed, winner)) = &facts.conflict else { return };
    let winner = winner.map_or("another workspace", ClusterId::as_str);
    let condition = json!({
        "type": CONFLICT,
        "status": "True",
        "severity": "Warning",
        "reason": "NameTaken",
        "message": format!("the name {claimed:?} was taken at the same time by the workspace with the id {winner}"),
        "lastTransitionTime": created.cloned().unwrap_or_else(|| "1970-01-01T00:00:00Z".into()),
    });
    match status.get_mut("conditions") {
        Some(Value::Array(conditions)) => conditions.push(condition),
        _ => drop(status.insert("conditions".into(), Value::Array(vec![condition]))),
    }
}

/// The object's bytes, with the place for its revision, which is where the metadata begin.
fn written(metadata: &Map<String, Value>, spec: &Map<String, Value>, status: &Map<String, Value>) -> (Bytes, u32) {
    let start = r#"{"apiVersion":"tenancy.kcp.io/v1alpha1","kind":"Workspace","metadata":{"resourceVersion":""#;
    let mut bytes = Vec::with_capacity(1024);
    bytes.extend_from_slice(start.as_bytes());
    bytes.extend_from_slice(b"\",");
    // A map has text for keys, so that writing it to memory cannot fail.
    let json = |map: &Map<String, Value>| serde_json::to_vec(map).expect("a JSON value can be written");
    bytes.extend_from_slice(&json(metadata)[1..]);
    bytes.extend_from_slice(b",\"spec\":");
    bytes.extend_from_slice(&json(spec));
    bytes.extend_from_slice(b",\"status\":");
    bytes.extend_from_slice(&json(status));
    bytes.push(b'}');
    (Bytes::from(bytes), u32::try_from(start.len()).expect("a constant of some bytes"))
}

const CONFLICT: &str = "NameConflict";
const CONTENT_LOST: &str = "ContentLost";

/// What a JSON value must be for typed clients to decode it. Fields that are not named are no concern of theirs.
enum Shape {
    Text,
    Time,
    Integer,
    Bool,
    Texts,
    TextMap,
    Anything,
    Object(&'static [(&'static str, Self)]),
    List(&'static Self),
}

impl Shape {
    /// Takes out what does not fit; whether anything of the value is left to stand.
    fn fit(&self, value: &mut Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Time => value.as_str().is_some_and(is_time),
            Self::Integer => value.is_i64(),
            Self::Bool => value.is_boolean(),
            Self::Texts => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
            Self::TextMap => value.as_object().is_some_and(|map| map.values().all(Value::is_string)),
            Self::Anything => value.is_object(),
            Self::Object(fields) => match value {
                Value::Object(object) => {
                    for (field, shape) in *fields {
                        if object.get_mut(*field).is_some_and(|value| !shape.fit(value)) {
                            object.shift_remove(*field);
                        }
                    }
                    true
                }
                _ => false,
            },
            Self::List(shape) => match value {
                Value::Array(list) => {
                    list.retain_mut(|value| shape.fit(value));
                    true
                }
                _ => false,
            },
        }
    }
}

fn is_time(text: &str) -> bool {
    time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).is_ok()
}

const WORKSPACE: Shape = Shape::Object(&[("metadata", METADATA), ("spec", SPEC), ("status", STATUS)]);

const METADATA: Shape = Shape::Object(&[
    ("uid", Shape::Text),
    ("generateName", Shape::Text),
    ("selfLink", Shape::Text),
    ("generation", Shape::Integer),
    ("creationTimestamp", Shape::Time),
    ("deletionTimestamp", Shape::Time),
    ("deletionGracePeriodSeconds", Shape::Integer),
    ("labels", Shape::TextMap),
    ("annotations", Shape::TextMap),
    ("finalizers", Shape::Texts),
    ("ownerReferences", Shape::List(&OWNER)),
    ("managedFields", Shape::List(&MANAGED)),
]);

const OWNER: Shape = Shape::Object(&[
    ("apiVersion", Shape::Text),
    ("kind", Shape::Text),
    ("name", Shape::Text),
    ("uid", Shape::Text),
    ("controller", Shape::Bool),
    ("blockOwnerDeletion", Shape::Bool),
]);

const MANAGED: Shape = Shape::Object(&[
    ("manager", Shape::Text),
    ("operation", Shape::Text),
    ("apiVersion", Shape::Text),
    ("time", Shape::Time),
    ("fieldsType", Shape::Text),
    ("fieldsV1", Shape::Anything),
    ("subresource", Shape::Text),
]);

const SPEC: Shape = Shape::Object(&[
    ("type", Shape::Object(&[("name", Shape::Text), ("path", Shape::Text)])),
    ("location", Shape::Object(&[("selector", SELECTOR)])),
    ("mount", Shape::Object(&[("ref", OWNER)])),
]);

const SELECTOR: Shape = Shape::Object(&[
    ("matchLabels", Shape::TextMap),
    (
        "matchExpressions",
        Shape::List(&Shape::Object(&[("key", Shape::Text), ("operator", Shape::Text), ("values", Shape::Texts)])),
    ),
]);

const STATUS: Shape = Shape::Object(&[
    ("phase", Shape::Text),
    ("initializers", Shape::Texts),
    ("terminators", Shape::Texts),
    (
        "conditions",
        Shape::List(&Shape::Object(&[
            ("type", Shape::Text),
            ("status", Shape::Text),
            ("severity", Shape::Text),
            ("reason", Shape::Text),
            ("message", Shape::Text),
            ("lastTransitionTime", Shape::Time),
        ])),
    ),
]);

#[cfg(test)]
mod tests {
    use super::{Facts, is_deleting, render};
    use crate::object::Object;
    use hanse_base::id::{ClusterId, Revision};
    use serde_json::{Value, json};

    fn shown(content: &[u8], conflict: Option<&str>) -> Value {
        let (id, parent) = (ClusterId::new("abc").unwrap(), ClusterId::new("root").unwrap());
        let winner = ClusterId::new("winner").unwrap();
        let facts = Facts {
            id: &id,
            parent: &parent,
            name: "org",
            owner: "eu",
            region: "eu",
            url: "https://127.0.0.1:6443/clusters/root:org".into(),
            conflict: conflict.map(|name| (name, Some(&winner))),
        };
        let draft = render(&facts, content);
        let object = Object::new(&draft, Revision(42)).expect("there is a place for the revision");
        let value: Value = serde_json::from_slice(&object.bytes()).expect("it is JSON");
        assert_eq!(value["metadata"]["resourceVersion"], "42");
        assert_eq!(value["metadata"]["name"], "org");
        assert_eq!(value["spec"]["cluster"], "abc");
        assert_eq!(object.deleting(), is_deleting(content));
        assert_eq!(object.deleting(), value["metadata"]["deletionTimestamp"].is_string());
        assert!(
            object.labels().is_sorted()
                && object.labels().len() == value["metadata"]["labels"].as_object().unwrap().len()
        );
        value
    }

    #[test]
    fn a_workspace_shows_what_its_home_wrote_and_what_the_region_adds() {
        let content = json!({
            "apiVersion": "x", "kind": "y",
            "metadata": {"uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"z": "1", "a": "2"},
                "annotations": {"k": "v"}, "generation": 3, "name": "other", "resourceVersion": "9"},
            "spec": {"type": {"name": "universal", "path": "root"}},
            "status": {"phase": "Ready", "conditions": [{"type": "NameConflict", "status": "True"}]},
        });
        let shown = shown(content.to_string().as_bytes(), None);
        let expected = json!({
            "apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace",
            "metadata": {"name": "org", "resourceVersion": "42", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z",
                "labels": {"z": "1", "a": "2", "region": "eu", "tenancy.kcp.io/phase": "Ready"}, "generation": 3,
                "annotations": {"k": "v", "kcp.io/cluster": "root", "core.kcp.io/shard": "eu"}},
            "spec": {"type": {"name": "universal", "path": "root"}, "cluster": "abc",
                "URL": "https://127.0.0.1:6443/clusters/root:org"},
            "status": {"phase": "Ready", "conditions": []},
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_conflict_is_a_condition_that_names_the_winner() {
        let content = json!({"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}});
        let shown = shown(content.to_string().as_bytes(), Some("same"));
        let condition = &shown["status"]["conditions"][0];
        assert_eq!(condition["type"], "NameConflict");
        assert_eq!(condition["lastTransitionTime"], "2026-01-01T00:00:00Z");
        let message = condition["message"].as_str().unwrap();
        assert!(message.contains("\"same\"") && message.contains("winner"), "{message}");
    }

    #[test]
    fn a_hostile_row_is_shown_without_what_would_break_a_client() {
        let deep = "[".repeat(100_000);
        let junk: [&[u8]; 8] = [
            b"",
            b"null",
            b"[]",
            b"\xff\xff",
            b"{\"metadata\":",
            br#"{"metadata":7,"spec":[],"status":"x"}"#,
            br#"{"metadata":{"labels":{"a":1},"annotations":[],"uid":3,"creationTimestamp":"now","deletionTimestamp":1,
                "finalizers":[1],"managedFields":[1,{"time":5}]},"spec":{"type":7},"status":{"phase":{},"conditions":{}}}"#,
            deep.as_bytes(),
        ];
        for content in junk {
            let shown = shown(content, Some("same"));
            assert_eq!(shown["metadata"]["uid"], "abc");
            assert_eq!(shown["metadata"]["labels"], json!({"region": "eu"}));
            assert!(shown["spec"].get("type").is_none());
            assert_eq!(shown["status"]["conditions"].as_array().unwrap().len(), 1);
        }
    }
}
