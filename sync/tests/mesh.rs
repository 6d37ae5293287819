//! The mesh between real sockets: what it carries, whom it lets in, and how it behaves when peers go and come.

#[allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]
mod support;

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hanse_base::id::DaemonId;
use hanse_base::net::{Net, NetError};
use hanse_sync::error::{LinkError, MeshError};
use hanse_sync::lane::Lane;
use hanse_sync::limit::Limits;
use hanse_sync::mesh::{LinkState, Mesh, MeshConfig};
use hanse_sync::net::MeshNet;
use hanse_sync::peer::Peer;
use support::{Authority, Cable, Member, echo, linked, opened, peer, socket, start, until};

const ONE: DaemonId = DaemonId(1);
const TWO: DaemonId = DaemonId(2);
const THREE: DaemonId = DaemonId(3);
const LONG: Duration = Duration::from_secs(20);

/// Whether the peer answers soon; to be asked again.
async fn calls(mesh: &Mesh, to: DaemonId) -> bool {
    calls_within(mesh, to, Duration::from_millis(500)).await
}

async fn calls_within(mesh: &Mesh, to: DaemonId, patience: Duration) -> bool {
    let asked = Bytes::from_static(b"are you there");
    mesh.call(to, Lane::Raft, asked.clone(), patience).await == Ok(asked)
}

