//! Faults of disks.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::cluster::member::Member;
use crate::disk::image::Loss;
use crate::disk::mount::Faults;
use crate::nemesis::process::{installed, nobody};
use crate::nemesis::{Arena, Landing, Nemesis, has_heirs};
use crate::port::BoxFuture;

/// The power goes: processes die and unsynced changes are lost.
pub struct Power {
    whole_region: bool,
    dark: Vec<Arc<Member>>,
}

impl Power {
    /// Of one daemon.
    #[must_use]
    pub fn one() -> Self {
        Self { whole_region: false, dark: Vec::new() }
    }

    /// Of all daemons of a region at once.
    #[must_use]
    pub fn region() -> Self {
        Self { whole_region: true, dark: Vec::new() }
    }
}

impl Nemesis for Power {
    fn install<'a>(&'a mut self, arena: &'a mut Arena) -> BoxFuture<'a, Result<Landing>> {
        Box::pin(async move {
            let leader = if self.whole_region {
                let region = arena.region();
                self.dark = arena.cluster.members_of(&region);
                true
            } else {
                let Some((member, leads)) = arena.victim().await else { return Ok(nobody()) };
                let leader = leads && has_heirs(&arena.cluster, &member);
                self.dark = vec![member];
                leader
            };
            let loss = *arena.random.pick(&[Loss::All, Loss::Tear, Loss::Reorder]).unwrap_or(&Loss::All);
            let mut lost = 0;
            for member in &self.dark {
                lost += member.lose_power(loss, &mut arena.random)?;
            }
            let targets = self.dark.iter().map(|member| member.place.name.clone()).collect();
            Ok(Landing::Installed { fault: format!("power, {loss:?} of {lost} unsynced changes"), targets, leader })
        })
    }

    fn heal<'a>(&'a mut self, _arena: &'a mut Arena) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.dark.drain(..).try_for_each(|member| member.start()) })
    }
}

/// A disk that stands still, or takes long to sync.
#[derive(Default)]
pub struct Stall(Option<Arc<Member>>);

impl Nemesis for Stall {
    fn install<'a>(&'a mut self, arena: &'a mut Arena) -> BoxFuture<'a, Result<Landing>> {
        Box::pin(async move {
            let Some((member, leads)) = arena.victim().await else { return Ok(nobody()) };
            let disk = member.disk.as_ref().context("its disk is a plain directory")?;
            let fault = if arena.random.chance(0.5) {
                disk.set(Faults { stalls: true, ..Faults::default() });
                "disk stands still".to_owned()
            } else {
                let sync_takes = Duration::from_millis(arena.random.range(50, 1_000));
                disk.set(Faults { sync_takes, ..Faults::default() });
                format!("a sync takes {} ms", sync_takes.as_millis())
            };
            self.0 = Some(Arc::clone(&member));
            // A slow disk costs a leader its place only if the product says so: nothing is demanded of it here.
            let leader = leads && has_heirs(&arena.cluster, &member) && fault.starts_with("disk");
            Ok(installed(&fault, &member, leader))
        })
    }

    fn heal<'a>(&'a mut self, _arena: &'a mut Arena) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if let Some(disk) = self.0.take().as_ref().and_then(|member| member.disk.as_ref()) {
                disk.set(Faults::default());
            }
            Ok(())
        })
    }
}

/// A sync that fails.
#[derive(Default)]
pub struct IoError(Option<Arc<Member>>);

impl Nemesis for IoError {
    fn install<'a>(&'a mut self, arena: &'a mut Arena) -> BoxFuture<'a, Result<Landing>> {
        Box::pin(async move {
            let Some((member, leads)) = arena.victim().await else { return Ok(nobody()) };
            let disk = member.disk.as_ref().context("its disk is a plain directory")?;
            disk.set(Faults { fails_next_sync: true, ..Faults::default() });
            self.0 = Some(Arc::clone(&member));
            Ok(installed("the next sync fails", &member, leads && has_heirs(&arena.cluster, &member)))
        })
    }

    fn heal<'a>(&'a mut self, _arena: &'a mut Arena) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let Some(member) = self.0.take() else { return Ok(()) };
            if let Some(disk) = &member.disk {
                disk.set(Faults::default());
            }
            Ok(())
        })
    }
}

/// A full disk.
#[derive(Default)]
pub struct Full(Option<Arc<Member>>);

impl Nemesis for Full {
    fn install<'a>(&'a mut self, arena: &'a mut Arena) -> BoxFuture<'a, Result<Landing>> {
        Box::pin(async move {
            let Some((member, _)) = arena.victim().await else { return Ok(nobody()) };
            let disk = member.disk.as_ref().context("its disk is a plain directory")?;
            disk.limit(disk.bytes() + arena.random.below(FREE_BYTES_MAX));
            self.0 = Some(Arc::clone(&member));
            Ok(installed("the disk is full", &member, false))
        })
    }

    fn heal<'a>(&'a mut self, _arena: &'a mut Arena) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if let Some(disk) = self.0.take().as_ref().and_then(|member| member.disk.as_ref()) {
                disk.limit(u64::MAX);
            }
            Ok(())
        })
    }
}

/// What is left on a disk that fills up.
const FREE_BYTES_MAX: u64 = 64 << 10;
