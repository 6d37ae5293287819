//! IP addresses: Kubernetes' `ip` library.

use std::net::{IpAddr, Ipv4Addr};

use crate::budget::{EvalError, Meter};
use crate::interpret::Outcome;
use crate::value::Value;
use crate::value::opaque::Opaque;

/// Reads an address. IPv4 addresses inside of IPv6 ones and zones are refused, as two spellings of one address would get
/// around rules.
pub(crate) fn parse(text: &str) -> Result<IpAddr, EvalError> {
    if let Some((address, zone)) = text.split_once('%')
        && let Ok(IpAddr::V6(_)) = address.parse()
        && !zone.is_empty()
    {
        return Err(EvalError::other(format!("IP address {text:?} with zone value is not allowed")));
    }
    let address: IpAddr = text.parse().map_err(|_invalid| {
        let why = explain(text);
        EvalError::other(format!("IP Address {text:?} parse error during conversion from string: {why}"))
    })?;
    match address {
        IpAddr::V6(six) if six.to_ipv4_mapped().is_some() => {
            Err(EvalError::other(format!("IPv4-mapped IPv6 address {text:?} is not allowed")))
        }
        address => Ok(address),
    }
}

/// Why a text is no address, as Go's `netip` says it.
pub(super) fn explain(text: &str) -> String {
    let separator = text.bytes().find(|byte| matches!(byte, b'.' | b':' | b'%'));
    let (why, at) = match separator {
        Some(b'.') => explain_four(text),
        Some(b':') => explain_six(text),
        Some(_) => ("missing IPv6 address", ""),
        None => ("unable to parse IP", ""),
    };
    let at = if at.is_empty() { String::new() } else { format!(" (at {at:?})") };
    format!("ParseAddr({text:?}): {why}{at}")
}

fn explain_four(text: &str) -> (&'static str, &str) {
    let (mut fields, mut value, mut digits) = (0, 0_u32, 0);
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            b'0'..=b'9' => {
                if digits == 1 && value == 0 {
                    return ("IPv4 field has octet with leading zero", "");
                }
                value = value * 10 + u32::from(byte - b'0');
                digits += 1;
                if value > 255 {
                    return ("IPv4 field has value >255", "");
                }
            }
            b'.' => {
                if digits == 0 || place + 1 == text.len() {
                    return ("IPv4 field must have at least one digit", &text[place..]);
                }
                if fields == 3 {
                    return ("IPv4 address too long", "");
                }
                fields += 1;
                (value, digits) = (0, 0);
            }
            _ => return ("unexpected character", text.get(place..).unwrap_or_default()),
        }
    }
    ("IPv4 address too short", "")
}

fn explain_six(text: &str) -> (&'static str, &str) {
    let (mut rest, zone) = text.split_once('%').map_or((text, None), |(rest, zone)| (rest, Some(zone)));
    if zone.is_some_and(str::is_empty) {
        return ("zone must be a non-empty string", "");
    }
    let (mut bytes, mut ellipsis) = (0, false);
    if let Some(after) = rest.strip_prefix("::") {
        (rest, ellipsis) = (after, true);
    }
    while bytes < 16 {
        let length = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        if length > 4 {
            return ("each group must have 4 or less digits", rest);
        }
        if length == 0 {
            return ("each colon-separated field must have at least one digit", rest);
        }
        if rest[length..].starts_with('.') {
            return match (ellipsis || bytes == 12, bytes + 4 > 16) {
                (false, _) => ("embedded IPv4 address must replace the final 2 fields of the address", rest),
                (_, true) => ("too many hex fields to fit an embedded IPv4 at the end of the address", rest),
                _ if rest.parse::<Ipv4Addr>().is_ok() => ("the :: must expand to at least one field of zeros", ""),
                _ => explain_four(rest),
            };
        }
        bytes += 2;
        rest = &rest[length..];
        if rest.is_empty() {
            break;
        }
        let Some(after) = rest.strip_prefix(':') else { return ("unexpected character, want colon", rest) };
        if after.is_empty() {
            return ("colon must be followed by more characters", rest);
        }
        rest = after;
        if let Some(after) = rest.strip_prefix(':') {
            if ellipsis {
                return ("multiple :: in address", rest);
            }
            (rest, ellipsis) = (after, true);
            if rest.is_empty() {
                break;
            }
        }
    }
    if !rest.is_empty() {
        return ("trailing garbage after address", rest);
    }
    if ellipsis { ("the :: must expand to at least one field of zeros", "") } else { ("address string too short", "") }
}

/// `ip`: of a string, or of a CIDR
pub(crate) fn ip<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [Value::String(text)] => Ok(Value::Opaque(Opaque::Ip(parse(text)?))),
        [Value::Opaque(Opaque::Cidr(cidr))] => Ok(Value::Opaque(Opaque::Ip(cidr.address))),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `isIP`
pub(crate) fn is_ip<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [Value::String(text)] => Ok(Value::Bool(parse(text).is_ok())),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `ip.isCanonical`
pub(crate) fn is_canonical<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [Value::String(text)] => Ok(Value::Bool(parse(text)?.to_string() == **text)),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn address(args: &[Value<'_>]) -> Result<IpAddr, EvalError> {
    match args {
        [Value::Opaque(Opaque::Ip(address))] => Ok(*address),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `family`
pub(crate) fn family<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(Value::Int(if address(args)?.is_ipv4() { 4 } else { 6 }))
}

/// `isUnspecified`
pub(crate) fn is_unspecified<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(Value::Bool(address(args)?.is_unspecified()))
}

/// `isLoopback`
pub(crate) fn is_loopback<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(Value::Bool(address(args)?.is_loopback()))
}

/// `isLinkLocalMulticast`
pub(crate) fn is_link_local_multicast<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(Value::Bool(match address(args)? {
        IpAddr::V4(four) => matches!(four.octets(), [224, 0, 0, _]),
        IpAddr::V6(six) => six.segments()[0] & 0xff0f == 0xff02,
    }))
}

/// `isLinkLocalUnicast`
pub(crate) fn is_link_local_unicast<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(Value::Bool(is_link_local(address(args)?)))
}

const fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => four.is_link_local(),
        IpAddr::V6(six) => six.segments()[0] & 0xffc0 == 0xfe80,
    }
}

/// `isGlobalUnicast`
pub(crate) fn is_global_unicast<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    let address = address(args)?;
    let broadcast = matches!(address, IpAddr::V4(four) if four.is_broadcast());
    Ok(Value::Bool(
        !address.is_unspecified()
            && !broadcast
            && !address.is_loopback()
            && !address.is_multicast()
            && !is_link_local(address),
    ))
}
