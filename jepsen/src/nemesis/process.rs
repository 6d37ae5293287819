//! Faults of processes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::cluster::member::Member;
use crate::nemesis::{Arena, Landing, Nemesis, has_heirs};
use crate::port::BoxFuture;

/// kill -9 of one daemon.
#[derive(Default)]
pub struct Kill(Option<Arc<Member>>);

impl Nemesis for Kill {
    fn install<'a>(&'a mut self, arena: &'a mut Arena) -> BoxFuture<'a, Result<Landing>> {
        Box::pin(async move {
            let Some((member, leads)) = arena.victim().await else { return Ok(nobody()) };
            self.0 = Some(Arc::clone(&member));
            member.kill()?;
            Ok(installed("kill -9", &member, leads && has_heirs(&arena.cluster, &member)))
        })
    }

    fn heal<'a>(&'a mut self, _arena: &'a mut Arena) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.0.take().map_or(Ok(()), |member| member.start()) })
    }
}

/// kill -9 of all daemons of a region.
#[derive(Default)]
pub struct KillRegion(Vec<Arc<Member>>);

impl Nemesis for KillRegion {
    fn install<'a>(&'a mut self, arena: &'a mut Arena) -> BoxFuture<'a, Result<Landing>> {
        Box::pin(async move {
            let region = arena.region();
            self.0 = arena.cluster.members_of(&region);
            for member in &self.0 {
                member.kill()?;
            }
            let targets = self.0.iter().map(|member| member.place.name.clone()).collect();
            Ok(Landing::Installed { fault: format!("kill -9 of region {region}"), targets, leader: true })
        })
    }

    fn heal<'a>(&'a mut self, _arena: &'a mut Arena) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.0.drain(..).try_for_each(|member| member.start()) })
    }
}

/// SIGTERM, and a start as soon as it has ended.
#[derive(Default)]
pub struct Restart(Option<Arc<Member>>);

impl Nemesis for Restart {
    fn install<'a>(&'a mut self, arena: &'a mut Arena) -> BoxFuture<'a, Result<Landing>> {
        Box::pin(async move {
            let Some((member, leads)) = arena.victim().await else { return Ok(nobody()) };
            self.0 = Some(Arc::clone(&member));
            let stopping = Arc::clone(&member);
            tokio::task::spawn_blocking(move || stopping.stop(STOP_MAX)).await??;
            member.start()?;
            Ok(installed("SIGTERM and start", &member, leads && has_heirs(&arena.cluster, &member)))
        })
    }

    fn heal<'a>(&'a mut self, _arena: &'a mut Arena) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.0.take().map_or(Ok(()), |member| member.start()) })
    }
}

/// SIGSTOP.
#[derive(Default)]
pub struct Pause(Option<Arc<Member>>);

impl Nemesis for Pause {
    fn install<'a>(&'a mut self, arena: &'a mut Arena) -> BoxFuture<'a, Result<Landing>> {
        Box::pin(async move {
            let Some((member, leads)) = arena.victim().await else { return Ok(nobody()) };
            self.0 = Some(Arc::clone(&member));
            member.pause()?;
            Ok(installed("SIGSTOP", &member, leads && has_heirs(&arena.cluster, &member)))
        })
    }

    fn heal<'a>(&'a mut self, _arena: &'a mut Arena) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.0.take().map_or(Ok(()), |member| member.go_on()) })
    }
}

pub(crate) fn installed(fault: &str, member: &Member, leader: bool) -> Landing {
    Landing::Installed { fault: fault.to_owned(), targets: vec![member.place.name.clone()], leader }
}

pub(crate) fn nobody() -> Landing {
    Landing::Skipped { why: "no daemon runs".to_owned() }
}

/// How long a daemon may take to stop in order.
const STOP_MAX: Duration = Duration::from_secs(20);
