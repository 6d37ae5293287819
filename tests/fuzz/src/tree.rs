//! The workspace tree: rows, changes, saved documents, and what is sent of them.

use bytes::Bytes;
use hanse_base::id::{Epoch, GroupId};
use hanse_tree::batch::{Batch, Cursor};
use hanse_tree::document::DocumentId;
use hanse_tree::documents::{Documents, SavedDocument};
use hanse_tree::row::{Placement, Row};
use hanse_tree::tree::Tree;

use crate::input;
use crate::names::{group, id};
use crate::target::Target;

pub(crate) const TARGETS: &[Target] = &[
    Target { name: "tree-row", run: row, seeds: || rows().iter().map(encoded).collect() },
    Target { name: "tree-rows", run: tree, seeds: || vec![input::framed(rows().iter().map(encoded))] },
    Target { name: "tree-change", run: change, seeds: changes },
    Target { name: "tree-saved", run: saved, seeds: saved_documents },
    Target { name: "tree-batch", run: batch, seeds: batches },
];

fn encoded(row: &Row) -> Vec<u8> {
    row.encode().expect("seeds keep the limits")
}

fn rows() -> Vec<Row> {
    let row = |own: &str, parents: &[&str]| Row {
        id: id(own),
        epoch: Epoch(0),
        version: 1,
        placements: (1..)
            .zip(parents)
            .map(|(lamport, parent)| Placement {
                lamport,
                group: group("eu"),
                parent: id(parent),
                name: "org".into(),
                reserved: false,
            })
            .collect(),
        deleted: own == "w3",
        content: Bytes::from_static(b"{}"),
    };
    vec![row("root", &[]), row("w1", &["root"]), row("w2", &["w1", "root"]), row("w3", &["w2"])]
}

/// A row: what is read is written and read as the same.
fn row(bytes: &[u8]) -> bool {
    let Ok(row) = Row::decode(bytes) else { return false };
    assert_eq!(row.encode().map(|written| Row::decode(&written)), Ok(Ok(row)));
    true
}

/// Rows of two groups: the order in which they come makes no difference, and the tree is one.
fn tree(bytes: &[u8]) -> bool {
    let groups = [group("eu"), group("us")];
    let rows: Vec<(GroupId, Row)> = input::frames(bytes)
        .into_iter()
        .enumerate()
        .filter_map(|(number, frame)| Some((groups[number % 3 / 2].clone(), Row::decode(frame).ok()?)))
        .collect();
    let mut one = Tree::new();
    for (group, row) in rows.clone() {
        let _changed = one.put(&group, row);
    }
    one.check();
    // A later row of the same group and workspace takes the place of an earlier one: only the last ones may change places.
    let mut last: Vec<(GroupId, Row)> = Vec::new();
    for (group, row) in rows.into_iter().rev() {
        if !last.iter().any(|(other, held)| *other == group && held.id == row.id) {
            last.push((group, row));
        }
    }
    let understood = !last.is_empty();
    let mut other = Tree::new();
    let _changed = other.put_all(last);
    assert_eq!(one, other, "a tree is a function of its rows");
    for (id, _) in one.iter() {
        if let Some(path) = one.path(id) {
            assert_eq!(one.resolve(&path).as_ref(), Some(id), "{path}");
        }
    }
    understood
}

/// Documents of an owner with two changes.
fn owner() -> Documents {
    let mut owner = Documents::new(group("eu"), 2);
    for row in &rows()[..2] {
        owner.put(row).expect("seeds keep the limits");
        let _changes = owner.commit();
    }
    owner
}

/// The first change of the owner is held; then changes come, each behind its length. What is taken in is what an honest
/// owner would have written.
fn change(bytes: &[u8]) -> bool {
    let held = owner().log().changes_after(&Cursor::default(), usize::MAX, 1);
    let document = |ordinal, generation| DocumentId { group: group("eu"), ordinal, generation };
    let mut copy = Documents::new(group("eu"), 2);
    for change in &held.changes {
        copy.merge(&change.document, change.sequence, &change.bytes).expect("it is the owner's");
    }
    let before = copy.cursor();
    for frame in input::frames(bytes) {
        let Some((place, bytes)) = frame.split_first() else { continue };
        let id = document(u32::from(place >> 6), u32::from(place >> 4 & 3));
        let was = copy.clone();
        match copy.merge(&id, u64::from(place & 15), bytes) {
            Ok(_) => copy.check(),
            Err(_) => assert_eq!(copy.cursor(), was.cursor(), "what is refused changes nothing"),
        }
    }
    let saved: Vec<SavedDocument> = copy.save().collect();
    let loaded = Documents::load(group("eu"), 2, saved).expect("what was saved is loaded");
    assert_eq!(loaded.cursor(), copy.cursor());
    copy.cursor() != before
}

fn changes() -> Vec<Vec<u8>> {
    let mut owner = owner();
    let mut all = owner.log().changes_after(&Cursor::default(), usize::MAX, usize::MAX).changes;
    owner.put(&rows()[2]).expect("seeds keep the limits");
    all.extend(owner.commit());
    let restarted = owner.restart_above(&[]);
    let frame = |change: &hanse_tree::batch::NewChange| {
        let small = |number: u64| u8::try_from(number).expect("seeds are few");
        let document = &change.document;
        let place = small(document.ordinal.into()) << 6 | small(document.generation.into()) << 4;
        [&[place | small(change.sequence)], &change.bytes[..]].concat()
    };
    vec![input::framed(all.iter().map(frame)), input::framed(restarted.iter().map(frame))]
}

/// A document as it is saved, and perhaps a second one that is coming in.
fn saved(bytes: &[u8]) -> bool {
    let documents = input::frames(bytes).into_iter().enumerate().map(|(number, bytes)| {
        let generation = u32::from(number > 0);
        let id = DocumentId { group: group("eu"), ordinal: 0, generation };
        SavedDocument { id, incoming: number > 0, bytes: bytes.to_vec() }
    });
    let saved: Vec<SavedDocument> = documents.take(2).collect();
    let Ok(documents) = Documents::load(group("eu"), 4, saved.clone()) else { return false };
    documents.check();
    assert_eq!(documents.save().collect::<Vec<_>>(), saved, "what was loaded is saved as it was");
    !saved.is_empty()
}

fn saved_documents() -> Vec<Vec<u8>> {
    vec![input::framed(owner().save().map(|document| document.bytes))]
}

/// What goes over the way: what is read is written and read as the same.
fn batch(bytes: &[u8]) -> bool {
    let cursor = Cursor::decode(bytes);
    if let Ok(cursor) = &cursor {
        assert_eq!(Cursor::decode(&cursor.encode()).as_ref(), Ok(cursor));
        let _missing = owner().log().changes_after(cursor, usize::MAX, usize::MAX);
    }
    let batch = Batch::decode(&group("eu"), bytes);
    if let Ok(batch) = &batch {
        assert_eq!(Batch::decode(&group("eu"), &batch.encode()).as_ref(), Ok(batch));
    }
    cursor.is_ok() || batch.is_ok()
}

fn batches() -> Vec<Vec<u8>> {
    let log = owner().log();
    vec![log.cursor().encode(), log.changes_after(&Cursor::default(), usize::MAX, usize::MAX).encode()]
}
