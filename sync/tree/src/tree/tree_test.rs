use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use hanse_base::id::{ClusterId, Epoch, GroupId};
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::sample::{Index, select};

use super::Tree;
use crate::documents::Documents;
use crate::name::rung_name;
use crate::row::{Placement, Row};

/// Few ids, most with the same first five characters, one of which is also a name; `root` among them.
const IDS: [&str; 9] = ["root", "abcde1", "abcde2", "abcde3", "abcde4", "abcdf5", "x", "q7", "q8"];
/// Names that are also derived names of others.
const NAMES: [&str; 6] = ["x", "y", "x-abcde", "x-abcde1", "x-abcde-abcde", "x-x"];
const GROUPS: [&str; 3] = ["ap", "eu", "us"];

fn cluster(text: &str) -> ClusterId {
    ClusterId::new(text).unwrap()
}

fn group(text: &str) -> GroupId {
    GroupId::new(text).unwrap()
}

fn placed(lamport: u64, parent: &str, name: &str) -> Placement {
    Placement { lamport, group: group("eu"), parent: cluster(parent), name: name.into(), reserved: false }
}

fn row(id: &str, placements: Vec<Placement>) -> Row {
    Row { id: cluster(id), epoch: Epoch(0), version: 0, placements, deleted: false, content: Bytes::new() }
}

/// What a reader sees of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
struct View {
    owner: GroupId,
    row: Row,
    parent: Option<ClusterId>,
    name: Arc<str>,
    conflict: bool,
}

type Rows = BTreeMap<(GroupId, ClusterId), Row>;

/// The specification: the views of all nodes, computed from the rows in the plainest way.
fn naive(rows: &Rows) -> BTreeMap<ClusterId, View> {
    let mut views: BTreeMap<ClusterId, View> = BTreeMap::new();
    for ((owner, id), row) in rows {
        if views.get(id).is_none_or(|view| view.row.epoch < row.epoch) {
            let name = id.as_str().into();
            let view = View { owner: owner.clone(), row: row.clone(), parent: None, name, conflict: false };
            views.insert(id.clone(), view);
        }
    }
    let mut placements: Vec<(u64, GroupId, ClusterId, usize, Placement)> = Vec::new();
    for (id, view) in views.iter().filter(|(id, _)| id.as_str() != "root") {
        for (index, placement) in view.row.placements.iter().enumerate() {
            placements.push((placement.lamport, placement.group.clone(), id.clone(), index, placement.clone()));
        }
    }
    placements.sort_by(|left, right| (left.0, &left.1, &left.2, left.3).cmp(&(right.0, &right.1, &right.2, right.3)));
    let mut counting: BTreeMap<ClusterId, Placement> = BTreeMap::new();
    for (_, _, id, _, placement) in placements {
        let mut ancestor = Some(placement.parent.clone());
        while ancestor.as_ref().is_some_and(|ancestor| *ancestor != id) {
            ancestor = ancestor.and_then(|ancestor| counting.get(&ancestor)).map(|placement| placement.parent.clone());
        }
        if ancestor.is_none() {
            counting.insert(id, placement);
        }
    }
    name(&mut views, &counting);
    views
}

fn name(views: &mut BTreeMap<ClusterId, View>, counting: &BTreeMap<ClusterId, Placement>) {
    let rank = |id: &ClusterId| (!counting[id].reserved, counting[id].lamport, counting[id].group.clone(), id.clone());
    let mut bidders: Vec<ClusterId> = Vec::new();
    for (id, placement) in counting {
        let view = views.get_mut(id).unwrap();
        view.parent = Some(placement.parent.clone());
        view.name = placement.name.clone();
        if !view.row.deleted {
            bidders.push(id.clone());
        }
    }
    bidders.sort_by_key(rank);
    let mut bids: BTreeSet<(ClusterId, Arc<str>)> = BTreeSet::new();
    for rung in 0..4 {
        let bid = |id: &ClusterId| (counting[id].parent.clone(), rung_name(id, &counting[id].name, rung));
        let mut losers = Vec::new();
        let mut taken = BTreeSet::new();
        for id in &bidders {
            if !bids.contains(&bid(id)) && taken.insert(bid(id)) {
                let view = views.get_mut(id).unwrap();
                (view.name, view.conflict) = (bid(id).1, rung > 0);
            } else {
                losers.push(id.clone());
            }
        }
        bids.extend(taken);
        bidders = losers;
    }
    assert!(bidders.is_empty());
}

fn views(tree: &Tree) -> BTreeMap<ClusterId, View> {
    let view = |node: &super::Node| View {
        owner: node.owner.clone(),
        row: Row::clone(&node.row),
        parent: node.parent.clone(),
        name: node.name.clone(),
        conflict: node.conflict,
    };
    tree.iter().map(|(id, node)| (id.clone(), view(node))).collect()
}

