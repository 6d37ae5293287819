//! What string and bytes literals stand for.

/// The bytes that a string or bytes literal stands for, its quotes and prefix `r` included in `text` but not a prefix `b`. In
/// string literals they are UTF-8.
///
/// # Errors
///
/// What cel-go says of an escape sequence that the lexer lets through and that means nothing.
pub(crate) fn unescape(text: &str, bytes: bool) -> Result<Vec<u8>, &'static str> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let (raw, quoted) = match text.strip_prefix(['r', 'R']) {
        Some(rest) => (true, rest),
        None => (false, text.as_str()),
    };
    let quotes = if quoted.len() >= 6 && (quoted.starts_with("'''") || quoted.starts_with("\"\"\"")) { 3 } else { 1 };
    let inner = quoted.get(quotes..quoted.len().saturating_sub(quotes)).ok_or("unable to unescape string")?;
    if raw || !inner.contains('\\') {
        return Ok(inner.as_bytes().to_vec());
    }
    let mut result = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        result.extend_from_slice(&rest.as_bytes()[..at]);
        rest = sequence(&rest[at + 1..], bytes, &mut result)?;
    }
    result.extend_from_slice(rest.as_bytes());
    Ok(result)
}

/// Appends what the escape sequence after a backslash stands for; the result is the text after it.
fn sequence<'a>(rest: &'a str, bytes: bool, result: &mut Vec<u8>) -> Result<&'a str, &'static str> {
    let kind = *rest.as_bytes().first().ok_or("unable to unescape string, found '\\' as last character")?;
    let simple = match kind {
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'\\' | b'\'' | b'"' | b'`' | b'?' => kind,
        b'x' | b'X' => return coded(&rest[1..], (2, 16), bytes, result),
        b'u' if !bytes => return coded(&rest[1..], (4, 16), false, result),
        b'U' if !bytes => return coded(&rest[1..], (8, 16), false, result),
        b'0'..=b'3' => return coded(rest, (3, 8), bytes, result),
        _ => return Err("unable to unescape string"),
    };
    result.push(simple);
    Ok(&rest[1..])
}

/// A number of digits to a base: a byte in bytes literals, a code point in strings.
fn coded<'a>(
    rest: &'a str,
    (digits, base): (usize, u32),
    bytes: bool,
    result: &mut Vec<u8>,
) -> Result<&'a str, &'static str> {
    let code =
        rest.get(..digits).and_then(|text| u32::from_str_radix(text, base).ok()).ok_or("unable to unescape string")?;
    if bytes {
        result.push(u8::try_from(code).map_err(|_too_large| "unable to unescape string")?);
    } else {
        let c = char::from_u32(code).ok_or("invalid unicode code point")?;
        result.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(&rest[digits..])
}
