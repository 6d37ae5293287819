//! What a target is, and all of them.

/// A decoder that takes bytes from strangers.
pub struct Target {
    /// Its name: that of its folder in `corpus`, and of `tests/fuzz/run`.
    pub name: &'static str,
    /// Reads the bytes; whether they were understood. It panics where a promise is broken.
    pub run: fn(&[u8]) -> bool,
    /// Bytes to begin with; some of them are understood.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// The target of a name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Target> {
    all().find(|target| target.name == name)
}

/// All targets, by room.
pub fn all() -> impl Iterator<Item = &'static Target> {
    let rooms = [
        crate::raft::TARGETS,
        crate::sync::TARGETS,
        crate::tree::TARGETS,
        crate::store::TARGETS,
        crate::schema::TARGETS,
        crate::custom::TARGETS,
        crate::api::TARGETS,
        crate::daemon::TARGETS,
    ];
    rooms.into_iter().flatten()
}
