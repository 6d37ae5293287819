//! `element in [constants]` without a search.

use std::collections::BTreeSet;

use crate::value::Value;
use crate::value::list::List;
use crate::value::map::Key;

/// The elements of a constant list.
#[derive(Debug)]
pub(crate) struct Constants {
    keys: BTreeSet<Key<'static>>,
    /// Numbers that are not whole.
    fractions: Vec<f64>,
}

impl Constants {
    /// Of a list whose elements can all be looked up.
    pub(super) fn of(list: &List<'static>) -> Option<Self> {
        let mut constants = Self { keys: BTreeSet::new(), fractions: Vec::new() };
        for element in list.iter() {
            let element = element.ok()?;
            match (Key::of(&element), element) {
                (Some(key), _) => {
                    constants.keys.insert(key);
                }
                (None, Value::Double(number)) => constants.fractions.push(number),
                _ => return None,
            }
        }
        Some(constants)
    }

    pub(crate) fn contains<'a>(&self, element: &Value<'a>) -> bool {
        // The life of the set is as short as that of the element's key.
        fn has<'k>(keys: &BTreeSet<Key<'k>>, key: &Key<'k>) -> bool {
            keys.contains(key)
        }
        match (Key::of(element), element) {
            (Some(key), _) => has(&self.keys, &key),
            (None, Value::Double(number)) => self.fractions.contains(number),
            _ => false,
        }
    }
}
