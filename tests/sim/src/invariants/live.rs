//! When faults have ended, everything works again without an operator, and soon.

use std::time::Duration;

use super::{Broken, broken};

/// A client has done something within the time, or not.
///
/// # Errors
/// It has not.
pub fn answers(what: &str, waited: Duration, limit: Duration, is_done: bool) -> Result<(), Broken> {
    if !is_done && waited >= limit {
        return broken("live", format!("{what} {} s after the last fault", waited.as_secs()));
    }
    Ok(())
}
