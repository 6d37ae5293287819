//! Writers that go on while daemons come and go.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use hanse_tests::client::Client;
use hanse_tests::federation::Federation;
use tokio::task::JoinSet;

use crate::{CONFIGMAPS, configmap, names};

/// Writers that try each write once more when it fails, at another daemon.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    failed: Arc<AtomicU64>,
    writers: JoinSet<Vec<String>>,
}

impl Load {
    pub(crate) fn start(federation: &Federation, daemons: &[&str], round: &str) -> Result<Self> {
        let (stop, failed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut writers = JoinSet::new();
        for writer in 0..4_usize {
            let clients = daemons.iter().map(|daemon| federation.client(daemon)).collect::<Result<Vec<Client>>>()?;
            let (stop, failed, round) = (Arc::clone(&stop), Arc::clone(&failed), round.to_owned());
            writers.spawn(async move {
                let mut done = Vec::new();
                for number in 0.. {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    let name = format!("{round}-w{writer}-{number}");
                    if write(&clients, writer + number, &name).await {
                        done.push(name);
                    } else {
                        failed.fetch_add(1, Ordering::SeqCst);
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                done
            });
        }
        Ok(Self { stop, failed, writers })
    }

    /// The names of all acknowledged writes.
    pub(crate) async fn end(mut self) -> Result<BTreeSet<String>> {
        self.stop.store(true, Ordering::SeqCst);
        let mut all = BTreeSet::new();
        while let Some(done) = self.writers.join_next().await {
            all.extend(done?);
        }
        let failed = self.failed.load(Ordering::SeqCst);
        ensure!(failed == 0, "{failed} writes failed twice, {} went well", all.len());
        Ok(all)
    }
}

async fn write(clients: &[Client], first: usize, name: &str) -> bool {
    for attempt in 0..2 {
        let client = &clients[(first + attempt) % clients.len()];
        match client.post(CONFIGMAPS, &configmap(name, "x")).await {
            Ok(answer) if answer.status.is_success() => return true,
            // The first attempt has arrived, and only its answer was lost.
            Ok(answer) if attempt > 0 && answer.status == 409 => return true,
            Ok(answer) => println!("{name}: {} {}", answer.status, String::from_utf8_lossy(&answer.body)),
            Err(error) => println!("{name}: {error:#}"),
        }
    }
    false
}

/// Everything that was acknowledged is there, whichever daemon is asked.
pub(crate) async fn all_there(
    federation: &Federation,
    daemons: &[&str],
    acknowledged: &BTreeSet<String>,
) -> Result<()> {
    for daemon in daemons {
        let list = federation.client(daemon)?.get(CONFIGMAPS).await?.ok()?;
        let found: BTreeSet<String> = names(&list).into_iter().collect();
        let lost: Vec<_> = acknowledged.difference(&found).collect();
        ensure!(lost.is_empty(), "{daemon} has lost {lost:?} of {}", acknowledged.len());
    }
    Ok(())
}
