//! One run: a time of faults, then everything is mended and must work, and then what was promised is compared with what is.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::chaos::{Chaos, Kind};
use crate::client::workspaces::Made;
use crate::crowd::Crowd;
use crate::dice::Dice;
use crate::invariants::{Broken, live, tree};
use crate::message::Forest;
use crate::plan::{Plan, Shape};
use crate::process::daemon_at;
use crate::wire::End;
use crate::world::World;

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The promise that was broken, if one was.
    pub broken: Option<Broken>,
    /// The sum of everything that happened.
    pub trace: u64,
    /// How much happened.
    pub events: u64,
    /// The last of it in words, where that was wanted.
    pub lines: Vec<String>,
    /// Virtual time.
    pub span: Duration,
    /// Time of the machine that ran it.
    pub took: Duration,
    /// Operations of clients that were acknowledged.
    pub acknowledged: u64,
    /// Operations of clients, all of them.
    pub operations: u64,
    /// How many faults of each kind there were, in the order of [`Kind::ALL`].
    pub faults: [u64; Kind::ALL.len()],
    /// Events that watches have shown.
    pub watched: u64,
    /// Workspaces that were made, and moves of them.
    pub workspaces: (u64, u64),
}

/// Runs a seed.
///
/// # Errors
/// The system gives no runtime.
pub fn run(seed: u64, shape: &Shape, lines_max: usize) -> anyhow::Result<Report> {
    let began = Instant::now();
    let mut simulation = Simulation::new(seed, shape, lines_max)?;
    let broken = simulation.all()?.err();
    let (trace, events, lines) = simulation.world.wire.traced();
    let (operations, made) = (simulation.crowd.operations(), simulation.crowd.made());
    Ok(Report {
        seed,
        broken,
        trace,
        events,
        lines,
        span: simulation.world.now(),
        took: began.elapsed(),
        acknowledged: operations.iter().filter(|operation| operation.revision().is_some()).count() as u64,
        operations: operations.len() as u64,
        faults: simulation.chaos.counts,
        watched: simulation.crowd.watched(),
        workspaces: (made.kept.len() as u64, made.moves),
    })
}

struct Simulation {
    world: World,
    chaos: Chaos,
    stop: watch::Sender<bool>,
    crowd: Crowd,
}

impl Simulation {
    fn new(seed: u64, shape: &Shape, lines_max: usize) -> anyhow::Result<Self> {
        let plan = Plan::new(seed, shape);
        let mut dice = Dice::new(seed).fork("run");
        let chaos = Chaos::new(&plan, dice.fork("chaos"));
        let world = World::new(plan, lines_max)?;
        let stop = watch::Sender::new(false);
        let crowd = Crowd::start(&world, &stop, &mut dice);
        Ok(Self { world, chaos, stop, crowd })
    }

    /// Both phases, and what is to be looked at afterwards.
    fn all(&mut self) -> anyhow::Result<Result<(), Broken>> {
        let chaos = self.world.plan.chaos;
        while self.world.now() < chaos {
            self.chaos.step(&mut self.world)?;
            if let Err(broken) = self.world.step() {
                return Ok(Err(broken));
            }
        }
        self.chaos.heal(&mut self.world)?;
        if let Err(broken) = self.live()? {
            return Ok(Err(broken));
        }
        self.stop.send_replace(true);
        // What is on its way comes to an end.
        for _step in 0..QUIET_STEPS {
            self.restart()?;
            if let Err(broken) = self.world.step() {
                return Ok(Err(broken));
            }
        }
        Ok(self.compare())
    }

    /// Daemons that have ended by themselves are started again, as a supervisor does.
    fn restart(&mut self) -> anyhow::Result<()> {
        for end in self.world.ended() {
            self.world.start(end)?;
        }
        Ok(())
    }

    /// Without faults every region acknowledges writes again, and all regions come to have the same tree.
    fn live(&mut self) -> anyhow::Result<Result<(), Broken>> {
        let healed = self.world.now();
        let before = self.crowd.writes();
        loop {
            self.restart()?;
            if let Err(broken) = self.world.step() {
                return Ok(Err(broken));
            }
            let waited = self.world.now().saturating_sub(healed);
            let is_done = self.crowd.writes().iter().zip(&before).all(|(now, before)| *now >= before + WRITES_WANTED);
            if let Err(broken) = live::answers("no write is acknowledged", waited, self.world.plan.heal, is_done) {
                return Ok(Err(broken));
            }
            if is_done {
                return Ok(Ok(()));
            }
        }
    }

    /// What clients were told against what there is. Regions have a while to meet again.
    fn compare(&mut self) -> Result<(), Broken> {
        self.crowd.check(&self.world)?;
        let made = self.crowd.made();
        let mut converged = Ok(());
        for _try in 0..CONVERGENCE_TRIES {
            converged = trees(&self.world.forests()?, &made);
            if converged.is_ok() {
                break;
            }
        }
        converged
    }
}

/// All replicas have one tree, in which everything is that was acknowledged.
fn trees(forests: &[(End, Forest)], made: &Made) -> Result<(), Broken> {
    for (end, forest) in forests {
        tree::check(forest, made)?;
        if forest.digest != forests[0].1.digest {
            let what = format!("daemons {} and {} have different trees", daemon_at(forests[0].0), daemon_at(*end));
            return Err(Broken { promise: "tree", what });
        }
    }
    Ok(())
}

/// How often the trees are looked at, each time after a second, before they must be equal.
const CONVERGENCE_TRIES: u32 = 30;
/// Writes that each region must acknowledge when all faults are over.
const WRITES_WANTED: usize = 3;
/// Steps after the last operation was begun.
const QUIET_STEPS: u32 = 7_500;
