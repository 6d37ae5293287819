//! A watch shows every change once, in order, without a gap, or ends with an order to list again.

use std::collections::BTreeMap;

use super::{Broken, broken};
use crate::client::watcher::Stretch;
use crate::history::{Did, Operation};

/// Compares what watches showed with what was acknowledged.
///
/// # Errors
/// A change is missing, doubled, out of order, or another.
pub fn check(stretches: &[Stretch], operations: &[Operation]) -> Result<(), Broken> {
    let mut written: BTreeMap<u64, (u64, Option<u64>)> = BTreeMap::new();
    for operation in operations {
        if let Did::Wrote { object, value, revision, .. } = operation.did {
            written.insert(revision, (object, value));
        }
    }
    for stretch in stretches {
        let mut last = stretch.from;
        for (revision, object, value) in &stretch.events {
            if *revision <= last {
                return broken("watch", format!("revision {revision} was shown after {last}: {stretch:?}"));
            }
            last = *revision;
            if let Some(known) = written.get(revision)
                && *known != (*object, *value)
            {
                return broken("watch", format!("revision {revision} is {known:?}, not {object} {value:?}"));
            }
        }
        let shown: BTreeMap<u64, ()> = stretch.events.iter().map(|(revision, ..)| (*revision, ())).collect();
        if stretch.upto > stretch.from {
            let within = written.range(stretch.from + 1..=stretch.upto);
            if let Some((revision, _)) = within.into_iter().find(|(revision, _)| !shown.contains_key(revision)) {
                return broken(
                    "watch",
                    format!("revision {revision} was never shown between {} and {}", stretch.from, stretch.upto),
                );
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::client::watcher::Stretch;
    use crate::history::{Did, Guard, Operation};

    #[test]
    fn what_is_missing_doubled_or_out_of_order_is_found() {
        let write = |revision| Operation {
            client: 0,
            begun: revision,
            ended: revision + 1,
            did: Did::Wrote { object: 1, value: Some(revision), revision, guard: Guard::None },
        };
        let writes = [write(5), write(6), write(8)];
        let stretch = |revisions: &[u64]| Stretch {
            from: 4,
            upto: 8,
            events: revisions.iter().map(|revision| (*revision, 1, Some(*revision))).collect(),
        };
        assert!(check(&[stretch(&[5, 6, 8])], &writes).is_ok());
        for wrong in [[5, 8, 8], [5, 6, 7], [6, 5, 8], [5, 5, 8]] {
            assert!(check(&[stretch(&wrong)], &writes).is_err(), "{wrong:?}");
        }
    }
}
