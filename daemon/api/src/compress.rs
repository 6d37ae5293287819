//! gzip of large answers, as kube-apiserver does it: only what is all there, over 128 KiB, for those who take it, at the
//! fastest level. A watch is a stream and is never compressed: an event must not wait in a compressor's window.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderValue;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, VARY};

use crate::body::{Answer, Body};
use crate::negotiate::takes_gzip;

/// Bodies up to this size are sent as they are: the bytes saved would not be worth the time.
pub const PLAIN_BYTES_MAX: usize = 128 * 1024;

/// Compresses the answer's body when the client takes gzip and the body is worth it; otherwise the same answer.
///
/// It works for as long as the body is large: callers on an asynchronous runtime run it where
/// blocking is allowed when [`worthwhile`] says that there is something to do.
#[must_use]
pub fn compressed(accept_encoding: Option<&[u8]>, answer: Answer) -> Answer {
    if !worthwhile(accept_encoding, &answer) {
        return answer;
    }
    let (mut head, body) = answer.into_parts();
    let bytes = match body.into_bytes() {
        Ok(bytes) => bytes,
        Err(stream) => return Answer::from_parts(head, stream),
    };
    let Some(small) = gzip(&bytes) else {
        return Answer::from_parts(head, Body::whole(bytes));
    };
    head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    head.headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    head.headers.remove(CONTENT_LENGTH);
    Answer::from_parts(head, Body::whole(small))
}

/// Whether [`compressed`] would compress: the client takes gzip, the size is known and large, nothing is encoded yet.
#[must_use]
pub fn worthwhile(accept_encoding: Option<&[u8]>, answer: &Answer) -> bool {
    let size = http_body::Body::size_hint(answer.body()).exact();
    size.is_some_and(|size| size > PLAIN_BYTES_MAX as u64)
        && !answer.headers().contains_key(CONTENT_ENCODING)
        && takes_gzip(accept_encoding)
}

/// Writing into memory does not fail; should it, the answer goes out as it is.
fn gzip(bytes: &Bytes) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::io::Read;

    use bytes::Bytes;
    use futures_util::stream;
    use http::header::{CONTENT_ENCODING, VARY};

    use super::{PLAIN_BYTES_MAX, compressed};
    use crate::body::{Answer, Body};

    #[test]
    fn a_large_answer_is_compressed_and_comes_back_whole() {
        let plain = Bytes::from("hanse ".repeat(PLAIN_BYTES_MAX));
        let pieces = VecDeque::from(vec![plain.clone(), Bytes::from_static(b"end")]);
        for (body, expected) in
            [(Body::whole(plain.clone()), plain.to_vec()), (Body::pieces(pieces), [&plain[..], b"end"].concat())]
        {
            let answer = compressed(Some(b"gzip, deflate"), Answer::new(body));
            assert_eq!(answer.headers()[CONTENT_ENCODING], "gzip");
            assert_eq!(answer.headers()[VARY], "Accept-Encoding");
            let bytes = answer.into_body().into_bytes().unwrap();
            assert!(bytes.len() < expected.len() / 10);
            let mut back = Vec::new();
            flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut back).unwrap();
            assert!(back == expected);
        }
    }

    #[test]
    fn small_answers_streams_and_clients_without_gzip_are_left_alone() {
        let large = || Body::whole(Bytes::from(vec![b'a'; PLAIN_BYTES_MAX + 1]));
        let small = Body::whole(Bytes::from(vec![b'a'; PLAIN_BYTES_MAX]));
        let watch = Body::stream(stream::iter([Ok(Bytes::from(vec![b'a'; PLAIN_BYTES_MAX * 2]))]));
        for (header, body) in
            [(Some("gzip"), small), (Some("gzip"), watch), (Some("identity"), large()), (None, large())]
        {
            let answer = compressed(header.map(str::as_bytes), Answer::new(body));
            assert!(!answer.headers().contains_key(CONTENT_ENCODING));
        }
    }
}
