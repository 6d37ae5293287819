//! Random things that clients and peers do, so small a world that they meet all the time.

use bytes::Bytes;
use hanse_base::id::Revision;
use hanse_store::key::Key;
use hanse_store::machine::Machine;
use hanse_store::object::Draft;
use hanse_store::txn::{Operation, Precondition, Txn};
use proptest::prelude::{Just, Strategy, any, prop_oneof};

use crate::rig::{create, draft_with, guarded, id, key, rename, update};

#[derive(Debug, Clone)]
pub(crate) enum Act {
    Put { at: Place, text: u8, deleting: bool, guard: bool },
    Delete { at: Place, guard: bool },
    Create { workspace: u8, parent: u8, name: u8 },
    Update { workspace: u8, deleting: bool, stale: bool },
    Move { workspace: u8, parent: u8, name: u8 },
    Finish { workspace: u8 },
    Empty { workspace: u8 },
    Reserve { workspace: u8, parent: u8, name: u8 },
    Junk { bytes: Vec<u8> },
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    cluster: u8,
    resource: u8,
    namespace: u8,
    name: u8,
}

impl Place {
    pub(crate) fn key(self) -> Key {
        let cluster = cluster(self.cluster);
        let (resource, namespace, name) = (self.resource % 4, self.namespace % 2, self.name % 3);
        match resource {
            0 => key("namespaces", &cluster, "", &format!("ns{namespace}")),
            1 => key("secrets", &cluster, &format!("ns{namespace}"), &format!("o{name}")),
            _ => key("configmaps", &cluster, &format!("ns{namespace}"), &format!("o{name}")),
        }
    }
}

/// The clusters of all groups: `root`, `system:x`, and workspaces.
pub(crate) fn cluster(number: u8) -> String {
    match number % 8 {
        0 => "root".into(),
        1 => "system:x".into(),
        other => format!("w{other}"),
    }
}

fn workspace(number: u8) -> String {
    format!("w{}", 2 + number % 6)
}

pub(crate) fn place() -> impl Strategy<Value = Place> {
    any::<(u8, u8, u8, u8)>().prop_map(|(cluster, resource, namespace, name)| Place {
        cluster,
        resource,
        namespace,
        name,
    })
}

pub(crate) fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (place(), any::<u8>(), any::<u8>(), any::<bool>())
            .prop_map(|(at, text, deleting, guard)| Act::Put { at, text, deleting: deleting < 40, guard }),
        3 => (place(), any::<bool>()).prop_map(|(at, guard)| Act::Delete { at, guard }),
        5 => any::<(u8, u8, u8)>().prop_map(|(workspace, parent, name)| Act::Create { workspace, parent, name }),
        4 => any::<(u8, bool, u8)>()
            .prop_map(|(workspace, deleting, stale)| Act::Update { workspace, deleting, stale: stale < 30 }),
        4 => any::<(u8, u8, u8)>().prop_map(|(workspace, parent, name)| Act::Move { workspace, parent, name }),
        3 => any::<u8>().prop_map(|workspace| Act::Empty { workspace }),
        3 => any::<u8>().prop_map(|workspace| Act::Finish { workspace }),
        2 => any::<(u8, u8, u8)>().prop_map(|(workspace, parent, name)| Act::Reserve { workspace, parent, name }),
        1 => proptest::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Act::Junk { bytes }),
        1 => Just(Act::Junk { bytes: vec![] }),
    ]
}

/// What the act is for a client that sees the machine's state now.
pub(crate) fn command(act: &Act, machine: &Machine, time_ms: u64) -> Bytes {
    let state = machine.state();
    let version = |workspace: &str| state.tree().get(&id(workspace)).map_or(1, |node| node.row.version);
    let seen = |key: &Key| match state.get(key) {
        Some(object) => vec![Precondition::At(key.clone(), object.revision())],
        None => vec![Precondition::Absent(key.clone())],
    };
    let name = |name: u8| format!("n{}", name % 3);
    let txn = match act {
        Act::Put { at, text, deleting, guard } => {
            let owners = (0..text % 3).map(|number| format!("u{number}").into_boxed_str()).collect();
            let draft = Draft { owners, held: text % 5 == 0, ..draft_with(&text.to_string(), *deleting) };
            let mut guards = if *guard { seen(&at.key()) } else { vec![] };
            // What depends on the notes of changes shows whether replicas have the same.
            if text % 7 == 0 {
                let (cluster, resource) = (at.key().cluster(), at.key().resource().to_owned());
                guards.push(match text % 2 {
                    0 => Precondition::ResourceEmpty { cluster, resource },
                    _ => Precondition::ResourceUnchanged { cluster, resource, since: Revision(u64::from(*text)) },
                });
            }
            guarded(guards, vec![Operation::Put(at.key(), draft)])
        }
        Act::Delete { at, guard } => {
            guarded(if *guard { seen(&at.key()) } else { vec![] }, vec![Operation::Delete(at.key())])
        }
        Act::Create { workspace: number, parent, name: label } => {
            guarded(vec![], vec![create(&workspace(*number), &cluster(*parent), &name(*label))])
        }
        Act::Update { workspace: number, deleting, stale } => {
            let workspace = workspace(*number);
            let version = version(&workspace) + u64::from(*stale);
            guarded(vec![], vec![update(&workspace, version, "again", *deleting)])
        }
        Act::Move { workspace: number, parent, name: label } => {
            let workspace = workspace(*number);
            guarded(vec![], vec![rename(&workspace, version(&workspace), &cluster(*parent), &name(*label))])
        }
        Act::Empty { workspace: number } => {
            let workspace = id(&workspace(*number));
            let own = |key: &&Key| key.resource() != hanse_store::workspace::WORKSPACES;
            let keys = state.cluster_content(&workspace, None).filter(own).cloned();
            guarded(vec![], keys.map(Operation::Delete).collect())
        }
        Act::Finish { workspace: number } => {
            guarded(vec![], vec![Operation::FinishWorkspace { id: id(&workspace(*number)) }])
        }
        Act::Reserve { workspace: number, parent, name: label } => {
            let (parent, name, id) = (id(&cluster(*parent)), name(*label), id(&workspace(*number)));
            guarded(vec![], vec![Operation::ReserveName { parent, name, id }])
        }
        Act::Junk { bytes } => return Bytes::from(bytes.clone()),
    };
    Txn { time_ms, ..txn }.encode()
}
