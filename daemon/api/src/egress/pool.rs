//! Connections that wait for their next call.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::egress::EGRESS_IDLE_CONNECTIONS_MAX;
use crate::egress::connect::Sender;
use crate::egress::endpoint::Destination;

/// At most [`EGRESS_IDLE_CONNECTIONS_MAX`] connections, the longest unused first. A connection of HTTP/2 stands in it from
/// its beginning and is shared; one of HTTP/1.1 only while it is unused.
#[derive(Default)]
pub(crate) struct Pool(Mutex<VecDeque<Idle>>);

struct Idle {
    destination: Destination,
    sender: Sender,
    since: Instant,
}

impl Pool {
    /// A connection to the destination.
    pub(crate) fn take(&self, destination: &Destination) -> Option<Sender> {
        let mut idle = self.idle();
        let now = Instant::now();
        idle.retain(|entry| !entry.sender.is_closed() && now - entry.since < IDLE_MAX);
        let at = idle.iter().rposition(|entry| entry.destination == *destination)?;
        let mut entry = idle.remove(at)?;
        let Some(shared) = entry.sender.shared() else { return Some(entry.sender) };
        entry.since = now;
        idle.push_back(entry);
        Some(shared)
    }

    /// Lets others use a new connection at once, where its protocol allows that.
    pub(crate) fn share(&self, destination: &Destination, sender: &Sender) {
        if let Some(sender) = sender.shared() {
            self.push(destination.clone(), sender);
        }
    }

    /// Keeps a connection whose last answer was read whole.
    pub(crate) fn give_back(&self, destination: Destination, sender: Sender) {
        if sender.shared().is_none() && !sender.is_closed() {
            self.push(destination, sender);
        }
    }

    fn push(&self, destination: Destination, sender: Sender) {
        let mut idle = self.idle();
        if idle.len() >= EGRESS_IDLE_CONNECTIONS_MAX {
            idle.pop_front();
        }
        idle.push_back(Idle { destination, sender, since: Instant::now() });
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that was unused for longer is not used again: the other side, or something between, has forgotten it.
const IDLE_MAX: Duration = Duration::from_secs(90);
