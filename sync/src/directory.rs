//! The peers of the moment, and the ways to them.
//!
//! Peers come and go while the mesh runs. Whoever needs to know one (the door, openers, the list of links) looks here
//! at that moment, under a lock that is never held over a wait.
//!
//! A guest is a daemon of the own region that nobody has named to us yet. It has a certificate of the region's authority,
//! and may know more of the region than we do. It is a peer like others, at the address that it has dialed us from, until it
//! is named: as a peer, or as one who was removed.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{PoisonError, RwLock};

use hanse_base::id::DaemonId;
use tokio::sync::{mpsc, watch};

use crate::error::MeshError;
use crate::lane::Class;
use crate::link::Link;
use crate::peer::{Guests, Peer, PeerId};
use crate::way::View;

/// The most peers of one mesh. As long as there are so many, no guest comes in beside them.
pub(crate) const PEERS_MAX: usize = 255;

/// All peers that may be talked to.
#[derive(Debug)]
pub(crate) struct Directory {
    me: PeerId,
    list: RwLock<List>,
}

#[derive(Debug, Default)]
struct List {
    peers: BTreeMap<DaemonId, Known>,
    guests: Guests,
}

/// A peer, and the ways to it.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) peer: Peer,
    pub(crate) control: Handle,
    pub(crate) bulk: Handle,
}

/// The outside of a way's supervisor.
#[derive(Debug)]
pub(crate) struct Handle {
    /// What openers see.
    pub(crate) view: watch::Receiver<View>,
    /// Links that the peer has dialed.
    pub(crate) accepted: mpsc::Sender<Link>,
    pub(crate) course: watch::Sender<Course>,
}

/// What a way is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    /// To reach the peer at this address.
    To(SocketAddr),
    /// Nothing any more: the peer has left. Its links end now.
    Left,
}

/// Why a guest is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unwelcome {
    /// It is no member, with a reason for its log.
    NotAMember(String),
    /// Others of its kind were not even looked at yet.
    Busy,
}

impl Directory {
    /// Knows nobody yet.
    pub(crate) fn new(me: PeerId) -> Self {
        Self { me, list: RwLock::default() }
    }

