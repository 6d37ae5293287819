//! Who belongs to the federation, as this daemon knows it now: the one source for whom to dial, to ask and to carry to.
//!
//! The group's state says it. Until the state has a roster, and for regions that it knows nothing of, the configuration's
//! members stand in: they are the seed. [`Directories`] is looked at without a lock and replaced when the state changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use hanse_base::id::{DaemonId, RegionName};
use hanse_store::roster::{self, MemberRole, Membership, Removed, Roster};
use hanse_sync::peer::Peer;
use tokio::sync::watch;

use crate::config::{Config, Member};

/// A picture of the federation. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directory {
    /// Every daemon, this one included while it is a member; by region, then by name.
    pub(crate) members: Vec<Member>,
    /// The own region's roster, once the group has one.
    pub(crate) roster: Option<Roster>,
    /// Whether the group is told that this daemon belongs to it no more.
    pub(crate) removed: Option<Removed>,
    regions: BTreeSet<RegionName>,
}

impl Directory {
    /// What the configuration and the state say together.
    pub(crate) fn new(config: &Config, membership: &Membership) -> Self {
        let mut by_region: BTreeMap<RegionName, Vec<Member>> = BTreeMap::new();
        for member in &config.members {
            if !membership.removed_regions().contains(&member.region) {
                by_region.entry(member.region.clone()).or_default().push(member.clone());
            }
        }
        for (region, roster) in membership.neighbours() {
            by_region.insert(region.clone(), members_of(region, roster));
        }
        if let Some(roster) = membership.roster() {
            by_region.insert(config.region.clone(), members_of(&config.region, roster));
        }
        // A region is listed while its last member is replaced, too.
        let regions = by_region.keys().cloned().chain([config.region.clone()]).collect();
        for members in by_region.values_mut() {
            members.sort_by(|a, b| natural(&a.name).cmp(&natural(&b.name)));
        }
        let roster = membership.roster().cloned();
        let removed = roster
            .as_ref()
            .and_then(|roster| roster.removed.iter().find(|removed| removed.daemon == config.daemon).cloned());
        Self { members: by_region.into_values().flatten().collect(), roster, removed, regions }
    }

    /// A daemon's entry.
    pub(crate) fn member(&self, daemon: DaemonId) -> Option<&Member> {
        self.members.iter().find(|member| member.daemon == daemon)
    }

    /// All regions, sorted by name.
    pub(crate) fn regions(&self) -> &BTreeSet<RegionName> {
        &self.regions
    }

    /// Whom to dial and to let in: everybody but this daemon; and who was removed from the own region, as long as Raft
    /// still counts on it (`in_raft`), because until then it may have to hand over.
    pub(crate) fn peers(&self, config: &Config, in_raft: &BTreeSet<DaemonId>) -> Vec<Peer> {
        let members = self.members.iter().map(|member| Peer {
            daemon: member.daemon,
            region: member.region.clone(),
            address: member.peers,
        });
        let leaving = self.roster.iter().flat_map(|roster| &roster.removed);
        let leaving = leaving.filter(|removed| in_raft.contains(&removed.daemon)).map(|removed| Peer {
            daemon: removed.daemon,
            region: config.region.clone(),
            address: removed.peers,
        });
        members.chain(leaving).filter(|peer| peer.daemon != config.daemon).collect()
    }
}

/// The newest [`Directory`]. Cheap to clone: all clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Directories {
    now: Arc<ArcSwap<Directory>>,
    changes: Arc<watch::Sender<u64>>,
}

impl Directories {
    /// Begins with what the configuration says.
    pub(crate) fn new(config: &Config) -> Self {
        let seed = Directory::new(config, &Membership::default());
        Self { now: Arc::new(ArcSwap::from_pointee(seed)), changes: Arc::new(watch::Sender::new(0)) }
    }

    /// The newest.
    pub(crate) fn now(&self) -> Arc<Directory> {
        self.now.load_full()
    }

    /// Shows another; whether it differs from the last.
    pub(crate) fn show(&self, directory: Directory) -> bool {
        let differs = **self.now.load() != directory;
        if differs {
            self.now.store(Arc::new(directory));
            self.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
        }
        differs
    }

