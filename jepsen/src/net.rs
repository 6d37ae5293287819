//! The network between daemons: one interface in each namespace, all of which end in one thread, the [`switch`].
//!
//! What a packet suffers is decided by the [`rule`] of its link, an ordered pair of ports, so that a link can be cut in one
//! direction alone. Every choice comes from a seeded stream of the link.

pub mod rule;
pub mod switch;
pub mod wire;
