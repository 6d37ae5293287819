//! Writes a backup file to a stream.

use std::io::{self, Write};

use sha2::{Digest, Sha256};

use crate::head::{Head, Whole};
use crate::{HEAD_BYTES_MAX, MAGIC, PIECE_BYTES, VERSION};

/// Writes a body, piece by piece. The file is whole only after [`Writer::finish`].
pub struct Writer<W> {
    output: W,
    hash: Sha256,
    piece: Vec<u8>,
    body_bytes: u64,
}

impl<W: Write> Writer<W> {
    /// Writes the head.
    ///
    /// # Errors
    /// The output refuses, or the head is longer than [`HEAD_BYTES_MAX`].
    pub fn new(output: W, head: &Head) -> io::Result<Self> {
        let mut writer = Self { output, hash: Sha256::new(), piece: Vec::new(), body_bytes: 0 };
        let head = serde_json::to_vec(head).map_err(io::Error::other)?;
        if head.len() > HEAD_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the head of the backup is too long"));
        }
        writer.put(MAGIC)?;
        writer.put(&[VERSION])?;
        writer.put(&length(head.len())?)?;
        writer.put(&head)?;
        Ok(writer)
    }

    /// Writes the end, and gives the output back.
    ///
    /// # Errors
    /// The output refuses.
    pub fn finish(mut self) -> io::Result<(W, Whole)> {
        self.flush()?;
        self.put(&length(0)?)?;
        self.put(&self.body_bytes.to_le_bytes())?;
        let sha256: [u8; 32] = self.hash.finalize().into();
        self.output.write_all(&sha256)?;
        self.output.flush()?;
        Ok((self.output, Whole { body_bytes: self.body_bytes, sha256 }))
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.output.write_all(bytes)
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE_BYTES - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        if self.piece.len() == PIECE_BYTES {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::take(&mut self.piece);
        self.put(&length(piece.len())?)?;
        self.put(&piece)?;
        self.body_bytes += piece.len() as u64;
        self.piece = piece;
        self.piece.clear();
        Ok(())
    }
}

fn length(bytes: usize) -> io::Result<[u8; 4]> {
    u32::try_from(bytes).map(u32::to_le_bytes).map_err(io::Error::other)
}
