//! Requests to join: by whom they are believed, and what else a connection without a certificate can do, which is nothing.
#![allow(clippy::unwrap_used, reason = "the helpers of a test may panic as the test does")]

#[allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]
mod support;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hanse_base::id::{DaemonId, RegionName};
use hanse_sync::join::{self, ANSWER_BYTES_MAX, JOINS_MAX, JoinError, JoinRequest, REQUEST_BYTES_MAX, Target};
use hanse_sync::lane::Lane;
use hanse_sync::limit::Limits;
use hanse_sync::mesh::Incoming;
use hanse_sync::peer::Guests;
use support::{Authority, Member, echo, peer, socket, start, stranger, stranger_without_certificate, until};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

const LONG: Duration = Duration::from_secs(20);

/// One daemon that takes joins.
struct Town {
    authority: Authority,
    address: SocketAddr,
    member: Member,
    joins: mpsc::Receiver<JoinRequest>,
}

fn town() -> Town {
    let authority = Authority::new();
    let (socket, address) = socket();
    let member = start(socket, peer(1, "eu", address), Vec::new(), authority.identity(1, "eu"), Limits::default());
    let joins = member.mesh.take_joins();
    Town { authority, address, member, joins }
}

impl Town {
    fn target(&self) -> Target {
        let digest = ring::digest::digest(&ring::digest::SHA256, &self.authority.root());
        Target {
            federation: "hansa".to_owned(),
            region: Some(RegionName::new("eu").unwrap()),
            root_sha256: digest.as_ref().try_into().unwrap(),
        }
    }

    fn nothing_came(&mut self) -> bool {
        self.joins.try_recv().is_err() && self.member.incoming.try_recv().is_err()
    }
}

