//! `fieldsV1`: a set of fields as JSON.
//!
//! An entry stands for a path element; `{}` says that it is a member and that nothing is below it, `"."` inside says that it
//! is a member too. Entries are written in the order of the set, so equal sets are equal bytes.

use serde_json::{Map, Value};

use super::path::{BadElement, PathElement};
use super::set::{Mark, Node, Set};

/// Writes a set.
#[must_use]
pub fn encode(set: &Set) -> Value {
    let mut text = String::new();
    Value::Object(encode_below(set, false, &mut text))
}

fn encode_below(set: &Set, member: bool, text: &mut String) -> Map<String, Value> {
    let nodes = set.nodes();
    let mut map = Map::with_capacity(nodes.len() + usize::from(member));
    if member && !nodes.is_empty() {
        map.insert(".".to_owned(), Value::Object(Map::new()));
    }
    for node in nodes {
        text.clear();
        node.element.write(text);
        let key = text.clone();
        let Mark { member, below } = &node.mark;
        map.insert(key, Value::Object(encode_below(below, *member, text)));
    }
    map
}

/// Reads a set. Elements of unknown kinds are left out.
///
/// # Errors
/// The value is not a set of fields, or deeper than [`DEPTH_MAX`].
pub fn decode(value: &Value) -> Result<Set, String> {
    decode_below(value, DEPTH_MAX).map(|(set, _)| set)
}

/// What stands below an element, and whether the element is a member.
fn decode_below(value: &Value, depth_left: usize) -> Result<(Set, bool), String> {
    let map = match value {
        Value::Object(map) => map,
        Value::Null => return Ok((Set::new(), true)),
        other => return Err(format!("expected an object, got {other}")),
    };
    let depth_left = depth_left.checked_sub(1).ok_or_else(|| "the set of fields is too deep".to_owned())?;
    let mut member = false;
    let mut nodes = Vec::with_capacity(map.len());
    for (key, value) in map {
        if key == "." {
            member = true;
            continue;
        }
        let element = match PathElement::parse(key) {
            Ok(element) => element,
            Err(BadElement::Unknown) => continue,
            Err(BadElement::Malformed(why)) => return Err(format!("parsing key as path element: {why}")),
        };
        let (below, member) = decode_below(value, depth_left)?;
        nodes.push(Node { element, mark: Mark { member, below } });
    }
    let set = Set::of_nodes(nodes);
    let member = member || set.is_empty();
    Ok((set, member))
}

/// How deep a set may be; objects are never as deep, so no set of theirs is refused.
pub const DEPTH_MAX: usize = 256;
