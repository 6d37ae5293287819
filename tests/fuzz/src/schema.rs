//! Objects of built-in kinds: bodies, patches, selectors, managed fields, and the small grammars in them.

use std::sync::Arc;

use hanse_cel::quantity::{Quantity, canonical};
use hanse_schema::apply::{
    Force, OneVersion, Set, Shape, Writer, decode_entries, encode_entries, fields, keep_times, path::PathElement,
};
use hanse_schema::decode::{FieldValidation, decode, decode_type, redecode};
use hanse_schema::default::{defaults, for_create, for_update};
use hanse_schema::kind::{Kind, Part, by_kind};
use hanse_schema::kinds::KINDS;
use hanse_schema::patch::{PatchType, apply, parse_body};
use hanse_schema::selector::{field, label};
use hanse_schema::time::{Moment, Precision};
use hanse_schema::types::meta::DELETE_OPTIONS;
use hanse_schema::{protobuf, table, validate};
use serde_json::{Value, json};

use crate::input;
use crate::target::Target;

pub(crate) const TARGETS: &[Target] = &[
    Target { name: "json-object", run: json_object, seeds: json_objects },
    Target { name: "protobuf-object", run: protobuf_object, seeds: protobuf_objects },
    Target { name: "json-patch", run: |bytes| patch(PatchType::Json, bytes), seeds: json_patches },
    Target { name: "merge-patch", run: |bytes| patch(PatchType::Merge, bytes), seeds: merge_patches },
    Target { name: "strategic-patch", run: |bytes| patch(PatchType::Strategic, bytes), seeds: strategic_patches },
    Target { name: "managed-fields", run: managed_fields, seeds: managed },
    Target { name: "server-side-apply", run: server_side_apply, seeds: applied },
    Target { name: "label-selector", run: label_selector, seeds: label_selectors },
    Target { name: "field-selector", run: field_selector, seeds: field_selectors },
    Target { name: "scalar", run: scalar, seeds: scalars },
];

const NOW: &str = "2026-01-02T03:04:05Z";

/// The kind that the first byte chooses, and the rest.
fn chosen(bytes: &[u8]) -> Option<(&'static Arc<Kind>, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    Some((KINDS.get(usize::from(*first) % KINDS.len())?, rest))
}

/// An object of the kind behind the byte that chooses it.
fn choosing(group: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let position = KINDS.iter().position(|other| other.group == group && other.kind == kind);
    let position = u8::try_from(position.expect("it is built in")).expect("there are not so many");
    [&[position], body].concat()
}

fn objects() -> Vec<(&'static str, &'static str, Value)> {
    let meta = json!({"name": "a", "namespace": "n", "labels": {"k": "v"}, "finalizers": ["x/y"],
        "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u", "controller": true}]});
    vec![
        (
            "",
            "ConfigMap",
            json!({"metadata": meta, "data": {"a": "b"}, "binaryData": {"c": "AAE="}, "immutable": true}),
        ),
        ("", "Secret", json!({"metadata": meta, "type": "Opaque", "data": {"a": "YQ=="}, "stringData": {"b": "c"}})),
        ("", "Namespace", json!({"metadata": {"name": "n"}, "spec": {"finalizers": ["kubernetes"]}})),
        (
            "",
            "Event",
            json!({"metadata": meta, "involvedObject": {"kind": "Pod", "name": "p"}, "count": 3,
            "eventTime": "2026-01-02T03:04:05.000006Z", "series": {"count": 2}}),
        ),
        (
            "",
            "ResourceQuota",
            json!({"metadata": meta, "spec": {"hard": {"count/configmaps": "10", "requests.cpu": "1.5"}}}),
        ),
        ("", "LimitRange", json!({"metadata": meta, "spec": {"limits": [{"type": "Container", "max": {"cpu": "2"}}]}})),
        (
            "coordination.k8s.io",
            "Lease",
            json!({"metadata": meta, "spec": {"holderIdentity": "h", "leaseDurationSeconds": 15}}),
        ),
        (
            "rbac.authorization.k8s.io",
            "ClusterRole",
            json!({"metadata": {"name": "r"},
            "rules": [{"verbs": ["*"], "apiGroups": [""], "resources": ["pods"]}],
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}}),
        ),
        (
            "admissionregistration.k8s.io",
            "ValidatingAdmissionPolicy",
            json!({"metadata": {"name": "p"}, "spec": {
            "matchConstraints": {"resourceRules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}]},
            "validations": [{"expression": "object.metadata.name == 'a'", "message": "no"}],
            "variables": [{"name": "v", "expression": "1 + 1"}]}}),
        ),
        (
            "admissionregistration.k8s.io",
            "ValidatingWebhookConfiguration",
            json!({"metadata": {"name": "w"}, "webhooks": [{
            "name": "a.b.c", "clientConfig": {"url": "https://a.b/c"}, "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "rules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]}]}]}),
        ),
    ]
}

