//! One run: a time of faults, then everything is mended and must work, and then what was promised is compared with what is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::chaos::{Chaos, Kind};
use crate::client::{Client, Sent, Told};
use crate::dice::Dice;
use crate::history::{Did, History};
use crate::invariants::{Broken, linearizable, live};
use crate::plan::{Plan, Shape};
use crate::world::{World, group_of};

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
    /// The longest time in which a region acknowledged no write.
    pub longest_gap: Duration,
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
    let operations = simulation.histories.iter().flat_map(History::operations).collect::<Vec<_>>();
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
        longest_gap: Duration::ZERO,
    })
}

struct Simulation {
    world: World,
    chaos: Chaos,
    stop: watch::Sender<bool>,
    histories: Vec<History>,
    sent: Vec<Arc<Mutex<Vec<Sent>>>>,
}

impl Simulation {
    fn new(seed: u64, shape: &Shape, lines_max: usize) -> anyhow::Result<Self> {
        let plan = Plan::new(seed, shape);
        let mut dice = Dice::new(seed).fork("run");
        let chaos = Chaos::new(&plan, dice.fork("chaos"));
        let world = World::new(plan, lines_max)?;
        let stop = watch::Sender::new(false);
        let (mut histories, mut sent) = (Vec::new(), Vec::new());
        for region in 0..world.plan.regions.len() {
            let (history, commands) = (History::default(), Arc::default());
            for number in 0..world.plan.clients {
                let end = world.clients_of(region);
                let client = Client {
                    number,
                    end,
                    daemons: world.neighbours(end),
                    objects: world.plan.objects,
                    think_ms_max: world.plan.think_ms_max,
                    wire: world.wire.clone(),
                    history: history.clone(),
                    dice: dice.fork("client"),
                    stop: stop.subscribe(),
                    sent: Arc::clone(&commands),
                };
                world.client(client.run());
            }
            histories.push(history);
            sent.push(commands);
        }
        Ok(Self { world, chaos, stop, histories, sent })
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

    /// Without faults every region acknowledges writes again.
    fn live(&mut self) -> anyhow::Result<Result<(), Broken>> {
        let healed = self.world.now();
        let counted: Vec<usize> = self.histories.iter().map(writes).collect();
        loop {
            self.restart()?;
            if let Err(broken) = self.world.step() {
                return Ok(Err(broken));
            }
            let waited = self.world.now().saturating_sub(healed);
            let is_done =
                self.histories.iter().zip(&counted).all(|(history, before)| writes(history) >= before + WRITES_WANTED);
            if let Err(broken) = live::answers("no write is acknowledged", waited, self.world.plan.heal, is_done) {
                return Ok(Err(broken));
            }
            if is_done {
                return Ok(Ok(()));
            }
        }
    }

    /// What clients were told against what replicas have applied.
    fn compare(&self) -> Result<(), Broken> {
        for (region, (history, sent)) in self.histories.iter().zip(&self.sent).enumerate() {
            linearizable::check(&history.operations())?;
            let group = group_of(region);
            for Sent { command, told } in sent.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                let places = self.world.observer.place_of(&group, command);
                let fits = match told {
                    Told::Done | Told::Refused => places.len() == 1,
                    Told::NotDone => places.is_empty(),
                    Told::Unknown => places.len() <= 1,
                };
                if !fits {
                    let what = format!("a command of which its sender was told {told:?} was applied at {places:?}");
                    return Err(Broken { promise: "acknowledged", what });
                }
            }
        }
        Ok(())
    }
}

fn writes(history: &History) -> usize {
    history.operations().iter().filter(|operation| matches!(operation.did, Did::Wrote { .. })).count()
}

/// Writes that each region must acknowledge when all faults are over.
const WRITES_WANTED: usize = 5;
/// Steps after the last operation was begun.
const QUIET_STEPS: u32 = 15_000;
