//! The log under crashes and damage.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use hanse_base::disk::RealDisk;
use hanse_base::id::{DaemonId, GroupId};
use openraft::storage::IOFlushed;
use openraft::type_config::TypeConfigExt;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::test_runner::Config;

use crate::codec::Writer;
use crate::config::Limits;
use crate::consensus::{Commands, Entry, Kind, LogId, Payload, Vote, log_id};
use crate::error::StartError;
use crate::form::put_entry;
use crate::log::Log;
use crate::record::{Record, RecordKind, encode};
use crate::recover::{Base, put_base};
use crate::segment::{Header, Identity};
use crate::testing::disk::{Crash, FaultDisk};

const DIRECTORY: &str = "/group";

fn identity() -> Identity {
    Identity { group: GroupId::new("eu").unwrap(), daemon: DaemonId(1) }
}

fn limits() -> Limits {
    Limits { segment_bytes_max: 1024, cache_bytes_max: 300, ..Limits::default() }
}

fn open(disk: &FaultDisk) -> Result<Log, StartError> {
    Log::open(Arc::new(disk.clone()), Path::new(DIRECTORY), identity(), &limits(), 77)
}

fn entry(term: u64, index: u64, bytes: usize) -> Entry {
    let command = Bytes::from(vec![u8::try_from(index % 251).unwrap(); bytes]);
    Entry { log_id: log_id(term, index), payload: Payload::Normal(Commands::from(vec![command])) }
}

async fn append(log: &Log, entries: Vec<Entry>) -> std::io::Result<()> {
    let (done, durable) = Kind::oneshot();
    log.append(entries.into_iter(), IOFlushed::signal(done)).await?;
    durable.await.unwrap()
}

/// Everything that can be seen of a log.
#[derive(Debug, Clone, Default, PartialEq)]
struct Picture {
    vote: Option<Vote>,
    purged: Option<LogId>,
    entries: Vec<Entry>,
}

async fn picture(log: &Log) -> Picture {
    log.check();
    let entries = log.read(0..u64::MAX, usize::MAX).await.unwrap();
    Picture { vote: log.vote(), purged: log.extent().purged, entries }
}

impl Picture {
    fn next(&self) -> u64 {
        self.entries.last().map(|entry| entry.log_id).or(self.purged).map_or(0, |id| id.index + 1)
    }
}

#[derive(Debug, Clone)]
enum Op {
    Append { count: u64, bytes: usize },
    Vote,
    TruncateBack(u64),
    PurgeFront(u64),
    Commit,
    Crash(Crash),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => (1..5_u64, 0..400_usize).prop_map(|(count, bytes)| Op::Append { count, bytes }),
        1 => Just(Op::Vote),
        1 => (1..4_u64).prop_map(Op::TruncateBack),
        1 => (1..6_u64).prop_map(Op::PurgeFront),
        1 => Just(Op::Commit),
        2 => prop_oneof![
            Just(Crash::LoseAll),
            any::<u64>().prop_map(Crash::KeepPart),
            any::<u64>().prop_map(Crash::Tear),
            Just(Crash::KeepAll)
        ]
        .prop_map(Op::Crash),
    ]
}

/// The states that a log may be found in after a crash: the last acknowledged one, and those after it.
struct Model {
    term: u64,
    states: Vec<Picture>,
}

impl Model {
    fn change(&mut self, change: impl FnOnce(&mut Picture)) {
        let mut state = self.now().clone();
        change(&mut state);
        self.states.push(state);
    }

    fn now(&self) -> &Picture {
        self.states.last().unwrap()
    }

    fn acknowledged(&mut self) {
        self.states.drain(..self.states.len() - 1);
    }
}

