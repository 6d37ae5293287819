//! A workspace's backup reads back as it was written, and a workspace that is restored comes to be in one commit.

use bytes::Bytes;
use hanse_base::id::Revision;
use hanse_store::backup::{ClusterReader, Saved};
use hanse_store::key::Key;
use hanse_store::machine::Machine;
use hanse_store::object::Draft;
use hanse_store::snapshot::SnapshotError;
use hanse_store::staged::{STAGE_MS, STAGES_MAX, Stage};
use hanse_store::txn::{NewWorkspace, Operation, Refusal, Txn};
use proptest::prelude::{any, proptest};

use crate::rig::{
    configmap, content, create, data, done, draft, id, key, machine, names, put, refused, revision, snapshot, txn,
};

fn new(workspace: &str, parent: &str, name: &str) -> NewWorkspace {
    let (id, parent, content) = (id(workspace), id(parent), content("restored", false));
    NewWorkspace { id, parent, name: name.into(), reserved: false, content, objects: vec![] }
}

fn stage(id_text: &str, position: u64, keys: &[Key]) -> Operation {
    let objects: Vec<(Key, Draft)> = keys.iter().map(|key| (key.clone(), draft("x"))).collect();
    Operation::Stage(Stage { id: id(id_text), position, objects })
}

fn saved(machine: &Machine, top: &str, below: bool) -> Vec<u8> {
    let state = machine.state();
    let mut bytes = Vec::new();
    state.write_clusters(&state.clusters_from(&id(top), below), &mut bytes).unwrap();
    bytes
}

fn read(bytes: &[u8]) -> Result<Vec<Saved>, SnapshotError> {
    let mut reader = ClusterReader::new(bytes)?;
    let mut all = Vec::new();
    while let Some(saved) = reader.next_saved()? {
        all.push(saved);
    }
    assert_eq!(reader.next_saved()?, None);
    Ok(all)
}

fn tenants() -> Machine {
    let mut eu = machine("eu");
    done(
        &mut eu,
        txn(vec![create("a", "root", "a"), create("b", "a", "b"), create("c", "b", "c"), create("o", "root", "o")]),
    );
    done(
        &mut eu,
        txn(vec![put(&configmap("a", "one"), "1"), put(&configmap("c", "two"), "2"), put(&configmap("o", "x"), "x")]),
    );
    eu
}

#[test]
fn a_backup_holds_the_workspace_and_those_below_it_and_no_other() {
    let eu = tenants();
    let clusters = |saved: &[Saved]| -> Vec<(String, String, String)> {
        let cluster = |saved: &Saved| match saved {
            Saved::Cluster(cluster) => Some((cluster.id.to_string(), cluster.parent.to_string(), cluster.name.clone())),
            Saved::Object { .. } => None,
        };
        saved.iter().filter_map(cluster).collect()
    };
    let keys = |saved: &[Saved]| -> Vec<String> {
        let key = |saved: &Saved| match saved {
            Saved::Object { key, bytes } => {
                assert_eq!(eu.state().get(key).unwrap().bytes(), bytes);
                Some(format!("{key:?}"))
            }
            Saved::Cluster(_) => None,
        };
        saved.iter().filter_map(key).collect()
    };
    let row = |id: &str, parent: &str, name: &str| (id.to_owned(), parent.to_owned(), name.to_owned());
    let one = read(&saved(&eu, "a", false)).unwrap();
    assert_eq!(clusters(&one), [row("a", "root", "a")]);
    assert_eq!(keys(&one), ["configmaps/a/default/one", "namespaces/a//default"]);
    let all = read(&saved(&eu, "a", true)).unwrap();
    assert_eq!(clusters(&all), [row("a", "root", "a"), row("b", "a", "b"), row("c", "b", "c")]);
    assert_eq!(keys(&all).len(), 5);
    assert_eq!(eu.state().saved_objects(&id("a")), 2, "the Workspace of a child is not an object of the backup");
    assert!(eu.state().write_clusters(&[id("root")], &mut Vec::new()).is_err(), "root is no workspace");
    assert!(eu.state().clusters_from(&id("nobody"), true).is_empty());
}

#[test]
fn a_backup_that_was_cut_or_changed_is_refused() {
    let bytes = saved(&tenants(), "a", true);
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err(), "cut at {length}");
    }
    let mut newer = bytes.clone();
    newer[15] = 2;
    assert!(matches!(read(&newer), Err(SnapshotError::Version(2))));
    assert!(matches!(read(b"something else entirely"), Err(SnapshotError::Foreign)));
    let mut long = bytes[..16].to_vec();
    long.extend(u32::MAX.to_le_bytes());
    assert!(matches!(read(&long), Err(SnapshotError::Damaged("a record is too long"))));
}

