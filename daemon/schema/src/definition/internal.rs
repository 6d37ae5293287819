//! Values in messages, in upstream's internal form: the structs of its package `apiextensions` as Go's `encoding/json` writes
//! them, every field, by the names that they have in Go.

use serde_json::Value;

use super::validate::view::View;
use crate::structural::check::is_zero;
use crate::structural::props::{Items, Props, SchemaOrBool};
use crate::structural::words::{write_json, write_text};

/// `spec.versions`
pub(crate) fn versions(view: &View<'_>) -> String {
    let Some(Value::Array(_)) = view.spec.map().get("versions") else { return "null".to_owned() };
    let mut out = String::from("[");
    for (position, version) in view.versions.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        let props = version.props;
        out.push_str("{\"Name\":");
        write_text(props.text("name"), &mut out);
        for (go, name) in [("Served", "served"), ("Storage", "storage"), ("Deprecated", "deprecated")] {
            out.push_str(&format!(",\"{go}\":{}", props.flag(name)));
        }
        out.push_str(",\"DeprecationWarning\":");
        optional(props, "deprecationWarning", &mut out);
        out.push_str(",\"Schema\":");
        match version.schema {
            None => out.push_str("null"),
            Some(validation) => {
                out.push_str("{\"OpenAPIV3Schema\":");
                match validation.value("openAPIV3Schema") {
                    None => out.push_str("null"),
                    Some(schema) => write_schema(Props::of(schema), &mut out),
                }
                out.push('}');
            }
        }
        out.push_str(",\"Subresources\":");
        match version.subresources {
            None => out.push_str("null"),
            Some(subresources) => write_subresources(subresources, &mut out),
        }
        out.push_str(",\"AdditionalPrinterColumns\":");
        write_list(version.columns, &COLUMN, &mut out);
        out.push_str(",\"SelectableFields\":");
        write_list(version.selectable, &SELECTABLE, &mut out);
        out.push('}');
    }
    out.push(']');
    out
}

/// A schema.
pub(crate) fn schema(props: Props<'_>) -> String {
    let mut out = String::new();
    write_schema(props, &mut out);
    out
}

/// A rule of a schema.
pub(crate) fn rule(props: Props<'_>) -> String {
    let mut out = String::new();
    write_rule(props, &mut out);
    out
}

fn write_subresources(props: Props<'_>, out: &mut String) {
    out.push_str(if props.value("status").is_some() {
        "{\"Status\":{},\"Scale\":"
    } else {
        "{\"Status\":null,\"Scale\":"
    });
    match props.value("scale") {
        None => out.push_str("null"),
        Some(scale) => {
            let scale = Props::of(scale);
            out.push_str("{\"SpecReplicasPath\":");
            write_text(scale.text("specReplicasPath"), out);
            out.push_str(",\"StatusReplicasPath\":");
            write_text(scale.text("statusReplicasPath"), out);
            out.push_str(",\"LabelSelectorPath\":");
            optional(scale, "labelSelectorPath", out);
            out.push('}');
        }
    }
    out.push('}');
}

