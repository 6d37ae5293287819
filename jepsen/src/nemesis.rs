//! Who breaks things. A nemesis installs one fault at a time and heals it; several work side by side, each at its own pace, so
//! that their faults overlap.
//!
//! In the history each fault is `start-<name>` (its record of outcome says what was done, to whom) and `stop-<name>`.

pub mod disk;
pub mod membership;
pub mod network;
pub mod process;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use tokio::sync::watch;

use crate::cluster::Cluster;
use crate::cluster::member::Member;
use crate::disk::mount::Faults;
use crate::doctor::{DiskKind, NetKind};
use crate::history::{Kind, Recorder};
use crate::port::BoxFuture;
use crate::random::Random;

/// One who breaks things.
pub trait Nemesis: Send {
    /// Installs a fault that it chooses.
    fn install<'a>(&'a mut self, arena: &'a mut Arena) -> BoxFuture<'a, Result<Landing>>;

    /// Takes it away again. Called after every `install`, also one that failed.
    fn heal<'a>(&'a mut self, arena: &'a mut Arena) -> BoxFuture<'a, Result<()>>;
}

/// What a nemesis works with.
pub struct Arena {
    /// The cluster.
    pub cluster: Arc<Cluster>,
    /// Its choices.
    pub random: Random,
}

/// What came of installing a fault.
#[derive(Debug, Clone)]
pub enum Landing {
    /// It is there.
    Installed {
        /// What, in a few words.
        fault: String,
        /// The daemons that it concerns.
        targets: Vec<String>,
        /// It takes away a leader: somebody else has to be elected if it lasts.
        leader: bool,
    },
    /// There was nothing to do it to: nobody leads, the daemon is dead already.
    Skipped {
        /// Why.
        why: String,
    },
}

/// A nemesis by name.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// On the command line.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
    /// It takes the switch.
    pub needs_switch: bool,
    /// It takes the harness' disk.
    pub needs_disk: bool,
    /// Daemons may end by themselves under it, and are right to.
    pub ends_daemons: bool,
    make: fn() -> Box<dyn Nemesis>,
}

/// All nemeses.
pub const ALL: &[Entry] = &[
    Entry {
        name: "kill",
        about: "kill -9 of a leader or of any daemon, and a start some seconds later",
        needs_switch: false,
        needs_disk: false,
        ends_daemons: false,
        make: || Box::new(process::Kill::default()),
    },
    Entry {
        name: "kill-region",
        about: "kill -9 of all daemons of a region at once",
        needs_switch: false,
        needs_disk: false,
        ends_daemons: false,
        make: || Box::new(process::KillRegion::default()),
    },
    Entry {
        name: "restart",
        about: "SIGTERM of one daemon after the other, as in an upgrade",
        needs_switch: false,
        needs_disk: false,
        ends_daemons: false,
        make: || Box::new(process::Restart::default()),
    },
    Entry {
        name: "pause",
        about: "SIGSTOP of a leader or of any daemon, SIGCONT some seconds later",
        needs_switch: false,
        needs_disk: false,
        ends_daemons: false,
        make: || Box::new(process::Pause::default()),
    },
    Entry {
        name: "partition",
        about: "cuts: halves, a leader alone, a leader that hears nobody or that nobody hears, a ring, a region from the others",
        needs_switch: true,
        needs_disk: false,
        ends_daemons: false,
        make: || Box::new(network::Partition::default()),
    },
    Entry {
        name: "slow",
        about: "delay and jitter, or little bandwidth, on some links",
        needs_switch: true,
        needs_disk: false,
        ends_daemons: false,
        make: || Box::new(network::Slow::default()),
    },
    Entry {
        name: "loss",
        about: "packets are lost, doubled, overtaken, damaged",
        needs_switch: true,
        needs_disk: false,
        ends_daemons: false,
        make: || Box::new(network::Lossy::default()),
    },
    Entry {
        name: "membership",
        about: "a daemon is drained and its vote given back, leadership is handed over: with the commands of an operator",
        needs_switch: false,
        needs_disk: false,
        ends_daemons: false,
        make: || Box::new(membership::Membership::default()),
    },
    Entry {
        name: "power",
        about: "loss of power of one daemon: what was not synced is lost, torn or reordered",
        needs_switch: false,
        needs_disk: true,
        ends_daemons: false,
        make: || Box::new(disk::Power::one()),
    },
    Entry {
        name: "power-region",
        about: "loss of power of all daemons of a region at once",
        needs_switch: false,
        needs_disk: true,
        ends_daemons: false,
        make: || Box::new(disk::Power::region()),
    },
    Entry {
        name: "stall",
        about: "a disk, a leader's first of all, that stands still or takes long to sync",
        needs_switch: false,
        needs_disk: true,
        ends_daemons: true,
        make: || Box::new(disk::Stall::default()),
    },
    Entry {
        name: "io-error",
        about: "a sync that fails once; the daemon has to stop",
        needs_switch: false,
        needs_disk: true,
        ends_daemons: true,
        make: || Box::new(disk::IoError::default()),
    },
    Entry {
        name: "full",
        about: "a disk that takes nothing more",
        needs_switch: false,
        needs_disk: true,
        ends_daemons: true,
        make: || Box::new(disk::Full::default()),
    },
];

