//! Peers that come and go, and identities that end, while the mesh runs.
#![allow(clippy::unwrap_used, reason = "the helpers of a test may panic as the test does")]

#[allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hanse_base::id::DaemonId;
use hanse_sync::error::{LinkError, MeshError};
use hanse_sync::identity::Identity;
use hanse_sync::lane::Lane;
use hanse_sync::limit::Limits;
use hanse_sync::mesh::{LinkState, Mesh};
use hanse_sync::peer::{Guests, Peer};
use support::{Authority, Cable, Member, echo, opened, peer, socket, start, stranger, until};
use tokio::task::JoinSet;

const ONE: DaemonId = DaemonId(1);
const TWO: DaemonId = DaemonId(2);
const THREE: DaemonId = DaemonId(3);
const LONG: Duration = Duration::from_secs(20);

/// A member of a federation whose members need not know each other.
struct Town {
    me: Peer,
    mesh: Mesh,
    _echo: JoinSet<()>,
}

fn town(authority: &Authority, daemon: u64) -> Town {
    town_of(authority, daemon, &format!("r{daemon}"))
}

fn town_of(authority: &Authority, daemon: u64, region: &str) -> Town {
    let (socket, address) = socket();
    let me = peer(daemon, region, address);
    let identity = authority.identity(daemon, me.region.as_str());
    let Member { mesh, incoming } = start(socket, me.clone(), Vec::new(), identity, Limits::default());
    Town { me, mesh, _echo: echo(incoming) }
}

impl Town {
    fn knows(&self, others: &[&Self]) {
        self.mesh.set_peers(others.iter().map(|other| other.me.clone()).collect(), Guests::Nobody).unwrap();
    }

    async fn call(&self, to: DaemonId) -> Result<Bytes, LinkError> {
        self.mesh.call(to, Lane::Raft, Bytes::from_static(b"hello"), LONG).await
    }
}

