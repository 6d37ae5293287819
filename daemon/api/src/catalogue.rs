//! What a logical cluster serves, as it tells its clients: discovery and OpenAPI.
//!
//! A catalogue is a function of its kinds. It is cheap to make and to keep: nothing is written before somebody asks, what
//! tells of built-in kinds only is shared by all, and OpenAPI documents stand on a shelf of limited size.

use std::sync::{Arc, LazyLock};

use hanse_schema::kind::Kind;
use hanse_schema::kinds::KINDS;

use crate::body::Answer;
use crate::discovery::{self, Discovery};
use crate::openapi::{self, OpenApi};
use crate::status::Failure;

/// A kind that comes from a definition.
#[derive(Debug, Clone)]
pub(crate) struct Defined {
    /// The kind.
    pub(crate) kind: Arc<Kind>,
    /// Digest of the definition's content; all versions of a definition may have the same.
    pub(crate) digest: [u8; 32],
}

/// The documents of one set of kinds: the built-in ones and those of definitions.
#[derive(Debug)]
pub(crate) struct Catalogue {
    discovery: Discovery,
    openapi: OpenApi,
}

impl Catalogue {
    /// A catalogue of the built-in kinds and of these. The order of the kinds means nothing. Where a custom kind has the
    /// group, version and plural of a built-in one, the built-in one is shown.
    #[must_use]
    pub(crate) fn new(custom: &[Defined]) -> Self {
        let kinds: Vec<Arc<Kind>> = custom.iter().map(|defined| Arc::clone(&defined.kind)).collect();
        let built_in = &*BUILT_IN;
        Self { discovery: built_in.discovery.with(&kinds), openapi: built_in.openapi.with(custom) }
    }

    /// The catalogue of the built-in kinds, which all share that have no others.
    #[must_use]
    pub(crate) fn built_in() -> Arc<Self> {
        Arc::clone(&BUILT_IN)
    }

    /// Answers a GET of discovery.
    ///
    /// # Errors
    /// [`Failure::NoSuchPath`] for a group or version that is not served, [`Failure::NotAcceptable`].
    pub(crate) fn discovery(
        &self,
        place: discovery::Place<'_>,
        accept: Option<&[u8]>,
        if_none_match: Option<&[u8]>,
    ) -> Result<Answer, Failure> {
        self.discovery.answer(place, accept, if_none_match)
    }

    /// Answers a GET of OpenAPI. The prefix is what stands before `/openapi` in the path, `/clusters/<id or path>` for
    /// instance: the index leads below it.
    ///
    /// It can work for seconds where there are thousands of definitions: callers on an asynchronous runtime run it where
    /// blocking is allowed.
    ///
    /// # Errors
    /// As [`Catalogue::discovery`].
    pub(crate) fn openapi(
        &self,
        place: openapi::Place<'_>,
        prefix: &str,
        accept: Option<&[u8]>,
        if_none_match: Option<&[u8]>,
    ) -> Result<Answer, Failure> {
        self.openapi.answer(place, prefix, accept, if_none_match)
    }
}

static BUILT_IN: LazyLock<Arc<Catalogue>> =
    LazyLock::new(|| Arc::new(Catalogue { discovery: Discovery::new(&KINDS), openapi: OpenApi::built_in() }));

#[cfg(test)]
mod catalogue_test;
