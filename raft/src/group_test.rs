//! A group of one replica.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use hanse_base::clock::SystemClock;
use hanse_base::disk::{Disk, RealDisk};
use hanse_base::id::{DaemonId, GroupId};
use hanse_base::random::SystemRandom;

use crate::config::{GroupConfig, Limits};
use crate::error::{ProposeError, StartError};
use crate::group::{Group, Seams};
use crate::status::Role;
use crate::testing::disk::{Crash, FaultDisk};
use crate::testing::machine::{ListMachine, Seen};
use crate::testing::net::Hub;

struct Sole {
    group: Group,
    seen: Seen,
    applied: Arc<AtomicUsize>,
}

fn config(directory: PathBuf, limits: Limits) -> GroupConfig {
    let daemon = DaemonId(1);
    let mut config = GroupConfig::new(GroupId::new("eu").unwrap(), daemon, directory, BTreeSet::from([daemon]));
    config.limits = limits;
    config
}

async fn start_with(disk: Arc<dyn Disk>, config: GroupConfig) -> Result<Sole, StartError> {
    let machine = ListMachine::default();
    let (seen, applied) = (machine.seen.clone(), machine.applied.clone());
    let (net, clock, random) =
        (Hub::default().net(DaemonId(1)), Arc::new(SystemClock::default()), Arc::new(SystemRandom));
    let group = Group::start(config, machine, Seams { disk, net, clock, random }).await?;
    Ok(Sole { group, seen, applied })
}

async fn start(disk: &FaultDisk) -> Sole {
    start_with(Arc::new(disk.clone()), config("/data/group".into(), Limits::default())).await.unwrap()
}

fn small_limits() -> Limits {
    Limits {
        snapshot_log_bytes: 4096,
        log_tail_bytes: 512,
        segment_bytes_max: 1024,
        cache_bytes_max: 256,
        ..Limits::default()
    }
}

fn command(number: usize) -> Bytes {
    Bytes::from(format!("command {number} {}", "x".repeat(number % 50)))
}

#[tokio::test]
async fn a_proposal_is_applied_and_visible_to_the_next_read() {
    let sole = start(&FaultDisk::default()).await;
    for number in 0..20 {
        let proposed = sole.group.propose(command(number)).await.unwrap();
        assert_eq!(proposed.outcome, Bytes::from(number.to_string()));
        let index = sole.group.read_index().await.unwrap();
        assert!(index >= proposed.index);
        assert_eq!(sole.seen.len(), number + 1);
    }
    let status = sole.group.status();
    assert_eq!(status.leader, Some(DaemonId(1)));
    assert_eq!(status.applied, status.last_log);
    sole.group.shutdown().await;
    assert_eq!(sole.group.propose(command(0)).await, Err(ProposeError::ShuttingDown));
}

