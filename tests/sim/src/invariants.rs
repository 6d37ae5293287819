//! The promises, one file each. Each takes in what it sees and says at once when its promise is broken.

use std::fmt;

pub mod linearizable;
pub mod live;
pub mod one_leader;
pub mod same_log;
pub mod same_state;
pub mod tree;
pub mod watch;

/// A promise that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which: the name of the file.
    pub promise: &'static str,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.what)
    }
}

/// Says that a promise is broken.
///
/// # Errors
/// Always.
pub(crate) fn broken<T>(promise: &'static str, what: String) -> Result<T, Broken> {
    Err(Broken { promise, what })
}
