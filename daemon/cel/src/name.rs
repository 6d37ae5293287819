//! The syntax of names and labels, with the messages of apimachinery's `util/validation`: for expressions, and for whoever
//! checks objects.
//!
//! Each check returns what is wrong, in upstream's order; nothing means that the text is fine. The checks are byte loops:
//! they run for every label of every write.

use std::borrow::Cow;

use crate::value::escape;

/// Why a text is refused. Most messages are fixed, a few carry a limit.
pub type Complaint = Cow<'static, str>;

/// RFC 1123 label: the names of namespaces.
#[must_use]
pub fn dns_label(text: &str) -> Vec<Complaint> {
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
#[must_use]
pub fn dns_subdomain(text: &str) -> Vec<Complaint> {
    subdomain(text, "characters")
}

/// Upstream has this check twice, and the two copies name the unit of their limit differently.
fn subdomain(text: &str, unit: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    if text.len() > SUBDOMAIN_BYTES_MAX {
        complaints.push(too_long(SUBDOMAIN_BYTES_MAX, unit));
    }
    if !is_dns_subdomain(text) {
        complaints.push(DNS_SUBDOMAIN.into());
    }
    complaints
}

/// A label or annotation key, a finalizer: a name with an optional domain in front.
#[must_use]
pub fn qualified_name(text: &str) -> Vec<Complaint> {
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
#[must_use]
pub fn label_value(text: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    if text.len() > LABEL_BYTES_MAX {
        complaints.push(too_long(LABEL_BYTES_MAX, "bytes"));
    }
    if !text.is_empty() && !is_name(text) {
        complaints.push(LABEL_VALUE.into());
    }
    complaints
}

/// RFC 1035 label: the names of versions.
#[must_use]
pub fn dns_1035_label(text: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    if text.len() > DNS_LABEL_BYTES_MAX {
        complaints.push(too_long(DNS_LABEL_BYTES_MAX, "characters"));
    }
    if !is_dns_label(text) || !text.starts_with(|first: char| first.is_ascii_lowercase()) {
        complaints.push(DNS_1035_LABEL.into());
    }
    complaints
}

/// Whether the text can stand in an expression as it is.
#[must_use]
pub fn is_cel_identifier(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    first && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && escape::reserved(text).is_none()
}

/// Whether the text is an RFC 1123 label; its length is not looked at.
#[must_use]
pub fn is_dns_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
}

/// A prefix of a name, as it is checked: it may end with a dash, since more comes after it. Upstream takes the last two
/// characters for one letter.
#[must_use]
pub fn masked(prefix: &str) -> Cow<'_, str> {
    match prefix.strip_suffix('-') {
        Some(rest) if !rest.is_empty() => {
            let mut masked: String = rest.to_owned();
            masked.pop();
            masked.push('a');
            masked.into()
        }
        _ => prefix.into(),
    }
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

const DNS_LABEL_BYTES_MAX: usize = 63;
/// What a DNS name may have.
pub const SUBDOMAIN_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;
const DNS_LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const DNS_SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const QUALIFIED_NAME: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const DNS_1035_LABEL: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
