//! Inputs that are more than one thing.

/// Divides an input at its zero bytes into this many parts; those that are missing are empty.
pub(crate) fn parts<const COUNT: usize>(bytes: &[u8]) -> [&[u8]; COUNT] {
    let mut parts = bytes.splitn(COUNT, |byte| *byte == 0);
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

/// The opposite of [`parts`].
pub(crate) fn joined<const COUNT: usize>(parts: [&str; COUNT]) -> Vec<u8> {
    parts.join("\0").into_bytes()
}

/// Divides an input into frames, each behind its length of two bytes (little endian). The last may be cut short.
pub(crate) fn frames(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let (frame, behind) = rest.split_at(rest.len().min(usize::from(u16::from_le_bytes(*length))));
        frames.push(frame);
        bytes = behind;
    }
    frames
}

/// The opposite of [`frames`].
pub(crate) fn framed<F: AsRef<[u8]>>(frames: impl IntoIterator<Item = F>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in frames {
        let frame = frame.as_ref();
        bytes.extend(u16::try_from(frame.len()).expect("seeds are short").to_le_bytes());
        bytes.extend(frame);
    }
    bytes
}
