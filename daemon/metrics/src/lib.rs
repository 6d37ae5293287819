//! Numbers that a daemon tells of itself: counters and histograms, and the text in which they are read.
//!
//! Promise: to count costs one atomic addition, to observe a duration three: no lock, no allocation, no look-up by text.
//! What the series of a metric are is fixed when the program is built, by enums and tables: nothing that a user names
//! ever becomes a label, so the number of series has a bound that does not depend on what is stored.
//!
//! It must not know: what is counted, and how the text travels.
//!
//! ```text
//! rooms ──► Counter, Histogram (atomics)      scrape ──► Exposition ──► Prometheus' text format, version 0.0.4
//! ```
//!
//! `prometheus-client` is not used: its histograms take a lock for each observation, and its families one for each look-up.
//!
//! Reading order: [`metric`], [`counter`], [`histogram`], [`exposition`].

pub mod counter;
pub mod exposition;
pub mod histogram;
pub mod metric;
