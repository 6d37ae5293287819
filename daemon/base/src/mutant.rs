//! Deliberate bugs, by which tests show what they would find. They are compiled in with the feature `mutants` only; then
//! the one that `HANSE_MUTANT` names is alive. Without the feature all this is nothing.

/// A deliberate bug, and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// `raft`: entries count as durable before they are synced.
    AckBeforeSync,
    /// `raft`: a vote is told before it is synced.
    VoteNotSynced,
    /// `raft`: the last entry of the log is forgotten at a start.
    LogCutAtStart,
    /// `raft`: the name of a new snapshot is not synced before the log is dropped.
    SnapshotNotSynced,
    /// `raft`: the leader answers reads without asking whether it still leads.
    ReadWithoutQuorum,
    /// `raft`: a batch whose outcome is unknown is sent again.
    ForwardTwice,
    /// `store`: the revision that a precondition names is not compared.
    PreconditionSkipped,
    /// `store`: what must be absent may be there.
    AbsenceSkipped,
    /// `store`: a deletion does nothing.
    DeletionForgotten,
    /// `store`: now and then a watcher is not handed an event.
    WatchSkips,
    /// `store`: a restored state lacks an object.
    RestoreForgets,
    /// `store`: the last of many merged changes does not reach the tree.
    MergeSkips,
    /// `daemon`: any replica answers a read from what it has.
    FollowerReadsLocally,
    /// `daemon`: an unknown outcome is told as a refusal.
    UnknownIsRefused,
    /// `daemon`: the first of many changes is not sent to other regions.
    SourceSkips,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::AckBeforeSync,
        Self::VoteNotSynced,
        Self::LogCutAtStart,
        Self::SnapshotNotSynced,
        Self::ReadWithoutQuorum,
        Self::ForwardTwice,
        Self::PreconditionSkipped,
        Self::AbsenceSkipped,
        Self::DeletionForgotten,
        Self::WatchSkips,
        Self::RestoreForgets,
        Self::MergeSkips,
        Self::FollowerReadsLocally,
        Self::UnknownIsRefused,
        Self::SourceSkips,
    ];
    /// Whether they are compiled in.
    pub const ARE_HERE: bool = cfg!(feature = "mutants");

    /// Whether this one is alive. Without the feature none is, and nothing is looked at.
    #[must_use]
    pub fn lives(self) -> bool {
        static CHOSEN: std::sync::OnceLock<Option<Mutant>> = std::sync::OnceLock::new();
        let named = || {
            let name = std::env::var("HANSE_MUTANT").ok()?;
            Self::ALL.into_iter().find(|mutant| format!("{mutant:?}") == name)
        };
        Self::ARE_HERE && *CHOSEN.get_or_init(named) == Some(self)
    }
}
