//! Groups hear of each other's workspaces.

use bytes::Bytes;
use hanse_store::txn::{Operation, Refusal};
use hanse_tree::document::DocumentId;
use hanse_tree::documents::Documents;
use hanse_tree::row::Row;

use crate::rig::{
    create, deliver, done, group, id, key, machine, missing, names, refused, rename, revision, snapshot, txn, update,
    workspace,
};

#[test]
fn a_name_that_two_took_has_one_winner_everywhere_in_whatever_order_they_hear() {
    let [mut eu, mut us, mut ap] = ["eu", "us", "ap"].map(machine);
    done(&mut us, txn(vec![create("w1", "root", "same")]));
    done(&mut ap, txn(vec![create("w2", "root", "same")]));
    deliver(&us, &mut eu);
    deliver(&ap, &mut eu);
    deliver(&ap, &mut us);
    deliver(&us, &mut ap);
    for machine in [&eu, &us, &ap] {
        machine.state().check();
        assert_eq!(machine.state().tree_digest(), eu.state().tree_digest());
        assert_eq!(names(machine, "root"), names(&eu, "root"));
        let winner = machine.state().resolve("root:same").unwrap();
        let loser = if winner == id("w1") { id("w2") } else { id("w1") };
        assert_eq!(machine.state().resolve(loser.as_str()), Some(loser.clone()), "the other keeps its id");
        let derived = machine.state().workspace_key(&loser).unwrap().name().to_owned();
        let shown = workspace(machine, "root", &derived).unwrap();
        let condition = &shown["status"]["conditions"][0];
        assert_eq!((condition["type"].as_str(), condition["status"].as_str()), (Some("NameConflict"), Some("True")));
        assert!(condition["message"].as_str().unwrap().contains(winner.as_str()));
        assert!(workspace(machine, "root", "same").unwrap()["status"].get("conditions").is_none());
        assert_eq!(machine.state().resolve(&format!("root:{derived}")), Some(loser));
    }
    // The loser takes another name: the conflict is over, everywhere.
    let winner = us.state().resolve("root:same").unwrap();
    let (loser, home, other) = if winner == id("w1") { ("w2", &mut ap, &mut us) } else { ("w1", &mut us, &mut ap) };
    done(home, txn(vec![rename(loser, 1, "root", "mine")]));
    deliver(home, other);
    deliver(home, &mut eu);
    for machine in [home, other, &mut eu] {
        assert_eq!(names(machine, "root"), ["mine", "same"]);
        assert!(workspace(machine, "root", "mine").unwrap()["status"].get("conditions").is_none());
    }
}

#[test]
fn the_parents_home_gives_the_name_before_those_who_could_not_ask() {
    let [mut eu, mut us] = ["eu", "us"].map(machine);
    done(&mut us, txn(vec![create("w1", "root", "same")]));
    for number in 0..3 {
        done(&mut eu, txn(vec![create(&format!("early{number}"), "root", &format!("early{number}"))]));
    }
    done(&mut eu, txn(vec![create("w2", "root", "same")]));
    deliver(&us, &mut eu);
    deliver(&eu, &mut us);
    for machine in [&eu, &us] {
        assert_eq!(machine.state().resolve("root:same"), Some(id("w2")));
    }
}

#[test]
fn a_name_is_free_again_when_the_workspace_that_it_was_held_for_has_come_and_gone() {
    let [mut eu, mut us] = ["eu", "us"].map(machine);
    let (parent, name) = (id("root"), "org".to_owned());
    done(&mut eu, txn(vec![Operation::ReserveName { parent, name, id: id("w1") }]));
    done(&mut us, txn(vec![create("w1", "root", "org")]));
    deliver(&us, &mut eu);
    done(&mut us, txn(vec![rename("w1", 1, "root", "firm")]));
    deliver(&us, &mut eu);
    done(&mut eu, txn(vec![create("w2", "root", "org")]));
    assert_eq!(names(&eu, "root"), ["firm", "org"]);
}