/// Fields by their names in Go and in JSON, and what stands for an absent one.
type Fields = [(&'static str, &'static str, &'static str)];

const COLUMN: [(&str, &str, &str); 6] = [
    ("Name", "name", "\"\""),
    ("Type", "type", "\"\""),
    ("Format", "format", "\"\""),
    ("Description", "description", "\"\""),
    ("Priority", "priority", "0"),
    ("JSONPath", "jsonPath", "\"\""),
];
const SELECTABLE: [(&str, &str, &str); 1] = [("JSONPath", "jsonPath", "\"\"")];
const RULE: [(&str, &str, &str); 6] = [
    ("Rule", "rule", "\"\""),
    ("Message", "message", "\"\""),
    ("MessageExpression", "messageExpression", "\"\""),
    ("Reason", "reason", "null"),
    ("FieldPath", "fieldPath", "\"\""),
    ("OptionalOldSelf", "optionalOldSelf", "null"),
];

fn write_list(items: &[Value], fields: &Fields, out: &mut String) {
    if items.is_empty() {
        out.push_str("null");
        return;
    }
    out.push('[');
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write_fields(Props::of(item), fields, out);
    }
    out.push(']');
}

fn write_fields(props: Props<'_>, fields: &Fields, out: &mut String) {
    for (position, (go, name, absent)) in fields.iter().enumerate() {
        out.push(if position == 0 { '{' } else { ',' });
        out.push_str(&format!("\"{go}\":"));
        match props.value(name) {
            None => out.push_str(absent),
            Some(value) => write_json(value, out),
        }
    }
    out.push('}');
}

fn write_rule(props: Props<'_>, out: &mut String) {
    write_fields(props, &RULE, out);
}

fn optional(props: Props<'_>, name: &str, out: &mut String) {
    match props.optional_text(name) {
        None => out.push_str("null"),
        Some(text) => write_text(text, out),
    }
}

fn write_schema(props: Props<'_>, out: &mut String) {
    for (position, (go, name, kind)) in SCHEMA.iter().enumerate() {
        out.push(if position == 0 { '{' } else { ',' });
        out.push_str(&format!("\"{go}\":"));
        write_field(props, name, *kind, out);
    }
    out.push('}');
}

fn write_field(props: Props<'_>, name: &str, kind: FieldKind, out: &mut String) {
    match kind {
        FieldKind::Text => write_text(props.text(name), out),
        FieldKind::Flag => out.push_str(if props.flag(name) { "true" } else { "false" }),
        FieldKind::Pointer => match props.value(name) {
            None => out.push_str("null"),
            Some(value) => write_json(value, out),
        },
        FieldKind::List => match props.value(name).filter(|value| !is_zero(value)) {
            None => out.push_str("null"),
            Some(value) => write_json(value, out),
        },
        FieldKind::Schemas => write_schemas(props.list(name), out),
        FieldKind::Named => write_named(props.named(name), out),
        FieldKind::Schema => match props.not() {
            None => out.push_str("null"),
            Some(not) => write_schema(not, out),
        },
        FieldKind::SchemaOrBool => match props.additional().filter(|_| name == "additionalProperties") {
            None => out.push_str("null"),
            Some(SchemaOrBool::Bool(flag)) => out.push_str(&format!("{{\"Allows\":{flag},\"Schema\":null}}")),
            Some(SchemaOrBool::Schema(schema)) => {
                out.push_str("{\"Allows\":true,\"Schema\":");
                write_schema(schema, out);
                out.push('}');
            }
        },
        FieldKind::Items => match props.items() {
            None => out.push_str("null"),
            Some(Items::One(schema)) => {
                out.push_str("{\"Schema\":");
                write_schema(schema, out);
                out.push_str(",\"JSONSchemas\":null}");
            }
            Some(Items::Many) => {
                out.push_str("{\"Schema\":null,\"JSONSchemas\":");
                write_schemas(props.list("items"), out);
                out.push('}');
            }
        },
        FieldKind::Docs => match props.value(name) {
            None => out.push_str("null"),
            Some(docs) => {
                write_fields(Props::of(docs), &[("Description", "description", "\"\""), ("URL", "url", "\"\"")], out);
            }
        },
        FieldKind::Rules => write_list(props.values(name), &RULE, out),
        FieldKind::Dependencies => write_dependencies(props.value(name), out),
    }
}

/// Schemas, or lists of names, by name.
fn write_dependencies(value: Option<&Value>, out: &mut String) {
    let Some(map) = value.and_then(Value::as_object) else { return out.push_str("null") };
    let mut entries: Vec<(&String, &Value)> = map.iter().collect();
    entries.sort_by_key(|(name, _)| *name);
    for (position, (name, value)) in entries.into_iter().enumerate() {
        out.push(if position == 0 { '{' } else { ',' });
        write_text(name, out);
        if value.is_array() {
            out.push_str(":{\"Schema\":null,\"Property\":");
            write_json(value, out);
        } else {
            out.push_str(":{\"Schema\":");
            write_schema(Props::of(value), out);
            out.push_str(",\"Property\":null");
        }
        out.push('}');
    }
    out.push_str(if map.is_empty() { "{}" } else { "}" });
}

fn write_schemas<'v>(list: impl Iterator<Item = Props<'v>>, out: &mut String) {
    let start = out.len();
    for next in list {
        out.push(if out.len() == start { '[' } else { ',' });
        write_schema(next, out);
    }
    out.push_str(if out.len() == start { "null" } else { "]" });
}

