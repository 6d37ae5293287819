//! What the tests of this room stand on: a disk that can lose and damage what it holds, a net that can be cut, and a
//! state machine that remembers everything.

pub(crate) mod disk;
pub(crate) mod machine;
pub(crate) mod net;
