use crate::{
    config::GroupConfig,
    group::{Group, Seams},
    status::Role,
    testing::{machine::ListMachine, net::Hub},
};
use bytes::Bytes;
use futures_util::future::join_all;
use hanse_base::{
    clock::SystemClock,
    disk::RealDisk,
    id::{DaemonId, GroupId},
    random::SystemRandom,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
async fn start(hub: &Hub, dir: &std::path::Path, d: u64, n: u64) -> Group {
    let mut c = GroupConfig::new(
        GroupId::new("eu").unwrap(),
        DaemonId(d),
        dir.join(format!("d{d}")),
        (1..=n).map(DaemonId).collect::<BTreeSet<_>>(),
    );
    c.limits.leader_wait = Duration::from_secs(5);
    let g = Group::start(
        c,
        ListMachine::default(),
        Seams {
            disk: Arc::new(RealDisk),
            net: hub.net(DaemonId(d)),
            clock: Arc::new(SystemClock::default()),
            random: Arc::new(SystemRandom),
        },
    )
    .await
    .unwrap();
    hub.join(DaemonId(d), g.clone());
    g
}
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn measure() {
    let dir = tempfile::tempdir_in("/work").unwrap();
    for round in 0..3 {
        let hub = Hub::default();
        let t = Instant::now();
        let g = start(&hub, dir.path(), 1, 1).await;
        let a = t.elapsed();
        g.read_index().await.unwrap();
        println!("sole start {round}: opened {a:?}, readable {:?}", t.elapsed());
        let t = Instant::now();
        for _ in 0..100 {
            g.propose(Bytes::from(vec![1; 1024])).await.unwrap();
        }
        println!("sequential write {:?}", t.elapsed() / 100);
        for clients in [64usize, 512] {
            let t = Instant::now();
            join_all((0..clients).map(|_| {
                let g = g.clone();
                async move {
                    for _ in 0..(16384 / clients) {
                        g.propose(Bytes::from(vec![1; 1024])).await.unwrap();
                    }
                }
            }))
            .await;
            println!("{clients} clients: {:.0} writes/s", 16384.0 / t.elapsed().as_secs_f64());
        }
        let t = Instant::now();
        for _ in 0..10000 {
            g.read_index().await.unwrap();
        }
        println!("sole read {:?}", t.elapsed() / 10000);
        println!("{:?}", g.status().log_bytes);
        let t = Instant::now();
        g.shutdown().await;
        println!("shutdown {:?}", t.elapsed());
    }
    let dir = tempfile::tempdir_in("/work").unwrap();
    let hub = Hub::default();
    let t = Instant::now();
    let mut gs = Vec::new();
    for d in 1..=3 {
        gs.push(start(&hub, dir.path(), d, 3).await);
    }
    gs[2].read_index().await.unwrap();
    println!("trio first read {:?}", t.elapsed());
    let leader = gs.iter().find(|g| g.status().role == Role::Leader).unwrap().clone();
    let f = gs.iter().find(|g| g.status().role != Role::Leader).unwrap().clone();
    for (name, g) in [("leader", &leader), ("follower", &f)] {
        let t = Instant::now();
        for _ in 0..100 {
            g.propose(Bytes::from(vec![1; 1024])).await.unwrap();
        }
        println!("{name} sequential write {:?}", t.elapsed() / 100);
        let t = Instant::now();
        for _ in 0..500 {
            g.read_index().await.unwrap();
        }
        println!("{name} sequential read {:?}", t.elapsed() / 500);
        let t = Instant::now();
        join_all((0..64).map(|_| {
            let g = g.clone();
            async move {
                for _ in 0..128 {
                    g.propose(Bytes::from(vec![1; 1024])).await.unwrap();
                }
            }
        }))
        .await;
        println!("{name} 64 clients: {:.0} writes/s", 8192.0 / t.elapsed().as_secs_f64());
    }
    let mut gaps = Vec::new();
    for _ in 0..15 {
        let leader = loop {
            if let Some(l) = gs.iter().find(|g| g.status().role == Role::Leader) {
                break l.clone();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let d = leader.status().daemon;
        let f = gs.iter().find(|g| g.status().daemon != d).unwrap().clone();
        for _ in 0..5 {
            f.propose(Bytes::from_static(b"a")).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let all = [DaemonId(1), DaemonId(2), DaemonId(3)];
        hub.isolate(d, &all, true);
        let t = Instant::now();
        while f.propose(Bytes::from_static(b"b")).await.is_err() {}
        gaps.push(t.elapsed());
        hub.isolate(d, &all, false);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    gaps.sort();
    println!("failover p50 {:?} p90 {:?} max {:?}", gaps[7], gaps[13], gaps[14]);
    for g in &gs {
        g.shutdown().await;
    }
}