fn write_named(entries: Vec<(&str, Props<'_>)>, out: &mut String) {
    let start = out.len();
    for (name, next) in entries {
        out.push(if out.len() == start { '{' } else { ',' });
        write_text(name, out);
        out.push(':');
        write_schema(next, out);
    }
    out.push_str(if out.len() == start { "null" } else { "}" });
}

/// How a field of a schema is written.
#[derive(Clone, Copy)]
enum FieldKind {
    Text,
    Flag,
    /// Any value, or null.
    Pointer,
    /// A list or map of plain values.
    List,
    Schemas,
    Named,
    Schema,
    SchemaOrBool,
    Items,
    Docs,
    Rules,
    Dependencies,
}

/// The fields of a schema in upstream's order.
const SCHEMA: [(&str, &str, FieldKind); 44] = [
    ("ID", "id", FieldKind::Text),
    ("Schema", "$schema", FieldKind::Text),
    ("Ref", "$ref", FieldKind::Pointer),
    ("Description", "description", FieldKind::Text),
    ("Type", "type", FieldKind::Text),
    ("Nullable", "nullable", FieldKind::Flag),
    ("Format", "format", FieldKind::Text),
    ("Title", "title", FieldKind::Text),
    ("Default", "default", FieldKind::Pointer),
    ("Maximum", "maximum", FieldKind::Pointer),
    ("ExclusiveMaximum", "exclusiveMaximum", FieldKind::Flag),
    ("Minimum", "minimum", FieldKind::Pointer),
    ("ExclusiveMinimum", "exclusiveMinimum", FieldKind::Flag),
    ("MaxLength", "maxLength", FieldKind::Pointer),
    ("MinLength", "minLength", FieldKind::Pointer),
    ("Pattern", "pattern", FieldKind::Text),
    ("MaxItems", "maxItems", FieldKind::Pointer),
    ("MinItems", "minItems", FieldKind::Pointer),
    ("UniqueItems", "uniqueItems", FieldKind::Flag),
    ("MultipleOf", "multipleOf", FieldKind::Pointer),
    ("Enum", "enum", FieldKind::List),
    ("MaxProperties", "maxProperties", FieldKind::Pointer),
    ("MinProperties", "minProperties", FieldKind::Pointer),
    ("Required", "required", FieldKind::List),
    ("Items", "items", FieldKind::Items),
    ("AllOf", "allOf", FieldKind::Schemas),
    ("OneOf", "oneOf", FieldKind::Schemas),
    ("AnyOf", "anyOf", FieldKind::Schemas),
    ("Not", "not", FieldKind::Schema),
    ("Properties", "properties", FieldKind::Named),
    ("AdditionalProperties", "additionalProperties", FieldKind::SchemaOrBool),
    ("PatternProperties", "patternProperties", FieldKind::Named),
    ("Dependencies", "dependencies", FieldKind::Dependencies),
    ("AdditionalItems", "additionalItems", FieldKind::SchemaOrBool),
    ("Definitions", "definitions", FieldKind::Named),
    ("ExternalDocs", "externalDocs", FieldKind::Docs),
    ("Example", "example", FieldKind::Pointer),
    ("XPreserveUnknownFields", "x-kubernetes-preserve-unknown-fields", FieldKind::Pointer),
    ("XEmbeddedResource", "x-kubernetes-embedded-resource", FieldKind::Flag),
    ("XIntOrString", "x-kubernetes-int-or-string", FieldKind::Flag),
    ("XListMapKeys", "x-kubernetes-list-map-keys", FieldKind::List),
    ("XListType", "x-kubernetes-list-type", FieldKind::Pointer),
    ("XMapType", "x-kubernetes-map-type", FieldKind::Pointer),
    ("XValidations", "x-kubernetes-validations", FieldKind::Rules),
];

/// The fields of a schema, by their names in Go and in JSON, in upstream's order. What is a pointer in Go counts as given even
/// when it is zero.
pub(crate) fn given_fields<'v>(props: Props<'v>) -> impl Iterator<Item = &'static str> + use<'v> {
    SCHEMA.into_iter().filter_map(move |(go, name, kind)| {
        let value = props.value(name)?;
        let pointer = !matches!(
            kind,
            FieldKind::Text
                | FieldKind::Flag
                | FieldKind::List
                | FieldKind::Schemas
                | FieldKind::Named
                | FieldKind::Rules
        );
        (pointer || !is_zero(value)).then_some(go)
    })
}
