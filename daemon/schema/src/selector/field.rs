//! Field selectors: `a=b,c!=d`, as apimachinery's `fields` reads them.

use serde_json::Value;

use crate::cause::quote;
use crate::kind::{Kind, Selectable, SelectableField, Text};
use crate::validate::at;
use std::borrow::Cow;
use std::sync::LazyLock;

/// A field selector for objects of one kind. All its terms must hold; without terms it selects everything.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    terms: Vec<Term>,
}

#[derive(Clone, Debug)]
struct Term {
    field: SelectableField,
    equal: bool,
    value: String,
}

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// Upstream's message, `field label not supported: x` for instance.
    pub fn parse(kind: &Kind, text: &str) -> Result<Self, String> {
        let mut parts = split(text);
        parts.sort_unstable();
        let mut terms = Vec::with_capacity(parts.len());
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            let Some((label, equal, value)) = split_term(part) else {
                return Err(format!("invalid selector: '{text}'; can't understand '{part}'"));
            };
            let value = unescape(value)?;
            terms.push((label, equal, value));
        }
        let find = |(label, equal, value): (&str, bool, String)| {
            field(kind, label).map(|field| Term { field: field.clone(), equal, value })
        };
        Ok(Self { terms: terms.into_iter().map(find).collect::<Result<_, _>>()? })
    }

    /// Whether it selects everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether an object, in the stored form, is selected.
    #[must_use]
    pub fn matches(&self, object: &Value) -> bool {
        self.terms.iter().all(|term| (value_of(&term.field, object) == term.value) == term.equal)
    }

    /// The one name that an object can have to be selected, so that a list need not look at others.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.exact("metadata.name")
    }

    /// The one namespace that an object can have to be selected.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.exact("metadata.namespace")
    }

    fn exact(&self, label: &str) -> Option<&str> {
        self.terms.iter().find(|term| term.equal && term.field.label == label).map(|term| term.value.as_str())
    }
}

fn value_of<'a>(field: &SelectableField, object: &'a Value) -> Cow<'a, str> {
    let text = |path: &[Text]| at(object, path).map(written).unwrap_or_default();
    let value = text(&field.path);
    if value.is_empty() && !field.otherwise.is_empty() { text(&field.otherwise) } else { value }
}

/// A scalar as a selector writes it: booleans and numbers of custom resources can be selected, too.
fn written(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Bool(_) | Value::Number(_) => Cow::Owned(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Cow::Borrowed(""),
    }
}

fn field<'a>(kind: &'a Kind, label: &str) -> Result<&'a SelectableField, String> {
    let fields = match &kind.selectable {
        Selectable::Metadata => &METADATA[..],
        Selectable::Listed(fields) => fields,
    };
    fields.iter().find(|field| field.label == label).ok_or_else(|| match &kind.selectable {
        Selectable::Metadata => {
            format!("{} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"", quote(label))
        }
        Selectable::Listed(_) => format!("field label not supported: {label}"),
    })
}

/// The terms; a comma after a backslash belongs to a value.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b',' => {
                parts.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    parts
}

/// Label, whether it must be equal, and the value with its escapes.
fn split_term(term: &str) -> Option<(&str, bool, &str)> {
    let at =
        term.bytes().zip(term.bytes().skip(1).chain([0])).position(|pair| pair.0 == b'=' || pair == (b'!', b'='))?;
    let (label, rest) = term.split_at(at);
    for (operator, equal) in [("!=", false), ("==", true), ("=", true)] {
        if let Some(value) = rest.strip_prefix(operator) {
            return Some((label, equal, value));
        }
    }
    None
}

fn unescape(value: &str) -> Result<String, String> {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c @ ('\\' | ',' | '=')) => out.push(c),
                other => {
                    let other = other.map(String::from).unwrap_or_default();
                    return Err(format!("invalid field selector: invalid escape sequence: \\{other}"));
                }
            },
            // Upstream shows the number of the character.
            ',' | '=' => {
                return Err(format!("invalid field selector: unescaped character in value: {}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

static METADATA: LazyLock<[SelectableField; 2]> = LazyLock::new(|| {
    [("metadata.name", "name"), ("metadata.namespace", "namespace")].map(|(label, field)| SelectableField {
        label: label.into(),
        path: vec!["metadata".into(), field.into()],
        otherwise: Vec::new(),
    })
});

#[cfg(test)]
mod tests {
    use super::Selector;
    use crate::kind::by_kind;
    use proptest::prelude::{ProptestConfig, proptest};
    use serde_json::json;

    #[test]
    fn objects_are_selected_by_their_fields() {
        let event = json!({
            "metadata": {"name": "e", "namespace": "n"}, "involvedObject": {"kind": "Workspace", "name": "a,b"},
            "reportingComponent": "c", "type": "Normal",
        });
        for (group, text, want) in [
            ("", "", true),
            ("", "metadata.name=e", true),
            ("", "metadata.name==e,metadata.namespace=n", true),
            ("", "metadata.name!=e", false),
            ("", "involvedObject.name=a\\,b", true),
            ("", "source=c,type!=Warning", true),
            ("", "reason=", true),
            ("events.k8s.io", "regarding.kind=Workspace", true),
            ("events.k8s.io", "reportingController=d", false),
        ] {
            let kind = by_kind(group, "v1", "Event").unwrap();
            assert_eq!(Selector::parse(kind, text).unwrap().matches(&event), want, "{text}");
        }
        let kind = by_kind("", "v1", "Event").unwrap();
        assert_eq!(Selector::parse(kind, "type=x,metadata.name=e").unwrap().name(), Some("e"));
        assert_eq!(Selector::parse(kind, "metadata.name!=e").unwrap().name(), None);
    }

    #[test]
    fn bad_selectors_are_refused_in_upstreams_words() {
        for (kind, text, want) in [
            ("Secret", "x=y", "field label not supported: x"),
            ("Namespace", "metadata.namespace=y", "field label not supported: metadata.namespace"),
            ("ConfigMap", "x=y", "\"x\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""),
            ("Secret", "type", "invalid selector: 'type'; can't understand 'type'"),
            ("Secret", "type=a=b", "invalid field selector: unescaped character in value: 61"),
            ("Secret", "type=a\\x", "invalid field selector: invalid escape sequence: \\x"),
            ("Secret", "type=a\\", "invalid field selector: invalid escape sequence: \\"),
        ] {
            let kind = by_kind("", "v1", kind).unwrap();
            assert_eq!(Selector::parse(kind, text).unwrap_err(), want, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "[a-z.=!,\\\\ é]{0,30}|\\PC{0,30}") {
            drop(Selector::parse(by_kind("", "v1", "Secret").unwrap(), &text));
        }
    }
}
