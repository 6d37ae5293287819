//! Names that are held for workspaces on their way from another group.

use hanse_base::id::ClusterId;
use imbl::{OrdMap, OrdSet};

use crate::txn::RESERVATION_MS;

/// Names that one group holds at a time, at most. When there are more, the one that was made first ends: its workspace
/// may then meet another under its name, which the tree resolves.
pub(crate) const RESERVATIONS_MAX: usize = 65_536;

/// Names held below parents that are at home here. Holds: `by_time` has one entry for each of `by_name`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reservations {
    by_name: OrdMap<(ClusterId, Box<str>), Reservation>,
    by_time: OrdSet<(u64, ClusterId, Box<str>)>,
}

/// One name that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reservation {
    /// The logical cluster that is to have the name.
    pub(crate) id: ClusterId,
    /// Time of the transaction that made it.
    pub(crate) made_ms: u64,
}

impl Reservations {
    /// Holds the name; replaces who held it before. Those that have ended are let go.
    pub(crate) fn hold(&mut self, parent: &ClusterId, name: &str, reservation: Reservation) {
        let made_ms = reservation.made_ms;
        self.end(parent, name);
        while let Some(first) = self.by_time.get_min().cloned() {
            if ended(first.0, made_ms) || self.by_time.len() >= RESERVATIONS_MAX {
                self.end(&first.1, &first.2);
            } else {
                break;
            }
        }
        self.by_time.insert((made_ms, parent.clone(), name.into()));
        self.by_name.insert((parent.clone(), name.into()), reservation);
    }

    /// The logical cluster that the name is held for at this time.
    pub(crate) fn holder(&self, parent: &ClusterId, name: &str, now_ms: u64) -> Option<&ClusterId> {
        let reservation = self.by_name.get(&(parent.clone(), Box::from(name)))?;
        (!ended(reservation.made_ms, now_ms)).then_some(&reservation.id)
    }

    /// The workspace has come: its name need not be held any more.
    pub(crate) fn fulfil(&mut self, parent: &ClusterId, name: &str, id: &ClusterId) {
        if self.by_name.is_empty() {
            return;
        }
        if self.by_name.get(&(parent.clone(), Box::from(name))).is_some_and(|reservation| reservation.id == *id) {
            self.end(parent, name);
        }
    }

    /// Holds a name that a snapshot says is held.
    pub(crate) fn restore(&mut self, parent: &ClusterId, name: &str, reservation: Reservation) {
        self.by_time.insert((reservation.made_ms, parent.clone(), name.into()));
        self.by_name.insert((parent.clone(), name.into()), reservation);
    }

    /// The last in order of parent and name.
    pub(crate) fn last(&self) -> Option<(&ClusterId, &str)> {
        self.by_name.get_max().map(|((parent, name), _)| (parent, &**name))
    }

    fn end(&mut self, parent: &ClusterId, name: &str) {
        if let Some(reservation) = self.by_name.remove(&(parent.clone(), Box::from(name))) {
            self.by_time.remove(&(reservation.made_ms, parent.clone(), name.into()));
        }
    }

    /// All, in order of parent and name.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&ClusterId, &str, &Reservation)> {
        self.by_name.iter().map(|((parent, name), reservation)| (parent, &**name, reservation))
    }

    /// # Panics
    /// When an invariant is broken.
    pub(crate) fn check(&self) {
        assert_eq!(self.by_name.len(), self.by_time.len(), "each held name has its time");
        for ((parent, name), reservation) in &self.by_name {
            assert!(self.by_time.contains(&(reservation.made_ms, parent.clone(), name.clone())));
        }
        assert!(self.by_name.len() <= RESERVATIONS_MAX);
    }
}

/// Whether a reservation made at one time has ended at another. One from a future that clocks have come back from ends
/// as well, or it would stay for ever.
fn ended(made_ms: u64, now_ms: u64) -> bool {
    made_ms.abs_diff(now_ms) >= RESERVATION_MS
}

#[cfg(test)]
mod tests {
    use super::{RESERVATIONS_MAX, Reservation, Reservations};
    use crate::txn::RESERVATION_MS;
    use hanse_base::id::ClusterId;

    fn id(text: &str) -> ClusterId {
        ClusterId::new(text).unwrap()
    }

    fn at(made_ms: u64) -> Reservation {
        Reservation { id: id("a"), made_ms }
    }

    #[test]
    fn a_name_is_held_until_its_workspace_comes_or_its_time_is_over() {
        let (mut reservations, root) = (Reservations::default(), id("root"));
        reservations.hold(&root, "org", at(1_000_000));
        assert_eq!(reservations.holder(&root, "org", 1_000_000 + RESERVATION_MS - 1), Some(&id("a")));
        assert_eq!(reservations.holder(&root, "org", 1_000_000 + RESERVATION_MS), None);
        assert_eq!(reservations.holder(&root, "org", 1_000_000 - RESERVATION_MS), None);
        reservations.fulfil(&root, "org", &id("b"));
        assert!(reservations.holder(&root, "org", 1_000_000).is_some(), "another's coming does not end it");
        reservations.fulfil(&root, "org", &id("a"));
        assert_eq!(reservations.holder(&root, "org", 1_000_000), None);
        reservations.check();
    }

    #[test]
    fn reservations_are_bounded_and_the_oldest_end_first() {
        let (mut reservations, root) = (Reservations::default(), id("root"));
        for number in 0..RESERVATIONS_MAX as u64 + 5 {
            reservations.hold(&root, &format!("n{number}"), at(1_000_000 + number / 100));
        }
        reservations.check();
        assert_eq!(reservations.iter().len(), RESERVATIONS_MAX);
        assert_eq!(reservations.holder(&root, "n0", 1_000_000), None);
        reservations.hold(&root, "late", at(10_000_000));
        assert_eq!(reservations.iter().len(), 1, "those that have ended are let go");
    }
}
