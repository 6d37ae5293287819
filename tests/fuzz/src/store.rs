//! The state machine: commands of the log, snapshots of the state, backups of workspaces, and the file that they come in.

use std::io::{Read, Write};
use std::net::SocketAddr;

use bytes::Bytes;
use hanse_backup::head::{Head, Subject};
use hanse_backup::reader::Reader;
use hanse_backup::writer::Writer;
use hanse_base::id::{DaemonId, RegionName, Revision};
use hanse_store::backup::{ClusterReader, Saved};
use hanse_store::history::HistoryLimits;
use hanse_store::key::Key;
use hanse_store::machine::Machine;
use hanse_store::object::Draft;
use hanse_store::roster::{Member, MemberRole, MembershipChange};
use hanse_store::snapshot::restore;
use hanse_store::staged::Stage;
use hanse_store::state::State;
use hanse_store::txn::{NewWorkspace, Operation, Outcome, Precondition, Region, Txn};
use hanse_tree::document::DocumentId;

use crate::input;
use crate::names::{group, id};
use crate::target::Target;

pub(crate) const TARGETS: &[Target] = &[
    Target { name: "store-command", run: command, seeds: || txns().iter().map(|txn| txn.encode().to_vec()).collect() },
    Target { name: "store-outcome", run: outcome, seeds: outcomes },
    Target { name: "store-apply", run: apply, seeds: || vec![input::framed(txns().iter().map(Txn::encode))] },
    Target { name: "store-snapshot", run: snapshot, seeds: snapshots },
    Target { name: "store-backup", run: backup, seeds: backups },
    Target { name: "backup-file", run: backup_file, seeds: backup_files },
];

fn key(resource: &str, cluster: &str, namespace: &str, name: &str) -> Key {
    Key::new(resource, &id(cluster), namespace, name).expect("it is a key")
}

