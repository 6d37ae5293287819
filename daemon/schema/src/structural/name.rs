//! Names that are more narrow than those of objects.

/// A label of RFC 1035: what is wrong with it.
pub(crate) fn dns_1035_label(text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if text.len() > LABEL_BYTES_MAX {
        complaints.push(format!("must be no more than {LABEL_BYTES_MAX} characters"));
    }
    let starts_well = text.starts_with(|c: char| c.is_ascii_lowercase());
    if !starts_well || !crate::format::is_dns_label(text) {
        complaints.push(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, \
             and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is \
             '[a-z]([-a-z0-9]*[a-z0-9])?')"
                .to_owned(),
        );
    }
    complaints
}

const LABEL_BYTES_MAX: usize = 63;
