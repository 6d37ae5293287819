//! What goes wrong, when, and for how long. Faults overlap; each is undone after a while, and all of them when the time of
//! faults is over.

use std::time::Duration;

use crate::dice::Dice;
use crate::plan::Plan;
use crate::wire::End;
use crate::world::World;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A process is killed.
    Kill,
    /// All processes of a region are killed.
    KillAll,
    /// A machine loses its power.
    Power,
    /// All machines of a region lose their power.
    PowerAll,
    /// A process is paused.
    Pause,
    /// A machine is cut off.
    Isolate,
    /// Nothing gets from one machine to another.
    OneWay,
    /// Nobody hears a machine, which hears everybody; or the other way round.
    Deaf,
    /// The machines are cut in two parts.
    Halves,
    /// Each machine reaches its neighbours only.
    Ring,
    /// A region is cut off.
    Region,
    /// Both halves of a region reach each other through one machine only, which loses its power whenever it has voted; who
    /// leads by then cannot reach it any more.
    Bridge,
    /// The network is slow and loses much.
    Slow,
    /// A disk does nothing any more.
    Stall,
    /// A sync fails.
    SyncError,
    /// A disk is full.
    Full,
    /// A wall clock jumps.
    Clock,
    /// A bit of a file changes while its machine is off.
    Flip,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Kill,
        Self::KillAll,
        Self::Power,
        Self::PowerAll,
        Self::Pause,
        Self::Isolate,
        Self::OneWay,
        Self::Deaf,
        Self::Halves,
        Self::Ring,
        Self::Region,
        Self::Bridge,
        Self::Slow,
        Self::Stall,
        Self::SyncError,
        Self::Full,
        Self::Clock,
        Self::Flip,
    ];
}

/// How a fault ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The machine is started, if nothing runs on it.
    Start(End),
    /// The process goes on.
    Resume(End),
    /// The way is open again.
    Mend(End, End),
    /// The network is as it was.
    Calm,
    /// The disk works again.
    Unstall(End),
    /// There is room again.
    Room(End),
}

/// A machine that alone connects others.
struct Bridge {
    end: End,
    /// The newest term in which it was seen.
    term: u64,
    until: Duration,
}

/// The faults of one run.
pub struct Chaos {
    dice: Dice,
    weights: Vec<u64>,
    every: Duration,
    next: Duration,
    ends: Vec<(Duration, Remedy)>,
    bridges: Vec<Bridge>,
    /// How many of each kind were there.
    pub counts: [u64; Kind::ALL.len()],
}

impl Chaos {
    /// Draws from the sequence as the plan says.
    #[must_use]
    pub fn new(plan: &Plan, mut dice: Dice) -> Self {
        let next = FIRST + Duration::from_millis(dice.below(2_000));
        let (weights, every) = (plan.weights.clone(), plan.fault_every);
        Self { dice, weights, every, next, ends: Vec::new(), bridges: Vec::new(), counts: [0; Kind::ALL.len()] }
    }

    /// Begins and ends what is due.
    ///
    /// # Errors
    /// A machine cannot be started.
    pub fn step(&mut self, world: &mut World) -> anyhow::Result<()> {
        let now = world.now();
        let due: Vec<Remedy> = self.ends.iter().filter(|(at, _)| *at <= now).map(|(_, end)| *end).collect();
        self.ends.retain(|(at, _)| *at > now);
        for end in due {
            world.undo(end)?;
        }
        for end in world.ended() {
            let pause = Duration::from_millis(self.dice.between(300, 2_000));
            self.ends.push((now + pause, Remedy::Start(end)));
        }
        self.watch_bridges(world);
        if now >= self.next {
            let gap = self.dice.below(2 * u64::try_from(self.every.as_millis()).unwrap_or(1_000));
            self.next = now + Duration::from_millis(gap);
            self.begin(world);
        }
        Ok(())
    }

    /// Undoes everything.
    ///
    /// # Errors
    /// A machine cannot be started.
    pub fn heal(&mut self, world: &mut World) -> anyhow::Result<()> {
        self.ends.clear();
        self.bridges.clear();
        world.heal()
    }

    fn begin(&mut self, world: &mut World) {
        let sum: u64 = self.weights.iter().sum();
        let mut at = self.dice.below(sum.max(1));
        let chosen = self.weights.iter().position(|weight| {
            let is_here = at < *weight;
            at = at.saturating_sub(*weight);
            is_here
        });
        let Some(number) = chosen else { return };
        let kind = Kind::ALL[number];
        self.counts[number] += 1;
        let victim = self.victim(world);
        world.wire.note(number as u64, || format!("fault {kind:?} at {victim}"));
        let lasts = Duration::from_millis(self.dice.between(50, 6_000));
        let until = world.now() + lasts;
        match kind {
            Kind::Kill | Kind::KillAll | Kind::Power | Kind::PowerAll | Kind::Flip => {
                self.stop(world, kind, victim, until);
            }
            Kind::Pause => {
                world.pause(victim, true);
                self.ends.push((until, Remedy::Resume(victim)));
            }
            Kind::Isolate | Kind::OneWay | Kind::Deaf | Kind::Halves | Kind::Ring | Kind::Region => {
                for (from, to) in self.cuts(world, kind, victim) {
                    world.wire.cut(from, to);
                    self.ends.push((until, Remedy::Mend(from, to)));
                }
            }
            Kind::Bridge => {
                let mut others: Vec<End> = world.neighbours(victim).into_iter().filter(|end| *end != victim).collect();
                let half = others.split_off(others.len() / 2);
                for (one, other) in others.iter().flat_map(|one| half.iter().map(|other| (*one, *other))) {
                    self.cut_off(world, one, other, until);
                }
                let term = world.term(victim).unwrap_or(0);
                self.bridges.push(Bridge { end: victim, term, until });
            }
            Kind::Slow => {
                let (late, loss) = (self.dice.below(300_000), self.dice.below(300_000));
                world.wire.set_weather(|weather| {
                    (weather.late_per_million, weather.loss_per_million) = (late, loss);
                });
                self.ends.push((until, Remedy::Calm));
            }
            Kind::Stall => {
                world.disk(victim).set_mood(|mood| mood.is_stalled = true);
                self.ends.push((until, Remedy::Unstall(victim)));
            }
            Kind::SyncError => world.disk(victim).set_mood(|mood| mood.fails_next_sync = true),
            Kind::Full => {
                let left = self.dice.below(20_000);
                world.disk(victim).set_mood(|mood| mood.space_bytes = Some(left));
                self.ends.push((until, Remedy::Room(victim)));
            }
            Kind::Clock => {
                let ms = i64::try_from(self.dice.below(7_200_000)).unwrap_or(0) - 3_600_000;
                world.skew(victim, ms);
            }
        }
    }