#[test]
fn a_child_below_a_workspace_that_goes_elsewhere_has_to_go_too() {
    let [mut eu, mut us] = ["eu", "us"].map(machine);
    done(&mut eu, txn(vec![create("w1", "root", "org")]));
    deliver(&eu, &mut us);
    done(&mut us, txn(vec![create("w2", "w1", "team")]));
    assert_eq!(workspace(&us, "w1", "team").unwrap()["spec"]["URL"], "https://us.example:6443/clusters/root:org:team");
    done(&mut eu, txn(vec![update("w1", 1, "x", true)]));
    deliver(&eu, &mut us);
    assert_eq!(us.state().doomed().cloned().collect::<Vec<_>>(), [id("w2")]);
    assert_eq!(refused(&mut us, txn(vec![create("w3", "w1", "x")])), Refusal::Deleting { what: "w1".into() });
    // The home has not heard of the child and ends the parent.
    done(&mut eu, txn(vec![Operation::Delete(key("namespaces", "w1", "", "default"))]));
    done(&mut eu, txn(vec![Operation::FinishWorkspace { id: id("w1") }]));
    deliver(&eu, &mut us);
    assert_eq!(us.state().doomed().cloned().collect::<Vec<_>>(), [id("w2")]);
    assert_eq!(us.state().resolve("w2"), Some(id("w2")), "until then it can be reached by its id");
    assert_eq!(us.state().home_of(&id("w1")), None, "other regions do not lead to what is gone");
    assert_eq!(refused(&mut us, txn(vec![create("w3", "w1", "x")])), Refusal::Missing { what: "w1".into() });
    deliver(&us, &mut eu);
    assert_eq!(eu.state().tree_digest(), us.state().tree_digest());
    done(&mut us, txn(vec![update("w2", 1, "x", true)]));
    assert_eq!(us.state().doomed().count(), 0);
}

#[test]
fn changes_that_are_held_are_skipped_and_those_that_are_broken_refused() {
    let [mut eu, mut us] = ["eu", "us"].map(machine);
    done(&mut us, txn(vec![create("w1", "root", "a")]));
    done(&mut us, txn(vec![create("w2", "root", "b")]));
    let changes: Vec<_> = missing(&us, &eu);
    let [first, second] = changes.as_slice() else { panic!("{changes:?}") };
    assert!(matches!(refused(&mut eu, second.clone()), Refusal::Malformed { .. }), "a gap");
    done(&mut eu, first.clone());
    let before = snapshot(&eu);
    done(&mut eu, first.clone());
    assert!(snapshot(&eu) == before);
    let bytes = |txn: &hanse_store::txn::Txn| match &txn.operations[0] {
        Operation::MergeChanges { changes, .. } => changes[0].clone(),
        _ => unreachable!(),
    };
    let merge = |group_name: &str, sequence, changes| {
        let document = DocumentId { group: group(group_name), ordinal: 0, generation: 0 };
        txn(vec![Operation::MergeChanges { document, sequence, changes }])
    };
    for broken in [
        merge("us", 2, vec![Bytes::from_static(b"junk")]),
        merge("us", 1, vec![bytes(second)]),
        merge("ap", 1, vec![bytes(first)]),
        merge("eu", 1, vec![bytes(first)]),
        txn([first.operations.clone(), first.operations.clone()].concat()),
    ] {
        assert!(matches!(refused(&mut eu, broken.clone()), Refusal::Malformed { .. }), "{broken:?}");
    }
    assert_eq!(eu.state().others().count(), 1, "who has said nothing valid takes no place");
    // What stands before a broken change is taken.
    done(&mut eu, merge("us", 1, vec![bytes(first), bytes(second), Bytes::from_static(b"junk")]));
    assert_eq!(names(&eu, "root"), ["a", "b"]);
}

#[test]
fn a_hostile_row_spoils_nobody_elses() {
    let mut eu = machine("eu");
    done(&mut eu, txn(vec![create("w1", "root", "org")]));
    let before = workspace(&eu, "root", "org");
    let mut hostile = Documents::new(group("evil"), 4096);
    let placement = hanse_tree::row::Placement {
        lamport: u64::MAX,
        group: group("evil"),
        parent: id("root"),
        name: "org".into(),
        reserved: false,
    };
    for (number, content) in
        [&b"\xff\x00"[..], b"[1,2", br#"{"metadata":{"name":7,"labels":[]}}"#].into_iter().enumerate()
    {
        let (id, placements) = (id(&format!("evil{number}")), vec![placement.clone()]);
        let content = Bytes::copy_from_slice(content);
        let epoch = hanse_base::id::Epoch(u64::MAX);
        hostile.put(&Row { id, epoch, version: u64::MAX, placements, deleted: false, content }).unwrap();
    }
    for change in hostile.commit() {
        let (document, sequence) = (change.document, change.sequence);
        done(&mut eu, txn(vec![Operation::MergeChanges { document, sequence, changes: vec![change.bytes] }]));
    }
    assert_eq!(workspace(&eu, "root", "org"), before);
    assert_eq!(names(&eu, "root").len(), 4);
    done(&mut eu, txn(vec![create("w2", "root", "next")]));
    done(&mut eu, txn(vec![update("w1", 1, "x", false)]));
    assert!(revision(&eu).0 > 0);
}
