//! The types of values as rules see them, with their sizes, and the compilation of rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use hanse_cel::environment::Environment;
use hanse_cel::program::{CompileError, Program};
use hanse_cel::ty::{FieldType, ObjectType, Size, Type};
use hanse_cel::value::escape::escape;
use hanse_cel::value::shape::{ListFlavour, Shape};
use serde_json::Value;

use super::{Reason, Rule};
use crate::structural::field_path::{Brackets, follow};
use crate::structural::props::{Props, SchemaOrBool};
use crate::structural::schema::{Additional, JsonType, ListType, Schema};

/// Compiles the rules of a schema. A rule that does not compile is kept, with what is wrong: it refuses every object.
pub fn attach(schema: &mut Schema, raw: &Value) {
    let _of_the_root = Declarer { named: 0 }.node(schema, Props::of(raw), IsRoot::Yes, "self");
}

/// One pass over a schema.
struct Declarer {
    /// How many types were named by number.
    named: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum IsRoot {
    Yes,
    No,
}

impl IsRoot {
    fn below(schema: &Schema) -> Self {
        if schema.embedded_resource { Self::Yes } else { Self::No }
    }
}

/// A node as rules see it.
#[derive(Clone)]
struct Declared {
    ty: Type,
    size: Size,
    shape: Shape,
    /// Bytes of the shortest JSON of a value.
    bytes_min: u64,
}

impl Declared {
    fn simple(ty: Type, size: u64, shape: Shape, bytes_min: u64) -> Self {
        Self { ty, size: Size::of(size), shape, bytes_min }
    }

    fn string() -> Self {
        Self::simple(Type::String, REQUEST_BYTES_MAX - 2, Shape::String, 2)
    }
}

impl Declarer {
    /// The name of a type below another: unique, and not long however long the names of fields are.
    fn name(&mut self, around: &str, below: &str) -> String {
        if around.len() + below.len() <= NAME_BYTES_MAX {
            return format!("{around}.{below}");
        }
        self.named += 1;
        format!("self.@{}", self.named)
    }

    /// Declares a node and compiles its rules, those below it first. Nothing is declared for what has no type.
    fn node(&mut self, schema: &mut Schema, raw: Props<'_>, root: IsRoot, name: &str) -> Option<Declared> {
        let declared = self.declare(schema, raw, root, name);
        let mut rules = raw.list(RULES).peekable();
        schema.rules_inside = rules.peek().is_some()
            || schema.items.as_deref().is_some_and(|items| items.rules_inside)
            || schema.additional.schema().is_some_and(|next| next.rules_inside)
            || schema.properties.values().any(|property| property.rules_inside);
        if rules.peek().is_some() {
            schema.rules = compile(rules, raw, declared.as_ref());
        }
        declared
    }

