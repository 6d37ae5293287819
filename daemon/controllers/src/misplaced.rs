//! Tells the user that an object names an owner in a namespace where there is none, as upstream's garbage collector does.

use hanse_schema::metadata;
use hanse_store::key::Key;
use hanse_store::state::State;
use hanse_store::txn::Operation;
use serde_json::{Value, json};

use crate::batch::Batch;
use crate::namespace::NAMESPACES;
use crate::object::{CLUSTER_ANNOTATION, draft, written_time};
use crate::reference::Reference;

/// Puts an event beside the decision, once for each object and owner.
pub(crate) fn report(
    (state, batch, wall_ms): (&State, &mut Batch, u64),
    (key, object): (&Key, &Value),
    owner: &Reference<'_>,
) {
    let cluster = key.cluster();
    let namespace = if key.namespace().is_empty() { "default" } else { key.namespace() };
    let uid = metadata::uid(object);
    // The same words give the same name: what was told is not told again.
    let mark = hash(&[uid, owner.uid, owner.name]);
    let short: String = key.name().chars().take(NAME_BYTES_MAX).collect();
    let name = format!("{short}.{mark:x}");
    let place = Key::new(NAMESPACES, &cluster, "", namespace).ok();
    let lives = place.and_then(|place| state.get(&place)).is_some_and(|namespace| !namespace.deleting());
    let Ok(event) = Key::new("events", &cluster, namespace, &name) else { return };
    if !lives || state.get(&event).is_some() || state.cluster(&cluster).is_some_and(|it| it.deleting) {
        return;
    }
    let time = written_time(wall_ms);
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    let message = format!(
        "ownerRef [{}/{}, namespace: {}, name: {}, uid: {}] does not exist in namespace {:?}",
        owner.api_version,
        owner.kind,
        key.namespace(),
        owner.name,
        owner.uid,
        key.namespace()
    );
    let mut involved = json!({
        "kind": text("kind"),
        "namespace": key.namespace(),
        "name": key.name(),
        "uid": uid,
        "apiVersion": text("apiVersion"),
    });
    if let Some(fields) = involved.as_object_mut().filter(|_| key.namespace().is_empty()) {
        fields.shift_remove("namespace");
    }
    let value = json!({
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": uid_of(mark, hash(&[&name, &time])),
            "creationTimestamp": time,
            "annotations": {CLUSTER_ANNOTATION: cluster.as_str()},
        },
        "involvedObject": involved,
        "reason": "OwnerRefInvalidNamespace",
        "message": message,
        "source": {"component": COMPONENT},
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
        "type": "Warning",
        "eventTime": null,
        "reportingComponent": COMPONENT,
        "reportingInstance": "",
    });
    let draft = draft(&value);
    let bytes = draft.bytes.len();
    batch.push(Operation::Put(event, draft), bytes);
}

/// Sixty-four bits of any text (FNV-1a): for names that are the same each time.
pub(crate) fn hash(texts: &[&str]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A uid made of two numbers, in the form of a random one (RFC 9562, version 8: by a rule of one's own).
pub(crate) fn uid_of(high: u64, low: u64) -> String {
    let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0x0fff);
    let (d, e) = (((low >> 48) & 0x3fff) | 0x8000, low & 0xffff_ffff_ffff);
    format!("{a:08x}-{b:04x}-8{c:03x}-{d:04x}-{e:012x}")
}

/// Who tells it.
const COMPONENT: &str = "garbage-collector-controller";
/// Of an object's name, as much stands in the name of its event; a name has 253 bytes at most.
const NAME_BYTES_MAX: usize = 236;
