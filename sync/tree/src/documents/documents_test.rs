use std::collections::BTreeMap;

use bytes::Bytes;
use hanse_base::id::{ClusterId, Epoch, GroupId};
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

use super::Documents;
use crate::batch::{Batch, Cursor};
use crate::document::{DocumentError, DocumentId, Merged};
use crate::row::Row;

fn group() -> GroupId {
    GroupId::new("eu").unwrap()
}

fn cluster(text: &str) -> ClusterId {
    ClusterId::new(text).unwrap()
}

fn row(id: &str, version: u64) -> Row {
    let content = Bytes::from(vec![b'c'; 3_000]);
    Row { id: cluster(id), epoch: Epoch(1), version, placements: vec![], deleted: false, content }
}

/// Brings a copy up to date by batches that go over the wire, and a model of its rows with it.
fn follow(owner: &Documents, copy: &mut Documents, rows: &mut BTreeMap<ClusterId, Row>, changes_max: usize) {
    loop {
        let cursor = Cursor::decode(&copy.cursor().encode()).unwrap();
        let batch = owner.log().changes_after(&cursor, 100_000, changes_max);
        let batch = Batch::decode(&group(), &batch.encode()).unwrap();
        for change in &batch.changes {
            assert!(!cursor.holds(change));
            apply(rows, copy.merge(&change.document, change.sequence, &change.bytes).unwrap());
            assert!(copy.cursor().holds(change));
        }
        copy.check();
        if !batch.more {
            return;
        }
    }
}

fn apply(rows: &mut BTreeMap<ClusterId, Row>, merged: Merged) {
    for id in merged.removed {
        assert!(rows.remove(&id).is_some(), "{id} was known");
    }
    rows.extend(merged.rows.into_iter().map(|row| (row.id.clone(), row)));
}

fn model(documents: &Documents) -> BTreeMap<ClusterId, Row> {
    documents.rows().map(|row| (row.id.clone(), row)).collect()
}

#[derive(Debug, Clone)]
enum Step {
    Put(u8, u64),
    Forget(u8),
    Commit,
    Restart,
    Follow(usize),
    /// The copy gets one batch of one change only.
    Peek,
    Reload,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..12_u8, 0..50_u64).prop_map(|(id, version)| Step::Put(id, version)),
        1 => (0..12_u8).prop_map(Step::Forget),
        4 => Just(Step::Commit),
        1 => Just(Step::Restart),
        1 => (1..4_usize).prop_map(Step::Follow),
        2 => Just(Step::Peek),
        1 => Just(Step::Reload),
    ]
}

proptest! {
    #[test]
    fn a_copy_follows_its_owner_through_all_generations(steps in proptest::collection::vec(any_step(), 0..120)) {
        let mut owner = Documents::new(group(), 4);
        let mut copy = Documents::new(group(), 4);
        let mut rows = BTreeMap::new();
        for step in steps {
            match step {
                Step::Put(id, version) => owner.put(&row(&format!("w{id}"), version)).unwrap(),
                Step::Forget(id) => owner.forget(&cluster(&format!("w{id}"))),
                Step::Commit => drop(owner.commit()),
                Step::Restart => drop(owner.restart_above(&[copy.cursor()])),
                Step::Follow(changes_max) => follow(&owner, &mut copy, &mut rows, changes_max),
                Step::Peek => {
                    let batch = owner.log().changes_after(&copy.cursor(), 1, 1);
                    for change in batch.changes {
                        apply(&mut rows, copy.merge(&change.document, change.sequence, &change.bytes).unwrap());
                    }
                }
                Step::Reload => {
                    owner.commit();
                    owner = Documents::load(group(), 4, owner.save()).unwrap();
                    let loaded = Documents::load(group(), 4, copy.save()).unwrap();
                    assert!(loaded.save().eq(copy.save()));
                    copy = loaded;
                }
            }
            assert_eq!(rows, model(&copy), "merges tell every change of the rows");
            copy.check();
        }
        owner.commit();
        owner.check();
        follow(&owner, &mut copy, &mut rows, 7);
        assert_eq!(rows, model(&owner));
        assert!(owner.save().eq(copy.save()));
    }

    #[test]
    fn replicas_of_a_group_write_the_same_changes_even_if_one_was_reloaded(
        steps in proptest::collection::vec((0..12_u8, 0..50_u64, any::<bool>(), any::<bool>(), any::<bool>()), 0..80),
    ) {
        let mut replicas = [Documents::new(group(), 4), Documents::new(group(), 4)];
        for (id, version, forget, commit, reload) in steps {
            let id = format!("w{id}");
            for replica in &mut replicas {
                if forget { replica.forget(&cluster(&id)) } else { replica.put(&row(&id, version)).unwrap() }
            }
            if commit {
                let [left, right] = replicas.each_mut().map(Documents::commit);
                assert_eq!(left, right);
                if reload {
                    replicas[1] = Documents::load(group(), 4, replicas[1].save()).unwrap();
                }
            }
        }
    }

    #[test]
    fn no_bytes_make_decoding_panic(bytes: Vec<u8>) {
        drop(Cursor::decode(&bytes));
        drop(Batch::decode(&group(), &bytes));
        let mut versioned = vec![1];
        versioned.extend(bytes);
        drop(Cursor::decode(&versioned));
        drop(Batch::decode(&group(), &versioned));
    }
}

