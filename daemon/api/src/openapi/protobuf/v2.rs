//! The messages of `OpenAPIv2.proto`, as far as documents of this server have them.

use serde_json::Value;

use super::{Form, Message, PLAIN};

/// `Info`
pub(in super::super) static INFO: Message = Message {
    fields: &[("title", 1, Form::Text), ("version", 2, Form::Text), ("description", 3, Form::Text)],
    extensions: 7,
    ..PLAIN
};

/// `PathItem`
pub(in super::super) static PATH_ITEM: Message = Message {
    fields: &[
        ("$ref", 1, Form::Text),
        ("get", 2, Form::One(&OPERATION)),
        ("put", 3, Form::One(&OPERATION)),
        ("post", 4, Form::One(&OPERATION)),
        ("delete", 5, Form::One(&OPERATION)),
        ("options", 6, Form::One(&OPERATION)),
        ("head", 7, Form::One(&OPERATION)),
        ("patch", 8, Form::One(&OPERATION)),
        ("parameters", 9, Form::Each(&PARAMETER)),
    ],
    extensions: 10,
    ..PLAIN
};

static OPERATION: Message = Message {
    fields: &[
        ("tags", 1, Form::Texts),
        ("summary", 2, Form::Text),
        ("description", 3, Form::Text),
        ("externalDocs", 4, Form::One(&EXTERNAL_DOCS)),
        ("operationId", 5, Form::Text),
        ("produces", 6, Form::Texts),
        ("consumes", 7, Form::Texts),
        ("parameters", 8, Form::Each(&PARAMETER)),
        ("responses", 9, Form::One(&RESPONSES)),
        ("schemes", 10, Form::Texts),
        ("deprecated", 11, Form::Bool),
    ],
    extensions: 13,
    ..PLAIN
};

/// `ParametersItem`: which message a parameter is depends on where it stands.
static PARAMETER: Message = Message {
    instead: |parameter| match parameter.get("in").and_then(Value::as_str) {
        Some("body") => Some(&BODY_PARAMETER),
        Some("path") => Some(&PATH_PARAMETER),
        _ => Some(&QUERY_PARAMETER),
    },
    ..PLAIN
};

static BODY_PARAMETER: Message = Message {
    fields: &[
        ("description", 1, Form::Text),
        ("name", 2, Form::Text),
        ("in", 3, Form::Text),
        ("required", 4, Form::Bool),
        ("schema", 5, Form::One(&SCHEMA)),
    ],
    extensions: 6,
    path: &[1, 1],
    ..PLAIN
};

static QUERY_PARAMETER: Message = Message {
    fields: &[
        ("required", 1, Form::Bool),
        ("in", 2, Form::Text),
        ("description", 3, Form::Text),
        ("name", 4, Form::Text),
        ("type", 6, Form::Text),
        ("format", 7, Form::Text),
        ("default", 10, Form::Any),
        ("uniqueItems", 20, Form::Bool),
    ],
    extensions: 23,
    path: &[1, 2, 3],
    ..PLAIN
};

static PATH_PARAMETER: Message = Message {
    fields: &[
        ("required", 1, Form::Bool),
        ("in", 2, Form::Text),
        ("description", 3, Form::Text),
        ("name", 4, Form::Text),
        ("type", 5, Form::Text),
        ("format", 6, Form::Text),
        ("default", 9, Form::Any),
        ("uniqueItems", 19, Form::Bool),
    ],
    extensions: 22,
    path: &[1, 2, 4],
    ..PLAIN
};

static RESPONSES: Message = Message { entries: Some((1, Form::One(&RESPONSE))), extensions: 2, ..PLAIN };

static RESPONSE: Message = Message {
    fields: &[("description", 1, Form::Text), ("schema", 2, Form::Wrapped(&Form::One(&SCHEMA)))],
    extensions: 5,
    path: &[1],
    ..PLAIN
};

/// `Schema`
pub(in super::super) static SCHEMA: Message = Message {
    fields: &[
        ("$ref", 1, Form::Text),
        ("format", 2, Form::Text),
        ("title", 3, Form::Text),
        ("description", 4, Form::Text),
        ("default", 5, Form::Any),
        ("multipleOf", 6, Form::Double),
        ("maximum", 7, Form::Double),
        ("exclusiveMaximum", 8, Form::Bool),
        ("minimum", 9, Form::Double),
        ("exclusiveMinimum", 10, Form::Bool),
        ("maxLength", 11, Form::Int),
        ("minLength", 12, Form::Int),
        ("pattern", 13, Form::Text),
        ("maxItems", 14, Form::Int),
        ("minItems", 15, Form::Int),
        ("uniqueItems", 16, Form::Bool),
        ("maxProperties", 17, Form::Int),
        ("minProperties", 18, Form::Int),
        ("required", 19, Form::Texts),
        ("enum", 20, Form::Anys),
        ("additionalProperties", 21, Form::BoolOr(&SCHEMA)),
        ("type", 22, Form::Types),
        ("items", 23, Form::Wrapped(&Form::One(&SCHEMA))),
        ("allOf", 24, Form::Each(&SCHEMA)),
        ("properties", 25, Form::One(&PROPERTIES)),
        ("discriminator", 26, Form::Text),
        ("readOnly", 27, Form::Bool),
        ("externalDocs", 29, Form::One(&EXTERNAL_DOCS)),
        ("example", 30, Form::Any),
    ],
    extensions: 31,
    ..PLAIN
};

static PROPERTIES: Message = Message { entries: Some((1, Form::One(&SCHEMA))), ..PLAIN };

static EXTERNAL_DOCS: Message =
    Message { fields: &[("description", 1, Form::Text), ("url", 2, Form::Text)], extensions: 3, ..PLAIN };
