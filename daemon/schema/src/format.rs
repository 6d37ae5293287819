//! The syntax of keys and parts of paths, with the messages of apimachinery's `util/validation`; that of names and labels is
//! [`hanse_cel::name`]'s, whose functions have the same form.
//!
//! Each check returns what is wrong, in upstream's order; nothing means that the text is fine.

use hanse_cel::name::SUBDOMAIN_BYTES_MAX;
pub(crate) use hanse_cel::name::{
    Complaint, dns_1035_label, dns_label, dns_subdomain, is_cel_identifier, is_dns_label, label_value, qualified_name,
};

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

/// A key of a ConfigMap or Secret: it must be good as a file name.
pub(crate) fn config_key(text: &str) -> Vec<Complaint> {
    let mut complaints: Vec<Complaint> = Vec::new();
    if text.len() > SUBDOMAIN_BYTES_MAX {
        complaints.push(format!("must be no more than {SUBDOMAIN_BYTES_MAX} characters").into());
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

/// One word that says why a condition is as it is.
pub(crate) fn condition_reason(text: &str) -> Vec<Complaint> {
    let bytes = text.as_bytes();
    let is_reason = bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.last().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b',' | b':'));
    // A single letter is fine, and a single underscore does not come this far.
    if is_reason { Vec::new() } else { vec![CONDITION_REASON.into()] }
}

const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const CONDITION_REASON: &str = "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')";
