//! The peers of the moment, and the ways to them.
//!
//! Peers come and go while the mesh runs. Whoever needs to know one (the door, openers, the list of links) looks here
//! at that moment, under a lock that is never held over a wait.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{PoisonError, RwLock};

use hanse_base::id::DaemonId;
use tokio::sync::{mpsc, watch};

use crate::error::MeshError;
use crate::lane::Class;
use crate::link::Link;
use crate::peer::{Peer, PeerId};
use crate::way::View;

/// The most peers of one mesh.
pub(crate) const PEERS_MAX: usize = 255;

/// All peers that may be talked to.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    peers: RwLock<BTreeMap<DaemonId, Known>>,
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
    /// Makes the peers these: `make` gives the ways to a new one. Ways to peers that left end, and those whose address
    /// changed go there.
    ///
    /// # Errors
    /// A daemon is named twice, is ourselves, or there are too many. Nothing has changed then.
    pub(crate) fn set(
        &self,
        me: DaemonId,
        peers: Vec<Peer>,
        mut make: impl FnMut(&Peer) -> Option<[Handle; 2]>,
    ) -> Result<(), MeshError> {
        check(me, &peers)?;
        let mut known = self.peers.write().unwrap_or_else(PoisonError::into_inner);
        let wanted: BTreeMap<DaemonId, Peer> = peers.into_iter().map(|peer| (peer.daemon, peer)).collect();
        known.retain(|daemon, old| {
            let stays = wanted.get(daemon).is_some_and(|peer| peer.region == old.peer.region);
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
        self.look_up(guest, |_| ())
    }

    /// Gives a link to the way that it belongs to.
    ///
    /// # Errors
    /// The link's connection is still open: the caller closes it with the reason.
    pub(crate) fn let_in(&self, guest: &PeerId, class: Class, link: Link) -> Result<(), Unwelcome> {
        let given = self.look_up(guest, |known| known.handle(class).accepted.try_send(link).is_ok())?;
        if given { Ok(()) } else { Err(Unwelcome::Busy) }
    }

    /// What openers see of the way to a peer.
    pub(crate) fn view(&self, daemon: DaemonId, class: Class) -> Option<watch::Receiver<View>> {
        let known = self.peers.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&daemon).map(|known| known.handle(class).view.clone())
    }

    /// What `f` makes of each peer, in the order of their ids.
    pub(crate) fn map<T>(&self, f: impl Fn(&Known) -> T) -> Vec<T> {
        self.peers.read().unwrap_or_else(PoisonError::into_inner).values().map(f).collect()
    }

    fn look_up<T>(&self, guest: &PeerId, f: impl FnOnce(&Known) -> T) -> Result<T, Unwelcome> {
        let peers = self.peers.read().unwrap_or_else(PoisonError::into_inner);
        match peers.get(&guest.daemon) {
            Some(known) if known.peer.region == guest.region => Ok(f(known)),
            Some(known) => Err(Unwelcome::NotAMember(format!(
                "daemon {} is a member in region {}, not in region {}",
                guest.daemon, known.peer.region, guest.region
            ))),
            None => Err(Unwelcome::NotAMember(format!(
                "daemon {} of region {} is not a member of the federation",
                guest.daemon, guest.region
            ))),
        }
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
    use crate::peer::Peer;
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
        fn set(&mut self, peers: Vec<Peer>) -> bool {
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
            self.directory.set(DaemonId(1), peers, &mut made).is_ok()
        }

        fn seen(&self) -> Vec<(u64, Course)> {
            self.courses.iter().map(|(daemon, course)| (*daemon, *course.borrow())).collect()
        }
    }

    #[test]
    fn ways_follow_the_peers() {
        let mut case = Case { directory: Directory::default(), courses: Vec::new() };
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
        let mut case = Case { directory: Directory::default(), courses: Vec::new() };
        assert!(case.set(vec![peer(2, "eu", 20)]));
        assert!(!case.set(vec![peer(3, "eu", 20), peer(3, "us", 30)]));
        assert!(!case.set(vec![peer(1, "eu", 20)]));
        let many = u64::try_from(PEERS_MAX).unwrap() + 1;
        assert!(!case.set((2..2 + many).map(|daemon| peer(daemon, "eu", 9)).collect()));
        assert_eq!(case.directory.map(|known| known.peer.daemon.0), [2]);
    }
}