fn body(group: &str, kind: &str, object: &Value) -> Vec<u8> {
    let built_in = KINDS.iter().find(|other| other.group == group && other.kind == kind).expect("it is built in");
    let mut object = object.clone();
    object["apiVersion"] = built_in.api_version().into();
    object["kind"] = kind.into();
    object.to_string().into_bytes()
}

/// A body in JSON, for the kind that the first byte chooses: what is read is read once more as the same, and is defaulted,
/// validated, shown and changed.
fn json_object(bytes: &[u8]) -> bool {
    let Some((kind, body)) = chosen(bytes) else { return false };
    drop(decode_type(&DELETE_OPTIONS, body));
    let Ok(decoded) = decode(kind, body, FieldValidation::Warn) else { return false };
    let object = decoded.value;
    let again = redecode(kind, &object, FieldValidation::Strict).expect("what was read is read again");
    assert_eq!(again.value, object);
    let strict = decode(kind, body, FieldValidation::Strict);
    assert_eq!(strict.is_ok(), decoded.warnings.is_empty(), "strict readers refuse what others warn of");
    live(kind, object);
    true
}

/// What happens to an object that was read.
fn live(kind: &Kind, mut object: Value) {
    defaults(kind, &mut object);
    let sent = object.clone();
    for_create(kind, &mut object);
    let _causes = validate::create(kind, &object);
    let _cells = table::cells(kind, &object, 0);
    let mut changed = sent;
    for_update(kind, Part::Object, &mut changed, &object);
    let _causes = validate::update(kind, Part::Object, &changed, &object);
    let _warnings = validate::warnings(kind, &changed, Some(&object));
}

fn json_objects() -> Vec<Vec<u8>> {
    objects().iter().map(|(group, kind, object)| choosing(group, kind, &body(group, kind, object))).collect()
}

/// A body in protobuf, for the kind that the first byte chooses: what is read is read as JSON, too, and written and read as
/// the same.
fn protobuf_object(bytes: &[u8]) -> bool {
    let Some((kind, body)) = chosen(bytes) else { return false };
    drop(protobuf::decode_type(&DELETE_OPTIONS, body));
    let Ok(object) = protobuf::decode(kind, body) else { return false };
    if let Ok(decoded) = redecode(kind, &object, FieldValidation::Strict)
        && let Ok(written) = protobuf::encode(kind, decoded.value.to_string().as_bytes())
    {
        assert_eq!(protobuf::decode(kind, &written).expect("what was written is read"), decoded.value);
    }
    live(kind, object);
    true
}

fn protobuf_objects() -> Vec<Vec<u8>> {
    let written = objects().into_iter().filter_map(|(group, name, object)| {
        let kind = KINDS.iter().find(|kind| kind.group == group && kind.kind == name)?;
        let decoded = decode(kind, &body(group, name, &object), FieldValidation::Strict).expect("seeds are right");
        let written = protobuf::encode(kind, decoded.value.to_string().as_bytes()).ok()?;
        Some(choosing(group, name, &written))
    });
    written.collect()
}

/// An object and a patch, with a zero byte between them. What comes out is an object of the kind, or refused.
fn patch(patch_type: PatchType, bytes: &[u8]) -> bool {
    let Some((kind, bytes)) = chosen(bytes) else { return false };
    let [object, patch] = input::parts(bytes);
    let Ok(parsed) = parse_body(patch_type, patch, FieldValidation::Warn) else { return false };
    let Ok(decoded) = decode(kind, object, FieldValidation::Ignore) else { return false };
    let Ok(patched) = apply(kind, &decoded.value, &parsed) else { return false };
    if patch_type == PatchType::Merge {
        assert_eq!(apply(kind, &patched, &parsed).ok().as_ref(), Some(&patched), "a merge patch may be repeated");
    }
    let _read = redecode(kind, &patched, FieldValidation::Warn);
    true
}

fn patches(patches: &[Value]) -> Vec<Vec<u8>> {
    let (group, kind, object) = &objects()[0];
    let object = String::from_utf8(body(group, kind, object)).expect("JSON is a text");
    patches.iter().map(|patch| choosing(group, kind, &input::joined([&object, &patch.to_string()]))).collect()
}