/// Byte for byte what version 1 is.
#[test]
fn version_1_of_a_workspaces_body_is_what_it_was() {
    let mut eu = machine("eu");
    done(&mut eu, txn(vec![create("a", "root", "org")]));
    let mut expected = b"hanse workspace\x01".to_vec();
    let content = content("new", false);
    let object = eu.state().get(&key("namespaces", "a", "", "default")).unwrap().bytes();
    let text = |text: &[u8]| [&[u8::try_from(text.len()).unwrap()], text].concat();
    let content_length =
        [u8::try_from(content.len() & 0x7f | 0x80).unwrap(), u8::try_from(content.len() >> 7).unwrap()];
    let content_length = if content.len() < 128 {
        content_length[..1].iter().map(|byte| byte & 0x7f).collect()
    } else {
        content_length.to_vec()
    };
    let cluster = [&[0][..], &text(b"a"), &text(b"root"), &text(b"org"), &content_length, &content].concat();
    let namespace = [&[1][..], &text(b"namespaces"), &text(b""), &text(b"default"), &text(&object)].concat();
    for record in [cluster, namespace, vec![2, 1, 1]] {
        expected.extend(u32::try_from(record.len()).unwrap().to_le_bytes());
        expected.extend(record);
    }
    assert_eq!(saved(&eu, "a", false).escape_ascii().to_string(), expected.escape_ascii().to_string());
}

#[test]
fn a_restored_workspace_comes_to_be_in_one_commit() {
    let mut eu = machine("eu");
    let before = revision(&eu);
    let keys = [key("namespaces", "n", "", "default"), configmap("n", "a"), configmap("m", "b")];
    done(&mut eu, txn(vec![stage("n", 0, &keys[..2])]));
    // A repeat, as after a crash, and one that overlaps.
    done(&mut eu, txn(vec![stage("n", 0, &keys[..1])]));
    done(&mut eu, txn(vec![stage("n", 1, &keys[1..])]));
    assert_eq!(eu.state().staged(&id("n")), 3);
    assert_eq!(revision(&eu), before, "nobody sees anything of it");
    assert!(matches!(refused(&mut eu, txn(vec![stage("n", 4, &keys)])), Refusal::Missing { .. }));
    // What waits survives a snapshot.
    let bytes = snapshot(&eu);
    let mut eu = Machine::new(eu.state().group().clone());
    eu.restore(&mut &*bytes).unwrap();
    assert_eq!(snapshot(&eu), bytes);
    // An object of a logical cluster that is not made with it spoils all of it.
    refused(&mut eu, txn(vec![Operation::CreateStaged(vec![new("n", "root", "n")])]));
    let (first, last) =
        done(&mut eu, txn(vec![Operation::CreateStaged(vec![new("n", "root", "n"), new("m", "n", "m")])]));
    assert_eq!(last - first + 1, 5, "two Workspaces and three objects");
    assert_eq!(data(&eu, &configmap("m", "b")).as_deref(), Some("x"));
    assert_eq!(eu.state().resolve("root:n:m"), Some(id("m")));
    assert_eq!(eu.state().staged(&id("n")), 0);
    assert_eq!(names(&eu, "root"), ["n"]);
    assert!(matches!(
        refused(&mut eu, txn(vec![Operation::CreateStaged(vec![new("n", "root", "n")])])),
        Refusal::Exists { .. }
    ));
}

#[test]
fn what_waits_is_bounded_and_goes_by_itself() {
    let mut eu = machine("eu");
    for number in 0..STAGES_MAX {
        done(&mut eu, txn(vec![stage(&format!("n{number}"), 0, &[configmap(&format!("n{number}"), "a")])]));
    }
    refused(&mut eu, txn(vec![stage("more", 0, &[])]));
    done(&mut eu, txn(vec![Operation::Unstage { id: id("n0") }]));
    done(&mut eu, txn(vec![stage("more", 0, &[])]));
    let later = Txn { time_ms: 1_000_000 + STAGE_MS, ..txn(vec![stage("late", 0, &[])]) };
    done(&mut eu, later);
    assert_eq!(eu.state().staged(&id("n1")), 0, "those that nobody has touched for an hour are gone");
    let junk = Draft { bytes: Bytes::from_static(b"{}"), ..Draft::default() };
    let junk = Operation::Stage(Stage { id: id("late"), position: 0, objects: vec![(configmap("late", "a"), junk)] });
    refused(&mut eu, txn(vec![junk]));
    refused(&mut eu, txn(vec![Operation::CreateStaged(vec![])]));
    assert!(revision(&eu) > Revision(0));
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
        junk in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut bytes = saved(&tenants(), "a", true);
        for (position, value) in changes {
            let position = position.index(bytes.len());
            bytes[position] = value;
        }
        drop(read(&bytes));
        drop(read(&[b"hanse workspace\x01", &*junk].concat()));
    }
}
