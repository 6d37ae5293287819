//! What replicas say to each other: requests and answers, each in one frame, and the head of a snapshot upload.
//!
//! A request begins with the version, its kind, the group and the daemon that it is meant for, so that a frame that
//! went astray is refused before anything is done. Values that honest daemons never send (entries with gaps, votes that
//! contradict the request) are refused here, because openraft relies on their absence.

use bytes::Bytes;
use hanse_base::id::{DaemonId, GroupId};
use openraft::LogIdOptionExt;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, VoteRequest, VoteResponse};

use crate::codec::{Malformed, Reader, Writer};
use crate::consensus::{Kind, LogId, Vote};
use crate::form::{
    get_commands, get_entry, get_log_id, get_option, get_vote, put_commands, put_entry, put_log_id, put_option,
    put_vote,
};

/// The first byte of every frame.
pub(crate) const VERSION: u8 = 1;
/// Longest text of a refusal.
const TEXT_BYTES_MAX: usize = 512;

/// A request.
#[derive(Debug)]
pub(crate) enum Request {
    /// The leader sends entries, or shows that it lives.
    Append(AppendEntriesRequest<Kind>),
    /// A candidate asks for a vote.
    Vote(VoteRequest<Kind>),
    /// A follower asks whether it would get votes.
    PreVote(VoteRequest<Kind>),
    /// The leader asks the daemon to take over.
    TakeOver { vote: Vote, to: DaemonId, last: Option<LogId> },
    /// A follower forwards the commands of its callers.
    Forward(Vec<Bytes>),
    /// A follower asks for the index that a read must wait for.
    ReadIndex,
    /// A follower asks whether the leader can be reached.
    Ping,
}

/// An answer.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The request was not carried out at all.
    Refused(Refusal, String),
    Append(AppendEntriesResponse<Kind>),
    Vote(VoteResponse<Kind>),
    /// The message was taken.
    Done,
    /// A batch was applied.
    Applied {
        index: u64,
        outcomes: Vec<Bytes>,
    },
    /// It is unknown whether the batch is or will be applied.
    Unknown(String),
    /// The index that a read must wait for.
    ReadIndex(u64),
    /// A snapshot was installed, or was superfluous; the vote tells whether the sender still leads.
    Snapshot(Vote),
}

/// Why a request was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Malformed = 1,
    Version = 2,
    Group = 3,
    Target = 4,
    Member = 5,
    Stopped = 6,
    Busy = 7,
    NotLeader = 8,
    Snapshot = 9,
}

impl Refusal {
    fn from_byte(byte: u8) -> Result<Self, Malformed> {
        Ok(match byte {
            1 => Self::Malformed,
            2 => Self::Version,
            3 => Self::Group,
            4 => Self::Target,
            5 => Self::Member,
            6 => Self::Stopped,
            7 => Self::Busy,
            8 => Self::NotLeader,
            9 => Self::Snapshot,
            _ => return Err(Malformed("unknown refusal")),
        })
    }
}

/// Whom a frame is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) group: GroupId,
    pub(crate) target: DaemonId,
}

impl Address {
    fn put(&self, to: &mut Writer) {
        to.bytes(self.group.as_str().as_bytes());
        to.u64(self.target.0);
    }

    /// Checks the version and the address, and gives the kind and the rest.
    fn open(&self, frame: Bytes) -> Result<(u8, Reader), (Refusal, String)> {
        let mut reader = Reader::new(frame);
        let malformed = |error: Malformed| (Refusal::Malformed, error.to_string());
        let version = reader.u8().map_err(malformed)?;
        if version != VERSION {
            return Err((Refusal::Version, format!("version {version} is not spoken here, {VERSION} is")));
        }
        let kind = reader.u8().map_err(malformed)?;
        if reader.bytes().map_err(malformed)? != self.group.as_str().as_bytes() {
            return Err((Refusal::Group, format!("this is group {}", self.group)));
        }
        if reader.u64().map_err(malformed)? != self.target.0 {
            return Err((Refusal::Target, format!("this is daemon {}", self.target)));
        }
        Ok((kind, reader))
    }
}

