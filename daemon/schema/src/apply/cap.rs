//! How many managers an object may have that do not apply.

use std::collections::BTreeMap;

use super::manager::{Identity, Manager, Operation};
use super::set::Set;

/// Puts the oldest managers that do not apply together, those of each version into one, until at most
/// [`UPDATE_MANAGERS_MAX`] are left or each version has one.
pub(crate) fn cap(managers: Vec<Manager>) -> Vec<Manager> {
    let is_update = |manager: &Manager| manager.identity.operation == Operation::Update;
    let mut count = managers.iter().filter(|manager| is_update(manager)).count();
    if count <= UPDATE_MANAGERS_MAX {
        return managers;
    }
    let (mut updates, mut kept): (Vec<_>, Vec<_>) = managers.into_iter().partition(is_update);
    updates.sort_by_cached_key(|manager| (manager.time.clone(), manager.identity.sort_key()));
    let mut by_version: BTreeMap<String, Vec<Manager>> = BTreeMap::new();
    for manager in updates {
        if count <= UPDATE_MANAGERS_MAX {
            kept.push(manager);
            continue;
        }
        let bucket = by_version.entry(manager.api_version.clone()).or_default();
        count -= usize::from(!bucket.is_empty());
        bucket.push(manager);
    }
    for (version, bucket) in by_version {
        kept.extend(together(&version, bucket));
    }
    kept
}

/// One manager with the fields of all, and the time of the newest. A single one stays what it is.
fn together(version: &str, mut bucket: Vec<Manager>) -> Option<Manager> {
    if bucket.len() > 1 {
        let set = Set::union_all(bucket.iter().map(|manager| &manager.set));
        let time = bucket.pop().and_then(|newest| newest.time);
        let identity = Identity::new(ANCIENT_CHANGES, Operation::Update, version, "");
        return Some(Manager { identity, api_version: version.to_owned(), set, time });
    }
    bucket.pop()
}

/// How many managers that do not apply are told apart. The oldest of more are put together.
const UPDATE_MANAGERS_MAX: usize = 10;

const ANCIENT_CHANGES: &str = "ancient-changes";
