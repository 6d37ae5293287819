//! Who belongs to the group and to the federation: what is wanted is the roster in the state; this makes it so.
//!
//! ```text
//! verbs ──► Home::submit(MembershipChange) ──► roster ──► steward (leader): step ──► raft::Group
//!                                                 └─────► follow (everybody): directory, links
//! ```
//!
//! Reading order: [`step`], [`steward`], [`verbs`]; joining: [`invite`], [`admission`]; between regions:
//! [`tidings`].

pub(crate) mod admission;
pub(crate) mod invite;
pub(crate) mod step;
pub(crate) mod steward;
pub(crate) mod tidings;
pub(crate) mod verbs;
