//! Three replicas in one process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use hanse_base::clock::SystemClock;
use hanse_base::id::{DaemonId, GroupId};
use hanse_base::random::SystemRandom;
use tokio::task::JoinSet;

use crate::config::{GroupConfig, Limits};
use crate::error::ProposeError;
use crate::group::{Group, Seams};
use crate::propose::Proposed;
use crate::status::{DiskCondition, Role};
use crate::testing::disk::{Crash, FaultDisk};
use crate::testing::machine::{ListMachine, Seen};
use crate::testing::net::Hub;

const ALL: [DaemonId; 3] = [DaemonId(1), DaemonId(2), DaemonId(3)];

/// Replicas on one hub.
struct Trio {
    hub: Hub,
    disks: BTreeMap<DaemonId, FaultDisk>,
    running: BTreeMap<DaemonId, (Group, Seen)>,
    limits: Limits,
    founders: BTreeSet<DaemonId>,
}

impl Trio {
    async fn start(limits: Limits) -> Self {
        Self::found(limits, &ALL).await
    }

    /// As [`Trio::start`], of which only some found the group.
    async fn found(limits: Limits, founders: &[DaemonId]) -> Self {
        let founders = founders.iter().copied().collect();
        let mut trio = Self { hub: Hub::default(), disks: BTreeMap::new(), running: BTreeMap::new(), limits, founders };
        for daemon in ALL {
            trio.run(daemon).await;
        }
        trio
    }

    async fn run(&mut self, daemon: DaemonId) {
        let disk = self.disks.entry(daemon).or_default().clone();
        let machine = ListMachine::default();
        let seen = machine.seen.clone();
        let mut config =
            GroupConfig::new(GroupId::new("eu").unwrap(), daemon, "/data/group".into(), self.founders.clone());
        (config.heartbeat_ms, config.election_ms_min, config.election_ms_max) = (50, 300, 600);
        config.limits = self.limits.clone();
        let (net, clock, random) = (self.hub.net(daemon), Arc::new(SystemClock::default()), Arc::new(SystemRandom));
        let group = Group::start(config, machine, Seams { disk: Arc::new(disk), net, clock, random }).await.unwrap();
        self.hub.join(daemon, group.clone());
        self.running.insert(daemon, (group, seen));
    }

    /// Kills a replica: what it did not sync is lost, and it says goodbye to nobody.
    async fn kill(&mut self, daemon: DaemonId) {
        self.disks[&daemon].crash(Crash::LoseAll);
        self.hub.leave(daemon);
        if let Some((group, _)) = self.running.remove(&daemon) {
            group.shutdown().await;
        }
    }

    fn group(&self, daemon: DaemonId) -> &Group {
        &self.running[&daemon].0
    }