async fn step(log: &Log, model: &mut Model, op: &Op) {
    match op {
        Op::Append { count, bytes } => {
            let (term, next) = (model.term, model.now().next());
            let entries: Vec<_> = (next..next + count).map(|index| entry(term, index, *bytes)).collect();
            for entry in &entries {
                model.change(|state| state.entries.push(entry.clone()));
            }
            append(log, entries).await.unwrap();
            model.acknowledged();
        }
        Op::Vote => {
            model.term += 1;
            let vote = Vote::new(model.term, DaemonId(1));
            model.change(|state| state.vote = Some(vote));
            log.save_vote(vote).await.unwrap();
            model.acknowledged();
        }
        // These three are not acknowledged by themselves.
        Op::TruncateBack(count) => {
            let Some(first) = model.now().entries.first().map(|entry| entry.log_id.index) else { return };
            let from = model.now().next().saturating_sub(*count).max(first);
            model.change(|state| state.entries.retain(|entry| entry.log_id.index < from));
            log.truncate_from(from).await.unwrap();
        }
        Op::PurgeFront(count) => {
            let last = model.now().entries.len().min(usize::try_from(*count).unwrap());
            let Some(upto) = last.checked_sub(1).map(|at| &model.now().entries[at]) else { return };
            let upto = upto.log_id;
            model.change(|state| {
                state.purged = Some(upto);
                state.entries.retain(|entry| entry.log_id.index > upto.index);
            });
            log.purge(upto).await.unwrap();
        }
        Op::Commit => {
            if let Some(last) = model.now().entries.last() {
                log.save_committed(last.log_id);
            }
        }
        Op::Crash(_) => {}
    }
}

proptest! {
    #![proptest_config(Config::with_cases(150))]
    #[test]
    fn a_crash_at_any_point_loses_nothing_that_was_acknowledged(ops in proptest::collection::vec(op(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let disk = FaultDisk::default();
            let mut log = open(&disk).unwrap();
            let mut model = Model { term: 1, states: vec![Picture::default()] };
            for op in &ops {
                if let Op::Crash(crash) = op {
                    disk.crash(*crash);
                    log.close();
                    log = open(&disk).unwrap();
                    let found = picture(&log).await;
                    assert!(model.states.contains(&found), "after {crash:?}: found {found:?}, allowed {:?}", model.states);
                    model.states = vec![found];
                } else {
                    step(&log, &mut model, op).await;
                    assert_eq!(&picture(&log).await, model.now());
                }
            }
            log.close();
            let again = open(&disk).unwrap();
            assert_eq!(&picture(&again).await, model.now());
            again.close();
        });
    }
}

/// A log with a few entries, a vote and a purge in several segments, closed cleanly.
async fn sample(disk: &FaultDisk) -> Picture {
    let log = open(disk).unwrap();
    log.save_vote(Vote::new(1, DaemonId(1))).await.unwrap();
    for index in 0..12 {
        append(&log, vec![entry(1, index, 150)]).await.unwrap();
    }
    log.purge(log_id(1, 3)).await.unwrap();
    append(&log, vec![entry(1, 12, 10)]).await.unwrap();
    log.save_committed(log_id(1, 12));
    log.close();
    let log = open(disk).unwrap();
    let found = picture(&log).await;
    log.close();
    found
}

