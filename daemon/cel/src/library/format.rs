//! Named formats: Kubernetes' `format` library, with the messages of apimachinery's `util/validation`.

use super::url;
use crate::budget::{EvalError, Meter};
use crate::interpret::Outcome;
use crate::value::Value;
use crate::value::json::decodes_base64;
use crate::value::opaque::Opaque;
use crate::value::time::Timestamp;

/// A format that texts can have.
#[derive(Debug)]
pub struct NamedFormat {
    /// Its name in Kubernetes.
    pub name: &'static str,
    /// Its name after `format.`.
    pub function: &'static str,
    /// How long the pattern is that checks it, or would: the cost of a check.
    pub pattern_size: u64,
    check: fn(&str) -> Vec<String>,
}

static FORMATS: [NamedFormat; 13] = [
    NamedFormat {
        name: "DNS1123Label",
        function: "dns1123Label",
        pattern_size: 30,
        check: |text| dns_label(text, false),
    },
    NamedFormat {
        name: "DNS1123Subdomain",
        function: "dns1123Subdomain",
        pattern_size: 60,
        check: |text| dns_subdomain(text, false),
    },
    NamedFormat {
        name: "DNS1035Label",
        function: "dns1035Label",
        pattern_size: 30,
        check: |text| dns_1035_label(text, false),
    },
    NamedFormat { name: "QualifiedName", function: "qualifiedName", pattern_size: 60, check: qualified_name },
    NamedFormat {
        name: "DNS1123LabelPrefix",
        function: "dns1123LabelPrefix",
        pattern_size: 30,
        check: |text| dns_label(text, true),
    },
    NamedFormat {
        name: "DNS1123SubdomainPrefix",
        function: "dns1123SubdomainPrefix",
        pattern_size: 60,
        check: |text| dns_subdomain(text, true),
    },
    NamedFormat {
        name: "DNS1035LabelPrefix",
        function: "dns1035LabelPrefix",
        pattern_size: 30,
        check: |text| dns_1035_label(text, true),
    },
    NamedFormat { name: "LabelValue", function: "labelValue", pattern_size: 40, check: label_value },
    NamedFormat { name: "URI", function: "uri", pattern_size: 1103, check: uri },
    NamedFormat { name: "uuid", function: "uuid", pattern_size: 70, check: uuid },
    NamedFormat { name: "byte", function: "byte", pattern_size: 84, check: byte },
    NamedFormat { name: "date", function: "date", pattern_size: 71, check: date },
    NamedFormat { name: "datetime", function: "datetime", pattern_size: 71, check: date_time },
];

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start \
                     and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
                     '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
                         and must start and end with an alphanumeric character (e.g. 'example.com', regex used for \
                         validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
                          alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', \
                          regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const NAME: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
                    character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
                    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
                     start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used \
                     for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// The format that `format.<name>()` or `format.named(name)` stands for.
pub(crate) fn named(function: &str) -> Option<&'static NamedFormat> {
    FORMATS.iter().find(|format| format.function == function)
}

/// `format.named`
pub(crate) fn by_name<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [Value::String(name)] => {
            Ok(named(name).map_or(Value::Optional(None), |format| Value::some(Value::Opaque(Opaque::Format(format)))))
        }
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `validate`: what is wrong with a text, if something is.
pub(crate) fn validate<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::Opaque(Opaque::Format(format)), Value::String(text)] = args else {
        return Err(EvalError::no_such_overload());
    };
    let wrong = (format.check)(text);
    if wrong.is_empty() {
        return Ok(Value::Optional(None));
    }
    meter.allocate(wrong.iter().map(String::len).sum())?;
    Ok(Value::some(Value::list(wrong.into_iter().map(Value::from).collect())))
}

fn too_long(bytes_max: usize, unit: &str) -> String {
    format!("must be no more than {bytes_max} {unit}")
}

/// A prefix of names may end in a dash.
fn masked(text: &str, prefix: bool) -> String {
    match text.strip_suffix('-') {
        Some(rest) if prefix && !rest.is_empty() => {
            let end = rest.char_indices().next_back().map_or(0, |(place, _)| place);
            format!("{}a", &rest[..end])
        }
        _ => text.to_owned(),
    }
}

