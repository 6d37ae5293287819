//! Members come and go under load, as an operator types it, and nothing acknowledged is lost.

use std::collections::BTreeSet;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hanse_tests::binary::binary;
use hanse_tests::federation::Federation;
use serde_json::Value;

use crate::load::{Load, all_there};
use crate::{CONFIGMAPS, WORKSPACES, configmap, eventually, names, runtime, workspace};

/// What a command prints on both ends, and whether it went well.
fn typed(program: &str, federation: &Federation, line: &str) -> Result<(bool, String, String)> {
    let output = Command::new("timeout")
        .arg("150")
        .arg(binary(program)?)
        .args(line.split_whitespace())
        .current_dir(federation.path())
        .env("HANSE_DATA_DIR", federation.path())
        .stdin(Stdio::null())
        .output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.success(), text(&output.stdout), text(&output.stderr)))
}

fn hanse(federation: &Federation, line: &str) -> Result<String> {
    let (ok, out, err) = typed("hanse", federation, line)?;
    println!("$ hanse {line}\n{err}{out}");
    ensure!(ok, "hanse {line}: {out}{err}");
    Ok(out)
}

fn refused(program: &str, federation: &Federation, line: &str, why: &str) -> Result<()> {
    let (ok, out, err) = typed(program, federation, line)?;
    println!("$ {program} {line}\n{err}{out}");
    ensure!(!ok && err.contains(why), "{program} {line} should be refused with {why:?}: {out}{err}");
    Ok(())
}

/// The end of a `hansed join` line: a free place on this machine.
fn place(name: &str) -> Result<String> {
    let api = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let peers = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
    Ok(format!("--name {name} --data-dir {name} --api-listen {api} --peers-listen {peers}"))
}

fn token(federation: &Federation, flags: &str) -> Result<String> {
    Ok(hanse(federation, &format!("token create {flags}"))?.trim().to_owned())
}

/// Lets a daemon join as a voter, starts it, and waits until it votes.
async fn grow(federation: &mut Federation, name: &str) -> Result<()> {
    let token = token(federation, "--role voter")?;
    let (ok, out, err) = typed("hansed", federation, &format!("join --token {token} {}", place(name)?))?;
    ensure!(ok, "{name} cannot join: {out}{err}");
    println!("$ hansed join ... --name {name}\n{err}");
    federation.start(name)?;
    federation.ready(name).await?;
    hanse(federation, &format!("members promote {name}"))?;
    Ok(())
}

