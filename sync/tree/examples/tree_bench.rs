//! What the tree costs: `cargo run --release -p hanse-tree --example tree_bench [workspaces ...]`.
//!
//! Each line says what was measured; there is no randomness, so that only the machine makes a difference.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop at any error")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hanse_base::id::{ClusterId, Epoch, GroupId};
use hanse_tree::documents::{Documents, ROWS_PER_DOCUMENT_MAX};
use hanse_tree::row::{Placement, Row};
use hanse_tree::tree::Tree;

fn main() {
    let counts: Vec<u32> = std::env::args().skip(1).map(|count| count.parse().unwrap()).collect();
    for count in if counts.is_empty() { vec![10_000, 100_000] } else { counts } {
        println!("== {count} workspaces, content of {CONTENT_BYTES} bytes, 100 workspaces below each parent");
        creations(count);
        changes(count);
        copies(count);
        moves(count);
    }
}

/// Creations committed alone, as the home of all workspaces makes them, with a reader that holds a picture.
fn creations(count: u32) {
    let group = group();
    let empty = resident();
    let mut documents = Documents::new(group.clone(), ROWS_PER_DOCUMENT_MAX);
    let (mut first, mut last) = (Duration::ZERO, Duration::ZERO);
    for index in 0..count {
        let row = row(index);
        let start = Instant::now();
        documents.put(&row).unwrap();
        black_box(documents.commit());
        let took = start.elapsed();
        first += if index < 1_000 { took } else { Duration::ZERO };
        last += if index >= count - 1_000 { took } else { Duration::ZERO };
    }
    println!("document, a creation:     {} first thousand, {} last thousand", each(first, 1_000), each(last, 1_000));
    let with_documents = resident();
    let mut tree = Tree::new();
    let (mut first, mut last) = (Duration::ZERO, Duration::ZERO);
    let mut picture = tree.clone();
    for index in 0..count {
        let row = row(index);
        let start = Instant::now();
        black_box(tree.put(&group, row));
        let took = start.elapsed();
        first += if index < 1_000 { took } else { Duration::ZERO };
        last += if index >= count - 1_000 { took } else { Duration::ZERO };
        picture = if index % 10 == 0 { tree.clone() } else { picture };
    }
    println!("tree, a creation:         {} first thousand, {} last thousand", each(first, 1_000), each(last, 1_000));
    drop(picture);
    let with_tree = resident();
    println!("memory, documents:        {} B each", with_documents.saturating_sub(empty) / u64::from(count));
    println!("memory, tree:             {} B each", with_tree.saturating_sub(with_documents) / u64::from(count));
    println!("bytes of changes:         {} B each", documents.history_bytes() as u64 / u64::from(count));
    let start = Instant::now();
    for index in 0..10_000 {
        black_box(tree.path(&row(index * 7 % count).id));
    }
    println!("tree, a path:             {}", each(start.elapsed(), 10_000));
    let start = Instant::now();
    for index in 0..1_000 {
        let changed = Row { version: 2, content: Bytes::from(vec![b'd'; CONTENT_BYTES]), ..row(index * 7 % count) };
        documents.put(&changed).unwrap();
        black_box((documents.log(), documents.commit(), tree.clone(), tree.put(&group, changed)));
    }
    println!("both, an update:          {} with a new picture each time", each(start.elapsed(), 1_000));
}

/// Bytes and times by rows in one change.
fn changes(count: u32) {
    for rows in [1, 16, 256] {
        let mut documents = Documents::new(group(), ROWS_PER_DOCUMENT_MAX);
        let mut bytes = 0;
        let mut took = Duration::ZERO;
        for index in 0..count {
            let row = row(index);
            let start = Instant::now();
            documents.put(&row).unwrap();
            if (index + 1) % rows == 0 || index + 1 == count {
                bytes += documents.commit().iter().map(|change| change.bytes.len() as u64).sum::<u64>();
            }
            took += start.elapsed();
        }
        println!("{rows:>3} rows a change:        {} B and {} each", bytes / u64::from(count), each(took, count));
    }
}