    fn declare(&mut self, schema: &mut Schema, raw: Props<'_>, root: IsRoot, name: &str) -> Option<Declared> {
        // What is below is visited even where it cannot be declared: it may have rules of its own.
        let items = match (schema.items.as_deref_mut(), raw.item()) {
            (Some(items), Some(raw)) => {
                let root = IsRoot::below(items);
                let name = self.name(name, "@idx");
                self.node(items, raw, root, &name)
            }
            _ => None,
        };
        let values = match (&mut schema.additional, raw.additional()) {
            (Additional::Schema(next), Some(SchemaOrBool::Schema(raw))) => {
                let root = IsRoot::below(next);
                let name = self.name(name, "@elem");
                Some(self.node(next, raw, root, &name))
            }
            _ => None,
        };
        let mut fields = BTreeMap::new();
        for (key, property) in &mut schema.properties {
            let Some(raw) = raw.property(key) else { continue };
            let root = IsRoot::below(property);
            let name = self.name(name, key);
            if let Some(declared) = self.node(property, raw, root, &name) {
                fields.insert(key.clone(), declared);
            }
        }
        let validation = schema.validation.as_deref();
        if schema.int_or_string {
            let max = validation.and_then(|validation| validation.length_max).map_or(REQUEST_BYTES_MAX - 2, in_bytes);
            return Some(Declared::simple(Type::Dyn, max, Shape::Dyn, 1));
        }
        match schema.kind? {
            JsonType::Array => {
                let items = items?;
                let bound = (REQUEST_BYTES_MAX - 2) / (items.bytes_min + 1);
                let max = validation.and_then(|validation| validation.items_max).map_or(bound, positive);
                let flavour = match &schema.list_type {
                    ListType::Atomic => ListFlavour::Atomic,
                    ListType::Set => ListFlavour::Set,
                    ListType::Map(keys) => ListFlavour::Map(keys.clone().into_boxed_slice()),
                };
                Some(Declared {
                    ty: Type::List(Arc::new(items.ty)),
                    size: Size::list(max, items.size),
                    shape: Shape::list(items.shape, flavour),
                    bytes_min: 2,
                })
            }
            JsonType::Object => match values {
                Some(values) => {
                    let values = values?;
                    let bound = (REQUEST_BYTES_MAX - 2) / (values.bytes_min + 6);
                    let max = validation.and_then(|validation| validation.properties_max).map_or(bound, positive);
                    Some(Declared {
                        ty: Type::Map(Arc::new(Type::String), Arc::new(values.ty)),
                        size: Size::map(max, Size::of(0), values.size),
                        shape: Shape::Map(Arc::new(values.shape)),
                        bytes_min: 2,
                    })
                }
                None => Some(object(schema, fields, root, name)),
            },
            JsonType::String => Some(string(schema)),
            JsonType::Boolean => Some(Declared::simple(Type::Bool, 0, Shape::Bool, 4)),
            JsonType::Number => Some(Declared::simple(Type::Double, 0, Shape::Double, 1)),
            JsonType::Integer => Some(Declared::simple(Type::Int, 0, Shape::Int, 1)),
        }
    }
}

fn object(schema: &Schema, mut fields: BTreeMap<Box<str>, Declared>, root: IsRoot, name: &str) -> Declared {
    if root == IsRoot::Yes {
        add_resource_fields(schema, &mut fields, name);
    }
    let required = schema.validation.as_deref().map_or(&[][..], |validation| &validation.required);
    let mut bytes_min = 2;
    let (mut types, mut shapes) = (BTreeMap::new(), Vec::new());
    for (key, declared) in fields {
        let has_default = schema.properties.get(&key).is_some_and(|property| property.default.is_some());
        if required.contains(&key) && !has_default {
            bytes_min += key.len() as u64 + declared.bytes_min + 4;
        }
        if let Some(escaped) = escape(&key) {
            let escaped = escaped.into_boxed_str();
            types.insert(escaped.clone(), FieldType { ty: declared.ty, size: declared.size });
            shapes.push((escaped, key, declared.shape));
        }
    }
    let ty = Type::Object(Arc::new(ObjectType { name: name.into(), fields: types, open: false }));
    Declared { ty, size: Size::of(0), shape: Shape::object(shapes), bytes_min }
}

/// Kind, version and name of a resource are there whatever the schema says.
fn add_resource_fields(schema: &Schema, fields: &mut BTreeMap<Box<str>, Declared>, name: &str) {
    let has = |schema: &Schema, field: &str, kind| {
        schema.properties.get(field).is_some_and(|property| property.kind == Some(kind))
    };
    let metadata = schema.properties.get("metadata");
    let complete = has(schema, "kind", JsonType::String)
        && has(schema, "apiVersion", JsonType::String)
        && has(schema, "metadata", JsonType::Object)
        && metadata.is_some_and(|metadata| {
            has(metadata, "name", JsonType::String) && has(metadata, "generateName", JsonType::String)
        });
    if complete {
        return;
    }
    for field in ["kind", "apiVersion"] {
        fields.insert(field.into(), Declared::string());
    }
    let names = ["name", "generateName"].map(|field| (field.into(), Declared::string()));
    let metadata = object(&Schema::default(), names.into(), IsRoot::No, &format!("{name}.metadata"));
    fields.insert("metadata".into(), metadata);
}

fn string(schema: &Schema) -> Declared {
    let validation = schema.validation.as_deref();
    let length_max = validation.and_then(|validation| validation.length_max);
    let format = validation.and_then(|validation| validation.format.as_ref()).map_or("", |format| &format.name);
    match format {
        "byte" => {
            let max = length_max.map_or(REQUEST_BYTES_MAX - 2, positive);
            Declared::simple(Type::Bytes, max, Shape::Bytes, 2)
        }
        "duration" => Declared::simple(Type::Duration, TIME_BYTES_MAX, Shape::Duration, DURATION_BYTES_MIN),
        "date" => Declared::simple(Type::Timestamp, DATE_BYTES, Shape::Date, DATE_BYTES),
        "date-time" => Declared::simple(Type::Timestamp, TIME_BYTES_MAX, Shape::Timestamp, TIME_BYTES_MIN),
        _ => {
            let values = validation.map_or(&[][..], |validation| &validation.values);
            let longest = values.iter().filter_map(Value::as_str).map(|text| text.len() as u64).max().unwrap_or(0);
            let max = match length_max {
                Some(max) => in_bytes(max),
                None if values.is_empty() => REQUEST_BYTES_MAX - 2,
                None => longest,
            };
            Declared::simple(Type::String, max, Shape::String, 2)
        }
    }
}

/// Compiles the rules of one node.
fn compile<'v>(rules: impl Iterator<Item = Props<'v>>, raw: Props<'_>, declared: Option<&Declared>) -> Vec<Rule> {
    let environments = declared.map(|declared| {
        let field = FieldType { ty: declared.ty.clone(), size: declared.size.clone() };
        let with_self = Environment::new().variable("self", field.clone());
        let optional = FieldType { ty: Type::Optional(Arc::new(field.ty.clone())), size: field.size.clone() };
        (with_self.clone().variable("oldSelf", field), with_self.variable("oldSelf", optional))
    });
    let one = |props: Props<'v>| {
        let optional = props.flag("optionalOldSelf");
        let environment =
            environments.as_ref().map(|(plain, with_optional)| if optional { with_optional } else { plain });
        rule(props, raw, environment, declared)
    };
    rules.map(one).collect()
}

