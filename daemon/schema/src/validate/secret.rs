//! Rules of Secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::config::{VALUES_BYTES_MAX, check_immutable, check_key, map};
use super::{immutable, text};
use crate::cause::Cause;
use crate::decode::{decoded_len, parse};
use crate::kind::Part;
use crate::metadata;

/// Keys, size, and what the type asks for.
pub(crate) fn secret(object: &Value, causes: &mut Vec<Cause>) {
    let mut bytes = 0;
    for (key, value) in map(object, "data").into_iter().flatten() {
        check_key("data", key, causes);
        bytes += decoded_len(value.as_str().unwrap_or_default());
    }
    if bytes > VALUES_BYTES_MAX {
        causes.push(Cause::too_long("data", VALUES_BYTES_MAX));
    }
    match text(object, &["type"]) {
        "kubernetes.io/service-account-token" => {
            const ACCOUNT: &str = "kubernetes.io/service-account.name";
            if metadata::annotation(object, ACCOUNT).unwrap_or_default().is_empty() {
                causes.push(Cause::required(format!("metadata.annotations[{ACCOUNT}]"), ""));
            }
        }
        "kubernetes.io/dockercfg" => docker(object, ".dockercfg", causes),
        "kubernetes.io/dockerconfigjson" => docker(object, ".dockerconfigjson", causes),
        "kubernetes.io/basic-auth" if ["username", "password"].iter().all(|key| value(object, key).is_none()) => {
            causes.push(Cause::required("data[username]", ""));
            causes.push(Cause::required("data[password]", ""));
        }
        "kubernetes.io/ssh-auth" if value(object, "ssh-privatekey").unwrap_or_default().is_empty() => {
            causes.push(Cause::required("data[ssh-privatekey]", ""));
        }
        "kubernetes.io/tls" => {
            for key in ["tls.crt", "tls.key"] {
                if value(object, key).is_none() {
                    causes.push(Cause::required(format!("data[{key}]"), ""));
                }
            }
        }
        _ => {}
    }
}

/// The type never changes, and nothing of an immutable secret does.
pub(crate) fn secret_update(object: &Value, old: &Value, _: Part, causes: &mut Vec<Cause>) {
    immutable(object, old, "type", &["type"], causes);
    check_immutable(object, old, &["data"], causes);
}

fn value<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    map(object, "data")?.get(key)?.as_str()
}

/// The key must be there and hold a JSON object.
fn docker(object: &Value, key: &str, causes: &mut Vec<Cause>) {
    let field = format!("data[{key}]");
    let Some(encoded) = value(object, key) else {
        causes.push(Cause::required(field, ""));
        return;
    };
    let bytes = STANDARD.decode(encoded).unwrap_or_default();
    let found = match parse(&bytes) {
        Ok((Value::Object(_) | Value::Null, _)) => return,
        Ok((Value::Array(_), _)) => "array",
        Ok((Value::String(_), _)) => "string",
        Ok((Value::Bool(_), _)) => "bool",
        Ok((Value::Number(_), _)) => "number",
        Err(message) => {
            causes.push(Cause::invalid(field, REDACTED, message));
            return;
        }
    };
    let detail = format!("json: cannot unmarshal {found} into Go value of type map[string]interface {{}}");
    causes.push(Cause::invalid(field, REDACTED, detail));
}

const REDACTED: &str = "<secret contents redacted>";