fn paths(tree: &Tree) -> BTreeMap<ClusterId, String> {
    tree.iter().filter_map(|(id, _)| Some((id.clone(), tree.path(id)?))).collect()
}

fn any_placement() -> impl Strategy<Value = Placement> {
    let lamport = prop_oneof![9 => 0..12_u64, 1 => Just(u64::MAX)];
    // Often the same place, so that names collide in threes and fours.
    let parent = prop_oneof![2 => Just("root"), 1 => select(&IDS[..])];
    let name = prop_oneof![1 => Just("x"), 1 => select(&NAMES[..])];
    (lamport, select(&GROUPS[..]), parent, name, any::<bool>()).prop_map(|(lamport, by, parent, name, reserved)| {
        Placement { group: group(by), reserved, ..placed(lamport, parent, name) }
    })
}

fn any_row() -> impl Strategy<Value = Row> {
    let placements = proptest::collection::vec(any_placement(), 0..4);
    (select(&IDS[..]), 0..3_u64, placements, proptest::bool::weighted(0.2))
        .prop_map(|(id, epoch, placements, deleted)| Row { epoch: Epoch(epoch), deleted, ..row(id, placements) })
}

/// What a group does to one row.
#[derive(Debug, Clone)]
enum Step {
    Put(Row),
    /// Adds a placement to the row that is held, if there is one.
    Place(ClusterId, Placement),
    Remove(ClusterId),
}

fn any_step() -> impl Strategy<Value = (GroupId, Step)> {
    let id = || select(&IDS[..]).prop_map(cluster);
    let step = prop_oneof![
        4 => any_row().prop_map(Step::Put),
        4 => (id(), any_placement()).prop_map(|(id, placement)| Step::Place(id, placement)),
        1 => id().prop_map(Step::Remove),
    ];
    (select(&GROUPS[..]).prop_map(group), step)
}

/// The row that a step leads to.
fn next_row(rows: &Rows, by: &GroupId, step: Step) -> Option<Row> {
    match step {
        Step::Put(row) => Some(row),
        Step::Place(id, placement) => {
            let mut row = rows.get(&(by.clone(), id.clone())).cloned().unwrap_or_else(|| row(id.as_str(), vec![]));
            row.version += 1;
            row.place(placement);
            Some(row)
        }
        Step::Remove(_) => None,
    }
}

proptest! {
    #[test]
    fn the_tree_is_the_specified_function_of_the_rows_after_every_step(
        steps in proptest::collection::vec(any_step(), 1..60),
        order in proptest::collection::vec(any::<Index>(), 27),
    ) {
        let mut rows = Rows::new();
        let mut tree = Tree::new();
        for (by, step) in steps {
            let before = (views(&tree), paths(&tree));
            let id = match &step {
                Step::Put(row) => row.id.clone(),
                Step::Place(id, _) | Step::Remove(id) => id.clone(),
            };
            let changed = match next_row(&rows, &by, step) {
                Some(row) => {
                    rows.insert((by.clone(), id), row.clone());
                    tree.put(&by, row)
                }
                None => {
                    rows.remove(&(by.clone(), id.clone()));
                    tree.remove(&by, &id)
                }
            };
            tree.check();
            let after = (views(&tree), paths(&tree));
            assert_eq!(after.0, naive(&rows));
            for id in before.0.keys().chain(after.0.keys()) {
                assert_eq!(before.0.get(id) != after.0.get(id), changed.nodes.contains(id), "view of {id} in {changed:?}");
                let reported = changed.nodes.contains(id) || changed.paths.contains(id);
                assert!(before.1.get(id) == after.1.get(id) || reported, "path of {id} in {changed:?}");
            }
            for (id, path) in &after.1 {
                assert_eq!(tree.resolve(path).as_ref(), Some(id), "{path}");
            }
        }
        let mut shuffled: Vec<_> = rows.into_iter().map(|((group, _), row)| (group, row)).collect();
        for (index, other) in order.iter().enumerate().take(shuffled.len()) {
            let other = other.index(shuffled.len());
            shuffled.swap(index, other);
        }
        let mut other = Tree::new();
        let (first, second) = shuffled.split_at(shuffled.len() / 2);
        other.put_all(first.iter().cloned());
        other.put_all(second.iter().cloned());
        assert_eq!(other, tree, "the order in which rows come does not matter");
    }

    #[test]
    fn regions_that_wrote_apart_converge_to_one_tree(
        steps in proptest::collection::vec(any_step(), 1..80),
        deliveries in proptest::collection::vec((0..3_usize, 0..3_usize, any::<Index>()), 0..200),
    ) {
        let mut regions: Vec<Region> = GROUPS.iter().map(|name| Region::new(name)).collect();
        let mut rows = Rows::new();
        let mut deliveries = deliveries.into_iter();
        for (by, step) in steps {
            let writer = regions.iter_mut().find(|region| region.group == by).unwrap();
            let id = match &step {
                Step::Remove(id) => {
                    writer.write(|own| own.forget(id));
                    rows.remove(&(by.clone(), id.clone()));
                    writer.tree.remove(&by, id);
                    continue;
                }
                Step::Put(row) => row.id.clone(),
                Step::Place(id, _) => id.clone(),
            };
            let row = next_row(&rows, &by, step).unwrap();
            writer.write(|own| own.put(&row).unwrap());
            writer.tree.put(&by, row.clone());
            rows.insert((by, id), row);
            for (to, from, index) in deliveries.by_ref().take(2) {
                let sent = regions[from].sent.clone();
                if let Some(at) = (!sent.is_empty()).then(|| index.index(sent.len())) {
                    regions[to].receive(&sent[..=at][at.saturating_sub(3)..], GROUPS[from]);
                }
            }
        }
        for from in 0..3 {
            let sent = regions[from].sent.clone();
            for region in &mut regions {
                region.receive(&sent, GROUPS[from]);
            }
        }
        for region in &regions {
            region.tree.check();
            assert_eq!(views(&region.tree), naive(&rows));
            assert_eq!(region.tree, regions[0].tree);
            for (name, copy) in &region.copies {
                let owner = regions.iter().find(|region| region.group == *name).unwrap();
                copy.check();
                assert!(copy.save().eq(owner.copies[name].save()), "documents are equal, byte for byte");
            }
        }
    }
}

