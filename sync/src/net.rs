//! Raft's seam to the network, laid on the mesh.
//!
//! A call is one frame each way on [`Lane::Raft`]. An upload is, on [`Lane::RaftUpload`], a head frame, then raw bytes to
//! the end of the stream, then one frame back. The serving side may answer an upload early; the rest is then not sent.

use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use hanse_base::id::DaemonId;
use hanse_base::net::{BoxFuture, Net, NetError};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::error::LinkError;
use crate::lane::Lane;
use crate::mesh::Mesh;
use crate::stream::{ReceiveHalf, SendHalf};

const CHUNK_BYTES: usize = 256 << 10;

/// [`Net`] on a [`Mesh`].
#[derive(Debug, Clone)]
pub struct MeshNet {
    mesh: Mesh,
}

impl MeshNet {
    /// Lays Raft's frames on the mesh.
    #[must_use]
    pub const fn new(mesh: Mesh) -> Self {
        Self { mesh }
    }

    async fn send_up(&self, to: DaemonId, upload: Upload) -> Result<Bytes, LinkError> {
        let stream = self.mesh.open(to, Lane::RaftUpload).await?;
        let (mut send, mut receive) = stream.split();
        let patience = upload.patience;
        let bytes_max = self.mesh.limits().frame_bytes_max;
        let answer = async {
            match upload.write(&mut send).await {
                Ok(()) => {}
                // The other end wants no more: it may have answered early.
                Err(LinkError::HungUp { .. }) => {}
                Err(error) => return Err(error),
            }
            answer(&mut receive, bytes_max, patience).await
        };
        answer.await.map_err(|error| error.after_sending(to))
    }
}

impl Net for MeshNet {
    fn call(&self, to: DaemonId, request: Bytes, timeout: Duration) -> BoxFuture<'_, Result<Bytes, NetError>> {
        Box::pin(async move {
            let answer = self.mesh.call(to, Lane::Raft, request, timeout).await;
            answer.map_err(|error| error.for_net(to))
        })
    }

    fn upload(
        &self,
        to: DaemonId,
        head: Bytes,
        body: Box<dyn Read + Send>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Bytes, NetError>> {
        Box::pin(async move {
            let upload = Upload { head, body, patience: timeout };
            self.send_up(to, upload).await.map_err(|error| error.for_net(to))
        })
    }
}

struct Upload {
    head: Bytes,
    body: Box<dyn Read + Send>,
    /// The longest time without progress.
    patience: Duration,
}

impl Upload {
    async fn write(self, send: &mut SendHalf) -> Result<(), LinkError> {
        let Self { head, mut body, patience } = self;
        within(patience, send.write_frame(head)).await?;
        loop {
            // Reading a file blocks, so it is done on a thread that may.
            let read = spawn_blocking(move || {
                let mut chunk = Vec::with_capacity(CHUNK_BYTES);
                let count = body.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut chunk);
                (body, count.map(|_| Bytes::from(chunk)))
            });
            // The upload is given up, not finished, when its source fails: the other end must not take it for whole.
            let failed = |why: String| LinkError::Lost { why: format!("the upload's source failed: {why}") };
            let (rest, chunk) = read.await.map_err(|error| failed(error.to_string()))?;
            let chunk = chunk.map_err(|error| failed(error.to_string()))?;
            if chunk.is_empty() {
                return send.finish();
            }
            within(patience, send.write_chunk(chunk)).await?;
            body = rest;
        }
    }
}

async fn answer(receive: &mut ReceiveHalf, bytes_max: usize, patience: Duration) -> Result<Bytes, LinkError> {
    let answer = within(patience, receive.read_frame(bytes_max)).await?;
    receive.settle();
    answer.ok_or(LinkError::Truncated)
}

async fn within<T>(patience: Duration, step: impl Future<Output = Result<T, LinkError>>) -> Result<T, LinkError> {
    let late = |_elapsed| Err(LinkError::Lost { why: format!("no progress within {} ms", patience.as_millis()) });
    timeout(patience, step).await.unwrap_or_else(late)
}
