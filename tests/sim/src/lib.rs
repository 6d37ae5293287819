//! A whole federation in one process, in virtual time, from one seed.
//!
//! Promise: the same seed gives the same run, to the last message, on any machine; what runs is the product's own code, on
//! simulated clocks, disks, network and randomness; and whatever goes wrong, the promises in [`invariants`] are looked at
//! after every step. A seed that breaks one is told with the line that runs it again.
//!
//! ```text
//! seed ─► plan ─► world ─┬─ machines: a runtime each ─ process (Group, Machine) ─ disk, clock, dice
//!                        ├─ wire: calls on their way, cuts                └─► observer ─► invariants
//!                        └─ clients ─► history ─► invariants
//!          chaos (faults) ──► world            run: faults, then mend, then compare
//! ```
//!
//! Reading order: [`run`], [`plan`], [`world`], [`machine`], [`process`]; then [`wire`], [`disk`], [`clock`], [`dice`];
//! [`chaos`], [`client`]; [`observer`], [`invariants`].

pub mod run;

pub mod plan;

pub mod world;

pub mod machine;
pub mod message;
pub mod process;

pub mod clock;
pub mod dice;
pub mod disk;
pub mod links;
pub mod trace;
pub mod wire;

pub mod chaos;
pub mod client;
pub mod crowd;
pub mod history;

pub mod invariants;
pub mod observer;
