//! URLs: Kubernetes' `url` library, with Go's `net/url` as its parser.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter, Write};
use std::net::IpAddr;
use std::sync::Arc;

use super::ip;
use crate::budget::{EvalError, Meter};
use crate::interpret::Outcome;
use crate::value::map::{Key, Map};
use crate::value::opaque::Opaque;
use crate::value::{Text, Value};

/// A URL with a scheme, or an absolute path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    scheme: String,
    /// What follows the scheme when it is no hierarchy: `mailto:x`.
    opaque: String,
    user: Option<String>,
    host: String,
    has_authority: bool,
    /// Escaped.
    path: String,
    query: Option<String>,
    fragment: Option<String>,
}

impl Url {
    /// Reads what Go's `ParseRequestURI` takes, as Go's `Parse` reads it.
    ///
    /// # Errors
    /// Go's message.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Self::parse_request(text)?;
        let (before, fragment) = text.split_once('#').unwrap_or((text, ""));
        let mut url = Self::read(before, Reader::Parse).map_err(|why| failed(before, &why))?;
        if !fragment.is_empty() {
            unescape(fragment, Part::Fragment).map_err(|why| failed(text, &why))?;
            url.fragment = Some(fragment.to_owned());
        }
        Ok(url)
    }

    /// Reads a URL as Go's `ParseRequestURI` does: without looking for a fragment.
    pub(super) fn parse_request(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err(failed(text, "empty url"));
        }
        Self::read(text, Reader::Request).map_err(|why| failed(text, &why))
    }

    fn read(text: &str, reader: Reader) -> Result<Self, String> {
        if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
            return Err("net/url: invalid control character in URL".into());
        }
        let (scheme, rest) = if text == "*" { ("", text) } else { split_scheme(text)? };
        let mut url = Self {
            scheme: scheme.to_ascii_lowercase(),
            opaque: String::new(),
            user: None,
            host: String::new(),
            has_authority: false,
            path: String::new(),
            query: None,
            fragment: None,
        };
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        url.query = query.map(str::to_owned);
        if text == "*" {
            url.path = "*".to_owned();
            return Ok(url);
        }
        if !rest.starts_with('/') {
            if !url.scheme.is_empty() {
                rest.clone_into(&mut url.opaque);
                return Ok(url);
            }
            if reader == Reader::Request {
                return Err("invalid URI for request".into());
            }
        }
        let mut path = rest;
        let may_have_authority = !url.scheme.is_empty() || (reader == Reader::Parse && !rest.starts_with("///"));
        if let Some(after) = rest.strip_prefix("//").filter(|_| may_have_authority) {
            let (authority, rest) = after.split_at(after.find('/').unwrap_or(after.len()));
            url.read_authority(authority)?;
            path = rest;
        }
        unescape(path, Part::Path)?;
        url.path = escape_path(path);
        Ok(url)
    }

    fn read_authority(&mut self, authority: &str) -> Result<(), String> {
        self.has_authority = true;
        let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        if let Some(user) = user {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
            if !user.bytes().all(allowed) {
                return Err("net/url: invalid userinfo".into());
            }
            unescape(user, Part::User)?;
            self.user = Some(user.to_owned());
        }
        self.host = read_host(&self.scheme, host)?;
        Ok(())
    }

    /// Host and port apart, and the host without brackets.
    fn host_and_port(&self) -> (&str, &str) {
        let (host, port) = match self.host.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => (host, port),
            _ => (&*self.host, ""),
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        (host, port)
    }
}

impl Display for Url {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        if !self.scheme.is_empty() {
            write!(formatter, "{}:", self.scheme)?;
        }
        formatter.write_str(&self.opaque)?;
        if self.has_authority && (!self.host.is_empty() || self.user.is_some() || !self.path.is_empty()) {
            formatter.write_str("//")?;
            if let Some(user) = &self.user {
                write!(formatter, "{user}@")?;
            }
            for character in self.host.chars() {
                write_host(formatter, character)?;
            }
        }
        formatter.write_str(&self.path)?;
        if let Some(query) = &self.query {
            write!(formatter, "?{query}")?;
        }
        self.fragment.as_ref().map_or(Ok(()), |fragment| write!(formatter, "#{fragment}"))
    }
}

/// A character of a host, escaped where it must be.
fn write_host(formatter: &mut Formatter<'_>, character: char) -> fmt::Result {
    let mut bytes = [0; 4];
    for byte in character.encode_utf8(&mut bytes).bytes() {
        if is_host_byte(byte) {
            write!(formatter, "{}", char::from(byte))?;
        } else {
            write!(formatter, "%{byte:02X}")?;
        }
    }
    Ok(())
}

/// Which of Go's two functions reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    Parse,
    Request,
}

fn failed(text: &str, why: &str) -> String {
    format!("parse {text:?}: {why}")
}

fn split_scheme(text: &str) -> Result<(&str, &str), String> {
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if place > 0 => {}
            b':' if place == 0 => return Err("missing protocol scheme".into()),
            b':' => return Ok((&text[..place], &text[place + 1..])),
            _ => return Ok(("", text)),
        }
    }
    Ok(("", text))
}

