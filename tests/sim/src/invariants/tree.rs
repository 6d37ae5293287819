//! When regions have met again, all have the same tree: no acknowledged workspace is lost, names below a parent are
//! unique, and every way up leads to the root.

use std::collections::{BTreeMap, BTreeSet};

use super::{Broken, broken};
use crate::client::workspaces::Made;
use crate::message::Forest;

/// Looks at the tree of one replica.
///
/// # Errors
/// Something in it must not be.
pub fn check(forest: &Forest, made: &Made) -> Result<(), Broken> {
    let mut names = BTreeSet::new();
    let parents: BTreeMap<&str, Option<&str>> =
        forest.nodes.iter().map(|(id, parent, ..)| (id.as_str(), parent.as_deref())).collect();
    for (id, parent, name, is_deleted) in &forest.nodes {
        if *is_deleted {
            continue;
        }
        if let Some(parent) = parent
            && !names.insert((parent, name))
        {
            return broken("tree", format!("two workspaces below {parent} have the name {name}"));
        }
        let (mut at, mut steps) = (id.as_str(), 0);
        while let Some(Some(above)) = parents.get(at) {
            (at, steps) = (above, steps + 1);
            if steps > forest.nodes.len() {
                return broken("tree", format!("the way up from {id} leads in a circle"));
            }
        }
    }
    let live: BTreeSet<&str> =
        forest.nodes.iter().filter(|(.., is_deleted)| !is_deleted).map(|(id, ..)| id.as_str()).collect();
    match made.kept.iter().find(|id| !live.contains(id.as_str())) {
        Some(lost) => broken("tree", format!("workspace {lost} was acknowledged and is not there")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::client::workspaces::Made;
    use crate::message::Forest;

    #[test]
    fn what_a_tree_must_not_be_is_found() {
        let tree = |nodes: &[(&str, &str, &str)]| Forest {
            digest: String::new(),
            nodes: nodes
                .iter()
                .map(|(id, parent, name)| ((*id).to_owned(), Some((*parent).to_owned()), (*name).to_owned(), false))
                .collect(),
        };
        let made = Made { kept: vec!["a1".to_owned()], ..Made::default() };
        assert!(check(&tree(&[("a1", "root", "a"), ("b1", "a1", "a")]), &made).is_ok());
        assert!(check(&tree(&[("a1", "root", "a"), ("b1", "root", "a")]), &made).is_err(), "one name twice");
        assert!(check(&tree(&[("a1", "b1", "a"), ("b1", "a1", "a")]), &made).is_err(), "a circle");
        assert!(check(&tree(&[("b1", "root", "a")]), &made).is_err(), "one is lost");
    }
}
