//! The log's bytes never change: logs of older daemons are read by newer ones. (Version 1 was never released.)

use bytes::Bytes;
use hanse_base::id::{DaemonId, RegionName, Revision};
use hanse_store::restored::Learned;
use hanse_store::roster::{MemberRole, MembershipChange, Roster};
use hanse_store::staged::Stage;
use hanse_store::txn::{
    DecodeError, Exceeded, NewWorkspace, Operation, Outcome, Precondition, Refusal, Region, TXN_BYTES_MAX, Txn,
};
use hanse_tree::document::DocumentId;
use proptest::prelude::{any, proptest};

use crate::members::{member, region, seed, token};
use crate::rig::{configmap, draft, group, id};

/// A transaction with one of each.
fn everything() -> Txn {
    let key = configmap("root", "a");
    let mut labelled = draft("x");
    labelled.labels = Box::new([("k".into(), "v".into())]);
    labelled.owners = Box::new(["owner".into()]);
    labelled.held = true;
    let mut txn = Txn {
        time_ms: 1_700_000_000_000,
        preconditions: vec![
            Precondition::Absent(key.clone()),
            Precondition::At(key.clone(), Revision(300)),
            Precondition::Live(key.clone()),
            Precondition::ClusterLive(id("root")),
            Precondition::ClusterHome(id("root")),
            Precondition::NamespaceEmpty(id("root"), "n".into()),
            Precondition::CountBelow {
                cluster: id("root"),
                namespace: "n".into(),
                resource: "configmaps".into(),
                limit: 5,
                quota: "q".into(),
                item: "count/configmaps".into(),
            },
            Precondition::ResourceUnchanged {
                cluster: id("root"),
                resource: "configmaps".into(),
                since: Revision(300),
            },
            Precondition::ResourceEmpty { cluster: id("root"), resource: "configmaps".into() },
        ],
        operations: vec![
            Operation::Put(key.clone(), labelled),
            Operation::Delete(key.clone()),
            Operation::CreateWorkspace(NewWorkspace {
                id: id("w1"),
                parent: id("root"),
                name: "org".into(),
                reserved: true,
                content: Bytes::from_static(b"{}"),
                objects: vec![(key.clone(), draft("y"))],
            }),
            Operation::UpdateWorkspace { id: id("w1"), version: 1, content: Bytes::from_static(b"{}"), deleting: true },
            Operation::MoveWorkspace { id: id("w1"), version: 2, parent: id("w2"), name: "n".into(), reserved: false },
            Operation::FinishWorkspace { id: id("w1") },
            Operation::ReserveName { parent: id("root"), name: "n".into(), id: id("w1") },
            Operation::MergeChanges {
                document: DocumentId { group: group("us"), ordinal: 1, generation: 2 },
                sequence: 3,
                changes: vec![Bytes::from_static(b"change")],
            },
            Operation::Describe(Region {
                name: RegionName::new("eu").unwrap(),
                url: "https://eu".into(),
                founder: group("eu"),
            }),
            Operation::FoundRoot(vec![(key, draft("z"))]),
        ],
    };
    txn.operations.extend(membership());
    txn.operations.extend(restoration());
    txn
}

fn restoration() -> Vec<Operation> {
    let key = configmap("root", "a");
    vec![
        Operation::Learn(Learned {
            group: group("us"),
            rows: vec![Bytes::from_static(b"row")],
            seen: vec![(1, 2, 3)],
            whole: true,
        }),
        Operation::Stage(Stage { id: id("w1"), position: 300, objects: vec![(key, draft("s"))] }),
        Operation::Unstage { id: id("w1") },
        Operation::CreateStaged(vec![NewWorkspace {
            id: id("w1"),
            parent: id("root"),
            name: "org".into(),
            reserved: false,
            content: Bytes::from_static(b"{}"),
            objects: vec![],
        }]),
    ]
}