/// A region with its tree, and its documents and copies of others' documents.
struct Region {
    group: GroupId,
    copies: BTreeMap<GroupId, Documents>,
    tree: Tree,
    sent: Vec<crate::batch::NewChange>,
}

impl Region {
    fn new(name: &str) -> Self {
        let copies = GROUPS.iter().map(|name| (group(name), Documents::new(group(name), 3)));
        Self { group: group(name), copies: copies.collect(), tree: Tree::new(), sent: Vec::new() }
    }

    fn write(&mut self, write: impl FnOnce(&mut Documents)) {
        let own = self.copies.get_mut(&self.group).unwrap();
        write(own);
        self.sent.extend(own.commit());
    }

    /// Merges what can be merged; gaps are refused and come again later.
    fn receive(&mut self, changes: &[crate::batch::NewChange], from: &str) {
        let from = group(from);
        let copy = self.copies.get_mut(&from).unwrap();
        for change in changes {
            let Ok(merged) = copy.merge(&change.document, change.sequence, &change.bytes) else { continue };
            for id in merged.removed {
                self.tree.remove(&from, &id);
            }
            self.tree.put_all(merged.rows.into_iter().map(|row| (from.clone(), row)));
        }
    }
}

#[test]
fn the_first_reserved_claim_has_the_name_and_the_next_takes_it_when_it_goes() {
    let mut tree = Tree::new();
    let eu = group("eu");
    tree.put(&eu, row("alone", vec![placed(1, "root", "team")]));
    let reserved = Placement { reserved: true, ..placed(5, "root", "team") };
    let changed = tree.put(&eu, row("asked", vec![reserved.clone()]));
    assert_eq!(changed.nodes, BTreeSet::from([cluster("alone"), cluster("asked")]), "both views are new");
    assert_eq!(tree.resolve("root:team"), Some(cluster("asked")));
    assert_eq!(tree.resolve("root:team-alone"), Some(cluster("alone")));
    assert_eq!(tree.resolve("alone"), Some(cluster("alone")));
    assert!(tree.get(&cluster("alone")).unwrap().conflict);

    let mut gone = row("asked", vec![reserved]);
    gone.deleted = true;
    let changed = tree.put(&eu, gone);
    assert_eq!(changed.nodes, BTreeSet::from([cluster("alone"), cluster("asked")]));
    assert_eq!(tree.resolve("root:team"), Some(cluster("alone")));
    assert!(!tree.get(&cluster("alone")).unwrap().conflict);
    assert_eq!(tree.resolve("asked"), None);
    assert_eq!(tree.children(&cluster("root")).collect::<Vec<_>>(), [("team", &cluster("alone"))]);
}

#[test]
fn derived_names_are_unique_even_if_they_are_claimed() {
    let mut tree = Tree::new();
    let eu = group("eu");
    for (id, name) in [("winner", "team"), ("abcdefg", "team"), ("abcdefh", "team"), ("thief", "team-abcde")] {
        tree.put(&eu, row(id, vec![placed(1, "root", name)]));
    }
    tree.put(&eu, row("other", vec![placed(0, "root", "team")]));
    let names: Vec<_> = tree.children(&cluster("root")).map(|(name, id)| (name.to_owned(), id.to_string())).collect();
    let expected = [
        ("team", "other"),
        ("team-abcde", "thief"),
        ("team-abcdefg", "abcdefg"),
        ("team-abcdefh", "abcdefh"),
        ("team-winne", "winner"),
    ];
    assert_eq!(names, expected.map(|(name, id)| (name.to_owned(), id.to_owned())));
}

