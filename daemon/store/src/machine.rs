//! The one who applies: takes commands from the log, and shows the result to readers.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use hanse_base::id::{GroupId, Revision};
use hanse_base::mutant::Mutant;

use crate::apply::apply;
use crate::history::HistoryLimits;
use crate::hub::{Hub, Published};
use crate::snapshot::{SnapshotError, restore};
use crate::state::State;
use crate::txn::{Outcome, Refusal, Txn};

/// A replica's state machine. One thread applies; readers hold a [`Published`] or the [`Hub`].
#[derive(Debug)]
pub struct Machine {
    state: State,
    published: Published,
    hub: Arc<Hub>,
    /// Revision that was published last; `None` when the state has jumped since.
    shown: Option<Revision>,
    /// Whether the own documents have grown since the last publication.
    grown: bool,
}

impl Machine {
    /// The empty state of a group.
    #[must_use]
    pub fn new(group: GroupId) -> Self {
        Self::with_limits(group, HistoryLimits::default())
    }

    /// As [`Machine::new`], with a window of another size. Replicas need not agree on it.
    #[must_use]
    pub fn with_limits(group: GroupId, limits: HistoryLimits) -> Self {
        let state = State::new(group, limits);
        let published = Published::new(state.clone());
        let hub = Hub::new(published.clone());
        let shown = Some(state.revision());
        Self { state, published, hub, shown, grown: false }
    }

    /// Applies the commands of one entry of the log, and returns the outcome of each. Readers see nothing of it before
    /// [`Machine::publish`].
    ///
    /// A command that is not a transaction of this version is refused as malformed.
    pub fn apply_batch(&mut self, commands: &[Bytes]) -> Vec<Bytes> {
        let outcomes = commands.iter().map(|command| self.apply(command).encode()).collect();
        // One change of the documents for one entry: the entry is the same on all replicas, so the change is, too.
        self.grown |= self.state.commit();
        outcomes
    }

    fn apply(&mut self, command: &[u8]) -> Outcome {
        match Txn::decode(command) {
            Ok(txn) => apply(&mut self.state, txn),
            Err(error) => Outcome::Refused(Refusal::Malformed { why: error.to_string() }),
        }
    }

    /// Shows everything that was applied to readers and wakes those who wait for it. Once for many entries is enough.
    pub fn publish(&mut self) {
        let view = Arc::new(self.state.clone());
        let events = self.shown.and_then(|shown| view.events_after(shown).ok().map(|events| events.cloned().collect()));
        self.shown = Some(view.revision());
        self.hub.publish(view, events);
        if std::mem::take(&mut self.grown) {
            self.hub.documents_grew();
        }
    }

    /// Replaces the state by a snapshot of the same group. [`Machine::publish`] shows it. On an error the state is as it was.
    ///
    /// # Errors
    /// The input ends early, is not a snapshot, or is one of another group.
    pub fn restore(&mut self, input: &mut dyn Read) -> Result<(), SnapshotError> {
        self.state = restore(input, &self.state.group, self.state.history.limits())?;
        if Mutant::RestoreForgets.lives()
            && let Some((key, _)) = self.state.objects.get_max().cloned()
        {
            self.state.remove_object(&key);
        }
        self.shown = None;
        self.grown = true;
        Ok(())
    }

    /// The state as it is now, published or not, to be written as a snapshot beside the machine going on. Costs next to
    /// nothing.
    #[must_use]
    pub fn picture(&self) -> State {
        self.state.clone()
    }

    /// The state as it is now, published or not.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What readers hold.
    #[must_use]
    pub fn published(&self) -> &Published {
        &self.published
    }

    /// Where watchers wait.
    #[must_use]
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }
}
