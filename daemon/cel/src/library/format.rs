//! Named formats: Kubernetes' `format` library, with the messages of apimachinery's `util/validation`.

use super::url;
use crate::budget::{EvalError, Meter};
use crate::interpret::Outcome;
use crate::name::{self, Complaint, masked};
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
    check: fn(&str) -> Vec<Complaint>,
}

static FORMATS: [NamedFormat; 13] = [
    NamedFormat { name: "DNS1123Label", function: "dns1123Label", pattern_size: 30, check: name::dns_label },
    NamedFormat {
        name: "DNS1123Subdomain",
        function: "dns1123Subdomain",
        pattern_size: 60,
        check: name::dns_subdomain,
    },
    NamedFormat { name: "DNS1035Label", function: "dns1035Label", pattern_size: 30, check: name::dns_1035_label },
    NamedFormat { name: "QualifiedName", function: "qualifiedName", pattern_size: 60, check: name::qualified_name },
    NamedFormat {
        name: "DNS1123LabelPrefix",
        function: "dns1123LabelPrefix",
        pattern_size: 30,
        check: |text| name::dns_label(&masked(text)),
    },
    NamedFormat {
        name: "DNS1123SubdomainPrefix",
        function: "dns1123SubdomainPrefix",
        pattern_size: 60,
        check: |text| name::dns_subdomain(&masked(text)),
    },
    NamedFormat {
        name: "DNS1035LabelPrefix",
        function: "dns1035LabelPrefix",
        pattern_size: 30,
        check: |text| name::dns_1035_label(&masked(text)),
    },
    NamedFormat { name: "LabelValue", function: "labelValue", pattern_size: 40, check: name::label_value },
    NamedFormat { name: "URI", function: "uri", pattern_size: 1103, check: uri },
    NamedFormat { name: "uuid", function: "uuid", pattern_size: 70, check: uuid },
    NamedFormat { name: "byte", function: "byte", pattern_size: 84, check: byte },
    NamedFormat { name: "date", function: "date", pattern_size: 71, check: date },
    NamedFormat { name: "datetime", function: "datetime", pattern_size: 71, check: date_time },
];

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
    meter.allocate(wrong.iter().map(|why| why.len()).sum())?;
    Ok(Value::some(Value::list(wrong.into_iter().map(|why| Value::from(why.into_owned())).collect())))
}

fn uri(text: &str) -> Vec<Complaint> {
    url::Url::parse_request(text).err().map(Complaint::from).into_iter().collect()
}

fn uuid(text: &str) -> Vec<Complaint> {
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

fn byte(text: &str) -> Vec<Complaint> {
    if text.is_empty() || !decodes_base64(text) { vec!["invalid base64".into()] } else { Vec::new() }
}

fn date(text: &str) -> Vec<Complaint> {
    if Timestamp::parse_date(text).is_some() { Vec::new() } else { vec!["invalid date".into()] }
}

fn date_time(text: &str) -> Vec<Complaint> {
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
