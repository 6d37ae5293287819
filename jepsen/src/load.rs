//! Writers that create objects of ever new names, and what they remember: the load behind `gap` and `power`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::client::HttpClient;
use crate::port::{Client, NoAnswer, Request};

/// Writers at work.
pub struct Load {
    stop: watch::Sender<bool>,
    writers: JoinSet<Vec<Write>>,
}

/// One attempt.
#[derive(Debug, Clone)]
pub struct Write {
    /// The name of the object, never used before.
    pub name: String,
    /// When it succeeded.
    pub acknowledged: Option<Instant>,
    /// It certainly had no effect.
    pub refused: bool,
}

impl Load {
    /// Starts writers, which ask these daemons in turn. Their names begin with the prefix.
    #[must_use]
    pub fn start(client: &Arc<HttpClient>, daemons: &[String], prefix: &str, timeout: Duration) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let (client, stopped) = (Arc::clone(client), stopped.clone());
            let daemon = daemons[writer % daemons.len()].clone();
            let prefix = format!("{prefix}-{writer}");
            writers.spawn(async move { write(&client, &daemon, &prefix, timeout, &stopped).await });
        }
        Self { stop, writers }
    }

    /// Ends it, and says what was written.
    ///
    /// # Errors
    /// A writer panicked.
    pub async fn end(mut self) -> Result<Vec<Write>> {
        self.stop.send_replace(true);
        let mut all = Vec::new();
        while let Some(written) = self.writers.join_next().await {
            all.extend(written.context("a writer failed")?);
        }
        Ok(all)
    }
}

async fn write(
    client: &HttpClient,
    daemon: &str,
    prefix: &str,
    timeout: Duration,
    stopped: &watch::Receiver<bool>,
) -> Vec<Write> {
    let mut writes = Vec::new();
    for number in 0.. {
        if *stopped.borrow() {
            break;
        }
        let name = format!("{prefix}-{number}");
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
        let request = Request { timeout, ..Request::new("POST", CONFIGMAPS, body) };
        let (acknowledged, refused) = match client.request(daemon, request).await {
            Ok(answer) if (200..300).contains(&answer.status) => (Some(Instant::now()), false),
            Ok(answer) => (None, answer.status < 500),
            Err(NoAnswer::NotSent(_)) => (None, true),
            Err(NoAnswer::Unknown(_)) => (None, false),
        };
        if acknowledged.is_none() {
            tokio::time::sleep(AGAIN_AFTER).await;
        }
        writes.push(Write { name, acknowledged, refused });
    }
    writes
}

/// The names of all objects that one daemon lists, asked until it answers.
///
/// # Errors
/// It does not within 30 seconds, or lists one twice.
pub async fn listed(client: &HttpClient, daemon: &str) -> Result<BTreeSet<String>> {
    let begin = Instant::now();
    loop {
        let why = match client.request(daemon, Request::new("GET", CONFIGMAPS, Value::Null)).await {
            Ok(answer) if answer.status == 200 => {
                let items = answer.body["items"].as_array().cloned().unwrap_or_default();
                let names: Vec<String> =
                    items.iter().filter_map(|item| item["metadata"]["name"].as_str().map(str::to_owned)).collect();
                let distinct: BTreeSet<String> = names.iter().cloned().collect();
                if names.len() != distinct.len() {
                    bail!("{daemon} lists an object twice");
                }
                return Ok(distinct);
            }
            Ok(answer) => format!("{} {}", answer.status, answer.body["message"]),
            Err(why) => why.to_string(),
        };
        if begin.elapsed() > LISTED_MAX {
            bail!("{daemon} does not list: {why}");
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

const WRITERS: usize = 8;
/// After a write that failed.
const AGAIN_AFTER: Duration = Duration::from_millis(5);
const LISTED_MAX: Duration = Duration::from_secs(30);
/// In `root`, which is at home in the first region.
const CONFIGMAPS: &str = "/clusters/root/api/v1/namespaces/default/configmaps";