#[test]
fn a_derived_name_is_a_segment_however_long_the_claim_is() {
    let long: Arc<str> = "n".repeat(63).into();
    for (id, rung) in [("abcdefgh", 1), ("abcdefgh", 2), (&*"i".repeat(63), 2), ("ab--c", 1), (&*"i".repeat(61), 2)] {
        let name = rung_name(&cluster(id), &long, rung);
        assert!(hanse_base::id::is_segment(&name), "{name}");
    }
}

#[test]
fn a_child_that_comes_before_its_parent_gets_its_path_when_the_parent_comes() {
    let mut tree = Tree::new();
    let eu = group("eu");
    tree.put(&eu, row("child", vec![placed(2, "parent", "child")]));
    assert_eq!((tree.path(&cluster("child")), tree.resolve("child")), (None, Some(cluster("child"))));
    let changed = tree.put(&eu, row("parent", vec![placed(1, "root", "parent")]));
    assert!(changed.paths.contains(&cluster("child")));
    assert_eq!(tree.path(&cluster("child")).as_deref(), Some("root:parent:child"));
}

#[test]
fn children_of_a_deleted_parent_are_found_by_their_home() {
    let mut tree = Tree::new();
    let (eu, us) = (group("eu"), group("us"));
    let parent = row("parent", vec![placed(1, "root", "parent")]);
    tree.put(&eu, parent.clone());
    tree.put(&eu, Row { deleted: true, ..parent });
    tree.put(&us, row("child", vec![placed(2, "parent", "child")]));
    assert_eq!(tree.orphans_of_deleted(&us).collect::<Vec<_>>(), [&cluster("child")]);
    assert_eq!(tree.orphans_of_deleted(&eu).count(), 0);
    assert_eq!((tree.path(&cluster("child")), tree.resolve("root:parent:child")), (None, None));
    tree.put(&us, Row { deleted: true, ..row("child", vec![placed(2, "parent", "child")]) });
    assert_eq!(tree.orphans_of_deleted(&us).count(), 0);
    tree.check();
}

#[test]
fn of_two_moves_that_would_close_a_cycle_together_the_first_in_order_counts() {
    let mut tree = Tree::new();
    let (eu, us) = (group("eu"), group("us"));
    let a = row("a", vec![placed(1, "root", "a"), placed(3, "b", "a")]);
    let b = row("b", vec![placed(2, "root", "b"), placed(4, "a", "b")]);
    tree.put(&us, b);
    tree.put(&eu, a);
    assert_eq!(tree.path(&cluster("a")).as_deref(), Some("root:b:a"));
    assert!(tree.would_cycle(&cluster("b"), &cluster("a")));
    assert!(!tree.would_cycle(&cluster("a"), &cluster("root")));
    assert_eq!(tree.next_lamport(), 5);
    tree.check();
}

#[test]
fn the_row_with_the_higher_epoch_is_valid_and_falls_back_when_it_goes() {
    let mut tree = Tree::new();
    let (eu, us) = (group("eu"), group("us"));
    let old = row("a", vec![placed(1, "root", "old")]);
    let new = Row { epoch: Epoch(1), ..row("a", vec![placed(1, "root", "new")]) };
    tree.put(&us, new);
    tree.put(&eu, old);
    assert_eq!((tree.resolve("root:new"), tree.resolve("root:old")), (Some(cluster("a")), None));
    assert_eq!(tree.get(&cluster("a")).unwrap().owner, us);
    tree.remove(&us, &cluster("a"));
    assert_eq!(tree.resolve("root:old"), Some(cluster("a")));
    tree.remove(&eu, &cluster("a"));
    assert!(tree.is_empty());
    assert_eq!(tree, Tree::new());
}

#[test]
fn a_hostile_chain_of_any_depth_costs_little() {
    let mut tree = Tree::new();
    let eu = group("eu");
    let depth = 20_000;
    let id = |index: usize| format!("n{index}");
    let link = |index: usize| row(&id(index), vec![placed(1, &id(index + 1), "n"), placed(u64::MAX, &id(0), "n")]);
    tree.put_all((0..depth).map(|index| (eu.clone(), link(index))));
    tree.put(&group("us"), row("other", vec![placed(2, "n5", "x"), placed(1, "n7", "y")]));
    assert_eq!(tree.path(&cluster("n1")), None);
    assert_eq!(tree.next_lamport(), u64::MAX);
}