#[tokio::test]
async fn a_crash_loses_no_acknowledged_proposal_and_no_read_goes_back() {
    let disk = FaultDisk::default();
    let mut acknowledged = Vec::new();
    for (round, crash) in
        [Crash::LoseAll, Crash::KeepPart(5), Crash::Tear(9), Crash::KeepAll].into_iter().cycle().take(12).enumerate()
    {
        disk.slow_syncs(Duration::from_millis(3));
        let sole = start(&disk).await;
        // The worst moment: it leads, and has not committed anything in its term.
        wait_for(|| sole.group.status().role == Role::Leader).await;
        sole.group.read_index().await.unwrap();
        assert_eq!(sole.seen.list(), acknowledged, "round {round} after {crash:?}");
        disk.slow_syncs(Duration::ZERO);
        for number in 0..7 {
            let command = command(round * 100 + number);
            sole.group.propose(command.clone()).await.unwrap();
            acknowledged.push(command);
        }
        disk.crash(crash);
        sole.group.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_concurrent_proposals_cost_few_syncs() {
    let disk = FaultDisk::default();
    let sole = start(&disk).await;
    sole.group.propose(command(0)).await.unwrap();
    let syncs = disk.syncs();
    let proposals = (0..1000).map(|number| sole.group.propose(command(number)));
    assert!(join_all(proposals).await.into_iter().all(|proposed| proposed.is_ok()));
    let syncs = disk.syncs() - syncs;
    assert!(syncs <= 20, "{syncs} syncs for 1000 proposals");
    assert_eq!(sole.seen.len(), 1001);
    sole.group.shutdown().await;
}

#[tokio::test]
async fn a_restart_with_a_snapshot_does_not_replay_from_the_beginning() {
    let directory = tempfile::tempdir().unwrap();
    let config = || config(directory.path().join("group"), small_limits());
    let disk = || Arc::new(RealDisk);
    let sole = start_with(disk(), config()).await.unwrap();
    for number in 0..300 {
        sole.group.propose(command(number)).await.unwrap();
    }
    wait_for(|| sole.group.status().snapshot.is_some()).await;
    // A snapshot is due when the log has grown by as much as the last one is large: 12 KiB of commands here at most.
    wait_for(|| sole.group.status().log_bytes < 16 << 10).await;
    let before = sole.seen.list();
    sole.group.shutdown().await;
    drop(sole);
    let sole = start_with(disk(), config()).await.unwrap();
    sole.group.read_index().await.unwrap();
    assert_eq!(sole.seen.list(), before);
    let applied = sole.applied.load(Ordering::SeqCst);
    assert!(applied < 250, "{applied} of 300 commands were applied again");
    sole.group.shutdown().await;
    assert_eq!(std::fs::read_dir(directory.path().join("group/snapshot")).unwrap().count(), 1);
}

#[tokio::test]
async fn crashes_around_snapshots_lose_nothing() {
    let disk = FaultDisk::default();
    let config = || config("/data/group".into(), small_limits());
    let mut acknowledged = Vec::new();
    for round in 0..15_u64 {
        let sole = start_with(Arc::new(disk.clone()), config()).await.unwrap();
        sole.group.read_index().await.unwrap();
        assert_eq!(sole.seen.list(), acknowledged, "round {round}");
        for number in 0..60 {
            let command = command(number);
            sole.group.propose(command.clone()).await.unwrap();
            acknowledged.push(command);
        }
        disk.crash(if round % 2 == 0 { Crash::LoseAll } else { Crash::Tear(round) });
        sole.group.shutdown().await;
    }
    start_with(Arc::new(disk.clone()), config()).await.unwrap().group.shutdown().await;
    let snapshots = disk.contents().into_iter().filter(|(path, _)| path.extension().is_some_and(|is| is == "snapshot"));
    assert_eq!(snapshots.count(), 1);
}

#[tokio::test]
async fn a_damaged_snapshot_is_refused_with_its_place() {
    let disk = FaultDisk::default();
    let sole = start(&disk).await;
    sole.group.propose(command(1)).await.unwrap();
    sole.group.take_snapshot().await;
    wait_for(|| sole.group.status().snapshot.is_some()).await;
    sole.group.shutdown().await;
    let is_snapshot = |path: &PathBuf| path.extension().is_some_and(|is| is == "snapshot");
    let (path, bytes) = disk.contents().into_iter().find(|(path, _)| is_snapshot(path)).unwrap();
    for at in (0..bytes.len()).step_by(7) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 4;
        let damaged = disk.copy();
        damaged.replace(&path, bytes);
        let started = start_with(Arc::new(damaged), config("/data/group".into(), Limits::default())).await;
        let Err(error @ StartError::Damaged { .. }) = started else { panic!("byte {at} was not noticed") };
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
    // A log without its snapshot, and a snapshot without its log, are refused too.
    let without_log = disk.copy();
    for (path, _) in disk.contents().iter().filter(|(path, _)| !is_snapshot(path)) {
        without_log.remove(path).unwrap();
    }
    let started = start_with(Arc::new(without_log), config("/data/group".into(), Limits::default())).await;
    assert!(matches!(started, Err(StartError::Damaged { .. })));
}

#[tokio::test]
async fn a_full_disk_for_snapshots_does_not_stop_the_group() {
    let disk = FaultDisk::default();
    let sole = start(&disk).await;
    sole.group.propose(command(1)).await.unwrap();
    disk.fail_appends_of(Some("tmp"));
    sole.group.take_snapshot().await;
    sole.group.propose(command(2)).await.unwrap();
    disk.fail_appends_of(None);
    wait_for_async(|| async {
        sole.group.take_snapshot().await;
        sole.group.propose(command(3)).await.unwrap();
        sole.group.status().snapshot.is_some()
    })
    .await;
    assert!(sole.group.failure().borrow().is_none());
    sole.group.shutdown().await;
}

#[tokio::test]
async fn a_failed_sync_stops_the_group_and_says_why() {
    let disk = FaultDisk::default();
    let sole = start(&disk).await;
    sole.group.propose(command(1)).await.unwrap();
    disk.fail_syncs();
    let outcome = sole.group.propose(command(2)).await;
    assert!(matches!(outcome, Err(ProposeError::Unknown { .. })), "{outcome:?}");
    let mut failure = sole.group.failure();
    let failure = failure.wait_for(Option::is_some).await.unwrap().clone().unwrap();
    assert!(failure.to_string().contains("input/output error"), "{failure}");
    sole.group.shutdown().await;
}

#[tokio::test]
async fn a_panic_in_the_state_machine_stops_the_group_and_says_why() {
    let sole = start(&FaultDisk::default()).await;
    sole.group.propose(command(1)).await.unwrap();
    let outcome = sole.group.propose(Bytes::from_static(b"panic")).await;
    assert!(matches!(outcome, Err(ProposeError::Unknown { .. })), "{outcome:?}");
    let mut failure = sole.group.failure();
    let failure = failure.wait_for(Option::is_some).await.unwrap().clone().unwrap();
    assert!(failure.to_string().contains("a command that the machine cannot bear"), "{failure}");
    sole.group.shutdown().await;
}

#[tokio::test]
async fn limits_are_told_before_anything_happens() {
    let limits = Limits { command_bytes_max: 10, ..Limits::default() };
    let sole = start_with(Arc::new(FaultDisk::default()), config("/data/group".into(), limits)).await.unwrap();
    let refused = sole.group.propose(Bytes::from_static(b"eleven bytes")).await.unwrap_err();
    assert_eq!(refused, ProposeError::TooLarge { bytes: 12, bytes_max: 10 });
    assert!(refused.is_refused());
    sole.group.shutdown().await;
    let mut wrong = config("/data/group".into(), Limits::default());
    wrong.election_ms_min = 10;
    let started = start_with(Arc::new(FaultDisk::default()), wrong).await;
    assert!(matches!(started, Err(StartError::Configuration(_))));
}

#[tokio::test]
async fn strangers_and_junk_get_an_answer_and_change_nothing() {
    let sole = start(&FaultDisk::default()).await;
    sole.group.propose(command(1)).await.unwrap();
    let before = sole.group.status();
    for length in 0..200_u8 {
        let junk: Bytes = (0..length).map(|at| at.wrapping_mul(length)).collect();
        for from in [DaemonId(1), DaemonId(9)] {
            assert_eq!(sole.group.receive_call(from, junk.clone()).await[..2], [1, 0]);
            let body = Box::new(std::io::Cursor::new(junk.to_vec()));
            assert_eq!(sole.group.receive_upload(from, junk.clone(), body).await[..2], [1, 0]);
        }
    }
    let ping = b"\x01\x07\x02\0\0\0eu\x01\0\0\0\0\0\0\0";
    let answer = sole.group.receive_call(DaemonId(9), Bytes::from_static(ping)).await;
    assert_eq!(answer[..3], [1, 0, 5], "a stranger is told that it is no member");
    let after = sole.group.status();
    assert_eq!((after.role, after.term, after.last_log), (before.role, before.term, before.last_log));
    sole.group.shutdown().await;
}

/// Looks again whenever something may have changed, which is soon.
async fn wait_for(mut is_so: impl FnMut() -> bool) {
    wait_for_async(move || std::future::ready(is_so())).await;
}

async fn wait_for_async<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    while !is_so().await {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
