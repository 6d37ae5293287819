//! Frames read back as they were written, and nothing that arrives makes a reader panic.

use bytes::Bytes;
use hanse_base::id::{DaemonId, GroupId};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, VoteRequest, VoteResponse};
use proptest::prelude::{any, proptest};

use crate::consensus::{Commands, Entry, Kind, Membership, Payload, Vote, log_id};
use crate::frame::{Address, Answer, Refusal, Request, UploadHead};

const FROM: DaemonId = DaemonId(2);

fn here() -> Address {
    Address { group: GroupId::new("eu").unwrap(), target: DaemonId(1) }
}

fn append(entries: Vec<Entry>) -> AppendEntriesRequest<Kind> {
    let vote = Vote::new_committed(5, FROM);
    AppendEntriesRequest { vote, prev_log_id: Some(log_id(3, 6)), entries, leader_commit: Some(log_id(3, 4)) }
}

fn requests() -> Vec<Request> {
    let commands = Commands::from(vec![Bytes::from_static(b"a"), Bytes::new()]);
    let voters = std::collections::BTreeSet::from([DaemonId(1), FROM]);
    let membership = Membership::new(vec![voters.clone()], voters).unwrap();
    let entries = vec![
        Entry { log_id: log_id(3, 7), payload: Payload::Blank },
        Entry { log_id: log_id(4, 8), payload: Payload::Normal(commands) },
        Entry { log_id: log_id(5, 9), payload: Payload::Membership(membership) },
    ];
    let vote: VoteRequest<Kind> = VoteRequest::new(Vote::new(6, FROM), Some(log_id(5, 9)));
    vec![
        Request::Append(append(entries)),
        Request::Vote(vote.clone()),
        Request::PreVote(vote),
        Request::TakeOver { vote: Vote::new_committed(5, FROM), to: DaemonId(1), last: None },
        Request::Forward(vec![Bytes::from_static(b"command")]),
        Request::ReadIndex,
        Request::Ping,
    ]
}

fn answers() -> Vec<Answer> {
    vec![
        Answer::Refused(Refusal::Busy, "text".to_owned()),
        Answer::Append(AppendEntriesResponse::Success),
        Answer::Append(AppendEntriesResponse::PartialSuccess(Some(log_id(1, 2)))),
        Answer::Append(AppendEntriesResponse::Conflict),
        Answer::Append(AppendEntriesResponse::HigherVote(Vote::new(9, FROM))),
        Answer::Vote(VoteResponse { vote: Vote::new(1, FROM), vote_granted: true, last_log_id: None }),
        Answer::Done,
        Answer::Applied { index: 4, outcomes: vec![Bytes::from_static(b"outcome")] },
        Answer::Unknown("text".to_owned()),
        Answer::ReadIndex(7),
        Answer::Snapshot(Vote::new_committed(1, FROM)),
    ]
}

#[test]
fn every_frame_reads_back_as_it_was_written() {
    for request in requests() {
        let read = Request::decode(request.encode(&here()), &here(), FROM).unwrap();
        assert_eq!(format!("{read:?}"), format!("{request:?}"));
    }
    for answer in answers() {
        assert_eq!(format!("{:?}", Answer::decode(answer.encode()).unwrap()), format!("{answer:?}"));
    }
    let head = UploadHead { vote: Vote::new_committed(1, FROM), bytes: 5 };
    assert_eq!(UploadHead::decode(head.encode(&here()), &here(), FROM).unwrap(), head);
}

#[test]
fn the_form_of_frames_does_not_change_by_accident() {
    let frame = Request::Forward(vec![Bytes::from_static(b"ab")]).encode(&here());
    assert_eq!(&frame[..], b"\x01\x05\x02\0\0\0eu\x01\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0ab");
    let frame = Answer::ReadIndex(3).encode();
    assert_eq!(&frame[..], b"\x01\x06\x03\0\0\0\0\0\0\0");
}

#[test]
fn frames_that_went_astray_are_refused() {
    let frame = Request::Ping.encode(&here());
    let elsewhere = [
        (Address { target: DaemonId(3), ..here() }, Refusal::Target),
        (Address { group: GroupId::new("us").unwrap(), ..here() }, Refusal::Group),
    ];
    for (address, refusal) in elsewhere {
        assert_eq!(Request::decode(frame.clone(), &address, FROM).unwrap_err().0, refusal);
    }
    let newer = [&[9], &frame[1..]].concat();
    assert_eq!(Request::decode(newer.into(), &here(), FROM).unwrap_err().0, Refusal::Version);
}

#[test]
fn what_no_honest_daemon_sends_is_refused() {
    let blank = |term, index| Entry { log_id: log_id(term, index), payload: Payload::Blank };
    let bad = [
        Request::Append(append(vec![blank(3, 8)])),
        Request::Append(append(vec![blank(3, 7), blank(3, 9)])),
        Request::Append(append(vec![blank(4, 7), blank(3, 8)])),
        Request::Append(append(vec![blank(6, 7)])),
        Request::Append(AppendEntriesRequest { vote: Vote::new(5, FROM), ..append(vec![]) }),
        Request::Append(AppendEntriesRequest { vote: Vote::new_committed(5, DaemonId(3)), ..append(vec![]) }),
        Request::Vote(VoteRequest::new(Vote::new_committed(5, FROM), None)),
        Request::Vote(VoteRequest::new(Vote::new(5, DaemonId(3)), None)),
        Request::Vote(VoteRequest::new(Vote::new(u64::MAX, FROM), None)),
    ];
    for request in bad {
        let refused = Request::decode(request.encode(&here()), &here(), FROM).unwrap_err();
        assert_eq!(refused.0, Refusal::Malformed, "{request:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
        let bytes = Bytes::from(bytes);
        drop(Request::decode(bytes.clone(), &here(), FROM));
        drop(Answer::decode(bytes.clone()));
        drop(UploadHead::decode(bytes, &here(), FROM));
    }

    #[test]
    fn changed_frames_are_read_without_a_panic(which in any::<usize>(), at in any::<usize>(), to: u8, cut in any::<usize>()) {
        let frames: Vec<_> =
            requests().iter().map(|request| request.encode(&here())).chain(answers().iter().map(Answer::encode)).collect();
        let mut frame = frames[which % frames.len()].to_vec();
        let at = at % frame.len();
        frame[at] = to;
        frame.truncate(frame.len() - cut % 2 * (cut % frame.len()));
        let frame = Bytes::from(frame);
        drop(Request::decode(frame.clone(), &here(), FROM));
        drop(Answer::decode(frame));
    }
}
