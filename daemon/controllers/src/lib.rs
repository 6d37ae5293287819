//! What must happen later: emptying namespaces and workspaces that are being deleted, and removing old events.
//!
//! Promise: whatever a request has begun (a namespace or a workspace whose deletion was answered) is brought to its end
//! by whichever daemon leads the group, whatever crashes in between. Every transaction names the revisions that it was
//! decided on, so that it does nothing when it comes twice or late. An idle group costs nothing: there is one task for
//! a group, it sleeps until the group's state changes, and nothing runs for a single namespace or workspace.
//!
//! It must not know HTTP, Raft, tokio or links: a group is reached through [`hanse_store::home::Home`] only, and time
//! and leadership through [`run::Duty`].
//!
//! ```text
//!            state, time                    transactions
//! hub ──► run ─────────► desk (decides) ──────────────► run ──► Home::submit
//!                         ├─ namespace                            │
//!                         ├─ workspace   ◄──── outcomes ──────────┘
//!                         └─ expiry
//! ```
//!
//! Deciding ([`desk`]) is pure: the same states and times give the same transactions. Acting ([`run`]) is a loop.
//!
//! Reading order: [`run`], [`desk`], `sweep`, `namespace`, `workspace`, `expiry`.

pub mod run;

pub mod desk;
mod namespace;
mod workspace;

mod notice;
mod survey;

mod collector;
mod definition;
mod misplaced;
mod reference;
mod removal;

mod expiry;
mod remaining;
mod sweep;

mod batch;
mod object;

#[cfg(test)]
mod rig_test;
