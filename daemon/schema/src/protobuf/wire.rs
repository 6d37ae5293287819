//! The wire format: tags, numbers and pieces of bytes.
//!
//! Nothing is copied or allocated, and every length is checked against what is left. What is refused, and in which words,
//! is what gogo's generated readers do (k8s.io/apimachinery, `generated.pb.go`).

/// Why bytes are no message. The text is upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum WireError {
    #[error("empty data")]
    EmptyData,
    #[error("empty body")]
    EmptyBody,
    #[error("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")]
    NoMagic,
    #[error("unexpected EOF")]
    Cut,
    #[error("proto: integer overflow")]
    Overflow,
    #[error("proto: negative length found during unmarshaling")]
    Length,
    #[error("proto: wrong wireType = {wire_type} for field {field}")]
    WireType { wire_type: u8, field: String },
    #[error("proto: {message}: illegal tag {number} (wire type {tag})")]
    Tag { message: &'static str, number: i32, tag: u64 },
    #[error("proto: {message}: wiretype end group for non-group")]
    GroupEnd { message: &'static str },
    #[error("proto: illegal wireType {0}")]
    Unknown(u8),
    /// Ours: upstream recurses as deep as the message is.
    #[error("exceeded max depth")]
    Deep,
    /// Ours: see [`crate::json::VALUES_MAX`].
    #[error("{}", crate::decode::TOO_MANY_VALUES)]
    Large,
    /// Ours: upstream would fail later, when it writes the object as JSON.
    #[error("{field}: {why}")]
    Value { field: &'static str, why: String },
}

/// The value of a field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Eight bytes.
    Fixed(u64),
    /// Four bytes and groups, which no known field has.
    Other(u8),
}

impl<'a> Wire<'a> {
    /// The bytes of the field with this name.
    pub(super) fn bytes(self, field: &'static str) -> Result<&'a [u8], WireError> {
        if let Self::Bytes(bytes) = self { Ok(bytes) } else { Err(self.wrong(field)) }
    }

    /// The number of the field with this name. Negative numbers are sent in two's complement.
    pub(super) fn number(self, field: &'static str) -> Result<u64, WireError> {
        if let Self::Number(number) = self { Ok(number) } else { Err(self.wrong(field)) }
    }

    /// The eight bytes of the field with this name.
    pub(super) fn fixed(self, field: &'static str) -> Result<u64, WireError> {
        if let Self::Fixed(bits) = self { Ok(bits) } else { Err(self.wrong(field)) }
    }

    fn wrong(self, field: &'static str) -> WireError {
        let wire_type = match self {
            Self::Number(_) => NUMBER,
            Self::Bytes(_) => BYTES,
            Self::Fixed(_) => FIXED_64,
            Self::Other(wire_type) => wire_type,
        };
        WireError::WireType { wire_type, field: go_name(field) }
    }
}

/// Go's name of a field.
fn go_name(field: &str) -> String {
    let mut letters = field.chars();
    match (field, letters.next()) {
        ("metadata", _) => "ObjectMeta".to_owned(),
        ("uid", _) => "UID".to_owned(),
        ("apiVersion", _) => "APIVersion".to_owned(),
        (_, first) => {
            first.map_or_else(String::new, |first| format!("{}{}", first.to_ascii_uppercase(), letters.as_str()))
        }
    }
}

/// Reads the fields of one message.
pub(super) struct Reader<'a> {
    /// Name of the message, for errors.
    message: &'static str,
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(message: &'static str, bytes: &'a [u8]) -> Self {
        Self { message, left: bytes }
    }

    /// The next field's number and value; nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u32, Wire<'a>)>, WireError> {
        if self.left.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let (number, wire_type) = split(tag);
        if wire_type == GROUP_END {
            return Err(WireError::GroupEnd { message: self.message });
        }
        let Some(field) = u32::try_from(number).ok().filter(|number| *number > 0) else {
            return Err(WireError::Tag { message: self.message, number, tag });
        };
        let wire = match wire_type {
            NUMBER => Wire::Number(self.varint()?),
            BYTES => Wire::Bytes(self.piece()?),
            FIXED_64 => {
                let bytes = <[u8; 8]>::try_from(self.take(8)?).or(Err(WireError::Cut))?;
                Wire::Fixed(u64::from_le_bytes(bytes))
            }
            GROUP => {
                self.skip_group()?;
                Wire::Other(wire_type)
            }
            _ => {
                self.skip(wire_type)?;
                Wire::Other(wire_type)
            }
        };
        Ok(Some((field, wire)))
    }

    /// Skips to the end of a group that has begun. Groups may be nested as deep as they like: only their number is kept.
    fn skip_group(&mut self) -> Result<(), WireError> {
        let mut open = 1_usize;
        while open > 0 {
            match split(self.varint()?).1 {
                GROUP => open += 1,
                GROUP_END => open -= 1,
                wire_type => self.skip(wire_type)?,
            }
        }
        Ok(())
    }

    fn skip(&mut self, wire_type: u8) -> Result<(), WireError> {
        match wire_type {
            NUMBER => self.varint().map(drop),
            BYTES => self.piece().map(drop),
            FIXED_64 => self.take(8).map(drop),
            FIXED_32 => self.take(4).map(drop),
            other => Err(WireError::Unknown(other)),
        }
    }

    fn piece(&mut self) -> Result<&'a [u8], WireError> {
        let length = self.varint()?;
        if length.cast_signed() < 0 {
            return Err(WireError::Length);
        }
        self.take(usize::try_from(length).or(Err(WireError::Length))?)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let (taken, left) = self.left.split_at_checked(length).ok_or(WireError::Cut)?;
        self.left = left;
        Ok(taken)
    }

    /// Seven bits a byte, least first; at most ten bytes, of which the last gives one bit.
    fn varint(&mut self) -> Result<u64, WireError> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, left) = self.left.split_first().ok_or(WireError::Cut)?;
            self.left = left;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(WireError::Overflow)
    }
}

/// Field number and wire type of a tag. As in Go, the number is cut to 32 bits.
fn split(tag: u64) -> (i32, u8) {
    let [first, ..] = tag.to_le_bytes();
    (low_half(tag >> 3), first & 7)
}

/// The lower 32 bits, with sign: how Go reads an `int32`.
pub(super) fn low_half(number: u64) -> i32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

const NUMBER: u8 = 0;
const FIXED_64: u8 = 1;
const BYTES: u8 = 2;
const GROUP: u8 = 3;
const GROUP_END: u8 = 4;
const FIXED_32: u8 = 5;