fn is_label(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bytes = text.as_bytes();
    edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// What is wrong with a label of RFC 1123.
pub(super) fn dns_label(text: &str, prefix: bool) -> Vec<String> {
    let text = &masked(text, prefix);
    let mut wrong = Vec::new();
    if text.len() > 63 {
        wrong.push(too_long(63, "characters"));
    }
    if !is_label(text) {
        wrong.push(if is_subdomain(text) { "must not contain dots" } else { LABEL }.into());
    }
    wrong
}

/// What is wrong with a subdomain of RFC 1123.
pub(super) fn dns_subdomain(text: &str, prefix: bool) -> Vec<String> {
    subdomain(&masked(text, prefix), "characters")
}

/// Upstream has this check twice, with different words for the unit.
fn subdomain(text: &str, unit: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 253 {
        wrong.push(too_long(253, unit));
    }
    if !is_subdomain(text) {
        wrong.push(SUBDOMAIN.into());
    }
    wrong
}

fn dns_1035_label(text: &str, prefix: bool) -> Vec<String> {
    let text = &masked(text, prefix);
    let mut wrong = Vec::new();
    if text.len() > 63 {
        wrong.push(too_long(63, "characters"));
    }
    if !is_label(text) || !text.starts_with(|first: char| first.is_ascii_lowercase()) {
        wrong.push(LABEL_1035.into());
    }
    wrong
}

fn qualified_name(text: &str) -> Vec<String> {
    let parts: Vec<_> = text.split('/').collect();
    let mut wrong = Vec::new();
    let name = match *parts.as_slice() {
        [name] => name,
        [prefix, name] => {
            if prefix.is_empty() {
                wrong.push("prefix part must be non-empty".into());
            } else {
                wrong.extend(subdomain(prefix, "bytes").into_iter().map(|why| format!("prefix part {why}")));
            }
            name
        }
        _ => {
            let example = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
            return vec![format!("a valid label key {NAME} {example}")];
        }
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".into());
    } else if name.len() > 63 {
        wrong.push(format!("name part {}", too_long(63, "bytes")));
    }
    if !is_name(name) {
        wrong.push(format!("name part {NAME}"));
    }
    wrong
}

fn label_value(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 63 {
        wrong.push(too_long(63, "bytes"));
    }
    if !text.is_empty() && !is_name(text) {
        wrong.push(VALUE.into());
    }
    wrong
}

fn uri(text: &str) -> Vec<String> {
    url::Url::parse_request(text).err().into_iter().collect()
}

fn uuid(text: &str) -> Vec<String> {
    let mut rest = text;
    for (group, length) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if group > 0 {
            rest = rest.strip_prefix('-').unwrap_or(rest);
        }
        match rest.get(..length) {
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => rest = &rest[length..],
            _ => return vec!["does not match the UUID format".into()],
        }
    }
    if rest.is_empty() { Vec::new() } else { vec!["does not match the UUID format".into()] }
}

fn byte(text: &str) -> Vec<String> {
    if text.is_empty() || !decodes_base64(text) { vec!["invalid base64".into()] } else { Vec::new() }
}

fn date(text: &str) -> Vec<String> {
    if Timestamp::parse_date(text).is_some() { Vec::new() } else { vec!["invalid date".into()] }
}

fn date_time(text: &str) -> Vec<String> {
    if is_date_time(text) { Vec::new() } else { vec!["invalid datetime".into()] }
}

/// As strfmt checks it: letters in either case, any character before the fraction, and anything after a second `T`.
fn is_date_time(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let mut parts = lower.split('t');
    let (Some(day), Some(time)) = (parts.next(), parts.next()) else { return false };
    if Timestamp::parse_date(day).is_none() {
        return false;
    }
    let clock = time.as_bytes().get(..8).is_some_and(|clock| {
        clock.iter().enumerate().all(|(place, byte)| match place {
            2 | 5 => *byte == b':',
            _ => byte.is_ascii_digit(),
        })
    });
    if !clock || &time[..2] > "23" || &time[3..5] > "59" || &time[6..8] > "59" {
        return false;
    }
    let mut rest = &time[8..];
    if let Some(first) = rest.chars().next() {
        let fraction = &rest[first.len_utf8()..];
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 && fraction[digits..].starts_with(['z', '+', '-']) {
            rest = &fraction[digits..];
        }
    }
    let offset = rest.strip_prefix(['+', '-']).map(str::as_bytes);
    rest == "z"
        || offset.is_some_and(
            |offset| matches!(offset, [a, b, b':', c, d] if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit())),
        )
}