fn is_refused(mesh: &Mesh) -> bool {
    let refused = |state: &LinkState| matches!(state, LinkState::Down { not_a_member: true, .. });
    mesh.links().iter().any(|link| refused(&link.state) && refused(&link.bulk))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_come_and_go() {
    let authority = Authority::new();
    let [one, two, three] = [1, 2, 3].map(|daemon| town(&authority, daemon));
    assert_eq!(one.call(TWO).await, Err(LinkError::UnknownPeer(TWO)));
    one.knows(&[&two]);
    two.knows(&[&one]);
    // Openers wait for the first dial, which may come before the other side knows us.
    until(async || one.call(TWO).await.is_ok() && two.call(ONE).await.is_ok()).await;
    one.knows(&[&two, &three]);
    two.knows(&[&one, &three]);
    three.knows(&[&one, &two]);
    until(async || three.call(ONE).await.is_ok() && three.call(TWO).await.is_ok()).await;
    assert_eq!(one.mesh.links().len(), 2);

    // Three is removed: it sees its links end at once, with the reason, and is not let in again.
    let mut watch = opened(&three.mesh, ONE, Lane::Carry).await;
    watch.write_frame(Bytes::from_static(b"watch")).await.unwrap();
    let echoed = watch.read_frame(100).await.unwrap().unwrap();
    assert_eq!(echoed, "watch");
    let mut standing = three.mesh.open(ONE, Lane::Carry).await.unwrap();
    let since = Instant::now();
    one.knows(&[&two]);
    let end = standing.read_frame(100).await;
    println!("cut off after {:?}", since.elapsed());
    assert!(matches!(&end, Err(LinkError::Lost { why }) if why.contains("no longer a member")), "{end:?}");
    assert_eq!(one.call(THREE).await, Err(LinkError::UnknownPeer(THREE)));
    assert_eq!(one.mesh.links().len(), 1);
    until(async || is_refused(&three.mesh)).await;
    let refused = three.call(ONE).await.unwrap_err();
    assert!(matches!(refused, LinkError::NotAMember { .. }) && refused.nothing_done(), "{refused:?}");
    assert!(three.call(TWO).await.is_ok(), "two has not heard of it");
    assert!(one.call(TWO).await.is_ok());

    // And comes back.
    one.knows(&[&two, &three]);
    until(async || three.call(ONE).await.is_ok() && one.call(THREE).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_contradict_themselves_change_nothing() {
    let authority = Authority::new();
    let [one, two] = [1, 2].map(|daemon| town(&authority, daemon));
    one.knows(&[&two]);
    two.knows(&[&one]);
    until(async || one.call(TWO).await.is_ok()).await;
    let me = one.mesh.set_peers(vec![two.me.clone(), one.me.clone()], Guests::Nobody);
    assert!(matches!(me, Err(MeshError::Config(_))), "{me:?}");
    let other = one.mesh.set_identity(&authority.identity(1, "r2"));
    assert!(matches!(other, Err(MeshError::Identity(_))), "{other:?}");
    let mixed = Identity { key: authority.identity(1, "r1").key, ..authority.identity(1, "r1") };
    let mixed = one.mesh.set_identity(&mixed);
    assert!(matches!(mixed, Err(MeshError::Tls(_))), "{mixed:?}");
    assert!(one.call(TWO).await.is_ok());
    one.mesh.shutdown().await;
    one.knows(&[]);
    one.knows(&[&two]);
    let gone = one.call(TWO).await;
    assert!(matches!(gone, Err(LinkError::UnknownPeer(_) | LinkError::ShutDown)), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_whose_address_changed_is_dialed_there_and_nothing_fails() {
    let authority = Authority::new();
    let [one, two] = [1, 2].map(|daemon| town(&authority, daemon));
    let cable = Cable::lay(two.me.address);
    let mut there = two.me.clone();
    there.address = cable.near;
    // Nobody hears two when it dials: all goes through the cable.
    let (_silent, nobody) = socket();
    two.mesh.set_peers(vec![Peer { address: nobody, ..one.me.clone() }], Guests::Nobody).unwrap();
    one.mesh.set_peers(vec![there], Guests::Nobody).unwrap();
    until(async || one.call(TWO).await.is_ok()).await;
    let mut begun = opened(&one.mesh, TWO, Lane::Carry).await;
    one.knows(&[&two]);
    let bulk_since = |mesh: &Mesh| match &mesh.links()[0].bulk {
        LinkState::Connected { since, .. } => Some(*since),
        LinkState::Dialing | LinkState::Down { .. } => None,
    };
    let before = bulk_since(&one.mesh);
    until(async || {
        one.call(TWO).await.expect("a call while the peer moves");
        before.is_none() || bulk_since(&one.mesh) > before
    })
    .await;
    // What was begun on the old link goes on there.
    begun.write_frame(Bytes::from_static(b"old")).await.unwrap();
    assert_eq!(begun.read_frame(100).await.unwrap().unwrap(), "old");
    cable.cut();
    for _ in 0..20 {
        one.call(TWO).await.unwrap();
        let mut stream = one.mesh.open(TWO, Lane::Carry).await.unwrap();
        stream.write_frame(Bytes::from_static(b"new")).await.unwrap();
        assert_eq!(stream.read_frame(100).await.unwrap().unwrap(), "new");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_change_faster_than_links_come_about_leave_nothing_behind() {
    let authority = Authority::new();
    let [one, two, three] = [1, 2, 3].map(|daemon| town(&authority, daemon));
    let (_silent, nobody) = socket();
    let elsewhere = Peer { address: nobody, ..two.me.clone() };
    two.knows(&[&one]);
    three.knows(&[&one]);
    for round in 0..300_u32 {
        match round % 4 {
            0 => one.knows(&[&two]),
            1 => one.knows(&[&two, &three]),
            2 => one.mesh.set_peers(vec![elsewhere.clone()], Guests::Nobody).unwrap(),
            _ => one.knows(&[]),
        }
        if round % 8 == 0 {
            drop(tokio::time::timeout(Duration::from_millis(5), one.call(TWO)).await);
        }
        tokio::task::yield_now().await;
    }
    one.knows(&[&two, &three]);
    until(async || one.call(TWO).await.is_ok() && one.call(THREE).await.is_ok()).await;
    until(async || two.call(ONE).await.is_ok() && three.call(ONE).await.is_ok()).await;
    for town in [one, two, three] {
        town.mesh.shutdown().await;
        drop(town);
    }
    let metrics = tokio::runtime::Handle::current().metrics();
    until(async || metrics.num_alive_tasks() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_of_the_federation_hears_why_it_is_not_let_in() {
    let authority = Authority::new();
    let one = town(&authority, 1);
    let connection = stranger(&authority.identity(9, "eu"), b"hanse/1", one.me.address).await.unwrap();
    let why = connection.closed().await.to_string();
    assert!(why.contains("daemon 9 of region eu is not a member of the federation"), "{why}");
    let connection = stranger(&Authority::new().identity(9, "eu"), b"hanse/1", one.me.address).await;
    // The handshake of the dialing side can be through before the other side has looked.
    let why = match connection {
        Ok(connection) => connection.closed().await.to_string(),
        Err(why) => why,
    };
    assert!(!why.contains("is not a member"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_of_the_own_region_is_a_guest_until_it_is_named() {
    let authority = Authority::new();
    let [one, two] = [1, 2].map(|daemon| town_of(&authority, daemon, "eu"));
    let all_but = |removed: &[DaemonId]| Guests::AllBut(removed.iter().copied().collect());
    // Nobody is before guests are welcome.
    two.knows(&[&one]);
    until(async || is_refused(&two.mesh)).await;
    assert!(one.mesh.links().is_empty());
    one.mesh.set_peers(vec![], all_but(&[THREE])).unwrap();
    until(async || two.call(ONE).await.is_ok() && one.call(TWO).await.is_ok()).await;
    assert_eq!(one.mesh.links()[0].peer, two.me, "it listens where it dialed from");
    let mut standing = opened(&two.mesh, ONE, Lane::Carry).await;
    // It becomes a peer, and a guest again, without losing a link.
    one.knows(&[&two]);
    one.mesh.set_peers(vec![], all_but(&[THREE])).unwrap();
    standing.write_frame(Bytes::from_static(b"still")).await.unwrap();
    assert_eq!(standing.read_frame(100).await.unwrap().unwrap(), "still");
    let mut standing = opened(&two.mesh, ONE, Lane::Carry).await;
    one.mesh.set_peers(vec![], all_but(&[TWO])).unwrap();
    let end = standing.read_frame(100).await;
    assert!(matches!(&end, Err(LinkError::Lost { why }) if why.contains("no longer a member")), "{end:?}");
    until(async || is_refused(&two.mesh)).await;
    assert!(one.mesh.links().is_empty());
    // The way back alone is enough: two dials nobody any more.
    one.mesh.set_peers(vec![], all_but(&[])).unwrap();
    until(async || two.call(ONE).await.is_ok()).await;
    two.knows(&[]);
    until(async || is_refused(&one.mesh)).await;
    two.mesh.set_peers(vec![], all_but(&[])).unwrap();
    until(async || one.call(TWO).await.is_ok() && two.call(ONE).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_removed_or_is_of_another_region_is_no_guest() {
    let authority = Authority::new();
    let one = town_of(&authority, 1, "eu");
    one.mesh.set_peers(vec![], Guests::AllBut([DaemonId(9)].into())).unwrap();
    for (daemon, region) in [(9, "eu"), (8, "us"), (1, "eu")] {
        let connection = stranger(&authority.identity(daemon, region), b"hanse/1", one.me.address).await.unwrap();
        let why = connection.closed().await.to_string();
        assert!(
            why.contains(&format!("daemon {daemon} of region {region} is not a member of the federation")),
            "{why}"
        );
    }
    assert!(one.mesh.links().is_empty());
}

/// Whether a daemon with this identity is let in, by a federation that has it among its members.
async fn is_let_in(authority: &Authority, identity: &Identity) -> Result<(), String> {
    let one = town(authority, 1);
    one.mesh.set_peers(vec![peer(7, "eu", "127.0.0.1:9".parse().unwrap())], Guests::Nobody).unwrap();
    let connection = stranger(identity, b"hanse/1", one.me.address).await?;
    let mut greeting = connection.open_uni().await.map_err(|error| error.to_string())?;
    greeting.write_all(&[1, 1, 0, 0, 0, 0, 0, 0, 0, 7]).await.map_err(|error| error.to_string())?;
    greeting.finish().map_err(|error| error.to_string())?;
    connection.accept_uni().await.map(drop).map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_region_signs_for_its_own_daemons_only() {
    let authority = Authority::new();
    assert_eq!(is_let_in(&authority, &authority.identity(7, "eu")).await, Ok(()));
    let mixed = |certificates: Vec<Vec<u8>>, of: Identity| Identity { certificates, ..of };
    let (foreign, own) = (authority.identity_by("us", 7, "eu"), authority.identity(7, "eu"));
    let borrowed = mixed(vec![foreign.certificates[0].clone(), own.certificates[1].clone()], foreign.clone());
    let stacked = mixed([&foreign.certificates[..], &own.certificates[1..]].concat(), foreign.clone());
    let bare = mixed(own.certificates[..1].to_vec(), own.clone());
    let other = Authority::new().identity(7, "eu");
    for (hostile, what) in [
        (&foreign, "another region's authority signed it"),
        (&borrowed, "another region's authority signed it, and the own one is shown"),
        (&stacked, "another region's authority signed it, and both are shown"),
        (&authority.identity_by_root(7, "eu", false), "the root signed it"),
        (&authority.identity_by_root(7, "eu", true), "the root signed it, and the authority is shown"),
        (&bare, "the authority is not shown"),
        (&other, "another federation's root"),
    ] {
        let refused = is_let_in(&authority, hostile).await;
        println!("{what}: {refused:?}");
        assert!(refused.is_err(), "{what}");
    }
}

/// How long certificates live in the tests below: X.509 counts in seconds.
const LIFE: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renewed_identities_fail_no_call_and_one_that_is_not_renewed_is_cut_off() {
    let authority = Authority::new();
    let identity = |daemon: u64| authority.identity_for(daemon, &format!("r{daemon}"), LIFE);
    let [one, two] = [1, 2].map(|daemon| town(&authority, daemon));
    for town in [&one, &two] {
        town.mesh.set_identity(&identity(town.me.daemon.0)).unwrap();
    }
    one.knows(&[&two]);
    two.knows(&[&one]);
    until(async || one.call(TWO).await.is_ok() && two.call(ONE).await.is_ok()).await;
    drop((opened(&one.mesh, TWO, Lane::Carry).await, opened(&two.mesh, ONE, Lane::Carry).await));
    let stop = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    for (mesh, to, lane) in [(&one.mesh, TWO, Lane::Raft), (&two.mesh, ONE, Lane::Carry), (&one.mesh, TWO, Lane::Carry)]
    {
        let (mesh, stop) = (mesh.clone(), Arc::clone(&stop));
        callers.spawn(async move {
            let mut calls = 0;
            while !stop.load(Ordering::SeqCst) {
                let answer = mesh.call(to, lane, Bytes::from_static(b"x"), LONG).await;
                assert_eq!(answer, Ok(Bytes::from_static(b"x")), "call {calls} failed");
                calls += 1;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            calls
        });
    }
    let began = Instant::now();
    // Each at two thirds of its life, and not at the same time.
    for _ in 0..3 {
        tokio::time::sleep(LIFE / 3).await;
        two.mesh.set_identity(&identity(2)).unwrap();
        tokio::time::sleep(LIFE / 3).await;
        one.mesh.set_identity(&identity(1)).unwrap();
    }
    let links = one.mesh.links();
    let LinkState::Connected { since, .. } = links[0].state else { panic!("{links:?}") };
    assert!(since > began + LIFE, "the links were replaced");
    stop.store(true, Ordering::SeqCst);
    while let Some(calls) = callers.join_next().await {
        println!("{} calls in {:?}, none failed", calls.unwrap(), began.elapsed());
    }
    // Two renews no longer. Its certificate ends on a standing link, too.
    let mut standing = two.mesh.open(ONE, Lane::Carry).await.unwrap();
    let since = Instant::now();
    while since.elapsed() < LIFE + Duration::from_secs(2) {
        one.mesh.set_identity(&identity(1)).unwrap();
        tokio::time::sleep(LIFE / 6).await;
    }
    let end = standing.read_frame(100).await;
    assert!(matches!(&end, Err(LinkError::Lost { .. })), "{end:?}");
    until(async || matches!(one.call(TWO).await, Err(LinkError::Unreachable { .. }))).await;
    let links = one.mesh.links();
    assert!(matches!(&links[0].state, LinkState::Down { why, .. } if why.contains("xpired")), "{links:?}");
    // And it is back with the next one.
    two.mesh.set_identity(&identity(2)).unwrap();
    until(async || two.call(ONE).await.is_ok() && one.call(TWO).await.is_ok()).await;
}
