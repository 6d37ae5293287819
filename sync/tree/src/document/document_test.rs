use automerge::{ReadDoc, ScalarValue, Value};
use bytes::Bytes;
use hanse_base::id::{ClusterId, Epoch, GroupId};
use proptest::prelude::{any, proptest};
use proptest::sample::Index;

use super::{CHANGE_BYTES_MAX, Document, DocumentError, DocumentId};
use crate::row::{Placement, Row};

fn id() -> DocumentId {
    DocumentId { group: GroupId::new("eu").unwrap(), ordinal: 2, generation: 0 }
}

fn row(id: &str, version: u64) -> Row {
    let placement = Placement {
        lamport: version,
        group: GroupId::new("eu").unwrap(),
        parent: ClusterId::new("root").unwrap(),
        name: "name".into(),
        reserved: true,
    };
    let (id, content) = (ClusterId::new(id).unwrap(), vec![b'c'; usize::try_from(version).unwrap() * 7].into());
    Row { id, epoch: Epoch(1), version, placements: vec![placement], deleted: false, content }
}

/// A document after a few changes: creations, updates, a forgotten row.
fn sample() -> (Document, Vec<Bytes>) {
    let mut document = Document::create(id());
    let mut changes = Vec::new();
    for (name, version) in [("a", 1), ("b", 1), ("a", 2), ("c", 9)] {
        document.put(&row(name, version)).unwrap();
        changes.extend(document.commit());
    }
    for name in ["a", "d", "e"] {
        document.put(&row(name, 3)).unwrap();
    }
    document.forget(&ClusterId::new("b").unwrap());
    changes.extend(document.commit());
    (document, changes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_bytes_of_a_change_do_not_change() {
    let mut document = Document::create(id());
    document.put(&row("a", 1)).unwrap();
    document.put(&row("b", 1)).unwrap();
    let changes = document.commit();
    assert_eq!(changes.len(), 1);
    assert_eq!(hex(&changes[0]), GOLDEN);
}

#[test]
fn automerge_reads_the_same_rows_from_the_document() {
    let (document, changes) = sample();
    let automerge = document.automerge().unwrap();
    assert_eq!(automerge.get_changes(&[]).len(), changes.len());
    let mut live = 0;
    for key in automerge.keys(automerge::ROOT) {
        let (value, _) = automerge.get(automerge::ROOT, &key).unwrap().unwrap();
        let Value::Scalar(scalar) = value else { panic!("{key} is not a scalar") };
        let ScalarValue::Bytes(bytes) = scalar.into_owned() else { panic!("{key} has no bytes") };
        let held = document.get(&ClusterId::new(&key).unwrap());
        assert_eq!(held.map(|row| row.encode().unwrap()).unwrap_or_default(), bytes, "{key}");
        live += usize::from(!bytes.is_empty());
    }
    assert_eq!((live, document.len()), (4, 4));
    for (held, change) in automerge.get_changes(&[]).iter().zip(&changes) {
        assert_eq!(held.raw_bytes(), &**change, "automerge gives the same bytes back");
    }
    document.check();
}

#[test]
fn automerge_writes_the_same_bytes_in_a_transaction_of_its_own() {
    use automerge::transaction::{CommitOptions, Transactable};
    let (document, changes) = sample();
    let mut automerge = document.automerge().unwrap().with_actor(document.actor.clone());
    let (hash, _) = {
        let mut transaction = automerge.transaction();
        for name in ["a", "z"] {
            transaction.put(automerge::ROOT, name, row(name, 5).encode().unwrap()).unwrap();
        }
        transaction.commit_with(CommitOptions::default().with_time(0))
    };
    let mut own = document.clone();
    own.put(&row("z", 5)).unwrap();
    own.put(&row("a", 5)).unwrap();
    let written = own.commit();
    assert_eq!(automerge.get_change_by_hash(&hash.unwrap()).unwrap().raw_bytes(), &*written[0]);
    assert_eq!(changes.len() as u64 + 1, document.next_sequence());
}

#[test]
fn a_saved_document_goes_on_as_if_it_had_never_been_saved() {
    let (mut document, changes) = sample();
    let mut loaded = Document::load(id(), &document.save()).unwrap();
    loaded.check();
    assert_eq!(loaded.next_sequence(), changes.len() as u64 + 1);
    for document in [&mut document, &mut loaded] {
        document.put(&row("b", 7)).unwrap();
        document.put(&row("c", 7)).unwrap();
    }
    assert_eq!(document.commit(), loaded.commit());
    assert_eq!(document.save(), loaded.save());
    assert!(document.rows().eq(loaded.rows()));
    let other = DocumentId { ordinal: 1, ..id() };
    assert_eq!(Document::load(other, &document.save()).unwrap_err(), DocumentError::Owner);
}

#[test]
fn a_copy_takes_changes_in_order_and_refuses_others() {
    let (document, changes) = sample();
    let mut copy = Document::create(id());
    assert_eq!(copy.merge(2, &changes[1]), Err(DocumentError::Gap { expected: 1, got: 2 }));
    assert_eq!(copy.merge(1, &changes[1]), Err(DocumentError::Malformed("sequence")));
    assert_eq!(copy.merge(0, &changes[0]), Err(DocumentError::Malformed("sequence")));
    for (sequence, change) in (1..).zip(&changes) {
        copy.merge(sequence, change).unwrap();
        assert_eq!(copy.merge(sequence, change).unwrap(), super::Merged::default(), "held already");
    }
    assert_eq!(copy.save(), document.save());
    assert_eq!(copy.merge(1, &changes[1]), Err(DocumentError::Diverged(1)));

    let mut fork = Document::load(id(), &document.save()).unwrap();
    fork.put(&row("fork", 1)).unwrap();
    let fork_change = fork.commit();
    copy.put(&row("other", 1)).unwrap();
    copy.commit();
    fork.put(&row("fork", 2)).unwrap();
    let after = fork.commit();
    assert_eq!(copy.merge(fork.next_sequence() - 1, &after[0]), Err(DocumentError::Diverged(7)));
    assert_eq!(copy.merge(6, &fork_change[0]), Err(DocumentError::Diverged(6)));
    assert_eq!(copy.merge(7, &vec![0; CHANGE_BYTES_MAX + 1]), Err(DocumentError::TooLarge("change")));
}

#[test]
fn a_row_that_is_held_as_it_is_makes_no_change() {
    let (mut document, _) = sample();
    document.put(&row("c", 9)).unwrap();
    assert!(document.commit().is_empty());
    document.put(&row("c", 10)).unwrap();
    document.put(&row("c", 9)).unwrap();
    assert!(document.commit().is_empty());
}

#[test]
fn many_rows_are_written_in_changes_within_their_limits() {
    let mut document = Document::create(id());
    for index in 0..3_000 {
        document.put(&row(&format!("w{index}"), 1)).unwrap();
    }
    for index in 0..9 {
        document.put(&Row { content: vec![b'c'; 200 * 1024].into(), ..row(&format!("l{index}"), 1) }).unwrap();
    }
    let changes = document.commit();
    assert!(changes.iter().all(|change| change.len() <= CHANGE_BYTES_MAX));
    let mut copy = Document::create(id());
    for (sequence, change) in (1..).zip(&changes) {
        copy.merge(sequence, change).unwrap();
    }
    assert_eq!(copy.len(), 3_009);
    let (restarted, changes) = document.restarted(4);
    let mut copy = Document::create(DocumentId { generation: 4, ..id() });
    for (sequence, change) in (1..).zip(&changes) {
        assert!(!copy.is_complete());
        copy.merge(sequence, change).unwrap();
    }
    assert!(copy.is_complete());
    assert!(copy.rows().eq(document.rows()) && restarted.save() == copy.save());
    copy.check();
}

proptest! {
    #[test]
    fn no_bytes_make_a_merge_panic_or_change_the_document(bytes: Vec<u8>, prefix in 0..200_usize, at in 0..6_u64) {
        let (document, changes) = sample();
        let mut copy = document.clone();
        let saved = copy.save();
        let mut with_prefix = changes[0][..prefix.min(changes[0].len())].to_vec();
        with_prefix.extend(&bytes);
        for bytes in [&bytes, &with_prefix] {
            if let Ok(merged) = copy.merge(document.next_sequence() - at, bytes) {
                assert_eq!(merged, super::Merged::default());
            }
        }
        assert_eq!(copy.save(), saved);
        drop(Document::load(id(), &bytes));
    }

    #[test]
    fn a_change_with_one_wrong_byte_is_refused(which in 0..5_usize, position: Index, with in 1..=255_u8, cut: bool) {
        let (_, changes) = sample();
        let mut copy = Document::create(id());
        for (sequence, change) in (1..).zip(&changes[..which]) {
            copy.merge(sequence, change).unwrap();
        }
        let saved = copy.save();
        let mut change = changes[which].to_vec();
        let position = position.index(change.len());
        if cut {
            change.truncate(position);
        } else {
            change[position] ^= with;
        }
        assert!(copy.merge(which as u64 + 1, &change).is_err());
        assert_eq!(copy.save(), saved);
        copy.check();
    }

    #[test]
    fn replicas_with_the_same_puts_hold_the_same_bytes(
        puts in proptest::collection::vec((0..6_u8, 1..20_u64, any::<bool>(), any::<bool>()), 0..60),
    ) {
        let mut replicas = [Document::create(id()), Document::create(id())];
        let mut copy = Document::create(id());
        for (name, version, commit, reload) in puts {
            let row = row(&format!("w{name}"), version);
            replicas.iter_mut().for_each(|replica| replica.put(&row).unwrap());
            if commit {
                let changes = replicas.each_mut().map(Document::commit);
                assert_eq!(changes[0], changes[1]);
                for change in &changes[0] {
                    copy.merge(copy.next_sequence(), change).unwrap();
                }
                if reload {
                    replicas[1] = Document::load(id(), &replicas[1].save()).unwrap();
                }
            }
        }
        let [left, right] = replicas.each_mut().map(Document::commit);
        assert_eq!(left, right);
        replicas[0].check();
        assert_eq!(replicas[0].save(), replicas[1].save());
    }
}

const GOLDEN: &str = "856f4a83ac96cf770168000b65750000000002000000000101000000061505340142025603573c70027e0161016202020102e7030101\
    610101010102657504726f6f74046e616d65010007636363636363630101620101010102657504726f6f74046e616d65010007636363636363630200";
