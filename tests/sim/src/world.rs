//! The federation: machines, the network between them, and the clients; and time, which goes on by small steps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hanse_base::id::{DaemonId, GroupId, RegionName};
use hanse_raft::status::Leadership;
use tokio::runtime::Runtime;
use tokio::time::Instant;

use crate::chaos::Remedy;
use crate::dice::Dice;
use crate::disk::SimDisk;
use crate::invariants::Broken;
use crate::machine::{Ended, Machine, Spec, runtime};
use crate::message::{Answer, Call, Forest};
use crate::observer::Observer;
use crate::plan::Plan;
use crate::process::{self, Orders, daemon_at};
use crate::trace::Trace;
use crate::wire::{Due, End, Wire};

/// Everything that there is.
pub struct World {
    /// What the seed has decided.
    pub plan: Arc<Plan>,
    /// The network.
    pub wire: Wire,
    /// Who sees everything.
    pub observer: Observer,
    machines: Vec<Machine>,
    regions: Arc<BTreeMap<DaemonId, RegionName>>,
    /// Machines of which a bit was changed.
    damaged: BTreeSet<End>,
    /// Machines that refuse to start because of that.
    refusing: BTreeSet<End>,
    clients: Runtime,
    clients_start: Instant,
    now: Duration,
}

impl World {
    /// A federation in which everything runs.
    ///
    /// # Errors
    /// The system gives no runtime.
    pub fn new(plan: Plan, lines_max: usize) -> anyhow::Result<Self> {
        let mut dice = Dice::new(plan.seed).fork("world");
        let count: usize = plan.regions.iter().sum();
        let mut regions: Vec<usize> = Vec::new();
        for (region, daemons) in plan.regions.iter().enumerate() {
            regions.extend(std::iter::repeat_n(region, *daemons));
        }
        let ends = regions.iter().copied().chain(0..plan.regions.len()).collect();
        let wire = Wire::new(ends, plan.weather.clone(), dice.fork("wire"), Trace::keeping(lines_max));
        let machines = (0..count).map(|end| {
            let group = group_of(regions[end]);
            let spec = Spec { end, region: regions[end], daemon: daemon_at(end), group };
            let disk = SimDisk::new(dice.fork("disk"), plan.disk.clone());
            let drift = i64::try_from(dice.below(2 * plan.drift_ppm + 1)).unwrap_or(0);
            let drift = drift - i64::try_from(plan.drift_ppm).unwrap_or(0);
            Machine::new(spec, disk, drift, dice.fork("machine"))
        });
        let machines = machines.collect();
        let named = regions.iter().enumerate().map(|(end, region)| (daemon_at(end), region_name(*region)));
        let named = Arc::new(named.collect());
        let clients = runtime(dice.number())?;
        let clients_start = clients.block_on(async { Instant::now() });
        let mut world = Self {
            plan: Arc::new(plan),
            wire,
            observer: Observer::default(),
            machines,
            regions: named,
            damaged: BTreeSet::new(),
            refusing: BTreeSet::new(),
            clients,
            clients_start,
            now: Duration::ZERO,
        };
        for region in 0..world.plan.regions.len() {
            world.wire.begin(world.clients_of(region), 1);
        }
        for end in 0..count {
            world.start(end)?;
        }
        Ok(world)
    }

    /// The time since the beginning.
    #[must_use]
    pub const fn now(&self) -> Duration {
        self.now
    }

    /// How many machines there are; they are the first ends.
    #[must_use]
    pub const fn machines(&self) -> usize {
        self.machines.len()
    }

    /// How many ends the network has: machines, and the clients of each region.
    #[must_use]
    pub fn ends(&self) -> usize {
        self.machines.len() + self.plan.regions.len()
    }

    /// The end at which a region's clients are.
    #[must_use]
    pub const fn clients_of(&self, region: usize) -> End {
        self.machines.len() + region
    }

    /// The region of an end.
    #[must_use]
    pub fn region_of(&self, end: End) -> usize {
        self.machines.get(end).map_or_else(|| end - self.machines.len(), |machine| machine.spec.region)
    }

