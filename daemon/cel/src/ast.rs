//! Expressions after parsing and macro expansion: what the checker types and the interpreter walks.

/// One node. `id` is unique within its expression and at most a few times the number of nodes, so that facts about nodes live
/// in arrays.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// Number of the node.
    pub id: u32,
    /// Byte offset in the source where the node begins, for messages.
    pub at: u32,
    /// What it is.
    pub node: Node,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A literal.
    Literal(Literal),
    /// A variable, or the first part of a qualified name.
    Ident(Box<str>),
    /// `operand.field`, `operand.?field`, or `has(operand.field)`.
    Select(Box<Select>),
    /// `function(args)` or `target.function(args)`. Operators have the names of the specification: `_+_`, `_[_]`, `!_`,
    /// `_?_:_`, `_&&_`, `@in`, `_[?_]`, `-_`, ...
    Call(Box<Call>),
    /// `[a, ?b]`
    List(Vec<Element>),
    /// `{k: v, ?k: v}`
    Map(Vec<Entry>),
    /// `Type{field: value, ?field: value}`
    Struct(Box<Struct>),
    /// What `all`, `exists`, `exists_one`, `map`, `filter`, and the two-variable macros become.
    Comprehension(Box<Comprehension>),
}

/// A literal.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true`
    Bool(bool),
    /// `-1`
    Int(i64),
    /// `1u`
    Uint(u64),
    /// `1.5`
    Double(f64),
    /// `"text"`
    String(Box<str>),
    /// `b"bytes"`
    Bytes(Box<[u8]>),
}

/// A field of a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    /// The value.
    pub operand: Expr,
    /// The field's name.
    pub field: Box<str>,
    /// `has(operand.field)`: whether the field is there.
    pub test_only: bool,
    /// `operand.?field`: an optional value.
    pub optional: bool,
}

/// A call of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Name of the function, with its namespace: `optional.of`, `math.greatest`.
    pub function: Box<str>,
    /// The receiver of a call in method style.
    pub target: Option<Expr>,
    /// The arguments.
    pub args: Vec<Expr>,
}

/// An element of a list literal.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// The element.
    pub value: Expr,
    /// `?value`: left out when the optional is empty.
    pub optional: bool,
}

/// An entry of a map literal.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Expr,
    /// The value.
    pub value: Expr,
    /// `?key: value`: left out when the optional is empty.
    pub optional: bool,
}

/// A literal of an object type.
#[derive(Clone, Debug, PartialEq)]
pub struct Struct {
    /// Name of the type: `Object.spec`, `JSONPatch`.
    pub type_name: Box<str>,
    /// Its fields.
    pub fields: Vec<FieldValue>,
}

/// A field of an object literal.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldValue {
    /// Number of the entry's own node.
    pub id: u32,
    /// Byte offset of its colon in the source, for messages.
    pub at: u32,
    /// The field's name.
    pub name: Box<str>,
    /// Its value.
    pub value: Expr,
    /// `?name: value`: left out when the optional is empty.
    pub optional: bool,
}

/// A fold over a list or map, as the specification defines it.
#[derive(Clone, Debug, PartialEq)]
pub struct Comprehension {
    /// The list or map.
    pub range: Expr,
    /// Name of the variable that holds the element of a list or the key of a map; with `second`, the index or the key.
    pub variable: Box<str>,
    /// Name of the variable that holds the element or value, in two-variable macros.
    pub second: Option<Box<str>>,
    /// Name of the variable that holds the result so far. User's names cannot begin with `@`; this one does.
    pub accumulator: Box<str>,
    /// The result before the first step.
    pub init: Expr,
    /// Goes on while this is true.
    pub condition: Expr,
    /// The result after a step.
    pub step: Expr,
    /// The value of the whole, from the last result.
    pub result: Expr,
}
