//! Files over the admin socket: pieces behind their lengths, and a line of JSON at the end, which says what came of it.
//!
//! ```text
//! length (4, little endian)  bytes     as many as there are, none of length 0
//! 0 (4)  {"..."}\n
//! ```
//! A side that does not go on for [`IDLE_MAX`] is given up.

use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::fs::OpenOptions;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Writes the pieces of a file, and what came of it.
///
/// # Errors
/// The other side is gone, or does not take what is written.
pub(crate) async fn send(
    output: &mut (impl AsyncWrite + Unpin),
    pieces: &mut mpsc::Receiver<io::Result<Bytes>>,
) -> io::Result<()> {
    let end = loop {
        match pieces.recv().await {
            Some(Ok(piece)) => {
                let length = u32::try_from(piece.len()).map_err(io::Error::other)?;
                in_time(output.write_all(&length.to_le_bytes())).await?;
                in_time(output.write_all(&piece)).await?;
            }
            Some(Err(error)) => break json!({"error": error.to_string()}),
            None => break json!({"done": true}),
        }
    };
    finish(output, &end).await
}

/// Writes the end of a file and what came of it.
///
/// # Errors
/// As for [`send`].
pub(crate) async fn finish(output: &mut (impl AsyncWrite + Unpin), end: &Value) -> io::Result<()> {
    in_time(output.write_all(&0_u32.to_le_bytes())).await?;
    in_time(output.write_all(format!("{end}\n").as_bytes())).await
}

/// Takes a file in; the other side writes no line behind its end. The file is new, and nobody else can read it.
///
/// # Errors
/// The other side is gone or has broken off, or the file has more than `bytes_max`, or the disk refuses.
pub(crate) async fn receive(input: &mut (impl AsyncRead + Unpin), path: &Path, bytes_max: u64) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).await?;
    let (mut total, mut piece) = (0_u64, Vec::new());
    loop {
        let mut length = [0; 4];
        in_time(input.read_exact(&mut length)).await?;
        let length = u32::from_le_bytes(length) as usize;
        if length == 0 {
            return file.flush().await;
        }
        total += length as u64;
        if length > PIECE_BYTES_MAX || total > bytes_max {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("the file has more than {bytes_max} bytes"),
            ));
        }
        piece.resize(length, 0);
        in_time(input.read_exact(&mut piece)).await?;
        file.write_all(&piece).await?;
    }
}

async fn in_time<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, "the other side does not go on");
    timeout(IDLE_MAX, work).await.map_err(|_elapsed| late())?
}

/// The longest piece that is taken.
const PIECE_BYTES_MAX: usize = 1 << 20;
/// How long the other side may take for one piece.
pub(crate) const IDLE_MAX: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::io;

    use bytes::Bytes;
    use tokio::io::AsyncReadExt;
    use tokio::sync::mpsc;

    use super::{receive, send};

    async fn sent(pieces: Vec<io::Result<Bytes>>) -> Vec<u8> {
        let (sender, mut receiver) = mpsc::channel(8);
        for piece in pieces {
            sender.send(piece).await.unwrap();
        }
        drop(sender);
        let (mut ours, mut theirs) = tokio::io::duplex(1 << 20);
        send(&mut ours, &mut receiver).await.unwrap();
        drop(ours);
        let mut bytes = Vec::new();
        theirs.read_to_end(&mut bytes).await.unwrap();
        bytes
    }

    #[tokio::test]
    async fn a_file_goes_in_pieces_with_a_word_at_its_end() {
        let bytes = sent(vec![Ok(Bytes::from_static(b"ab")), Ok(Bytes::from_static(b"c"))]).await;
        assert_eq!(bytes, b"\x02\0\0\0ab\x01\0\0\0c\0\0\0\0{\"done\":true}\n");
        let bytes = sent(vec![Ok(Bytes::from_static(b"ab")), Err(io::Error::other("why"))]).await;
        assert_eq!(bytes, b"\x02\0\0\0ab\0\0\0\0{\"error\":\"why\"}\n");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        receive(&mut &b"\x02\0\0\0ab\x01\0\0\0c\0\0\0\0"[..], &path, 3).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"abc");
    }

    #[tokio::test]
    async fn a_file_that_breaks_off_or_is_too_long_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        for (number, bytes) in [&b"\x02\0\0\0a"[..], b"\x02\0", b"", b"\x05\0\0\0abcde\0\0\0\0", b"\xff\xff\xff\xff"]
            .into_iter()
            .enumerate()
        {
            assert!(receive(&mut &*bytes, &directory.path().join(number.to_string()), 4).await.is_err(), "{bytes:?}");
        }
    }
}
