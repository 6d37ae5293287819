//! What regions tell each other of who belongs to the federation: a notice in every tree session.
//!
//! A region speaks for itself: its roster is taken from its own daemons only. What it says of others is an introduction,
//! which counts where nothing is known. That a region has left is believed of the founding region.

use bytes::Bytes;
use hanse_base::id::{GroupId, RegionName};
use hanse_store::roster::{Membership, MembershipChange, Roster};
use hanse_sync::message::Notice;
use serde::{Deserialize, Serialize};

use crate::config::region_of;

mod v1 {
    use super::{Deserialize, RegionName, Roster, Serialize};

    #[derive(Serialize, Deserialize)]
    pub(super) struct Tidings {
        pub(super) roster: Roster,
        pub(super) introductions: Vec<(RegionName, Roster)>,
        pub(super) removed: Vec<RegionName>,
    }
}

/// What the own region tells, if that is later than the version that is known elsewhere.
///
/// # Panics
/// Never: rosters can be written to memory.
pub(crate) fn notice(membership: &Membership, known: u64) -> Option<Notice> {
    let version = membership.version();
    let roster = membership.roster().filter(|_| version > known)?.clone();
    let introduction = |(region, roster): (&RegionName, &Roster)| {
        // Roles and removed members are for the region itself to tell.
        let members = roster.members.iter().take(CONTACTS_MAX).cloned().collect();
        (region.clone(), Roster { version: 0, members, removed: Vec::new() })
    };
    let introductions = membership.neighbours().iter().map(introduction).collect();
    let removed = membership.removed_regions().iter().cloned().collect();
    let tidings = v1::Tidings { roster, introductions, removed };
    let bytes = postcard::to_extend(&tidings, vec![VERSION]).expect("rosters can be written to memory");
    Some(Notice { version, bytes: Bytes::from(bytes) })
}

/// What is new in the notice of another group: the changes that it makes here, each on its own.
///
/// # Errors
/// It cannot be read.
pub(crate) fn news(
    membership: &Membership,
    (own, founder): (&RegionName, &RegionName),
    from: &GroupId,
    notice: &Notice,
) -> Result<Vec<MembershipChange>, String> {
    let unreadable = || "a notice cannot be read: is the other region of another version?".to_owned();
    let Some((&VERSION, rest)) = notice.bytes.split_first() else { return Err(unreadable()) };
    let Ok((tidings, [])) = postcard::take_from_bytes::<v1::Tidings>(rest) else { return Err(unreadable()) };
    let region = region_of(from);
    let mut changes = Vec::new();
    let known = |region: &RegionName| membership.neighbours().get(region);
    if known(&region).is_none_or(|known| known.version < tidings.roster.version) && tidings.roster.version > 0 {
        changes.push(MembershipChange::SetNeighbour { region: region.clone(), roster: tidings.roster });
    }
    for (other, roster) in tidings.introductions {
        let is_news = other != *own && other != region && known(&other).is_none();
        if is_news && !membership.removed_regions().contains(&other) {
            changes.push(MembershipChange::SetNeighbour { region: other, roster: Roster { version: 0, ..roster } });
        }
    }
    if region == *founder {
        let gone = tidings.removed.into_iter().filter(|gone| known(gone).is_some() && gone != founder && gone != own);
        changes.extend(gone.map(|region| MembershipChange::RemoveRegion { region }));
    }
    Ok(changes)
}

const VERSION: u8 = 1;
/// Members of another region that an introduction names.
const CONTACTS_MAX: usize = 5;

#[cfg(test)]
mod tests {
    use hanse_base::id::{DaemonId, GroupId, RegionName};
    use hanse_store::home::Home;
    use hanse_store::memory::MemoryHome;
    use hanse_store::roster::{Member, MemberRole, MembershipChange, Roster};
    use hanse_store::txn::{Operation, Outcome};
    use hanse_sync::message::Notice;
    use proptest::prelude::{any, proptest};