fn json_patches() -> Vec<Vec<u8>> {
    let patch = json!([
        {"op": "test", "path": "/data/a", "value": "b"}, {"op": "replace", "path": "/data/a", "value": "c"},
        {"op": "add", "path": "/metadata/finalizers/-", "value": "z/z"}, {"op": "copy", "from": "/data/a", "path": "/data/d"},
        {"op": "move", "from": "/data/d", "path": "/data/e"}, {"op": "remove", "path": "/metadata/finalizers/0"},
        {"op": "add", "path": "/metadata/annotations", "value": {"x~1y": "z"}},
    ]);
    patches(&[patch])
}

fn merge_patches() -> Vec<Vec<u8>> {
    patches(&[json!({"data": {"a": null, "x": "y"}, "metadata": {"labels": {"k": "w"}, "finalizers": null}})])
}

fn strategic_patches() -> Vec<Vec<u8>> {
    patches(&[
        json!({"metadata": {"ownerReferences": [{"uid": "u", "name": "p"}, {"uid": "w", "$patch": "delete"}],
            "$setElementOrder/ownerReferences": [{"uid": "w"}, {"uid": "u"}], "$deleteFromPrimitiveList/finalizers": ["x/y"]}}),
        json!({"data": {"$patch": "replace", "a": "z"}, "metadata": {"labels": {"$retainKeys": ["k"], "k": "1"}}}),
    ])
}

/// Entries of `managedFields`, or one set of fields: what is read is written and read as the same, and sets keep their laws.
fn managed_fields(bytes: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return false };
    let mut understood = false;
    if let Ok(managers) = decode_entries(Some(&value)) {
        understood = !managers.is_empty();
        let sets: Vec<&Set> = managers.iter().map(|manager| &manager.set).collect();
        if let [one, other, ..] = sets[..] {
            let laws = [one.union(other), one.intersection(other), one.difference(other), one.leaves()];
            assert!(laws.iter().all(Set::check));
            assert_eq!(one.difference(other).union(&one.intersection(other)), *one);
        }
        let written = encode_entries(managers);
        let again = decode_entries(Some(&written)).expect("what was written is read");
        assert_eq!(encode_entries(again), written);
    }
    if let Ok(set) = fields::decode(&value) {
        assert!(set.check());
        let written = fields::encode(&set);
        assert_eq!(fields::decode(&written), Ok(set));
        understood = true;
    }
    understood
}

fn managed() -> Vec<Vec<u8>> {
    let set = json!({"f:data": {".": {}, "f:a": {}}, "f:metadata": {"f:finalizers": {".": {}, "v:\"x/y\"": {}},
        "f:ownerReferences": {"k:{\"uid\":\"u\"}": {}}}});
    let entry = |manager: &str, operation: &str| {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "time": NOW, "fieldsType": "FieldsV1",
            "fieldsV1": set})
    };
    vec![
        json!([entry("a", "Apply"), entry("b", "Update")]).to_string().into_bytes(),
        set.to_string().into_bytes(),
        br#"{"i:3":{},"v:1.5":{},"k:{\"a\":1,\"b\":true}":{}}"#.to_vec(),
    ]
}

/// What is stored and what is applied, with a zero byte between them. A second apply of the same changes nothing.
fn server_side_apply(bytes: &[u8]) -> bool {
    let Some((kind, bytes)) = chosen(bytes) else { return false };
    let Some(descriptor) = kind.descriptor() else { return false };
    let [live, wanted] = input::parts(bytes);
    let live = decode(kind, live, FieldValidation::Ignore).ok().map(|decoded| decoded.value);
    let Ok(wanted) = serde_json::from_slice::<Value>(wanted) else { return false };
    let (api_version, shape) = (kind.api_version(), Shape::Type(descriptor));
    let writer = Writer {
        shape,
        api_version: &api_version,
        kind: &kind.kind,
        manager: "fuzz",
        subresource: "",
        now: NOW,
        ignored: &Set::new(),
        versions: &OneVersion { api_version: &api_version, shape },
    };
    let mut updated = wanted.clone();
    drop(writer.update(live.as_ref(), &mut updated));
    let forced = writer.apply(live.as_ref(), &wanted, Force::Yes);
    if let Ok(made) = writer.apply(live.as_ref(), &wanted, Force::No) {
        assert!(forced.is_ok(), "force takes away nothing but conflicts");
        let mut again = made.clone();
        keep_times(&made, &mut again);
        assert_eq!(again, made);
        let _more = writer.apply(Some(&made), &wanted, Force::No);
    }
    forced.is_ok()
}

