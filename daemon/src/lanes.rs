//! Streams that other daemons open to this one, each to its place by its lane.
//!
//! Who may open which is [`Standing::may_open`]. Every stream is a task of one set, which shutdown ends; there are never more
//! than [`STREAMS_MAX`] of them, and never more than [`crate::overview::CARRIED_MAX`] carried requests: above that a stream is refused or
//! answered with 503, so that a busy region slows others down and does not fall over.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hanse_api::api::Api;
use hanse_api::body::Body;
use hanse_api::federation::{Carried, CarriedAnswer};
use hanse_api::limits::{CARRIED_HEAD_BYTES_MAX, REQUEST_BYTES_MAX};
use hanse_base::id::{GroupId, RegionName};
use hanse_raft::group::Group;
use hanse_sync::error::LinkError;
use hanse_sync::lane::Lane;
use hanse_sync::mesh::Incoming;
use hanse_sync::session::{self, Beat, ChangeSource};
use hanse_sync::stream::{ReceiveHalf, SendHalf, Stream};
use http_body_util::BodyExt;
use tokio::io::AsyncWriteExt;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::config::{Config, group_of};
use crate::federation::CopySource;
use crate::names::{NAME_MESSAGE_BYTES_MAX, Question, encode_answer};
use crate::overview::Overview;
use crate::reservation::reserve;
use crate::standing::Standing;
use crate::watchdog::BEAT_EVERY;

/// Everything that other daemons can ask for.
pub(crate) struct Lanes {
    /// Who we are.
    pub(crate) config: Arc<Config>,
    /// For Raft.
    pub(crate) group: Group,
    /// For carried requests.
    pub(crate) api: Arc<Api>,
    /// For tree sessions.
    pub(crate) source: Arc<dyn ChangeSource>,
    /// For status, names, and places for carried requests.
    pub(crate) overview: Arc<Overview>,
}

impl Lanes {
    /// Serves streams until `stop` changes.
    pub(crate) async fn run(self: Arc<Self>, mut incoming: mpsc::Receiver<Incoming>, mut stop: watch::Receiver<bool>) {
        let mut streams = JoinSet::new();
        loop {
            self.overview.pulse().beat();
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                () = tokio::time::sleep(BEAT_EVERY) => {}
                Some(ended) = streams.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "a stream's task failed");
                    }
                }
                arrived = incoming.recv() => match arrived {
                    // Dropping the stream tells the other end at once.
                    Some(arrived) if streams.len() >= STREAMS_MAX => arrived.stream.reset(),
                    Some(arrived) => {
                        let lanes = Arc::clone(&self);
                        streams.spawn(async move { lanes.serve(arrived).await });
                    }
                    None => break,
                },
            }
        }
        streams.shutdown().await;
    }

    async fn serve(&self, incoming: Incoming) {
        let Incoming { peer, lane, stream } = incoming;
        let standing = Standing::of(&peer, &self.config, &self.overview.home().view(), &self.group);
        if !standing.may_open(lane) {
            // Dropping the stream tells the other end at once.
            tracing::warn!(peer = %peer.daemon, region = %peer.region, ?lane, ?standing, "a daemon may not ask for this");
            return;
        }
        let served = match lane {
            Lane::Raft => self.raft(stream).await,
            Lane::RaftUpload => self.raft_upload(stream).await,
            Lane::Carry => self.carried(stream).await,
            Lane::Tree => self.tree(&peer.region, stream).await,
            Lane::Names => self.name(stream).await,
            Lane::Status => self.status(standing, stream).await,
        };
        if let Err(error) = served {
            tracing::debug!(peer = %peer.daemon, ?lane, %error, "a stream ended early");
        }
    }

    async fn raft(&self, mut stream: Stream) -> Result<(), LinkError> {
        let Some(request) = stream.read_frame(usize::MAX).await? else { return Ok(()) };
        let answer = self.group.receive_call(stream.peer(), request).await;
        stream.answer(answer).await
    }

    async fn raft_upload(&self, mut stream: Stream) -> Result<(), LinkError> {
        let Some(head) = stream.read_frame(usize::MAX).await? else { return Ok(()) };
        let from = stream.peer();
        let (mut send, receive) = stream.split();
        let (pump, body) = tokio::io::duplex(UPLOAD_BUFFER_BYTES);
        let mut upload = pin!(self.group.receive_upload(from, head, Box::new(body)));
        let answer = tokio::select! {
            biased;
            answer = &mut upload => answer,
            // When the body is through, or has broken off, the group says what came of it.
            () = pump_body(receive, pump) => upload.await,
        };
        send.write_frame(answer).await?;
        send.finish()
    }

    async fn carried(&self, mut stream: Stream) -> Result<(), LinkError> {
        let read = async {
            let head = stream.read_frame(CARRIED_HEAD_BYTES_MAX).await?;
            let body = stream.read_frame(REQUEST_BYTES_MAX).await?;
            head.zip(body).ok_or(LinkError::Truncated)
        };
        let late = |_elapsed| LinkError::Lost { why: "the carried request did not arrive in time".to_owned() };
        let (head, body) = timeout(ARRIVAL_MAX, read).await.map_err(late)??;
        // The other end sends nothing more; its wish to stop is seen on the sending half.
        let (mut send, _receive) = stream.split();
        let hung_up = send.hung_up();
        tokio::select! {
            biased;
            () = hung_up => Ok(()),
            answered = self.answer_carried(&head, body, &mut send) => answered,
        }
    }

    async fn answer_carried(&self, head: &[u8], body: Bytes, send: &mut SendHalf) -> Result<(), LinkError> {
        let answer = match (self.overview.carried().try_acquire(), Carried::decode(head, body)) {
            (Ok(_place), Ok(carried)) => {
                let answer = self.api.answer_carried(carried).await;
                return write_answer(answer, send).await;
            }
            (Err(_), _) => refusal(503, "too many requests are carried here"),
            (_, Err(error)) => {
                tracing::warn!(%error, "a carried request cannot be read");
                refusal(400, "the carried request cannot be read")
            }
        };
        write_answer(answer, send).await
    }

    async fn tree(&self, region: &RegionName, stream: Stream) -> Result<(), LinkError> {
        let open = |wanted: GroupId| self.open_source(group_of(region), wanted);
        let Err(ended) = session::serve(stream, Beat::default(), open).await;
        tracing::debug!(%ended, "a tree session that this daemon served has ended");
        Ok(())
    }

    /// What a group may follow: the own documents, once its copy of them was looked at, if the own group was restored from
    /// a backup; and the copy of its own ones, if it was.
    async fn open_source(&self, theirs: GroupId, wanted: GroupId) -> Option<Arc<dyn ChangeSource>> {
        let home = self.overview.home();
        if wanted == *home.group() {
            return (!home.view().must_learn_from(&theirs)).then(|| Arc::clone(&self.source));
        }
        if wanted != theirs {
            return None;
        }
        // Everything that this group has merged, whichever replica is asked.
        let view = home.read().await.ok()?;
        Some(Arc::new(CopySource::new(view.copy_of(&wanted))))
    }

    async fn name(&self, mut stream: Stream) -> Result<(), LinkError> {
        let Some(frame) = stream.read_frame(NAME_MESSAGE_BYTES_MAX).await? else { return Ok(()) };
        let answer = match Question::decode(&frame) {
            Ok(question) => reserve(self.overview.home(), self.overview.clock(), question).await,
            Err(error) => Err(error.to_string()),
        };
        stream.answer(encode_answer(answer)).await
    }

    async fn status(&self, standing: Standing, mut stream: Stream) -> Result<(), LinkError> {
        let Some(request) = stream.read_frame(STATUS_REQUEST_BYTES_MAX).await? else { return Ok(()) };
        let answer = self.overview.asked(stream.peer(), standing, &request).await;
        stream.answer(Bytes::from(answer.to_string())).await
    }
}

