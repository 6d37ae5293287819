//! The benchmark: `cargo run --release -p hanse-tests --bin hanse-bench`. With names of parts (`objects`, `definitions`...) as
//! arguments, only those run.
//!
//! Server and load are separate processes that talk over TLS and HTTP/2. The server's processor time is read from the
//! operating system before and after each load, so that the figures do not hold the load's own.

#![allow(clippy::print_stdout, reason = "figures are for the terminal")]

mod definitions;
mod failover;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use hanse_tests::client::{Access, Client};
use hanse_tests::federation::Federation;
use http::Method;
use http_body_util::BodyExt;
use serde_json::json;
use tokio::task::JoinSet;

const CONNECTIONS: usize = 16;
const OBJECTS: usize = 10_000;
const STREAMS: usize = 1_000;
const WATCHED_CHANGES: usize = 300;
const WORKSPACES: usize = 10_000;
const CONFIGMAPS: &str = "/clusters/root/api/v1/namespaces/default/configmaps";

struct Bench {
    federation: Federation,
    daemon: &'static str,
    access: Access,
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    println!("machine: {} cores; {CONNECTIONS} connections; objects of 1 KiB; one region, one daemon", cores());
    let federation = Federation::up("local", 1)?;
    let access = federation.access("local-1")?;
    let mut bench = Bench { federation, daemon: "local-1", access };
    runtime.block_on(bench.parts())?;
    // One federation at a time: this ends the first.
    drop(bench);
    if wants("failover") { runtime.block_on(failover::failover()) } else { Ok(()) }
}

/// Whether a part is to run: all do when none is named.
fn wants(part: &str) -> bool {
    let mut named = std::env::args().skip(1).peekable();
    named.peek().is_none() || named.any(|name| name == part)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(0, usize::from)
}

#[allow(clippy::cast_precision_loss, reason = "figures for people, far below 2^52")]
fn ratio(dividend: u64, divisor: usize) -> f64 {
    dividend as f64 / divisor.max(1) as f64
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn report(what: &str, count: usize, wall: Duration, cpu: Duration, latencies: &mut [u64]) {
    latencies.sort_unstable();
    let at = |part: usize| latencies.get(latencies.len().saturating_sub(1) * part / 100).copied().unwrap_or(0);
    println!(
        "{what:<28} {:>9.0} /s   p50 {:>7} us   p99 {:>7} us   server CPU {:>8.1} us each",
        ratio(count as u64 * 1_000_000, usize::try_from(micros(wall)).unwrap_or(usize::MAX)),
        at(50),
        at(99),
        ratio(micros(cpu), count),
    );
}

/// Requests to be timed.
struct Load<'a> {
    what: &'a str,
    /// Of the bodies.
    media_type: &'static str,
    count: usize,
    /// So many at a time on each connection.
    lanes: usize,
}

impl Bench {
    async fn parts(&mut self) -> Result<()> {
        // Only a daemon that was started here can be started again.
        if wants("start") || wants("restart") {
            self.start_up().await?;
        }
        if wants("idle") {
            self.idle().await?;
        }
        if wants("objects") {
            self.objects().await?;
            self.list().await?;
        }
        if wants("watch") {
            self.watch().await?;
        }
        if wants("workspaces") {
            self.workspaces().await?;
        }
        if wants("definitions") {
            self.installs().await?;
        }
        if wants("documents") {
            self.documents().await?;
        }
        if wants("apply") {
            self.applies().await?;
        }
        if wants("tenants") {
            self.many_workspaces().await?;
        }
        if wants("large") {
            self.large_workspace().await?;
        }
        if wants("restart") {
            self.restart_with_state().await?;
        }
        Ok(())
    }

    fn clients(&self, count: usize) -> Result<Vec<Arc<Client>>> {
        (0..count).map(|_| Ok(Arc::new(Client::new(self.access.clone())?))).collect()
    }

