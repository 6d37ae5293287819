//! The JSON schema of `apiextensions.k8s.io/v1`, which refers to itself.

use crate::field::{Alternative, FieldKind, JsonType, List, Presence, TypeDescriptor, field};

/// Points to documentation elsewhere.
pub static EXTERNAL_DOCUMENTATION: TypeDescriptor = TypeDescriptor {
    name: "ExternalDocumentation",
    package: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    go_package: "v1",
    doc: "points to documentation elsewhere",
    atomic: false,
    fields: &[
        field("description", FieldKind::String, Presence::OmitEmpty, "what is found there").wire(&[1]),
        field("url", FieldKind::String, Presence::OmitEmpty, "address").wire(&[2]),
    ],
};

/// A CEL rule for the value at this place.
pub static VALIDATION_RULE: TypeDescriptor = TypeDescriptor {
    name: "ValidationRule",
    package: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    go_package: "v1",
    doc: "a CEL rule for the value at this place",
    atomic: false,
    fields: &[
        field(
            "rule",
            FieldKind::String,
            Presence::Always,
            "CEL expression that must be true; self is the value, oldSelf the stored one",
        )
        .required()
        .wire(&[1]),
        field("message", FieldKind::String, Presence::OmitEmpty, "sentence for the client when it is false").wire(&[2]),
        field(
            "messageExpression",
            FieldKind::String,
            Presence::OmitEmpty,
            "CEL expression that makes the sentence; takes precedence over message",
        )
        .wire(&[3]),
        field("reason", FieldKind::String, Presence::Optional, "reason in the answer, FieldValueInvalid by default")
            .go("v1.FieldValueErrorReason")
            .wire(&[4]),
        field("fieldPath", FieldKind::String, Presence::OmitEmpty, "path of the field to blame, below this place")
            .wire(&[5]),
        field(
            "optionalOldSelf",
            FieldKind::Bool,
            Presence::Optional,
            "evaluate rules with oldSelf at creations, too; oldSelf is then optional",
        )
        .wire(&[6]),
    ],
};

