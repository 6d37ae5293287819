//! Schemas of types.

use serde_json::{Map, Value, json};

use super::custom::{self, Edition, SELECTABLE_FIELDS, selectable_fields};
use super::part::face;
use crate::field::{Alternative, Field, FieldKind, JsonType, List, ListType, PatchStrategy, TypeDescriptor};
use crate::kind::{Kind, Shape, Verb};
use crate::kinds::KINDS;
use crate::types::meta;

/// Name of the schema that stands for any patch.
pub(super) const PATCH: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";
const TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Time";
const MICRO_TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime";
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const FIELDS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1";

/// Name of the schema of a list of a kind.
pub(super) fn list_name(kind: &Kind) -> String {
    match &kind.shape {
        Shape::Typed(descriptor) => format!("{}List", descriptor.schema_name()),
        Shape::Structural(_) => model_name(kind, &kind.list_kind),
    }
}

/// Name of the schema of a kind. For custom resources: the parts of the group's name backwards, the version and the kind.
pub(super) fn schema_name(kind: &Kind) -> String {
    match &kind.shape {
        Shape::Typed(descriptor) => descriptor.schema_name(),
        Shape::Structural(_) => model_name(kind, &kind.kind),
    }
}

fn model_name(kind: &Kind, name: &str) -> String {
    kind.group.rsplit('.').chain([&*kind.version, name]).collect::<Vec<_>>().join(".")
}

/// A reference to a schema.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Adds a kind, its list, and every type that they use.
pub(super) fn add_kind(kind: &Kind, schemas: &mut Map<String, Value>) {
    let name = schema_name(kind);
    match &kind.shape {
        Shape::Typed(descriptor) => {
            add_type(descriptor, schemas);
            set(schemas.get_mut(&name), GROUP_VERSION_KIND, json!([group_version_kind(kind, &kind.kind)]));
        }
        Shape::Structural(custom) => {
            add_type(&meta::OBJECT_META, schemas);
            schemas.insert(name, custom::schema(kind, custom, Edition::V3));
        }
    }
    for other in kind.subresources.iter().filter_map(|part| face(*part)?.other) {
        add_type(other.descriptor, schemas);
        let own = json!([{"group": other.group, "kind": other.descriptor.name, "version": other.version}]);
        set(schemas.get_mut(&other.descriptor.schema_name()), GROUP_VERSION_KIND, own);
    }
    if kind.verbs.contains(&Verb::List) {
        add_type(&meta::LIST_META, schemas);
        schemas.insert(list_name(kind), list(kind));
    }
}

fn list(kind: &Kind) -> Value {
    let mut schema = json!({
        "type": "object",
        "description": format!("a list of objects of kind {}", kind.kind),
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string", "description": "group and version of this object"},
            "kind": {"type": "string", "description": "kind of this object"},
            "metadata": {"allOf": [reference(&meta::LIST_META.schema_name())], "description": "metadata of the list"},
            "items": {"type": "array", "items": {"allOf": [reference(&schema_name(kind))]}, "description": "the objects"},
        },
        GROUP_VERSION_KIND: [group_version_kind(kind, &kind.list_kind)],
    });
    if let (Shape::Structural(_), Some(fields)) = (&kind.shape, selectable_fields(kind)) {
        set(Some(&mut schema), SELECTABLE_FIELDS, fields);
    }
    schema
}

/// Adds a type and every type that it uses.
pub(super) fn add_type(descriptor: &'static TypeDescriptor, schemas: &mut Map<String, Value>) {
    let name = descriptor.schema_name();
    if schemas.contains_key(&name) {
        return;
    }
    // Set first, so that a type that uses itself ends.
    schemas.insert(name.clone(), Value::Null);
    let mut properties = Map::new();
    for field in descriptor.fields {
        properties.insert(field.name.to_owned(), property(field));
        add_used(&field.kind, schemas);
    }
    let mut schema = json!({"type": "object", "description": descriptor.doc, "properties": properties});
    let required: Vec<&str> = descriptor.fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    if !required.is_empty() {
        set(Some(&mut schema), "required", json!(required));
    }
    if descriptor.atomic {
        set(Some(&mut schema), "x-kubernetes-map-type", json!("atomic"));
    }
    if let Some(kinds) = common_kinds(descriptor) {
        set(Some(&mut schema), GROUP_VERSION_KIND, kinds);
    }
    schemas.insert(name, schema);
}

/// Adds the schema that stands for any patch.
pub(super) fn add_patch(schemas: &mut Map<String, Value>) {
    schemas.insert(PATCH.to_owned(), json!({"type": "object", "description": "a change of an object"}));
}

pub(super) fn group_version_kind(kind: &Kind, name: &str) -> Value {
    json!({"group": kind.group, "kind": name, "version": kind.version})
}

/// Kinds that every group has.
fn common_kinds(descriptor: &TypeDescriptor) -> Option<Value> {
    let entry = |group: &str, version: &str| json!({"group": group, "kind": descriptor.name, "version": version});
    match descriptor.name {
        "Status" => Some(json!([entry("", "v1")])),
        "DeleteOptions" => {
            let mut entries = vec![entry("", "v1")];
            for kind in KINDS.iter() {
                let entry = entry(&kind.group, &kind.version);
                if !entries.contains(&entry) {
                    entries.push(entry);
                }
            }
            Some(Value::Array(entries))
        }
        _ => None,
    }
}

