//! A quota is exact, whoever creates at the same time: never over, and never refusing what fits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail, ensure};
use futures_util::future::try_join_all;
use hanse_tests::client::Client;
use hanse_tests::federation::Federation;
use serde_json::{Value, json};

use crate::{CONFIGMAPS, configmap, eventually, runtime};

const CREATORS: usize = 32;
/// ConfigMaps that the quota allows, that of the API's certificates included.
const HARD: usize = 101;
const QUOTAS: &str = "/clusters/root/api/v1/namespaces/default/resourcequotas";

/// Creates until the quota refuses; returns how many there are of one's own.
async fn create(client: Client, creator: usize, round: usize) -> Result<Vec<String>> {
    let mut made = Vec::new();
    loop {
        let name = format!("q-{round}-{creator}-{}", made.len());
        let answer = client.post(CONFIGMAPS, &configmap(&name, "v")).await?;
        match answer.status.as_u16() {
            201 => made.push(name),
            403 => {
                let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
                let wanted = format!(
                    "configmaps {name:?} is forbidden: exceeded quota: q, requested: count/configmaps=1, used: \
                     count/configmaps={HARD}, limited: count/configmaps={HARD}"
                );
                ensure!(message == wanted, "{message}");
                return Ok(made);
            }
            other => bail!("{other}: {}", String::from_utf8_lossy(&answer.body)),
        }
    }
}

async fn count(client: &Client) -> Result<usize> {
    let list = client.get(CONFIGMAPS).await?.ok()?;
    list["items"].as_array().map(Vec::len).context("a list has items")
}

async fn story(federation: &Federation) -> Result<()> {
    let client = federation.client("eu-1")?;
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"},
        "spec": {"hard": {"count/configmaps": HARD.to_string()}},
    });
    client.post(QUOTAS, &quota).await?.ok()?;
    let deleted = Arc::new(AtomicUsize::new(0));
    for round in 0..3 {
        let creators = (0..CREATORS).map(|creator| {
            let client = federation.client(&format!("eu-{}", creator % 3 + 1));
            async move { create(client?, creator, round).await }
        });
        let made: Vec<String> = try_join_all(creators).await?.concat();
        ensure!(count(&client).await? == HARD, "there are as many as the quota allows, not fewer and not more");
        eventually("the quota tells its use", &client, &format!("{QUOTAS}/q"), |quota: &Value| {
            quota["status"]["used"]["count/configmaps"].as_str().is_some_and(|used| used.parse() == Ok(HARD))
        })
        .await?;
        // Room for the next round.
        for name in made.iter().take(40) {
            client.delete(&format!("{CONFIGMAPS}/{name}")).await?.ok()?;
            deleted.fetch_add(1, Ordering::Relaxed);
        }
        ensure!(count(&client).await? == HARD - 40.min(made.len()), "a deletion makes room at once");
    }
    println!(
        "{CREATORS} creators, {} places given back: never over {HARD}, never refused below",
        deleted.load(Ordering::Relaxed)
    );
    Ok(())
}

#[test]
fn a_quota_is_exact_under_concurrent_creators() -> Result<()> {
    let federation = Federation::up("eu", 3)?;
    runtime()?.block_on(story(&federation))
}
