//! Faults of links.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::cluster::client_port;
use crate::nemesis::{Arena, Landing, Nemesis, has_heirs};
use crate::net::rule::{Link, OverlayId, Rule};
use crate::port::BoxFuture;

/// Cuts links.
#[derive(Default)]
pub struct Partition(Option<OverlayId>);

/// Makes links slow or narrow.
#[derive(Default)]
pub struct Slow(Option<OverlayId>);

/// Makes links lose, double, overtake and damage packets.
#[derive(Default)]
pub struct Lossy(Option<OverlayId>);

/// Halves, a region apart, a ring, and the leader cut off in five ways.
const SHAPES: u64 = 8;
/// The first two of them.
const SHAPES_BETWEEN_REGIONS: u64 = 2;

/// Which links are cut, and what that is called.
struct Cut {
    fault: String,
    targets: Vec<String>,
    links: Vec<Link>,
    leader: bool,
}

impl Nemesis for Partition {
    fn install<'a>(&'a mut self, arena: &'a mut Arena) -> BoxFuture<'a, Result<Landing>> {
        Box::pin(async move {
            let (regions, daemons) = (arena.cluster.plan.regions.len(), arena.cluster.members().len());
            // Where each daemon is a region of its own there is nothing to cut within one.
            let shapes = if daemons > regions { SHAPES } else { SHAPES_BETWEEN_REGIONS };
            let shape = arena.random.below(shapes);
            let cut = match shape {
                0 => Some(halves(arena)),
                1 if regions > 1 => apart(arena),
                1 | 2 => ring(arena),
                _ => isolate(arena, shape).await,
            };
            let Some(cut) = cut else {
                return Ok(Landing::Skipped { why: "nobody leads, or there is nobody to cut it from".to_owned() });
            };
            self.0 = Some(lay(arena, cut.links.into_iter().map(|link| (link, Rule::cut())).collect())?);
            Ok(Landing::Installed { fault: cut.fault, targets: cut.targets, leader: cut.leader })
        })
    }

    fn heal<'a>(&'a mut self, arena: &'a mut Arena) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { lift(arena, self.0.take()) })
    }
}

impl Nemesis for Slow {
    fn install<'a>(&'a mut self, arena: &'a mut Arena) -> BoxFuture<'a, Result<Landing>> {
        Box::pin(async move {
            let random = &mut arena.random;
            let (fault, rule) = if random.chance(0.7) {
                let delay = Duration::from_millis(random.range(10, 150));
                let rule = Rule { delay, jitter: delay / 2, ..Rule::default() };
                (format!("{} ms more", delay.as_millis()), rule)
            } else {
                let bytes_per_second = random.range(16, 128) * 1024;
                (format!("{} KiB/s", bytes_per_second / 1024), Rule { bytes_per_second, ..Rule::default() })
            };
            let links: Vec<Link> = all(arena).into_iter().filter(|_| arena.random.chance(0.5)).collect();
            let fault = format!("{fault} on {} links", links.len());
            self.0 = Some(lay(arena, links.into_iter().map(|link| (link, rule)).collect())?);
            Ok(Landing::Installed { fault, targets: names(arena), leader: false })
        })
    }

    fn heal<'a>(&'a mut self, arena: &'a mut Arena) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { lift(arena, self.0.take()) })
    }
}

impl Nemesis for Lossy {
    fn install<'a>(&'a mut self, arena: &'a mut Arena) -> BoxFuture<'a, Result<Landing>> {
        Box::pin(async move {
            let percent = arena.random.range(2, 25);
            let loss = f64::from(u32::try_from(percent).unwrap_or(0)) / 100.0;
            let rule = Rule { loss, duplicate: 0.05, reorder: 0.05, corrupt: 0.01, ..Rule::default() };
            let links = all(arena).into_iter().map(|link| (link, rule)).collect();
            self.0 = Some(lay(arena, links)?);
            let fault = format!("{percent} % lost, 5 % doubled, 5 % overtaken, 1 % damaged");
            Ok(Landing::Installed { fault, targets: names(arena), leader: false })
        })
    }

