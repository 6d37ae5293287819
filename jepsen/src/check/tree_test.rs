//! Each rule of trees is broken once; a simulated federation without partitions passes.

#![expect(clippy::too_many_arguments, reason = "histories of tests are tables: one line an operation")]

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{Node, check};
use crate::check::sample::History;
use crate::history::Kind;
use crate::random::Random;
use crate::verdict::Status;

fn node(id: &str, parent: &str, name: &str) -> Node {
    Node { id: id.to_owned(), parent: parent.to_owned(), name: name.to_owned(), conflict: false, deleting: false }
}

fn operation(
    history: &mut History,
    f: &str,
    (parent, name): (&str, &str),
    (from, to): (u64, u64),
    value: Value,
    seen: Option<Value>,
) {
    let process = 500 + history.ops.len() as u64;
    history.begin(process, from, f, name, value).cluster = Some(parent.to_owned());
    match seen {
        Some(seen) => history.ok(process, to, seen, None),
        None => history.info(process, to, "no answer"),
    }
    let end = history.ops.len() - 1;
    history.ops[end].cluster = Some(parent.to_owned());
}

fn tree(history: &mut History, daemon: &str, at: u64, nodes: &[Node]) {
    let process = 500 + history.ops.len() as u64;
    history.begin(process, at, "tree", "", Value::Null).daemon = Some(daemon.to_owned());
    history.ok(process, at + 5, serde_json::to_value(nodes).unwrap(), None);
}

/// `a` below `top`; `b` below `a`, moved below `top` as `bb`; `c` deleted; `d` of unknown outcome.
fn past() -> History {
    let mut history = History::default();
    operation(&mut history, "create", ("top", "a"), (0, 10), Value::Null, Some(json!({"id": "ida"})));
    operation(&mut history, "create", ("ida", "b"), (20, 30), Value::Null, Some(json!({"id": "idb"})));
    operation(&mut history, "create", ("top", "c"), (20, 30), Value::Null, Some(json!({"id": "idc"})));
    operation(&mut history, "create", ("top", "d"), (20, 30), Value::Null, None);
    let order = json!({"id": "idb", "parent": "top", "name": "bb"});
    operation(&mut history, "move", ("ida", "b"), (40, 50), order, Some(json!({"id": "idb"})));
    operation(&mut history, "delete", ("top", "c"), (40, 50), json!({"id": "idc"}), Some(json!({"id": "idc"})));
    history
}

fn right() -> Vec<Node> {
    vec![node("ida", "top", "a"), node("idb", "top", "bb"), node("idd", "top", "d")]
}

fn verdict(nodes: &[Node], other: Option<&[Node]>) -> (Status, String) {
    let mut history = past();
    tree(&mut history, "eu-1", 100, nodes);
    tree(&mut history, "us-1", 120, other.unwrap_or(nodes));
    let check = check(&history.sorted());
    assert!(check.status == Status::Ok || !check.evidence.is_empty());
    (check.status, check.summary)
}

#[test]
fn each_rule_can_be_broken() {
    let (status, summary) = verdict(&right(), None);
    assert_eq!(status, Status::Ok, "{summary}");
    // A creation of unknown outcome may have happened or not.
    assert_eq!(verdict(&right()[..2], None).0, Status::Ok);

    let changed = |change: &dyn Fn(&mut Vec<Node>)| {
        let mut nodes = right();
        change(&mut nodes);
        nodes
    };
    let conflict = |name: &str| Node { conflict: true, ..node("idb", "top", name) };
    let cases: [(&str, Vec<Node>); 12] = [
        ("unique: eu-1 shows two", changed(&|nodes| nodes[2].name = "a".to_owned())),
        ("unique: eu-1 shows ida twice", changed(&|nodes| nodes.push(node("ida", "top", "again")))),
        ("lost: \"a\" (ida)", changed(&|nodes| drop(nodes.remove(0)))),
        ("risen: \"c\" (idc) was deleted and is there", changed(&|nodes| nodes.push(node("idc", "top", "c")))),
        ("still being deleted", changed(&|nodes| nodes.push(Node { deleting: true, ..node("idc", "top", "c") }))),
        ("phantom: 2 workspaces", changed(&|nodes| nodes.push(node("ide", "top", "e")))),
        ("misplaced: ida stands below idd", changed(&|nodes| nodes[0].parent = "idd".to_owned())),
        ("misplaced: ida is called \"z\"", changed(&|nodes| nodes[0].name = "z".to_owned())),
        ("misplaced: idb was moved", changed(&|nodes| nodes[1] = node("idb", "ida", "b"))),
        ("misplaced: idb was moved", changed(&|nodes| nodes[1] = conflict("b-idb"))),
        ("cycle: idd stands below itself", changed(&|nodes| nodes[2].parent = "idd".to_owned())),
        ("which is not there", changed(&|nodes| nodes[2].parent = "idc".to_owned())),
    ];
    for (words, nodes) in cases {
        let (status, summary) = verdict(&nodes, None);
        assert_eq!(status, Status::Failed, "{words}: {summary}");
        assert!(summary.contains(words), "{words}: {summary}");
    }
    // A derived name with its mark is right.
    assert_eq!(verdict(&changed(&|nodes| nodes[1] = conflict("bb-idb")), None).0, Status::Ok);

    let (status, summary) = verdict(&right(), Some(&right()[..2]));
    assert_eq!(status, Status::Failed);
    assert!(summary.contains("one tree: eu-1 and us-1 differ in 1 workspaces, idd is one"), "{summary}");
}