    fn cut_off(&mut self, world: &World, one: End, other: End, until: Duration) {
        for (from, to) in [(one, other), (other, one)] {
            world.wire.cut(from, to);
            self.ends.push((until, Remedy::Mend(from, to)));
        }
    }

    fn watch_bridges(&mut self, world: &mut World) {
        let now = world.now();
        self.bridges.retain(|bridge| bridge.until > now);
        for mut bridge in std::mem::take(&mut self.bridges) {
            match world.term(bridge.end) {
                Some(term) if term > bridge.term => {
                    bridge.term = term;
                    world.lose_power(bridge.end);
                    let pause = Duration::from_millis(self.dice.between(20, 80));
                    self.ends.push((now + pause, Remedy::Start(bridge.end)));
                }
                Some(_) => {}
                // Down: whoever won by its vote has heard of it by now.
                None => {
                    let near = world.neighbours(bridge.end).into_iter();
                    let leaders: Vec<End> = near.filter(|end| *end != bridge.end && world.leads(*end)).collect();
                    for leader in leaders {
                        if !world.wire.is_cut(leader, bridge.end) {
                            self.cut_off(world, leader, bridge.end, bridge.until);
                        }
                    }
                }
            }
            self.bridges.push(bridge);
        }
    }

    /// A machine; often the one that leads.
    fn victim(&mut self, world: &World) -> End {
        let all: Vec<End> = (0..world.machines()).collect();
        let leaders: Vec<End> = all.iter().copied().filter(|end| world.leads(*end)).collect();
        if !leaders.is_empty() && self.dice.happens(500_000) {
            return *self.dice.pick(&leaders);
        }
        *self.dice.pick(&all)
    }

    fn stop(&mut self, world: &mut World, kind: Kind, victim: End, until: Duration) {
        let mut victims = vec![victim];
        if matches!(kind, Kind::KillAll | Kind::PowerAll) {
            victims = world.neighbours(victim);
        }
        for end in victims {
            match kind {
                Kind::Power | Kind::PowerAll => world.lose_power(end),
                Kind::Flip => {
                    if !world.may_damage(end) {
                        return;
                    }
                    world.kill(end);
                    let ending = *self.dice.pick(&[".log", ".snapshot"]);
                    world.flip(end, ending);
                }
                _ => world.kill(end),
            }
            self.ends.push((until, Remedy::Start(end)));
        }
    }

    fn cuts(&mut self, world: &World, kind: Kind, victim: End) -> Vec<(End, End)> {
        let all: Vec<End> = (0..world.ends()).collect();
        let both = |one: &[End], other: &[End]| {
            let pairs = one.iter().flat_map(|a| other.iter().map(|b| (*a, *b)));
            pairs.filter(|(a, b)| a != b).flat_map(|(a, b)| [(a, b), (b, a)]).collect::<Vec<_>>()
        };
        let machines: Vec<End> = (0..world.machines()).collect();
        match kind {
            Kind::Isolate => {
                // Sometimes with the clients of its region, sometimes without.
                let others = if self.dice.happens(500_000) { all } else { machines };
                both(&[victim], &others)
            }
            Kind::OneWay => vec![(victim, *self.dice.pick(&machines))],
            Kind::Deaf => {
                let is_deaf = self.dice.happens(500_000);
                let others = machines.into_iter().filter(|end| *end != victim);
                others.map(|end| if is_deaf { (end, victim) } else { (victim, end) }).collect()
            }
            Kind::Halves => {
                let (one, other): (Vec<End>, Vec<End>) = all.into_iter().partition(|_| self.dice.happens(500_000));
                both(&one, &other)
            }
            Kind::Ring => {
                let near = world.neighbours(victim);
                let count = near.len();
                let is_apart = |a: usize, b: usize| a != b && (a + 1) % count != b && (b + 1) % count != a;
                let pairs = (0..count).flat_map(|a| (0..count).map(move |b| (a, b)));
                pairs.filter(|(a, b)| is_apart(*a, *b)).map(|(a, b)| (near[a], near[b])).collect()
            }
            Kind::Region => {
                let (within, without): (Vec<End>, Vec<End>) =
                    all.into_iter().partition(|end| world.region_of(*end) == world.region_of(victim));
                both(&within, &without)
            }
            _ => Vec::new(),
        }
    }
}

/// The federation has a moment to begin.
const FIRST: Duration = Duration::from_millis(500);
