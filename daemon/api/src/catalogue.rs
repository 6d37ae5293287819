//! What a logical cluster serves, as documents.

use std::sync::Arc;

use hanse_schema::kind::Kind;

use crate::body::Answer;
use crate::status::Failure;
use crate::{discovery, openapi};

/// The documents of one set of kinds.
pub(crate) struct Catalogue {}

impl Catalogue {
    /// The documents of the built-in kinds and these.
    pub(crate) fn new(_custom: Vec<Arc<Kind>>, _digest: [u8; 32]) -> Self {
        Self {}
    }

    /// Answers a GET of discovery.
    pub(crate) fn discovery(
        &self,
        place: discovery::Place<'_>,
        accept: Option<&[u8]>,
        known: Option<&[u8]>,
    ) -> Result<Answer, Failure> {
        discovery::answer(place, accept, known)
    }

    /// Answers a GET of OpenAPI.
    pub(crate) fn openapi(
        &self,
        place: openapi::Place<'_>,
        _prefix: &str,
        accept: Option<&[u8]>,
        known: Option<&[u8]>,
    ) -> Result<Answer, Failure> {
        openapi::answer(place, accept, known)
    }
}