/// A JSON schema.
pub static JSON_SCHEMA_PROPS: TypeDescriptor = TypeDescriptor {
    name: "JSONSchemaProps",
    package: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    go_package: "v1",
    doc: "a JSON schema",
    atomic: false,
    fields: &[
        field("id", FieldKind::String, Presence::OmitEmpty, "not used").wire(&[1]),
        field("$schema", FieldKind::String, Presence::OmitEmpty, "not used").go("v1.JSONSchemaURL").wire(&[2]),
        field("$ref", FieldKind::String, Presence::Optional, "must be absent").wire(&[3]),
        field("description", FieldKind::String, Presence::OmitEmpty, "what the value means").wire(&[4]),
        field("type", FieldKind::String, Presence::OmitEmpty, "object, array, string, integer, number or boolean")
            .wire(&[5]),
        field("format", FieldKind::String, Presence::OmitEmpty, "syntax of the value, date-time for instance")
            .wire(&[6]),
        field("title", FieldKind::String, Presence::OmitEmpty, "short name for people").wire(&[7]),
        field("default", FieldKind::Json(JsonType::Schema), Presence::Optional, "value where none is given").wire(&[8]),
        field("maximum", FieldKind::Double, Presence::Optional, "largest number").wire(&[9]),
        field("exclusiveMaximum", FieldKind::Bool, Presence::OmitEmpty, "maximum itself is too large").wire(&[10]),
        field("minimum", FieldKind::Double, Presence::Optional, "smallest number").wire(&[11]),
        field("exclusiveMinimum", FieldKind::Bool, Presence::OmitEmpty, "minimum itself is too small").wire(&[12]),
        field("maxLength", FieldKind::Int64, Presence::Optional, "largest number of characters").wire(&[13]),
        field("minLength", FieldKind::Int64, Presence::Optional, "smallest number of characters").wire(&[14]),
        field("pattern", FieldKind::String, Presence::OmitEmpty, "regular expression that the text must match")
            .wire(&[15]),
        field("maxItems", FieldKind::Int64, Presence::Optional, "largest number of items").wire(&[16]),
        field("minItems", FieldKind::Int64, Presence::Optional, "smallest number of items").wire(&[17]),
        field("uniqueItems", FieldKind::Bool, Presence::OmitEmpty, "must not be true; see x-kubernetes-list-type")
            .wire(&[18]),
        field("multipleOf", FieldKind::Double, Presence::Optional, "the number must be a multiple of this").wire(&[19]),
        field(
            "enum",
            FieldKind::List(List::of(&FieldKind::Json(JsonType::Schema)).atomic()),
            Presence::OmitEmpty,
            "the values that are allowed",
        )
        .wire(&[20]),
        field("maxProperties", FieldKind::Int64, Presence::Optional, "largest number of properties").wire(&[21]),
        field("minProperties", FieldKind::Int64, Presence::Optional, "smallest number of properties").wire(&[22]),
        field(
            "required",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "properties that must be there",
        )
        .wire(&[23]),
        field(
            "items",
            FieldKind::ObjectOr(&JSON_SCHEMA_PROPS, Alternative::List),
            Presence::Optional,
            "schema of the items of a list",
        )
        .wire(&[24]),
        field(
            "allOf",
            FieldKind::List(List::of(&FieldKind::Object(&JSON_SCHEMA_PROPS)).atomic()),
            Presence::OmitEmpty,
            "schemas that must all match",
        )
        .wire(&[25]),
        field(
            "oneOf",
            FieldKind::List(List::of(&FieldKind::Object(&JSON_SCHEMA_PROPS)).atomic()),
            Presence::OmitEmpty,
            "schemas of which exactly one must match",
        )
        .wire(&[26]),
        field(
            "anyOf",
            FieldKind::List(List::of(&FieldKind::Object(&JSON_SCHEMA_PROPS)).atomic()),
            Presence::OmitEmpty,
            "schemas of which at least one must match",
        )
        .wire(&[27]),
        field("not", FieldKind::Object(&JSON_SCHEMA_PROPS), Presence::Optional, "schema that must not match")
            .wire(&[28]),
        field(
            "properties",
            FieldKind::Map(&FieldKind::Object(&JSON_SCHEMA_PROPS)),
            Presence::OmitEmpty,
            "schemas of the properties, by name",
        )
        .wire(&[29]),
        field(
            "additionalProperties",
            FieldKind::ObjectOr(&JSON_SCHEMA_PROPS, Alternative::Bool),
            Presence::Optional,
            "schema of properties with other names, or whether there may be any",
        )
        .wire(&[30]),
        field(
            "patternProperties",
            FieldKind::Map(&FieldKind::Object(&JSON_SCHEMA_PROPS)),
            Presence::OmitEmpty,
            "must be absent",
        )
        .wire(&[31]),
        field(
            "dependencies",
            FieldKind::Map(&FieldKind::ObjectOr(&JSON_SCHEMA_PROPS, Alternative::TextList)),
            Presence::OmitEmpty,
            "must be absent",
        )
        .go("v1.JSONSchemaDependencies")
        .wire(&[32]),
        field(
            "additionalItems",
            FieldKind::ObjectOr(&JSON_SCHEMA_PROPS, Alternative::Bool),
            Presence::Optional,
            "must be absent",
        )
        .wire(&[33]),
        field(
            "definitions",
            FieldKind::Map(&FieldKind::Object(&JSON_SCHEMA_PROPS)),
            Presence::OmitEmpty,
            "must be absent",
        )
        .go("v1.JSONSchemaDefinitions")
        .wire(&[34]),
        field(
            "externalDocs",
            FieldKind::Object(&EXTERNAL_DOCUMENTATION),
            Presence::Optional,
            "documentation elsewhere",
        )
        .wire(&[35]),
        field("example", FieldKind::Json(JsonType::Schema), Presence::Optional, "an example of the value").wire(&[36]),
        field("nullable", FieldKind::Bool, Presence::OmitEmpty, "whether null is allowed").wire(&[37]),
        field(
            "x-kubernetes-preserve-unknown-fields",
            FieldKind::Bool,
            Presence::Optional,
            "true keeps properties that the schema does not name",
        )
        .wire(&[38]),
        field(
            "x-kubernetes-embedded-resource",
            FieldKind::Bool,
            Presence::OmitEmpty,
            "the value is an object with apiVersion, kind and metadata",
        )
        .wire(&[39]),
        field("x-kubernetes-int-or-string", FieldKind::Bool, Presence::OmitEmpty, "the value is a number or a text")
            .wire(&[40]),
        field(
            "x-kubernetes-list-map-keys",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "properties that tell the items of a list of type map apart",
        )
        .wire(&[41]),
        field(
            "x-kubernetes-list-type",
            FieldKind::String,
            Presence::Optional,
            "atomic, set or map: how server-side apply merges the list",
        )
        .wire(&[42]),
        field(
            "x-kubernetes-map-type",
            FieldKind::String,
            Presence::Optional,
            "granular or atomic: how server-side apply merges the object",
        )
        .wire(&[43]),
        field(
            "x-kubernetes-validations",
            FieldKind::List(List::of(&FieldKind::Object(&VALIDATION_RULE)).map(&["rule"]).merge_by("rule")),
            Presence::OmitEmpty,
            "CEL rules for the value",
        )
        .go("v1.ValidationRules")
        .wire(&[44]),
    ],
};
