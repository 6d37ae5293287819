//! Formats of addresses and names of networks, as Go's `net`, `net/url` and `net/mail` read them.

use std::net::Ipv6Addr;
use std::sync::LazyLock;

use regex::Regex;

/// An absolute URI or an absolute path, as `url.ParseRequestURI` reads it.
pub(crate) fn is_request_uri(text: &str) -> bool {
    if text.is_empty() || text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return false;
    }
    if text == "*" {
        return true;
    }
    let Some((scheme, rest)) = scheme(text) else { return false };
    let rest = rest.split_once('?').map_or(rest, |(path, _)| path);
    if !rest.starts_with('/') {
        // An opaque part is not looked at.
        return !scheme.is_empty();
    }
    let Some(behind) = rest.strip_prefix("//").filter(|_| !scheme.is_empty()) else { return has_good_escapes(rest) };
    let (authority, path) = behind.split_at(behind.find('/').unwrap_or(behind.len()));
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let good_user = |user: &str| {
        has_good_escapes(user)
            && user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte))
    };
    user.is_none_or(good_user) && is_host(host) && has_good_escapes(path)
}

/// The scheme and what is behind it; no scheme where the text does not begin with one; nothing where it begins with a colon.
fn scheme(text: &str) -> Option<(&str, &str)> {
    for (position, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if position > 0 => {}
            b':' if position == 0 => return None,
            b':' => return Some((text.get(..position)?, text.get(position + 1..)?)),
            _ => return Some(("", text)),
        }
    }
    Some(("", text))
}

fn is_host(host: &str) -> bool {
    let is_port = |port: &str| {
        port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if let Some(inside) = host.strip_prefix('[') {
        let Some((address, port)) = inside.rsplit_once(']') else { return false };
        let (address, zone) = address.split_once("%25").unwrap_or((address, "z"));
        return is_port(port) && address.parse::<Ipv6Addr>().is_ok() && has_good_escapes(zone);
    }
    let port = host.rfind(':').and_then(|at| host.get(at..)).unwrap_or_default();
    is_port(port)
        && host.matches(':').count() <= 1
        && has_good_escapes(host)
        && host
            .bytes()
            .all(|byte| !byte.is_ascii() || byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"%".contains(&byte))
        && host.match_indices('%').all(|(at, _)| {
            // Only bytes beyond ASCII may be escaped in a host.
            matches!(host.as_bytes().get(at + 1), Some(b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F'))
        })
}

/// Whether two hexadecimal digits follow each percent sign.
fn has_good_escapes(text: &str) -> bool {
    let bytes = text.as_bytes();
    text.match_indices('%')
        .all(|(at, _)| bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)))
}

/// An address of RFC 5322, alone or behind a name in angle brackets.
pub(super) fn is_email(text: &str) -> bool {
    let text = text.trim_matches([' ', '\t']);
    if let Some(inside) = text.strip_suffix('>')
        && let Some((name, address)) = inside.rsplit_once('<')
    {
        return is_phrase(name.trim_matches([' ', '\t'])) && is_address(address);
    }
    is_address(text)
}

fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let quoted = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let good_local = match quoted {
        Some(inside) => is_quoted(inside),
        None => is_dot_atom(local),
    };
    let literal = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    good_local
        && match literal {
            Some(inside) => inside.parse::<std::net::IpAddr>().is_ok(),
            None => is_dot_atom(domain),
        }
}

/// A display name: words, or text in quotes; may be empty.
fn is_phrase(name: &str) -> bool {
    if let Some(inside) = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return is_quoted(inside);
    }
    name.split([' ', '\t']).all(|word| word.is_empty() || word.chars().all(|c| is_atom_char(c) || c == '.'))
}

fn is_dot_atom(text: &str) -> bool {
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_char))
}

fn is_quoted(inside: &str) -> bool {
    let mut escaped = false;
    for c in inside.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return false,
            c if c.is_control() && c != '\t' => return false,
            _ => {}
        }
    }
    !escaped
}

