//! A document that is made once and served to everybody: its bytes, its media type and its ETag.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderValue, StatusCode};
use sha2::{Digest, Sha256};

use crate::body::{Answer, Body};

/// The document. Cheap to clone: all clones share the bytes.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    content_type: HeaderValue,
    bytes: Bytes,
    hash: String,
    etag: HeaderValue,
}

impl Document {
    /// A document of a media type; its hash is that of its bytes.
    #[must_use]
    pub(crate) fn new(content_type: &'static str, bytes: Bytes) -> Self {
        let hash = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02X}")).collect::<String>();
        Self::named(content_type, hash, bytes)
    }

    /// A document whose hash is known without its bytes: hexadecimal digits that differ wherever the bytes differ.
    #[must_use]
    pub(crate) fn named(content_type: &'static str, hash: String, bytes: Bytes) -> Self {
        let etag = etag(&hash);
        Self { content_type: HeaderValue::from_static(content_type), bytes, hash, etag }
    }

    /// A JSON document.
    #[must_use]
    pub(crate) fn json(value: &serde_json::Value) -> Self {
        Self::new("application/json", Bytes::from(value.to_string()))
    }

    /// The hash of the bytes, in hexadecimal digits.
    #[must_use]
    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }

    /// The bytes.
    #[must_use]
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// 200 with the bytes, or 304 when `If-None-Match` names the document's ETag.
    #[must_use]
    pub(crate) fn answer(&self, if_none_match: Option<&[u8]>) -> Answer {
        let known = if_none_match.is_some_and(|header| is_named_by(&self.etag, header));
        let mut answer = if known { Answer::new(Body::empty()) } else { Answer::new(Body::whole(self.bytes.clone())) };
        if known {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
        }
        set_headers(&mut answer, &self.content_type, &self.etag);
        answer
    }
}

/// 304 when `If-None-Match` names the document with this hash, without making the document.
#[must_use]
pub(crate) fn not_modified(content_type: &'static str, hash: &str, if_none_match: Option<&[u8]>) -> Option<Answer> {
    let etag = etag(hash);
    if_none_match.filter(|header| is_named_by(&etag, header))?;
    let mut answer = Answer::new(Body::empty());
    *answer.status_mut() = StatusCode::NOT_MODIFIED;
    set_headers(&mut answer, &HeaderValue::from_static(content_type), &etag);
    Some(answer)
}

fn set_headers(answer: &mut Answer, content_type: &HeaderValue, etag: &HeaderValue) {
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, content_type.clone());
    headers.insert(ETAG, etag.clone());
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public"));
}

/// A quoted string of hexadecimal digits is a valid header.
fn etag(hash: &str) -> HeaderValue {
    HeaderValue::try_from(format!("\"{hash}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Compares as RFC 9110 has it for `If-None-Match`: a list, weak marks without meaning, `*` for anything.
fn is_named_by(etag: &HeaderValue, header: &[u8]) -> bool {
    header.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).any(|entry| {
        let entry = entry.strip_prefix(b"W/").unwrap_or(entry);
        entry == b"*" || entry == etag.as_bytes()
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::Document;

    #[test]
    fn a_client_that_has_the_document_is_not_sent_it_again() {
        let document = Document::new("application/json", Bytes::from_static(b"{}"));
        let etag = format!("\"{}\"", document.hash());
        let table = [
            (None, 200),
            (Some(etag.clone()), 304),
            (Some(format!("W/{etag}")), 304),
            (Some(format!("\"other\", {etag}")), 304),
            (Some("*".into()), 304),
            (Some("\"other\"".into()), 200),
            (Some(document.hash().into()), 200),
            (Some(String::new()), 200),
        ];
        for (header, status) in table {
            let answer = document.answer(header.as_ref().map(String::as_bytes));
            assert_eq!(answer.status().as_u16(), status, "{header:?}");
            assert_eq!(answer.headers()["etag"].to_str().unwrap(), etag);
            let bytes = answer.into_body().into_bytes().unwrap();
            assert_eq!(bytes.is_empty(), status == 304);
        }
    }
}
