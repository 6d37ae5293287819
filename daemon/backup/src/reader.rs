//! Reads a backup file, and trusts nothing in it.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use crate::head::{Head, Whole};
use crate::{HEAD_BYTES_MAX, MAGIC, PIECE_BYTES_MAX, VERSION};

/// Why a file is not a backup that can be used.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It cannot be read.
    #[error("the backup cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It does not begin as a backup does.
    #[error("this is not a backup: give a file that `hanse backup` has written")]
    Foreign,
    /// It was written by a newer program.
    #[error("the backup has the unknown version {0}, and this program reads version {VERSION}: use a newer program")]
    Version(u8),
    /// It ends before its end.
    #[error("the backup was cut: use another copy of it, or another backup")]
    Cut,
    /// Something in it is not what was written.
    #[error("the backup is damaged: {0}: use another copy of it, or another backup")]
    Damaged(&'static str),
}

impl From<BackupError> for io::Error {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Io(error) => error,
            other => Self::new(io::ErrorKind::InvalidData, other),
        }
    }
}

/// Reads the body, and checks the whole file on the way. What was read may be used only when [`Reader::finish`] has
/// confirmed it.
pub struct Reader<R> {
    input: R,
    hash: Sha256,
    piece: Vec<u8>,
    /// How much of the piece was given.
    given: usize,
    body_bytes: u64,
    whole: Option<Whole>,
}

impl<R: Read> Reader<R> {
    /// Reads the head.
    ///
    /// # Errors
    /// See [`BackupError`].
    pub fn new(input: R) -> Result<(Self, Head), BackupError> {
        let mut reader = Self { input, hash: Sha256::new(), piece: Vec::new(), given: 0, body_bytes: 0, whole: None };
        let mut start = [0; MAGIC.len() + 1];
        match reader.fill(&mut start) {
            Err(BackupError::Cut) => return Err(BackupError::Foreign),
            other => other?,
        }
        let [magic @ .., version] = start;
        if magic != *MAGIC {
            return Err(BackupError::Foreign);
        }
        if version != VERSION {
            return Err(BackupError::Version(version));
        }
        let length = reader.length()?;
        if length > HEAD_BYTES_MAX {
            return Err(BackupError::Damaged("its head is too long"));
        }
        let mut head = vec![0; length];
        reader.fill(&mut head)?;
        let head = serde_json::from_slice(&head).map_err(|_error| BackupError::Damaged("its head cannot be read"))?;
        Ok((reader, head))
    }

    /// Reads to the end, so that everything was checked.
    ///
    /// # Errors
    /// See [`BackupError`]: nothing that was read may be used then.
    pub fn finish(mut self) -> Result<Whole, BackupError> {
        loop {
            if let Some(whole) = self.whole {
                return Ok(whole);
            }
            self.next()?;
        }
    }

    /// Reads the next piece, or the end.
    fn next(&mut self) -> Result<(), BackupError> {
        let length = self.length()?;
        if length == 0 {
            return self.end();
        }
        if length > PIECE_BYTES_MAX {
            return Err(BackupError::Damaged("a piece is too long"));
        }
        let mut piece = std::mem::take(&mut self.piece);
        piece.resize(length, 0);
        self.fill(&mut piece)?;
        (self.piece, self.given) = (piece, 0);
        self.body_bytes += length as u64;
        Ok(())
    }

    fn end(&mut self) -> Result<(), BackupError> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes)?;
        let sha256: [u8; 32] = self.hash.clone().finalize().into();
        let mut stated = [0; 32];
        self.fill(&mut stated)?;
        if u64::from_le_bytes(bytes) != self.body_bytes || stated != sha256 {
            return Err(BackupError::Damaged("its checksum does not match"));
        }
        if self.input.read(&mut [0])? != 0 {
            return Err(BackupError::Damaged("something follows its end"));
        }
        self.piece.clear();
        self.given = 0;
        self.whole = Some(Whole { body_bytes: self.body_bytes, sha256 });
        Ok(())
    }

    fn length(&mut self) -> Result<usize, BackupError> {
        let mut length = [0; 4];
        self.fill(&mut length)?;
        Ok(usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), BackupError> {
        self.input.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => BackupError::Cut,
            _ => BackupError::Io(error),
        })?;
        self.hash.update(&*bytes);
        Ok(())
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.given == self.piece.len() {
            if self.whole.is_some() {
                return Ok(0);
            }
            self.next()?;
        }
        let rest = &self.piece[self.given..];
        let count = bytes.len().min(rest.len());
        bytes[..count].copy_from_slice(&rest[..count]);
        self.given += count;
        Ok(count)
    }
}