    /// The machines of an end's region.
    #[must_use]
    pub fn neighbours(&self, end: End) -> Vec<End> {
        let region = self.region_of(end);
        (0..self.machines.len()).filter(|end| self.machines[*end].spec.region == region).collect()
    }

    /// Whether the process there believes that it leads.
    #[must_use]
    pub fn leads(&self, end: End) -> bool {
        let machine = &self.machines[end];
        machine.look().is_some_and(|(leadership, _)| leadership.leader == Some(machine.spec.daemon))
    }

    /// The term that the process there shows, if one runs.
    #[must_use]
    pub fn term(&self, end: End) -> Option<u64> {
        self.machines[end].look().map(|(leadership, _)| leadership.term.0)
    }

    /// Starts a task of the clients.
    pub fn client<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.clients.spawn(task);
    }

    /// Lets time go on by one step.
    ///
    /// # Errors
    /// A promise is broken.
    pub fn step(&mut self) -> Result<(), Broken> {
        self.now += STEP;
        self.wire.set_now(self.now);
        if self.now.as_millis().is_multiple_of(SWEEP_MS) {
            self.wire.sweep_pipes();
        }
        while let Some(due) = self.wire.next_due() {
            if let Due::Call(end, arrived) = due {
                // What a process does not take is lost.
                self.machines[end].deliver(arrived);
            }
        }
        for machine in &mut self.machines {
            machine.run(STEP);
        }
        let until = self.clients_start + self.now;
        self.clients.block_on(async move { tokio::time::sleep_until(until).await });
        self.look();
        self.observer.broken().map_or(Ok(()), Err)
    }

    fn look(&self) {
        for machine in &self.machines {
            if let Some((leadership @ Leadership { leader: Some(_), .. }, _)) = machine.look() {
                self.observer.leadership(&machine.spec.group, machine.spec.daemon, leadership);
            }
        }
    }

    /// The tree of each replica that runs.
    ///
    /// # Errors
    /// A promise was broken while they were asked.
    pub fn forests(&mut self) -> Result<Vec<(End, Forest)>, Broken> {
        let found: Arc<Mutex<Vec<(End, Forest)>>> = Arc::default();
        for end in 0..self.machines.len() {
            let (wire, found) = (self.wire.clone(), Arc::clone(&found));
            let from = self.clients_of(self.region_of(end));
            self.client(async move {
                if let Ok(Answer::Tree(forest)) = wire.call(from, end, Call::Tree, Duration::from_secs(2)).await {
                    found.lock().unwrap_or_else(PoisonError::into_inner).push((end, *forest));
                }
            });
        }
        for _step in 0..1_000 {
            self.step()?;
        }
        let found = std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(found)
    }

    /// Clears away processes that have ended by themselves, and says where; they are to be started again.
    #[must_use]
    pub fn ended(&mut self) -> Vec<End> {
        let mut ended = Vec::new();
        for end in 0..self.machines.len() {
            let Some((_, Some(why))) = self.machines[end].look() else { continue };
            self.wire.note(end as u64 + 1000, || format!("daemon {} has ended: {why:?}", daemon_at(end)));
            self.machines[end].kill(&self.wire);
            match why {
                Ended::Damaged(_) if self.damaged.contains(&end) => {
                    self.refusing.insert(end);
                }
                Ended::Damaged(what) => {
                    let what = format!("daemon {} calls damaged what no fault has damaged: {what}", daemon_at(end));
                    self.observer.report(Broken { promise: "durable", what });
                }
                Ended::NotStarted(_) | Ended::Failed(_) => ended.push(end),
            }
        }
        ended
    }

    /// Undoes a fault.
    ///
    /// # Errors
    /// The system gives no runtime.
    pub fn undo(&mut self, remedy: Remedy) -> anyhow::Result<()> {
        match remedy {
            Remedy::Start(end) => self.start(end)?,
            Remedy::Resume(end) => self.machines[end].pause(false),
            Remedy::Mend(from, to) => self.wire.mend(from, to),
            Remedy::Calm => {
                let calm = self.plan.weather.clone();
                self.wire.set_weather(|weather| *weather = calm);
            }
            Remedy::Unstall(end) => self.disk(end).set_mood(|mood| mood.is_stalled = false),
            Remedy::Room(end) => self.disk(end).set_mood(|mood| mood.space_bytes = None),
        }
        Ok(())
    }

    /// Undoes all faults.
    ///
    /// # Errors
    /// The system gives no runtime.
    pub fn heal(&mut self) -> anyhow::Result<()> {
        self.wire.mend_all();
        self.undo(Remedy::Calm)?;
        // What is held up for seconds on the way would be a fault as well.
        self.wire.set_weather(|weather| (weather.late_per_million, weather.loss_per_million) = (0, 0));
        for end in 0..self.machines.len() {
            for remedy in [Remedy::Resume(end), Remedy::Unstall(end), Remedy::Room(end), Remedy::Start(end)] {
                self.undo(remedy)?;
            }
            self.disk(end).set_mood(|mood| mood.fails_next_sync = false);
        }
        Ok(())
    }

    /// Starts a machine's process, if none runs and it does not refuse.
    ///
    /// # Errors
    /// The system gives no runtime.
    pub fn start(&mut self, end: End) -> anyhow::Result<()> {
        if self.machines[end].is_running() || self.refusing.contains(&end) {
            return Ok(());
        }
        let founders: BTreeSet<DaemonId> = self.neighbours(end).into_iter().map(daemon_at).collect();
        let orders = Orders {
            plan: Arc::clone(&self.plan),
            founders,
            regions: Arc::clone(&self.regions),
            observer: self.observer.clone(),
        };
        self.machines[end].start(&self.wire, |birth| process::run(birth, orders))
    }

    /// Kills a process.
    pub fn kill(&mut self, end: End) {
        self.machines[end].kill(&self.wire);
    }

    /// Takes a machine's power away.
    pub fn lose_power(&mut self, end: End) {
        self.machines[end].lose_power(&self.wire);
    }

    /// Pauses a process, or lets it go on.
    pub fn pause(&mut self, end: End, is_paused: bool) {
        self.machines[end].pause(is_paused);
    }

    /// A machine's disk.
    #[must_use]
    pub fn disk(&self, end: End) -> &SimDisk {
        &self.machines[end].disk
    }

    /// Sets a machine's wall clock wrong.
    pub fn skew(&self, end: End, ms: i64) {
        self.machines[end].skew.set(ms);
    }

    /// Whether a machine may be damaged for good, so that a majority of its group stays whole.
    #[must_use]
    pub fn may_damage(&self, end: End) -> bool {
        let near = self.neighbours(end);
        let damaged = near.iter().filter(|end| self.damaged.contains(end)).count();
        self.damaged.contains(&end) || 2 * (damaged + 1) < near.len()
    }

    /// Changes a bit on a machine on which nothing runs.
    pub fn flip(&mut self, end: End, ending: &str) {
        if let Some((path, place)) = self.disk(end).flip_a_bit(ending) {
            self.damaged.insert(end);
            self.wire.note(place, || format!("a bit of {} at {end} is changed at byte {place}", path.display()));
        }
    }

    /// Machines that refuse what is on their disks.
    #[must_use]
    pub fn refusing(&self) -> usize {
        self.refusing.len()
    }
}

/// The group of a region, by its number.
///
/// # Panics
/// Never: the name follows the grammar.
#[must_use]
pub fn group_of(region: usize) -> GroupId {
    GroupId::new(&format!("r{region}")).expect("the name follows the grammar")
}

/// The name of a region, by its number.
///
/// # Panics
/// Never: the name follows the grammar.
#[must_use]
pub fn region_name(region: usize) -> RegionName {
    RegionName::new(&format!("r{region}")).expect("the name follows the grammar")
}

/// How often links are looked at that may have died.
const SWEEP_MS: u128 = 50;
/// The grain of time between ends; within one, time is as fine as the runtime's.
pub const STEP: Duration = Duration::from_millis(1);