#[tokio::test]
async fn a_flipped_bit_anywhere_is_refused_or_harmless() {
    let disk = FaultDisk::default();
    let whole = sample(&disk).await;
    assert_eq!(whole.entries.len(), 9);
    let mut refused = 0;
    for (path, bytes) in disk.contents() {
        for at in 0..bytes.len() {
            let damaged = disk.copy();
            let mut bytes = bytes.clone();
            bytes[at] ^= 1 << (at % 8);
            damaged.replace(&path, bytes);
            match open(&damaged) {
                Ok(log) => {
                    assert_eq!(picture(&log).await, whole, "byte {at} of {}", path.display());
                    log.close();
                }
                Err(StartError::Damaged { .. } | StartError::Foreign { .. }) => refused += 1,
                Err(other) => panic!("byte {at}: {other}"),
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}

#[test]
fn the_form_of_log_files_does_not_change_by_accident() {
    let mut bytes = Header { identity: identity(), salt: 77, first_sequence: 1 }.encode();
    let mut form = Writer::default();
    put_base(&mut form, &Base { vote: Some(Vote::new(2, DaemonId(1))), ..Base::default() });
    let base = Record { kind: RecordKind::Base, sequence: 1, synced: 0, payload: &form.into_vec() };
    encode(&mut bytes, 77, &base);
    let mut form = Writer::default();
    put_entry(&mut form, &entry(1, 0, 3));
    encode(&mut bytes, 77, &Record { kind: RecordKind::Entry, sequence: 2, synced: 1, payload: &form.into_vec() });
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let lines: Vec<_> = hex.as_bytes().chunks(80).map(|line| std::str::from_utf8(line).unwrap()).collect();
    assert_eq!(lines, GOLDEN_LOG);
}

#[tokio::test]
async fn damage_is_told_with_file_place_and_remedy() {
    let disk = FaultDisk::default();
    sample(&disk).await;
    let (path, mut bytes) = disk.contents().into_iter().next().unwrap();
    bytes[300] ^= 1;
    disk.replace(&path, bytes);
    let error = open(&disk).err().unwrap().to_string();
    for word in [path.to_str().unwrap(), "damaged at byte", "restore this replica", DIRECTORY] {
        assert!(error.contains(word), "{error}");
    }
}

#[tokio::test]
async fn damage_to_the_last_acknowledged_batch_is_not_taken_for_a_torn_write() {
    let disk = FaultDisk::default();
    let log = open(&disk).unwrap();
    append(&log, vec![entry(1, 0, 20)]).await.unwrap();
    let (path, acknowledged) = disk.contents().pop().unwrap();
    // Nobody closes the log; the note is written when the queue is idle.
    while disk.contents()[0].1.len() == acknowledged.len() {
        tokio::task::yield_now().await;
    }
    disk.crash(Crash::KeepAll);
    log.close();
    let mut bytes = disk.contents().pop().unwrap().1;
    bytes[acknowledged.len() - 1] ^= 1;
    disk.replace(&path, bytes);
    assert!(matches!(open(&disk), Err(StartError::Damaged { .. })));
}

#[tokio::test]
async fn a_missing_segment_is_refused() {
    let disk = FaultDisk::default();
    sample(&disk).await;
    let paths: Vec<_> = disk.contents().into_iter().map(|(path, _)| path).collect();
    assert!(paths.len() > 2);
    for path in &paths[..paths.len() - 1] {
        let damaged = disk.copy();
        hanse_base::disk::Disk::remove(&damaged, path).unwrap();
        assert!(matches!(open(&damaged), Err(StartError::Damaged { .. })), "{}", path.display());
    }
}

#[tokio::test]
async fn a_torn_tail_is_cut_at_every_length() {
    let disk = FaultDisk::default();
    let log = open(&disk).unwrap();
    append(&log, vec![entry(1, 0, 20)]).await.unwrap();
    let first = picture(&log).await;
    let (path, durable) = disk.contents().pop().unwrap();
    append(&log, vec![entry(1, 1, 20), entry(1, 2, 20)]).await.unwrap();
    let (_, whole) = disk.contents().pop().unwrap();
    log.close();
    for length in durable.len()..whole.len() {
        let torn = disk.copy();
        torn.replace(&path, whole[..length].to_vec());
        let log = open(&torn).unwrap();
        let found = picture(&log).await;
        assert!(found.entries.len() >= first.entries.len() && found.entries.len() <= 3, "length {length}");
        // It can be written to, and reads back.
        let next = found.entries.len() as u64;
        append(&log, vec![entry(2, next, 5)]).await.unwrap();
        let now = picture(&log).await;
        log.close();
        let log = open(&torn).unwrap();
        assert_eq!(picture(&log).await, now, "length {length}");
        log.close();
    }
}

#[tokio::test]
async fn what_an_opened_log_shows_is_durable_even_if_it_was_not_synced_before() {
    let disk = FaultDisk::default();
    let log = open(&disk).unwrap();
    append(&log, vec![entry(1, 0, 20)]).await.unwrap();
    disk.slow_syncs(std::time::Duration::from_millis(200));
    let appends = disk.appends();
    log.append(std::iter::once(entry(1, 1, 20)), IOFlushed::noop()).await.unwrap();
    while picture(&log).await.entries.len() < 2 || disk.appends() == appends {
        tokio::task::yield_now().await;
    }
    // The process is killed between the write and the end of the sync.
    disk.crash(Crash::KeepAll);
    disk.slow_syncs(std::time::Duration::ZERO);
    log.close();
    let log = open(&disk).unwrap();
    let shown = picture(&log).await;
    disk.crash(Crash::LoseAll);
    log.close();
    let log = open(&disk).unwrap();
    assert_eq!(picture(&log).await, shown);
    log.close();
}

#[tokio::test]
async fn a_failed_sync_stops_the_log_for_good() {
    let disk = FaultDisk::default();
    let log = open(&disk).unwrap();
    append(&log, vec![entry(1, 0, 20)]).await.unwrap();
    disk.fail_syncs();
    assert!(append(&log, vec![entry(1, 1, 20)]).await.is_err());
    // The disk would say yes again, but what it lost before stays lost.
    assert!(log.save_vote(Vote::new(2, DaemonId(1))).await.is_err());
    assert!(log.append(std::iter::once(entry(1, 2, 20)), IOFlushed::noop()).await.is_err());
    assert!(log.failure().borrow().as_ref().unwrap().to_string().contains("input/output error"));
    log.close();
}

#[tokio::test]
async fn what_a_failed_sync_left_is_written_anew_before_it_is_relied_on() {
    let disk = FaultDisk::default();
    let log = open(&disk).unwrap();
    append(&log, vec![entry(1, 0, 20)]).await.unwrap();
    disk.fail_syncs();
    assert!(append(&log, vec![entry(1, 1, 20)]).await.is_err());
    log.close();
    // The process is started again; the machine has not been off, so the entry is seen.
    disk.crash(Crash::KeepAll);
    let log = open(&disk).unwrap();
    let shown = picture(&log).await;
    assert_eq!(shown.next(), 2);
    append(&log, vec![entry(1, 2, 20)]).await.unwrap();
    let shown = Picture { entries: [shown.entries, vec![entry(1, 2, 20)]].concat(), ..shown };
    disk.crash(Crash::LoseAll);
    log.close();
    let log = open(&disk).unwrap();
    assert_eq!(picture(&log).await, shown, "what a started log shows is durable");
    log.close();
}

#[tokio::test]
async fn entries_that_wait_together_share_one_append_and_one_sync() {
    let disk = FaultDisk::default();
    let log = Log::open(Arc::new(disk.clone()), Path::new(DIRECTORY), identity(), &Limits::default(), 1).unwrap();
    append(&log, vec![entry(1, 0, 10)]).await.unwrap();
    let (syncs, appends) = (disk.syncs(), disk.appends());
    let entries: Vec<_> = (1..1001).map(|index| entry(1, index, 10)).collect();
    append(&log, entries).await.unwrap();
    assert_eq!(disk.syncs() - syncs, 1);
    assert!(disk.appends() - appends <= 2, "the entries, and perhaps a note about the ones before");
    log.close();
}

#[tokio::test]
async fn purged_segments_leave_the_disk() {
    let disk = FaultDisk::default();
    let log = open(&disk).unwrap();
    for index in 0..100 {
        append(&log, vec![entry(1, index, 150)]).await.unwrap();
    }
    let before = disk.contents().len();
    log.purge(log_id(1, 90)).await.unwrap();
    append(&log, vec![entry(1, 100, 10)]).await.unwrap();
    log.close();
    let after = disk.contents().len();
    assert!(before > 10 && after <= 4, "{before} files, then {after}");
    let bytes: usize = disk.contents().iter().map(|(_, bytes)| bytes.len()).sum();
    let log = open(&disk).unwrap();
    assert_eq!(log.extent().disk_bytes, bytes as u64);
    assert_eq!(picture(&log).await.entries.len(), 10);
    log.close();
}

#[tokio::test]
async fn the_log_of_another_daemon_is_refused() {
    let disk = FaultDisk::default();
    sample(&disk).await;
    let other = Identity { daemon: DaemonId(2), ..identity() };
    let opened = Log::open(Arc::new(disk), Path::new(DIRECTORY), other, &limits(), 1);
    assert!(matches!(opened, Err(StartError::Foreign { .. })));
}

#[tokio::test]
async fn real_files_behave_like_the_model() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("group");
    let open = || Log::open(Arc::new(RealDisk), &path, identity(), &limits(), 5).unwrap();
    std::fs::create_dir(&path).unwrap();
    let log = open();
    for index in 0..40 {
        append(&log, vec![entry(1, index, 100)]).await.unwrap();
    }
    log.truncate_from(35).await.unwrap();
    log.purge(log_id(1, 9)).await.unwrap();
    append(&log, vec![entry(2, 35, 1)]).await.unwrap();
    let before = picture(&log).await;
    log.close();
    let log = open();
    assert_eq!(picture(&log).await, before);
    assert_eq!(before.entries.len(), 26);
    log.close();
}

/// Head, base, entry.
const GOLDEN_LOG: [&str; 6] = [
    "68616e73656c6f67010000004d000000010000000000000001000000000000006575000000000000",
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000cff34fff150000001a83d2710101000000000000",
    "0000000000000000000102000000000000000100000000000000000000001c0000000b0e157d0202",
    "00000000000000010000000000000001000000000000000000000000000000010100000003000000",
    "000000",
];
