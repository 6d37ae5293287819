//! A group that is restored from a backup stands above what it has given out, and other groups' copies of its documents are
//! neither lost nor merged wrongly.

use hanse_base::id::Revision;
use hanse_store::history::HistoryLimits;
use hanse_store::machine::Machine;
use hanse_store::restored::Learned;
use hanse_store::roster::MemberRole;
use hanse_store::snapshot::restore;
use hanse_store::txn::{Operation, Refusal};
use hanse_tree::batch::Cursor;
use hanse_tree::documents::{Documents, ROWS_PER_DOCUMENT_MAX};
use proptest::prelude::{any, proptest};

use crate::act::{Act, act, command};
use crate::members::member;
use crate::rig::{
    configmap, create, data, deliver, done, group, id, key, machine, missing, names, put, refused, rename, revision,
    snapshot, txn, update, workspace,
};

/// Thirty years after 1970.
const NOW_MS: u64 = 946_684_800_000;

/// The group again, from the bytes of its state, as `hansed restore` does it.
fn revived(name: &str, backup: &[u8], at_ms: u64) -> Machine {
    let mut state = restore(&mut &*backup, &group(name), HistoryLimits::default()).unwrap();
    state.revive(at_ms, Revision(0), member(9, MemberRole::Voter));
    state.check();
    let mut bytes = Vec::new();
    state.write(&mut bytes).unwrap();
    let mut machine = Machine::new(group(name));
    machine.restore(&mut &*bytes).unwrap();
    machine.publish();
    assert_eq!(snapshot(&machine), bytes, "a restored state is written as it was read");
    machine
}

/// What the restored group pulls of another's copy.
fn copy(from: &Machine, of: &Machine) -> Documents {
    let owner = of.state().group();
    let mut copy = Documents::new(owner.clone(), ROWS_PER_DOCUMENT_MAX);
    let batch = from.state().copy_of(owner).changes_after(&Cursor::default(), usize::MAX, usize::MAX);
    for change in batch.changes {
        copy.merge(&change.document, change.sequence, &change.bytes).unwrap();
    }
    copy
}

/// The restored group learns from the other's copy; then the other follows.
fn learn(restored: &mut Machine, other: &mut Machine) {
    let group = other.state().group().clone();
    assert!(restored.state().must_learn_from(&group));
    for part in Learned::parts(&group, &copy(other, restored)) {
        done(restored, txn(vec![Operation::Learn(part)]));
    }
    assert!(!restored.state().must_learn_from(&group));
    deliver(restored, other);
    deliver(other, restored);
    other.state().check();
    assert!(missing(restored, other).is_empty());
}

#[test]
fn a_restored_group_stands_above_everything_that_it_can_have_given_out() {
    let mut eu = machine("eu");
    done(&mut eu, txn(vec![put(&configmap("root", "a"), "before")]));
    let (backup, at) = (snapshot(&eu), revision(&eu));
    let (_, lost) = done(&mut eu, txn(vec![put(&configmap("root", "a"), "lost")]));
    for at_ms in [0, NOW_MS] {
        let mut restored = revived("eu", &backup, at_ms);
        let begun = revision(&restored);
        assert!(begun.0 > lost + (1 << 31), "{begun}");
        assert_eq!(data(&restored, &configmap("root", "a")).as_deref(), Some("before"));
        assert_eq!(restored.state().get(&configmap("root", "a")).unwrap().revision(), at);
        for old in [1, at.0, lost, begun.0 - 1] {
            let compacted = restored.state().events_after(Revision(old)).err().unwrap();
            assert_eq!(compacted.oldest, begun, "who watches from {old} lists again");
        }
        assert_eq!(done(&mut restored, txn(vec![put(&configmap("root", "b"), "after")])).0, begun.0 + 1);
        let marker = restored.state().restored().unwrap();
        assert_eq!((marker.backup, marker.begun, marker.at_ms), (at, begun, at_ms));
    }
    // Its daemon is the only member, and the others are told.
    let restored = revived("eu", &backup, NOW_MS);
    let membership = restored.state().membership();
    let roster = membership.roster().unwrap();
    assert_eq!(roster.members, [member(9, MemberRole::Voter)]);
    let known = eu.state().membership().roster().map_or(0, |roster| roster.version);
    assert!(roster.version > known + (1 << 31) && membership.version() > eu.state().membership().version());
    // The later of two restorations of one backup is above the first and all that this has written.
    let mut first = revived("eu", &backup, NOW_MS);
    for round in 0..50 {
        done(&mut first, txn(vec![put(&configmap("root", "a"), &round.to_string())]));
    }
    assert!(revision(&revived("eu", &backup, NOW_MS + 1000)) > revision(&first));
}

