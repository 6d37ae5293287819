//! This room's private decoders, for `tests/fuzz` alone.
//!
//! Each function says whether it understood the bytes. Where checksums would keep all but a few inputs out, the bytes are a
//! script of what a file holds, and the checksums are made to fit.
#![allow(clippy::missing_panics_doc, reason = "to panic where a promise is broken is what these are for")]

use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use hanse_base::disk::Disk;
use hanse_base::id::{DaemonId, GroupId};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, VoteRequest};

use crate::codec::{Reader, Writer};
use crate::consensus::{Commands, Entry, Membership, Payload, Vote, log_id};
use crate::form::{get_entry, get_meta, put_entry, put_meta};
use crate::frame::{Address, Answer, Refusal, Request, UploadHead};
use crate::record::{Record, RecordKind, encode};
use crate::recover::{Base, FIRST_SEQUENCE, put_base, recover};
use crate::segment::{Header, Identity, file_name};
use crate::snapshot_file::{SnapshotReader, checksum};

/// The daemon that frames are said to come from.
const SENDER: DaemonId = DaemonId(2);
const SALT: u32 = 77;

fn group() -> GroupId {
    GroupId::new("eu").expect("it is a name")
}

fn address() -> Address {
    Address { group: group(), target: DaemonId(1) }
}

/// What another replica asks: what is read is written and read as the same.
pub fn request(frame: &[u8]) -> bool {
    let frame = Bytes::copy_from_slice(frame);
    if let Ok(head) = UploadHead::decode(frame.clone(), &address(), SENDER) {
        assert_eq!(head.encode(&address()), frame, "an upload's head has one spelling");
        return true;
    }
    let Ok(request) = Request::decode(frame, &address(), SENDER) else { return false };
    let written = request.encode(&address());
    let again = Request::decode(written.clone(), &address(), SENDER).expect("what was written is read");
    assert_eq!(again.encode(&address()), written);
    true
}