/// The nemesis of a name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.name == name)
}

impl Entry {
    /// Whether it can work with what there is.
    #[must_use]
    pub fn works_with(&self, net: NetKind, disk: DiskKind) -> bool {
        (!self.needs_switch || net == NetKind::Switch) && (!self.needs_disk || disk == DiskKind::Fuse)
    }
}

/// How often a nemesis has done what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// Faults that were there.
    pub installed: u64,
    /// Faults that took away a leader.
    pub leaders: u64,
    /// Faults that could not be.
    pub skipped: u64,
    /// Faults of which nobody knows whether they were there.
    pub indeterminate: u64,
}

/// The tallies of all nemeses.
pub type Tallies = Arc<Mutex<BTreeMap<&'static str, Tally>>>;

/// Lets one nemesis work until the run ends, and heals what it has done.
pub async fn rage(
    entry: &'static Entry,
    mut arena: Arena,
    recorder: Arc<Recorder>,
    mut stop: watch::Receiver<bool>,
    tallies: Tallies,
) {
    let mut nemesis = (entry.make)();
    // It shows as having done nothing, if it does nothing.
    note(&tallies, entry.name, |_| ());
    loop {
        let calm = Duration::from_millis(arena.random.range(CALM_MS.0, CALM_MS.1));
        if !pause(&mut stop, calm).await {
            return;
        }
        let start = format!("start-{}", entry.name);
        recorder.nemesis(Kind::Invoke, &start, json!(null));
        let mut kept = false;
        match nemesis.install(&mut arena).await {
            Ok(Landing::Installed { fault, targets, leader }) => {
                kept = true;
                note(&tallies, entry.name, |tally| {
                    tally.installed += 1;
                    tally.leaders += u64::from(leader);
                });
                recorder.nemesis(
                    Kind::Info,
                    &start,
                    json!({"outcome": "installed", "fault": fault, "targets": targets, "leader": leader}),
                );
            }
            Ok(Landing::Skipped { why }) => {
                note(&tallies, entry.name, |tally| tally.skipped += 1);
                recorder.nemesis(Kind::Fail, &start, json!({"outcome": "skipped", "why": why}));
            }
            Err(error) => {
                kept = true;
                note(&tallies, entry.name, |tally| tally.indeterminate += 1);
                recorder.nemesis(Kind::Info, &start, json!({"outcome": "indeterminate", "why": format!("{error:#}")}));
            }
        }
        if !kept {
            continue;
        }
        let hold = Duration::from_millis(arena.random.range(HOLD_MS.0, HOLD_MS.1));
        pause(&mut stop, hold).await;
        let end = format!("stop-{}", entry.name);
        recorder.nemesis(Kind::Invoke, &end, json!(null));
        let healed = match nemesis.heal(&mut arena).await {
            Ok(()) => json!({"outcome": "healed"}),
            Err(error) => json!({"outcome": "indeterminate", "why": format!("{error:#}")}),
        };
        recorder.nemesis(Kind::Info, &end, healed);
    }
}

fn note(tallies: &Tallies, name: &'static str, change: impl FnOnce(&mut Tally)) {
    change(tallies.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default());
}

/// Waits; says whether the run goes on.
async fn pause(stop: &mut watch::Receiver<bool>, duration: Duration) -> bool {
    tokio::time::timeout(duration, stop.wait_for(|stop| *stop)).await.is_err()
}

/// Takes every fault away and starts every daemon that does not run.
///
/// # Errors
/// A daemon cannot be started.
pub fn heal_all(cluster: &Cluster) -> Result<()> {
    if let Some(switch) = &cluster.switch {
        switch.matrix.heal();
    }
    for member in cluster.members() {
        if let Some(disk) = &member.disk {
            disk.set(Faults::default());
            disk.limit(u64::MAX);
        }
        member.go_on()?;
        member.reap();
        member.start()?;
    }
    Ok(())
}

impl Arena {
    /// A region.
    pub fn region(&mut self) -> String {
        self.random.pick(&self.cluster.plan.regions).cloned().unwrap_or_default()
    }

    /// The leader of a region that has one, mostly; else any daemon. Says whether it leads.
    pub async fn victim(&mut self) -> Option<(Arc<Member>, bool)> {
        let region = self.region();
        if self.random.chance(LEADER_CHANCE)
            && let Some(leader) = self.cluster.leader(&region).await
        {
            return Some((leader, true));
        }
        let running: Vec<Arc<Member>> = self.cluster.members().into_iter().filter(|member| member.answers()).collect();
        let member = self.random.pick(&running).map(Arc::clone)?;
        let leader = self.cluster.leader(&member.place.region).await;
        let leads = leader.is_some_and(|leader| leader.place.name == member.place.name);
        Some((member, leads))
    }
}

/// Whether losing this daemon makes others elect a leader: it takes others.
fn has_heirs(cluster: &Cluster, member: &Member) -> bool {
    cluster.members_of(&member.place.region).len() > 1
}

/// Between two faults of one nemesis.
const CALM_MS: (u64, u64) = (1_000, 3_500);
/// How long a fault stays.
const HOLD_MS: (u64, u64) = (1_500, 5_000);
/// How often a leader is the victim.
const LEADER_CHANCE: f64 = 0.7;
