//! The workspace tree as a CRDT.
//!
//! Promise: the tree is a pure function of the rows of all groups. Whoever holds the same rows, in whatever order they
//! came, holds the same tree: without cycles, with one name for one place, and with no workspace lost. Every group is
//! the only writer of its own documents, so a broken or hostile group can spoil its own rows only.
//!
//! Not known here: I/O, clocks, randomness, sessions, Kubernetes, and what the content of a row means.
//!
//! ```text
//!   put(row), commit() ──> Documents ──> NewChange ──> other groups' copies: merge() ──> rows
//!   (own group)              │ rows                                                        │
//!                            └──────────────> Tree: put(group, row) <──────────────────────┘
//!                                              └──> Changed: whose view is new
//! ```
//!
//! A document is an automerge document: a map with one register of bytes for each workspace. It is held as the chain
//! of its changes, in automerge's own encoding, and not as a loaded automerge object: with one writer, the last change
//! of a register is its value, so reading, writing and merging need no more, and the cost of a creation does not grow
//! with the document. [`document::Document::automerge`] gives the loaded object, and tests hold both to be equal.
//!
//! Reading order: [`row`], [`document`], [`documents`], [`batch`], [`tree`].

pub mod row;

mod change;
pub mod document;

pub mod batch;
pub mod documents;

mod name;
mod structure;
pub mod tree;