#[test]
fn a_later_copy_is_followed_again_and_workspaces_that_only_it_knows_are_shown_as_lost() {
    let [mut eu, mut us] = ["eu", "us"].map(machine);
    done(&mut eu, txn(vec![create("old", "root", "old"), create("moved", "root", "moved")]));
    done(&mut eu, txn(vec![create("kept", "root", "kept"), create("gone", "root", "gone")]));
    deliver(&eu, &mut us);
    let backup = snapshot(&eu);
    done(&mut eu, txn(vec![create("new", "root", "new"), rename("moved", 1, "root", "elsewhere")]));
    done(&mut eu, txn(vec![create("twice", "root", "twice"), create("brief", "root", "brief")]));
    done(&mut eu, txn(vec![update("gone", 1, "x", true), Operation::Delete(key("namespaces", "gone", "", "default"))]));
    done(&mut eu, txn(vec![Operation::FinishWorkspace { id: id("gone") }]));
    done(
        &mut eu,
        txn(vec![update("brief", 1, "x", true), Operation::Delete(key("namespaces", "brief", "", "default"))]),
    );
    done(&mut eu, txn(vec![Operation::FinishWorkspace { id: id("brief") }]));
    deliver(&eu, &mut us);
    // A child of a lost workspace, at home elsewhere.
    done(&mut us, txn(vec![create("child", "new", "child")]));

    let mut eu = revived("eu", &backup, NOW_MS);
    // Somebody is quicker than the learning.
    done(&mut eu, txn(vec![create("again", "root", "twice")]));
    assert!(eu.state().must_learn_from(&group("us")) && !missing(&eu, &us).is_empty());
    learn(&mut eu, &mut us);
    for machine in [&eu, &us] {
        assert_eq!(machine.state().tree_digest(), eu.state().tree_digest());
        // As the backup has it: the rename and the deletion are undone.
        for name in ["old", "kept", "gone", "moved", "new"] {
            assert_eq!(machine.state().resolve(&format!("root:{name}")), Some(id(name)), "{name}");
        }
        assert_eq!(machine.state().resolve("root:twice"), Some(id("again")), "the name is the quicker one's");
        assert_eq!(machine.state().resolve("twice"), Some(id("twice")), "the other keeps its id");
        assert_eq!(machine.state().resolve("root:new:child"), Some(id("child")));
        assert_eq!(machine.state().resolve("brief"), None, "what was made and deleted is gone");
        let shown = workspace(machine, "root", "new").unwrap();
        assert_eq!(shown["status"]["phase"], "Unavailable");
        assert_eq!(shown["status"]["conditions"][0]["type"], "ContentLost");
        assert_eq!(shown["status"]["conditions"][0]["lastTransitionTime"], "2000-01-01T00:00:00Z");
        assert_eq!(shown["spec"]["note"], "new");
        assert!(workspace(machine, "root", "old").unwrap()["status"].get("conditions").is_none());
    }
    assert_eq!(eu.state().restored().unwrap().lost, 2);
    // Life goes on: a lost one can be deleted, and what is written is followed.
    let version = eu.state().tree().get(&id("new")).unwrap().row.version;
    done(&mut eu, txn(vec![update("new", version, "end", true)]));
    done(&mut eu, txn(vec![create("next", "root", "next")]));
    deliver(&eu, &mut us);
    assert_eq!(us.state().tree_digest(), eu.state().tree_digest());
    assert!(names(&us, "root").contains(&"next".to_owned()));
    // A group that was heard of later has its copy looked at, too.
    let mut ap = machine("ap");
    learn(&mut eu, &mut ap);
    assert_eq!(ap.state().cursor(&group("eu")), eu.state().cursor(&group("eu")));
    assert_eq!(names(&ap, "root"), names(&eu, "root"));
}

