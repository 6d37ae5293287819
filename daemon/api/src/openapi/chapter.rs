//! The kinds of one group and version, and their document.

use std::collections::BTreeMap;
use std::sync::Arc;

use hanse_schema::kind::Kind;
use hanse_schema::kinds::KINDS;
use hanse_schema::openapi::{self, group_versions, v2::Share};
use sha2::{Digest, Sha256};

use super::{Form, Kept, SHELF, book, hex};
use crate::catalogue::Defined;
use crate::document::Document;

/// One group and version.
#[derive(Debug)]
pub(super) struct Chapter {
    kinds: Vec<Arc<Kind>>,
    source: Source,
}

/// Where the hash of the document comes from.
#[derive(Debug)]
enum Source {
    /// From its bytes, which are kept.
    Kept(Box<Kept>),
    /// From the digests of the kinds.
    Derived(String),
}

/// The chapters of the built-in kinds, by their path.
pub(super) fn built_in() -> BTreeMap<String, Arc<Chapter>> {
    let chapters = group_versions(KINDS.iter()).into_iter().map(|(group, version)| {
        let kinds = KINDS.iter().filter(|kind| kind.group == group && kind.version == version).cloned().collect();
        let chapter = Chapter { kinds, source: Source::Kept(Box::default()) };
        (openapi::path(group, version), Arc::new(chapter))
    });
    chapters.collect()
}

/// Kinds by the path of their chapter.
pub(super) fn by_path(kinds: &[Defined]) -> BTreeMap<String, Vec<&Defined>> {
    let mut paths: BTreeMap<String, Vec<&Defined>> = BTreeMap::new();
    for defined in kinds {
        let path = openapi::path(&defined.kind.group, &defined.kind.version);
        paths.entry(path).or_default().push(defined);
    }
    paths
}

impl Chapter {
    /// A chapter with further kinds than the one that is there already. A resource that is there stays as it is.
    pub(super) fn new(path: &str, base: Option<&Arc<Self>>, mut further: Vec<&Defined>) -> Self {
        let mut kinds = base.map(|base| base.kinds.clone()).unwrap_or_default();
        further.sort_by(|left, right| left.kind.plural.cmp(&right.kind.plural));
        let mut digest = Sha256::new();
        digest.update(format!("{FORM} {path} {}\n", base.map(|base| base.hash()).unwrap_or_default()));
        for defined in further {
            if kinds.iter().any(|kind| kind.plural == defined.kind.plural) {
                continue;
            }
            digest.update(served(&defined.kind));
            digest.update(defined.digest);
            kinds.push(Arc::clone(&defined.kind));
        }
        Self { kinds, source: Source::Derived(hex(&digest.finalize())) }
    }

    /// What the document's URL carries: another one whenever the document is another.
    pub(super) fn hash(&self) -> &str {
        match &self.source {
            Source::Kept(kept) => kept.get(Form::Json, || self.made(Form::Json, None)).hash(),
            Source::Derived(hash) => hash,
        }
    }

    /// The document of v3.
    pub(super) fn document(&self, form: Form) -> Document {
        match (&self.source, form) {
            (Source::Kept(kept), Form::Json) => kept.get(form, || self.made(form, None)).clone(),
            (Source::Kept(kept), Form::Protobuf) => {
                // In whatever form, the document has the hash of the first.
                let hash = self.hash();
                kept.get(form, || self.made(form, Some(hash))).clone()
            }
            (Source::Derived(hash), _) => SHELF.get((hash.clone(), form), || self.made(form, Some(hash))),
        }
    }

    /// What the chapter adds to the document of v2.
    pub(super) fn v2(&self) -> Option<Share> {
        let first = self.kinds.first()?;
        openapi::v2::share(&self.kinds, &first.group, &first.version)
    }

    fn made(&self, form: Form, hash: Option<&str>) -> Document {
        let first = self.kinds.first();
        let document = first.and_then(|kind| openapi::document(&self.kinds, &kind.group, &kind.version));
        book::v3(&document.unwrap_or_default(), hash, form)
    }
}

/// What of a kind is served, beside what its definition says: a definition that is being deleted serves less.
fn served(kind: &Kind) -> String {
    let verbs: Vec<&str> = kind.verbs.iter().map(|verb| verb.as_str()).collect();
    let parts: Vec<&str> = kind.subresources.iter().filter_map(|part| part.segment()).collect();
    format!("{} {} {} {} {verbs:?} {parts:?}\n", kind.plural, kind.kind, kind.list_kind, kind.namespaced)
}

/// To be raised when a release makes other documents of the same kinds: URLs with a hash are kept for a year.
const FORM: u32 = 1;
