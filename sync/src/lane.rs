//! What a stream is for. The first byte of every stream is its lane.

/// What a stream is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Votes, heartbeats, appends, reads and forwarded proposals of Raft groups: one frame each way.
    Raft,
    /// Large uploads of Raft groups: a head frame, then raw chunks, then one frame back.
    RaftUpload,
    /// An API request carried to its home, and its answer, which may be an endless watch.
    Carry,
    /// The workspace tree's change streams.
    Tree,
    /// Reservations of names at a parent's home: one frame each way.
    Names,
    /// Questions about a daemon's own state: one frame each way.
    Status,
}

/// Which of the two links of a pair a lane runs on.
///
/// Bytes that nobody has read yet count against a limit of the whole QUIC connection. A few carried watches whose
/// clients do not read would use it up, and Raft's heartbeats behind them would stand still: so lanes whose reader may
/// be slow have a link of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Small or promptly read: everything that the group's health hangs on.
    Control,
    /// Large, or as slow as a client is.
    Bulk,
}

impl Lane {
    /// Every lane.
    pub const ALL: [Self; 6] = [Self::Raft, Self::RaftUpload, Self::Carry, Self::Tree, Self::Names, Self::Status];

    /// The lane's byte on the wire.
    #[must_use]
    pub const fn to_wire(self) -> u8 {
        match self {
            Self::Raft => 1,
            Self::RaftUpload => 2,
            Self::Carry => 3,
            Self::Tree => 4,
            Self::Names => 5,
            Self::Status => 6,
        }
    }

    /// The lane of a byte; none for a byte that this version does not know.
    #[must_use]
    pub fn from_wire(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.to_wire() == byte)
    }

    /// The link that the lane runs on.
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Self::Raft | Self::Tree | Self::Names | Self::Status => Class::Control,
            Self::RaftUpload | Self::Carry => Class::Bulk,
        }
    }

    /// Priority among the streams of one link: data of a higher one is sent first.
    #[must_use]
    pub const fn priority(self) -> i32 {
        match self {
            Self::Raft => 30,
            Self::Names => 20,
            Self::Status | Self::Carry => 10,
            Self::Tree => 5,
            Self::RaftUpload => 0,
        }
    }
}

impl Class {
    /// Both classes.
    pub const ALL: [Self; 2] = [Self::Control, Self::Bulk];

    /// The class's byte in a greeting.
    #[must_use]
    pub const fn to_wire(self) -> u8 {
        match self {
            Self::Control => 1,
            Self::Bulk => 2,
        }
    }

    /// The class of a byte; none for a byte that this version does not know.
    #[must_use]
    pub fn from_wire(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.to_wire() == byte)
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, Lane};

    #[test]
    fn every_lane_and_class_has_a_byte_of_its_own() {
        for lane in Lane::ALL {
            assert_eq!(Lane::from_wire(lane.to_wire()), Some(lane));
        }
        for class in Class::ALL {
            assert_eq!(Class::from_wire(class.to_wire()), Some(class));
        }
        assert_eq!((0..=255).filter_map(Lane::from_wire).count(), Lane::ALL.len());
        assert_eq!((0..=255).filter_map(Class::from_wire).count(), Class::ALL.len());
    }
}
