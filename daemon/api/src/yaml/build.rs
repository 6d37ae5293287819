//! From the tree to a JSON value: scalars become what they stand for, aliases what they refer to, merge keys what they bring.

use std::collections::HashSet;

use hanse_schema::cause::quote;
use serde_json::{Map, Number, Value};

use super::problem::Problem;
use super::resolve::{Key, Scalar, key, resolve};
use super::tree::{Content, DEPTH_MAX, NODES_MAX, Node, Tree};

/// A value under way.
pub(super) struct Builder<'t> {
    tree: &'t Tree,
    /// Aliases that are being followed.
    following: Vec<usize>,
    depth: usize,
    decoded: usize,
    /// How many of them are there because of aliases.
    decoded_by_alias: usize,
    /// Bytes of text that are there because of aliases.
    alias_bytes: usize,
    duplicates: Vec<String>,
}

impl<'t> Builder<'t> {
    /// A builder that has done nothing yet.
    pub(super) fn new(tree: &'t Tree) -> Self {
        let (following, duplicates) = (Vec::new(), Vec::new());
        Self { tree, following, depth: 0, decoded: 0, decoded_by_alias: 0, alias_bytes: 0, duplicates }
    }

    /// The complaints about keys that are given twice.
    pub(super) fn duplicates(self) -> Vec<String> {
        self.duplicates
    }

    /// The value of a node.
    pub(super) fn value(&mut self, place: usize) -> Result<Value, Problem> {
        self.count()?;
        match &self.tree.node(place).content {
            Content::Alias(target, name) => self.followed(place, *target, name, Self::value),
            Content::Scalar(tag, text) => {
                self.weigh(text)?;
                json(resolve(tag, text)?)
            }
            Content::Sequence(items) => self.deeper(|builder| {
                let items = items.iter().map(|item| builder.value(*item)).collect::<Result<_, _>>()?;
                Ok(Value::Array(items))
            }),
            Content::Mapping(_) => {
                let (mut map, mut seen) = (Map::new(), HashSet::new());
                self.mapping(place, &mut map, &mut seen)?;
                Ok(Value::Object(map))
            }
        }
    }

    /// Adds the entries of a mapping to a map. The last value of a key stays.
    fn mapping(
        &mut self,
        place: usize,
        map: &mut Map<String, Value>,
        seen: &mut HashSet<String>,
    ) -> Result<(), Problem> {
        let Content::Mapping(entries) = &self.tree.node(place).content else { return Err(no_map()) };
        self.deeper(|builder| {
            for pair in entries.chunks_exact(2) {
                let &[key_place, value_place] = pair else { continue };
                if is_merge(builder.tree.node(key_place)) {
                    builder.merge(value_place, map, seen)?;
                    continue;
                }
                let Key { text, shown, unsupported } = builder.key(key_place)?;
                let value = builder.value(value_place)?;
                if let Some(kind) = unsupported {
                    let value = in_go(&value);
                    let why = format!("unsupported map key of type: {kind}, key: {shown}, value: {value}");
                    return Err(Problem::in_json(why));
                }
                if !seen.insert(shown.clone()) && builder.duplicates.len() < DUPLICATES_MAX {
                    let line = builder.tree.node(value_place).line;
                    builder.duplicates.push(format!("line {line}: key {shown} already set in map"));
                }
                map.insert(text, value);
            }
            Ok(())
        })
    }

    fn key(&mut self, place: usize) -> Result<Key, Problem> {
        self.count()?;
        match &self.tree.node(place).content {
            Content::Alias(target, name) => self.followed(place, *target, name, Self::key),
            Content::Scalar(tag, text) => {
                self.weigh(text)?;
                Ok(key(resolve(tag, text)?))
            }
            Content::Sequence(_) | Content::Mapping(_) => {
                let value = self.value(place)?;
                Err(Problem::new(format!("invalid map key: {}", in_go(&value))))
            }
        }
    }

    /// `<<`: the entries of a mapping, or of several, of which the first counts most.
    fn merge(&mut self, place: usize, map: &mut Map<String, Value>, seen: &mut HashSet<String>) -> Result<(), Problem> {
        match &self.tree.node(place).content {
            Content::Sequence(items) => {
                for item in items.iter().rev() {
                    if matches!(self.tree.node(*item).content, Content::Sequence(_)) {
                        return Err(no_map());
                    }
                    self.merge_one(*item, map, seen)?;
                }
                Ok(())
            }
            _ => self.merge_one(place, map, seen),
        }
    }