fn membership() -> Vec<Operation> {
    vec![
        seed(),
        Operation::Membership(MembershipChange::PutMember { version: 1, member: member(3, MemberRole::Learner) }),
        Operation::Membership(MembershipChange::RemoveMember { version: 2, daemon: DaemonId(3) }),
        Operation::Membership(MembershipChange::GrantToken(token("t", MemberRole::Voter, Some("ap")))),
        Operation::Membership(MembershipChange::RevokeToken { id: "t".into() }),
        Operation::Membership(MembershipChange::RedeemToken {
            id: "t".into(),
            secret_hash: [1; 32],
            key: [2; 32],
            member: member(4, MemberRole::Voter),
        }),
        Operation::Membership(MembershipChange::SetNeighbour {
            region: region("us"),
            roster: Roster::new(7, vec![member(8, MemberRole::Voter)]).unwrap(),
        }),
        Operation::Membership(MembershipChange::RemoveRegion { region: region("us") }),
    ]
}

fn outcomes() -> Vec<Outcome> {
    let what = || "x".to_owned();
    vec![
        Outcome::Done { first: Revision(1), last: Revision(300) },
        Outcome::Refused(Refusal::Exists { what: what() }),
        Outcome::Refused(Refusal::Missing { what: what() }),
        Outcome::Refused(Refusal::Changed { current: 7 }),
        Outcome::Refused(Refusal::Deleting { what: what() }),
        Outcome::Refused(Refusal::NotHome { cluster: id("w") }),
        Outcome::Refused(Refusal::NotEmpty { what: what() }),
        Outcome::Refused(Refusal::Cycle { id: id("w") }),
        Outcome::Refused(Refusal::Malformed { why: what() }),
        Outcome::Refused(Refusal::OverQuota {
            quota: what(),
            exceeded: vec![Exceeded { item: what(), used: 5, limit: 300 }],
        }),
        Outcome::Refused(Refusal::Forbidden { why: what() }),
    ]
}

fn escaped(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

#[test]
fn the_second_version_of_a_transaction_stays() {
    let bytes = everything().encode();
    assert_eq!(escaped(&bytes), include_str!("golden/txn-v2.txt").trim_end());
    assert_eq!(Txn::decode(&bytes), Ok(everything()));
}

#[test]
fn the_second_version_of_an_outcome_stays() {
    let lines: Vec<_> = outcomes().iter().map(|outcome| escaped(&outcome.encode())).collect();
    assert_eq!(lines.join("\n"), include_str!("golden/outcome-v2.txt").trim_end());
    for outcome in outcomes() {
        assert_eq!(Outcome::decode(&outcome.encode()), Ok(outcome));
    }
}

#[test]
fn other_bytes_are_refused() {
    let good = everything().encode();
    assert_eq!(Txn::decode(b""), Err(DecodeError::Junk));
    for version in [1, 3] {
        assert_eq!(Txn::decode(&[&[version], &good[1..]].concat()), Err(DecodeError::Version(version)));
    }
    assert_eq!(Txn::decode(&[&good[..], b"x"].concat()), Err(DecodeError::Junk));
    assert_eq!(Txn::decode(&good[..good.len() - 1]), Err(DecodeError::Junk));
    assert_eq!(Txn::decode(&vec![1; TXN_BYTES_MAX + 1]), Err(DecodeError::TooLarge(TXN_BYTES_MAX + 1)));
    let many = Txn { preconditions: vec![Precondition::ClusterHome(id("w")); 16_385], ..everything() };
    assert_eq!(Txn::decode(&many.encode()), Err(DecodeError::Junk));
}

proptest! {
    #[test]
    fn no_bytes_make_decoding_panic(
        bytes in any::<Vec<u8>>(),
        position in any::<proptest::sample::Index>(),
        value in any::<u8>(),
    ) {
        drop((Txn::decode(&bytes), Outcome::decode(&bytes)));
        let mut mutated = everything().encode().to_vec();
        let position = position.index(mutated.len());
        mutated[position] = value;
        if let Ok(txn) = Txn::decode(&mutated) {
            assert_eq!(Txn::decode(&txn.encode()), Ok(txn));
        }
    }
}
