//! What a session says: one message in each frame, a version byte first.
//!
//! All numbers are in network order. Both encoding and decoding hold the limits, so that what is sent can be read.
//!
//! Version 2 has notices. A session has one version: a puller that speaks another one is refused with
//! [`Refusal::UnknownVersion`], in the source's version, which the puller in turn takes for a message that it cannot
//! read. Either way the session ends, and begins again once both are of one version. (A daemon of version 1 does not get
//! as far: it has no authority of its region to show.)

use bytes::{Buf, BufMut, Bytes, BytesMut};
use hanse_base::id::GroupId;

use crate::cursor::{Changes, Cursor, Position};

/// Version of the messages below.
pub const VERSION: u8 = 2;
/// Positions in one cursor.
pub const POSITIONS_MAX: usize = 65_536;
/// Changes in one message.
pub const CHANGES_MAX: usize = 512;
/// Bytes of all changes in one message, unless it is a single one.
pub const BATCH_BYTES_MAX: usize = 1 << 20;
/// Bytes of one change.
pub const CHANGE_BYTES_MAX: usize = 8 << 20;
/// Bytes of a notice.
pub const NOTICE_BYTES_MAX: usize = 256 << 10;
/// No message is longer than this.
pub const MESSAGE_BYTES_MAX: usize = CHANGE_BYTES_MAX + (64 << 10);

const HELLO: u8 = 1;
const CHANGES: u8 = 2;
const CAUGHT_UP: u8 = 3;
const HEARTBEAT: u8 = 4;
const REFUSED: u8 = 5;
const NOTICE: u8 = 6;
const POSITION_BYTES: usize = 16;

/// One message of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// The puller's first: which group's changes it wants, and from where on.
    Hello {
        /// The group.
        group: GroupId,
        /// What the puller holds.
        cursor: Cursor,
        /// Version of the source's notice that the puller holds; 0 for none.
        notice: u64,
    },
    /// Changes that follow those sent before.
    Changes(Changes),
    /// The puller has everything that there was; more follows when there is more.
    CaughtUp {
        /// Up to where changes exist.
        heads: Vec<Position>,
    },
    /// What the source's region says of itself, later than what the puller holds.
    Notice(Notice),
    /// I am still here.
    Heartbeat,
    /// The source will not serve this session.
    Refused(Refusal),
}

/// What a region says of itself, whole: a later version takes the place of all earlier ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Grows with each change. Never 0.
    pub version: u64,
    /// What it says, at most [`NOTICE_BYTES_MAX`]: the application's.
    pub bytes: Bytes,
}

/// Why a source does not serve a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It does not hold the group.
    UnknownGroup,
    /// It does not speak the version.
    UnknownVersion,
}

/// Bytes are not a message, or a message is beyond the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Another version.
    #[error("version {0} is not known")]
    Version(u8),
    /// Another kind.
    #[error("kind {0} is not known")]
    Kind(u8),
    /// The bytes end too early, go on too long, or hold a value that is not allowed.
    #[error("the message is damaged")]
    Damaged,
    /// More than a limit of this module allows.
    #[error("the message is beyond the limit {0}")]
    Limit(&'static str),
}

impl Message {
    /// The message as a frame.
    ///
    /// # Errors
    /// It is beyond a limit.
    pub fn encode(&self) -> Result<Bytes, MessageError> {
        let mut out = BytesMut::new();
        out.put_u8(VERSION);
        match self {
            Self::Hello { group, cursor, notice } => {
                out.put_u8(HELLO);
                let name = group.as_str().as_bytes();
                out.put_u8(u8::try_from(name.len()).map_err(|_long| MessageError::Limit("group"))?);
                out.put_slice(name);
                out.put_u64(*notice);
                put_positions(&mut out, &cursor.positions().collect::<Vec<_>>())?;
            }
            Self::Changes(changes) => {
                out.put_u8(CHANGES);
                put_changes(&mut out, changes)?;
            }
            Self::CaughtUp { heads } => {
                out.put_u8(CAUGHT_UP);
                put_positions(&mut out, heads)?;
            }
            Self::Notice(notice) => {
                out.put_u8(NOTICE);
                put_notice(&mut out, notice)?;
            }
            Self::Heartbeat => out.put_u8(HEARTBEAT),
            Self::Refused(refusal) => {
                out.put_u8(REFUSED);
                out.put_u8(match refusal {
                    Refusal::UnknownGroup => 1,
                    Refusal::UnknownVersion => 2,
                });
            }
        }
        Ok(out.freeze())
    }