/// Passes the body on until it ends. One that breaks off ends too early for the group, which then refuses it.
async fn pump_body(mut receive: ReceiveHalf, mut pump: tokio::io::DuplexStream) {
    loop {
        match receive.read_chunk().await {
            Ok(Some(chunk)) => {
                if pump.write_all(&chunk).await.is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(%error, "an upload broke off");
                return;
            }
        }
    }
}

async fn write_answer(answer: CarriedAnswer, send: &mut SendHalf) -> Result<(), LinkError> {
    let head = answer.encode_head().map_err(|error| LinkError::Lost { why: error.to_string() })?;
    send.write_frame(head).await?;
    let mut body = answer.body;
    while let Some(frame) = body.frame().await {
        // A body that breaks off resets the stream: the reader must not take it for whole.
        let frame = frame.map_err(|error| LinkError::Lost { why: error.to_string() })?;
        if let Ok(chunk) = frame.into_data() {
            send.write_chunk(chunk).await?;
        }
    }
    send.finish()
}

fn refusal(code: u16, message: &str) -> CarriedAnswer {
    let reason = if code == 503 { "ServiceUnavailable" } else { "BadRequest" };
    let status = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    });
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    if code == 503 {
        headers.push(("retry-after".to_owned(), "1".to_owned()));
    }
    CarriedAnswer { status: code, headers, body: Body::whole(Bytes::from(status.to_string())) }
}

/// Streams of all peers at once. Above it a stream is reset: its opener tries elsewhere or later.
const STREAMS_MAX: usize = 32_768;
/// From the opening of the stream until the whole request is there.
const ARRIVAL_MAX: Duration = Duration::from_secs(30);
/// What is held between the link and the file of a snapshot that arrives.
const UPLOAD_BUFFER_BYTES: usize = 256 << 10;
const STATUS_REQUEST_BYTES_MAX: usize = 1024;
