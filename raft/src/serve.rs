//! What other replicas ask of this one.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use hanse_base::disk::DiskFile;
use hanse_base::id::DaemonId;
use openraft::Snapshot;
use openraft::raft::TransferLeaderRequest;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use crate::consensus::{Commands, SnapshotMeta};
use crate::frame::{Address, Answer, Refusal, Request, UploadHead};
use crate::replica::{Attempt, Replica, Route};
use crate::snapshots::{SnapshotData, Unfinished, check};
use crate::status::DiskCondition;
use crate::work::work;

/// Bytes of a snapshot that are in memory at once.
const CHUNK_BYTES: usize = 256 << 10;

type Refused = (Refusal, String);

/// Carries out a request.
pub(crate) async fn call(replica: &Replica, from: DaemonId, request: Bytes) -> Bytes {
    let answer = match admitted(replica, from, request) {
        Ok(request) => carry_out(replica, request).await,
        Err((refusal, why)) => {
            tracing::debug!(%from, ?refusal, why, "a request was refused");
            Answer::Refused(refusal, why)
        }
    };
    answer.encode()
}

fn here(replica: &Replica) -> Address {
    replica.links.address(replica.config.daemon)
}

fn admitted(replica: &Replica, from: DaemonId, request: Bytes) -> Result<Request, Refused> {
    let request = Request::decode(request, &here(replica), from)?;
    not_ourselves(replica, from)?;
    // What a leader is asked for is for members only: its own log names all of them, and whoever was removed must neither
    // write nor read through it.
    let asks_a_leader = matches!(request, Request::Forward(_) | Request::ReadIndex | Request::Ping);
    if asks_a_leader && !replica.is_member(from) {
        return Err((Refusal::Member, format!("daemon {from} is no member of the group")));
    }
    if replica.is_closing() || replica.failure.borrow().is_some() {
        return Err((Refusal::Stopped, "this replica has stopped".to_owned()));
    }
    if let Some(why) = disk_refuses(replica, &request) {
        return Err((Refusal::Busy, why.to_owned()));
    }
    Ok(request)
}

/// Votes, entries and snapshots are taken from every daemon that the transport lets through, whether the log here names it
/// or not (Ongaro 2014, §4.1): a replica that was away may be the one whose vote a majority lacks, and may have to hear of
/// the newcomer that leads from that newcomer itself. Who was removed and runs on changes nothing by it: pre-votes and the
/// leader's lease keep it from raising the term (§4.2.3), and its log lacks what a majority without it has committed.
fn not_ourselves(replica: &Replica, from: DaemonId) -> Result<(), Refused> {
    if from == replica.config.daemon {
        return Err((Refusal::Member, format!("daemon {from} is this one")));
    }
    Ok(())
}

/// What a replica cannot do while its disk is in trouble: take entries that it has no room for, lead, or say that it is well.
fn disk_refuses(replica: &Replica, request: &Request) -> Option<&'static str> {
    let condition = *replica.disk.borrow();
    match (condition, request) {
        (DiskCondition::Full, Request::Append(append)) if append.entries.is_empty() => None,
        (DiskCondition::Full, Request::TakeOver { to, .. }) if *to != replica.config.daemon => None,
        (DiskCondition::Full, Request::Append(_) | Request::TakeOver { .. } | Request::Ping) => {
            Some("the disk of this replica is full")
        }
        (DiskCondition::Stalled, Request::TakeOver { to, .. }) if *to == replica.config.daemon => {
            Some("the disk of this replica does not answer")
        }
        (DiskCondition::Stalled, Request::Ping) => Some("the disk of this replica does not answer"),
        _ => None,
    }
}

async fn carry_out(replica: &Replica, request: Request) -> Answer {
    let stopped = |error: String| Answer::Refused(Refusal::Stopped, error);
    match request {
        Request::Append(append) => {
            replica.raft.append_entries(append).await.map_or_else(|error| stopped(error.to_string()), Answer::Append)
        }
        Request::Vote(vote) => {
            replica.raft.vote(vote).await.map_or_else(|error| stopped(error.to_string()), Answer::Vote)
        }
        Request::PreVote(vote) => {
            replica.raft.pre_vote(vote).await.map_or_else(|error| stopped(error.to_string()), Answer::Vote)
        }
        Request::TakeOver { vote, to, last } => {
            let request = TransferLeaderRequest::new(vote, to, last);
            match replica.raft.handle_transfer_leader(request).await {
                Ok(Ok(())) => Answer::Done,
                Ok(Err(error)) => Answer::Refused(Refusal::Busy, error.to_string()),
                Err(error) => stopped(error.to_string()),
            }
        }
        Request::Forward(commands) => forwarded(replica, commands).await,
        Request::ReadIndex if replica.route() == Route::Here => match replica.leader_read_index().await {
            Some(index) => Answer::ReadIndex(index.0),
            None => Answer::Refused(Refusal::NotLeader, "this replica does not lead a majority".to_owned()),
        },
        Request::ReadIndex => Answer::Refused(Refusal::NotLeader, "this replica does not lead".to_owned()),
        Request::Ping => Answer::Done,
    }
}