fn is_atom_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii()
}

/// A name of RFC 1034 with letters and symbols of all scripts. A name of one label may have a dash behind its first
/// character only: so it is upstream.
pub(super) fn is_hostname(text: &str) -> bool {
    if text.len() > 255 || text.split('.').any(|label| label.len() > 63) {
        return false;
    }
    if !text.contains('.') {
        let mut chars = text.chars();
        let first = chars.next().is_some_and(is_label_char);
        let rest = chars.as_str();
        let rest = rest.strip_prefix('-').unwrap_or(rest);
        return first && rest.chars().all(is_label_char);
    }
    let Some((labels, last)) = text.rsplit_once('.') else { return false };
    let good_label = |label: &str| {
        label.starts_with(is_label_char)
            && label.ends_with(is_label_char)
            && label.chars().all(|c| c == '-' || is_label_char(c))
    };
    let good_last = last.chars().count() >= 2 && last.chars().all(|c| c.is_ascii_alphabetic() || is(c, &LETTER));
    good_last && labels.split('.').all(good_label)
}

fn is_label_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || is(c, &LETTER) || is(c, &SYMBOL)
}

/// Whether a character is of a class.
fn is(c: char, class: &Option<Regex>) -> bool {
    class.as_ref().is_some_and(|class| class.is_match(c.encode_utf8(&mut [0; 4])))
}

static LETTER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\p{L}$").ok());
static SYMBOL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\p{S}$").ok());

/// An address with dots, in which leading zeros are tolerated.
pub(super) fn is_ipv4(text: &str) -> bool {
    text.contains('.') && is_ip(text)
}

/// An address with colons.
pub(super) fn is_ipv6(text: &str) -> bool {
    text.parse::<Ipv6Addr>().is_ok()
}

/// An address and how many of its bits are the network's.
pub(super) fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let bits_max = if is_dotted(address) {
        32
    } else if is_colons(address) {
        128
    } else {
        return false;
    };
    !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit()) && small(bits).is_some_and(|n| n <= bits_max)
}

fn is_ip(text: &str) -> bool {
    match text.find(['.', ':']).and_then(|at| text.as_bytes().get(at)) {
        Some(b'.') => is_dotted(text),
        Some(_) => is_colons(text),
        None => false,
    }
}

/// A decimal number below 2^24, with any leading zeros.
fn small(digits: &str) -> Option<u32> {
    digits.trim_start_matches('0').parse::<u32>().ok().or_else(|| digits.bytes().all(|b| b == b'0').then_some(0))
}

fn is_dotted(text: &str) -> bool {
    let mut parts = 0;
    text.split('.').all(|part| {
        parts += 1;
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) && small(part).is_some_and(|n| n <= 255)
    }) && parts == 4
}

/// An address of version 6 whose groups may have leading zeros, and whose end may be an address of version 4.
fn is_colons(text: &str) -> bool {
    let mut plain = String::with_capacity(text.len());
    for (position, group) in text.split(':').enumerate() {
        if position > 0 {
            plain.push(':');
        }
        if group.contains('.') {
            if !is_dotted(group) {
                return false;
            }
            plain.push_str("0.0.0.0");
        } else {
            let short = group.trim_start_matches('0');
            plain.push_str(if short.is_empty() && !group.is_empty() { "0" } else { short });
        }
    }
    plain.parse::<Ipv6Addr>().is_ok()
}

/// A hardware address of 6, 8 or 20 bytes: pairs of digits with colons or dashes, or groups of four with dots.
pub(super) fn is_mac(text: &str) -> bool {
    let (separator, digits) = match text.as_bytes().get(2) {
        Some(b':') => (':', 2),
        Some(b'-') => ('-', 2),
        _ => ('.', 4),
    };
    let mut groups = 0;
    let good = text.split(separator).all(|group| {
        groups += 1;
        group.len() == digits && group.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    good && matches!(groups * digits / 2, 6 | 8 | 20)
}
