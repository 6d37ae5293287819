//! Clients: what they do, and what they remember of it.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use crate::dice::Dice;
use crate::message::{Answer, Call, Http};
use crate::wire::{End, Lost, Wire};

pub mod objects;
pub mod store;
pub mod watcher;
pub mod workspaces;

/// What every client has.
pub struct Seat {
    /// Its number.
    pub number: usize,
    /// Where it is.
    pub end: End,
    /// The daemons that it can ask: those of its region.
    pub daemons: Vec<End>,
    /// Longest pause between two operations.
    pub think_ms_max: u64,
    /// The network.
    pub wire: Wire,
    /// Its choices.
    pub dice: Dice,
    /// Becomes true when it shall stop.
    pub stop: watch::Receiver<bool>,
}

impl Seat {
    /// Whether it shall stop.
    #[must_use]
    pub fn is_over(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits a little.
    pub async fn think(&mut self) {
        let pause = Duration::from_millis(self.dice.between(0, self.think_ms_max));
        tokio::time::sleep(pause).await;
    }

    /// One of the daemons.
    pub fn daemon(&mut self) -> End {
        *self.dice.pick(&self.daemons)
    }

    /// Asks the API of one of the daemons. The body is `Null` when there is none.
    ///
    /// # Errors
    /// See [`Lost`].
    pub async fn ask(&mut self, method: &'static str, target: String, body: &Value) -> Result<(u16, Vec<u8>), Lost> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let daemon = self.daemon();
        let call = Call::Http(Http { method, target, body });
        match self.wire.call(self.end, daemon, call, PATIENCE).await? {
            Answer::Http { status, body } => Ok((status, body.to_vec())),
            _ => Err(Lost::Unanswered("another answer")),
        }
    }
}

/// How long a client waits for an answer.
pub const PATIENCE: Duration = Duration::from_secs(7);
