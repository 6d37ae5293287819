//! What a seed decides before anything runs: how large the federation is, how its parts behave, what goes wrong and how
//! often. Every seed draws another mixture, so that some have much of one fault and none of another.

use std::time::Duration;

use crate::dice::Dice;
use crate::disk::DiskMood;
use crate::wire::Weather;

/// Everything that is drawn.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// Daemons of each region.
    pub regions: Vec<usize>,
    /// How long faults go on.
    pub chaos: Duration,
    /// How long is waited afterwards until everything must be well again.
    pub heal: Duration,
    /// Raft's times in milliseconds: heartbeat, shortest and longest election.
    pub raft_ms: (u64, u64, u64),
    /// Bytes of log between snapshots, and of log kept behind one.
    pub snapshot_bytes: (u64, u64),
    /// Bytes of a file of the log.
    pub segment_bytes: u64,
    /// Bytes of entries in memory.
    pub cache_bytes: usize,
    /// The network.
    pub weather: Weather,
    /// The disks.
    pub disk: DiskMood,
    /// By how many millionths clocks run wrong at most.
    pub drift_ppm: u64,
    /// Weights of the kinds of faults, in the order of [`crate::chaos::Kind::ALL`].
    pub weights: Vec<u64>,
    /// Mean time between faults.
    pub fault_every: Duration,
    /// Clients of each region's store.
    pub clients: usize,
    /// Clients of each region's API that write objects.
    pub writers: usize,
    /// Clients of each region's API that watch.
    pub watchers: usize,
    /// Clients of each region's API that make and move workspaces.
    pub movers: usize,
    /// Objects that clients write to.
    pub objects: u64,
    /// Longest pause between two operations of a client.
    pub think_ms_max: u64,
}

impl Plan {
    /// Draws the plan of a seed.
    #[must_use]
    pub fn new(seed: u64, shape: &Shape) -> Self {
        let mut dice = Dice::new(seed).fork("plan");
        let count = shape.regions.unwrap_or_else(|| *dice.pick(&[1, 1, 1, 2, 3]));
        let daemons = |dice: &mut Dice| if count > 1 { *dice.pick(&[1, 3]) } else { *dice.pick(&[3, 3, 3, 5, 1]) };
        let regions: Vec<usize> = (0..count).map(|_| shape.daemons.unwrap_or_else(|| daemons(&mut dice))).collect();
        let has_api = count > 1 || dice.happens(500_000);
        let api = |many: usize| if has_api { many } else { 0 };
        let weights = crate::chaos::Kind::ALL.iter().map(|_| if dice.happens(400_000) { 0 } else { dice.below(10) });
        let weights = weights.collect();
        let heartbeat = *dice.pick(&[50, 50, 100]);
        Self {
            seed,
            regions,
            chaos: shape.chaos,
            // Long enough for a client that asks a daemon which is gone for good, again and again.
            heal: Duration::from_secs(60),
            raft_ms: (heartbeat, heartbeat * 3, heartbeat * 6),
            snapshot_bytes: *dice.pick(&[(4 << 10, 1 << 10), (32 << 10, 8 << 10), (256 << 10, 64 << 10), (1 << 20, 0)]),
            segment_bytes: *dice.pick(&[4 << 10, 32 << 10, 1 << 20]),
            cache_bytes: *dice.pick(&[2 << 10, 64 << 10, 4 << 20]),
            weather: weather(&mut dice),
            disk: disk(&mut dice),
            drift_ppm: *dice.pick(&[0, 100, 20_000, 100_000]),
            weights,
            fault_every: Duration::from_millis(*dice.pick(&[500, 1500, 4000])),
            clients: usize::try_from(dice.between(1, 5)).unwrap_or(2),
            writers: api(2),
            watchers: api(1),
            movers: api(1),
            objects: dice.between(1, 8),
            think_ms_max: *dice.pick(&[5, 40, 200]),
        }
    }
}

/// What the command line fixes.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Number of regions; drawn when it is left open.
    pub regions: Option<usize>,
    /// Daemons of each region; drawn when it is left open.
    pub daemons: Option<usize>,
    /// How long faults go on.
    pub chaos: Duration,
}

impl Default for Shape {
    fn default() -> Self {
        Self { regions: None, daemons: None, chaos: Duration::from_secs(20) }
    }
}

fn weather(dice: &mut Dice) -> Weather {
    let near = *dice.pick(&[(1, 1), (1, 3), (1, 10)]);
    let far = *dice.pick(&[(2, 5), (20, 40), (40, 80)]);
    Weather {
        near_ms: near,
        far_ms: far,
        loss_per_million: *dice.pick(&[0, 0, 10_000, 100_000]),
        again_ms: *dice.pick(&[10, 50]),
        late_per_million: *dice.pick(&[0, 0, 1_000, 20_000]),
        late_ms_max: *dice.pick(&[100, 1_000, 10_000]),
        silence_ms: *dice.pick(&[500, 2_000]),
        deaths_are_noticed: dice.happens(600_000),
    }
}

fn disk(dice: &mut Dice) -> DiskMood {
    let (sync_ms_min, sync_ms_max) = *dice.pick(&[(0, 0), (0, 2), (1, 8), (5, 30)]);
    DiskMood {
        sync_ms_min,
        sync_ms_max,
        slow_per_million: *dice.pick(&[0, 0, 1_000, 20_000]),
        slow_ms_max: *dice.pick(&[50, 500]),
        ..DiskMood::default()
    }
}
