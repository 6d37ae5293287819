//! Changing who belongs to a group, one safe step at a time, and handing leadership over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hanse_base::id::DaemonId;
use openraft::errors::{ClientWriteError, RaftError};
use openraft::{ChangeMembers, ServerState};

use crate::error::MembershipError;
use crate::group::Group;

impl Group {
    /// Adds members that follow without a vote. Only on the leader. Does not wait until they have caught up.
    ///
    /// # Errors
    /// See [`MembershipError`].
    pub async fn add_learners(&self, daemons: BTreeSet<DaemonId>) -> Result<(), MembershipError> {
        let nodes: BTreeMap<_, _> = daemons.into_iter().map(|daemon| (daemon, ())).collect();
        self.change(ChangeMembers::AddNodes(nodes)).await
    }

    /// Makes exactly these daemons, which must be members already, the voters. Voters that are not among them follow
    /// without a vote from then on. Only on the leader, and one change at a time: a change that was interrupted half way,
    /// with its leader, is finished by the next.
    ///
    /// # Errors
    /// See [`MembershipError`].
    pub async fn set_voters(&self, daemons: BTreeSet<DaemonId>) -> Result<(), MembershipError> {
        if daemons.is_empty() {
            return Err(MembershipError::Refused("a group needs at least one voter".to_owned()));
        }
        self.change(ChangeMembers::ReplaceAllVoters(daemons)).await
    }

    /// Removes members that have no vote. Only on the leader.
    ///
    /// # Errors
    /// See [`MembershipError`].
    pub async fn remove_learners(&self, daemons: BTreeSet<DaemonId>) -> Result<(), MembershipError> {
        self.change(ChangeMembers::RemoveNodes(daemons)).await
    }

    /// Hands leadership over to another voter, and waits until another daemon leads. Only on the leader. Proposals that
    /// come meanwhile wait for the new leader.
    ///
    /// # Errors
    /// See [`MembershipError`]; [`MembershipError::Unknown`] when no other daemon took it over in time.
    pub async fn transfer_leader(&self, to: DaemonId) -> Result<(), MembershipError> {
        let wait = Duration::from_millis(2 * self.replica().config.election_ms_max).max(TRANSFER_WAIT_MIN);
        self.transfer(to, wait).await
    }

    async fn transfer(&self, to: DaemonId, wait: Duration) -> Result<(), MembershipError> {
        let replica = self.replica();
        let here = replica.config.daemon;
        let (leads, is_voter) = replica.with_metrics(|metrics| {
            (metrics.state == ServerState::Leader, metrics.membership_config.voter_ids().any(|voter| voter == to))
        });
        if !leads {
            return Err(MembershipError::NotLeader { leader: replica.leadership_now().leader });
        }
        if !is_voter || to == here {
            return Err(MembershipError::Refused(format!("daemon {to} is not another voter")));
        }
        let stopped = |error: &dyn std::fmt::Display| MembershipError::Unknown(error.to_string());
        let mut known = replica.leadership.subscribe();
        replica.raft.trigger().transfer_leader(to).await.map_err(|error| stopped(&error))?;
        let moved = known.wait_for(|known| known.leader.is_some_and(|leader| leader != here));
        match tokio::time::timeout(wait, moved).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(MembershipError::Unknown(format!(
                "no other replica took leadership over within {} ms",
                wait.as_millis()
            ))),
        }
    }

    /// Hands leadership over to the best other voter, if this replica has it and there is one.
    pub(crate) async fn hand_over(&self) {
        let replica = self.replica();
        let here = replica.config.daemon;
        let best = replica.with_metrics(|metrics| {
            let followers = metrics.replication.as_ref().filter(|_| metrics.state == ServerState::Leader)?;
            let is_voter = |daemon: &DaemonId| metrics.membership_config.voter_ids().any(|voter| voter == *daemon);
            let others = followers.iter().filter(|(daemon, _)| **daemon != here && is_voter(daemon));
            others.max_by_key(|(_, matched)| **matched).map(|(daemon, _)| *daemon)
        });
        let Some(best) = best else { return };
        // A replica that stops is in a hurry: without it the others elect a leader as well.
        let wait = Duration::from_millis(replica.config.election_ms_max);
        if let Err(error) = self.transfer(best, wait).await {
            tracing::info!(%error, "leadership was not handed over");
        }
    }

    async fn change(&self, change: ChangeMembers<DaemonId, ()>) -> Result<(), MembershipError> {
        match self.replica().raft.change_membership(change, true).await {
            Ok(_response) => Ok(()),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward))) => {
                Err(MembershipError::NotLeader { leader: forward.leader_id })
            }
            Err(RaftError::APIError(error @ ClientWriteError::LogEntryDiscarded(_))) => {
                Err(MembershipError::Unknown(error.to_string()))
            }
            Err(RaftError::APIError(error)) => Err(MembershipError::Refused(error.to_string())),
            Err(RaftError::Fatal(error)) => Err(MembershipError::Unknown(error.to_string())),
        }
    }
}

/// A busy machine may need longer than its election time until it is known who leads.
const TRANSFER_WAIT_MIN: Duration = Duration::from_secs(2);
