//! Writes fields of messages.

/// Bytes of a message that grows at its end.
#[derive(Debug, Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// With room for this many bytes.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    /// What was written.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Bytes that stand for themselves.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A field with a number; negative ones in two's complement.
    pub(super) fn number(&mut self, field: u32, number: i64) {
        self.tag(field, NUMBER);
        self.varint(number.cast_unsigned());
    }

    /// A field with eight bytes.
    pub(super) fn fixed(&mut self, field: u32, bits: u64) {
        self.tag(field, FIXED_64);
        self.raw(&bits.to_le_bytes());
    }

    /// A field with bytes.
    pub(super) fn piece(&mut self, field: u32, bytes: &[u8]) {
        self.tag(field, BYTES);
        self.length(bytes.len());
        self.raw(bytes);
    }

    /// Begins a field whose length is known only at its end; [`Self::close`] ends it.
    pub(super) fn open(&mut self, field: u32) -> Open {
        self.tag(field, BYTES);
        Open { start: self.bytes.len() }
    }

    /// Puts the length before what was written since the field began. That moves it, but most messages are small.
    pub(super) fn close(&mut self, open: Open) {
        let length = self.bytes.len().saturating_sub(open.start);
        if let (Ok(short @ 0..0x80), start) = (u8::try_from(length), open.start) {
            self.bytes.insert(start, short);
            return;
        }
        let mut head = Self::default();
        head.length(length);
        self.bytes.splice(open.start..open.start, head.bytes);
    }

    fn tag(&mut self, field: u32, wire_type: u32) {
        self.varint(u64::from(field << 3 | wire_type));
    }

    fn length(&mut self, bytes: usize) {
        // No machine has more memory than fits into 64 bits.
        self.varint(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    fn varint(&mut self, mut number: u64) {
        loop {
            let [low, ..] = number.to_le_bytes();
            number >>= 7;
            if number == 0 {
                self.bytes.push(low & 0x7f);
                return;
            }
            self.bytes.push(low | 0x80);
        }
    }
}

/// A field that was begun.
#[must_use]
pub(super) struct Open {
    start: usize,
}

const NUMBER: u32 = 0;
const FIXED_64: u32 = 1;
const BYTES: u32 = 2;