/// Answers each request with itself, turned round.
fn answering(mut joins: mpsc::Receiver<JoinRequest>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Some(request) = joins.recv().await {
            let answer: Vec<u8> = request.request.iter().rev().copied().collect();
            request.answer(Bytes::from(answer));
        }
    });
    tasks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_answered_by_a_daemon_below_the_root() {
    let town = town();
    let (target, address) = (town.target(), town.address);
    let _answers = answering(town.joins);
    let (_silent, nobody) = socket();
    let request = Bytes::from_static(b"let me in");
    let answer = join::call(&[nobody, address], &target, request.clone()).await;
    assert_eq!(answer, Ok(Bytes::from_static(b"ni em tel")), "the second address is asked when the first is silent");
    let any = Target { region: None, ..target.clone() };
    let longest = Bytes::from(vec![7; REQUEST_BYTES_MAX]);
    assert_eq!(join::call(&[address], &any, longest.clone()).await, Ok(longest));
    assert_eq!(join::call(&[], &target, request.clone()).await, Err(JoinError::NoAddress));
    let longer = Bytes::from(vec![7; REQUEST_BYTES_MAX + 1]);
    assert_eq!(join::call(&[address], &any, longer).await, Err(JoinError::TooLong));
    let since = Instant::now();
    assert!(matches!(join::call(&[nobody], &target, request).await, Err(JoinError::Unreachable { .. })));
    assert!(since.elapsed() < LONG);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_told_to_whoever_is_not_the_pinned_federation() {
    let mut town = town();
    let target = town.target();
    let mut other_root = target.clone();
    other_root.root_sha256[31] ^= 1;
    for (hostile, word) in [
        (other_root, "not the root of the federation"),
        (Target { federation: "other".to_owned(), ..target.clone() }, "another federation"),
        (
            Target { region: Some(RegionName::new("us").unwrap()), ..target.clone() },
            "expected was daemon 1 in region us",
        ),
    ] {
        let refused = join::call(&[town.address], &hostile, Bytes::from_static(b"secret")).await;
        assert!(matches!(&refused, Err(JoinError::NotTrusted { why, .. }) if why.contains(word)), "{refused:?}");
    }
    // Its root is shown, and it is not below it.
    let (socket, address) = socket();
    let mut pretended = Authority::new().identity(1, "eu");
    pretended.roots = vec![town.authority.root()];
    let hostile = start(socket, peer(1, "eu", address), Vec::new(), pretended, Limits::default());
    let mut heard = hostile.mesh.take_joins();
    let refused = join::call(&[address], &target, Bytes::from_static(b"secret")).await;
    assert!(matches!(refused, Err(JoinError::NotTrusted { .. })), "{refused:?}");
    assert!(heard.try_recv().is_err() && town.nothing_came());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_answered_is_turned_away() {
    let mut town = town();
    let mut tasks = JoinSet::new();
    let (address, target) = (town.address, town.target());
    let ask = move || {
        let target = target.clone();
        async move { join::call(&[address], &target, Bytes::from_static(b"x")).await }
    };
    tasks.spawn(ask());
    drop(town.joins.recv().await.unwrap());
    let refused = tasks.join_next().await.unwrap().unwrap();
    assert!(matches!(&refused, Err(JoinError::Unanswered { why, .. }) if why.contains("not answered")), "{refused:?}");
    tasks.spawn(ask());
    town.joins.recv().await.unwrap().answer(Bytes::from(vec![0; ANSWER_BYTES_MAX + 1]));
    assert!(matches!(tasks.join_next().await.unwrap().unwrap(), Err(JoinError::Unanswered { .. })));
    // Nobody takes joins any more.
    drop(town.joins);
    assert!(matches!(ask().await, Err(JoinError::Unanswered { .. })));
}

async fn refused_at_the_door(connection: Result<quinn::Connection, String>) -> String {
    match connection {
        Ok(connection) => connection.closed().await.to_string(),
        Err(why) => why,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_and_protocols_are_not_mixed() {
    let mut town = town();
    let without = stranger_without_certificate(b"hanse/1", town.address).await;
    let why = refused_at_the_door(without).await;
    assert!(why.contains("a peer proves itself with a certificate"), "{why}");
    let with = stranger(&town.authority.identity(2, "eu"), b"hanse-join/1", town.address).await;
    let why = refused_at_the_door(with).await;
    assert!(why.contains("who wants to join has none"), "{why}");
    let hostile = stranger(&Authority::new().identity(2, "eu"), b"hanse-join/1", town.address).await;
    refused_at_the_door(hostile).await;
    let unknown = stranger_without_certificate(b"hanse-join/2", town.address).await;
    assert!(unknown.is_err());
    assert!(town.nothing_came());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_joiner_has_one_stream_and_little_room_and_time() {
    let mut town = town();
    let dial = async || stranger_without_certificate(b"hanse-join/1", town.address).await.unwrap();
    // It says nothing.
    let silent = dial().await;
    let since = Instant::now();
    let why = silent.closed().await.to_string();
    println!("cut off after {:?}: {why}", since.elapsed());
    assert!(why.contains("took too long") && since.elapsed() < LONG, "{why}");
    // It never ends its request, and opens more streams.
    let endless = dial().await;
    let (mut send, _receive) = endless.open_bi().await.unwrap();
    send.write_all(b"\x01\0\0\0\x01x").await.unwrap();
    let more = tokio::time::timeout(Duration::from_millis(500), endless.open_bi()).await;
    assert!(more.is_err(), "a second stream waits for ever");
    assert!(endless.closed().await.to_string().contains("took too long"));
    // It sends more than a request can be.
    let flood = dial().await;
    let (mut send, _receive) = flood.open_bi().await.unwrap();
    let mut written = 0;
    while let Ok(Ok(count)) = tokio::time::timeout(Duration::from_secs(1), send.write(&[0; 4096])).await {
        written += count;
    }
    println!("{written} bytes of a flood were sent");
    assert!(written < 400_000, "{written}");
    flood.closed().await;
    assert!(town.nothing_came());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_joiners_does_not_disturb_the_mesh() {
    let town = town();
    let (socket_two, address_two) = socket();
    let identity = town.authority.identity(2, "us");
    let two =
        start(socket_two, peer(2, "us", address_two), vec![peer(1, "eu", town.address)], identity, Limits::default());
    town.member.mesh.set_peers(vec![peer(2, "us", address_two)], Guests::Nobody).unwrap();
    let (target, address, mut joins) = (town.target(), town.address, town.joins);
    let Member { mesh, incoming }: Member = town.member;
    let incoming: mpsc::Receiver<Incoming> = incoming;
    let _echo = echo(incoming);
    let calls = async || two.mesh.call(DaemonId(1), Lane::Raft, Bytes::from_static(b"x"), LONG).await.is_ok();
    until(async || calls().await).await;
    let mut crowd = JoinSet::new();
    for number in 0..40_u8 {
        let target = target.clone();
        crowd.spawn(async move { join::call(&[address], &target, Bytes::from(vec![number])).await });
    }
    // None is answered until all have come or been turned away.
    let mut taken = Vec::new();
    let mut turned_away = 0;
    while taken.len() + turned_away < 40 {
        tokio::select! {
            Some(request) = joins.recv() => taken.push(request),
            Some(outcome) = crowd.join_next() => {
                assert!(matches!(outcome.unwrap(), Err(JoinError::Unanswered { .. } | JoinError::Unreachable { .. })));
                turned_away += 1;
            }
        }
        assert!(taken.len() <= JOINS_MAX);
        assert!(calls().await);
    }
    println!("{} of a crowd were heard, {turned_away} turned away", taken.len());
    for request in taken.drain(..) {
        let answer = request.request.clone();
        request.answer(answer);
    }
    while let Some(outcome) = crowd.join_next().await {
        assert!(outcome.unwrap().is_ok());
    }
    mesh.shutdown().await;
}
