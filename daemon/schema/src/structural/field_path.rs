//! Paths of fields in rules and in selectable fields, `.spec.a['b.c']`: only fields and keys of maps that the schema has.

use super::props::{Props, SchemaOrBool};

/// Whether `['key']` is permitted in a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brackets {
    Permitted,
    Refused,
}

/// A path that leads to a field.
pub(crate) struct FieldPath<'v> {
    /// As messages show it, without a leading dot.
    pub(crate) text: String,
    /// Its first step.
    pub(crate) root: String,
    /// The schema at its end; nothing where only the existence of the values is known.
    pub(crate) schema: Option<Props<'v>>,
}

/// Follows a path through a schema.
///
/// # Errors
/// Upstream's words for what is wrong.
pub(crate) fn follow<'v>(path: &str, schema: Props<'v>, brackets: Brackets) -> Result<FieldPath<'v>, String> {
    let mut found = FieldPath { text: String::new(), root: String::new(), schema: Some(schema) };
    let mut rest = path;
    while let Some(token) = next(&mut rest) {
        match token {
            "." => {
                let name = next(&mut rest).ok_or_else(unexpected_end)?;
                found.step(name)?;
            }
            "[" => {
                if brackets == Brackets::Refused {
                    return Err("array notation is not allowed".to_owned());
                }
                let quoted = next(&mut rest).ok_or_else(unexpected_end)?;
                let inner = quoted.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
                let inner = inner.ok_or_else(|| format!("expected single quoted string but got {quoted}"))?;
                found.step(&unescape(inner)?)?;
                match next(&mut rest) {
                    None => return Err(unexpected_end()),
                    Some("]") => {}
                    Some(other) => return Err(format!("expected ] but got {other}")),
                }
            }
            other => return Err(format!("expected [ or . but got: {other}")),
        }
    }
    Ok(found)
}

impl FieldPath<'_> {
    fn step(&mut self, name: &str) -> Result<(), String> {
        let nowhere = || "does not refer to a valid field".to_owned();
        let schema = self.schema.ok_or_else(nowhere)?;
        let is_named = !schema.named("properties").is_empty();
        if is_named {
            if !self.text.is_empty() {
                self.text.push('.');
            }
            self.text.push_str(name);
            self.schema = Some(schema.property(name).ok_or_else(nowhere)?);
        } else {
            let additional = schema.additional().ok_or_else(nowhere)?;
            self.text.push_str(&format!("[{name}]"));
            self.schema = match additional {
                SchemaOrBool::Schema(next) => Some(next),
                SchemaOrBool::Bool(_) => None,
            };
        }
        if self.root.is_empty() {
            self.root.clone_from(&self.text);
        }
        Ok(())
    }
}

/// Takes a delimiter, a text in single quotes, or what stands before a delimiter.
fn next<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let text: &'a str = rest;
    let end = if text.starts_with('\'') {
        let mut before = '\'';
        let close = text.char_indices().skip(1).find(|(_, c)| {
            let closes = *c == '\'' && before != '\\';
            before = *c;
            closes
        });
        close.map_or(text.len(), |(position, _)| position + 1)
    } else {
        match text.find(['.', '[', ']']) {
            Some(0) => 1,
            Some(position) => position,
            None => text.len(),
        }
    };
    let (token, behind) = text.split_at_checked(end)?;
    *rest = behind;
    (!token.is_empty()).then_some(token)
}

fn unexpected_end() -> String {
    "unexpected end of JSON path".to_owned()
}

fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            None => out.push('\\'),
            Some('a') => out.push('\x07'),
            Some('b') => out.push('\x08'),
            Some('f') => out.push('\x0c'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('v') => out.push('\x0b'),
            Some(c @ ('\'' | '\\')) => out.push(c),
            Some(c) => return Err(format!("invalid string literal: invalid escape char \\{c}")),
        }
    }
    Ok(out)
}
