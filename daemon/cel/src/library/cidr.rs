//! Ranges of IP addresses: Kubernetes' `cidr` library.

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ip;
use crate::budget::{EvalError, Meter};
use crate::interpret::Outcome;
use crate::value::Value;
use crate::value::opaque::Opaque;

/// An address, and how many of its first bits all addresses of the range share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    /// An address of the range.
    pub address: IpAddr,
    /// At most 32 for IPv4 and 128 for IPv6.
    pub bits: u8,
}

impl Cidr {
    /// Reads a range.
    pub(crate) fn parse(text: &str) -> Result<Self, EvalError> {
        let refuse = |why: String| {
            EvalError::other(format!(
                "network address parse error during conversion from string: network address parse error during \
                 conversion from string: netip.ParsePrefix({text:?}): {why}"
            ))
        };
        let (address, bits) = text.rsplit_once('/').ok_or_else(|| refuse("no '/'".into()))?;
        if matches!(address.split_once('%'), Some((address, zone)) if !zone.is_empty() && address.parse::<Ipv6Addr>().is_ok())
        {
            return Err(refuse("IPv6 zones cannot be present in a prefix".into()));
        }
        let address: IpAddr = address.parse().map_err(|_invalid| refuse(ip::explain(address)))?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let digits = !bits.is_empty() && bits.bytes().all(|digit| digit.is_ascii_digit());
        if !digits || (bits.len() > 1 && bits.starts_with('0')) {
            return Err(refuse(format!("bad bits after slash: {bits:?}")));
        }
        let bits = bits
            .parse()
            .ok()
            .filter(|bits: &u8| *bits <= bits_max)
            .ok_or_else(|| refuse("prefix length out of range".into()))?;
        if let IpAddr::V6(six) = address
            && six.to_ipv4_mapped().is_some()
        {
            return Err(EvalError::other(format!(
                "network address parse error during conversion from string: IPv4-mapped IPv6 address {text:?} is not \
                 allowed"
            )));
        }
        Ok(Self { address, bits })
    }

    /// Bytes of the shared bits, which is how its cost is counted.
    pub(crate) const fn size(&self) -> u64 {
        self.bits.div_ceil(8) as u64
    }

    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(range), IpAddr::V4(address)) => {
                (u32::from(range) ^ u32::from(address)).checked_shr(32 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(range), IpAddr::V6(address)) => {
                (u128::from(range) ^ u128::from(address)).checked_shr(128 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }

    fn masked(self) -> Self {
        let address = match self.address {
            IpAddr::V4(four) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from(u32::from(four) & mask))
            }
            IpAddr::V6(six) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from(u128::from(six) & mask))
            }
        };
        Self { address, bits: self.bits }
    }
}

impl Display for Cidr {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.bits)
    }
}

/// `cidr`
pub(crate) fn cidr<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [Value::String(text)] => Ok(Value::Opaque(Opaque::Cidr(Cidr::parse(text)?))),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `isCIDR`
pub(crate) fn is_cidr<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [Value::String(text)] => Ok(Value::Bool(Cidr::parse(text).is_ok())),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `containsIP`
pub(crate) fn contains_ip<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [Value::Opaque(Opaque::Cidr(range)), Value::Opaque(Opaque::Ip(address))] => {
            Ok(Value::Bool(range.contains(*address)))
        }
        [Value::Opaque(Opaque::Cidr(range)), Value::String(text)] => {
            let address = ip::parse(text).map_err(|_invalid| EvalError::no_such_overload())?;
            Ok(Value::Bool(range.contains(address)))
        }
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `containsCIDR`
pub(crate) fn contains_cidr<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    let (range, other) = match args {
        [Value::Opaque(Opaque::Cidr(range)), Value::Opaque(Opaque::Cidr(other))] => (range, *other),
        [Value::Opaque(Opaque::Cidr(range)), Value::String(text)] => (range, Cidr::parse(text)?),
        _ => return Err(EvalError::no_such_overload()),
    };
    Ok(Value::Bool(range.bits <= other.bits && range.contains(other.address)))
}

/// `prefixLength`
pub(crate) fn prefix_length<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [Value::Opaque(Opaque::Cidr(range))] => Ok(Value::Int(i64::from(range.bits))),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `masked`
pub(crate) fn masked<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [Value::Opaque(Opaque::Cidr(range))] => Ok(Value::Opaque(Opaque::Cidr(range.masked()))),
        _ => Err(EvalError::no_such_overload()),
    }
}