#[test]
fn a_path_leads_where_the_tree_says() {
    for (found, status) in [(json!("idb"), Status::Ok), (json!("ida"), Status::Failed), (Value::Null, Status::Failed)] {
        let mut history = past();
        tree(&mut history, "eu-1", 100, &right());
        operation(&mut history, "resolve", ("top", "bb"), (150, 160), Value::Null, Some(found));
        let check = check(&history.sorted());
        assert_eq!(check.status, status, "{}", check.summary);
    }
}

#[test]
fn what_stood_below_something_deleted_may_be_gone() {
    let mut history = past();
    let order = json!({"id": "ida", "parent": "idc", "name": "a"});
    operation(&mut history, "move", ("top", "a"), (40, 50), order, None);
    tree(&mut history, "eu-1", 100, &right()[1..]);
    let check_gone = check(&history.sorted());
    assert_eq!(check_gone.status, Status::Ok, "{}", check_gone.summary);
    assert_eq!(check(&past().sorted()).status, Status::Unproven);
}

/// A tree with one writer at a time: its history, and the workspaces that it leaves.
fn grown(seed: u64) -> (History, Vec<Node>) {
    let mut random = Random::new(seed);
    let mut history = History::default();
    let mut nodes: Vec<Node> = Vec::new();
    for number in 0..60_u64 {
        let at = (number * 100, number * 100 + 50);
        let known = random.chance(0.9);
        match random.below(4) {
            0 if !nodes.is_empty() => {
                let place = usize::try_from(random.below(nodes.len() as u64)).unwrap();
                let Node { parent, name, id, .. } = nodes[place].clone();
                let new = format!("m{number}");
                let order = json!({"id": id, "parent": "top", "name": new});
                operation(&mut history, "move", (&parent, &name), at, order, known.then(|| json!({"id": id})));
                if known || random.chance(0.5) {
                    (nodes[place].parent, nodes[place].name) = ("top".to_owned(), new);
                }
            }
            1 if nodes.len() > 3 => {
                let gone = nodes.pop().expect("there are some");
                let value = json!({"id": gone.id});
                operation(
                    &mut history,
                    "delete",
                    (&gone.parent, &gone.name),
                    at,
                    value.clone(),
                    known.then_some(value),
                );
                if !known && random.chance(0.5) {
                    nodes.push(gone);
                }
            }
            _ => {
                let (id, name) = (format!("id{number}"), format!("n{number}"));
                operation(&mut history, "create", ("top", &name), at, Value::Null, known.then(|| json!({"id": id})));
                if known || random.chance(0.5) {
                    nodes.insert(0, node(&id, "top", &name));
                }
            }
        }
    }
    (history, nodes)
}

/// The ids that operations of a kind name.
fn ids<'h>(history: &'h History, f: &str, kinds: &[Kind]) -> HashSet<&'h str> {
    let own = history.ops.iter().filter(|op| op.f == f && kinds.contains(&op.kind));
    own.filter_map(|op| op.value["id"].as_str()).collect()
}

#[test]
fn a_simulated_tree_passes_and_each_lost_workspace_is_found() {
    for seed in 0..40 {
        let (history, nodes) = grown(seed);
        let end = |nodes: &[Node]| {
            let mut history = history.clone();
            tree(&mut history, "eu-1", 10_000, nodes);
            check(&history.sorted())
        };
        let right = end(&nodes);
        assert_eq!(right.status, Status::Ok, "seed {seed}: {}", right.summary);
        let deletions = ids(&history, "delete", &[Kind::Invoke]);
        let creations = ids(&history, "create", &[Kind::Ok]);
        for place in 0..nodes.len() {
            let mut less = nodes.clone();
            let gone = less.remove(place).id;
            let expected = creations.contains(gone.as_str()) && !deletions.contains(gone.as_str());
            let verdict = end(&less);
            assert_eq!(verdict.status == Status::Failed, expected, "seed {seed}, {gone}: {}", verdict.summary);
        }
    }
}
