//! `jepsen suite`: a fixed matrix of workloads and nemeses, within a budget of time.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::cluster::Programs;
use crate::doctor::{DiskKind, NetKind};
use crate::nemesis::{self, Entry};
use crate::run::{Outcome, Wish, folder};

/// One cell of the matrix.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    workload: &'static str,
    nemeses: &'static [&'static str],
    regions: usize,
    daemons: usize,
}

const fn cell(workload: &'static str, nemeses: &'static [&'static str], regions: usize, daemons: usize) -> Cell {
    Cell { workload, nemeses, regions, daemons }
}

/// The matrix, in the order in which it is run: with a short budget, what comes first is what matters most.
pub const MATRIX: &[Cell] = &[
    cell("register", &["kill"], 1, 3),
    cell("register", &["partition"], 1, 3),
    cell("register", &["pause"], 1, 3),
    cell("register", &["power-region"], 1, 3),
    cell("set", &["power", "partition"], 1, 3),
    cell("set", &["kill-region"], 3, 1),
    cell("watch", &["kill", "partition"], 1, 3),
    cell("names", &["partition", "kill"], 3, 1),
    cell("tree", &["partition", "kill"], 3, 1),
    cell("register", &["loss", "slow"], 3, 1),
    cell("register", &["stall"], 1, 3),
    cell("register", &["membership", "kill"], 1, 3),
    cell("set", &["io-error", "kill"], 1, 3),
    cell("watch", &["pause", "power"], 1, 3),
    cell("tree", &["loss", "kill-region"], 3, 1),
    cell("set", &["restart"], 1, 3),
    cell("watch", &["membership", "partition"], 1, 3),
    cell("register", &["partition", "kill", "pause", "power"], 3, 3),
];

impl Cell {
    /// The nemeses.
    #[must_use]
    pub fn entries(&self) -> Vec<&'static Entry> {
        self.nemeses.iter().filter_map(|name| nemesis::by_name(name)).collect()
    }

    /// `register × kill,partition (1×3)`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} x {} ({}x{})", self.workload, self.nemeses.join(","), self.regions, self.daemons)
    }
}

/// What all cells share.
pub struct Terms<'a> {
    /// For everything together.
    pub budget: Duration,
    /// Decides all choices; each cell has its own stream.
    pub seed: u64,
    /// The network.
    pub net: NetKind,
    /// The disks.
    pub disk: DiskKind,
    /// A directory for each cell is made in it.
    pub out: &'a Path,
    /// What is tested.
    pub programs: &'a Programs,
}

/// What came of one cell.
#[derive(Debug)]
pub enum CellResult {
    /// It was run.
    Ran(Box<Outcome>),
    /// It was not: this machine cannot, or the budget was spent.
    Skipped(String),
    /// The harness failed.
    Harness(String),
}

/// Runs the matrix. `told` hears of each cell as it ends.
///
/// # Errors
/// None of its own: what fails is the result of a cell.
pub async fn run(terms: &Terms<'_>, mut told: impl FnMut(&Cell, &CellResult)) -> Result<Vec<(Cell, CellResult)>> {
    let begin = Instant::now();
    let mut results = Vec::new();
    let doable = |cell: &Cell| cell.entries().iter().all(|entry| entry.works_with(terms.net, terms.disk));
    let mut left = MATRIX.iter().filter(|cell| doable(cell)).count();
    for (number, cell) in (0_u64..).zip(MATRIX) {
        let remaining = terms.budget.saturating_sub(begin.elapsed());
        let share = remaining / u32::try_from(left.max(1)).unwrap_or(1);
        let result = if !doable(cell) {
            CellResult::Skipped("this machine cannot: see `jepsen doctor`".to_owned())
        } else if share < OVERHEAD + LIMIT_MIN && remaining < OVERHEAD + LIMIT_MIN {
            left -= 1;
            CellResult::Skipped("the budget is spent".to_owned())
        } else {
            left -= 1;
            let wish = Wish {
                workload: cell.workload.to_owned(),
                nemeses: cell.entries(),
                regions: cell.regions,
                daemons: cell.daemons,
                time_limit: share.saturating_sub(OVERHEAD).clamp(LIMIT_MIN, LIMIT_MAX),
                seed: terms.seed.wrapping_add(number),
                rate: RATE,
                net: terms.net,
                disk: terms.disk,
                out: terms.out.join(format!("{:02}-{}", number + 1, folder(cell.workload, cell.nemeses))),
                programs: terms.programs.clone(),
            };
            match crate::run::run(&wish).await {
                Ok(outcome) => CellResult::Ran(Box::new(outcome)),
                Err(error) => CellResult::Harness(format!("{error:#}; repeat it with: {}", wish.reproduce())),
            }
        };
        told(cell, &result);
        results.push((*cell, result));
    }
    Ok(results)
}

/// Operations in a second.
const RATE: f64 = 100.0;
/// What a run takes beside its time limit: files, start, healing, final reads, checks.
const OVERHEAD: Duration = Duration::from_secs(25);
const LIMIT_MIN: Duration = Duration::from_secs(20);
const LIMIT_MAX: Duration = Duration::from_secs(120);