#[test]
fn documents_that_only_the_copy_knows_are_taken_by_the_restored_group() {
    let [mut eu, mut us] = ["eu", "us"].map(machine);
    let backup = snapshot(&eu);
    // More rows than one document holds.
    let many = ROWS_PER_DOCUMENT_MAX + 10;
    for chunk in (0..many).collect::<Vec<_>>().chunks(500) {
        let made = chunk.iter().map(|n| create(&format!("w{n}"), "root", &format!("w{n}"))).collect();
        done(&mut eu, txn(made));
    }
    deliver(&eu, &mut us);
    let mut eu = revived("eu", &backup, NOW_MS);
    learn(&mut eu, &mut us);
    assert_eq!(eu.state().restored().unwrap().lost, many as u64);
    assert_eq!(us.state().tree_digest(), eu.state().tree_digest());
    done(&mut eu, txn(vec![create("next", "root", "next")]));
    deliver(&eu, &mut us);
    assert_eq!(us.state().tree_digest(), eu.state().tree_digest());
}

#[test]
fn what_is_learned_is_not_believed_blindly() {
    let [mut eu, mut us] = ["eu", "us"].map(machine);
    done(&mut eu, txn(vec![create("old", "root", "old")]));
    deliver(&eu, &mut us);
    let good = Learned::parts(&group("us"), &copy(&us, &eu)).remove(0);
    let malformed = |machine: &mut Machine, learned: Learned| {
        let refusal = refused(machine, txn(vec![Operation::Learn(learned)]));
        assert!(matches!(refusal, Refusal::Malformed { .. }), "{refusal}");
    };
    malformed(&mut eu, good.clone());
    let mut eu = revived("eu", &snapshot(&eu), NOW_MS);
    malformed(&mut eu, Learned { group: group("eu"), ..good.clone() });
    malformed(&mut eu, Learned { rows: vec![b"junk".as_slice().into()], ..good.clone() });
    malformed(&mut eu, Learned { seen: vec![(0, u32::MAX, 1)], ..good.clone() });
    malformed(&mut eu, Learned { seen: vec![(u32::MAX, 0, 1)], ..good.clone() });
    done(&mut eu, txn(vec![Operation::Learn(good.clone())]));
    // A second time it changes nothing.
    let before = snapshot(&eu);
    done(&mut eu, txn(vec![Operation::Learn(good)]));
    assert_eq!(snapshot(&eu), before);
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 60, ..Default::default() })]

    /// Whatever happened before and after a backup, and between restoration and learning: in the end both agree.
    #[test]
    fn regions_agree_after_any_restoration(
        before in proptest::collection::vec(act(), 0..40),
        lost in proptest::collection::vec(act(), 0..40),
        after in proptest::collection::vec(act(), 0..20),
        far in any::<bool>(),
    ) {
        let [mut eu, mut us] = ["eu", "us"].map(machine);
        let run = |eu: &mut Machine, act: &Act| {
            let command = command(act, eu, 1_000_000);
            eu.apply_batch(&[command]);
            eu.state().check();
            eu.publish();
        };
        before.iter().for_each(|act| run(&mut eu, act));
        deliver(&eu, &mut us);
        let backup = snapshot(&eu);
        for act in &lost {
            run(&mut eu, act);
            if far {
                deliver(&eu, &mut us);
            }
        }
        let mut eu = revived("eu", &backup, NOW_MS);
        after.iter().for_each(|act| run(&mut eu, act));
        learn(&mut eu, &mut us);
        after.iter().for_each(|act| run(&mut eu, act));
        deliver(&eu, &mut us);
        assert_eq!(eu.state().tree_digest(), us.state().tree_digest());
    }
}
