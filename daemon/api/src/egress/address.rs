//! Which addresses may be called. The check is made on the address that is connected to, behind the resolution of names, so
//! that no name leads around it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A range of addresses: `10.0.0.0/8`, `fd00::/8`, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

/// A text that is no range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an address or a network: write 10.0.0.0/8 or fd00::/8")]
pub struct NetworkError(String);

impl Network {
    const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u32) -> Self {
        Self { address: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), bits }
    }

    const fn v6(segments: [u16; 8], bits: u32) -> Self {
        let [a, b, c, d, e, f, g, h] = segments;
        Self { address: IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)), bits }
    }

    /// Whether the address is in the range.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let ignored = 32_u32.saturating_sub(self.bits);
                u64::from(own.to_bits()) >> ignored == u64::from(other.to_bits()) >> ignored
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let ignored = 128_u32.saturating_sub(self.bits);
                ignored == 128 || own.to_bits() >> ignored == other.to_bits() >> ignored
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let error = || NetworkError(text.to_owned());
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().ok().ok_or_else(error)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= most).ok_or_else(error)?,
        };
        Ok(Self { address, bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// What may be called and what not. An address that is allowed may be called even when it is denied, too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressRules {
    allowed: Vec<Network>,
    denied: Vec<Network>,
}

impl AddressRules {
    /// The rules of an operator. What is denied here is denied beside [`ALWAYS_DENIED`].
    #[must_use]
    pub fn new(allowed: Vec<Network>, denied: Vec<Network>) -> Self {
        Self { allowed, denied }
    }

    /// The same rules, and this machine's own addresses are allowed: for tests, and for a federation on one machine.
    #[must_use]
    pub fn with_loopback(mut self) -> Self {
        self.allowed.extend([Network::v4(127, 0, 0, 0, 8), Network::v6([0, 0, 0, 0, 0, 0, 0, 1], 128)]);
        self
    }

    /// Whether the address may be called.
    #[must_use]
    pub fn allow(&self, address: IpAddr) -> bool {
        let address = plain(address);
        let within = |networks: &[Network]| networks.iter().any(|network| network.contains(address));
        within(&self.allowed) || !(within(&self.denied) || within(ALWAYS_DENIED))
    }
}

/// An IPv6 address that is only another way to write an IPv4 address (mapped, compatible, NAT64, 6to4) is judged as that.
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => v4(g, h),
        (0, 0, 0, 0, 0, 0) if g != 0 => v4(g, h),
        (0x2002, high, low, _, _, _) => v4(high, low),
        _ => address,
    }
}

/// Addresses that are no place for a webhook: this machine, the link, nobody, everybody, and where clouds tell a machine its
/// secrets.
pub const ALWAYS_DENIED: &[Network] = &[
    Network::v4(0, 0, 0, 0, 8),
    Network::v4(127, 0, 0, 0, 8),
    Network::v4(169, 254, 0, 0, 16),
    Network::v4(224, 0, 0, 0, 4),
    Network::v4(240, 0, 0, 0, 4),
    // Metadata services that are not on the link: Alibaba, Oracle, Azure.
    Network::v4(100, 100, 100, 200, 32),
    Network::v4(192, 0, 0, 192, 32),
    Network::v4(168, 63, 129, 16, 32),
    Network::v6([0; 8], 128),
    Network::v6([0, 0, 0, 0, 0, 0, 0, 1], 128),
    Network::v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    Network::v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),
    // The metadata service of Amazon, and of Google.
    Network::v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128),
    Network::v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128),
];

#[cfg(test)]
mod tests {
    use super::{AddressRules, Network};

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_of_this_machine_the_link_and_metadata_are_denied_in_every_spelling() {
        let rules = AddressRules::default();
        let table = [
            ("93.184.216.34", true),
            ("10.1.2.3", true),
            ("192.168.0.1", true),
            ("2606:2800:220:1::1", true),
            ("fd12::1", true),
            ("127.0.0.1", false),
            ("127.255.0.9", false),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("169.254.169.254", false),
            ("100.100.100.200", false),
            ("192.0.0.192", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("fe80::1", false),
            ("febf::1", false),
            ("ff02::1", false),
            ("fd00:ec2::254", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:169.254.169.254", false),
            ("::127.0.0.1", false),
            ("64:ff9b::7f00:1", false),
            ("2002:7f00:1::", false),
            ("::ffff:93.184.216.34", true),
        ];
        for (address, allowed) in table {
            assert_eq!(rules.allow(address.parse().unwrap()), allowed, "{address}");
        }
    }

    #[test]
    fn an_operator_allows_and_denies() {
        let rules = AddressRules::new(vec![network("127.0.0.0/8"), network("10.9.0.7")], vec![network("10.0.0.0/8")]);
        for (address, allowed) in
            [("127.0.0.1", true), ("10.9.0.7", true), ("10.9.0.8", false), ("169.254.1.1", false), ("11.0.0.1", true)]
        {
            assert_eq!(rules.allow(address.parse().unwrap()), allowed, "{address}");
        }
        let local = AddressRules::default().with_loopback();
        assert!(local.allow("::1".parse().unwrap()) && local.allow("::ffff:127.0.0.1".parse().unwrap()));
        assert!(!local.allow("169.254.169.254".parse().unwrap()));
    }

    #[test]
    fn networks_are_read_and_written() {
        for text in ["10.0.0.0/8", "0.0.0.0/0", "::/0", "fd00::/8"] {
            assert_eq!(network(text).to_string(), text);
        }
        assert_eq!(network("1.2.3.4").to_string(), "1.2.3.4/32");
        assert!(network("::/0").contains("fe80::1".parse().unwrap()));
        assert!(network("0.0.0.0/0").contains("1.1.1.1".parse().unwrap()));
        for text in ["", "x", "1.2.3.4/33", "::/129", "1.2.3/8", "1.2.3.4/", "1.2.3.4/-1"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