    /// The leader that a majority of the running replicas agrees on.
    async fn leader(&self) -> DaemonId {
        loop {
            for (daemon, (group, _)) in &self.running {
                if group.status().role == Role::Leader && group.propose(Bytes::from_static(b"probe")).await.is_ok() {
                    return *daemon;
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A replica that leads, whether it can write or not.
    async fn leader_now(&self) -> DaemonId {
        loop {
            let leads = |group: &Group| group.status().role == Role::Leader;
            if let Some((daemon, _)) = self.running.iter().find(|(_, (group, _))| leads(group)) {
                return *daemon;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn follower(&self) -> DaemonId {
        let leader = self.leader().await;
        *self.running.keys().find(|daemon| **daemon != leader).unwrap()
    }

    /// What the replica shows after a linearizable read.
    async fn read(&self, daemon: DaemonId) -> Vec<Bytes> {
        let (group, seen) = &self.running[&daemon];
        group.read_index().await.unwrap();
        let mut list = seen.list();
        list.retain(|command| &command[..] != b"probe");
        list
    }

    /// Proposes until the command is certainly in, telling apart what is safe to try again.
    async fn propose(&self, daemon: DaemonId, command: &Bytes) -> Proposed {
        loop {
            match self.group(daemon).propose(command.clone()).await {
                Ok(proposed) => return proposed,
                Err(error) => assert!(error.is_refused(), "{error}"),
            }
        }
    }

    async fn stop(self) {
        join_all(self.running.values().map(|(group, _)| group.shutdown())).await;
    }
}

fn command(number: usize) -> Bytes {
    Bytes::from(format!("command {number}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_replica_takes_proposals_and_shows_them_to_reads() {
    let trio = Trio::start(Limits::default()).await;
    let mut expected = Vec::new();
    for number in 0..30 {
        trio.propose(ALL[number % 3], &command(number)).await;
        expected.push(command(number));
        assert_eq!(trio.read(ALL[(number + 1) % 3]).await, expected, "a read after the acknowledgement sees it");
    }
    trio.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_go_on_when_the_leader_is_killed_and_none_is_lost() {
    let mut trio = Trio::start(Limits::default()).await;
    let mut expected = Vec::new();
    for round in 0..3 {
        for number in 0..10 {
            let command = command(round * 100 + number);
            let by = *trio.running.keys().nth(number % 2).unwrap();
            trio.propose(by, &command).await;
            expected.push(command);
        }
        let leader = trio.leader().await;
        trio.kill(leader).await;
        let command = command(round * 100 + 99);
        let by = *trio.running.keys().next().unwrap();
        trio.propose(by, &command).await;
        expected.push(command);
        trio.run(leader).await;
        assert_eq!(trio.read(leader).await, expected, "the killed one catches up, round {round}");
    }
    trio.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_whose_log_is_gone_elsewhere_catches_up_through_a_snapshot() {
    let limits = Limits {
        snapshot_log_bytes: 2048,
        log_tail_bytes: 512,
        segment_bytes_max: 1024,
        cache_bytes_max: 256,
        ..Limits::default()
    };
    let mut trio = Trio::start(limits).await;
    let away = trio.follower().await;
    trio.propose(away, &command(0)).await;
    trio.kill(away).await;
    let by = *trio.running.keys().next().unwrap();
    for number in 1..200 {
        trio.propose(by, &command(number)).await;
    }
    let leader = trio.leader().await;
    while trio.group(leader).status().log_bytes > 6144 {
        trio.propose(by, &Bytes::from_static(b"probe")).await;
    }
    trio.run(away).await;
    let expected: Vec<_> = (0..200).map(command).collect();
    assert_eq!(trio.read(away).await, expected);
    assert!(trio.hub.uploads() >= 1);
    assert!(trio.group(away).status().snapshot.is_some());
    // What was installed is durable.
    trio.kill(away).await;
    trio.run(away).await;
    assert_eq!(trio.read(away).await, expected);
    trio.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_cut_off_neither_acknowledges_nor_serves_old_reads() {
    let limits = Limits {
        leader_wait: Duration::from_millis(700),
        outcome_wait: Duration::from_millis(1500),
        ..Limits::default()
    };
    let trio = Trio::start(limits).await;
    let old = trio.leader().await;
    trio.hub.isolate(old, &ALL, true);
    let lonely = trio.group(old).clone();
    let (write, read) = tokio::join!(lonely.propose(command(1)), lonely.read_index());
    assert!(write.is_err() && read.is_err(), "{write:?} {read:?}");
    let other = *trio.running.keys().find(|daemon| **daemon != old).unwrap();
    trio.propose(other, &command(2)).await;
    trio.hub.isolate(old, &ALL, false);
    let list = loop {
        if trio.group(old).read_index().await.is_ok() {
            break trio.read(old).await;
        }
    };
    assert!(list.contains(&command(2)));
    if matches!(write, Err(ref error) if error.is_refused()) {
        assert!(!list.contains(&command(1)), "what was refused is never applied");
    }
    trio.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_hears_nobody_but_is_heard_makes_way_for_another() {
    let trio = Trio::start(Limits::default()).await;
    let deaf = trio.leader().await;
    // A write on its way makes it repeat entries, which are a sign of life as heartbeats are.
    trio.hub.deafen(deaf, &ALL);
    let mut stuck = JoinSet::new();
    let group = trio.group(deaf).clone();
    stuck.spawn(async move { group.propose(command(1)).await });
    let other = *trio.running.keys().find(|daemon| **daemon != deaf).unwrap();
    // Refused by the limits of the wait, if nobody else ever leads.
    let written = trio.group(other).propose(command(2)).await;
    assert!(written.is_ok(), "{written:?}");
    assert_ne!(trio.group(other).status().leader, Some(deaf));
    trio.hub.isolate(deaf, &ALL, false);
    drop(stuck.join_next().await);
    assert!(trio.read(deaf).await.contains(&command(2)));
    trio.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_was_sent_and_not_answered_is_unknown() {
    let limits = Limits { outcome_wait: Duration::from_millis(100), ..Limits::default() };
    let trio = Trio::start(limits).await;
    let leader = trio.leader().await;
    trio.hub.isolate(leader, &ALL, true);
    // The lease still holds, so the entry is appended; but nobody else will ever hold it.
    let outcome = trio.group(leader).propose(command(1)).await;
    assert!(matches!(outcome, Err(ProposeError::Unknown { .. })), "{outcome:?}");
    trio.hub.isolate(leader, &ALL, false);
    trio.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_does_not_wait_for_a_majority() {
    let limits = Limits { outcome_wait: Duration::from_secs(3600), ..Limits::default() };
    let trio = Trio::start(limits).await;
    let leader = trio.leader().await;
    trio.hub.isolate(leader, &ALL, true);
    let group = trio.group(leader);
    let proposal = async {
        let command = command(1);
        let outcome = group.propose(command);
        let stop = async {
            tokio::task::yield_now().await;
            group.shutdown().await;
        };
        tokio::join!(outcome, stop).0
    };
    assert!(proposal.await.is_err());
    trio.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_lost_what_it_had_not_synced_does_not_lead_on() {
    let mut trio = Trio::start(Limits::default()).await;
    let leader = trio.leader().await;
    trio.disks[&leader].slow_syncs(Duration::from_millis(300));
    // The followers are a majority, so this is acknowledged before the leader's own disk has it.
    trio.propose(leader, &command(1)).await;
    trio.kill(leader).await;
    trio.disks[&leader].slow_syncs(Duration::ZERO);
    trio.run(leader).await;
    assert_eq!(trio.read(leader).await, vec![command(1)]);
    trio.propose(leader, &command(2)).await;
    for daemon in ALL {
        assert_eq!(trio.read(daemon).await, vec![command(1), command(2)]);
    }
    trio.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_reads_and_writes_on_a_follower_share_few_calls() {
    let trio = Trio::start(Limits::default()).await;
    let follower = trio.follower().await;
    let leader = trio.leader().await;
    let group = trio.group(follower);
    group.read_index().await.unwrap();
    let calls = trio.hub.calls(follower, leader);
    assert!(join_all((0..500).map(|_| group.read_index())).await.into_iter().all(|read| read.is_ok()));
    let reads = trio.hub.calls(follower, leader) - calls;
    assert!(reads < 60, "{reads} calls for 500 reads");
    let calls = trio.hub.calls(follower, leader);
    assert!(join_all((0..500).map(|number| group.propose(command(number)))).await.into_iter().all(|done| done.is_ok()));
    let writes = trio.hub.calls(follower, leader) - calls;
    assert!(writes < 60, "{writes} calls for 500 writes");
    trio.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_shuts_down_hands_over_first() {
    let mut trio = Trio::start(Limits::default()).await;
    let old = trio.leader().await;
    let (group, _) = trio.running.remove(&old).unwrap();
    group.shutdown().await;
    trio.hub.leave(old);
    let by = loop {
        let leads = |daemon: &&DaemonId| trio.group(**daemon).status().role == Role::Leader;
        if let Some(by) = trio.running.keys().find(leads) {
            break *by;
        }
        // On a busy machine the successor needs a moment until it knows.
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    trio.propose(by, &command(1)).await;
    trio.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_majority_proposals_are_refused_in_time() {
    let limits = Limits { leader_wait: Duration::from_millis(300), ..Limits::default() };
    let mut trio = Trio::start(limits).await;
    let kept = trio.follower().await;
    for daemon in ALL.into_iter().filter(|daemon| *daemon != kept) {
        trio.kill(daemon).await;
    }
    // The first may have been sent to the leader while it died.
    drop(trio.group(kept).propose(command(1)).await);
    let refused = trio.group(kept).propose(command(2)).await;
    assert!(matches!(refused, Err(ProposeError::NoLeader { .. })), "{refused:?}");
    assert!(trio.group(kept).read_index().await.is_err());
    trio.stop().await;
}

/// What clients were told.
#[derive(Default)]
struct Told {
    acknowledged: Vec<Bytes>,
    refused: Vec<Bytes>,
    number: usize,
}

impl Told {
    /// Lets clients propose by way of every replica while the nemesis is at work.
    async fn round(&mut self, trio: &Trio, nemesis: impl Future<Output = ()>) {
        let groups: Vec<_> = ALL.iter().map(|daemon| trio.group(*daemon)).collect();
        let first = self.number;
        self.number += 60;
        let clients = (0..12).map(|client| {
            let group = groups[client % 3];
            async move {
                let mut outcomes = Vec::new();
                for at in 0..5 {
                    let command = command(first + client * 5 + at);
                    let outcome = group.propose(command.clone()).await;
                    if let (Ok(proposed), Ok(read)) = (&outcome, group.read_index().await) {
                        assert!(read >= proposed.index);
                    }
                    outcomes.push((command, outcome));
                }
                outcomes
            }
        });
        let (outcomes, ()) = tokio::join!(join_all(clients), nemesis);
        for (command, outcome) in outcomes.into_iter().flatten() {
            match outcome {
                Ok(_) => self.acknowledged.push(command),
                Err(error) if error.is_refused() => self.refused.push(command),
                Err(_) => {}
            }
        }
    }

    async fn check(&self, trio: &Trio) {
        trio.leader().await;
        let mut lists = Vec::new();
        for daemon in ALL {
            while trio.group(daemon).read_index().await.is_err() {}
            lists.push(trio.read(daemon).await);
        }
        assert!(lists.iter().all(|list| *list == lists[0]), "the replicas agree");
        let unique: BTreeSet<_> = lists[0].iter().collect();
        assert_eq!(unique.len(), lists[0].len(), "nothing is applied twice");
        assert!(self.acknowledged.iter().all(|command| unique.contains(command)), "nothing acknowledged is lost");
        assert!(self.refused.iter().all(|command| !unique.contains(command)), "nothing refused is applied");
        assert!(self.acknowledged.len() > self.number / 4, "{} of {}", self.acknowledged.len(), self.number);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_kills_and_cuts_acknowledged_is_once_refused_is_never_and_all_agree() {
    let limits = Limits {
        leader_wait: Duration::from_millis(300),
        outcome_wait: Duration::from_millis(500),
        snapshot_log_bytes: 4096,
        log_tail_bytes: 512,
        segment_bytes_max: 2048,
        cache_bytes_max: 512,
        ..Limits::default()
    };
    let mut trio = Trio::start(limits).await;
    trio.leader().await;
    let mut told = Told::default();
    for round in 0..6 {
        let victim = ALL[(round * 7 + 3) % 3];
        let (hub, disk) = (trio.hub.clone(), trio.disks[&victim].clone());
        told.round(&trio, async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if round % 2 == 0 {
                hub.isolate(victim, &ALL, true);
                tokio::time::sleep(Duration::from_millis(900)).await;
                hub.isolate(victim, &ALL, false);
            } else {
                disk.crash(Crash::Tear(round as u64));
                hub.leave(victim);
            }
        })
        .await;
        if round % 2 == 1 {
            trio.kill(victim).await;
            trio.run(victim).await;
        }
    }
    told.check(&trio).await;
    trio.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_can_be_added_and_removed() {
    let trio = Trio::start(Limits::default()).await;
    let leader = trio.leader().await;
    let group = trio.group(leader);
    let removed = *ALL.iter().find(|daemon| **daemon != leader).unwrap();
    let voters: BTreeSet<_> = ALL.into_iter().filter(|daemon| *daemon != removed).collect();
    group.set_voters(voters.clone()).await.unwrap();
    assert_eq!(group.status().voters, voters);
    assert_eq!(group.status().voter_sets, vec![voters.clone()], "the change is finished");
    assert_eq!(group.status().learners, BTreeSet::from([removed]), "who loses its vote follows on");
    group.remove_learners(BTreeSet::from([removed])).await.unwrap();
    assert!(group.status().learners.is_empty());
    group.add_learners(BTreeSet::from([removed])).await.unwrap();
    assert_eq!(group.status().learners, BTreeSet::from([removed]));
    trio.propose(leader, &command(1)).await;
    group.set_voters(BTreeSet::from(ALL)).await.unwrap();
    assert_eq!(trio.read(removed).await, vec![command(1)]);
    assert!(trio.group(removed).set_voters(voters).await.is_err(), "a follower does not change the membership");
    trio.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_voter_grows_to_three_and_shrinks_again_whoever_leads() {
    let mut trio = Trio::found(Limits::default(), &ALL[..1]).await;
    assert_eq!(trio.leader().await, ALL[0]);
    let only = trio.group(ALL[0]).clone();
    // A sole voter shows nobody that it lives.
    let quiet = trio.hub.calls(ALL[0], ALL[1]);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(trio.hub.calls(ALL[0], ALL[1]), quiet);
    trio.propose(ALL[0], &command(1)).await;
    only.add_learners(BTreeSet::from([ALL[1], ALL[2]])).await.unwrap();
    for daemon in &ALL[1..] {
        while only.status().followers[daemon].lag > 0 || only.status().followers[daemon].heard.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    only.set_voters(BTreeSet::from([ALL[0], ALL[1]])).await.unwrap();
    only.set_voters(BTreeSet::from(ALL)).await.unwrap();
    only.transfer_leader(ALL[1]).await.unwrap();
    assert!(only.transfer_leader(ALL[2]).await.is_err(), "who does not lead gives nothing away");
    trio.propose(ALL[2], &command(2)).await;
    // The founder dies: the others elect and go on, at the pace of a group.
    trio.kill(ALL[0]).await;
    trio.propose(ALL[2], &command(3)).await;
    trio.run(ALL[0]).await;
    let leader = trio.leader().await;
    trio.group(leader).set_voters(BTreeSet::from([leader])).await.unwrap();
    let others: BTreeSet<_> = ALL.into_iter().filter(|daemon| *daemon != leader).collect();
    trio.group(leader).remove_learners(others).await.unwrap();
    trio.propose(leader, &command(4)).await;
    assert_eq!(trio.read(leader).await, (1..=4).map(command).collect::<Vec<_>>());
    // It rests again, and wakes after a restart, too.
    trio.kill(leader).await;
    trio.run(leader).await;
    trio.propose(leader, &command(5)).await;
    trio.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_away_gives_its_vote_to_a_newcomer_that_it_does_not_know() {
    let mut trio = Trio::start(Limits::default()).await;
    let newcomer = DaemonId(4);
    let dies = trio.leader().await;
    let [away, removed] = ALL.into_iter().filter(|daemon| *daemon != dies).collect::<Vec<_>>()[..] else { panic!() };
    trio.propose(dies, &command(1)).await;
    trio.kill(away).await;
    trio.run(newcomer).await;
    let group = trio.group(dies).clone();
    group.add_learners(BTreeSet::from([newcomer])).await.unwrap();
    until("the newcomer's log", || {
        let follower = &group.status().followers[&newcomer];
        follower.lag == 0 && follower.heard.is_some()
    })
    .await;
    group.set_voters(BTreeSet::from([dies, away, removed, newcomer])).await.unwrap();
    group.set_voters(BTreeSet::from([dies, away, newcomer])).await.unwrap();
    group.remove_learners(BTreeSet::from([removed])).await.unwrap();
    trio.propose(newcomer, &command(2)).await;
    trio.kill(removed).await;
    trio.kill(dies).await;
    trio.run(away).await;
    assert!(!trio.group(away).names(newcomer), "it has never heard of it");
    first_acknowledged(&trio, newcomer, 3).await;
    assert_eq!(trio.group(newcomer).status().role, Role::Leader);
    let seen = trio.read(away).await;
    assert!((1..=3).all(|number| seen.contains(&command(number))), "{seen:?}");
    trio.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_removed_and_has_not_heard_of_it_disturbs_nobody_and_writes_and_reads_nothing() {
    let trio = Trio::start(Limits { leader_wait: Duration::from_millis(700), ..Limits::default() }).await;
    let removed = trio.follower().await;
    let leader = trio.leader().await;
    let voters: BTreeSet<_> = ALL.into_iter().filter(|daemon| *daemon != removed).collect();
    trio.hub.isolate(removed, &ALL, true);
    trio.group(leader).set_voters(voters).await.unwrap();
    trio.group(leader).remove_learners(BTreeSet::from([removed])).await.unwrap();
    trio.hub.isolate(removed, &ALL, false);
    let (before, asked) = (*trio.group(leader).leadership().borrow(), trio.hub.calls(removed, leader));
    // It stands for election as often as it can.
    until("pre-votes of who was removed", || trio.hub.calls(removed, leader) > asked + 3).await;
    assert!(trio.group(removed).propose(command(1)).await.is_err());
    assert!(trio.group(removed).read_index().await.is_err());
    trio.group(leader).propose(command(2)).await.unwrap();
    assert_eq!(*trio.group(leader).leadership().borrow(), before, "the same daemon leads in the same term");
    assert!(!trio.read(leader).await.contains(&command(1)));
    trio.stop().await;
}

/// Proposes on a replica until something is acknowledged; how long that took, and what may or may not have happened.
async fn first_acknowledged(trio: &Trio, daemon: DaemonId, number: usize) -> Duration {
    let begun = std::time::Instant::now();
    loop {
        let proposal = trio.group(daemon).propose(command(number));
        if tokio::time::timeout(Duration::from_secs(2), proposal).await.is_ok_and(|done| done.is_ok()) {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing was acknowledged for 20 s");
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let begun = std::time::Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what} did not come");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_whose_disk_stalls_gives_its_place_to_another_and_takes_part_again_later() {
    let trio = Trio::start(Limits::default()).await;
    let leader = trio.leader().await;
    trio.propose(leader, &command(0)).await;
    let others: Vec<DaemonId> = ALL.into_iter().filter(|daemon| *daemon != leader).collect();
    trio.disks[&leader].stall(true);
    // Something must be on its way to the disk, or nobody can know that it does not answer.
    let mut in_flight = JoinSet::new();
    let stalled = trio.group(leader).clone();
    in_flight.spawn(async move { stalled.propose(command(1)).await });
    let bound = Duration::from_millis(1200);
    let took = until("another leader", || {
        others.iter().any(|daemon| {
            let leads = trio.group(*daemon).status().leader;
            leads.is_some_and(|leads| leads != leader)
        })
    })
    .await;
    assert!(took < bound + Duration::from_millis(1500), "another leads after {took:?}");
    assert_eq!(trio.group(leader).status().disk, DiskCondition::Stalled);
    for daemon in &others {
        assert!(first_acknowledged(&trio, *daemon, 2).await < Duration::from_secs(2));
    }
    let through_the_stalled = first_acknowledged(&trio, leader, 3).await;
    assert!(through_the_stalled < Duration::from_secs(4), "its callers are sent on: {through_the_stalled:?}");
    // Whatever came of it: it is told in time.
    drop(tokio::time::timeout(Duration::from_secs(12), in_flight.join_next()).await.unwrap().unwrap());
    trio.disks[&leader].stall(false);
    until("the disk's answer", || trio.group(leader).status().disk == DiskCondition::Working).await;
    let seen = trio.read(leader).await;
    assert!(seen.contains(&command(0)) && seen.contains(&command(3)), "{seen:?}");
    assert_eq!(seen, trio.read(others[0]).await);
    trio.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_leader_without_fit_followers_leads_again_when_its_disk_answers() {
    let trio = Trio::start(Limits::default()).await;
    let leader = trio.leader().await;
    trio.propose(leader, &command(0)).await;
    ALL.iter().for_each(|daemon| trio.disks[daemon].stall(true));
    let mut in_flight = JoinSet::new();
    let stalled = trio.group(leader).clone();
    in_flight.spawn(async move { stalled.propose(command(1)).await });
    until("the stall", || trio.group(leader).status().disk == DiskCondition::Stalled).await;
    ALL.iter().for_each(|daemon| trio.disks[daemon].stall(false));
    first_acknowledged(&trio, leader, 2).await;
    drop(in_flight.join_next().await.unwrap());
    assert!(trio.read(leader).await.contains(&command(2)));
    trio.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_takes_no_entries_and_leadership_goes_where_there_is_room() {
    let trio = Trio::start(Limits { leader_wait: Duration::from_secs(2), ..Limits::default() }).await;
    let leader = trio.leader().await;
    trio.propose(leader, &command(0)).await;
    trio.group(leader).set_disk_full(true);
    until("another leader", || {
        ALL.iter().any(|daemon| *daemon != leader && trio.group(*daemon).status().role == Role::Leader)
    })
    .await;
    first_acknowledged(&trio, leader, 1).await;
    // Without room anywhere writes are refused, and nothing is lost.
    ALL.iter().for_each(|daemon| trio.group(*daemon).set_disk_full(true));
    until("all full", || ALL.iter().all(|daemon| trio.group(*daemon).status().disk == DiskCondition::Full)).await;
    let refused = trio.group(trio.leader_now().await).propose(command(2)).await.unwrap_err();
    assert!(refused.is_refused(), "{refused}");
    ALL.iter().for_each(|daemon| trio.group(*daemon).set_disk_full(false));
    first_acknowledged(&trio, leader, 3).await;
    let seen = trio.read(leader).await;
    assert!(!seen.contains(&command(2)) && seen.contains(&command(3)), "{seen:?}");
    trio.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_whose_sync_fails_stops_and_says_why() {
    let trio = Trio::start(Limits::default()).await;
    let follower = trio.follower().await;
    let mut failure = trio.group(follower).failure();
    trio.disks[&follower].fail_syncs();
    trio.propose(trio.leader().await, &command(0)).await;
    let failed =
        tokio::time::timeout(Duration::from_secs(5), failure.wait_for(Option::is_some)).await.unwrap().unwrap();
    assert!(failed.as_ref().unwrap().to_string().contains("input/output error"), "{failed:?}");
    drop(failed);
    trio.stop().await;
}