/// Saving, loading, and a region that joins.
fn copies(count: u32) {
    let group = group();
    let mut owner = Documents::new(group.clone(), ROWS_PER_DOCUMENT_MAX);
    for index in 0..count {
        owner.put(&row(index)).unwrap();
        owner.commit();
    }
    let start = Instant::now();
    let saved: Vec<_> = owner.save().collect();
    let bytes: usize = saved.iter().map(|document| document.bytes.len()).sum();
    println!("save:                     {bytes} B in {:?}", start.elapsed());
    let start = Instant::now();
    let loaded = Documents::load(group.clone(), ROWS_PER_DOCUMENT_MAX, saved).unwrap();
    println!("load, documents:          {:?}", start.elapsed());
    let start = Instant::now();
    let mut tree = Tree::new();
    tree.put_all(loaded.rows().map(|row| (group.clone(), row)));
    println!("load, tree from the rows: {:?}", start.elapsed());
    drop((loaded, tree));

    let mut copy = Documents::new(group.clone(), ROWS_PER_DOCUMENT_MAX);
    let mut tree = Tree::new();
    let start = Instant::now();
    loop {
        let batch = owner.log().changes_after(&copy.cursor(), 256 * 1024, 256);
        let mut rows = Vec::new();
        for change in &batch.changes {
            rows.extend(copy.merge(&change.document, change.sequence, &change.bytes).unwrap().rows);
        }
        tree.put_all(rows.into_iter().map(|row| (group.clone(), row)));
        if !batch.more {
            break;
        }
    }
    println!("a region joins:           {:?}, {} a row", start.elapsed(), each(start.elapsed(), count));
    let start = Instant::now();
    black_box(owner.restart_above(&[]));
    println!("restart:                  {} a document", each(start.elapsed(), count.div_ceil(4_096)));
    println!("bytes after a restart:    {} B each", owner.history_bytes() as u64 / u64::from(count));
}

/// Moves of parents in the order in which they were decided, and one that comes late.
fn moves(count: u32) {
    let group = group();
    let mut tree = Tree::new();
    tree.put_all((0..count).map(|index| (group.clone(), row(index))));
    let moved = |index: u32, to: u32, lamport: u64| {
        let mut row = row(index);
        let placement = Placement { lamport, parent: id(to), ..row.placements[0].clone() };
        row.place(placement);
        row
    };
    let parents = (count / 100).min(1_000);
    let start = Instant::now();
    for index in 2..parents {
        black_box(tree.put(&group, moved(index, index - 1, u64::from(count + index))));
    }
    println!("tree, a parent's move:    {}", each(start.elapsed(), parents - 2));
    let start = Instant::now();
    black_box(tree.put(&group, moved(1, 0, u64::from(count))));
    println!("tree, a late move:        {:?}", start.elapsed());
    let start = Instant::now();
    let late = Row { id: ClusterId::new("late").unwrap(), ..row(7) };
    black_box(tree.put(&group, late));
    println!("tree, a late creation:    {:?}", start.elapsed());
}

fn group() -> GroupId {
    GroupId::new("eu-west").unwrap()
}

/// Sixteen letters that are in no order, as generated ids are.
fn id(index: u32) -> ClusterId {
    let mixed = u64::from(index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ClusterId::new(&format!("{mixed:016x}")).unwrap()
}

fn row(index: u32) -> Row {
    let parent = if index < 100 { ClusterId::new("root").unwrap() } else { id(index / 100) };
    let name = format!("workspace-{index}").into();
    let placement = Placement { lamport: u64::from(index) + 1, group: group(), parent, name, reserved: true };
    let content = vec![b'c'; CONTENT_BYTES].into();
    Row { id: id(index), epoch: Epoch(1), version: 1, placements: vec![placement], deleted: false, content }
}

fn each(took: Duration, count: u32) -> String {
    format!("{:.1} us", (took / count.max(1)).as_nanos() as f64 / 1_000.0)
}

/// Bytes of memory that the process uses.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4_096
}

const CONTENT_BYTES: usize = 300;
