//! What another daemon is to this one, and what it may ask for by that.
//!
//! The mesh lets in whom [`guests`] and the directory say; [`Standing`] is looked up again for each stream, in the state of
//! that moment, so that nobody is served whom the state has turned away since.

use hanse_base::id::DaemonId;
use hanse_raft::group::Group;
use hanse_store::state::State;
use hanse_sync::lane::Lane;
use hanse_sync::peer::{Guests, PeerId};

use crate::config::Config;

/// What another daemon is to this one, as the state says at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// A member of the own region, or one that was removed and that Raft still counts on.
    Member,
    /// A daemon of the own region that the state does not name, or not yet.
    Guest,
    /// A daemon of another region.
    Foreign,
    /// A daemon of the own region that has no part in it.
    Stranger,
}

impl Standing {
    /// Of a peer that has proved who it is.
    pub(crate) fn of(peer: &PeerId, config: &Config, state: &State, group: &Group) -> Self {
        Self::told(peer, config, state, |daemon| group.names(daemon))
    }

    /// Whether it may open streams of the lane. A guest may speak Raft, so that this daemon catches up by it and comes to know
    /// it, and may look at the status; daemons of one region need nothing else of each other before.
    pub(crate) const fn may_open(self, lane: Lane) -> bool {
        match lane {
            Lane::Raft | Lane::RaftUpload => matches!(self, Self::Member | Self::Guest),
            Lane::Carry | Lane::Tree | Lane::Names => matches!(self, Self::Member | Self::Foreign),
            Lane::Status => matches!(self, Self::Member | Self::Guest | Self::Foreign),
        }
    }

    fn told(peer: &PeerId, config: &Config, state: &State, is_in_raft: impl Fn(DaemonId) -> bool) -> Self {
        let daemon = peer.daemon;
        if peer.region != config.region {
            return Self::Foreign;
        }
        let is_member = match state.membership().roster() {
            Some(roster) if roster.removed.iter().any(|removed| removed.daemon == daemon) => is_in_raft(daemon),
            Some(roster) => roster.member(daemon).is_some(),
            None => config.members_of(&config.region).any(|member| member.daemon == daemon),
        };
        if is_member {
            // Nearly every stream: without looking at who else may come in.
            return Self::Member;
        }
        match guests(config, state) {
            Guests::AllBut(removed) if !removed.contains(&daemon) => Self::Guest,
            Guests::AllBut(_) | Guests::Nobody => Self::Stranger,
        }
    }
}

/// Whom this daemon lets in although its state does not name them.
///
/// A daemon that was away, or has just joined, knows an old roster: the daemon that leads now may be in none that it has
/// read, and must reach it all the same. Those that the roster knows as removed are not let in. It forgets the oldest after
/// [`hanse_store::roster::REMOVED_MAX`] removals, which outlast a certificate of a day, but not one that lives for a year, nor
/// a daemon that runs on and renews its own. One that comes in again by that is a guest, and Raft lets it change nothing.
///
/// In a region that was restored from a backup there are no guests: the backup does not know who joined the lost group after
/// it was made, and a leader of that group must not be taken for one of this. Only a daemon that its own roster does not name
/// yet has them there, too: it is new, and the lost group has never heard of it.
pub(crate) fn guests(config: &Config, state: &State) -> Guests {
    let roster = state.membership().roster();
    let is_named = roster.is_some_and(|roster| roster.member(config.daemon).is_some());
    if is_named && state.restored().is_some() {
        return Guests::Nobody;
    }
    Guests::AllBut(roster.iter().flat_map(|roster| &roster.removed).map(|removed| removed.daemon).collect())
}

#[cfg(test)]
mod tests {
    use hanse_base::id::{DaemonId, RegionName, Revision};
    use hanse_store::home::Home;
    use hanse_store::roster::{Member, MemberRole, MembershipChange};
    use hanse_store::state::State;
    use hanse_store::txn::{Operation, Outcome};
    use hanse_sync::lane::Lane;
    use hanse_sync::peer::{Guests, PeerId};