impl Request {
    pub(crate) fn encode(&self, address: &Address) -> Bytes {
        let mut to = Writer::with_capacity(self.size());
        to.u8(VERSION);
        to.u8(self.kind());
        address.put(&mut to);
        match self {
            Self::Append(append) => {
                put_vote(&mut to, &append.vote);
                put_option(&mut to, append.prev_log_id.as_ref(), put_log_id);
                put_option(&mut to, append.leader_commit.as_ref(), put_log_id);
                to.count(append.entries.len());
                append.entries.iter().for_each(|entry| put_entry(&mut to, entry));
            }
            Self::Vote(request) | Self::PreVote(request) => {
                put_vote(&mut to, &request.vote);
                put_option(&mut to, request.last_log_id.as_ref(), put_log_id);
                to.u8(u8::from(request.leadership_transfer));
            }
            Self::TakeOver { vote, to: daemon, last } => {
                put_vote(&mut to, vote);
                to.u64(daemon.0);
                put_option(&mut to, last.as_ref(), put_log_id);
            }
            Self::Forward(commands) => put_commands(&mut to, commands),
            Self::ReadIndex | Self::Ping => {}
        }
        to.into_bytes()
    }

    /// Reads a request from the daemon. Total.
    pub(crate) fn decode(frame: Bytes, here: &Address, from: DaemonId) -> Result<Self, (Refusal, String)> {
        let (kind, reader) = here.open(frame)?;
        Self::body(kind, reader, from).map_err(|error| (Refusal::Malformed, error.to_string()))
    }

    fn body(kind: u8, mut reader: Reader, from: DaemonId) -> Result<Self, Malformed> {
        let from_sender = |vote: &Vote| vote.leader_id.voted_for == from;
        let request = match kind {
            1 => {
                let vote = get_vote(&mut reader)?;
                let prev_log_id = get_option(&mut reader, get_log_id)?;
                let leader_commit = get_option(&mut reader, get_log_id)?;
                let count = reader.count(17)?;
                let entries = (0..count).map(|_| get_entry(&mut reader)).collect::<Result<Vec<_>, _>>()?;
                let append: AppendEntriesRequest<Kind> =
                    AppendEntriesRequest { vote, prev_log_id, entries, leader_commit };
                if !from_sender(&append.vote) || !append.vote.committed || !is_in_order(&append) {
                    return Err(Malformed("a leader does not send this"));
                }
                Self::Append(append)
            }
            2 | 3 => {
                let vote = get_vote(&mut reader)?;
                let last_log_id = get_option(&mut reader, get_log_id)?;
                let mut request: VoteRequest<Kind> = VoteRequest::new(vote, last_log_id);
                request.leadership_transfer = reader.flag()?;
                if !from_sender(&request.vote) || request.vote.committed {
                    return Err(Malformed("a candidate does not send this"));
                }
                if kind == 2 { Self::Vote(request) } else { Self::PreVote(request) }
            }
            4 => {
                let vote = get_vote(&mut reader)?;
                let (to, last) = (DaemonId(reader.u64()?), get_option(&mut reader, get_log_id)?);
                if !from_sender(&vote) || !vote.committed {
                    return Err(Malformed("a leader does not send this"));
                }
                Self::TakeOver { vote, to, last }
            }
            5 => Self::Forward(get_commands(&mut reader)?),
            6 => Self::ReadIndex,
            7 => Self::Ping,
            _ => return Err(Malformed("unknown kind of request")),
        };
        reader.end()?;
        Ok(request)
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Append(_) => 1,
            Self::Vote(_) => 2,
            Self::PreVote(_) => 3,
            Self::TakeOver { .. } => 4,
            Self::Forward(_) => 5,
            Self::ReadIndex => 6,
            Self::Ping => 7,
        }
    }

    fn size(&self) -> usize {
        let body = match self {
            Self::Append(append) => append.entries.iter().map(|entry| crate::form::entry_bytes(entry) + 8).sum(),
            Self::Forward(commands) => commands.iter().map(|command| command.len() + 4).sum(),
            _ => 64,
        };
        body + 192
    }
}

/// Whether entries follow the previous one without a gap, with terms that do not go back or beyond the leader's.
fn is_in_order(append: &AppendEntriesRequest<Kind>) -> bool {
    let mut next = append.prev_log_id.next_index();
    let mut term = append.prev_log_id.map_or(0, |id| id.leader_id.term);
    for entry in &append.entries {
        if entry.log_id.index != next || entry.log_id.leader_id.term < term {
            return false;
        }
        (next, term) = (next + 1, entry.log_id.leader_id.term);
    }
    term <= append.vote.leader_id.term
}

