//! A group that begins again from a state.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use hanse_base::clock::SystemClock;
use hanse_base::id::{DaemonId, GroupId, LogIndex, Term};
use hanse_base::random::SystemRandom;

use crate::config::GroupConfig;
use crate::error::StartError;
use crate::group::{Group, Seams};
use crate::machine::Machine;
use crate::restore::{Origin, restore};
use crate::testing::disk::{Crash, FaultDisk};
use crate::testing::machine::{ListMachine, Seen};
use crate::testing::net::Hub;

const ORIGIN: Origin = Origin { term: Term(1_900_000_000), index: LogIndex(77), salt: 5 };

fn config() -> GroupConfig {
    // The configuration may name more voters: a restored group has one.
    let voters = BTreeSet::from([DaemonId(1), DaemonId(2), DaemonId(3)]);
    GroupConfig::new(GroupId::new("eu").unwrap(), DaemonId(1), "/data/group".into(), voters)
}

fn state(commands: usize) -> (ListMachine, Vec<Bytes>) {
    let mut machine = ListMachine::default();
    let commands: Vec<Bytes> = (0..commands).map(|number| Bytes::from(format!("before {number}"))).collect();
    machine.apply(LogIndex(1), &commands);
    machine.publish();
    (machine, commands)
}

async fn start(disk: &FaultDisk) -> (Group, Seen) {
    let machine = ListMachine::default();
    let seen = machine.seen.clone();
    let (net, clock, random) =
        (Hub::default().net(DaemonId(1)), Arc::new(SystemClock::default()), Arc::new(SystemRandom));
    let seams = Seams { disk: Arc::new(disk.clone()), net, clock, random };
    (Group::start(config(), machine, seams).await.unwrap(), seen)
}

#[tokio::test]
async fn a_restored_group_goes_on_where_the_state_ends_with_one_voter_and_in_a_later_term() {
    let disk = FaultDisk::default();
    let (machine, mut expected) = state(100);
    restore(&config(), Arc::new(disk.clone()), ORIGIN, machine.snapshot()).await.unwrap();
    // All of it is durable.
    disk.crash(Crash::LoseAll);
    for round in 0..3 {
        let (group, seen) = start(&disk).await;
        group.read_index().await.unwrap();
        assert_eq!(seen.list(), expected, "round {round}");
        let status = group.status();
        assert!(status.term > ORIGIN.term, "{status:?}");
        assert_eq!(status.voters, BTreeSet::from([DaemonId(1)]));
        let command = Bytes::from(format!("after {round}"));
        let proposed = group.propose(command.clone()).await.unwrap();
        assert!(proposed.index > ORIGIN.index);
        expected.push(command);
        group.shutdown().await;
    }
}

#[tokio::test]
async fn nothing_is_restored_over_a_group_that_is_there() {
    let disk = FaultDisk::default();
    let (machine, _) = state(1);
    restore(&config(), Arc::new(disk.clone()), ORIGIN, machine.snapshot()).await.unwrap();
    let again = restore(&config(), Arc::new(disk.clone()), ORIGIN, machine.snapshot()).await;
    assert!(matches!(again, Err(StartError::Configuration(_))), "{again:?}");
    let (group, seen) = start(&disk).await;
    group.read_index().await.unwrap();
    assert_eq!(seen.len(), 1);
    group.shutdown().await;
}
