//! Formats that are digits with a checksum or in groups.

/// A UUID, with or without dashes; `version` is the digit that tells the versions apart.
pub(super) fn is_uuid(text: &str, version: Option<u8>) -> bool {
    let mut rest = text.as_bytes();
    let mut groups: [&[u8]; 5] = [&[]; 5];
    for (position, (group, length)) in groups.iter_mut().zip([8, 4, 4, 4, 12]).enumerate() {
        if position > 0
            && let Some(behind) = rest.strip_prefix(b"-")
        {
            rest = behind;
        }
        let Some((head, tail)) = rest.split_at_checked(length) else { return false };
        if !head.iter().all(u8::is_ascii_hexdigit) {
            return false;
        }
        (*group, rest) = (head, tail);
    }
    let first = |group: usize| groups.get(group).and_then(|group| group.first()).copied().unwrap_or_default();
    let good_variant = matches!(first(3).to_ascii_lowercase(), b'8' | b'9' | b'a' | b'b');
    rest.is_empty()
        && match version {
            None => true,
            Some(b'3') => first(2) == b'3',
            Some(version) => first(2) == version && good_variant,
        }
}

/// A book number of ten digits, the last of which may be X.
pub(super) fn is_isbn10(text: &str) -> bool {
    let digits = without_spaces_and_dashes(text);
    let mut sum = 0_u32;
    for (weight, byte) in (1..).zip(&digits) {
        let digit = match byte {
            b'0'..=b'9' => u32::from(byte - b'0'),
            b'X' if weight == 10 => 10,
            _ => return false,
        };
        sum += weight.min(10) * digit;
    }
    digits.len() == 10 && sum.is_multiple_of(11)
}

/// A book number of thirteen digits.
pub(super) fn is_isbn13(text: &str) -> bool {
    let digits = without_spaces_and_dashes(text);
    let mut sum = 0_u32;
    for (position, byte) in digits.iter().enumerate() {
        let b'0'..=b'9' = byte else { return false };
        sum += u32::from(byte - b'0') * if position % 2 == 0 { 1 } else { 3 };
    }
    digits.len() == 13 && sum.is_multiple_of(10)
}

/// A number of one of the known issuers with a good checksum; all but digits is skipped.
pub(super) fn is_credit_card(text: &str) -> bool {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let second = digits.as_bytes().get(1).copied().unwrap_or_default();
    let known = match digits.as_bytes().first() {
        Some(b'4') => matches!(digits.len(), 13 | 16),
        Some(b'5') => digits.len() == 16 && matches!(second, b'1'..=b'5'),
        Some(b'6') => digits.len() == 16 && (digits.starts_with("6011") || second == b'5'),
        Some(b'3') if digits.len() == 15 && matches!(second, b'4' | b'7') => true,
        Some(b'3') if digits.len() == 14 => {
            matches!(second, b'6' | b'8') || second == b'0' && matches!(digits.as_bytes().get(2), Some(b'0'..=b'5'))
        }
        Some(b'3') => digits.len() == 16 && digits.starts_with("35"),
        _ => digits.len() == 15 && (digits.starts_with("2131") || digits.starts_with("1800")),
    };
    let mut sum = 0_u32;
    for (position, byte) in digits.bytes().rev().enumerate() {
        let digit = u32::from(byte - b'0') * if position % 2 == 1 { 2 } else { 1 };
        sum += if digit >= 10 { digit - 9 } else { digit };
    }
    known && sum.is_multiple_of(10)
}

/// A social security number of eleven characters, `123-45-6789`.
pub(super) fn is_ssn(text: &str) -> bool {
    text.len() == 11
        && text.bytes().enumerate().all(|(position, byte)| match position {
            3 | 6 => matches!(byte, b'-' | b' '),
            _ => byte.is_ascii_digit(),
        })
}

fn without_spaces_and_dashes(text: &str) -> Vec<u8> {
    text.bytes().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\x0c' | b'\r' | b'-')).collect()
}
