//! The form of a backup file, which the daemon writes and reads, and the admin CLI verifies and shows.
//!
//! Promise: what [`reader::Reader`] gives and [`reader::Reader::finish`] has confirmed is, bit for bit, what was written;
//! a file that was cut, damaged or continued is never taken for a whole one, and no file, however hostile, makes a reader
//! take more memory than a head and a piece.
//!
//! It must not know what a body holds, nor anything of disks, groups or Kubernetes.
//!
//! ```text
//! "hanse backup" 1
//! length (4)  head                      JSON: what it is a backup of, and when it was taken
//! length (4)  piece of the body         as many as there are, none of length 0
//! ...
//! 0 (4)  bytes of the body (8)  SHA-256 of all bytes before it (32)
//! ```
//! Numbers are little endian.
//!
//! Reading order: [`head`], [`writer`], [`reader`].

pub mod head;

pub mod reader;
pub mod writer;

/// What a file begins with.
const MAGIC: &[u8; 12] = b"hanse backup";
/// The version that is written, and the only one that there has been.
const VERSION: u8 = 1;
/// The longest head.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// The longest piece of a body.
pub const PIECE_BYTES_MAX: usize = 1 << 20;
/// Pieces are written when they have this size.
const PIECE_BYTES: usize = 256 * 1024;
