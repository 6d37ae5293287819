//! IP addresses: Kubernetes' `ip` library.

use std::net::IpAddr;

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
    let separator = text.find(['.', ':', '%']).and_then(|at| text[at..].chars().next());
    let why = match separator {
        Some('.') => explain_four(text),
        Some(':') => "invalid IPv6 address",
        Some('%') => "missing IPv6 address",
        _ => "unable to parse IP",
    };
    format!("ParseAddr({text:?}): {why}")
}

fn explain_four(text: &str) -> &'static str {
    let mut fields = 0;
    for field in text.split('.') {
        fields += 1;
        if field.bytes().any(|byte| !byte.is_ascii_digit()) {
            return "unexpected character";
        }
        if field.is_empty() {
            return "IPv4 field must have at least one digit";
        }
        if field.len() > 1 && field.starts_with('0') {
            return "IPv4 field has octet with leading zero";
        }
        if field.parse::<u8>().is_err() {
            return "IPv4 field has value >255";
        }
        if fields > 4 {
            return "IPv4 address too long";
        }
    }
    "IPv4 address too short"
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
