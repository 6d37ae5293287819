//! Checkers: pure functions from a history to a [`crate::verdict::Check`], each with evidence.
//!
//! Reading order: [`pair`] (records become operations); [`linear`] (the search), [`object`] (what an object is),
//! [`linearizable`] (both on a history, with `shrink` for evidence); [`order`] (a logical cluster as a whole); [`backwards`];
//! [`set`]; [`watch`]; [`tree`].

pub mod pair;

pub mod linear;
pub mod linearizable;
pub mod object;
pub(crate) mod shrink;

pub mod backwards;
pub mod gap;
pub mod order;
pub mod set;
pub mod tree;
pub mod watch;

#[cfg(test)]
mod linear_test;
#[cfg(test)]
pub(crate) mod register_sample;
#[cfg(test)]
pub(crate) mod sample;