    use super::{Standing, guests};
    use crate::config::Config;
    use crate::testing::{config, group, txn};

    fn changed(home: &hanse_store::memory::MemoryHome, change: MembershipChange) {
        assert!(matches!(home.apply(&[txn(Operation::Membership(change))])[..], [Outcome::Done { .. }]));
    }

    /// A member of `eu`.
    fn member(number: u64) -> Member {
        Member {
            daemon: DaemonId(number),
            name: format!("eu-{number}"),
            role: MemberRole::Voter,
            drained: false,
            peers: format!("127.0.0.1:{}", 7000 + number).parse().unwrap(),
            api: String::new(),
        }
    }

    /// What daemons of `eu` are to a daemon of it with this state, in whose log Raft names 5 and 7.
    fn standings(config: &Config, state: &State, daemons: &[u64]) -> Vec<Standing> {
        let standing = |number: &u64| {
            let peer = PeerId { daemon: DaemonId(*number), region: config.region.clone() };
            Standing::told(&peer, config, state, |daemon| [5, 7].contains(&daemon.0))
        };
        daemons.iter().map(standing).collect()
    }

    #[test]
    fn a_guest_may_speak_raft_and_look_at_the_status_and_a_stranger_nothing() {
        let open = |standing: Standing| -> Vec<Lane> {
            let lanes = [Lane::Raft, Lane::RaftUpload, Lane::Carry, Lane::Tree, Lane::Names, Lane::Status];
            lanes.into_iter().filter(|lane| standing.may_open(*lane)).collect()
        };
        assert_eq!(open(Standing::Member).len(), 6);
        assert_eq!(open(Standing::Foreign), [Lane::Carry, Lane::Tree, Lane::Names, Lane::Status]);
        assert_eq!(open(Standing::Guest), [Lane::Raft, Lane::RaftUpload, Lane::Status]);
        assert_eq!(open(Standing::Stranger), []);
    }

    #[test]
    fn who_is_not_named_is_a_guest_and_who_was_removed_is_a_stranger_once_raft_lets_go_of_it() {
        let (config, eu) = (config(), group("eu"));
        let foreign = PeerId { daemon: DaemonId(8), region: RegionName::new("us").unwrap() };
        assert_eq!(Standing::told(&foreign, &config, &eu.view(), |_| true), Standing::Foreign);
        // Before there is a roster, the file says who is a member.
        assert_eq!(standings(&config, &eu.view(), &[7, 5]), [Standing::Member, Standing::Guest]);
        let members = [4, 5, 6, 7].map(member).to_vec();
        changed(&eu, MembershipChange::Seed { members, neighbours: vec![] });
        changed(&eu, MembershipChange::RemoveMember { version: 1, daemon: DaemonId(5) });
        changed(&eu, MembershipChange::RemoveMember { version: 2, daemon: DaemonId(6) });
        let expected = [Standing::Member, Standing::Member, Standing::Stranger, Standing::Guest];
        assert_eq!(standings(&config, &eu.view(), &[4, 5, 6, 9]), expected);
        assert_eq!(guests(&config, &eu.view()), Guests::AllBut([5, 6].map(DaemonId).into()));
    }

    #[test]
    fn a_restored_region_has_no_guests_but_who_joins_it_has() {
        let (mut config, eu) = (config(), group("eu"));
        changed(&eu, MembershipChange::Seed { members: [6, 7].map(member).to_vec(), neighbours: vec![] });
        let mut restored = (*eu.view()).clone();
        restored.revive(1_000, Revision(0), member(7));
        // 9 may have joined the lost group.
        assert_eq!(standings(&config, &restored, &[6, 9]), [Standing::Stranger; 2]);
        assert_eq!(guests(&config, &restored), Guests::Nobody);
        config.daemon = DaemonId(10);
        assert_eq!(standings(&config, &restored, &[6, 9]), [Standing::Stranger, Standing::Guest]);
    }
}
