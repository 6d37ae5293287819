//! Formats of strings that Kubernetes checks, with the checks of kube-openapi's `strfmt`.
//!
//! Each is a hand-written pass over the text: a regular expression for some of them would take megabytes.

pub(crate) mod net;
mod number;

use super::schema::JsonType;
use crate::time::{Moment, Precision};

/// A format that values of a node are checked against, with the name that the schema gives.
#[derive(Clone, Debug)]
pub struct Format {
    /// The name as the schema has it: some formats are known with and without dashes.
    pub name: Box<str>,
    /// What is checked.
    pub check: Check,
}

/// What a format asks of a value.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// A string that this function accepts.
    Text(fn(&str) -> bool),
    /// An integer of 32 bits.
    Int32,
    /// An integer of 64 bits.
    Int64,
    /// A number within the range of 32 bit floats.
    Float,
    /// Any number.
    Double,
}

impl Format {
    /// The format with this name, if Kubernetes checks it for values of this type. `None` is the type of a node without one.
    #[must_use]
    pub fn known(name: &str, kind: Option<JsonType>) -> Option<Self> {
        let check = match kind {
            None | Some(JsonType::String) => Check::Text(text_check(&name.replace('-', ""))?),
            Some(JsonType::Integer) if name == "int32" => Check::Int32,
            Some(JsonType::Integer) if name == "int64" => Check::Int64,
            Some(JsonType::Number) if name == "float" => Check::Float,
            Some(JsonType::Number) if name == "double" => Check::Double,
            _ => return None,
        };
        Some(Self { name: name.into(), check })
    }
}

fn text_check(name: &str) -> Option<fn(&str) -> bool> {
    Some(match name {
        "bsonobjectid" => |text| text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "uri" => net::is_request_uri,
        "email" => net::is_email,
        "hostname" => net::is_hostname,
        "ipv4" => net::is_ipv4,
        "ipv6" => net::is_ipv6,
        "cidr" => net::is_cidr,
        "mac" => net::is_mac,
        "uuid" => |text| number::is_uuid(text, None),
        "uuid3" => |text| number::is_uuid(text, Some(b'3')),
        "uuid4" => |text| number::is_uuid(text, Some(b'4')),
        "uuid5" => |text| number::is_uuid(text, Some(b'5')),
        "isbn" => |text| number::is_isbn10(text) || number::is_isbn13(text),
        "isbn10" => number::is_isbn10,
        "isbn13" => number::is_isbn13,
        "creditcard" => number::is_credit_card,
        "ssn" => number::is_ssn,
        "hexcolor" => is_hex_color,
        "rgbcolor" => is_rgb_color,
        "byte" => is_base64,
        "password" => |_| true,
        "date" => is_date,
        "duration" => is_duration,
        "datetime" => is_date_time,
        "k8sshortname" => |text| text.len() <= 63 && crate::format::is_dns_label(text),
        "k8slongname" => |text| text.len() <= 253 && text.split('.').all(crate::format::is_dns_label),
        _ => return None,
    })
}

