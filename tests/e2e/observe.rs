//! What an operator sees: numbers that are described and bounded, one id for a request on all its ways, a status and a debug
//! page that say what is the case.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hanse_tests::binary::{binary, project};
use hanse_tests::client::{Access, Client};
use hanse_tests::federation::Federation;
use rustix::process::Signal;

use crate::{CONFIGMAPS, configmap, eventually, runtime, workspace};

/// Series of one daemon in a federation of two: what this test causes, with room for what is to come.
const SERIES_MAX: usize = 2_500;

fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    line.and_then(|rest| rest.trim().parse().ok()).unwrap_or(0.0)
}

#[test]
fn what_a_daemon_counts_is_described_and_bounded() -> Result<()> {
    let mut federation = Federation::up_logging("eu,us", 1, Some("info,hanse_api=debug"))?;
    runtime()?.block_on(async {
        let (eu, us) = (federation.client("eu-1")?, federation.client("us-1")?);
        eu.post("/clusters/root/apis/tenancy.kcp.io/v1alpha1/workspaces", &workspace("zeppelin-hangar", Some("us")))
            .await?
            .ok()?;
        let below = "/clusters/root:zeppelin-hangar/api/v1/namespaces/default/configmaps";
        eventually("the workspace", &eu, below, |_| true).await?;
        for number in 0..20 {
            eu.post(CONFIGMAPS, &configmap(&format!("zeppelin-{number}"), "x")).await?.ok()?;
        }
        ensure!(eu.get(&format!("{CONFIGMAPS}/zeppelin-none")).await?.status == 404);
        // One id on both daemons, and back.
        let answer = eu.get_with(("audit-id", "flight-42"), below).await?;
        ensure!(answer.headers.get("audit-id").is_some_and(|id| id == "flight-42"), "{:?}", answer.headers);
        let answer = eu.get_with(("audit-id", "not a plain id"), below).await?;
        ensure!(answer.headers.get("audit-id").is_some_and(|id| id.len() == 36), "{:?}", answer.headers);

        let answer = eu.get("/metrics").await?;
        ensure!(
            answer.headers.get("content-type").is_some_and(|kind| kind == "text/plain; version=0.0.4; charset=utf-8")
        );
        let text = String::from_utf8(answer.body.to_vec())?;
        let page = fs::read_to_string(project().join("docs/operate/metrics.md"))?;
        let names: BTreeSet<&str> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        ensure!(names.len() > 50, "{names:?}");
        for name in &names {
            ensure!(page.contains(&format!("| `{name}` |")), "{name} is not on the page");
        }
        let series = text.lines().filter(|line| !line.starts_with('#')).count();
        ensure!(series < SERIES_MAX, "{series} series");
        ensure!(!text.contains("zeppelin") && !text.contains("kcp-admin"), "a tenant's name is shown:\n{text}");
        let created =
            value(&text, r#"hanse_api_requests_total{verb="create",class="built-in",code="201",origin="client"}"#);
        ensure!(created >= 20.0, "{created} creations are counted");
        ensure!(
            value(&text, r#"hanse_api_requests_total{verb="get",class="built-in",code="404",origin="client"}"#) >= 1.0
        );
        ensure!(value(&text, r#"hanse_api_requests_carried_total{outcome="answered"}"#) >= 2.0, "{text}");
        ensure!(value(&text, r#"hanse_raft_proposals_total{group="eu",outcome="done"}"#) >= 20.0, "{text}");
        ensure!(value(&text, r#"hanse_raft_sync_duration_seconds_count{group="eu"}"#) >= 1.0, "{text}");
        ensure!(value(&text, r#"hanse_raft_role{group="eu",role="leader"}"#) >= 1.0, "{text}");
        ensure!(value(&text, "process_resident_memory_bytes") > 1e6, "{text}");
        let home = String::from_utf8(us.get("/metrics").await?.body.to_vec())?;
        ensure!(
            value(&home, r#"hanse_api_requests_total{verb="list",class="built-in",code="200",origin="daemon"}"#) >= 2.0,
            "{home}"
        );

        let stranger = Client::new(Access { token: None, ..federation.access("eu-1")? })?;
        ensure!(stranger.get("/metrics").await?.status == 403, "strangers read numbers");
        ensure!(stranger.get("/readyz").await?.status == 200, "strangers may ask whether it is ready");
        anyhow::Ok(())
    })?;
    for name in ["eu-1", "us-1"] {
        let log = fs::read_to_string(federation.path().join(name).join("hansed.log"))?;
        ensure!(log.lines().any(|line| line.contains("audit_id=\"flight-42\"")), "{name} does not know the id:\n{log}");
        ensure!(!log.contains("Bearer") && !log.contains(&token(&federation)?), "{name} logs a token");
    }
    federation.stop()
}

fn token(federation: &Federation) -> Result<String> {
    federation.access("eu-1")?.token.context("the administrator has a token")
}

#[test]
fn status_and_debug_say_what_is_the_case() -> Result<()> {
    let mut federation = Federation::up("eu,us", 1)?;
    // Right after the start, regions have not heard of each other's trees.
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let healthy = federation.status("eu-1")?;
        if healthy["findings"] == serde_json::json!([]) {
            break;
        }
        ensure!(Instant::now() < end, "{healthy:#}");
        std::thread::sleep(Duration::from_millis(100));
    }
    let debug = federation.hanse("eu-1", &["debug"])?;
    for pointer in [
        "/groups/0/role",
        "/groups/0/disk/condition",
        "/runtime/tasks",
        "/peers/0/control/state",
        "/store/revision",
        "/api/requests",
    ] {
        ensure!(debug.pointer(pointer).is_some_and(|value| !value.is_null()), "{pointer} is not in {debug:#}");
    }
    ensure!(debug["groups"][0]["engineAnswers"] == true, "{debug:#}");
    federation.kill("us-1")?;
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let status = federation.status("eu-1")?;
        let findings = status["findings"].as_array().context("findings are a list")?;
        let says = |about: &str| findings.iter().any(|one| one["about"] == about && one["severity"] == "error");
        if says("daemon us-1") && says("region us") {
            break;
        }
        ensure!(Instant::now() < end, "the loss of us is not told: {status:#}");
        std::thread::sleep(Duration::from_millis(100));
    }
    let socket = federation.path().join("eu-1/admin.sock");
    let shown = Command::new(binary("hanse")?).arg("--socket").arg(&socket).arg("status").output()?;
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    ensure!(
        shown.status.code() == Some(3) && text.contains("error: region us: none of its daemons can be reached"),
        "{text}"
    );
    ensure!(text.contains("  -> start its daemons"), "{text}");
    federation.stop()
}

/// The log of a daemon is a pipe that nobody reads: in the end every thread of the runtime waits to write a line. That is as
/// stuck as a deadlock, and the watchdog, which needs no runtime, ends the process.
#[test]
fn a_daemon_that_is_stuck_ends_itself() -> Result<()> {
    let mut federation = Federation::up("local", 1)?;
    federation.stop()?;
    let mut child = Command::new(binary("hansed")?)
        .args(["run", "--config"])
        .arg(federation.path().join("local-1/hansed.toml"))
        .env("HANSE_LOG", "warn,hanse_api=debug")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let began = Instant::now();
    let ended = runtime()?.block_on(async {
        federation.ready("local-1").await?;
        let mut stuck = None;
        loop {
            if let Some(ended) = child.try_wait()? {
                return anyhow::Ok((ended, stuck.map(|stuck: Instant| stuck.elapsed())));
            }
            ensure!(began.elapsed() < Duration::from_secs(60), "it still runs after 60 s");
            // Each on a connection of its own, so that no answer has to wait for another's.
            let clients: Vec<Client> = (0..16).map(|_| federation.client("local-1")).collect::<Result<_>>()?;
            let asked = clients.iter().map(|client| tokio::time::timeout(Duration::from_secs(1), client.get("/livez")));
            let answers = futures_util::future::join_all(asked).await;
            if answers.iter().all(std::result::Result::is_err) && stuck.is_none() {
                stuck = Some(Instant::now());
            }
        }
    });
    if ended.is_err() {
        child.kill()?;
        child.wait()?;
    }
    let (ended, stuck) = ended?;
    println!("it ended with {ended}, {stuck:?} after nobody was answered any more");
    ensure!(ended.signal() == Some(Signal::ABORT.as_raw()), "it ended with {ended}");
    ensure!(stuck.is_none_or(|stuck| stuck < Duration::from_secs(15)), "it was stuck for {stuck:?}");
    Ok(())
}
