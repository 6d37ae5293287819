//! What must happen later: what is being deleted goes with all that belongs to it, what has become old goes, and what
//! follows from other objects is kept up to date.
//!
//! Promise: whatever a request has begun (a namespace or a workspace whose deletion was answered) is brought to its end
//! by whichever daemon leads the group, whatever crashes in between. Every transaction names the revisions that it was
//! decided on, so that it does nothing when it comes twice or late. An idle group costs nothing: there is one task for
//! a group, it sleeps until the group's state changes, and nothing runs for a single namespace or workspace. Work is found
//! by the group's events and by the store's indexes; a new leader looks through the indexes once.
//!
//! It must not know HTTP, Raft, tokio or links: a group is reached through [`hanse_store::home::Home`] only, and time
//! and leadership through [`run::Duty`].
//!
//! ```text
//!            state, time                       transactions
//! hub ──► run ─────────► desk (decides) ─────────────────► run ──► Home::submit
//!                         ├─ notice, survey: what is to do           │
//!                         ├─ namespace, workspace, definition        │
//!                         ├─ collector (owners and dependents)       │
//!                         ├─ quota, role, essentials                 │
//!                         └─ expiry, signing      ◄──── outcomes ────┘
//! ```
//!
//! Deciding ([`desk`]) is pure: the same states and times give the same transactions. Acting ([`run`]) is a loop.
//!
//! Reading order: [`run`], [`desk`], [`task`], `notice`, `survey`, `sweep`, `namespace`, `workspace`, `collector`, then the others.

pub mod run;
pub mod settings;
pub mod tally;

pub mod desk;
pub mod task;

mod namespace;
mod workspace;

mod notice;
mod survey;

mod collector;
mod definition;
mod essentials;
mod misplaced;
mod quota;
mod reference;
mod removal;
mod rival;
mod role;
mod signing;

mod expiry;
mod remaining;
mod sweep;

mod batch;
mod managed;
mod object;

#[cfg(test)]
mod rig_test;
