//! Addresses of webhooks, as Go's `net/url` reads them and upstream's `util/webhook` checks them.

use crate::cause::{Cause, quote};

/// An address `https://host[/path]`.
pub(crate) fn check_url(url: &str, field: &str, causes: &mut Vec<Cause>) {
    const FORM: &str = "; desired format: https://host[/path]";
    let parts = match parse(url) {
        Ok(parts) => parts,
        Err(why) => {
            let detail = format!("url must be a valid URL: parse {}: {why}{FORM}", quote(url));
            causes.push(Cause::required(field, &detail));
            return;
        }
    };
    if parts.scheme != "https" {
        let detail = format!("'https' is the only allowed URL scheme{FORM}");
        causes.push(Cause::invalid(field, &parts.scheme, detail));
    }
    if parts.host.is_empty() {
        causes.push(Cause::invalid(field, "", format!("host must be specified{FORM}")));
    }
    for (part, detail) in [
        (parts.user, "user information is not permitted in the URL"),
        (parts.fragment, "fragments are not permitted in the URL"),
        (parts.query, "query parameters are not permitted in the URL"),
    ] {
        if let Some(part) = part {
            causes.push(Cause::invalid(field, part, detail));
        }
    }
}

struct Parts<'a> {
    scheme: String,
    user: Option<&'a str>,
    host: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

fn parse(url: &str) -> Result<Parts<'_>, String> {
    if url.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return Err("net/url: invalid control character in URL".to_owned());
    }
    let (url, fragment) = url.split_once('#').map_or((url, ""), |(url, fragment)| (url, fragment));
    let (scheme, rest) = scheme(url)?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    if scheme.is_empty() && !rest.starts_with('/') && rest.split('/').next().is_some_and(|first| first.contains(':')) {
        return Err("first path segment in URL cannot contain colon".to_owned());
    }
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).unwrap_or((rest, "")),
        None => ("", rest),
    };
    check_escapes(path)?;
    check_escapes(fragment)?;
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    check_host(host)?;
    Ok(Parts {
        scheme: scheme.to_ascii_lowercase(),
        user,
        host,
        query: Some(query).filter(|query| !query.is_empty()),
        fragment: Some(fragment).filter(|fragment| !fragment.is_empty()),
    })
}

/// The scheme, and what stands behind its colon.
fn scheme(url: &str) -> Result<(&str, &str), String> {
    for (at, byte) in url.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => return Ok((url.get(..at).unwrap_or_default(), url.get(at + 1..).unwrap_or_default())),
            _ => break,
        }
    }
    Ok(("", url))
}

fn check_host(host: &str) -> Result<(), String> {
    let port = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or_else(|| "missing ']' in host".to_owned())?.1,
        None => host.find(':').and_then(|at| host.get(at..)).unwrap_or_default(),
    };
    let digits = port.strip_prefix(':').unwrap_or(port);
    if !port.is_empty() && (!port.starts_with(':') || !digits.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(format!("invalid port {} after host", quote(port)));
    }
    if let Some(bad) = host.chars().find(|letter| " \"<>\\^`{|}".contains(*letter)) {
        return Err(format!("invalid character {} in host name", quote(&bad.to_string())));
    }
    check_escapes(host)
}

/// A percent sign must stand before two hexadecimal digits.
fn check_escapes(text: &str) -> Result<(), String> {
    for (at, _) in text.match_indices('%') {
        let escape = text.get(at..).unwrap_or_default();
        let shown: String = escape.chars().take(3).collect();
        if shown.len() < 3 || !shown.bytes().skip(1).all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!("invalid URL escape {}", quote(&shown)));
        }
    }
    Ok(())
}