fn down(mesh: &Mesh) -> Option<String> {
    let links = mesh.links();
    match &links[0].state {
        LinkState::Down { why, .. } => Some(why.clone()),
        LinkState::Connected { .. } | LinkState::Dialing => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_member_can_call_every_other() {
    let members = linked(3, &Limits::default()).await;
    let meshes: Vec<Mesh> = members.iter().map(|member| member.mesh.clone()).collect();
    let _echoes: Vec<_> = members.into_iter().map(|member| echo(member.incoming)).collect();
    for from in &meshes {
        for to in [ONE, TWO, THREE] {
            let asked = Bytes::from(vec![7; 100_000]);
            let answer = from.call(to, Lane::Names, asked.clone(), LONG).await;
            if to == from.me() {
                assert_eq!(answer, Err(LinkError::UnknownPeer(to)));
            } else {
                assert_eq!(answer, Ok(asked));
            }
        }
        let links = from.links();
        assert_eq!(links.len(), 2);
        assert!(links.iter().all(|link| matches!(link.state, LinkState::Connected { .. })), "{links:?}");
        assert!(links.iter().all(|link| link.bytes_in > 100_000 && link.bytes_out > 100_000), "{links:?}");
    }
    for mesh in &meshes {
        mesh.shutdown().await;
        mesh.shutdown().await;
        assert!(matches!(mesh.call(ONE, Lane::Raft, Bytes::new(), LONG).await, Err(error) if error.nothing_done()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_carries_frames_and_chunks_both_ways() {
    let [one, mut two] = <[Member; 2]>::try_from(linked(2, &Limits::default()).await).ok().unwrap();
    let mut near = one.mesh.open(TWO, Lane::Carry).await.unwrap();
    let incoming = two.incoming.recv().await.unwrap();
    assert_eq!((incoming.peer.daemon, incoming.peer.region.as_str(), incoming.lane), (ONE, "r1", Lane::Carry));
    let mut far = incoming.stream;
    // The side that did not open the stream speaks first.
    far.write_frame(Bytes::from_static(b"welcome")).await.unwrap();
    assert_eq!(near.read_frame(100).await.unwrap().unwrap(), "welcome");
    for frame in ["", "a", "bc"] {
        near.write_frame(Bytes::from_static(frame.as_bytes())).await.unwrap();
    }
    near.write_chunk(Bytes::from_static(b"raw")).await.unwrap();
    near.finish().unwrap();
    for frame in ["", "a", "bc"] {
        assert_eq!(far.read_frame(100).await.unwrap().unwrap(), frame);
    }
    let mut raw = Vec::new();
    while let Some(chunk) = far.read_chunk().await.unwrap() {
        raw.extend_from_slice(&chunk);
    }
    assert_eq!(raw, b"raw");
    far.finish().unwrap();
    assert_eq!(near.read_frame(100).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_waits_for_a_reader_that_does_not_read() {
    let limits = Limits { stream_window_bytes: 64 << 10, send_window_bytes: 256 << 10, ..Limits::default() };
    let [one, mut two] = <[Member; 2]>::try_from(linked(2, &limits).await).ok().unwrap();
    let (mut send, _receive) = one.mesh.open(TWO, Lane::Carry).await.unwrap().split();
    let mut far = two.incoming.recv().await.unwrap().stream;
    const CHUNK: usize = 16 << 10;
    const CHUNKS: usize = 512;
    let (written, mut progress) = tokio::sync::watch::channel(0_usize);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        for number in 0..CHUNKS {
            send.write_chunk(Bytes::from(vec![u8::try_from(number % 251).unwrap(); CHUNK])).await.unwrap();
            written.send_replace(number + 1);
        }
        send.finish().unwrap();
    });
    // The writer stands still at the windows, far from the end.
    progress.wait_for(|count| *count > 0).await.unwrap();
    while tokio::time::timeout(Duration::from_millis(200), progress.changed()).await.is_ok() {}
    let stood_at = *progress.borrow() * CHUNK;
    assert!(stood_at <= (64 << 10) + (256 << 10) + 2 * CHUNK, "{stood_at} bytes were written to nobody");
    let mut position = 0;
    while let Some(chunk) = far.read_chunk().await.unwrap() {
        for byte in chunk {
            assert_eq!(usize::from(byte), position / CHUNK % 251, "at {position}");
            position += 1;
        }
    }
    assert_eq!(position, CHUNK * CHUNKS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unread_carried_streams_do_not_stop_raft() {
    let limits = Limits { link_window_bytes: 256 << 10, ..Limits::default() };
    let [one, two] = <[Member; 2]>::try_from(linked(2, &limits).await).ok().unwrap();
    let (near, mut streams) = (one.mesh, two.incoming);
    let mut carried = near.open(TWO, Lane::Carry).await.unwrap();
    let unread = streams.recv().await.unwrap();
    let _echo = echo(streams);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { while carried.write_chunk(Bytes::from(vec![0; 64 << 10])).await.is_ok() {} });
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(near.call(TWO, Lane::Raft, Bytes::from(vec![1; 9000]), LONG).await.unwrap().len(), 9000);
    }
    assert_eq!(unread.lane, Lane::Carry);
}

/// What a member hears of a peer at `two` when it starts as `one`, and what the peer says about the member.
async fn meeting(one: (Authority, u64, &str, &str), two: (Authority, u64, &str), known: (u64, &str)) -> (Mesh, Member) {
    let (authority, daemon, region, expected_region) = one;
    let (socket_one, address_one) = socket();
    let (socket_two, address_two) = socket();
    let identity = authority.identity(daemon, region);
    let near = start(
        socket_one,
        peer(daemon, region, address_one),
        vec![peer(two.1, expected_region, address_two)],
        identity,
        Limits::default(),
    );
    let identity = two.0.identity(two.1, two.2);
    let far = start(
        socket_two,
        peer(two.1, two.2, address_two),
        // The far side never reaches anyone by itself: nobody listens there.
        vec![peer(known.0, known.1, "127.0.0.1:9".parse().expect("an address"))],
        identity,
        Limits::default(),
    );
    until(async || down(&near.mesh).is_some() || calls(&near.mesh, TWO).await).await;
    (near.mesh, far)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_of_another_authority_is_refused() {
    let (near, mut far) = meeting((Authority::new(), 1, "eu", "us"), (Authority::new(), 2, "us"), (1, "eu")).await;
    assert!(matches!(near.open(TWO, Lane::Raft).await, Err(LinkError::Unreachable { .. })), "{:?}", near.links());
    assert!(far.incoming.try_recv().is_err());
}

/// One authority for both sides.
fn shared() -> (Authority, Authority) {
    let authority = Authority::new();
    (authority.clone(), authority)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_is_not_configured_is_refused() {
    let (one, two) = shared();
    let (near, mut far) = meeting((one, 1, "eu", "us"), (two, 2, "us"), (7, "eu")).await;
    let why = down(&near).expect("the peer is down");
    assert!(why.contains("daemon 1 of region eu is not a member"), "{why}");
    assert!(matches!(near.open(TWO, Lane::Raft).await, Err(LinkError::NotAMember { .. })), "{why}");
    assert!(far.incoming.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_of_another_region_than_configured_is_refused_by_both_sides() {
    let (one, two) = shared();
    let (near, _far) = meeting((one, 1, "eu", "ap"), (two, 2, "us"), (1, "eu")).await;
    let why = down(&near).expect("the dialer does not believe the peer");
    assert!(why.contains("region us") && why.contains("region ap"), "{why}");
    let (one, two) = shared();
    let (near, _far) = meeting((one, 1, "eu", "us"), (two, 2, "us"), (1, "ap")).await;
    assert!(down(&near).is_some(), "the peer does not believe the dialer");
}

#[tokio::test]
async fn a_mesh_does_not_start_with_a_certificate_of_someone_else() {
    let (socket, address) = socket();
    let config = MeshConfig {
        federation: "hansa".to_owned(),
        me: peer(1, "eu", address),
        peers: Vec::new(),
        identity: Authority::new().identity(2, "eu"),
        listen: address,
        limits: Limits::default(),
    };
    let twice = MeshConfig { peers: vec![peer(1, "us", address)], ..config.clone() };
    assert!(matches!(Mesh::start_on(config, socket.try_clone().unwrap()), Err(MeshError::Identity(_))));
    assert!(matches!(Mesh::start_on(twice, socket), Err(MeshError::Config(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn junk_on_the_port_does_no_harm() {
    let [one, two] = <[Member; 2]>::try_from(linked(2, &Limits::default()).await).ok().unwrap();
    let target = two.mesh.address();
    let _echo = echo(two.incoming);
    assert!(calls_within(&one.mesh, TWO, LONG).await);
    let mut flood = tokio::task::JoinSet::new();
    flood.spawn_blocking(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for number in 0..3000_usize {
            let bytes: Vec<u8> = (0..number % 1400)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    state.to_be_bytes()[0]
                })
                .collect();
            drop(socket.send_to(&bytes, target));
            // A long header of QUIC version 1 with junk behind it.
            let mut initial = vec![0xc3, 0, 0, 0, 1, 8];
            initial.extend_from_slice(&bytes);
            initial.resize(1200, 0);
            drop(socket.send_to(&initial, target));
        }
    });
    let mut count = 0;
    while flood.try_join_next().is_none() {
        let asked = Bytes::from_static(b"still there");
        assert_eq!(one.mesh.call(TWO, Lane::Raft, asked.clone(), LONG).await, Ok(asked));
        count += 1;
    }
    assert!(count > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_protocols_greetings_and_lanes_are_refused_and_harm_nobody() {
    let authority = Authority::new();
    let ((socket_one, address_one), (socket_two, address_two)) = (socket(), socket());
    let (one, two) = (peer(1, "eu", address_one), peer(2, "us", address_two));
    // Daemon 3 is known, and not what it seems.
    let three = peer(3, "ap", "127.0.0.1:9".parse().unwrap());
    let identity = authority.identity(1, "eu");
    let limits = Limits { handshake_timeout: Duration::from_millis(500), half_open_max: 4, ..Limits::default() };
    let target = start(socket_one, one.clone(), vec![two.clone(), three], identity, limits);
    let friend = start(socket_two, two, vec![one], authority.identity(2, "us"), Limits::default());
    let _echo = echo(target.incoming);
    assert!(friend.mesh.call(ONE, Lane::Raft, Bytes::new(), LONG).await.is_ok());
    let strange = authority.identity(3, "ap");

    let refused = support::stranger(&strange, b"hanse/9", address_one).await;
    assert!(refused.as_ref().is_err_and(|why| why.contains("known protocol")), "{refused:?}");

    let unknown = authority.identity(4, "ap");
    let mut ends = Vec::new();
    for (identity, greeting) in [
        (&unknown, &[1, 1, 0, 0, 0, 0, 0, 0, 0, 1][..]),
        (&strange, b"junk"),
        (&strange, &[9, 1, 0, 0, 0, 0, 0, 0, 0, 1]),
        (&strange, &[0; 100_000]),
        (&strange, &[]),
    ] {
        let connection = support::stranger(identity, b"hanse/1", address_one).await.unwrap();
        if let Ok(mut stream) = connection.open_uni().await
            && !greeting.is_empty()
        {
            drop(stream.write_all(greeting).await);
            drop(stream.finish());
        }
        ends.push(connection.closed().await);
    }
    println!("{ends:?}");

    let connection = support::stranger(&strange, b"hanse/1", address_one).await.unwrap();
    let mut stream = connection.open_uni().await.unwrap();
    stream.write_all(&[1, 1, 0, 0, 0, 0, 0, 0, 0, 1]).await.unwrap();
    stream.finish().unwrap();
    let greeting = connection.accept_uni().await.unwrap().read_to_end(100).await.unwrap();
    assert_eq!((greeting.len(), &greeting[..2]), (10, &[1, 1][..]));
    for lane in [0, 7, 99, 255] {
        let (mut send, mut receive) = connection.open_bi().await.unwrap();
        send.write_all(&[lane]).await.unwrap();
        let end = receive.read_to_end(10).await;
        assert!(end.as_ref().is_err_and(|error| format!("{error:?}").contains("Reset(2)")), "{end:?}");
    }
    // A frame that claims more than is allowed, and a stream that ends within its frame.
    let (mut send, receive) = connection.open_bi().await.unwrap();
    send.write_all(&[1, 0xff, 0xff, 0xff, 0xff, 0]).await.unwrap();
    assert_eq!(send.stopped().await.unwrap().map(quinn::VarInt::into_inner), Some(3));
    drop(receive);
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    send.write_all(&[1, 0, 0, 0, 9, 0]).await.unwrap();
    send.finish().unwrap();
    assert!(receive.read_to_end(10).await.is_err());
    assert!(friend.mesh.call(ONE, Lane::Raft, Bytes::new(), LONG).await.is_ok());
    assert!(target.mesh.call(TWO, Lane::Raft, Bytes::new(), Duration::from_millis(1)).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_is_too_long_ends_its_stream_only() {
    let [one, mut two] = <[Member; 2]>::try_from(linked(2, &Limits::default()).await).ok().unwrap();
    let mut near = one.mesh.open(TWO, Lane::Names).await.unwrap();
    let mut far = two.incoming.recv().await.unwrap().stream;
    near.write_frame(Bytes::from(vec![0; 2000])).await.unwrap();
    assert_eq!(far.read_frame(1000).await, Err(LinkError::FrameTooLarge { bytes: 2000, bytes_max: 1000 }));
    near.hung_up().await;
    let too_long = near.write_frame(Bytes::from(vec![0; (16 << 20) + 1])).await;
    assert!(matches!(too_long, Err(LinkError::FrameTooLarge { .. })));
    assert!(matches!(near.write_frame(Bytes::new()).await, Err(LinkError::HungUp { code: 3 })));
    let _echo = echo(two.incoming);
    assert!(calls_within(&one.mesh, TWO, LONG).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_side_notices_when_the_other_hangs_up() {
    let [one, mut two] = <[Member; 2]>::try_from(linked(2, &Limits::default()).await).ok().unwrap();
    // A watch: the request is whole, and only the answer goes on.
    let mut near = one.mesh.open(TWO, Lane::Carry).await.unwrap();
    near.write_frame(Bytes::from_static(b"watch")).await.unwrap();
    near.finish().unwrap();
    let mut far = two.incoming.recv().await.unwrap().stream;
    far.read_frame(100).await.unwrap().unwrap();
    let hung_up = far.hung_up();
    far.write_frame(Bytes::from_static(b"event")).await.unwrap();
    near.read_frame(100).await.unwrap().unwrap();
    drop(near);
    let since = Instant::now();
    hung_up.await;
    assert!(far.write_frame(Bytes::from_static(b"event")).await.is_err());
    println!("the serving side noticed after {:?}", since.elapsed());
    // And the other way: an answer that is given up never looks complete.
    let mut near = one.mesh.open(TWO, Lane::Carry).await.unwrap();
    let mut far = two.incoming.recv().await.unwrap().stream;
    far.write_frame(Bytes::from_static(b"event")).await.unwrap();
    assert_eq!(near.read_frame(100).await.unwrap().unwrap(), "event");
    drop(far);
    assert_eq!(near.read_frame(100).await, Err(LinkError::HungUp { code: 0 }));
    // And when the whole mesh goes down.
    let mut near = one.mesh.open(TWO, Lane::Carry).await.unwrap();
    let _far = two.incoming.recv().await.unwrap().stream;
    two.mesh.shutdown().await;
    let end = near.read_frame(100).await;
    assert!(matches!(&end, Err(LinkError::Lost { why }) if why.contains("shutting down")), "{end:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_refused_when_too_many_wait() {
    let limits = Limits { incoming_streams_max: 2, ..Limits::default() };
    let [one, mut two] = <[Member; 2]>::try_from(linked(2, &limits).await).ok().unwrap();
    let _first = one.mesh.open(TWO, Lane::Carry).await.unwrap();
    let _second = one.mesh.open(TWO, Lane::Carry).await.unwrap();
    until(async || two.incoming.len() == 2).await;
    let refused = one.mesh.call(TWO, Lane::Raft, Bytes::from_static(b"x"), LONG).await;
    assert!(matches!(&refused, Err(error @ LinkError::Refused { .. }) if error.nothing_done()), "{refused:?}");
    two.incoming.recv().await.unwrap();
    two.incoming.recv().await.unwrap();
    let _echo = echo(two.incoming);
    assert!(calls_within(&one.mesh, TWO, LONG).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_not_answered_ends_in_time_and_says_so() {
    let [one, mut two] = <[Member; 2]>::try_from(linked(2, &Limits::default()).await).ok().unwrap();
    let unanswered = one.mesh.call(TWO, Lane::Raft, Bytes::from_static(b"x"), Duration::from_millis(300)).await;
    assert!(matches!(unanswered, Err(LinkError::Unanswered { .. })), "{unanswered:?}");
    let mut stream = two.incoming.recv().await.unwrap().stream;
    stream.hung_up().await;
    assert_eq!(stream.read_frame(100).await.unwrap().unwrap(), "x");
    assert!(stream.write_frame(Bytes::new()).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_is_not_there_fails_fast() {
    let authority = Authority::new();
    let ((socket_one, address), (_silent, nobody)) = (socket(), socket());
    let peers = vec![peer(2, "us", nobody)];
    let since = Instant::now();
    let one = start(socket_one, peer(1, "eu", address), peers, authority.identity(1, "eu"), Limits::default());
    assert!(matches!(one.mesh.open(TWO, Lane::Raft).await, Err(LinkError::Unreachable { .. })));
    assert!(since.elapsed() >= Duration::from_millis(900), "the first one waits for the dial");
    let since = Instant::now();
    for _ in 0..100 {
        let call = one.mesh.call(TWO, Lane::Raft, Bytes::new(), LONG).await;
        assert!(matches!(call, Err(LinkError::Unreachable { .. })), "{call:?}");
    }
    println!("100 calls to nobody took {:?}", since.elapsed());
    // Each would wait for a second: this leaves room for a busy machine, and none for waiting.
    assert!(since.elapsed() < LONG / 2, "the others do not wait");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_leaves_no_task_behind() {
    let members = linked(3, &Limits::default()).await;
    let _carried = members[0].mesh.open(TWO, Lane::Carry).await.unwrap();
    for member in &members {
        member.mesh.shutdown().await;
    }
    // quinn's own driver of the socket ends by itself a moment later.
    let metrics = tokio::runtime::Handle::current().metrics();
    until(async || metrics.num_alive_tasks() == 0).await;
}

/// A member on a runtime of its own, which can die without a word.
struct Mortal {
    runtime: Option<tokio::runtime::Runtime>,
}

impl Mortal {
    fn start(make: impl FnOnce() -> Member) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let inside = runtime.enter();
        let member = make();
        let tasks = echo(member.incoming);
        drop(inside);
        runtime.spawn(async move {
            let _held = (member.mesh, tasks);
            std::future::pending::<()>().await;
        });
        Self { runtime: Some(runtime) }
    }

    fn kill(&mut self) {
        self.runtime.take().expect("it lives").shutdown_timeout(Duration::from_secs(5));
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_was_killed_and_started_again_is_usable_at_once() {
    let authority = Authority::new();
    let ((socket_one, address_one), (socket_two, address_two)) = (socket(), socket());
    let (me, other) = (peer(1, "eu", address_one), peer(2, "us", address_two));
    let identity = authority.identity(1, "eu");
    let one = start(socket_one, me.clone(), vec![other.clone()], identity, Limits::default());
    let identity = authority.identity(2, "us");
    let revive = |socket, known: Peer| {
        let (other, identity) = (other.clone(), identity.clone());
        Mortal::start(move || start(socket, other, vec![known], identity, Limits::default()))
    };
    let mut two = revive(socket_two, me.clone());
    until(async || calls(&one.mesh, TWO).await).await;
    let (_silent, nobody) = socket();
    let unreachable = peer(1, "eu", nobody);
    // In the last two rounds the peer does not dial us: its answers to packets of the dead link must do.
    for known in [me.clone(), me, unreachable.clone(), unreachable] {
        let mut watch = opened(&one.mesh, TWO, Lane::Carry).await;
        two = tokio::task::spawn_blocking(move || {
            two.kill();
            two
        })
        .await
        .unwrap();
        drop(two);
        let mut socket = UdpSocket::bind(address_two);
        until(async || {
            socket = UdpSocket::bind(address_two);
            socket.is_ok()
        })
        .await;
        let since = Instant::now();
        two = revive(socket.unwrap(), known);
        until(async || calls(&one.mesh, TWO).await).await;
        println!("usable {:?} after its start", since.elapsed());
        assert!(watch.read_frame(100).await.is_err(), "what hung on the dead process has ended");
    }
    drop(two);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_cut_is_noticed_and_comes_back_when_it_is_healed() {
    let authority = Authority::new();
    let ((socket_one, address_one), (socket_two, address_two)) = (socket(), socket());
    let (cable_one, cable_two) = (Cable::lay(address_one), Cable::lay(address_two));
    let near = vec![peer(2, "us", cable_two.near)];
    let far = vec![peer(1, "eu", cable_one.near)];
    let one = start(socket_one, peer(1, "eu", address_one), near, authority.identity(1, "eu"), Limits::default());
    let two = start(socket_two, peer(2, "us", address_two), far, authority.identity(2, "us"), Limits::default());
    let _echoes = (echo(one.incoming), echo(two.incoming));
    until(async || calls(&one.mesh, TWO).await && calls(&two.mesh, ONE).await).await;
    let mut watch = opened(&one.mesh, TWO, Lane::Carry).await;
    cable_one.cut();
    cable_two.cut();
    let since = Instant::now();
    assert!(watch.read_frame(100).await.is_err());
    println!("the cut was noticed after {:?}", since.elapsed());
    until(async || down(&one.mesh).is_some() && down(&two.mesh).is_some()).await;
    println!("down after {:?}", since.elapsed());
    cable_one.heal();
    cable_two.heal();
    let since = Instant::now();
    until(async || calls(&one.mesh, TWO).await && calls(&two.mesh, ONE).await).await;
    println!("healed after {:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_arrives_whole_or_fails() {
    let [one, mut two] = <[Member; 2]>::try_from(linked(2, &Limits::default()).await).ok().unwrap();
    let net = MeshNet::new(one.mesh.clone());
    let body: Vec<u8> = (0..5_000_000_u32).flat_map(u32::to_be_bytes).collect();
    let (head, sent) = (Bytes::from_static(b"snapshot 7"), body.clone());
    let upload = net.upload(TWO, head, Box::new(std::io::Cursor::new(sent)), LONG);
    let serve = async {
        let incoming = two.incoming.recv().await.unwrap();
        assert_eq!(incoming.lane, Lane::RaftUpload);
        let mut stream = incoming.stream;
        assert_eq!(stream.read_frame(100).await.unwrap().unwrap(), "snapshot 7");
        let mut received = Vec::new();
        while let Some(chunk) = stream.read_chunk().await.unwrap() {
            received.extend_from_slice(&chunk);
        }
        stream.answer(Bytes::from_static(b"done")).await.unwrap();
        received
    };
    let since = Instant::now();
    let (answer, received) = tokio::join!(upload, serve);
    println!("20 MB were uploaded in {:?}", since.elapsed());
    assert_eq!(answer.unwrap(), "done");
    assert!(received == body, "the bytes are the same");

    // The other end may answer early.
    let upload = net.upload(TWO, Bytes::new(), Box::new(std::io::repeat(1)), LONG);
    let serve = async {
        let stream = two.incoming.recv().await.unwrap().stream;
        stream.answer(Bytes::from_static(b"no room")).await.unwrap();
    };
    let (answer, ()) = tokio::join!(upload, serve);
    assert_eq!(answer.unwrap(), "no room");

    // A source that fails leaves an error at the other end, not a short snapshot.
    // (More than the windows hold, so that the stream has begun at the other end.)
    let failing = std::io::Read::chain(std::io::Read::take(std::io::repeat(1), 16 << 20), Broken);
    let upload = net.upload(TWO, Bytes::new(), Box::new(failing), LONG);
    let serve = async {
        let mut stream = two.incoming.recv().await.unwrap().stream;
        stream.read_frame(100).await.unwrap();
        loop {
            match stream.read_chunk().await {
                Ok(Some(_)) => {}
                other => break other,
            }
        }
    };
    let (answer, end) = tokio::join!(upload, serve);
    assert!(matches!(answer, Err(NetError::Unanswered { .. })));
    assert_eq!(end, Err(LinkError::HungUp { code: 0 }));
    let nowhere = net.call(THREE, Bytes::new(), LONG).await;
    assert!(matches!(nowhere, Err(NetError::Unreachable { daemon: THREE, .. })));
}

struct Broken;

impl std::io::Read for Broken {
    fn read(&mut self, _buffer: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("the disk is gone"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_cheap() {
    let [one, two] = <[Member; 2]>::try_from(linked(2, &Limits::default()).await).ok().unwrap();
    let _echo = echo(two.incoming);
    until(async || calls(&one.mesh, TWO).await).await;
    for (callers, bytes) in [(1, 64), (16, 64), (16, 4096)] {
        let each = 2000 / callers;
        let since = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..callers {
            let mesh = one.mesh.clone();
            tasks.spawn(async move {
                for _ in 0..each {
                    mesh.call(TWO, Lane::Raft, Bytes::from(vec![1; bytes]), LONG).await.unwrap();
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        let rate = f64::from(each * callers) / since.elapsed().as_secs_f64();
        println!("{callers} callers, {bytes} bytes each way: {rate:.0} calls per second on one link");
    }
}