    /// Changes when another is shown.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

/// A roster's member as the rest of the daemon knows members.
fn members_of(region: &RegionName, roster: &Roster) -> Vec<Member> {
    let member = |member: &roster::Member| Member {
        daemon: member.daemon,
        region: region.clone(),
        name: member.name.clone(),
        peers: member.peers,
        api: member.api.clone(),
    };
    roster.members.iter().map(member).collect()
}

/// What the configuration's members are in a first roster.
pub(crate) fn founders<'a>(members: impl Iterator<Item = &'a Member>) -> Vec<roster::Member> {
    let founder = |member: &Member| roster::Member {
        daemon: member.daemon,
        name: member.name.clone(),
        role: MemberRole::Voter,
        drained: false,
        peers: member.peers,
        api: member.api.clone(),
    };
    members.map(founder).collect()
}

/// Orders `eu-2` before `eu-10`.
fn natural(name: &str) -> (&str, u64, &str) {
    let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (stem, number) = name.split_at(name.len() - digits);
    (stem, number.parse().unwrap_or(u64::MAX), number)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use hanse_base::id::{DaemonId, RegionName};
    use hanse_store::home::Home;
    use hanse_store::roster::{Member, MemberRole, MembershipChange, Roster};
    use hanse_store::txn::{Operation, Outcome, Txn};

    use super::{Directories, Directory, founders, natural};
    use crate::testing::{config, group};

    fn changed(home: &hanse_store::memory::MemoryHome, change: MembershipChange) {
        let txn = Txn { time_ms: 1, preconditions: vec![], operations: vec![Operation::Membership(change)] };
        assert!(matches!(home.apply(&[txn])[..], [Outcome::Done { .. }]));
    }

    #[test]
    fn the_state_wins_over_the_file_and_the_file_stands_in_for_what_the_state_does_not_know() {
        let (config, eu) = (config(), group("eu"));
        let names =
            |directory: &Directory| directory.members.iter().map(|member| member.name.clone()).collect::<Vec<_>>();
        let seed = Directory::new(&config, eu.view().membership());
        assert_eq!(names(&seed), ["eu-1", "us-1"]);
        let members = founders(config.members.iter().filter(|member| member.region == config.region));
        changed(&eu, MembershipChange::Seed { members, neighbours: vec![] });
        let us = RegionName::new("us").unwrap();
        let member = |number: u64, name: &str| Member {
            daemon: DaemonId(number),
            name: name.into(),
            role: MemberRole::Voter,
            drained: false,
            peers: format!("127.0.0.1:{}", 7000 + number).parse().unwrap(),
            api: String::new(),
        };
        let roster = Roster::new(4, vec![member(10, "us-10"), member(9, "us-9")]).unwrap();
        changed(&eu, MembershipChange::SetNeighbour { region: us.clone(), roster });
        changed(&eu, MembershipChange::PutMember { version: 1, member: member(20, "eu-2") });
        let directory = Directory::new(&config, eu.view().membership());
        assert_eq!(names(&directory), ["eu-1", "eu-2", "us-9", "us-10"]);
        changed(&eu, MembershipChange::RemoveMember { version: 2, daemon: DaemonId(20) });
        changed(&eu, MembershipChange::RemoveRegion { region: us.clone() });
        let directory = Directory::new(&config, eu.view().membership());
        assert_eq!(names(&directory), ["eu-1"]);
        assert!(!directory.regions().contains(&us), "the file does not bring back who was removed");
        let peers = |in_raft: &[u64]| {
            let in_raft: BTreeSet<_> = in_raft.iter().copied().map(DaemonId).collect();
            directory.peers(&config, &in_raft).into_iter().map(|peer| peer.daemon.0).collect::<Vec<_>>()
        };
        assert_eq!(peers(&[config.daemon.0, 20]), [20], "who leaves is reached until it has handed over");
        assert!(peers(&[config.daemon.0]).is_empty());
        let directories = Directories::new(&config);
        let mut changes = directories.changes();
        assert!(directories.show(directory.clone()) && !directories.show(directory));
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
    }

    #[test]
    fn names_are_ordered_by_their_numbers() {
        let mut names = ["eu-10", "eu-2", "eu", "ap-3"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["ap-3", "eu", "eu-2", "eu-10"]);
    }
}