    /// Runs `count` requests over the connections, `lanes` at a time on each.
    async fn load(
        &self,
        what: &str,
        count: usize,
        lanes: usize,
        request: impl Fn(usize) -> (Method, String, Bytes) + Send + Sync + 'static,
    ) -> Result<()> {
        self.run(Load { what, media_type: "application/json", count, lanes }, request).await
    }

    async fn run(
        &self,
        load: Load<'_>,
        request: impl Fn(usize) -> (Method, String, Bytes) + Send + Sync + 'static,
    ) -> Result<()> {
        let Load { what, media_type, count, lanes } = load;
        let clients = self.clients(CONNECTIONS)?;
        for client in &clients {
            client.get("/readyz").await?;
        }
        let request = Arc::new(request);
        let next = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        let (cpu, start) = (self.federation.cpu(self.daemon)?, Instant::now());
        for client in clients.iter().flat_map(|client| std::iter::repeat_n(client.clone(), lanes)) {
            let (next, request) = (next.clone(), request.clone());
            tasks.spawn(async move {
                let mut latencies = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return anyhow::Ok(latencies);
                    }
                    let (method, path, body) = request(number);
                    let start = Instant::now();
                    let answer = client.request(method, &path, media_type, body).await?;
                    ensure!(answer.status.is_success(), "{path}: {}", String::from_utf8_lossy(&answer.body));
                    latencies.push(micros(start.elapsed()));
                }
            });
        }
        let mut latencies = Vec::with_capacity(count);
        while let Some(result) = tasks.join_next().await {
            latencies.extend(result??);
        }
        let (wall, cpu) = (start.elapsed(), self.federation.cpu(self.daemon)?.saturating_sub(cpu));
        report(what, count, wall, cpu, &mut latencies);
        Ok(())
    }

    async fn start_up(&mut self) -> Result<()> {
        self.federation.stop()?;
        let mut times = Vec::new();
        for _ in 0..5 {
            let start = Instant::now();
            self.federation.start(self.daemon)?;
            self.federation.ready(self.daemon).await?;
            times.push(start.elapsed());
            self.federation.stop()?;
        }
        times.sort();
        println!("start until ready            median {:?}, worst {:?} (polled each 20 ms)", times[2], times[4]);
        self.federation.start(self.daemon)?;
        self.federation.ready(self.daemon).await
    }

    async fn idle(&self) -> Result<()> {
        let cpu = self.federation.cpu(self.daemon)?;
        let pause = Duration::from_secs(5);
        tokio::time::sleep(pause).await;
        let used = self.federation.cpu(self.daemon)?.saturating_sub(cpu);
        println!(
            "idle                         {:.1} MiB resident, {:.2} % of a core",
            ratio(self.federation.resident(self.daemon)? / 1024, 1024),
            ratio(micros(used) * 100, 5_000_000),
        );
        Ok(())
    }

    async fn objects(&self) -> Result<()> {
        let filler = "x".repeat(900);
        let body = move |number: usize, value: &str| {
            Bytes::from(
                json!({
                    "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("object-{number}")},
                    "data": {"value": value, "filler": filler}
                })
                .to_string(),
            )
        };
        let make = body.clone();
        self.load("create", OBJECTS, 1, move |n| (Method::POST, CONFIGMAPS.to_owned(), make(n, "1"))).await?;
        let path = |n: usize| format!("{CONFIGMAPS}/object-{}", n % OBJECTS);
        self.load("get", 3 * OBJECTS, 1, move |n| (Method::GET, path(n), Bytes::new())).await?;
        let change = body.clone();
        self.load("update", OBJECTS, 1, move |n| (Method::PUT, path(n), change(n, "2"))).await?;
        self.load("get, 4 streams each", 3 * OBJECTS, 4, move |n| (Method::GET, path(n), Bytes::new())).await?;
        self.load("update, 4 streams each", OBJECTS, 4, move |n| (Method::PUT, path(n), body(n, "3"))).await
    }

    async fn list(&self) -> Result<()> {
        let client = Client::new(self.access.clone())?;
        client.get(CONFIGMAPS).await?.ok()?;
        let (cpu, start, rounds) = (self.federation.cpu(self.daemon)?, Instant::now(), 20);
        let (mut latencies, mut bytes) = (Vec::new(), 0);
        for _ in 0..rounds {
            let start = Instant::now();
            bytes = client.get(CONFIGMAPS).await?.body.len();
            latencies.push(micros(start.elapsed()));
        }
        let cpu = self.federation.cpu(self.daemon)?.saturating_sub(cpu);
        report(&format!("list of {OBJECTS} ({} MiB)", bytes >> 20), rounds, start.elapsed(), cpu, &mut latencies);
        Ok(())
    }

    async fn watch(&self) -> Result<()> {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "watched"}});
        let client = Client::new(self.access.clone())?;
        client.post("/clusters/root/api/v1/namespaces", &namespace).await?.ok()?;
        let path = "/clusters/root/api/v1/namespaces/watched/configmaps";
        let clients = self.clients(CONNECTIONS)?;
        let delivered = Arc::new(AtomicU64::new(0));
        let mut streams = JoinSet::new();
        let version = client.get(path).await?.ok()?["metadata"]["resourceVersion"].as_str().unwrap_or("0").to_owned();
        for stream in 0..STREAMS {
            let target = format!("{path}?watch=1&resourceVersion={version}");
            let answer = clients[stream % CONNECTIONS].send(Method::GET, &target, "", Bytes::new()).await?;
            ensure!(answer.status().is_success(), "a watch answers {}", answer.status());
            let delivered = delivered.clone();
            streams.spawn(async move {
                let mut body = answer.into_body();
                while let Some(Ok(frame)) = body.frame().await {
                    // Counts lines; the load must cost less than the server.
                    let lines = frame.data_ref().map_or(0, |data| data.iter().filter(|byte| **byte == b'\n').count());
                    delivered.fetch_add(lines as u64, Ordering::Relaxed);
                }
            });
        }
        let filler = "x".repeat(900);
        let (cpu, start) = (self.federation.cpu(self.daemon)?, Instant::now());
        for number in 0..WATCHED_CHANGES {
            let object = json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("w{number}")}, "data": {"f": filler}
            });
            client.post(path, &object).await?.ok()?;
        }
        let wanted = (STREAMS * WATCHED_CHANGES) as u64;
        while delivered.load(Ordering::Relaxed) < wanted {
            ensure!(start.elapsed() < Duration::from_secs(120), "{delivered:?} of {wanted} events within 120 s");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let (wall, cpu) = (start.elapsed(), self.federation.cpu(self.daemon)?.saturating_sub(cpu));
        println!(
            "watch, {STREAMS} streams          {:>9.0} events/s   server CPU {:>8.2} us for each delivered event",
            ratio(wanted * 1_000_000, usize::try_from(micros(wall))?),
            ratio(micros(cpu), usize::try_from(wanted)?),
        );
        Ok(())
    }

    async fn workspaces(&self) -> Result<()> {
        let before = self.federation.resident(self.daemon)?;
        let path = "/clusters/root/apis/tenancy.kcp.io/v1alpha1/workspaces";
        self.load("create workspace", WORKSPACES, 4, move |number| {
            let object = json!({
                "apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace", "metadata": {"name": format!("w{number}")}
            });
            (Method::POST, path.to_owned(), Bytes::from(object.to_string()))
        })
        .await?;
        let after = self.federation.resident(self.daemon)?;
        println!(
            "memory of a workspace        {:.1} KiB resident each",
            ratio(after.saturating_sub(before) / 1024, WORKSPACES)
        );
        Ok(())
    }

    async fn restart_with_state(&mut self) -> Result<()> {
        self.federation.kill(self.daemon).context("kill -9")?;
        let start = Instant::now();
        self.federation.start(self.daemon)?;
        self.federation.ready(self.daemon).await?;
        println!(
            "start after kill -9          {:?} with all that was made before; {:.1} MiB resident",
            start.elapsed(),
            ratio(self.federation.resident(self.daemon)? / 1024, 1024),
        );
        Ok(())
    }
}
