//! Final reads: tried again until they are answered, each attempt recorded.

use anyhow::bail;
use tokio::time::Instant;

use super::clusters::{PATIENCE, PAUSE};
use super::driver::Driver;
use crate::history::{Call, Outcome};
use crate::port::{Answer, Request};

/// Sends a read until it is answered.
pub(crate) async fn until_ok(
    driver: &mut Driver<'_>,
    call: &Call,
    request: Request,
    seen: impl Fn(&Answer) -> Outcome,
) -> anyhow::Result<serde_json::Value> {
    let end = Instant::now() + PATIENCE;
    loop {
        match driver.operation(call.clone(), request.clone(), ("", ""), &seen).await {
            Outcome::Ok { value, .. } => return Ok(value),
            Outcome::Fail { error } | Outcome::Info { error } if Instant::now() > end => {
                let daemon = &driver.daemon().name;
                bail!(
                    "{daemon} does not answer {} {} s after everything was healed: {error}",
                    request.path,
                    PATIENCE.as_secs()
                );
            }
            Outcome::Fail { .. } | Outcome::Info { .. } => tokio::time::sleep(PAUSE).await,
        }
    }
}
