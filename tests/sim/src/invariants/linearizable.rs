//! A client sees what one copy of the objects would have shown it: every read gives the state at one revision, which holds
//! all that was acknowledged before the read began; every write has a revision of its own, behind all of those; and a
//! precondition held at the revision before.
//!
//! Revisions order everything, so that no search is needed: it is enough that what was answered fits that order, and that
//! the order fits the moments at which operations began and ended.

use std::collections::BTreeMap;

use super::{Broken, broken};
use crate::history::{Did, Guard, Operation};

/// A write whose revision is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    /// `None` for a deletion.
    value: Option<u64>,
}

/// Writes by object and revision.
#[derive(Default)]
struct Writes {
    by_object: BTreeMap<u64, BTreeMap<u64, Known>>,
    revisions: BTreeMap<u64, u64>,
    /// Deletions that may have happened, by object: the revision that they wanted to find.
    perhaps_gone: BTreeMap<u64, Vec<Option<u64>>>,
}

/// Looks at everything that clients did on one group.
///
/// # Errors
/// It does not fit.
pub fn check(operations: &[Operation]) -> Result<(), Broken> {
    let writes = Writes::collect(operations)?;
    check_deleted(operations)?;
    let mut by_begin: Vec<&Operation> = operations.iter().filter(|operation| operation.revision().is_some()).collect();
    let mut by_end = by_begin.clone();
    by_begin.sort_by_key(|operation| operation.begun);
    by_end.sort_by_key(|operation| operation.ended);
    let mut ended = by_end.into_iter().peekable();
    let mut floor = 0;
    for operation in by_begin {
        while let Some(earlier) = ended.next_if(|earlier| earlier.ended < operation.begun) {
            floor = floor.max(earlier.revision().unwrap_or(0));
        }
        let revision = operation.revision().unwrap_or(0);
        let is_behind = match operation.did {
            Did::Wrote { .. } => revision > floor,
            _ => revision >= floor,
        };
        if !is_behind {
            return fails(operation, &format!("revision {floor} was acknowledged before it began"));
        }
        match &operation.did {
            Did::Wrote { object, guard, .. } => writes.check_guard(operation, (*object, revision), *guard)?,
            Did::Read { objects, .. } => {
                for (object, found) in objects {
                    writes.check_read(operation, (*object, revision), *found)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// What was deleted is not seen again by a read that begins afterwards.
fn check_deleted(operations: &[Operation]) -> Result<(), Broken> {
    let mut deleted: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    for operation in operations {
        if let Did::Deleted { object, at } = operation.did {
            deleted.insert((object, at), operation.ended);
        }
    }
    for operation in operations {
        let Did::Read { objects, .. } = &operation.did else { continue };
        for (object, found) in objects {
            let Some((revision, _)) = found else { continue };
            if deleted.get(&(*object, *revision)).is_some_and(|ended| *ended < operation.begun) {
                return fails(operation, &format!("object {object} was deleted at revision {revision}"));
            }
        }
    }
    Ok(())
}

fn fails<T>(operation: &Operation, why: &str) -> Result<T, Broken> {
    broken("linearizable", format!("{why}: {operation:?}"))
}

impl Writes {
    fn collect(operations: &[Operation]) -> Result<Self, Broken> {
        let mut writes = Self::default();
        let mut wanted: BTreeMap<(u64, u64), &Operation> = BTreeMap::new();
        for operation in operations {
            match operation.did {
                Did::Wrote { object, value, revision, .. } => writes.add(operation, object, revision, value)?,
                Did::Perhaps { object, value: None, guard } => {
                    let at = if let Guard::At(revision) = guard { Some(revision) } else { None };
                    writes.perhaps_gone.entry(object).or_default().push(at);
                }
                Did::Deleted { object, at } => writes.perhaps_gone.entry(object).or_default().push(Some(at)),
                Did::Perhaps { object, value: Some(value), .. } => {
                    wanted.insert((object, value), operation);
                }
                _ => {}
            }
        }
        // What a read shows tells which of the uncertain writes have happened, and when.
        for operation in operations {
            let Did::Read { objects, .. } = &operation.did else { continue };
            for (object, found) in objects {
                let Some((revision, value)) = *found else { continue };
                match writes.by_object.get(object).and_then(|known| known.get(&revision)) {
                    Some(known) if known.value == Some(value) => {}
                    Some(known) => return fails(operation, &format!("revision {revision} wrote {known:?}")),
                    None => match wanted.get(&(*object, value)) {
                        Some(write) if write.begun < operation.ended => {
                            writes.add(operation, *object, revision, Some(value))?;
                        }
                        _ => return fails(operation, &format!("nobody wrote {value} at revision {revision}")),
                    },
                }
            }
        }
        Ok(writes)
    }

    fn add(&mut self, operation: &Operation, object: u64, revision: u64, value: Option<u64>) -> Result<(), Broken> {
        if let Some(other) = self.revisions.insert(revision, object) {
            return fails(operation, &format!("revision {revision} was that of a write to {other}, too"));
        }
        self.by_object.entry(object).or_default().insert(revision, Known { value });
        Ok(())
    }

    /// The last known write to an object up to a revision.
    fn before(&self, object: u64, revision: u64) -> Option<(u64, Known)> {
        let (at, known) = self.by_object.get(&object)?.range(..=revision).next_back()?;
        Some((*at, *known))
    }

    /// Whether the object can be absent after the revision.
    fn may_be_absent(&self, object: u64, revision: u64) -> bool {
        match self.before(object, revision) {
            None | Some((_, Known { value: None })) => true,
            Some((at, _)) => {
                let perhaps = self.perhaps_gone.get(&object);
                perhaps.is_some_and(|wanted| wanted.iter().any(|wanted| wanted.is_none_or(|wanted| wanted == at)))
            }
        }
    }

    fn check_read(
        &self,
        operation: &Operation,
        (object, revision): (u64, u64),
        found: Option<(u64, u64)>,
    ) -> Result<(), Broken> {
        match (found, self.before(object, revision)) {
            (None, _) if self.may_be_absent(object, revision) => Ok(()),
            (None, last) => fails(operation, &format!("object {object} was there at revision {revision}: {last:?}")),
            (Some((at, _)), Some((last, _))) if at != last => {
                fails(operation, &format!("object {object} was written at {last} before revision {revision}"))
            }
            (Some((at, _)), _) if at > revision => {
                fails(operation, &format!("object {object} is newer than the state at revision {revision}"))
            }
            (Some(_), _) => Ok(()),
        }
    }

    fn check_guard(&self, operation: &Operation, (object, revision): (u64, u64), guard: Guard) -> Result<(), Broken> {
        let last = self.before(object, revision - 1);
        match guard {
            Guard::None => Ok(()),
            Guard::Absent if self.may_be_absent(object, revision - 1) => Ok(()),
            Guard::Absent => fails(operation, &format!("object {object} was there: {last:?}")),
            Guard::At(wanted) if last.is_none_or(|(last, _)| last <= wanted) => Ok(()),
            Guard::At(wanted) => fails(operation, &format!("object {object} had changed since {wanted}: {last:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::history::{Did, Guard, Operation};

    fn operation(begun: u64, ended: u64, did: Did) -> Operation {
        Operation { client: 0, begun, ended, did }
    }

    fn wrote(begun: u64, ended: u64, revision: u64, value: Option<u64>) -> Operation {
        operation(begun, ended, Did::Wrote { object: 1, value, revision, guard: Guard::None })
    }

    fn read(begun: u64, ended: u64, revision: u64, found: Option<(u64, u64)>) -> Operation {
        operation(begun, ended, Did::Read { revision, objects: vec![(1, found)] })
    }

    #[test]
    fn what_one_copy_would_show_is_accepted() {
        check(&[wrote(1, 4, 5, Some(50)), read(2, 6, 4, None), read(5, 8, 6, Some((5, 50)))]).unwrap();
        let perhaps = operation(1, 9, Did::Perhaps { object: 1, value: Some(7), guard: Guard::None });
        check(&[perhaps, read(2, 6, 4, None), read(7, 8, 6, Some((5, 7)))]).unwrap();
    }

    #[test]
    fn what_one_copy_would_not_show_is_refused() {
        let histories = [
            // A read that began after a write was acknowledged shows the time before.
            vec![wrote(1, 2, 5, Some(50)), read(3, 4, 4, None)],
            // A later read goes back.
            vec![read(1, 2, 9, None), read(3, 4, 8, None)],
            // A write is lost.
            vec![wrote(1, 2, 5, Some(50)), read(3, 4, 6, None)],
            // A value that nobody wrote.
            vec![read(3, 4, 6, Some((5, 1)))],
            // Two writes with one revision.
            vec![wrote(1, 2, 5, Some(50)), wrote(1, 2, 5, Some(51))],
            // An older value than the state's.
            vec![wrote(1, 2, 5, Some(50)), wrote(3, 4, 6, Some(51)), read(5, 6, 7, Some((5, 50)))],
            // A write that overtook what its precondition named.
            vec![
                wrote(1, 2, 5, Some(50)),
                wrote(3, 4, 6, Some(51)),
                operation(3, 9, Did::Wrote { object: 1, value: Some(1), revision: 7, guard: Guard::At(5) }),
            ],
        ];
        for history in histories {
            assert!(check(&history).is_err(), "{history:?}");
        }
    }
}