fn voters(federation: &Federation, by: &str) -> Result<BTreeSet<String>> {
    let members = federation.hanse(by, &["members", "-o", "json"])?;
    let members = members["members"].as_array().cloned().unwrap_or_default();
    let votes = members.iter().filter(|member| member["raft"] == "voter");
    Ok(votes.filter_map(|member| member["name"].as_str().map(str::to_owned)).collect())
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Waits until a daemon that was just started has said something and ended.
fn dies(federation: &Federation, name: &str, saying: &str) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(20);
    while !federation.log(name).contains(saying) || federation.pid(name).is_ok() {
        ensure!(Instant::now() < end, "{name} still runs, or does not say {saying:?}:\n{}", federation.log(name));
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

#[test]
fn a_region_grows_to_three_and_five_and_shrinks_under_load_and_loses_nothing() -> Result<()> {
    let mut federation = Federation::up("eu", 1)?;
    let runtime = runtime()?;
    runtime.block_on(async {
        let load = Load::start(&federation, &["eu-1"], "grow")?;
        for name in ["eu-2", "eu-3", "eu-4", "eu-5"] {
            grow(&mut federation, name).await?;
        }
        ensure!(voters(&federation, "eu-5")? == set(&["eu-1", "eu-2", "eu-3", "eu-4", "eu-5"]));
        let mut acknowledged = load.end().await?;
        all_there(&federation, &["eu-1", "eu-2", "eu-3", "eu-4", "eu-5"], &acknowledged).await?;

        let load = Load::start(&federation, &["eu-3", "eu-4", "eu-5"], "shrink")?;
        hanse(&federation, "members transfer-leader eu-2")?;
        hanse(&federation, "drain eu-2")?;
        // The leader, whichever it is now, and another one: five become three.
        hanse(&federation, "members transfer-leader eu-1")?;
        hanse(&federation, "members remove eu-1")?;
        hanse(&federation, "members remove eu-2")?;
        ensure!(voters(&federation, "eu-4")? == set(&["eu-3", "eu-4", "eu-5"]));
        acknowledged.extend(load.end().await?);
        all_there(&federation, &["eu-3", "eu-4", "eu-5"], &acknowledged).await?;
        println!("{} writes acknowledged from one to five to three voters, all there", acknowledged.len());

        // Who was removed is cut off, and says so.
        let since = Instant::now();
        loop {
            let status = federation.status("eu-2")?.to_string();
            if status.contains("was removed from") {
                break;
            }
            ensure!(since.elapsed() < Duration::from_secs(20), "{status}\n{}", federation.log("eu-2"));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let answer = federation.client("eu-2")?.post(CONFIGMAPS, &configmap("late", "x")).await?;
        ensure!(!answer.status.is_success(), "a removed daemon takes a write");

        // A machine dies, and another takes its place: with two of three there is a majority all the time.
        federation.kill("eu-5")?;
        let load = Load::start(&federation, &["eu-3", "eu-4"], "replace")?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        refused("hanse", &federation, "members remove eu-4", "eu-5 is not there")?;
        hanse(&federation, "members remove eu-5")?;
        grow(&mut federation, "eu-6").await?;
        acknowledged.extend(load.end().await?);
        all_there(&federation, &["eu-3", "eu-4", "eu-6"], &acknowledged).await?;

        wiped_and_swapped(&mut federation)?;
        anyhow::Ok(())
    })?;
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}

#[test]
fn a_daemon_that_was_away_while_the_members_changed_comes_back_by_itself() -> Result<()> {
    let mut federation = Federation::up("eu", 3)?;
    let runtime = runtime()?;
    runtime.block_on(async {
        // A leader that dies leaves the outcome of the next command open, which is not what this is about.
        hanse(&federation, "members transfer-leader eu-1")?;
        federation.kill("eu-3")?;
        grow(&mut federation, "eu-4").await?;
        hanse(&federation, "members transfer-leader eu-4")?;
        hanse(&federation, "members remove eu-1")?;
        ensure!(voters(&federation, "eu-4")? == set(&["eu-2", "eu-3", "eu-4"]));
        federation.client("eu-4")?.post(CONFIGMAPS, &configmap("meanwhile", "x")).await?.ok()?;
        // Of those that eu-3 knows nobody is left: eu-4 needs its vote, and it has never heard of eu-4.
        federation.kill("eu-1")?;
        federation.kill("eu-2")?;
        federation.start("eu-3")?;
        federation.ready("eu-3").await?;
        let client = federation.client("eu-3")?;
        let is_there = |list: &Value| names(list).iter().any(|name| name == "meanwhile");
        eventually("eu-3 catches up", &client, CONFIGMAPS, is_there).await?;
        client.post(CONFIGMAPS, &configmap("together", "x")).await?.ok()?;
        until("eu-3 sees eu-4 lead", || {
            let members = federation.hanse("eu-3", &["members", "-o", "json"])?;
            let members = members["members"].as_array().cloned().unwrap_or_default();
            let is = |name: &str, state: &str| {
                members.iter().any(|member| member["name"] == name && member["state"] == state)
            };
            Ok(is("eu-4", "leader") && is("eu-3", "follower"))
        })?;
        anyhow::Ok(())
    })?;
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}

/// A lost disk, and one of another daemon, are refused.
fn wiped_and_swapped(federation: &mut Federation) -> Result<()> {
    federation.kill("eu-6")?;
    let (data, aside) = (federation.path().join("eu-6/data"), federation.path().join("aside"));
    fs::rename(&data, &aside)?;
    federation.start("eu-6")?;
    dies(federation, "eu-6", "this daemon has run before")?;
    // The mark beside the configuration may be lost, too: the others know.
    fs::remove_file(federation.path().join("eu-6/hansed.started"))?;
    federation.start("eu-6")?;
    dies(federation, "eu-6", "knows eu-6 as a part of its group")?;
    // The disk of another daemon.
    let copied = Command::new("cp").arg("-a").arg(federation.path().join("eu-5/data")).arg(&data).status()?;
    ensure!(copied.success(), "the copy failed");
    federation.start("eu-6")?;
    dies(federation, "eu-6", "belongs to")?;
    fs::remove_dir_all(&data)?;
    fs::rename(&aside, &data)?;
    federation.start("eu-6")
}

#[test]
fn a_token_lets_one_daemon_in_and_nobody_else() -> Result<()> {
    let mut federation = Federation::up("eu", 1)?;
    let good = token(&federation, "--ttl 5m")?;
    let listed = hanse(&federation, "token list")?;
    ensure!(listed.contains("open") && !listed.contains(&good), "{listed}");
    let joined = typed("hansed", &federation, &format!("join --token {good} {}", place("eu-2")?))?;
    ensure!(joined.0, "{joined:?}");
    refused("hansed", &federation, &format!("join --token {good} {}", place("eu-3")?), "used by another daemon")?;
    // The same daemon, whose answer was lost, gets it again.
    fs::remove_file(federation.path().join("eu-2/hansed.toml"))?;
    let again = typed("hansed", &federation, &format!("join --token {good} {}", place("eu-2")?))?;
    ensure!(again.0, "{again:?}");
    refused("hansed", &federation, &format!("join --token {good} {}", place("eu-2")?), "has joined already")?;
    let short = token(&federation, "--ttl 1s")?;
    std::thread::sleep(Duration::from_millis(1200));
    refused("hansed", &federation, &format!("join --token {short} {}", place("eu-4")?), "has expired")?;
    refused("hansed", &federation, &format!("join --token x{short} {}", place("eu-4")?), "no token")?;
    let revoked = token(&federation, "--role voter")?;
    let tokens = federation.hanse("eu-1", &["token", "list", "-o", "json"])?;
    let open = tokens["tokens"].as_array().and_then(|tokens| tokens.iter().find(|token| token["state"] == "open"));
    let id = open.and_then(|token| token["id"].as_str()).context("an open token")?.to_owned();
    hanse(&federation, &format!("token revoke {id}"))?;
    refused("hansed", &federation, &format!("join --token {revoked} {}", place("eu-4")?), "not known")?;
    refused("hanse", &federation, "token create --ttl 2h", "60 minutes")?;
    refused("hanse", &federation, "members remove eu-1", "the only voter")?;
    refused("hanse", &federation, "members promote eu-2", "eu-2 is not there")?;
    refused("hanse", &federation, "members promote eu-9", "there is no member eu-9")?;
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}

fn regions(federation: &Federation, by: &str) -> Result<Vec<String>> {
    let regions = federation.hanse(by, &["region", "-o", "json"])?;
    let regions = regions["regions"].as_array().cloned().unwrap_or_default();
    Ok(regions.iter().filter_map(|region| region["region"].as_str().map(str::to_owned)).collect())
}

fn until(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds()? {
        if Instant::now() > end {
            bail!("{what}: not within 30 s");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

#[test]
fn a_region_joins_the_federation_is_seen_by_all_and_leaves() -> Result<()> {
    let mut federation = Federation::up("eu,us", 1)?;
    let runtime = runtime()?;
    let config: toml::Table = fs::read_to_string(federation.path().join("eu-1/hansed.toml"))?.parse()?;
    let id = config.get("federation").and_then(toml::Value::as_str).context("a federation")?.to_owned();
    let line = format!("authority --root-dir pki --federation {id} --region ap --out ap.pem");
    let (ok, _, err) = typed("hansed", &federation, &line)?;
    ensure!(ok, "{err}");
    let token = token(&federation, "--new-region ap")?;
    refused("hansed", &federation, &format!("join --token {token} {}", place("ap-1")?), "needs its authority")?;
    let line = format!("join --token {token} --authority ap.pem {}", place("ap-1")?);
    let (ok, _, err) = typed("hansed", &federation, &line)?;
    ensure!(ok, "{err}");
    runtime.block_on(async {
        federation.start("ap-1")?;
        until("all regions know ap", || {
            Ok(["eu-1", "us-1"]
                .iter()
                .all(|by| regions(&federation, by).is_ok_and(|regions| regions == ["ap", "eu", "us"])))
        })?;
        let us = federation.client("us-1")?;
        let in_ap = |value: &Value| value["items"].as_array().is_some_and(|items| items.len() == 1);
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let made = us.post(WORKSPACES, &workspace("far", Some("ap"))).await?;
            if made.status.is_success() {
                break;
            }
            ensure!(Instant::now() < end, "{:?}", String::from_utf8_lossy(&made.body));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        eventually("eu hears of far", &federation.client("eu-1")?, WORKSPACES, in_ap).await?;
        refused("hanse", &federation, "region remove ap", "1 workspaces are at home in ap")?;
        us.delete(&format!("{WORKSPACES}/far")).await?.ok()?;
        eventually("far is gone", &federation.client("eu-1")?, WORKSPACES, |list| names(list).is_empty()).await?;
        until("ap can be removed", || Ok(typed("hanse", &federation, "region remove ap")?.0))?;
        until("all regions forget ap", || {
            Ok(["eu-1", "us-1"].iter().all(|by| regions(&federation, by).is_ok_and(|regions| regions == ["eu", "us"])))
        })?;
        anyhow::Ok(())
    })?;
    refused("hanse", &federation, "token create --new-region ap", "another name")?;
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}