fn is_hex_color(text: &str) -> bool {
    let digits = text.strip_prefix('#').unwrap_or(text);
    matches!(digits.len(), 3 | 6) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `rgb(0, 128, 255)`
fn is_rgb_color(text: &str) -> bool {
    let inner = text.strip_prefix("rgb(").and_then(|rest| rest.strip_suffix(')'));
    let mut parts = inner.unwrap_or_default().split(',');
    let mut part = || {
        let digits = parts.next().unwrap_or_default().trim_matches([' ', '\t', '\n', '\u{c}', '\r']);
        let plain = !digits.is_empty() && digits.len() <= 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain && (digits == "0" || !digits.starts_with('0')) && digits.parse::<u16>().is_ok_and(|value| value <= 255)
    };
    part() && part() && part() && parts.next().is_none()
}

/// The standard alphabet with padding, and not empty.
fn is_base64(text: &str) -> bool {
    let data = text.trim_end_matches('=');
    !text.is_empty()
        && text.len().is_multiple_of(4)
        && text.len() - data.len() <= 2
        && data.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

/// `2006-01-02`
fn is_date(text: &str) -> bool {
    text.len() == 10 && text.is_ascii() && Moment::parse(&format!("{text}T00:00:00Z"), Precision::Seconds).is_ok()
}

/// RFC 3339 with any number of digits behind the seconds. Whatever follows a second `t` is not looked at, as upstream.
fn is_date_time(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut parts = lower.split('t');
    let (Some(date), Some(time)) = (parts.next(), parts.next()) else { return false };
    let bytes = time.as_bytes();
    let digits = |from: usize| match bytes.get(from..from + 2) {
        Some([tens @ b'0'..=b'9', ones @ b'0'..=b'9']) => Some((tens - b'0') * 10 + (ones - b'0')),
        _ => None,
    };
    let (Some(hour), Some(minute), Some(second)) = (digits(0), digits(3), digits(6)) else { return false };
    let colons = bytes.get(2) == Some(&b':') && bytes.get(5) == Some(&b':');
    is_date(date)
        && colons
        && hour <= 23
        && minute <= 59
        && second <= 59
        && time.get(8..).is_some_and(is_fraction_and_zone)
}

/// An optional fraction behind any one character, then `z` or an offset.
fn is_fraction_and_zone(rest: &str) -> bool {
    let is_zone = |zone: &str| {
        let bytes = zone.as_bytes();
        let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        zone == "z"
            || bytes.len() == 6
                && matches!(bytes.first(), Some(b'+' | b'-'))
                && bytes.get(3) == Some(&b':')
                && digit(1)
                && digit(2)
                && digit(4)
                && digit(5)
    };
    if is_zone(rest) {
        return true;
    }
    let mut chars = rest.chars();
    let Some(c) = chars.next() else { return false };
    let behind = chars.as_str();
    let zone = behind.trim_start_matches(|c: char| c.is_ascii_digit());
    c != '\n' && zone.len() < behind.len() && is_zone(zone)
}

/// What Go's `time.ParseDuration` reads, or Scala's form: numbers with units anywhere in the text.
fn is_duration(text: &str) -> bool {
    is_go_duration(text) || is_scala_duration(text)
}

/// Go's form, `1h15m30.918s`. Bounded to what fits into 64 bits of nanoseconds.
fn is_go_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    let mut nanos = 0_f64;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, behind) = rest.split_at(unit_at);
        let end = behind.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(behind.len());
        let (unit, next) = behind.split_at(end);
        let scale = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return false,
        };
        let digits = number.bytes().filter(u8::is_ascii_digit).count();
        let Ok(value) = format!("0{number}0").parse::<f64>() else { return false };
        if digits == 0 {
            return false;
        }
        let shift = if number.contains('.') { 1.0 } else { 0.1 };
        nanos += value * shift * scale;
        rest = next;
    }
    !text.is_empty() && !text.ends_with(['-', '+']) && nanos < 9.223_372_036_854_776e18
}

fn is_scala_duration(text: &str) -> bool {
    let mut found = false;
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let number_on = rest.get(start..).unwrap_or_default();
        let digits = number_on.len() - number_on.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, behind) = number_on.split_at(digits);
        let unit_on = behind.trim_start_matches([' ', '\t', '\n', '\u{c}', '\r']);
        let next = unit_on.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == 'µ');
        let unit = unit_on.get(..unit_on.len() - next.len()).unwrap_or_default();
        if !unit.is_empty() {
            if number.parse::<i64>().is_err() {
                return false;
            }
            found |= is_scala_unit(&unit.to_lowercase());
        }
        rest = if unit.is_empty() { behind } else { next };
    }
    found
}

fn is_scala_unit(unit: &str) -> bool {
    const EXACT: [&str; 11] = ["ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk"];
    const BEGINNINGS: [&str; 8] = ["nano", "micro", "milli", "sec", "min", "hour", "day", "week"];
    EXACT.contains(&unit) || BEGINNINGS.iter().any(|beginning| unit.starts_with(beginning))
}