fn add_used(kind: &'static FieldKind, schemas: &mut Map<String, Value>) {
    let (name, schema) = match kind {
        FieldKind::Object(descriptor) => return add_type(descriptor, schemas),
        FieldKind::Map(of) => return add_used(of, schemas),
        FieldKind::List(list) => return add_used(list.of, schemas),
        FieldKind::Time => (TIME, "a time with seconds, RFC 3339"),
        FieldKind::MicroTime => (MICRO_TIME, "a time with microseconds, RFC 3339"),
        FieldKind::Any => (FIELDS, "a set of fields, as a trie in JSON"),
        FieldKind::Quantity => (QUANTITY, "an amount with a unit: 500m, 2, 1Gi"),
        FieldKind::Json(JsonType::Extension) => (JsonType::Extension.schema_name(), "an object of any kind"),
        FieldKind::Json(JsonType::Schema) => (JsonType::Schema.schema_name(), "any JSON value"),
        FieldKind::ObjectOr(descriptor, alternative) => {
            let name = alternative_name(descriptor, *alternative);
            schemas.insert(name, json!({"description": alternative_doc(*alternative)}));
            return add_type(descriptor, schemas);
        }
        _ => return,
    };
    let schema = match kind {
        FieldKind::Any | FieldKind::Json(JsonType::Extension) => json!({"type": "object", "description": schema}),
        FieldKind::Json(JsonType::Schema) => json!({"description": schema}),
        FieldKind::Quantity => json!({"oneOf": [{"type": "string"}, {"type": "number"}], "description": schema}),
        _ => json!({"type": "string", "format": "date-time", "description": schema}),
    };
    schemas.insert(name.to_owned(), schema);
}

fn property(field: &Field) -> Value {
    let mut property = value(&field.kind);
    set(Some(&mut property), "description", json!(field.doc));
    if let FieldKind::List(list) = &field.kind {
        extend_list(list, &mut property);
    }
    property
}

fn value(kind: &FieldKind) -> Value {
    match kind {
        FieldKind::String => json!({"type": "string"}),
        FieldKind::Int32 => json!({"type": "integer", "format": "int32"}),
        FieldKind::Int64 => json!({"type": "integer", "format": "int64"}),
        FieldKind::Bool => json!({"type": "boolean"}),
        FieldKind::Bytes => json!({"type": "string", "format": "byte"}),
        FieldKind::Time => json!({"allOf": [reference(TIME)]}),
        FieldKind::MicroTime => json!({"allOf": [reference(MICRO_TIME)]}),
        FieldKind::Any => json!({"allOf": [reference(FIELDS)]}),
        FieldKind::Double => json!({"type": "number", "format": "double"}),
        FieldKind::Quantity => json!({"allOf": [reference(QUANTITY)]}),
        FieldKind::Json(json_type) => json!({"allOf": [reference(json_type.schema_name())]}),
        FieldKind::ObjectOr(descriptor, alternative) => {
            json!({"allOf": [reference(&alternative_name(descriptor, *alternative))]})
        }
        FieldKind::Map(of) => json!({"type": "object", "additionalProperties": value(of)}),
        FieldKind::List(list) => json!({"type": "array", "items": value(list.of)}),
        FieldKind::Object(descriptor) => json!({"allOf": [reference(&descriptor.schema_name())]}),
    }
}

fn alternative_name(descriptor: &TypeDescriptor, alternative: Alternative) -> String {
    format!("{}{}", descriptor.schema_name(), alternative.suffix())
}

const fn alternative_doc(alternative: Alternative) -> &'static str {
    match alternative {
        Alternative::Bool => "an object of this type, or true or false",
        Alternative::List => "an object of this type, or a list of such objects",
        Alternative::TextList => "an object of this type, or a list of texts",
    }
}

fn extend_list(list: &List, property: &mut Value) {
    match list.list_type {
        None => {}
        Some(ListType::Atomic) => set(Some(property), "x-kubernetes-list-type", json!("atomic")),
        Some(ListType::Set) => set(Some(property), "x-kubernetes-list-type", json!("set")),
        Some(ListType::Map(keys)) => {
            set(Some(property), "x-kubernetes-list-map-keys", json!(keys));
            set(Some(property), "x-kubernetes-list-type", json!("map"));
        }
    }
    match list.patch {
        PatchStrategy::Replace => {}
        PatchStrategy::MergeScalars => set(Some(property), "x-kubernetes-patch-strategy", json!("merge")),
        PatchStrategy::MergeBy(key) => {
            set(Some(property), "x-kubernetes-patch-merge-key", json!(key));
            set(Some(property), "x-kubernetes-patch-strategy", json!("merge"));
        }
    }
}

fn set(schema: Option<&mut Value>, key: &str, value: Value) {
    if let Some(schema) = schema.and_then(Value::as_object_mut) {
        schema.insert(key.to_owned(), value);
    }
}

pub(super) const GROUP_VERSION_KIND: &str = "x-kubernetes-group-version-kind";