fn rule(props: Props<'_>, raw: Props<'_>, environment: Option<&Environment>, declared: Option<&Declared>) -> Rule {
    let (text, message_expression) = (props.text("rule"), props.text("messageExpression"));
    let program = match environment {
        _ if text.trim().is_empty() => Ok(None),
        None => Err(NOT_DECLARED.to_owned()),
        Some(environment) => {
            Program::compile(environment, text, &[Type::Bool]).map(Some).map_err(|error| match error {
                CompileError::Problems(problems) => format!("compilation failed: {problems}"),
                CompileError::Result(_) => "cel expression must evaluate to a bool".to_owned(),
                constant @ CompileError::Constant(_) => constant.to_string(),
            })
        }
    };
    let message_program = match environment {
        Some(environment) if !message_expression.is_empty() && matches!(program, Ok(Some(_))) => {
            let compiled = Program::compile(environment, message_expression, &[Type::String]);
            compiled.map(Some).map_err(|error| match error {
                CompileError::Problems(problems) => format!("messageExpression compilation failed: {problems}"),
                CompileError::Result(_) => "messageExpression must evaluate to a string".to_owned(),
                CompileError::Constant(error) => format!("messageExpression instantiation failed: {error}"),
            })
        }
        _ => Ok(None),
    };
    let path = follow(props.text("fieldPath"), raw, Brackets::Permitted);
    Rule {
        rule: text.into(),
        message: props.text("message").into(),
        message_expression: message_expression.into(),
        reason: match props.text("reason") {
            "FieldValueForbidden" => Reason::Forbidden,
            "FieldValueRequired" => Reason::Required,
            "FieldValueDuplicate" => Reason::Duplicate,
            _ => Reason::Invalid,
        },
        field_path: path.map_or_else(|_| Box::default(), |path| path.text.into()),
        optional_old_self: props.flag("optionalOldSelf"),
        uses_old_self: matches!(&program, Ok(Some(program)) if program.uses("oldSelf")),
        program,
        message_program,
        shape: declared.map_or(Shape::Dyn, |declared| declared.shape.clone()),
        cardinality_max: declared.map_or(1, |declared| REQUEST_BYTES_MAX / (declared.bytes_min + 1)),
    }
}

/// A limit of characters in bytes: each has four at most.
fn in_bytes(characters: i64) -> u64 {
    positive(characters).saturating_mul(4)
}

fn positive(limit: i64) -> u64 {
    u64::try_from(limit).unwrap_or(0)
}

/// What the API server says of rules where nothing is known of the value.
pub(super) const NOT_DECLARED: &str = "unable to convert structural schema to CEL declarations";
const NAME_BYTES_MAX: usize = 256;
const RULES: &str = "x-kubernetes-validations";
/// The size of requests by which costs are estimated. It is part of the estimate, and no limit of this server.
const REQUEST_BYTES_MAX: u64 = 3 << 20;
const TIME_BYTES_MAX: u64 = 32;
const TIME_BYTES_MIN: u64 = 21;
const DATE_BYTES: u64 = 12;
const DURATION_BYTES_MIN: u64 = 3;