fn draft(data: &str) -> Draft {
    let start = r#"{"metadata":{"uid":"u","resourceVersion":""#;
    let bytes = Bytes::from(format!(r#"{start}"}},"data":"{data}"}}"#));
    Draft { bytes, revision_at: u32::try_from(start.len()).expect("it is short"), ..Draft::default() }
}

fn region() -> RegionName {
    RegionName::new("eu").expect("it is a name")
}

fn workspace(own: &str, parent: &str, name: &str) -> NewWorkspace {
    NewWorkspace {
        id: id(own),
        parent: id(parent),
        name: name.to_owned(),
        reserved: false,
        content: Bytes::from_static(br#"{"metadata":{"uid":"u"},"spec":{},"status":{"phase":"Ready"}}"#),
        objects: vec![(key("namespaces", own, "", "default"), draft("ns"))],
    }
}

/// A life of a group in few transactions.
fn txns() -> Vec<Txn> {
    let settings = key("configmaps", "root", "default", "settings");
    let member = |number: u16| Member {
        daemon: DaemonId(number.into()),
        name: format!("eu-{number}"),
        role: MemberRole::Voter,
        drained: false,
        peers: SocketAddr::from(([127, 0, 0, 1], 7000 + number)),
        api: String::new(),
    };
    let deleting = Bytes::from_static(br#"{"metadata":{"deletionTimestamp":"2026-01-02T00:00:00Z"}}"#);
    let foreign = DocumentId { group: group("us"), ordinal: 0, generation: 0 };
    let operations = [
        vec![Operation::Describe(Region { name: region(), url: "https://eu".into(), founder: group("eu") })],
        vec![Operation::FoundRoot(vec![(key("namespaces", "root", "", "default"), draft("ns"))])],
        vec![Operation::Membership(MembershipChange::Seed { members: vec![member(1)], neighbours: Vec::new() })],
        vec![Operation::Membership(MembershipChange::PutMember { version: 1, member: member(2) })],
        vec![Operation::CreateWorkspace(workspace("w1", "root", "org"))],
        vec![Operation::ReserveName { parent: id("root"), name: "next".into(), id: id("w2") }],
        vec![Operation::CreateWorkspace(workspace("w2", "root", "next"))],
        vec![Operation::MoveWorkspace {
            id: id("w2"),
            version: 1,
            parent: id("w1"),
            name: "n".into(),
            reserved: false,
        }],
        vec![Operation::Put(settings.clone(), draft("a")), Operation::Delete(settings)],
        vec![Operation::UpdateWorkspace { id: id("w2"), version: 2, content: deleting, deleting: true }],
        vec![Operation::Delete(key("namespaces", "w2", "", "default"))],
        vec![Operation::FinishWorkspace { id: id("w2") }],
        vec![Operation::Stage(Stage {
            id: id("w3"),
            position: 0,
            objects: vec![(key("namespaces", "w3", "", "default"), draft("ns"))],
        })],
        vec![Operation::CreateStaged(vec![NewWorkspace { objects: Vec::new(), ..workspace("w3", "root", "back") }])],
        vec![Operation::MergeChanges { document: foreign, sequence: 1, changes: vec![Bytes::from_static(b"junk")] }],
    ];
    let guard = Precondition::CountBelow {
        cluster: id("root"),
        namespace: "default".into(),
        resource: "configmaps".into(),
        limit: 5,
        quota: "q".into(),
        item: "count/configmaps".into(),
    };
    let unchanged =
        Precondition::ResourceUnchanged { cluster: id("root"), resource: "secrets".into(), since: Revision(1) };
    let mut txns: Vec<Txn> = operations
        .into_iter()
        .map(|operations| Txn { time_ms: 1_000_000, preconditions: Vec::new(), operations })
        .collect();
    txns[8].preconditions = vec![guard, unchanged, Precondition::ClusterLive(id("root"))];
    txns
}

/// A command of the log: what is read is written and read as the same.
fn command(bytes: &[u8]) -> bool {
    let Ok(txn) = Txn::decode(bytes) else { return false };
    assert_eq!(Txn::decode(&txn.encode()), Ok(txn));
    true
}

/// What came of a command: what is read is written and read as the same.
fn outcome(bytes: &[u8]) -> bool {
    let Ok(outcome) = Outcome::decode(bytes) else { return false };
    assert_eq!(Outcome::decode(&outcome.encode()), Ok(outcome));
    true
}

fn outcomes() -> Vec<Vec<u8>> {
    let mut machine = Machine::new(group("eu"));
    let commands: Vec<Bytes> = txns().iter().map(Txn::encode).chain([Bytes::new()]).collect();
    machine.apply_batch(&commands).iter().map(|outcome| outcome.to_vec()).collect()
}

/// Commands, each behind its length: whatever they are, the state keeps its relations, and two replicas are the same.
fn apply(bytes: &[u8]) -> bool {
    let commands: Vec<Bytes> = input::frames(bytes).into_iter().map(Bytes::copy_from_slice).take(32).collect();
    let [mut one, mut other] = [(); 2].map(|()| Machine::new(group("eu")));
    for command in commands.chunks(3) {
        assert_eq!(one.apply_batch(command), other.apply_batch(command));
        one.state().check();
        one.publish();
    }
    let written = written(one.state());
    assert!(written == self::written(other.state()), "two replicas have the same bytes");
    let restored =
        restore(&mut &written[..], &group("eu"), HistoryLimits::default()).expect("what was written is read");
    assert!(self::written(&restored) == written, "a snapshot is the whole state");
    one.state().revision() > Machine::new(group("eu")).state().revision()
}

fn written(state: &State) -> Vec<u8> {
    let mut bytes = Vec::new();
    state.write(&mut bytes).expect("memory takes everything");
    bytes
}

fn grown() -> Machine {
    let mut machine = Machine::new(group("eu"));
    let _outcomes = machine.apply_batch(&txns().iter().map(Txn::encode).collect::<Vec<_>>());
    machine
}

/// A snapshot of the state: what is taken in keeps the state's relations, also when it goes on, and is written as what it is.
fn snapshot(bytes: &[u8]) -> bool {
    let read = |mut bytes: &[u8]| restore(&mut bytes, &group("eu"), HistoryLimits::default());
    let Ok(state) = read(bytes) else { return false };
    state.check();
    let once = written(&state);
    assert!(written(&read(&once).expect("what was written is read")) == once);
    let mut machine = Machine::new(group("eu"));
    machine.restore(&mut &once[..]).expect("what was written is read");
    let _outcomes = machine.apply_batch(&txns().iter().map(Txn::encode).collect::<Vec<_>>());
    machine.state().check();
    true
}

fn snapshots() -> Vec<Vec<u8>> {
    vec![written(grown().state()), written(Machine::new(group("eu")).state())]
}

/// The workspaces of a backup: an object belongs to the workspace that came before it.
fn backup(bytes: &[u8]) -> bool {
    let Ok(mut reader) = ClusterReader::new(bytes) else { return false };
    let mut cluster = None;
    loop {
        match reader.next_saved() {
            Ok(Some(Saved::Cluster(saved))) => cluster = Some(saved.id),
            Ok(Some(Saved::Object { key, .. })) => assert_eq!(Some(key.cluster()), cluster),
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

fn backups() -> Vec<Vec<u8>> {
    let machine = grown();
    let mut bytes = Vec::new();
    machine.state().write_clusters(&[id("w1"), id("w3")], &mut bytes).expect("they are at home here");
    vec![bytes]
}

/// A backup file as it is, and one with the head that comes first and the body behind it: this one reads as it was written.
fn backup_file(bytes: &[u8]) -> bool {
    let raw = hanse_backup::reader::verify(bytes).is_ok();
    let [head, body] = input::parts(bytes);
    let Ok(head) = serde_json::from_slice::<Head>(head) else { return raw };
    let mut writer = Writer::new(Vec::new(), &head).expect("heads of few bytes are written");
    writer.write_all(body).expect("memory takes everything");
    let (file, whole) = writer.finish().expect("memory takes everything");
    let (mut reader, read) = Reader::new(&file[..]).expect("what was written is read");
    let mut contents = Vec::new();
    reader.read_to_end(&mut contents).expect("what was written is read");
    assert_eq!((read, contents), (head, body.to_vec()));
    assert_eq!(reader.finish().expect("what was written is whole"), whole);
    true
}

fn backup_files() -> Vec<Vec<u8>> {
    let head = Head {
        subject: Subject::Workspace { path: "root:org".into(), cluster: "w1".into(), recursive: true },
        federation: "f".into(),
        region: "eu".into(),
        group: "eu".into(),
        revision: 42,
        time_ms: 1_700_000_000_000,
        daemon_version: "0.1.0".into(),
        term: 3,
        index: 99,
        workspaces: 2,
        objects: 7,
    };
    let text = serde_json::to_string(&head).expect("it is written to memory");
    let mut writer = Writer::new(Vec::new(), &head).expect("it is short");
    writer.write_all(b"body").expect("memory takes everything");
    vec![input::joined([&text, "body"]), writer.finish().expect("memory takes everything").0]
}