    use super::{news, notice};
    use crate::testing::{group, txn};

    fn region(name: &str) -> RegionName {
        RegionName::new(name).unwrap()
    }

    fn member(number: u64, name: &str) -> Member {
        let peers = format!("127.0.0.1:{}", 7000 + number).parse().unwrap();
        let role = MemberRole::Voter;
        Member { daemon: DaemonId(number), name: name.into(), role, drained: false, peers, api: String::new() }
    }

    fn apply(home: &MemoryHome, changes: Vec<MembershipChange>) {
        for change in changes {
            let outcomes = home.apply(&[txn(Operation::Membership(change))]);
            assert!(matches!(outcomes[..], [Outcome::Done { .. }]), "{outcomes:?}");
        }
    }

    fn seeded(name: &str, number: u64, neighbours: Vec<(RegionName, Vec<Member>)>) -> std::sync::Arc<MemoryHome> {
        let home = group(name);
        let members = vec![member(number, &format!("{name}-1"))];
        apply(&home, vec![MembershipChange::Seed { members, neighbours }]);
        home
    }

    /// Brings to one group what another tells; how many changes that makes.
    fn tell(from: &MemoryHome, to: &MemoryHome) -> usize {
        let told = notice(from.view().membership(), 0).unwrap();
        let own = region(to.group().as_str());
        let changes = news(to.view().membership(), (&own, &region("eu")), from.group(), &told).unwrap();
        let count = changes.len();
        apply(to, changes);
        count
    }

    #[test]
    fn regions_hear_of_each_other_by_introduction_and_believe_each_for_itself() {
        let eu = seeded("eu", 1, vec![(region("us"), vec![member(2, "us-1")])]);
        let us = seeded("us", 2, vec![(region("eu"), vec![member(1, "eu-1")])]);
        // A new region that only `eu` has let in.
        let ap = seeded("ap", 3, vec![(region("eu"), vec![member(1, "eu-1")])]);
        let roster = Roster::new(0, vec![member(3, "ap-1")]).unwrap();
        apply(&eu, vec![MembershipChange::SetNeighbour { region: region("ap"), roster }]);
        assert_eq!(tell(&eu, &us), 2, "the roster of eu, and the introduction of ap");
        assert_eq!(us.view().membership().neighbours()[&region("ap")].version, 0);
        assert_eq!(tell(&ap, &us), 1);
        assert_eq!(us.view().membership().neighbours()[&region("ap")].version, 1, "ap speaks for itself");
        assert_eq!(tell(&eu, &us), 0, "an introduction does not replace it");
        // Only the founding region is believed when it says that another has left.
        apply(&us, vec![MembershipChange::RemoveRegion { region: region("ap") }]);
        tell(&us, &eu);
        assert!(eu.view().membership().neighbours().contains_key(&region("ap")));
        apply(&eu, vec![MembershipChange::RemoveRegion { region: region("ap") }]);
        assert_eq!(tell(&eu, &us), 0, "it was gone there already");
        assert_eq!(tell(&us, &eu), 0, "and is not introduced again");
    }

    #[test]
    fn what_is_known_is_not_told_again() {
        let eu = seeded("eu", 1, vec![]);
        let view = eu.view();
        let version = view.membership().version();
        assert!(notice(view.membership(), version).is_none());
        assert!(notice(view.membership(), version - 1).is_some());
        assert!(notice(group("us").view().membership(), 0).is_none(), "who has no roster says nothing");
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_reader_panic(bytes in any::<Vec<u8>>()) {
            let (eu, us) = (region("eu"), GroupId::new("us").unwrap());
            for bytes in [bytes.clone(), [&[super::VERSION], &bytes[..]].concat()] {
                let told = Notice { version: 1, bytes: bytes.into() };
                drop(news(group("eu").view().membership(), (&eu, &eu), &us, &told));
            }
        }
    }
}
