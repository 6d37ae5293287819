//! Base64 as Go reads and writes it: standard alphabet with padding, line ends ignored, spare bits ignored.

use std::borrow::Cow;

/// The one way to write these bytes, or the position that Go names for the first byte that it cannot take.
pub(super) fn canonical(text: &str) -> Result<Cow<'_, str>, usize> {
    let bytes = text.as_bytes();
    if is_canonical(bytes) {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let (mut quantum, mut count) = ([0_u8; 4], 0);
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        at += 1;
        if matches!(byte, b'\n' | b'\r') {
            continue;
        }
        if byte == b'=' {
            return finish(bytes, at, quantum, count).map(|end| Cow::Owned(out + &end));
        }
        let Some(value) = value_of(byte) else { return Err(at - 1) };
        if let Some(place) = quantum.get_mut(count) {
            *place = value;
        }
        count += 1;
        if count == 4 {
            out.extend(quantum.iter().map(|value| letter(*value)));
            (quantum, count) = ([0; 4], 0);
        }
    }
    if count == 0 { Ok(Cow::Owned(out)) } else { Err(at - count) }
}

/// How many bytes a canonical text stands for.
pub(crate) fn decoded_len(text: &str) -> usize {
    let padding = text.bytes().rev().take_while(|byte| *byte == b'=').count();
    (text.len() / 4 * 3).saturating_sub(padding)
}

/// Reads the padding that begins before `at`, and gives the last four letters without spare bits.
fn finish(bytes: &[u8], at: usize, quantum: [u8; 4], count: usize) -> Result<String, usize> {
    let skip = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        from + rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count()
    };
    let [a, b, c, _] = quantum;
    let (mut at, end) = match count {
        2 => {
            let second = skip(at);
            match bytes.get(second) {
                None => return Err(bytes.len()),
                Some(b'=') => (second + 1, format!("{}{}==", letter(a), letter(b & 0x30))),
                Some(_) => return Err(second.saturating_sub(1)),
            }
        }
        3 => (at, format!("{}{}{}=", letter(a), letter(b), letter(c & 0x3c))),
        _ => return Err(at - 1),
    };
    at = skip(at);
    if at < bytes.len() { Err(at) } else { Ok(end) }
}

fn is_canonical(bytes: &[u8]) -> bool {
    if bytes.is_empty() {
        return true;
    }
    if !bytes.len().is_multiple_of(4) {
        return false;
    }
    let padding = bytes.iter().rev().take_while(|byte| **byte == b'=').count();
    let Some((letters, _)) = bytes.split_at_checked(bytes.len().saturating_sub(padding)) else { return false };
    if padding > 2 || !letters.iter().all(|byte| value_of(*byte).is_some()) {
        return false;
    }
    let last = letters.last().copied().and_then(value_of).unwrap_or_default();
    match padding {
        1 => last & 0x03 == 0,
        2 => last & 0x0f == 0,
        _ => true,
    }
}

const fn value_of(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

const fn letter(value: u8) -> char {
    (match value & 0x3f {
        value @ 0..26 => b'A' + value,
        value @ 26..52 => b'a' + value - 26,
        value @ 52..62 => b'0' + value - 52,
        62 => b'+',
        _ => b'/',
    }) as char
}