    /// Reads a frame. The changes are slices of it.
    ///
    /// # Errors
    /// The frame is not a message of this version, or beyond a limit.
    pub fn decode(frame: Bytes) -> Result<Self, MessageError> {
        let mut rest = frame;
        let version = rest.try_get_u8().map_err(damaged)?;
        if version != VERSION {
            return Err(MessageError::Version(version));
        }
        let message = match rest.try_get_u8().map_err(damaged)? {
            HELLO => {
                let length = usize::from(rest.try_get_u8().map_err(damaged)?);
                let name = take(&mut rest, length)?;
                let Ok(name) = std::str::from_utf8(&name) else { return Err(MessageError::Damaged) };
                let Ok(group) = GroupId::new(name) else { return Err(MessageError::Damaged) };
                let notice = rest.try_get_u64().map_err(damaged)?;
                Self::Hello { group, cursor: Cursor::new(positions(&mut rest)?), notice }
            }
            CHANGES => Self::Changes(changes(&mut rest)?),
            CAUGHT_UP => Self::CaughtUp { heads: positions(&mut rest)? },
            NOTICE => Self::Notice(notice(&mut rest)?),
            HEARTBEAT => Self::Heartbeat,
            REFUSED => Self::Refused(match rest.try_get_u8().map_err(damaged)? {
                1 => Refusal::UnknownGroup,
                2 => Refusal::UnknownVersion,
                _ => return Err(MessageError::Damaged),
            }),
            kind => return Err(MessageError::Kind(kind)),
        };
        if rest.has_remaining() { Err(MessageError::Damaged) } else { Ok(message) }
    }
}

fn damaged(_short: bytes::TryGetError) -> MessageError {
    MessageError::Damaged
}

fn take(rest: &mut Bytes, length: usize) -> Result<Bytes, MessageError> {
    if length <= rest.len() { Ok(rest.split_to(length)) } else { Err(MessageError::Damaged) }
}

fn put_length(out: &mut BytesMut, length: usize, limit: usize, name: &'static str) -> Result<(), MessageError> {
    match u32::try_from(length) {
        Ok(number) if length <= limit => out.put_u32(number),
        _ => return Err(MessageError::Limit(name)),
    }
    Ok(())
}

fn length(rest: &mut Bytes, limit: usize, name: &'static str) -> Result<usize, MessageError> {
    match usize::try_from(rest.try_get_u32().map_err(damaged)?) {
        Ok(length) if length <= limit => Ok(length),
        _ => Err(MessageError::Limit(name)),
    }
}

fn put_positions(out: &mut BytesMut, positions: &[Position]) -> Result<(), MessageError> {
    put_length(out, positions.len(), POSITIONS_MAX, "positions")?;
    out.reserve(positions.len() * POSITION_BYTES);
    for position in positions {
        out.put_u32(position.document);
        out.put_u32(position.generation);
        out.put_u64(position.next_sequence);
    }
    Ok(())
}

fn positions(rest: &mut Bytes) -> Result<Vec<Position>, MessageError> {
    let count = length(rest, POSITIONS_MAX, "positions")?;
    if rest.len() != count * POSITION_BYTES {
        return Err(MessageError::Damaged);
    }
    let position = |_| Position { document: rest.get_u32(), generation: rest.get_u32(), next_sequence: rest.get_u64() };
    let positions: Vec<Position> = (0..count).map(position).collect();
    // One spelling only: in the order of the documents, each once.
    let ordered = positions.windows(2).all(|pair| pair[0].document < pair[1].document);
    if ordered { Ok(positions) } else { Err(MessageError::Damaged) }
}

fn put_changes(out: &mut BytesMut, changes: &Changes) -> Result<(), MessageError> {
    check_sizes(&changes.changes)?;
    out.reserve(20 + changes.changes.iter().map(|change| change.len() + 4).sum::<usize>());
    out.put_u32(changes.document);
    out.put_u32(changes.generation);
    out.put_u64(changes.first_sequence);
    put_length(out, changes.changes.len(), CHANGES_MAX, "changes")?;
    for change in &changes.changes {
        put_length(out, change.len(), CHANGE_BYTES_MAX, "change bytes")?;
        out.put_slice(change);
    }
    Ok(())
}

