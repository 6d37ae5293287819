//! Objects that are sent as YAML.

use std::borrow::Cow;

use hanse_schema::decode::{DecodeError, Decoded, FieldValidation, decode, in_version, unrecognized};
use hanse_schema::kind::Kind;
use serde_json::Value;

use super::to_json;
use crate::negotiate::BodyType;
use crate::status::Failure;

/// Reads an object that was sent to an endpoint of this kind as YAML. Keys that are given twice are told of as upstream does:
/// with the lines that they stand on.
///
/// # Errors
/// 400 as for JSON, and for what is no YAML.
pub(crate) fn object(kind: &Kind, body: &[u8], validation: FieldValidation) -> Result<Decoded, Failure> {
    let read =
        to_json(body).map_err(|problem| Failure::BadRequest(unrecognized(&kind.kind, body, &problem.to_string())))?;
    let decoded = decode(kind, read.value.to_string().as_bytes(), validation);
    let Some(complaint) = read.complaint() else { return Ok(decoded?) };
    match (validation, decoded) {
        (FieldValidation::Ignore, decoded) => Ok(decoded?),
        (FieldValidation::Warn, decoded) => {
            let mut decoded = decoded?;
            decoded.warnings.splice(0..0, read.duplicates);
            Ok(decoded)
        }
        (FieldValidation::Strict, Err(DecodeError::Strict(text))) => {
            Err(Failure::BadRequest(text.replacen(STRICT, &format!("{STRICT}{complaint}, "), 1)))
        }
        (FieldValidation::Strict, decoded) => {
            decoded?;
            let prefix = in_version(&kind.kind, &kind.api_version(), &kind.kind);
            Err(Failure::BadRequest(format!("{prefix}: {STRICT}{complaint}")))
        }
    }
}

const STRICT: &str = "strict decoding error: ";

/// A body of an object that is no kind of its own, options for instance, as JSON. Keys may be given twice.
///
/// # Errors
/// 400 for what is no YAML.
pub(crate) fn as_json<'b>(name: &str, sent: BodyType, body: &'b [u8]) -> Result<Cow<'b, [u8]>, Failure> {
    if sent != BodyType::Yaml {
        return Ok(Cow::Borrowed(body));
    }
    let read = to_json(body).map_err(|problem| Failure::BadRequest(unrecognized(name, body, &problem.to_string())))?;
    Ok(Cow::Owned(read.value.to_string().into_bytes()))
}

/// An object that is applied, and what a strict reader says about it.
///
/// # Errors
/// 400 for what is no YAML, or no object.
pub(crate) fn applied(body: &[u8]) -> Result<(Value, Vec<String>), Failure> {
    let refused = |why: String| Failure::BadRequest(format!("error decoding YAML: {why}"));
    let read = to_json(body).map_err(|problem| refused(format!("{CONVERTING}{problem}")))?;
    let kind = match &read.value {
        Value::Object(_) => return Ok((read.value, read.duplicates)),
        Value::Null => return Ok((Value::Object(serde_json::Map::new()), Vec::new())),
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) => "bool",
    };
    Err(refused(format!(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
    )))
}

/// What is done about keys that are given twice in an object that is applied: nothing, warnings, or a refusal.
///
/// # Errors
/// 400 when the request is strict.
pub(crate) fn applied_duplicates(duplicates: Vec<String>, validation: FieldValidation) -> Result<Vec<String>, Failure> {
    match validation {
        FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Warn => Ok(duplicates),
        FieldValidation::Strict if duplicates.is_empty() => Ok(duplicates),
        FieldValidation::Strict => {
            let lines = duplicates.join("\n  ");
            let why = format!("error strict decoding YAML: {CONVERTING}yaml: unmarshal errors:\n  {lines}");
            Err(Failure::BadRequest(why))
        }
    }
}

const CONVERTING: &str = "error converting YAML to JSON: ";

#[cfg(test)]
mod tests {
    use hanse_schema::decode::FieldValidation;
    use hanse_schema::kind::by_plural;
    use serde_json::json;

    use super::{applied, applied_duplicates, object};

    const CONFIG_MAP: &str = "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: a\n";

    fn read(text: &str, validation: FieldValidation) -> Result<(serde_json::Value, Vec<String>), String> {
        let kind = by_plural("", "v1", "configmaps").unwrap();
        let decoded = object(kind, format!("{CONFIG_MAP}{text}").as_bytes(), validation);
        decoded.map(|decoded| (decoded.value, decoded.warnings)).map_err(|failure| failure.message())
    }

    #[test]
    fn an_object_in_yaml_is_the_object_in_json() {
        let (value, warnings) = read("data: {a: \"1\", b: 'x'}\n", FieldValidation::Strict).unwrap();
        assert_eq!((&value["data"], value["metadata"]["name"].as_str()), (&json!({"a": "1", "b": "x"}), Some("a")));
        assert!(warnings.is_empty());
    }

    /// Texts as kube-apiserver gives them.
    #[test]
    fn keys_that_are_given_twice_are_told_with_their_lines() {
        let text = "data:\n  a: x\n  a: z\nextra: 1\n";
        let (value, warnings) = read(text, FieldValidation::Warn).unwrap();
        assert_eq!(value["data"], json!({"a": "z"}));
        assert_eq!(warnings, [r#"line 7: key "a" already set in map"#, r#"unknown field "extra""#]);
        assert!(read(text, FieldValidation::Ignore).unwrap().1.is_empty());
        assert_eq!(
            read(text, FieldValidation::Strict).unwrap_err(),
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal errors:\n  \
             line 7: key \"a\" already set in map, unknown field \"extra\""
        );
        assert_eq!(
            read("data: {a: x, a: z}\n", FieldValidation::Strict).unwrap_err(),
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal errors:\n  \
             line 5: key \"a\" already set in map"
        );
    }

    #[test]
    fn what_is_no_yaml_is_refused_in_upstreams_words() {
        let why = read("data: a: b\n", FieldValidation::Warn).unwrap_err();
        let start = "the object provided is unrecognized (must be of type ConfigMap): yaml: line 5: mapping values are not allowed in this context (";
        assert!(why.starts_with(start), "{why}");
        let why = |body: &str| applied(body.as_bytes()).unwrap_err().message();
        assert_eq!(
            why("a:\n  b: c\n d: e\n"),
            "error decoding YAML: error converting YAML to JSON: yaml: line 2: did not find expected key"
        );
        assert_eq!(
            why("[]"),
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}"
        );
        let (value, duplicates) = applied(b"{\"a\":1,\"a\":2}").unwrap();
        assert_eq!(value, json!({"a": 2}));
        assert_eq!(
            applied_duplicates(duplicates.clone(), FieldValidation::Warn).unwrap(),
            [r#"line 1: key "a" already set in map"#]
        );
        assert_eq!(
            applied_duplicates(duplicates, FieldValidation::Strict).unwrap_err().message(),
            "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 1: key \"a\" already set in map"
        );
    }
}