/// Frames of requests.
#[must_use]
pub fn requests() -> Vec<Bytes> {
    let vote = Vote::new_committed(3, SENDER);
    let commands = Commands::from(vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")]);
    let entries = [Payload::Blank, Payload::Normal(commands), Payload::Membership(Membership::default())];
    let entries = (5..).zip(entries).map(|(index, payload)| Entry { log_id: log_id(2, index), payload }).collect();
    let last = Some(log_id(2, 4));
    let append = AppendEntriesRequest { vote, prev_log_id: last, entries, leader_commit: last };
    let requests = [
        Request::Append(append),
        Request::Vote(VoteRequest::new(Vote::new(3, SENDER), last)),
        Request::PreVote(VoteRequest::new(Vote::new(3, SENDER), None)),
        Request::TakeOver { vote, to: DaemonId(1), last },
        Request::Forward(vec![Bytes::from_static(b"command")]),
        Request::ReadIndex,
        Request::Ping,
    ];
    let mut frames: Vec<Bytes> = requests.iter().map(|request| request.encode(&address())).collect();
    frames.push(UploadHead { vote, bytes: 300 }.encode(&address()));
    frames
}

/// What another replica answers: what is read is written and read as the same.
pub fn answer(frame: &[u8]) -> bool {
    let Ok(answer) = Answer::decode(Bytes::copy_from_slice(frame)) else { return false };
    let written = answer.encode();
    let again = Answer::decode(written.clone()).expect("what was written is read");
    assert_eq!(again.encode(), written);
    true
}

/// Frames of answers.
#[must_use]
pub fn answers() -> Vec<Bytes> {
    let answers = [
        Answer::Refused(Refusal::Busy, "busy".to_owned()),
        Answer::Append(AppendEntriesResponse::PartialSuccess(Some(log_id(2, 4)))),
        Answer::Append(AppendEntriesResponse::HigherVote(Vote::new(9, SENDER))),
        Answer::Done,
        Answer::Applied { index: 7, outcomes: vec![Bytes::from_static(b"outcome")] },
        Answer::Unknown("gone".to_owned()),
        Answer::ReadIndex(7),
        Answer::Snapshot(Vote::new_committed(3, SENDER)),
    ];
    answers.iter().map(Answer::encode).collect()
}

/// The files of a log, by their names, as a script has them. A step is a byte:
///
/// ```text
/// bits 0-2  kind of a record, with a length (1 byte) and as much payload; 0: a new segment
/// bit 3     a sequence (8 bytes) follows; otherwise it is the next one
/// bit 4     a synced sequence (8 bytes) follows; otherwise it is 0
/// bit 5     the last byte of the step is damaged
/// ```
#[must_use]
pub fn log_files(script: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut script = Reader::new(Bytes::copy_from_slice(script));
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut next = FIRST_SEQUENCE;
    while let Ok(step) = script.u8() {
        let mut number = |bit: u8, other: u64| if step & bit == 0 { other } else { script.u64().unwrap_or(other) };
        let (sequence, synced) = (number(8, next), number(16, 0));
        let kind = RecordKind::from_byte(step & 7);
        let file = match (kind, files.last_mut()) {
            (Some(kind), Some((_, file))) => {
                let length = script.u8().unwrap_or(0);
                let payload: Vec<u8> = (0..length).map_while(|_| script.u8().ok()).collect();
                encode(file, SALT, &Record { kind, sequence, synced, payload: &payload });
                next = sequence.wrapping_add(1);
                file
            }
            _ => {
                let identity = Identity { group: group(), daemon: DaemonId(1) };
                let header = Header { identity, salt: SALT, first_sequence: sequence };
                files.push((file_name(sequence), header.encode()));
                next = sequence;
                &mut files.last_mut().expect("one was pushed").1
            }
        };
        if step & 32 != 0
            && let Some(last) = file.last_mut()
        {
            *last ^= 1;
        }
    }
    files
}

/// A script of a log with one record of each kind.
#[must_use]
pub fn log_script() -> Vec<u8> {
    let payload = |put: &dyn Fn(&mut Writer)| {
        let mut form = Writer::default();
        put(&mut form);
        form.into_vec()
    };
    let vote = Vote::new_committed(3, SENDER);
    let base = |last_index| Base { vote: Some(vote), committed: None, purged: None, last_index };
    let entry = |index| Entry { log_id: log_id(2, index), payload: Payload::Blank };
    let steps = [
        (0, None),
        (1, Some(payload(&|to| put_base(to, &Base { vote: None, ..base(None) })))),
        (3, Some(payload(&|to| crate::form::put_vote(to, &vote)))),
        (2, Some(payload(&|to| put_entry(to, &entry(0))))),
        (2, Some(payload(&|to| put_entry(to, &entry(1))))),
        (2, Some(payload(&|to| put_entry(to, &entry(2))))),
        (4, Some(payload(&|to| crate::form::put_log_id(to, &log_id(2, 1))))),
        (5, Some(payload(&|to| to.u64(2)))),
        (6, Some(payload(&|to| crate::form::put_log_id(to, &log_id(2, 0))))),
        (0, None),
        (1, Some(payload(&|to| put_base(to, &base(Some(1)))))),
        (7, Some(Vec::new())),
    ];
    let mut script = Vec::new();
    for (step, payload) in steps {
        script.push(step);
        if let Some(payload) = payload {
            script.push(u8::try_from(payload.len()).expect("they are short"));
            script.extend(payload);
        }
    }
    script
}

/// A log as it is found at a start: what is recovered is recovered as the same once more.
pub fn log(disk: &dyn Disk, directory: &Path) -> bool {
    let identity = Identity { group: group(), daemon: DaemonId(1) };
    let found = || {
        recover(disk, directory, directory, &identity)
            .map(|found| (found.next_sequence, found.segments.len(), format!("{:?}", found.replay)))
    };
    let Ok(first) = found() else { return false };
    assert_eq!(found().expect("what was recovered is recovered again"), first);
    true
}

/// An entry of the log: what is read is written and read as the same.
pub fn entry(bytes: &[u8]) -> bool {
    let Ok(entry) = get_entry(&mut Reader::new(Bytes::copy_from_slice(bytes))) else { return false };
    let mut form = Writer::default();
    put_entry(&mut form, &entry);
    assert_eq!(get_entry(&mut Reader::new(form.into_bytes())), Ok(entry));
    true
}

/// Entries of all kinds.
#[must_use]
pub fn entries() -> Vec<Vec<u8>> {
    let daemons = std::collections::BTreeMap::from([(DaemonId(1), ()), (SENDER, ())]);
    let membership = Membership::new(vec![[DaemonId(1)].into()], daemons).expect("its voters are members");
    let commands = Commands::from(vec![Bytes::from_static(b"command")]);
    let payloads = [Payload::Blank, Payload::Normal(commands), Payload::Membership(membership)];
    let entry = |payload| {
        let mut form = Writer::default();
        put_entry(&mut form, &Entry { log_id: log_id(2, 4), payload });
        form.into_vec()
    };
    payloads.into_iter().map(entry).collect()
}

/// A snapshot's file, and then one whose chunks are these bytes, each behind its length (1 byte): what is read is what the
/// chunks hold.
pub fn snapshot(bytes: &[u8]) -> bool {
    let read = |file: &[u8]| {
        let (mut reader, meta) = SnapshotReader::new(file, &group())?;
        let mut contents = Vec::new();
        reader.read_to_end(&mut contents)?;
        reader.finish().map(|()| (meta, contents))
    };
    let raw = read(bytes).is_ok();
    let (file, chunks) = snapshot_file(bytes);
    let Ok((meta, contents)) = read(&file) else { return raw };
    assert_eq!(contents, chunks.into_iter().skip(1).flatten().copied().collect::<Vec<u8>>());
    let mut form = Writer::default();
    put_meta(&mut form, &meta);
    assert_eq!(get_meta(&mut Reader::new(form.into_bytes())), Ok(meta));
    true
}

fn snapshot_file(script: &[u8]) -> (Vec<u8>, Vec<&[u8]>) {
    let (mut rest, mut chunks) = (script, Vec::new());
    while let Some((length, behind)) = rest.split_first() {
        let (chunk, behind) = behind.split_at(behind.len().min(usize::from(*length)));
        chunks.extend((!chunk.is_empty()).then_some(chunk));
        rest = behind;
    }
    let mut file = b"hansnap\n\x01\0\0\0".to_vec();
    let mut put = |number: usize, length: usize, bytes: &[u8]| {
        file.extend(u32::try_from(length).expect("scripts are short").to_le_bytes());
        file.extend(checksum(number as u64, bytes).to_le_bytes());
        file.extend(bytes);
    };
    chunks.iter().enumerate().for_each(|(number, chunk)| put(number, chunk.len(), chunk));
    let bytes: usize = chunks.iter().map(|chunk| chunk.len()).sum();
    put(chunks.len(), 0, &[(chunks.len() as u64).to_le_bytes(), (bytes as u64).to_le_bytes()].concat());
    (file, chunks)
}

/// The chunks of a snapshot.
#[must_use]
pub fn snapshot_script() -> Vec<u8> {
    let mut form = Writer::default();
    form.bytes(group().as_str().as_bytes());
    put_meta(&mut form, &crate::consensus::SnapshotMeta { last_log_id: Some(log_id(3, 9)), ..Default::default() });
    let head = form.into_vec();
    let length = u8::try_from(head.len()).expect("it is short");
    [&[length], &head[..], &[5], b"state"].concat()
}