    fn heal<'a>(&'a mut self, arena: &'a mut Arena) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { lift(arena, self.0.take()) })
    }
}

fn lay(arena: &Arena, links: Vec<(Link, Rule)>) -> Result<OverlayId> {
    let switch = arena.cluster.switch.as_ref().context("links are cut in the switch only: give --net switch")?;
    Ok(switch.matrix.lay(links))
}

fn lift(arena: &Arena, overlay: Option<OverlayId>) -> Result<()> {
    let switch = arena.cluster.switch.as_ref().context("links are cut in the switch only: give --net switch")?;
    if let Some(overlay) = overlay {
        switch.matrix.lift(overlay);
    }
    Ok(())
}

fn names(arena: &Arena) -> Vec<String> {
    arena.cluster.members().iter().map(|member| member.place.name.clone()).collect()
}

/// Every link between two daemons.
fn all(arena: &Arena) -> Vec<Link> {
    let names = names(arena);
    let pairs = names.iter().flat_map(|one| names.iter().map(move |other| (one.clone(), other.clone())));
    pairs.filter(|(one, other)| one != other).collect()
}

/// All daemons in two parts of nearly equal size, wherever they are.
fn halves(arena: &mut Arena) -> Cut {
    let mut names = names(arena);
    arena.random.shuffle(&mut names);
    let (these, those) = names.split_at(names.len() / 2);
    let links = arena.cluster.links_between(these, those);
    Cut { fault: "halves".to_owned(), targets: these.to_vec(), links, leader: false }
}

/// Each daemon of a region hears its two neighbours only; with three or fewer, a chain: the ends do not hear each other.
fn ring(arena: &mut Arena) -> Option<Cut> {
    let region = arena.region();
    let mut names: Vec<String> =
        arena.cluster.members_of(&region).iter().map(|member| member.place.name.clone()).collect();
    arena.random.shuffle(&mut names);
    let count = names.len();
    if count < 3 {
        return None;
    }
    let mut links = Vec::new();
    for (one, from) in names.iter().enumerate() {
        for (other, to) in names.iter().enumerate() {
            let steps = one.abs_diff(other);
            let neighbours = steps == 1 || (count > 3 && steps == count - 1);
            if one != other && !neighbours {
                links.push((from.clone(), to.clone()));
            }
        }
    }
    Some(Cut { fault: format!("ring in {region}"), targets: names, links, leader: false })
}

/// A region from all others.
fn apart(arena: &mut Arena) -> Option<Cut> {
    let region = arena.region();
    let (mut these, mut those) = (Vec::new(), Vec::new());
    for member in arena.cluster.members() {
        let side = if member.place.region == region { &mut these } else { &mut those };
        side.push(member.place.name.clone());
    }
    if those.is_empty() {
        return None;
    }
    let links = arena.cluster.links_between(&these, &those);
    Some(Cut { fault: format!("region {region} alone"), targets: these, links, leader: false })
}

/// A leader from the other daemons of its region: both ways, or one of them; and sometimes its clients from it.
async fn isolate(arena: &mut Arena, shape: u64) -> Option<Cut> {
    let region = arena.region();
    let leader = arena.cluster.leader(&region).await?;
    let name = leader.place.name.clone();
    if !has_heirs(&arena.cluster, &leader) {
        return None;
    }
    let others: Vec<String> = names(arena).into_iter().filter(|other| *other != name).collect();
    let (fault, hears, heard) = match shape {
        3 | 4 => ("leader hears nobody", false, true),
        5 | 6 => ("nobody hears the leader", true, false),
        _ => ("leader alone", false, false),
    };
    let mut fault = fault.to_owned();
    let mut links = Vec::new();
    for other in others {
        if !hears {
            links.push((other.clone(), name.clone()));
        }
        if !heard {
            links.push((name.clone(), other));
        }
    }
    if arena.random.chance(0.25) {
        fault.push_str(", nor do its clients hear it");
        links.push((name.clone(), client_port(&region)));
    }
    Some(Cut { fault, targets: vec![name], links, leader: true })
}
