//! JSON text: a reader that the decoder pulls from, and the words for what is wrong with a text.
//!
//! serde_json can read the same language. It is not used here because Kubernetes' clients see three things that it does not
//! give: duplicate keys, the literal of a number of the wrong type, and Go's messages for malformed text. The reader is tested
//! against serde_json on random and mutated input.

mod complaint;
mod reader;

pub(crate) use complaint::complaint;
pub(crate) use reader::{Duplicates, Malformed, Reader, Token};

/// How many values an object may hold: items of lists, entries of maps, and the fields that are written for each object in
/// it even when they are not given. In memory a value is many times larger than its shortest text, so a limit of bytes
/// alone does not bound memory. Objects that people store are far below; more is refused.
pub(crate) const VALUES_MAX: usize = 100_000;

/// How deep objects and lists may be nested.
pub(crate) const DEPTH_MAX: usize = 64;