fn read_host(scheme: &str, host: &str) -> Result<String, String> {
    let check_port = |port: &str| {
        let digits = port.strip_prefix(':');
        let valid = port.is_empty() || digits.is_some_and(|port| port.bytes().all(|digit| digit.is_ascii_digit()));
        if valid { Ok(()) } else { Err(format!("invalid port {port:?} after host")) }
    };
    match host.rfind('[') {
        Some(0) => {
            let end = host.rfind(']').ok_or_else(|| "missing ']' in host".to_owned())?;
            let (name, port) = (&host[1..end], &host[end + 1..]);
            check_port(port)?;
            let zone = name.find("%25").unwrap_or(name.len());
            let name = unescape(&name[..zone], Part::Host)? + &unescape(&name[zone..], Part::Zone)?;
            let address = name.split_once('%').map_or(&*name, |(address, _)| address);
            match address.parse() {
                Ok(IpAddr::V6(_)) if !name.ends_with('%') => Ok(format!("[{name}]{port}")),
                Ok(IpAddr::V4(_)) if address.len() == name.len() => Err("invalid IP-literal".into()),
                _ => Err(format!("invalid host: {}", ip::explain(&name))),
            }
        }
        Some(_) => Err("invalid IP-literal".into()),
        None => {
            // Lists of hosts with ports are let through for other protocols.
            let colon = if matches!(scheme, "http" | "https") { host.find(':') } else { host.rfind(':') };
            check_port(&host[colon.unwrap_or(host.len())..])?;
            unescape(host, Part::Host)
        }
    }
}

/// The parts of a URL, which allow different bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    User,
    Host,
    Zone,
    Path,
    Query,
    Fragment,
}

/// Replaces `%xx` by what it stands for, and `+` by a space in queries.
fn unescape(text: &str, part: Part) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(byte) = rest.bytes().next() {
        if byte == b'%' {
            let code = rest.get(1..3).filter(|code| code.bytes().all(|digit| digit.is_ascii_hexdigit()));
            let Some(code) = code else {
                let shown: String = rest.chars().take(3).collect();
                return Err(format!("invalid URL escape {shown:?}"));
            };
            let byte = u8::from_str_radix(code, 16).unwrap_or(b'%');
            if part == Part::Host && byte < 0x80 && code != "25" {
                return Err(format!("invalid URL escape {:?}", &rest[..3]));
            }
            if part == Part::Zone && code != "25" && byte != b' ' && byte < 0x80 && !is_host_byte(byte) {
                return Err(format!("invalid URL escape {:?}", &rest[..3]));
            }
            bytes.push(byte);
            rest = &rest[3..];
            continue;
        }
        if matches!(part, Part::Host | Part::Zone) && byte < 0x80 && !is_host_byte(byte) {
            return Err(format!("invalid character {:?} in host name", char::from(byte).to_string()));
        }
        let length = rest.chars().next().map_or(1, char::len_utf8);
        if part == Part::Query && byte == b'+' {
            bytes.push(b' ');
        } else {
            bytes.extend_from_slice(&rest.as_bytes()[..length]);
        }
        rest = &rest[length..];
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"".contains(&byte)
}

/// A path as Go writes it: what is valid stays as it is; if something is not, all is escaped again.
fn escape_path(path: &str) -> String {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:@/[]%".contains(&byte);
    if path.bytes().all(valid) {
        return path.to_owned();
    }
    let plain = unescape(path, Part::Path).unwrap_or_default();
    let mut escaped = String::with_capacity(plain.len());
    for byte in plain.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _written = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

fn text<'v>(args: &'v [Value<'_>]) -> Result<&'v str, EvalError> {
    match args {
        [Value::String(text)] => Ok(text),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `url`
pub(crate) fn url<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let url = Url::parse(text(args)?)
        .map_err(|why| EvalError::other(format!("URL parse error during conversion from string: {why}")))?;
    meter.allocate(url.path.len() + url.host.len() + url.opaque.len() + url.query.as_ref().map_or(0, String::len))?;
    Ok(Value::Opaque(Opaque::Url(Arc::new(url))))
}

/// `isURL`
pub(crate) fn is_url<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(Value::Bool(Url::parse_request(text(args)?).is_ok()))
}

fn part<'a>(args: &[Value<'a>], meter: &mut Meter<'_>, part: impl Fn(&Url) -> &str) -> Outcome<'a> {
    let [Value::Opaque(Opaque::Url(url))] = args else { return Err(EvalError::no_such_overload()) };
    let text = part(url);
    meter.allocate(text.len())?;
    Ok(Value::string(text))
}

/// `getScheme`
pub(crate) fn scheme<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    part(args, meter, |url| &url.scheme)
}

/// `getHost`
pub(crate) fn host<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    part(args, meter, |url| &url.host)
}

/// `getHostname`
pub(crate) fn host_name<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    part(args, meter, |url| url.host_and_port().0)
}

/// `getPort`
pub(crate) fn port<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    part(args, meter, |url| url.host_and_port().1)
}

/// `getEscapedPath`
pub(crate) fn escaped_path<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    part(args, meter, |url| &url.path)
}

/// `getQuery`: all values of every key. What cannot be unescaped is left out.
pub(crate) fn query<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::Opaque(Opaque::Url(url))] = args else { return Err(EvalError::no_such_overload()) };
    let mut found: BTreeMap<String, Vec<Value<'a>>> = BTreeMap::new();
    for pair in url.query.iter().flat_map(|query| query.split('&')) {
        if pair.is_empty() || pair.contains(';') {
            continue;
        }
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if let (Ok(key), Ok(value)) = (unescape(key, Part::Query), unescape(value, Part::Query)) {
            meter.allocate_values(2)?;
            meter.allocate(key.len() + value.len())?;
            found.entry(key).or_default().push(Value::from(value));
        }
    }
    Ok(Value::Map(Map::new(
        found.into_iter().map(|(key, values)| (Key::String(Text::Shared(key.into())), Value::list(values))),
    )))
}
