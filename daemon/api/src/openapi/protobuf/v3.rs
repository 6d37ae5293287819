//! The messages of `OpenAPIv3.proto`, as far as documents of this server have them. What may be a reference is a message
//! inside another one, which says which of both it is.

use super::{Form, Message, PLAIN};

/// `Document`
pub(in super::super) static DOCUMENT: Message = Message {
    fields: &[
        ("openapi", 1, Form::Text),
        ("info", 2, Form::One(&INFO)),
        ("paths", 4, Form::One(&PATHS)),
        ("components", 5, Form::One(&COMPONENTS)),
    ],
    extensions: 9,
    ..PLAIN
};

static INFO: Message = Message {
    fields: &[("title", 1, Form::Text), ("description", 2, Form::Text), ("version", 6, Form::Text)],
    extensions: 7,
    ..PLAIN
};

static PATHS: Message = Message { entries: Some((1, Form::One(&PATH_ITEM))), extensions: 2, ..PLAIN };

static COMPONENTS: Message = Message { fields: &[("schemas", 1, Form::One(&SCHEMAS))], extensions: 10, ..PLAIN };

/// `SchemasOrReferences`, and `Properties`, which has the same form.
static SCHEMAS: Message = Message { entries: Some((1, Form::One(&SCHEMA))), ..PLAIN };

static PATH_ITEM: Message = Message {
    fields: &[
        ("$ref", 1, Form::Text),
        ("summary", 2, Form::Text),
        ("description", 3, Form::Text),
        ("get", 4, Form::One(&OPERATION)),
        ("put", 5, Form::One(&OPERATION)),
        ("post", 6, Form::One(&OPERATION)),
        ("delete", 7, Form::One(&OPERATION)),
        ("options", 8, Form::One(&OPERATION)),
        ("head", 9, Form::One(&OPERATION)),
        ("patch", 10, Form::One(&OPERATION)),
        ("parameters", 13, Form::Each(&PARAMETER)),
    ],
    extensions: 14,
    ..PLAIN
};

static OPERATION: Message = Message {
    fields: &[
        ("tags", 1, Form::Texts),
        ("summary", 2, Form::Text),
        ("description", 3, Form::Text),
        ("externalDocs", 4, Form::One(&EXTERNAL_DOCS)),
        ("operationId", 5, Form::Text),
        ("parameters", 6, Form::Each(&PARAMETER)),
        ("requestBody", 7, Form::One(&REQUEST_BODY)),
        ("responses", 8, Form::One(&RESPONSES)),
        ("deprecated", 10, Form::Bool),
    ],
    extensions: 13,
    ..PLAIN
};

static PARAMETER: Message = Message {
    fields: &[
        ("name", 1, Form::Text),
        ("in", 2, Form::Text),
        ("description", 3, Form::Text),
        ("required", 4, Form::Bool),
        ("deprecated", 5, Form::Bool),
        ("allowEmptyValue", 6, Form::Bool),
        ("schema", 10, Form::One(&SCHEMA)),
    ],
    extensions: 14,
    path: &[1],
    ..PLAIN
};

static REQUEST_BODY: Message = Message {
    fields: &[("description", 1, Form::Text), ("content", 2, Form::One(&MEDIA_TYPES)), ("required", 3, Form::Bool)],
    extensions: 4,
    path: &[1],
    ..PLAIN
};

static RESPONSES: Message = Message {
    fields: &[("default", 1, Form::One(&RESPONSE))],
    entries: Some((2, Form::One(&RESPONSE))),
    extensions: 3,
    ..PLAIN
};

static RESPONSE: Message = Message {
    fields: &[("description", 1, Form::Text), ("content", 3, Form::One(&MEDIA_TYPES))],
    extensions: 5,
    path: &[1],
    ..PLAIN
};

static MEDIA_TYPES: Message = Message { entries: Some((1, Form::One(&MEDIA_TYPE))), ..PLAIN };

static MEDIA_TYPE: Message = Message { fields: &[("schema", 1, Form::One(&SCHEMA))], extensions: 5, ..PLAIN };

/// `SchemaOrReference`
static SCHEMA: Message = Message {
    fields: &SCHEMA_FIELDS,
    extensions: 36,
    path: &[1],
    instead: |schema| schema.contains_key("$ref").then_some(&REFERENCE),
    ..PLAIN
};

/// `Schema`, where no reference is allowed.
static NOT: Message = Message { fields: &SCHEMA_FIELDS, extensions: 36, ..PLAIN };

static SCHEMA_FIELDS: [(&str, u32, Form); 33] = [
    ("nullable", 1, Form::Bool),
    ("readOnly", 3, Form::Bool),
    ("writeOnly", 4, Form::Bool),
    ("externalDocs", 6, Form::One(&EXTERNAL_DOCS)),
    ("example", 7, Form::Any),
    ("deprecated", 8, Form::Bool),
    ("title", 9, Form::Text),
    ("multipleOf", 10, Form::Double),
    ("maximum", 11, Form::Double),
    ("exclusiveMaximum", 12, Form::Bool),
    ("minimum", 13, Form::Double),
    ("exclusiveMinimum", 14, Form::Bool),
    ("maxLength", 15, Form::Int),
    ("minLength", 16, Form::Int),
    ("pattern", 17, Form::Text),
    ("maxItems", 18, Form::Int),
    ("minItems", 19, Form::Int),
    ("uniqueItems", 20, Form::Bool),
    ("maxProperties", 21, Form::Int),
    ("minProperties", 22, Form::Int),
    ("required", 23, Form::Texts),
    ("enum", 24, Form::Anys),
    ("type", 25, Form::Text),
    ("allOf", 26, Form::Each(&SCHEMA)),
    ("oneOf", 27, Form::Each(&SCHEMA)),
    ("anyOf", 28, Form::Each(&SCHEMA)),
    ("not", 29, Form::One(&NOT)),
    ("items", 30, Form::Wrapped(&Form::One(&SCHEMA))),
    ("properties", 31, Form::One(&SCHEMAS)),
    ("additionalProperties", 32, Form::BoolOr(&SCHEMA)),
    ("default", 33, Form::Default),
    ("description", 34, Form::Text),
    ("format", 35, Form::Text),
];

static REFERENCE: Message = Message {
    fields: &[("$ref", 1, Form::Text), ("summary", 2, Form::Text), ("description", 3, Form::Text)],
    path: &[2],
    ..PLAIN
};

static EXTERNAL_DOCS: Message =
    Message { fields: &[("description", 1, Form::Text), ("url", 2, Form::Text)], extensions: 3, ..PLAIN };