impl Answer {
    pub(crate) fn encode(&self) -> Bytes {
        let mut to = Writer::with_capacity(64);
        to.u8(VERSION);
        match self {
            Self::Refused(refusal, text) => {
                to.u8(0);
                to.u8(*refusal as u8);
                put_text(&mut to, text);
            }
            Self::Append(response) => {
                to.u8(1);
                match response {
                    AppendEntriesResponse::Success => to.u8(0),
                    AppendEntriesResponse::PartialSuccess(last) => {
                        to.u8(1);
                        put_option(&mut to, last.as_ref(), put_log_id);
                    }
                    AppendEntriesResponse::Conflict => to.u8(2),
                    AppendEntriesResponse::HigherVote(vote) => {
                        to.u8(3);
                        put_vote(&mut to, vote);
                    }
                }
            }
            Self::Vote(response) => {
                to.u8(2);
                put_vote(&mut to, &response.vote);
                to.u8(u8::from(response.vote_granted));
                put_option(&mut to, response.last_log_id.as_ref(), put_log_id);
            }
            Self::Done => to.u8(3),
            Self::Applied { index, outcomes } => {
                to.u8(4);
                to.u64(*index);
                put_commands(&mut to, outcomes);
            }
            Self::Unknown(text) => {
                to.u8(5);
                put_text(&mut to, text);
            }
            Self::ReadIndex(index) => {
                to.u8(6);
                to.u64(*index);
            }
            Self::Snapshot(vote) => {
                to.u8(7);
                put_vote(&mut to, vote);
            }
        }
        to.into_bytes()
    }

    /// Reads an answer. Total.
    pub(crate) fn decode(frame: Bytes) -> Result<Self, Malformed> {
        let mut reader = Reader::new(frame);
        if reader.u8()? != VERSION {
            return Err(Malformed("another version"));
        }
        let answer = match reader.u8()? {
            0 => Self::Refused(Refusal::from_byte(reader.u8()?)?, get_text(&mut reader)?),
            1 => Self::Append(match reader.u8()? {
                0 => AppendEntriesResponse::Success,
                1 => AppendEntriesResponse::PartialSuccess(get_option(&mut reader, get_log_id)?),
                2 => AppendEntriesResponse::Conflict,
                3 => AppendEntriesResponse::HigherVote(get_vote(&mut reader)?),
                _ => return Err(Malformed("unknown answer to entries")),
            }),
            2 => {
                let (vote, vote_granted) = (get_vote(&mut reader)?, reader.flag()?);
                Self::Vote(VoteResponse { vote, vote_granted, last_log_id: get_option(&mut reader, get_log_id)? })
            }
            3 => Self::Done,
            4 => Self::Applied { index: reader.u64()?, outcomes: get_commands(&mut reader)? },
            5 => Self::Unknown(get_text(&mut reader)?),
            6 => Self::ReadIndex(reader.u64()?),
            7 => Self::Snapshot(get_vote(&mut reader)?),
            _ => return Err(Malformed("unknown kind of answer")),
        };
        reader.end()?;
        Ok(answer)
    }
}

/// What goes before the bytes of a snapshot file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UploadHead {
    /// The leader's.
    pub(crate) vote: Vote,
    /// Length of the file.
    pub(crate) bytes: u64,
}

/// Where the kinds of uploads begin.
const SNAPSHOT: u8 = 32;

impl UploadHead {
    pub(crate) fn encode(&self, address: &Address) -> Bytes {
        let mut to = Writer::with_capacity(128);
        to.u8(VERSION);
        to.u8(SNAPSHOT);
        address.put(&mut to);
        put_vote(&mut to, &self.vote);
        to.u64(self.bytes);
        to.into_bytes()
    }

    /// Reads a head from the daemon. Total.
    pub(crate) fn decode(frame: Bytes, here: &Address, from: DaemonId) -> Result<Self, (Refusal, String)> {
        let (kind, mut reader) = here.open(frame)?;
        let mut body = || {
            if kind != SNAPSHOT {
                return Err(Malformed("unknown kind of upload"));
            }
            let head = Self { vote: get_vote(&mut reader)?, bytes: reader.u64()? };
            if head.vote.leader_id.voted_for != from || !head.vote.committed {
                return Err(Malformed("a leader does not send this"));
            }
            Ok(head)
        };
        let head = body().map_err(|error| (Refusal::Malformed, error.to_string()))?;
        reader.end().map_err(|error| (Refusal::Malformed, error.to_string()))?;
        Ok(head)
    }
}

fn put_text(to: &mut Writer, text: &str) {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    to.bytes(&text.as_bytes()[..end]);
}

fn get_text(from: &mut Reader) -> Result<String, Malformed> {
    Ok(String::from_utf8_lossy(&from.bytes()?).chars().take(TEXT_BYTES_MAX).collect())
}