/// Reads a whole file without using it.
///
/// # Errors
/// See [`BackupError`].
pub fn verify(input: impl Read) -> Result<(Head, Whole), BackupError> {
    let (reader, head) = Reader::new(input)?;
    Ok((head, reader.finish()?))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use proptest::prelude::{any, proptest};

    use super::{BackupError, Reader, verify};
    use crate::head::{Head, Subject};
    use crate::writer::Writer;
    use crate::{HEAD_BYTES_MAX, PIECE_BYTES};

    fn head(subject: Subject) -> Head {
        Head {
            subject,
            federation: "f".to_owned(),
            region: "eu".to_owned(),
            group: "eu".to_owned(),
            revision: 42,
            time_ms: 1_700_000_000_000,
            daemon_version: "0.1.0".to_owned(),
            term: 3,
            index: 99,
            workspaces: 2,
            objects: 7,
        }
    }

    fn written(body: &[u8]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), &head(Subject::Region)).unwrap();
        writer.write_all(body).unwrap();
        writer.finish().unwrap().0
    }

    fn read(bytes: &[u8]) -> Result<Vec<u8>, BackupError> {
        let (mut reader, _) = Reader::new(bytes)?;
        let mut body = Vec::new();
        reader.read_to_end(&mut body)?;
        reader.finish()?;
        Ok(body)
    }

    #[test]
    fn a_backup_reads_back_as_it_was_written() {
        for length in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES + 5] {
            let body: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let bytes = written(&body);
            assert_eq!(read(&bytes).unwrap(), body, "{length} bytes");
            let (found, whole) = verify(&*bytes).unwrap();
            assert_eq!((found, whole.body_bytes), (head(Subject::Region), length as u64));
        }
    }

    /// Byte for byte what version 1 is: a file that was written once can be read for ever.
    #[test]
    fn version_1_is_what_it_was() {
        let workspace = Subject::Workspace { path: "root:org".to_owned(), cluster: "abc".to_owned(), recursive: true };
        let mut writer = Writer::new(Vec::new(), &head(workspace.clone())).unwrap();
        writer.write_all(b"the body").unwrap();
        let (bytes, whole) = writer.finish().unwrap();
        let text = r#"{"kind":"workspace","path":"root:org","cluster":"abc","recursive":true,"federation":"f","region":"eu","group":"eu","revision":42,"time_ms":1700000000000,"daemon_version":"0.1.0","term":3,"index":99,"workspaces":2,"objects":7}"#;
        let mut expected = b"hanse backup\x01".to_vec();
        expected.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
        expected.extend(text.as_bytes());
        expected.extend(b"\x08\0\0\0the body\0\0\0\0\x08\0\0\0\0\0\0\0");
        expected.extend(whole.sha256);
        assert_eq!(bytes, expected);
        assert_eq!(whole.digest(), GOLDEN_DIGEST);
        assert_eq!(verify(&*bytes).unwrap(), (head(workspace), whole));
    }

    const GOLDEN_DIGEST: &str = "54e65ba6928b5fbe36f5725250c8db414b12922d1e6c9e66ff4b51d7b29a4757";

    #[test]
    fn every_flipped_bit_every_cut_and_every_addition_is_refused() {
        let bytes = written(b"what was in the region");
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&damaged).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "cut at {length}");
        }
        let mut longer = bytes;
        longer.push(0);
        assert!(matches!(verify(&*longer), Err(BackupError::Damaged("something follows its end"))));
    }

    #[test]
    fn lengths_are_bounded_before_memory_is_taken() {
        let start = b"hanse backup\x01".to_vec();
        let mut long_head = start.clone();
        long_head.extend(u32::try_from(HEAD_BYTES_MAX + 1).unwrap().to_le_bytes());
        assert!(matches!(read(&long_head), Err(BackupError::Damaged("its head is too long"))));
        let whole = written(b"");
        let mut long_piece = whole[..whole.len() - 44].to_vec();
        long_piece.extend(u32::MAX.to_le_bytes());
        assert!(matches!(verify(&*long_piece), Err(BackupError::Damaged("a piece is too long"))));
        let mut newer = start;
        newer[12] = 2;
        assert!(matches!(read(&newer), Err(BackupError::Version(2))));
        assert!(matches!(read(b"PK"), Err(BackupError::Foreign)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(mut bytes: Vec<u8>) {
            drop(read(&bytes));
            bytes.splice(0..0, b"hanse backup\x01".iter().copied());
            drop(read(&bytes));
        }

        #[test]
        fn a_changed_byte_anywhere_is_noticed(at in 0_usize..400, byte in any::<u8>()) {
            let bytes = written(&[7; 100]);
            let mut changed = bytes.clone();
            let at = at % changed.len();
            changed[at] = byte;
            assert_eq!(read(&changed).is_ok(), changed == bytes);
        }
    }
}