fn changes(rest: &mut Bytes) -> Result<Changes, MessageError> {
    let document = rest.try_get_u32().map_err(damaged)?;
    let generation = rest.try_get_u32().map_err(damaged)?;
    let first_sequence = rest.try_get_u64().map_err(damaged)?;
    let count = length(rest, CHANGES_MAX, "changes")?;
    let mut changes = Vec::with_capacity(count);
    for _ in 0..count {
        let length = length(rest, CHANGE_BYTES_MAX, "change bytes")?;
        changes.push(take(rest, length)?);
    }
    check_sizes(&changes)?;
    Ok(Changes { document, generation, first_sequence, changes })
}

fn put_notice(out: &mut BytesMut, notice: &Notice) -> Result<(), MessageError> {
    if notice.version == 0 {
        return Err(MessageError::Damaged);
    }
    out.put_u64(notice.version);
    put_length(out, notice.bytes.len(), NOTICE_BYTES_MAX, "notice bytes")?;
    out.put_slice(&notice.bytes);
    Ok(())
}

fn notice(rest: &mut Bytes) -> Result<Notice, MessageError> {
    let version = rest.try_get_u64().map_err(damaged)?;
    if version == 0 {
        return Err(MessageError::Damaged);
    }
    let length = length(rest, NOTICE_BYTES_MAX, "notice bytes")?;
    Ok(Notice { version, bytes: take(rest, length)? })
}

