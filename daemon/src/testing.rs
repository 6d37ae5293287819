//! Groups in memory, for tests of this room.

use std::sync::Arc;

use bytes::Bytes;
use hanse_base::id::{ClusterId, GroupId, RegionName};
use hanse_store::memory::MemoryHome;
use hanse_store::txn::{NewWorkspace, Operation, Outcome, Region, Txn};

pub(crate) fn cluster(id: &str) -> ClusterId {
    ClusterId::new(id).unwrap()
}

pub(crate) fn txn(operation: Operation) -> Txn {
    Txn { time_ms: 1_000, preconditions: Vec::new(), operations: vec![operation] }
}

/// A group of a federation that `eu` has founded.
pub(crate) fn group(name: &str) -> Arc<MemoryHome> {
    let founder = GroupId::new("eu").unwrap();
    let home = MemoryHome::new(GroupId::new(name).unwrap());
    let region = Region { name: RegionName::new(name).unwrap(), url: format!("https://{name}"), founder };
    let mut outcomes = home.apply(&[txn(Operation::Describe(region))]);
    if name == "eu" {
        outcomes.extend(home.apply(&[txn(Operation::FoundRoot(Vec::new()))]));
    }
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Done { .. })), "{outcomes:?}");
    home
}

/// Makes a workspace in the group.
pub(crate) fn create(home: &MemoryHome, parent: &str, name: &str, id: &str) {
    let new = NewWorkspace {
        id: cluster(id),
        parent: cluster(parent),
        name: name.to_owned(),
        reserved: false,
        content: Bytes::from_static(br#"{"metadata":{},"spec":{},"status":{"phase":"Ready"}}"#),
        objects: Vec::new(),
    };
    let outcomes = home.apply(&[txn(Operation::CreateWorkspace(new))]);
    assert!(matches!(outcomes[..], [Outcome::Done { .. }]), "{outcomes:?}");
}

/// The configuration of the only daemon of `eu`, in a federation with `us`.
pub(crate) fn config() -> crate::config::Config {
    let text = r#"federation = "a1b2c3d4"
region = "eu"
daemon = 7
founder = "eu"
[api]
listen = "127.0.0.1:6443"
url = "https://127.0.0.1:6443"
certificate = "api.crt"
key = "api.key"
client_ca = "client-ca.crt"
tokens = "tokens.csv"
[peers]
listen = "127.0.0.1:6444"
certificate = "peer.crt"
key = "peer.key"
ca = "peer-ca.crt"
[[member]]
daemon = 7
region = "eu"
name = "eu-1"
peers = "127.0.0.1:6444"
api = "https://127.0.0.1:6443"
[[member]]
daemon = 8
region = "us"
name = "us-1"
peers = "127.0.0.1:6454"
api = "https://127.0.0.1:6453"
"#;
    crate::config::Config::parse(text, std::path::Path::new("d/hansed.toml")).unwrap()
}
