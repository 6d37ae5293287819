//! Changes of who belongs to a region, with the commands that an operator types.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::cluster::Cluster;
use crate::nemesis::{Arena, Landing, Nemesis};
use crate::port::BoxFuture;

/// `hanse drain` and its undoing, and `hanse members transfer-leader`.
#[derive(Default)]
pub struct Membership {
    /// The region and the daemon that is spared.
    drained: Option<(String, String)>,
}

impl Nemesis for Membership {
    fn install<'a>(&'a mut self, arena: &'a mut Arena) -> BoxFuture<'a, Result<Landing>> {
        Box::pin(async move {
            let region = arena.region();
            let members = arena.cluster.members_of(&region);
            if members.len() < 3 {
                return Ok(Landing::Skipped { why: format!("region {region} has too few daemons to lose one") });
            }
            let Some(member) = arena.random.pick(&members) else {
                return Ok(Landing::Skipped { why: "no daemon".to_owned() });
            };
            let name = member.place.name.clone();
            let transfers = arena.random.chance(0.3);
            let arguments: Vec<&str> = if transfers {
                vec!["members", "transfer-leader", &name]
            } else {
                // Set before it is tried: what was refused in the end may have been begun.
                self.drained = Some((region.clone(), name.clone()));
                vec!["drain", &name, "--timeout", "10s"]
            };
            let fault = format!("hanse {}", arguments.join(" "));
            // Refused or begun and not ended: nobody knows, and it is undone in either case.
            hanse(&arena.cluster, &region, &arguments).await.with_context(|| fault.clone())?;
            Ok(Landing::Installed { fault, targets: vec![name], leader: transfers })
        })
    }

    fn heal<'a>(&'a mut self, arena: &'a mut Arena) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let Some((region, name)) = self.drained.take() else { return Ok(()) };
            let mut last = Ok(());
            for _ in 0..UNDO_TRIES {
                last = hanse(&arena.cluster, &region, &["drain", &name, "--undo", "--timeout", "10s"]).await;
                if last.is_ok() {
                    break;
                }
                tokio::time::sleep(UNDO_PAUSE).await;
            }
            last
        })
    }
}

/// Runs the admin client against a daemon of the region that runs.
async fn hanse(cluster: &Cluster, region: &str, arguments: &[&str]) -> Result<()> {
    let members = cluster.members_of(region);
    let asked = members.iter().find(|member| member.answers()).context("no daemon of the region runs")?;
    let child = Command::new(&cluster.plan.programs.hanse)
        .arg("--socket")
        .arg(asked.admin_socket())
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(COMMAND_MAX, child).await.context("hanse does not end")??;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        bail!("{}", said.lines().last().unwrap_or_default());
    }
    Ok(())
}

const COMMAND_MAX: Duration = Duration::from_secs(15);
const UNDO_TRIES: usize = 5;
const UNDO_PAUSE: Duration = Duration::from_secs(2);
