//! This room's private decoders, for `tests/fuzz` alone. Each function says whether it understood the bytes.
#![allow(clippy::missing_panics_doc, reason = "to panic where a promise is broken is what these are for")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use hanse_api::federation::Reserved;
use hanse_base::id::{ClusterId, DaemonId, GroupId, RegionName};
use hanse_store::home::Home;
use hanse_store::memory::MemoryHome;
use hanse_store::roster::{Member, MemberRole, MembershipChange};
use hanse_store::txn::{Operation, Region, Txn};
use hanse_sync::message::Notice;

use crate::config::{Config, DAEMON_ID_MAX, MEMBERS_MAX, group_of};
use crate::members::admission::{self, Answer, Ask, key_of};
use crate::members::invite::Invitation;
use crate::members::tidings;
use crate::members::verbs::Question as StatusQuestion;
use crate::names::{self, Question};
use crate::{admin, probe};

fn cluster(id: &str) -> ClusterId {
    ClusterId::new(id).expect("it is an id")
}

fn region(name: &str) -> RegionName {
    RegionName::new(name).expect("it is a name")
}

fn address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 6454))
}

/// A group of the federation that `us` has founded.
fn home(name: &str) -> Arc<MemoryHome> {
    let group = |name| GroupId::new(name).expect("it is a name");
    let home = MemoryHome::new(group(name));
    let own = Region { name: region(name), url: format!("https://{name}"), founder: group("us") };
    apply(&home, Operation::Describe(own));
    home
}

fn apply(home: &MemoryHome, operation: Operation) {
    home.apply(&[Txn { time_ms: 1_000, preconditions: Vec::new(), operations: vec![operation] }]);
}

/// A configuration file: what is taken keeps what others rely on, and a refusal is one line.
pub fn config(text: &str) -> bool {
    match Config::parse(text, Path::new("/etc/hanse/hansed.toml")) {
        Ok(config) => {
            assert_eq!(config.own().daemon, config.daemon);
            assert!(config.members.len() <= MEMBERS_MAX && config.daemon.0 <= DAEMON_ID_MAX);
            config.regions().iter().for_each(|region| drop(group_of(region)));
            true
        }
        Err(error) => {
            assert!(!error.to_string().contains('\n'), "{error}");
            false
        }
    }
}

/// A line on the admin socket: a refusal is one line.
pub fn admin(line: &str) -> bool {
    match admin::parse(line) {
        Ok(_) => true,
        Err(why) => {
            assert!(!why.contains('\n'), "{why}");
            false
        }
    }
}

/// What is said on the lane for names: what is read is written and read as the same.
pub fn names(frame: &[u8]) -> bool {
    if let Ok(answer) = names::decode_answer(frame) {
        assert_eq!(names::decode_answer(&names::encode_answer(answer.clone())), Ok(answer));
    }
    let Ok(question) = Question::decode(frame) else { return false };
    assert_eq!(Question::decode(&question.encode()), Ok(question));
    true
}

/// A question about a name, and an answer.
#[must_use]
pub fn name_messages() -> Vec<Bytes> {
    let group = GroupId::new("eu").expect("it is a name");
    let question = Question { group, parent: cluster("root"), name: "org".to_owned(), id: cluster("w1") };
    vec![question.encode(), names::encode_answer(Ok(Reserved::Taken { by: cluster("w1") }))]
}

/// A token to join by: what is read is written and read as the same.
pub fn invitation(text: &str) -> bool {
    let Ok(invitation) = Invitation::decode(text) else { return false };
    assert!(Invitation::decode(&invitation.encode()) == Ok(invitation));
    true
}

/// A token to join by.
#[must_use]
pub fn an_invitation() -> String {
    let invitation = Invitation {
        federation: "f".to_owned(),
        id: "t".to_owned(),
        secret: [7; 32],
        root_sha256: [8; 32],
        region: "eu".to_owned(),
        new_region: Some("ap".to_owned()),
        addresses: vec![address()],
    };
    invitation.encode()
}

/// What is asked and answered by who joins and who lets in: what is read is written and read as the same.
pub fn join(bytes: &[u8]) -> bool {
    let answer = admission::decode::<Answer>(bytes);
    if let Ok(answer) = &answer {
        assert!(admission::decode::<Answer>(&admission::encode(answer)).as_ref() == Ok(answer));
    }
    let ask = admission::decode::<Ask>(bytes);
    if let Ok(ask) = &ask {
        assert_eq!(admission::decode::<Ask>(&admission::encode(ask)).as_ref(), Ok(ask));
        drop(key_of(&ask.request));
    }
    ask.is_ok() || answer.is_ok()
}

/// A request to join with a signing request, and a refusal.
#[must_use]
pub fn join_messages(signing_request: &[u8]) -> Vec<Bytes> {
    let ask = Ask {
        token: "t".to_owned(),
        secret: [7; 32],
        request: signing_request.to_vec(),
        name: "eu-2".to_owned(),
        peers: address(),
        api: "https://127.0.0.1:6453".to_owned(),
    };
    vec![admission::encode(&ask), admission::encode(&Answer::Err("no".to_owned()))]
}

/// A signing request: the same bytes are of the same key.
pub fn signing_request(der: &[u8]) -> bool {
    key_of(der).is_ok()
}

/// What another region says of who belongs to it: what is news is applied.
pub fn tidings(bytes: &[u8]) -> bool {
    let home = home("eu");
    let (own, from) = (region("eu"), GroupId::new("us").expect("it is a name"));
    let notice = Notice { version: 1, bytes: Bytes::copy_from_slice(bytes) };
    let Ok(changes) = tidings::news(home.view().membership(), (&own, &region("us")), &from, &notice) else {
        return false;
    };
    for change in changes {
        apply(&home, Operation::Membership(change));
    }
    home.view().check();
    true
}

/// What a region says.
#[must_use]
pub fn a_notice() -> Vec<u8> {
    let member = |number: u64, name: &str| Member {
        daemon: DaemonId(number),
        name: name.to_owned(),
        role: MemberRole::Voter,
        drained: false,
        peers: address(),
        api: "https://127.0.0.1:6453".to_owned(),
    };
    let home = home("us");
    let neighbours = vec![(region("ap"), vec![member(3, "ap-1")]), (region("sa"), vec![member(4, "sa-1")])];
    let changes = [
        MembershipChange::Seed { members: vec![member(2, "us-1")], neighbours },
        MembershipChange::RemoveRegion { region: region("sa") },
    ];
    for change in changes {
        apply(&home, Operation::Membership(change));
    }
    let notice = tidings::notice(home.view().membership(), 0).expect("there is something to say");
    notice.bytes.to_vec()
}

/// What daemons of one region ask each other, and what a probe of the API is answered.
pub fn status(bytes: &[u8]) -> bool {
    let answered = probe::parse(bytes).is_some();
    let Ok(question) = serde_json::from_slice::<StatusQuestion>(bytes) else { return answered };
    let written = serde_json::to_vec(&question).expect("texts can be written to memory");
    assert_eq!(serde_json::from_slice::<StatusQuestion>(&written).ok(), Some(question));
    true
}