fn applied() -> Vec<Vec<u8>> {
    let (group, kind, mut object) = objects().remove(0);
    let wanted =
        json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a", "finalizers": ["z/z"]}, "data": {"a": "c"}});
    object["metadata"]["managedFields"] = json!([{"manager": "other", "operation": "Apply", "apiVersion": "v1",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:a": {}}}}]);
    let live = String::from_utf8(body(group, kind, &object)).expect("JSON is a text");
    vec![choosing(group, kind, &input::joined([&live, &wanted.to_string()]))]
}

/// A label selector.
fn label_selector(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let labels = json!({"a": "b", "tier": "x", "n": "5"});
    if let Ok(value) = serde_json::from_str::<Value>(&text) {
        let _selector = label::Selector::from_object(&value, "selector");
    }
    let Ok(selector) = label::Selector::parse(&text) else { return false };
    assert_eq!(selector.is_empty(), selector.requirements().is_empty());
    assert!(!selector.is_empty() || selector.matches(labels.as_object()), "no condition selects everything");
    for requirement in selector.requirements() {
        assert!(requirement.values.is_sorted_by(|one, next| one < next), "values are sorted, each once");
    }
    true
}

fn label_selectors() -> Vec<Vec<u8>> {
    let texts = ["a=b,tier!=x", "a in (b, c),!d,e", "x.io/a notin (1,2)", "n>4,n<6", "a==b"];
    let object = r#"{"matchLabels":{"a":"b"},"matchExpressions":[{"key":"k","operator":"In","values":["v"]}]}"#;
    texts.iter().chain([&object]).map(|text| text.as_bytes().to_vec()).collect()
}

/// A field selector, for the kind that the first byte chooses.
fn field_selector(bytes: &[u8]) -> bool {
    let Some((kind, text)) = chosen(bytes) else { return false };
    let Ok(selector) = field::Selector::parse(kind, &String::from_utf8_lossy(text)) else { return false };
    let object = json!({"metadata": {"name": "a", "namespace": "n"}});
    if selector.matches(&object) {
        assert!(selector.name().is_none_or(|name| name == "a"));
        assert!(selector.namespace().is_none_or(|namespace| namespace == "n"));
    }
    true
}

fn field_selectors() -> Vec<Vec<u8>> {
    let texts = [r"metadata.name=a\,b,metadata.namespace!=n", "metadata.name==a", "metadata.namespace=n"];
    let mut seeds: Vec<_> = texts.iter().map(|text| choosing("", "ConfigMap", text.as_bytes())).collect();
    seeds.push(choosing("", "Event", b"involvedObject.name=p,reason!=x"));
    seeds
}

/// Small grammars: amounts, moments, elements of paths.
fn scalar(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let mut understood = false;
    if let Ok(amount) = Quantity::parse(&text) {
        let written = amount.to_string();
        let again = Quantity::parse(&written).expect("what was written is read");
        assert_eq!(again.to_string(), written);
        let _sums = (amount.plus(again), amount.minus(again), amount.as_integer(), amount.approximate());
        let _rounded = amount.rounded_to_millis();
        understood = true;
    }
    if let Ok(written) = canonical(&text) {
        assert_eq!(canonical(&written).as_ref(), Ok(&written));
    }
    for precision in [Precision::Seconds, Precision::Micros] {
        if let Ok(moment) = Moment::parse(&text, precision) {
            let written = moment.format(precision);
            assert_eq!(Moment::parse(&written, precision).map(|again| again.format(precision)), Ok(written));
            understood = true;
        }
    }
    if let Ok(element) = PathElement::parse(&text) {
        let mut written = String::new();
        element.write(&mut written);
        assert_eq!(PathElement::parse(&written).ok(), Some(element));
        understood = true;
    }
    understood
}

fn scalars() -> Vec<Vec<u8>> {
    let texts = [
        "1.5Gi",
        "100m",
        "12e6",
        "-0.5",
        NOW,
        "2026-01-02T03:04:05.000006+02:00",
        r#"k:{"a":1,"b":"x"}"#,
        "v:1.5",
        "f:a",
        "i:7",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// The built-in kind of definitions.
pub(crate) fn definition_kind() -> &'static Arc<Kind> {
    by_kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition").expect("it is built in")
}
