//! A snapshot is the state, and nothing else is.

use hanse_base::id::Revision;
use hanse_store::machine::Machine;
use hanse_store::roster::{MemberRole, MembershipChange};
use hanse_store::snapshot::SnapshotError;
use hanse_store::txn::Operation;
use proptest::prelude::{any, proptest};

use crate::members::{seed, token};
use crate::rig::{
    configmap, create, data, deliver, done, draft_with, group, id, key, machine, names, put, snapshot, txn, update,
};

/// A state with something of everything.
fn rich() -> Machine {
    let (mut eu, mut us) = (machine("eu"), machine("us"));
    done(&mut eu, txn(vec![create("w1", "root", "org"), create("w2", "w1", "team")]));
    deliver(&eu, &mut us);
    done(&mut us, txn(vec![create("w3", "w1", "far")]));
    deliver(&us, &mut eu);
    let (parent, name) = (id("root"), "held".to_owned());
    done(&mut eu, txn(vec![Operation::ReserveName { parent, name, id: id("w9") }]));
    done(&mut eu, txn(vec![update("w1", 1, "x", true)]));
    let (gone, owned) = (key("secrets", "root", "default", "gone"), key("secrets", "root", "default", "owned"));
    done(&mut eu, txn(vec![put(&gone, "1"), Operation::Delete(gone)]));
    let mut waiting = draft_with("x", true);
    (waiting.owners, waiting.held) = (Box::new(["u".into()]), true);
    done(&mut eu, txn(vec![Operation::Put(owned, waiting)]));
    let ending = key("namespaces", "root", "", "ending");
    done(&mut eu, txn(vec![Operation::Put(ending, draft_with("x", true)), put(&configmap("root", "a"), "1")]));
    // Two that are large enough to share their bytes.
    let large = "0123456789".repeat(1_200);
    let token = MembershipChange::GrantToken(token("t", MemberRole::Voter, Some("ap")));
    done(&mut eu, txn(vec![seed(), Operation::Membership(token)]));
    done(&mut eu, txn(vec![put(&configmap("root", "large"), &large), put(&configmap("w2", "large"), &large)]));
    eu
}

#[test]
fn a_restored_state_is_the_state_and_goes_on_alike() {
    let mut first = rich();
    let bytes = snapshot(&first);
    let mut second = Machine::new(group("eu"));
    second.restore(&mut bytes.as_slice()).unwrap();
    second.state().check();
    assert!(snapshot(&second) == bytes);
    let (was, is) = (first.state(), second.state());
    assert_eq!(was.revision(), is.revision());
    assert_eq!(was.tree_digest(), is.tree_digest());
    assert!(was.doomed().eq(is.doomed()) && was.doomed().count() == 1);
    assert!(was.ending_clusters().eq(is.ending_clusters()) && was.ending_clusters().count() == 1);
    assert!(was.ending_namespaces().eq(is.ending_namespaces()) && was.ending_namespaces().count() == 1);
    assert!(was.owned(None).eq(is.owned(None)) && was.owned(None).count() == 1);
    assert!(was.awaiting_collection().eq(is.awaiting_collection()) && was.awaiting_collection().count() == 1);
    for resource in ["secrets", "configmaps", "namespaces", "absent"] {
        assert_eq!(was.last_change(&id("root"), resource), is.last_change(&id("root"), resource), "{resource}");
    }
    assert_eq!(is.oldest(), is.revision(), "the window is not part of a snapshot");
    assert_eq!(
        is.events_after(Revision(is.revision().0 - 1)).err().map(|compacted| compacted.oldest),
        Some(is.revision())
    );
    for machine in [&mut first, &mut second] {
        done(machine, txn(vec![update("w2", 1, "y", true), put(&configmap("w2", "late"), "1")]));
        assert_eq!(data(machine, &configmap("root", "a")), Some("1".into()));
        assert_eq!(data(machine, &configmap("w2", "large")), Some("0123456789".repeat(1_200)));
        assert_eq!(names(machine, "w1"), ["far", "team"]);
    }
    assert!(snapshot(&first) == snapshot(&second));
}

#[test]
fn a_snapshot_that_is_not_this_groups_state_is_refused_in_words() {
    let bytes = snapshot(&rich());
    let restore = |group_name: &str, bytes: &[u8]| Machine::new(group(group_name)).restore(&mut &*bytes);
    assert!(matches!(restore("us", &bytes), Err(SnapshotError::Group { .. })));
    assert!(matches!(restore("eu", b"something else entirely"), Err(SnapshotError::Foreign)));
    for version in [0, 1, 4, 9] {
        let mut other = bytes.clone();
        other[11] = version;
        assert!(matches!(restore("eu", &other), Err(SnapshotError::Version(found)) if found == version));
    }
    for length in [0, 5, 12, 14, 40, bytes.len() / 2, bytes.len() - 1] {
        assert!(matches!(restore("eu", &bytes[..length]), Err(SnapshotError::Io(_))), "{length}");
    }
    let mut long = bytes[..12].to_vec();
    long.extend([0xff; 100]);
    assert!(matches!(restore("eu", &long), Err(SnapshotError::Damaged(_))));
}

#[test]
fn a_snapshot_that_cannot_be_restored_leaves_the_state_as_it_was() {
    let mut machine = rich();
    let bytes = snapshot(&machine);
    assert!(machine.restore(&mut &bytes[..bytes.len() - 3]).is_err());
    assert!(snapshot(&machine) == bytes);
}

/// A snapshot as the version before wrote it: the record behind the head, which holds the membership, is not there.
fn of_version_2(bytes: &[u8]) -> Vec<u8> {
    let record = |at: usize| 4 + u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let head = 12 + record(12);
    [b"hanse state\x02", &bytes[12..head], &bytes[head + record(head)..]].concat()
}

#[test]
fn a_snapshot_of_an_older_daemon_is_read_and_has_no_members_yet() {
    let machine = rich();
    let mut restored = Machine::new(group("eu"));
    restored.restore(&mut of_version_2(&snapshot(&machine)).as_slice()).unwrap();
    restored.state().check();
    assert_eq!(restored.state().revision(), machine.state().revision());
    assert!(restored.state().membership().roster().is_none());
    done(&mut restored, txn(vec![seed()]));
    assert!(restored.state().membership().roster().is_some());
}

#[test]
fn an_empty_group_has_a_snapshot_too() {
    let empty = Machine::new(group("eu"));
    let mut other = Machine::new(group("eu"));
    done(&mut other, txn(vec![put(&configmap("system:x", "a"), "1")]));
    other.restore(&mut snapshot(&empty).as_slice()).unwrap();
    assert!(snapshot(&other) == snapshot(&empty));
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 200, ..Default::default() })]

    #[test]
    fn no_bytes_make_restoring_panic(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<Option<proptest::sample::Index>>(),
    ) {
        static GOOD: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| snapshot(&rich()));
        let mut bytes = GOOD.clone();
        for (position, value) in changes {
            let position = position.index(bytes.len());
            bytes[position] = value;
        }
        if let Some(cut) = cut {
            bytes.remove(cut.index(bytes.len()));
        }
        let mut machine = Machine::new(group("eu"));
        if machine.restore(&mut bytes.as_slice()).is_ok() {
            machine.state().check();
            assert!(snapshot(&machine) == bytes, "what is accepted is written the same again");
        }
    }

    #[test]
    fn no_records_make_restoring_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut snapshot = b"hanse state\x03".to_vec();
        snapshot.extend(bytes);
        assert!(Machine::new(group("eu")).restore(&mut snapshot.as_slice()).is_err());
    }
}