fn check_sizes(changes: &[Bytes]) -> Result<(), MessageError> {
    let total: usize = changes.iter().map(Bytes::len).sum();
    match changes.len() {
        0 => Err(MessageError::Damaged),
        1 => Ok(()),
        _ if total <= BATCH_BYTES_MAX => Ok(()),
        _ => Err(MessageError::Limit("batch bytes")),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hanse_base::id::GroupId;
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

    use super::{
        BATCH_BYTES_MAX, CHANGE_BYTES_MAX, CHANGES_MAX, MESSAGE_BYTES_MAX, Message, MessageError, NOTICE_BYTES_MAX,
        Notice, POSITIONS_MAX, Refusal, VERSION,
    };
    use crate::cursor::{Changes, Cursor, Position};

    fn positions() -> impl Strategy<Value = Vec<Position>> {
        btree_map(any::<u32>(), any::<(u32, u64)>(), 0..20).prop_map(|documents| {
            documents
                .into_iter()
                .map(|(document, (generation, next_sequence))| Position { document, generation, next_sequence })
                .collect()
        })
    }

    fn changes(count: usize, bytes: usize) -> Message {
        let changes = vec![Bytes::from(vec![7; bytes]); count];
        Message::Changes(Changes { document: 1, generation: 2, first_sequence: 3, changes })
    }

    fn message() -> impl Strategy<Value = Message> {
        let hello = ("[a-z0-9]{1,63}", positions(), any::<u64>()).prop_map(|(group, positions, notice)| {
            Message::Hello { group: GroupId::new(&group).unwrap(), cursor: Cursor::new(positions), notice }
        });
        let notice = (1..u64::MAX, vec(any::<u8>(), 0..50))
            .prop_map(|(version, bytes)| Message::Notice(Notice { version, bytes: Bytes::from(bytes) }));
        let change = vec(any::<u8>(), 0..50).prop_map(Bytes::from);
        let changes = (any::<u32>(), any::<u32>(), any::<u64>(), vec(change, 1..20)).prop_map(
            |(document, generation, first_sequence, changes)| {
                Message::Changes(Changes { document, generation, first_sequence, changes })
            },
        );
        prop_oneof![
            hello,
            changes,
            notice,
            positions().prop_map(|heads| Message::CaughtUp { heads }),
            Just(Message::Heartbeat),
            Just(Message::Refused(Refusal::UnknownGroup)),
            Just(Message::Refused(Refusal::UnknownVersion)),
        ]
    }

    proptest! {
        #[test]
        fn a_message_reads_back_as_it_was_written(message in message()) {
            assert_eq!(Message::decode(message.encode().unwrap()), Ok(message));
        }

        #[test]
        fn a_message_that_is_cut_or_longer_is_refused(message in message(), cut: usize, more in vec(any::<u8>(), 1..9)) {
            let bytes = message.encode().unwrap();
            assert!(Message::decode(bytes.slice(..cut % bytes.len())).is_err());
            assert!(Message::decode(Bytes::from([&bytes[..], &more[..]].concat())).is_err());
        }

        #[test]
        fn what_can_be_read_is_written_the_same_way(
            mut bytes in vec(any::<u8>(), 2..200), kind in 0..8_u8, message in message(), place: usize, byte: u8,
        ) {
            (bytes[0], bytes[1]) = (VERSION, kind);
            let mut damaged = message.encode().unwrap().to_vec();
            let place = place % damaged.len();
            damaged[place] = byte;
            for bytes in [bytes, damaged] {
                if let Ok(message) = Message::decode(Bytes::from(bytes.clone())) {
                    assert_eq!(message.encode().unwrap(), bytes);
                }
            }
        }
    }

    #[test]
    fn limits_hold_in_both_directions() {
        let largest = changes(1, CHANGE_BYTES_MAX).encode().unwrap();
        assert!(largest.len() <= MESSAGE_BYTES_MAX);
        assert!(Message::decode(largest).is_ok());
        let full = changes(CHANGES_MAX, BATCH_BYTES_MAX / CHANGES_MAX).encode().unwrap();
        assert!(Message::decode(full).is_ok());
        for (message, limit) in [
            (changes(1, CHANGE_BYTES_MAX + 1), "change bytes"),
            (changes(CHANGES_MAX + 1, 1), "changes"),
            (changes(2, BATCH_BYTES_MAX / 2 + 1), "batch bytes"),
        ] {
            assert_eq!(message.encode(), Err(MessageError::Limit(limit)));
        }
        let notice = |version, bytes| Message::Notice(Notice { version, bytes: Bytes::from(vec![7; bytes]) });
        assert!(Message::decode(notice(1, NOTICE_BYTES_MAX).encode().unwrap()).is_ok());
        assert_eq!(notice(1, NOTICE_BYTES_MAX + 1).encode(), Err(MessageError::Limit("notice bytes")));
        assert_eq!(notice(0, 1).encode(), Err(MessageError::Damaged));
        let position = |document| Position { document, generation: 0, next_sequence: 0 };
        let heads: Vec<Position> = (0..=u32::try_from(POSITIONS_MAX).unwrap()).map(position).collect();
        assert_eq!(Message::CaughtUp { heads }.encode(), Err(MessageError::Limit("positions")));
        // A count that promises more than there is costs no memory.
        let promise = [2, 3, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(Message::decode(Bytes::copy_from_slice(&promise)), Err(MessageError::Limit("positions")));
        assert_eq!(Message::decode(Bytes::from_static(&[9, 4])), Err(MessageError::Version(9)));
        assert_eq!(Message::decode(Bytes::from_static(&[1, 4])), Err(MessageError::Version(1)));
        assert_eq!(Message::decode(Bytes::from_static(&[2, 4, 0])), Err(MessageError::Damaged));
        let none = [2, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(Message::decode(Bytes::copy_from_slice(&none)), Err(MessageError::Damaged));
    }

    #[test]
    fn version_two_is_these_bytes() {
        let hello = Message::Hello {
            group: GroupId::new("eu").unwrap(),
            cursor: Cursor::new([Position { document: 1, generation: 2, next_sequence: 3 }]),
            notice: 4,
        };
        let notice = Message::Notice(Notice { version: 5, bytes: Bytes::from_static(b"eu") });
        for (message, bytes) in [
            (hello, &b"\x02\x01\x02eu\0\0\0\0\0\0\0\x04\0\0\0\x01\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0\x03"[..]),
            (changes(1, 2), b"\x02\x02\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0\0\x01\0\0\0\x02\x07\x07"),
            (Message::CaughtUp { heads: Vec::new() }, b"\x02\x03\0\0\0\0"),
            (notice, b"\x02\x06\0\0\0\0\0\0\0\x05\0\0\0\x02eu"),
            (Message::Heartbeat, b"\x02\x04"),
            (Message::Refused(Refusal::UnknownGroup), b"\x02\x05\x01"),
        ] {
            assert_eq!(message.encode().unwrap(), bytes, "{message:?}");
        }
    }
}
