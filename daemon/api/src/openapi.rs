//! What the served kinds look like: OpenAPI v3, one document for each group and version, and OpenAPI v2, one for all.
//!
//! kubectl reads v3 to validate, to explain and to compute patches; v2 is there for clients that know nothing else. The index
//! costs no document: the hash of a group and version follows from the digests of its kinds. Documents are made when they are
//! asked for. Those of built-in kinds are kept for good, others on a shelf of limited size that all logical clusters share.

mod book;
mod chapter;
mod protobuf;
mod shelf;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, OnceLock};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, LOCATION};
use http::{HeaderValue, StatusCode};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::body::{Answer, Body};
use crate::catalogue::Defined;
use crate::document::{self, Document};
use crate::negotiate;
use crate::status::Failure;
use chapter::Chapter;
use shelf::Shelf;

/// A path of OpenAPI, below the logical cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// `/openapi/v3`: where the documents are.
    Index,
    /// `/openapi/v3/<api/v1 or apis/group/version>`, and the value of `?hash=`.
    Document(&'a str, Option<&'a str>),
    /// `/openapi/v2`
    V2,
}

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Form {
    Json,
    Protobuf,
}

/// The documents of one set of kinds.
#[derive(Debug)]
pub struct OpenApi {
    /// By their path, `api/v1` for instance.
    chapters: BTreeMap<String, Arc<Chapter>>,
    /// Of the paths and hashes of all chapters.
    hash: OnceLock<String>,
    /// The documents of v2 where all kinds are built in.
    v2: Option<Kept>,
}

/// Documents that are kept for good, once they were asked for.
#[derive(Debug, Default)]
struct Kept {
    json: OnceLock<Document>,
    protobuf: OnceLock<Document>,
}

impl Kept {
    fn get(&self, form: Form, make: impl FnOnce() -> Document) -> &Document {
        match form {
            Form::Json => self.json.get_or_init(make),
            Form::Protobuf => self.protobuf.get_or_init(make),
        }
    }
}

impl OpenApi {
    /// The documents of the kinds that every logical cluster serves.
    #[must_use]
    pub fn built_in() -> Self {
        Self { chapters: chapter::built_in(), hash: OnceLock::new(), v2: Some(Kept::default()) }
    }

    /// The documents of these kinds and of further ones. A chapter without further kinds is shared.
    pub(crate) fn with(&self, kinds: &[Defined]) -> Self {
        let mut chapters = self.chapters.clone();
        for (path, kinds) in chapter::by_path(kinds) {
            let chapter = Chapter::new(&path, self.chapters.get(&path), kinds);
            chapters.insert(path, Arc::new(chapter));
        }
        Self { chapters, hash: OnceLock::new(), v2: None }
    }

    /// Answers a GET of one of the documents. The prefix stands before the paths in the index: that of the logical cluster, or
    /// nothing.
    ///
    /// # Errors
    /// [`Failure::NoSuchPath`] for a group or version that is not served, [`Failure::NotAcceptable`].
    pub fn answer(
        &self,
        place: Place<'_>,
        prefix: &str,
        accept: Option<&[u8]>,
        if_none_match: Option<&[u8]>,
    ) -> Result<Answer, Failure> {
        match place {
            Place::Index => Ok(self.index(prefix, if_none_match)),
            Place::Document(path, hash) => {
                let chapter = self.chapters.get(path).ok_or(Failure::NoSuchPath)?;
                let form = negotiate::one_of(accept, V3_FORMS)?;
                match hash.filter(|hash| !hash.is_empty()) {
                    Some(hash) if hash != chapter.hash() => Ok(moved(path, chapter.hash())),
                    Some(_) => {
                        let mut answer = chapter.document(form).answer(if_none_match);
                        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(UNTIL_IT_CHANGES));
                        Ok(answer)
                    }
                    None => Ok(chapter.document(form).answer(if_none_match)),
                }
            }
            Place::V2 => Ok(self.v2(negotiate::one_of(accept, V2_FORMS)?).answer(if_none_match)),
        }
    }

    /// As upstream, the index is JSON whatever the client takes.
    fn index(&self, prefix: &str, if_none_match: Option<&[u8]>) -> Answer {
        let hash = hex(&Sha256::new().chain_update(self.hash()).chain_update(prefix).finalize());
        if let Some(answer) = document::not_modified(JSON, &hash, if_none_match) {
            return answer;
        }
        let mut text = r#"{"paths":{"#.to_owned();
        for (position, (path, chapter)) in self.chapters.iter().enumerate() {
            let comma = if position > 0 { "," } else { "" };
            let url = Value::from(format!("{prefix}/openapi/v3/{path}?hash={}", chapter.hash()));
            text.push_str(&format!(r#"{comma}{}:{{"serverRelativeURL":{url}}}"#, Value::from(path.as_str())));
        }
        text.push_str("}}");
        Document::named(JSON, hash, Bytes::from(text)).answer(if_none_match)
    }

    fn hash(&self) -> &str {
        self.hash.get_or_init(|| {
            let mut digest = Sha256::new();
            for (path, chapter) in &self.chapters {
                digest.update(format!("{path} {}\n", chapter.hash()));
            }
            hex(&digest.finalize())
        })
    }

    fn v2(&self, form: Form) -> Document {
        let make = || book::v2(self.chapters.values().map(|chapter| chapter.v2()), self.hash(), form);
        match &self.v2 {
            Some(kept) => kept.get(form, make).clone(),
            None => SHELF.get((format!("v2 {}", self.hash()), form), make),
        }
    }
}

/// Documents of custom kinds, which are the same wherever their hashes are the same.
static SHELF: LazyLock<Shelf<(String, Form)>> = LazyLock::new(|| Shelf::new(SHELF_BYTES_MAX));
/// Documents beyond this are made again when they are asked for.
const SHELF_BYTES_MAX: usize = 64 << 20;

const JSON: &str = "application/json";
const PROTOBUF_V2: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
const PROTOBUF_V3: &str = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf";
/// The second name of each protobuf form is older, and no valid media type; client-go asks for it.
const V2_FORMS: &[(&str, Form)] = &[
    (JSON, Form::Json),
    ("application/com.github.proto-openapi.spec.v2@v1.0+protobuf", Form::Protobuf),
    (PROTOBUF_V2, Form::Protobuf),
];
const V3_FORMS: &[(&str, Form)] = &[
    (JSON, Form::Json),
    ("application/com.github.proto-openapi.spec.v3@v1.0+protobuf", Form::Protobuf),
    (PROTOBUF_V3, Form::Protobuf),
];

/// With its hash in the URL, a document never changes: clients keep it for a year, the longest that caches are told.
const UNTIL_IT_CHANGES: &str = "public, immutable, max-age=31536000";

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Sends a client that knows an old hash to the newest. The target is relative, so that it stays in its logical cluster.
fn moved(path: &str, hash: &str) -> Answer {
    let last = path.rsplit('/').next().unwrap_or_default();
    let mut answer = Answer::new(Body::empty());
    *answer.status_mut() = StatusCode::MOVED_PERMANENTLY;
    if let Ok(target) = HeaderValue::try_from(format!("{last}?hash={hash}")) {
        answer.headers_mut().insert(LOCATION, target);
    }
    answer
}

#[cfg(test)]
mod openapi_test;
