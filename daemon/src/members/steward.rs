//! Keeps Raft's membership what the roster wants while this daemon leads, and this daemon's directory and links what the
//! state says, whoever leads.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hanse_base::id::DaemonId;
use hanse_raft::error::MembershipError;
use hanse_raft::group::Group;
use hanse_store::home::Home;
use hanse_sync::mesh::Mesh;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::config::Config;
use crate::directory::{Directories, Directory};
use crate::members::step::{Scene, Step};
use crate::standing::guests;

/// The group whose membership is kept.
pub(crate) struct Steward {
    /// This daemon.
    pub(crate) config: Arc<Config>,
    /// Raft.
    pub(crate) group: Group,
    /// The state that holds the roster.
    pub(crate) home: Arc<dyn Home>,
}

impl Steward {
    /// Works while this daemon leads, until `stop` changes.
    pub(crate) async fn run(self, mut leads: watch::Receiver<bool>, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                led = leads.wait_for(|leads| *leads) => if led.is_err() { return },
            }
            // A step is not cut off by the loss of leadership: it fails by itself, and then the next leader goes on.
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = self.work(leads.clone()) => {}
            }
        }
    }

    /// Takes one step after another while this daemon leads.
    async fn work(&self, mut leads: watch::Receiver<bool>) {
        let mut said = None;
        while *leads.borrow_and_update() {
            let membership = Arc::clone(self.home.view().membership());
            let step = match membership.roster() {
                Some(roster) => Scene::of(&self.group.status(), roster).step(),
                None => Step::Done,
            };
            match &step {
                Step::Done => {
                    said = None;
                    tokio::select! {
                        _ = self.home.hub().membership_changed(&membership) => {}
                        _ = leads.wait_for(|leads| !*leads) => return,
                    }
                    continue;
                }
                Step::Wait(why) if said.as_ref() != Some(why) => {
                    tracing::info!(why, "the group's membership waits");
                    said = Some(why.clone());
                }
                Step::Wait(_) => {}
                step => {
                    said = None;
                    self.take(step).await;
                }
            }
            sleep(PAUSE).await;
        }
    }

    async fn take(&self, step: &Step) {
        let one = |daemon: &DaemonId| BTreeSet::from([*daemon]);
        let taken = match step {
            Step::SetVoters(voters) => self.group.set_voters(voters.clone()).await,
            Step::Add(daemon) => self.group.add_learners(one(daemon)).await,
            Step::Remove(daemon) => self.group.remove_learners(one(daemon)).await,
            Step::HandOver(daemon) => self.group.transfer_leader(*daemon).await,
            Step::Wait(_) | Step::Done => Ok(()),
        };
        match taken {
            Ok(()) => tracing::info!(?step, region = %self.config.region, "the group's membership has changed"),
            // Somebody else leads, or another change is just being committed: the next look shows what is left.
            Err(MembershipError::NotLeader { .. }) => {}
            Err(error) => tracing::info!(?step, %error, "a change of the group's membership is tried again"),
        }
    }
}

/// Whoever leads: shows the state's members to the rest of the daemon, and links it with them.
pub(crate) struct Follow {
    /// This daemon.
    pub(crate) config: Arc<Config>,
    /// Raft.
    pub(crate) group: Group,
    /// The state that holds the rosters.
    pub(crate) home: Arc<dyn Home>,
    /// The links.
    pub(crate) mesh: Mesh,
    /// What is shown.
    pub(crate) directories: Directories,
}

impl Follow {
    /// Follows the state until `stop` changes.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut linked = None;
        loop {
            let state = self.home.view();
            let membership = Arc::clone(state.membership());
            let directory = Directory::new(&self.config, &membership);
            let in_raft = self.in_raft();
            let peers = directory.peers(&self.config, &in_raft);
            let is_settling = peers.len() > directory.peers(&self.config, &BTreeSet::new()).len();
            // Who was removed itself keeps its peers: they tell it, and it tells nobody.
            let wanted = (peers, guests(&self.config, &state));
            drop(state);
            if linked.as_ref() != Some(&wanted) && directory.removed.is_none() {
                match self.mesh.set_peers(wanted.0.clone(), wanted.1.clone()) {
                    Ok(()) => linked = Some(wanted),
                    Err(error) => tracing::error!(%error, "the links cannot follow the roster"),
                }
            }
            if let Some(removed) = &directory.removed {
                tracing::warn!(name = %removed.name, "this daemon was removed from its region: stop it, its data is of no more use");
            }
            self.directories.show(directory);
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = self.home.hub().membership_changed(&membership) => {}
                // Raft lets go of who was removed a moment after the roster does.
                () = sleep(SETTLE), if is_settling => {}
            }
        }
    }

    fn in_raft(&self) -> BTreeSet<DaemonId> {
        let status = self.group.status();
        status.voter_sets.iter().flatten().chain(&status.learners).copied().collect()
    }
}

/// Between two steps, and between two looks at something that is not there yet.
const PAUSE: Duration = Duration::from_millis(100);
/// Between two looks whether Raft has let go of who was removed.
const SETTLE: Duration = Duration::from_millis(500);