async fn forwarded(replica: &Replica, commands: Vec<Bytes>) -> Answer {
    let limits = &replica.config.limits;
    let longest = commands.iter().map(Bytes::len).max().unwrap_or(0);
    let commands = Commands::from(commands);
    let is_too_large = commands.bytes() > limits.batch_bytes_max && commands.0.len() > 1;
    if longest > limits.command_bytes_max || is_too_large || commands.0.len() > limits.batch_commands_max {
        return Answer::Refused(Refusal::Malformed, "the batch is larger than the limits here".to_owned());
    }
    if replica.route() != Route::Here {
        return Answer::Refused(Refusal::NotLeader, "this replica does not lead".to_owned());
    }
    let Ok(_room) = replica.forwards.try_acquire() else {
        return Answer::Refused(Refusal::Busy, "too many batches are on their way".to_owned());
    };
    match replica.write(commands).await {
        Attempt::Done { index, outcomes } => Answer::Applied { index, outcomes },
        Attempt::Again => Answer::Refused(Refusal::NotLeader, "this replica cannot write now".to_owned()),
        Attempt::Unknown(why) => Answer::Unknown(why),
    }
}

/// Receives a snapshot into a file and installs it.
pub(crate) async fn upload(
    replica: &Replica,
    from: DaemonId,
    head: Bytes,
    body: Box<dyn AsyncRead + Send + Unpin>,
) -> Bytes {
    let answer = receive(replica, from, head, body).await.unwrap_or_else(|(refusal, why)| {
        tracing::warn!(%from, ?refusal, why, "a snapshot was refused");
        Answer::Refused(refusal, why)
    });
    answer.encode()
}

async fn receive(
    replica: &Replica,
    from: DaemonId,
    head: Bytes,
    mut body: Box<dyn AsyncRead + Send + Unpin>,
) -> Result<Answer, Refused> {
    let head = UploadHead::decode(head, &here(replica), from)?;
    not_ourselves(replica, from)?;
    if replica.is_closing() || replica.failure.borrow().is_some() {
        return Err((Refusal::Stopped, "this replica has stopped".to_owned()));
    }
    let vote = replica.with_metrics(|metrics| metrics.vote);
    if vote > head.vote {
        return Ok(Answer::Snapshot(vote));
    }
    let Ok(_receiving) = replica.receiving.try_lock() else {
        return Err((Refusal::Busy, "another snapshot is being received".to_owned()));
    };
    let failed = |error: io::Error| (Refusal::Snapshot, error.to_string());
    let (file, unfinished) = replica.snapshots.begin().map_err(failed)?;
    write_down(replica, &file, &mut body, head.bytes).await.map_err(failed)?;
    let meta = checked(replica, file.clone()).await.map_err(failed)?;
    install(replica, head, meta, file, unfinished).await
}

/// Writes the body to the file as it arrives.
async fn write_down(
    replica: &Replica,
    file: &Arc<dyn DiskFile>,
    body: &mut (dyn AsyncRead + Send + Unpin),
    bytes: u64,
) -> io::Result<()> {
    let (disk, idle) = (&*replica.snapshots.disk, replica.config.limits.snapshot_idle);
    let mut body = body.take(bytes);
    let mut left = bytes;
    while left > 0 {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        while chunk.len() < CHUNK_BYTES && left > 0 {
            let read = timeout(idle, body.read_buf(&mut chunk)).await.map_err(io::Error::from)??;
            if read == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the upload ended early"));
            }
            left = left.saturating_sub(read as u64);
        }
        let file = file.clone();
        work(disk, move || file.append(&chunk)).await??;
    }
    let file = file.clone();
    work(disk, move || file.sync()).await?
}

/// Reads all of what was received, so that nothing damaged gets further than here.
async fn checked(replica: &Replica, file: Arc<dyn DiskFile>) -> io::Result<SnapshotMeta> {
    let group = replica.config.group.clone();
    work(&*replica.snapshots.disk, move || check(file, &group)).await?
}

async fn install(
    replica: &Replica,
    head: UploadHead,
    meta: SnapshotMeta,
    file: Arc<dyn DiskFile>,
    unfinished: Unfinished,
) -> Result<Answer, Refused> {
    // openraft takes these for granted.
    let committed = replica.with_metrics(|metrics| metrics.local_committed);
    let is_sound = meta.last_log_id.is_some_and(|last| {
        let contradicts = committed.is_some_and(|committed| last > committed && last.index <= committed.index);
        last.leader_id.term <= head.vote.leader_id.term && !contradicts
    });
    if !is_sound {
        return Err((Refusal::Snapshot, "the snapshot contradicts the log here".to_owned()));
    }
    let snapshot = Snapshot { meta, snapshot: SnapshotData::Received(file, unfinished) };
    match replica.raft.install_full_snapshot(head.vote, snapshot).await {
        Ok(response) => {
            replica.log.measures().snapshots_received.count();
            Ok(Answer::Snapshot(response.vote))
        }
        Err(error) => Err((Refusal::Stopped, error.to_string())),
    }
}