#[test]
fn rows_are_spread_over_documents_and_updates_stay_where_the_row_is() {
    let mut documents = Documents::new(group(), 2);
    for id in ["a", "b", "c", "d", "e"] {
        documents.put(&row(id, 1)).unwrap();
    }
    let changes = documents.commit();
    assert_eq!(changes.iter().map(|change| change.document.ordinal).collect::<Vec<_>>(), [0, 1, 2]);
    documents.put(&row("b", 2)).unwrap();
    let changes = documents.commit();
    assert_eq!((changes.len(), changes[0].document.ordinal, changes[0].sequence), (1, 0, 2));
    assert_eq!(documents.get(&cluster("b")), Some(row("b", 2)));
    assert_eq!((documents.len(), documents.documents().count()), (5, 3));
    documents.check();
}

#[test]
fn a_long_history_is_shed_and_peers_with_old_cursors_follow() {
    let mut owner = Documents::new(group(), 100);
    let mut copy = Documents::new(group(), 100);
    let mut rows = BTreeMap::new();
    let mut restarts = 0;
    for version in 0..200 {
        for id in ["a", "b", "c"] {
            owner.put(&row(id, version)).unwrap();
        }
        let generation = owner.documents().next().unwrap().id().generation;
        let changes = owner.commit();
        restarts += u32::from(changes[0].document.generation > generation);
        if version % 50 == 0 {
            follow(&owner, &mut copy, &mut rows, 3);
        }
        assert!(owner.history_bytes() < 130_000, "{}", owner.history_bytes());
    }
    assert!((3..30).contains(&restarts), "{restarts}");
    follow(&owner, &mut copy, &mut rows, 3);
    assert_eq!(rows, model(&owner));
}

#[test]
fn a_generation_replaces_the_one_before_only_when_it_is_whole() {
    let mut owner = Documents::new(group(), 3_000);
    for index in 0..2_500 {
        owner.put(&Row { content: Bytes::new(), ..row(&format!("w{index}"), 1) }).unwrap();
    }
    let mut copy = Documents::new(group(), 3_000);
    let mut rows = BTreeMap::new();
    owner.commit();
    follow(&owner, &mut copy, &mut rows, 100);
    owner.forget(&cluster("w7"));
    let changes = owner.restart_above(&[]);
    assert_eq!(changes.len(), 3);
    for change in &changes[..2] {
        assert_eq!(copy.merge(&change.document, change.sequence, &change.bytes).unwrap(), Merged::default());
        assert_eq!(copy.len(), 2_500, "all rows stay in sight");
    }
    let merged = copy.merge(&changes[2].document, 3, &changes[2].bytes).unwrap();
    assert_eq!(merged, Merged { rows: vec![], removed: vec![cluster("w7")] });
}

#[test]
fn a_copy_follows_an_owner_that_lost_committed_changes() {
    let mut owner = Documents::new(group(), 2);
    let mut copy = Documents::new(group(), 2);
    let mut rows = BTreeMap::new();
    owner.put(&row("a", 1)).unwrap();
    owner.commit();
    let backup: Vec<_> = owner.save().collect();
    for id in ["b", "c", "d", "e"] {
        owner.put(&row(id, 1)).unwrap();
    }
    owner.commit();
    follow(&owner, &mut copy, &mut rows, 10);

    let mut owner = Documents::load(group(), 2, backup).unwrap();
    owner.put(&row("f", 1)).unwrap();
    let changes = owner.commit();
    let refused = copy.merge(&changes[0].document, changes[0].sequence, &changes[0].bytes);
    assert_eq!(refused, Err(DocumentError::Diverged(2)));
    owner.restart_above(&[copy.cursor()]);
    follow(&owner, &mut copy, &mut rows, 10);
    assert_eq!(rows.keys().cloned().collect::<Vec<_>>(), [cluster("a"), cluster("f")]);
    assert!(owner.save().eq(copy.save()));
}

#[test]
fn a_document_whose_first_rows_are_forgotten_at_once_does_not_stop_copies() {
    let mut owner = Documents::new(group(), 1);
    for id in ["a", "b", "c", "d"] {
        owner.put(&row(id, 1)).unwrap();
    }
    owner.forget(&cluster("b"));
    owner.forget(&cluster("d"));
    let ordinals: Vec<u32> = owner.commit().iter().map(|change| change.document.ordinal).collect();
    assert_eq!(ordinals, [0, 1, 2]);
    let (mut copy, mut rows) = (Documents::new(group(), 1), BTreeMap::new());
    follow(&owner, &mut copy, &mut rows, 9);
    assert_eq!(rows, model(&owner));
    assert!(owner.save().eq(copy.save()));
}

#[test]
fn changes_of_others_and_rows_that_stand_elsewhere_are_refused() {
    let us = GroupId::new("us").unwrap();
    let mut hostile = Documents::new(us.clone(), 1);
    hostile.put(&row("a", 1)).unwrap();
    let first = hostile.commit();
    let mut copy = Documents::new(group(), 1);
    let forged = DocumentId { group: group(), ..first[0].document.clone() };
    assert_eq!(copy.merge(&first[0].document, 1, &first[0].bytes), Err(DocumentError::Owner));
    assert_eq!(copy.merge(&forged, 1, &first[0].bytes), Err(DocumentError::Owner));

    let mut copy = Documents::new(us, 1);
    let far = DocumentId { ordinal: 3, ..first[0].document.clone() };
    assert_eq!(copy.merge(&far, 1, &first[0].bytes), Err(DocumentError::Gap { expected: 0, got: 3 }));
    copy.merge(&first[0].document, 1, &first[0].bytes).unwrap();
    let mut again = crate::document::Document::create(DocumentId { ordinal: 1, ..first[0].document.clone() });
    again.put(&row("a", 2)).unwrap();
    let change = again.commit();
    let refused = copy.merge(again.id(), 1, &change[0]);
    assert_eq!(refused, Err(DocumentError::Elsewhere { id: cluster("a"), ordinal: 0 }));
    assert_eq!(copy.documents().count(), 1);
    copy.check();
}
