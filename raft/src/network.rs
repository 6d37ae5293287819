//! openraft's network, on [`Net`].

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hanse_base::disk::FileReader;
use hanse_base::id::{DaemonId, GroupId};
use hanse_base::net::{Net, NetError};
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable};
use openraft::network::{RPCOption, RPCTypes};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse,
    VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, RaftNetworkFactory, RaftNetworkV2, Snapshot};

use crate::consensus::{CommittedLeaderId, Kind, Vote};
use crate::frame::{Address, Answer, Request, UploadHead};
use crate::snapshots::SnapshotData;

/// How to reach the other replicas of the group.
#[derive(Clone)]
pub(crate) struct Links {
    pub(crate) net: Arc<dyn Net>,
    pub(crate) group: GroupId,
    pub(crate) daemon: DaemonId,
    /// Longest wait for an answer to entries: their receiver syncs its disk first.
    pub(crate) append_wait: Duration,
    /// Longest time without progress of a snapshot.
    pub(crate) snapshot_idle: Duration,
}

impl Links {
    pub(crate) fn address(&self, target: DaemonId) -> Address {
        Address { group: self.group.clone(), target }
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn ask(&self, to: DaemonId, request: &Request, wait: Duration) -> Result<Answer, NetError> {
        let frame = request.encode(&self.address(to));
        let answer = self.net.call(to, frame, wait).await?;
        Answer::decode(answer).map_err(|error| NetError::Unanswered { daemon: to, why: error.to_string() })
    }
}

impl RaftNetworkFactory<Kind> for Links {
    type Network = Peer;

    async fn new_client(&mut self, target: DaemonId, _node: &()) -> Peer {
        Peer { links: self.clone(), target }
    }
}

/// One other replica.
pub(crate) struct Peer {
    links: Links,
    target: DaemonId,
}

impl Peer {
    async fn ask(&self, request: &Request, kind: RPCTypes, wait: Duration) -> Result<Answer, RPCError<Kind>> {
        // The transport keeps the time; this one only guards against a transport that does not.
        let answer = tokio::time::timeout(wait * 2, self.links.ask(self.target, request, wait)).await;
        match answer {
            Ok(Ok(Answer::Refused(refusal, text))) => {
                Err(Unreachable::from_string(format!("daemon {} refuses: {refusal:?}: {text}", self.target)).into())
            }
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error @ NetError::Unreachable { .. })) => Err(Unreachable::new(&error).into()),
            Ok(Err(error @ NetError::Unanswered { .. })) => Err(NetworkError::new(&error).into()),
            Err(_elapsed) => {
                let (id, target) = (self.links.daemon, self.target);
                Err(Timeout { action: kind, id, target, timeout: wait }.into())
            }
        }
    }

    fn unfit(&self) -> RPCError<Kind> {
        Unreachable::from_string(format!("daemon {} gave an answer that does not fit", self.target)).into()
    }

    async fn ask_for_vote(&self, request: &Request, option: &RPCOption) -> Result<VoteResponse<Kind>, RPCError<Kind>> {
        match self.ask(request, RPCTypes::Vote, option.soft_ttl()).await? {
            Answer::Vote(response) => Ok(response),
            _ => Err(self.unfit()),
        }
    }
}

impl RaftNetworkV2<Kind> for Peer {
    type SnapshotData = SnapshotData;

    async fn append_entries(
        &mut self,
        append: AppendEntriesRequest<Kind>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Kind>, RPCError<Kind>> {
        let wait = if append.entries.is_empty() { option.soft_ttl() } else { self.links.append_wait };
        let has_previous = append.prev_log_id.is_some();
        match self.ask(&Request::Append(append), RPCTypes::AppendEntries, wait).await? {
            // Nothing can conflict with the beginning of the log.
            Answer::Append(AppendEntriesResponse::Conflict) if !has_previous => Err(self.unfit()),
            Answer::Append(response) => Ok(response),
            _ => Err(self.unfit()),
        }
    }

    async fn vote(&mut self, vote: VoteRequest<Kind>, option: RPCOption) -> Result<VoteResponse<Kind>, RPCError<Kind>> {
        self.ask_for_vote(&Request::Vote(vote), &option).await
    }

    async fn pre_vote(
        &mut self,
        vote: VoteRequest<Kind>,
        option: RPCOption,
    ) -> Result<VoteResponse<Kind>, RPCError<Kind>> {
        self.ask_for_vote(&Request::PreVote(vote), &option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot<CommittedLeaderId, DaemonId, (), SnapshotData>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Kind>, StreamingError<Kind>> {
        let SnapshotData::Current(file) = snapshot.snapshot else {
            return Err(Unreachable::from_string("there is no snapshot to send").into());
        };
        let body = FileReader::new(file.clone()).and_then(|body| Ok((body, file.length()?)));
        let (body, bytes) = body.map_err(|error| Unreachable::new(&error))?;
        let head = UploadHead { vote, bytes }.encode(&self.links.address(self.target));
        let upload = self.links.net.upload(self.target, head, Box::new(body), self.links.snapshot_idle);
        let answer = tokio::select! {
            answer = upload => answer,
            closed = cancel => return Err(closed.into()),
        };
        // Anything but success waits before it is tried again: sending is expensive.
        match answer.map(Answer::decode) {
            Ok(Ok(Answer::Snapshot(vote))) => Ok(SnapshotResponse::new(vote)),
            Ok(Ok(answer)) => Err(Unreachable::from_string(format!("the snapshot was not taken: {answer:?}")).into()),
            Ok(Err(error)) => Err(Unreachable::new(&error).into()),
            Err(error) => Err(Unreachable::new(&error).into()),
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<Kind>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Kind>, RPCError<Kind>> {
        let last = request.last_log_id().copied();
        let request = Request::TakeOver { vote: *request.from_leader(), to: *request.to_node_id(), last };
        match self.ask(&request, RPCTypes::TransferLeader, option.soft_ttl()).await? {
            Answer::Done => Ok(Ok(())),
            _ => Err(self.unfit()),
        }
    }
}