    fn merge_one(
        &mut self,
        place: usize,
        map: &mut Map<String, Value>,
        seen: &mut HashSet<String>,
    ) -> Result<(), Problem> {
        self.count()?;
        match &self.tree.node(place).content {
            Content::Mapping(_) => self.mapping(place, map, seen),
            Content::Alias(target, name) if matches!(self.tree.node(*target).content, Content::Mapping(_)) => {
                self.followed(place, *target, name, |builder, target| builder.mapping(target, map, seen))
            }
            _ => Err(no_map()),
        }
    }

    fn followed<T>(
        &mut self,
        alias: usize,
        target: usize,
        name: &str,
        read: impl FnOnce(&mut Self, usize) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        if self.following.contains(&alias) {
            return Err(Problem::new(format!("anchor '{name}' value contains itself")));
        }
        self.following.push(alias);
        let found = self.deeper(|builder| read(builder, target));
        self.following.pop();
        found
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Problem>) -> Result<T, Problem> {
        if self.depth == DEPTH_MAX {
            return Err(Problem::new(format!("exceeded max depth of {DEPTH_MAX}")));
        }
        self.depth += 1;
        let found = read(self);
        self.depth -= 1;
        found
    }

    /// Ends documents that are small as text and large as values.
    fn count(&mut self) -> Result<(), Problem> {
        self.decoded += 1;
        if !self.following.is_empty() {
            self.decoded_by_alias += 1;
        }
        // Upstream's rule, but for its large documents: ours are never that large.
        let mostly =
            self.decoded_by_alias > 100 && self.decoded > 1000 && self.decoded_by_alias > self.decoded / 100 * 99;
        if mostly || self.decoded > 2 * NODES_MAX {
            return Err(excessive());
        }
        Ok(())
    }

    fn weigh(&mut self, text: &str) -> Result<(), Problem> {
        if !self.following.is_empty() {
            self.alias_bytes += text.len();
        }
        if self.alias_bytes > ALIAS_BYTES_MAX { Err(excessive()) } else { Ok(()) }
    }
}

fn json(scalar: Scalar) -> Result<Value, Problem> {
    Ok(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Bool(flag) => Value::Bool(flag),
        Scalar::Int(number) => Value::from(number),
        Scalar::UInt(number) => Value::from(number),
        Scalar::Float(float) => number(float)?,
        Scalar::Text(text) => Value::String(text),
    })
}

/// A float as Go's JSON writes it: a whole number without a fraction.
pub(super) fn number(float: f64) -> Result<Value, Problem> {
    if float.fract() == 0.0 && float.abs() < WHOLE_MAX {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number of this size fits")]
        return Ok(Value::from(float as i64));
    }
    let unsupported = || {
        let word = if float.is_nan() {
            "NaN"
        } else if float > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        };
        Problem::in_json(format!("json: unsupported value: {word}"))
    };
    Number::from_f64(float).map(Value::Number).ok_or_else(unsupported)
}

/// A value as Go writes it in messages (`%#v`), cut off where it becomes long.
fn in_go(value: &Value) -> String {
    let list = |items: Vec<String>| items.join(", ");
    let mut text = match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => quote(text),
        Value::Array(items) => format!("[]interface {{}}{{{}}}", list(items.iter().map(in_go).collect())),
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| format!("{}:{}", quote(key), in_go(value));
            format!("map[interface {{}}]interface {{}}{{{}}}", list(map.iter().map(entry).collect()))
        }
        other => other.to_string(),
    };
    if let Some((end, _)) = text.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}

fn is_merge(node: &Node) -> bool {
    match &node.content {
        Content::Scalar(tag, text) => text == "<<" && tag.may_merge(),
        _ => false,
    }
}

fn no_map() -> Problem {
    Problem::new("map merge requires map or sequence of maps as the value")
}

fn excessive() -> Problem {
    Problem::new("document contains excessive aliasing")
}

const SHOWN_CHARACTERS_MAX: usize = 200;
/// Complaints beyond this many are dropped, as of those about JSON.
const DUPLICATES_MAX: usize = 100;
/// What aliases may add to a document.
const ALIAS_BYTES_MAX: usize = 4 << 20;
/// Whole numbers below this are exact as integers.
const WHOLE_MAX: f64 = 9.0e18;
