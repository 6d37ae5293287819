//! PEM blocks (RFC 7468), and the outermost shape of what is in them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A block, and the text behind it.
pub(crate) struct Pem<'a> {
    /// `CERTIFICATE`, for instance.
    pub(crate) label: String,
    /// Whether lines like `Key: value` stand in front of the content.
    pub(crate) has_headers: bool,
    /// The content.
    pub(crate) der: Vec<u8>,
    pub(crate) rest: &'a [u8],
}

/// The first block that is well formed; what stands around blocks is passed over. Each beginning of a block that is none
/// costs a search through the rest of the text, so only a few are borne.
pub(crate) fn first(text: &[u8]) -> Option<Pem<'_>> {
    let mut rest = text;
    for _ in 0..BROKEN_BLOCKS_MAX {
        let start = find(rest, BEGIN)?;
        let behind = rest.get(start + BEGIN.len()..)?;
        if let Some(block) = block(behind) {
            return Some(block);
        }
        rest = behind;
    }
    None
}

/// The block whose label begins here.
fn block(text: &[u8]) -> Option<Pem<'_>> {
    let label_end = find(text, DASHES)?;
    let label = std::str::from_utf8(text.get(..label_end)?).ok().filter(|label| !label.contains('\n'))?;
    let behind = text.get(label_end + DASHES.len()..)?;
    let end = format!("-----END {label}-----");
    let content_end = find(behind, end.as_bytes())?;
    let content = std::str::from_utf8(behind.get(..content_end)?).ok()?;
    let (headers, body) = content.split_once("\n\n").filter(|(head, _)| head.contains(':')).unwrap_or(("", content));
    let letters: String = body.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    let der = STANDARD.decode(letters).ok()?;
    let rest = behind.get(content_end + end.len()..)?;
    Some(Pem { label: label.to_owned(), has_headers: !headers.is_empty(), der, rest })
}

/// Whether the bytes are one ASN.1 sequence of what is signed (a sequence), the algorithm (a sequence) and the signature (a
/// string of bits): the outermost shape of certificates and of requests for them (RFC 5280 §4.1, RFC 2986 §4.2).
pub(crate) fn is_signed_structure(der: &[u8]) -> bool {
    let Some((SEQUENCE, content, [])) = element(der) else { return false };
    let Some((SEQUENCE, signed, content)) = element(content) else { return false };
    let Some((SEQUENCE, _, content)) = element(content) else { return false };
    !signed.is_empty() && matches!(element(content), Some((BIT_STRING, _, [])))
}

/// Tag, content and rest of a DER element with a length of definite form.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if first & 0x80 == 0 {
        (usize::from(*first), rest)
    } else {
        let (bytes, rest) =
            rest.split_at_checked(usize::from(first & 0x7f)).filter(|(bytes, _)| (1..=4).contains(&bytes.len()))?;
        (bytes.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

const BEGIN: &[u8] = b"-----BEGIN ";
const DASHES: &[u8] = b"-----";
const BROKEN_BLOCKS_MAX: usize = 16;
const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
