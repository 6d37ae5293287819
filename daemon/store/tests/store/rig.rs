//! Small makers of what the tests talk about.

use bytes::Bytes;
use hanse_base::id::{ClusterId, GroupId, RegionName, Revision};
use hanse_store::history::HistoryLimits;
use hanse_store::key::{Key, Scope};
use hanse_store::machine::Machine;
use hanse_store::object::Draft;
use hanse_store::txn::{NewWorkspace, Operation, Outcome, Precondition, Refusal, Region, Txn};
use hanse_store::workspace::WORKSPACES;

pub(crate) fn id(text: &str) -> ClusterId {
    ClusterId::new(text).unwrap()
}

pub(crate) fn group(text: &str) -> GroupId {
    GroupId::new(text).unwrap()
}

pub(crate) fn key(resource: &str, cluster: &str, namespace: &str, name: &str) -> Key {
    Key::new(resource, &id(cluster), namespace, name).unwrap()
}

pub(crate) fn configmap(cluster: &str, name: &str) -> Key {
    key("configmaps", cluster, "default", name)
}

pub(crate) fn scope(resource: &str, cluster: Option<&str>, namespace: Option<&str>) -> Scope {
    Scope { resource: resource.into(), cluster: cluster.map(id), namespace: namespace.map(str::to_owned) }
}

pub(crate) fn workspaces(parent: &str) -> Scope {
    scope(WORKSPACES, Some(parent), None)
}

pub(crate) fn draft(data: &str) -> Draft {
    draft_with(data, false)
}

pub(crate) fn draft_with(data: &str, deleting: bool) -> Draft {
    let start = r#"{"metadata":{"resourceVersion":""#;
    let bytes = Bytes::from(format!(r#"{start}"}},"data":"{data}"}}"#));
    Draft { bytes, revision_at: u32::try_from(start.len()).unwrap(), deleting, ..Draft::default() }
}

pub(crate) fn txn(operations: Vec<Operation>) -> Txn {
    Txn { time_ms: 1_000_000, preconditions: vec![], operations }
}

pub(crate) fn put(key: &Key, data: &str) -> Operation {
    Operation::Put(key.clone(), draft(data))
}

pub(crate) fn guarded(preconditions: Vec<Precondition>, operations: Vec<Operation>) -> Txn {
    Txn { preconditions, ..txn(operations) }
}

pub(crate) fn content(text: &str, deleting: bool) -> Bytes {
    let deletion = if deleting { r#","deletionTimestamp":"2026-01-02T00:00:00Z""# } else { "" };
    Bytes::from(format!(
        r#"{{"metadata":{{"uid":"u","creationTimestamp":"2026-01-01T00:00:00Z"{deletion}}},"spec":{{"note":"{text}"}}}}"#
    ))
}

pub(crate) fn create(workspace: &str, parent: &str, name: &str) -> Operation {
    Operation::CreateWorkspace(NewWorkspace {
        id: id(workspace),
        parent: id(parent),
        name: name.into(),
        reserved: false,
        content: content("new", false),
        objects: vec![(key("namespaces", workspace, "", "default"), draft("ns"))],
    })
}

pub(crate) fn update(workspace: &str, version: u64, text: &str, deleting: bool) -> Operation {
    Operation::UpdateWorkspace { id: id(workspace), version, content: content(text, deleting), deleting }
}

pub(crate) fn rename(workspace: &str, version: u64, parent: &str, name: &str) -> Operation {
    Operation::MoveWorkspace { id: id(workspace), version, parent: id(parent), name: name.into(), reserved: false }
}

pub(crate) fn describe(region: &str, founder: &str) -> Operation {
    Operation::Describe(Region {
        name: RegionName::new(region).unwrap(),
        url: format!("https://{region}.example:6443"),
        founder: group(founder),
    })
}

/// Applies transactions as one entry of the log, checks everything, and publishes.
pub(crate) fn apply(machine: &mut Machine, txns: &[Txn]) -> Vec<Outcome> {
    let commands: Vec<Bytes> = txns.iter().map(Txn::encode).collect();
    let outcomes = machine.apply_batch(&commands);
    machine.state().check();
    machine.publish();
    outcomes.iter().map(|outcome| Outcome::decode(outcome).unwrap()).collect()
}

/// Applies one transaction that must go through; the revisions of its events.
pub(crate) fn done(machine: &mut Machine, txn: Txn) -> (u64, u64) {
    match apply(machine, &[txn]).remove(0) {
        Outcome::Done { first, last } => (first.0, last.0),
        Outcome::Refused(refusal) => panic!("refused: {refusal}"),
    }
}

/// Applies one transaction that must be refused, and leave nothing behind.
pub(crate) fn refused(machine: &mut Machine, txn: Txn) -> Refusal {
    let before = snapshot(machine);
    match apply(machine, &[txn]).remove(0) {
        Outcome::Done { .. } => panic!("not refused"),
        Outcome::Refused(refusal) => {
            assert!(snapshot(machine) == before, "a refused transaction leaves nothing behind");
            refusal
        }
    }
}

pub(crate) fn machine(name: &str) -> Machine {
    machine_with(name, HistoryLimits::default())
}

/// A group that knows its region; the group `eu` has `root`.
pub(crate) fn machine_with(name: &str, limits: HistoryLimits) -> Machine {
    let mut machine = Machine::with_limits(group(name), limits);
    done(&mut machine, txn(vec![describe(name, "eu")]));
    if name == "eu" {
        done(
            &mut machine,
            txn(vec![Operation::FoundRoot(vec![(key("namespaces", "root", "", "default"), draft("ns"))])]),
        );
    }
    machine
}

pub(crate) fn snapshot(machine: &Machine) -> Vec<u8> {
    let mut bytes = Vec::new();
    machine.picture().write(&mut bytes).unwrap();
    bytes
}

pub(crate) fn data(machine: &Machine, key: &Key) -> Option<String> {
    let object = machine.state().get(key)?;
    let value: serde_json::Value = serde_json::from_slice(&object.bytes()).unwrap();
    assert_eq!(value["metadata"]["resourceVersion"], object.revision().to_string());
    value["data"].as_str().map(str::to_owned)
}

/// A Workspace object as JSON.
pub(crate) fn workspace(machine: &Machine, parent: &str, name: &str) -> Option<serde_json::Value> {
    let object = machine.state().get(&key(WORKSPACES, parent, "", name))?;
    Some(serde_json::from_slice(&object.bytes()).unwrap())
}

/// Names of the workspaces below a parent, as its list shows them.
pub(crate) fn names(machine: &Machine, parent: &str) -> Vec<String> {
    machine.state().list(&workspaces(parent), None).map(|(key, _)| key.name().to_owned()).collect()
}

/// The transactions that bring a group all that it misses of another's documents.
pub(crate) fn missing(from: &Machine, to: &Machine) -> Vec<Txn> {
    let cursor = to.state().cursor(from.state().group());
    let batch = from.state().changes().changes_after(&cursor, usize::MAX, usize::MAX);
    let changes = batch.changes.into_iter().map(|change| {
        let (document, sequence) = (change.document, change.sequence);
        txn(vec![Operation::MergeChanges { document, sequence, changes: vec![change.bytes] }])
    });
    changes.collect()
}

/// Brings all that one group has written to another.
pub(crate) fn deliver(from: &Machine, to: &mut Machine) {
    for txn in missing(from, to) {
        done(to, txn);
    }
}

pub(crate) fn revision(machine: &Machine) -> Revision {
    machine.state().revision()
}