    /// Makes the peers these: `make` gives the ways to a new one. Ways to peers that left end, unless they are let in as
    /// guests, and those whose address changed go there.
    ///
    /// # Errors
    /// A daemon is named twice, is ourselves, or there are too many. Nothing has changed then.
    pub(crate) fn set(
        &self,
        peers: Vec<Peer>,
        guests: Guests,
        mut make: impl FnMut(&Peer) -> Option<[Handle; 2]>,
    ) -> Result<(), MeshError> {
        check(self.me.daemon, &peers)?;
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        list.guests = guests;
        let List { peers: known, guests } = &mut *list;
        let wanted: BTreeMap<DaemonId, Peer> = peers.into_iter().map(|peer| (peer.daemon, peer)).collect();
        known.retain(|daemon, old| {
            let stays = match wanted.get(daemon) {
                Some(peer) => peer.region == old.peer.region,
                None => self.may_be_guest(guests, &old.peer.id()),
            };
            if !stays {
                old.steer(Course::Left);
            }
            stays
        });
        for (daemon, peer) in wanted {
            match known.get_mut(&daemon) {
                Some(old) if old.peer.address != peer.address => {
                    old.steer(Course::To(peer.address));
                    old.peer = peer;
                }
                Some(_) => {}
                None => {
                    if let Some([control, bulk]) = make(&peer) {
                        known.insert(daemon, Known { peer, control, bulk });
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the daemon may talk to us.
    ///
    /// # Errors
    /// Says why not.
    pub(crate) fn welcome(&self, guest: &PeerId) -> Result<(), Unwelcome> {
        self.admit(&self.list.read().unwrap_or_else(PoisonError::into_inner), guest)
    }

    /// Gives a link to the way that it belongs to; `make` gives the ways to a guest that comes for the first time.
    ///
    /// # Errors
    /// The link's connection is still open: the caller closes it with the reason.
    pub(crate) fn let_in(
        &self,
        guest: &PeerId,
        (class, link): (Class, Link),
        make: impl FnOnce(&Peer) -> Option<[Handle; 2]>,
    ) -> Result<(), Unwelcome> {
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        self.admit(&list, guest)?;
        let known = match list.peers.entry(guest.daemon) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let address = link.connection.remote_address();
                let peer = Peer { daemon: guest.daemon, region: guest.region.clone(), address };
                let [control, bulk] = make(&peer).ok_or(Unwelcome::Busy)?;
                tracing::info!(peer = %peer.daemon, region = %peer.region, %address, "a guest: a daemon of the region that is not known here yet");
                place.insert(Known { peer, control, bulk })
            }
        };
        let given = known.handle(class).accepted.try_send(link).is_ok();
        if given { Ok(()) } else { Err(Unwelcome::Busy) }
    }

    /// What openers see of the way to a peer.
    pub(crate) fn view(&self, daemon: DaemonId, class: Class) -> Option<watch::Receiver<View>> {
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        list.peers.get(&daemon).map(|known| known.handle(class).view.clone())
    }

    /// What `f` makes of each peer, in the order of their ids.
    pub(crate) fn map<T>(&self, f: impl Fn(&Known) -> T) -> Vec<T> {
        self.list.read().unwrap_or_else(PoisonError::into_inner).peers.values().map(f).collect()
    }

    fn admit(&self, list: &List, guest: &PeerId) -> Result<(), Unwelcome> {
        let PeerId { daemon, region } = guest;
        match list.peers.get(daemon) {
            Some(known) if known.peer.region == *region => Ok(()),
            Some(known) => Err(Unwelcome::NotAMember(format!(
                "daemon {daemon} is a member in region {}, not in region {region}",
                known.peer.region
            ))),
            None if !self.may_be_guest(&list.guests, guest) => Err(Unwelcome::NotAMember(format!(
                "daemon {daemon} of region {region} is not a member of the federation"
            ))),
            None if list.peers.len() >= PEERS_MAX => Err(Unwelcome::Busy),
            None => Ok(()),
        }
    }

    fn may_be_guest(&self, guests: &Guests, who: &PeerId) -> bool {
        let is_removed = match guests {
            Guests::Nobody => return false,
            Guests::AllBut(removed) => removed.contains(&who.daemon),
        };
        who.region == self.me.region && who.daemon != self.me.daemon && !is_removed
    }
}

impl Known {
    pub(crate) const fn handle(&self, class: Class) -> &Handle {
        match class {
            Class::Control => &self.control,
            Class::Bulk => &self.bulk,
        }
    }

    fn steer(&self, course: Course) {
        for class in Class::ALL {
            self.handle(class).course.send_replace(course);
        }
    }
}

/// Whether these can be the peers.
///
/// # Errors
/// A daemon is named twice, is ourselves, or there are too many.
pub(crate) fn check(me: DaemonId, peers: &[Peer]) -> Result<(), MeshError> {
    let ids: BTreeSet<DaemonId> = peers.iter().map(|peer| peer.daemon).chain([me]).collect();
    if ids.len() != peers.len() + 1 {
        return Err(MeshError::Config("two daemons have the same id"));
    }
    if peers.len() > PEERS_MAX {
        return Err(MeshError::Config("there are more than 256 daemons"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use hanse_base::id::{DaemonId, RegionName};
    use tokio::sync::{mpsc, watch};

    use super::{Course, Directory, Handle, PEERS_MAX, Unwelcome};
    use crate::peer::{Guests, Peer};
    use crate::way::View;

    fn peer(daemon: u64, region: &str, port: u16) -> Peer {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Peer { daemon: DaemonId(daemon), region: RegionName::new(region).unwrap(), address }
    }

    /// A directory, and the course of the first way to each peer that ever came.
    struct Case {
        directory: Directory,
        courses: Vec<(u64, watch::Receiver<Course>)>,
    }

    impl Case {
        /// Of daemon 1 in `eu`.
        fn new() -> Self {
            Self { directory: Directory::new(peer(1, "eu", 10).id()), courses: Vec::new() }
        }

        fn set(&mut self, peers: Vec<Peer>) -> bool {
            self.set_with(peers, Guests::Nobody)
        }

        fn set_with(&mut self, peers: Vec<Peer>, guests: Guests) -> bool {
            let courses = &mut self.courses;
            let mut made = |peer: &Peer| {
                let (course, seen) = watch::channel(Course::To(peer.address));
                courses.push((peer.daemon.0, seen));
                Some([course, watch::channel(Course::To(peer.address)).0].map(|course| Handle {
                    view: watch::channel(View::Dialing).1,
                    accepted: mpsc::channel(1).0,
                    course,
                }))
            };
            self.directory.set(peers, guests, &mut made).is_ok()
        }

        fn seen(&self) -> Vec<(u64, Course)> {
            self.courses.iter().map(|(daemon, course)| (*daemon, *course.borrow())).collect()
        }
    }

    #[test]
    fn ways_follow_the_peers() {
        let mut case = Case::new();
        let to = |port| Course::To(SocketAddr::from(([127, 0, 0, 1], port)));
        assert!(case.set(vec![peer(2, "eu", 20), peer(3, "us", 30)]));
        assert!(case.set(vec![peer(3, "us", 31), peer(4, "us", 40)]));
        assert_eq!(case.seen(), [(2, Course::Left), (3, to(31)), (4, to(40))]);
        // Another region is another peer.
        assert!(case.set(vec![peer(3, "ap", 31), peer(4, "us", 40)]));
        assert_eq!(case.seen()[1..], [(3, Course::Left), (4, to(40)), (3, to(31))]);
        let welcome = |peer: Peer| case.directory.welcome(&peer.id());
        assert_eq!(welcome(peer(3, "ap", 1)), Ok(()));
        for stranger in [peer(3, "us", 31), peer(2, "eu", 20)] {
            assert!(matches!(welcome(stranger), Err(Unwelcome::NotAMember(_))));
        }
        assert_eq!(case.directory.map(|known| known.peer.daemon.0), [3, 4]);
    }

    #[test]
    fn what_contradicts_itself_changes_nothing() {
        let mut case = Case::new();
        assert!(case.set(vec![peer(2, "eu", 20)]));
        assert!(!case.set(vec![peer(3, "eu", 20), peer(3, "us", 30)]));
        assert!(!case.set(vec![peer(1, "eu", 20)]));
        let many = u64::try_from(PEERS_MAX).unwrap() + 1;
        assert!(!case.set((2..2 + many).map(|daemon| peer(daemon, "eu", 9)).collect()));
        assert_eq!(case.directory.map(|known| known.peer.daemon.0), [2]);
    }

    #[test]
    fn guests_are_of_the_own_region_are_not_removed_and_have_bounded_room() {
        let mut case = Case::new();
        let all_but = |removed: &[u64]| Guests::AllBut(removed.iter().copied().map(DaemonId).collect());
        let welcome = |case: &Case, daemon, region| case.directory.welcome(&peer(daemon, region, 1).id());
        assert!(case.set_with(vec![peer(2, "eu", 20), peer(3, "us", 30)], all_but(&[5])));
        assert_eq!(welcome(&case, 4, "eu"), Ok(()));
        for (daemon, region) in [(5, "eu"), (1, "eu"), (4, "us"), (2, "us"), (3, "eu")] {
            assert!(matches!(welcome(&case, daemon, region), Err(Unwelcome::NotAMember(_))), "{daemon} of {region}");
        }
        // Who is a peer no more, and was not removed, stays as a guest; one of another region does not.
        assert!(case.set_with(vec![], all_but(&[5])));
        assert_eq!(case.directory.map(|known| known.peer.daemon.0), [2]);
        assert!(case.set_with(vec![], all_but(&[2, 5])));
        assert_eq!(case.seen().into_iter().map(|(_, course)| course).collect::<Vec<_>>(), [Course::Left; 2]);
        let many = u64::try_from(PEERS_MAX).unwrap();
        assert!(case.set_with((10..10 + many).map(|daemon| peer(daemon, "eu", 9)).collect(), all_but(&[])));
        assert_eq!(welcome(&case, 4, "eu"), Err(Unwelcome::Busy));
        assert!(case.set_with((11..10 + many).map(|daemon| peer(daemon, "eu", 9)).collect(), all_but(&[10])));
        assert_eq!(welcome(&case, 4, "eu"), Ok(()));
        assert!(case.set(vec![]));
        assert!(matches!(welcome(&case, 4, "eu"), Err(Unwelcome::NotAMember(_))));
    }
}
