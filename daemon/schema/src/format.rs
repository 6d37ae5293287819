//! The syntax of names, labels and keys, with the messages of apimachinery's `util/validation`.
//!
//! Each check returns what is wrong, in upstream's order; nothing means that the text is fine. The checks are byte loops:
//! they run for every label of every write.

use std::borrow::Cow;

/// Why a text is refused. Most messages are fixed, a few carry a limit.
pub(crate) type Complaint = Cow<'static, str>;

const DNS_LABEL_BYTES_MAX: usize = 63;
const DNS_SUBDOMAIN_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

const DNS_LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const DNS_SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const QUALIFIED_NAME: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

const DNS_1035_LABEL: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const CONDITION_REASON: &str = "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')";
const CEL_RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// RFC 1123 label: the names of namespaces.
pub(crate) fn dns_label(text: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    if text.len() > DNS_LABEL_BYTES_MAX {
        complaints.push(too_long(DNS_LABEL_BYTES_MAX, "characters"));
    }
    if !is_dns_label(text) {
        complaints.push(if is_dns_subdomain(text) { "must not contain dots".into() } else { DNS_LABEL.into() });
    }
    complaints
}

/// RFC 1123 subdomain: the names of most objects.
pub(crate) fn dns_subdomain(text: &str) -> Vec<Complaint> {
    subdomain(text, "characters")
}

/// Upstream has this check twice, and the two copies name the unit of their limit differently.
fn subdomain(text: &str, unit: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    if text.len() > DNS_SUBDOMAIN_BYTES_MAX {
        complaints.push(too_long(DNS_SUBDOMAIN_BYTES_MAX, unit));
    }
    if !is_dns_subdomain(text) {
        complaints.push(DNS_SUBDOMAIN.into());
    }
    complaints
}

/// A name that only has to fit into a URL path.
pub(crate) fn path_segment(text: &str) -> Vec<Complaint> {
    match text {
        "." => return vec!["may not be '.'".into()],
        ".." => return vec!["may not be '..'".into()],
        _ => {}
    }
    path_segment_prefix(text)
}

/// A prefix of a name that only has to fit into a URL path.
pub(crate) fn path_segment_prefix(text: &str) -> Vec<Complaint> {
    let mut complaints: Vec<Complaint> = Vec::new();
    for part in ["/", "%"] {
        if text.contains(part) {
            complaints.push(format!("may not contain '{part}'").into());
        }
    }
    complaints
}

/// A label or annotation key, a finalizer: a name with an optional domain in front.
pub(crate) fn qualified_name(text: &str) -> Vec<Complaint> {
    let mut complaints: Vec<Complaint> = Vec::new();
    let mut parts = text.split('/');
    let (first, second, third) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    if third.is_some() {
        return vec![
            format!(
                "a valid label key {QUALIFIED_NAME} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )
            .into(),
        ];
    }
    let name = match second {
        None => first,
        Some(name) => {
            if first.is_empty() {
                complaints.push("prefix part must be non-empty".into());
            } else {
                complaints
                    .extend(subdomain(first, "bytes").into_iter().map(|text| format!("prefix part {text}").into()));
            }
            name
        }
    };
    if name.is_empty() {
        complaints.push("name part must be non-empty".into());
    } else if name.len() > LABEL_BYTES_MAX {
        complaints.push(format!("name part {}", too_long(LABEL_BYTES_MAX, "bytes")).into());
    }
    if !is_name(name) {
        complaints.push(format!("name part {QUALIFIED_NAME}").into());
    }
    complaints
}

/// The value of a label.
pub(crate) fn label_value(text: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    if text.len() > LABEL_BYTES_MAX {
        complaints.push(too_long(LABEL_BYTES_MAX, "bytes"));
    }
    if !text.is_empty() && !is_name(text) {
        complaints.push(LABEL_VALUE.into());
    }
    complaints
}

/// A key of a ConfigMap or Secret: it must be good as a file name.
pub(crate) fn config_key(text: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    if text.len() > DNS_SUBDOMAIN_BYTES_MAX {
        complaints.push(too_long(DNS_SUBDOMAIN_BYTES_MAX, "characters"));
    }
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')) {
        complaints.push(CONFIG_KEY.into());
    }
    match text {
        "." => complaints.push("must not be '.'".into()),
        ".." => complaints.push("must not be '..'".into()),
        _ if text.starts_with("..") => complaints.push("must not start with '..'".into()),
        _ => {}
    }
    complaints
}

/// RFC 1035 label: the names of versions.
pub(crate) fn dns_1035_label(text: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    if text.len() > DNS_LABEL_BYTES_MAX {
        complaints.push(too_long(DNS_LABEL_BYTES_MAX, "characters"));
    }
    if !is_dns_label(text) || !text.starts_with(|first: char| first.is_ascii_lowercase()) {
        complaints.push(DNS_1035_LABEL.into());
    }
    complaints
}

/// One word that says why a condition is as it is.
pub(crate) fn condition_reason(text: &str) -> Vec<Complaint> {
    let bytes = text.as_bytes();
    let is_reason = bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.last().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b',' | b':'));
    // A single letter is fine, and a single underscore does not come this far.
    if is_reason { Vec::new() } else { vec![CONDITION_REASON.into()] }
}

/// Whether the text can be a name in CEL.
pub(crate) fn is_cel_identifier(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    first && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !CEL_RESERVED.contains(&text)
}

/// Whether the text is an RFC 1123 label; its length is not looked at.
pub(crate) fn is_dns_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
}

fn is_dns_subdomain(text: &str) -> bool {
    text.split('.').all(is_dns_label)
}

fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn too_long(bytes_max: usize, unit: &str) -> Complaint {
    format!("must be no more than {bytes_max} {unit}").into()
}
