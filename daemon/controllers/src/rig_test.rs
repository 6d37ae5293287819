//! A group in memory with a desk, and makers of what the tests put into it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hanse_base::id::{ClusterId, GroupId, RegionName};
use hanse_store::home::Home;
use hanse_store::key::Key;
use hanse_store::memory::MemoryHome;
use hanse_store::object::Draft;
use hanse_store::state::State;
use hanse_store::txn::{NewWorkspace, Operation, Outcome, Region, Txn};
use serde_json::{Value, json};

use crate::desk::{Answer, Desk};
use crate::object::{begin_deletion, draft};
use crate::task::{Item, Now};

/// A Sunday in 2026.
pub(crate) const WALL_MS: u64 = 1_795_348_800_000;

/// A group of its own with `root` and some helpers.
pub(crate) struct Group {
    pub(crate) home: Arc<MemoryHome>,
    pub(crate) now: Now,
    pub(crate) desk: Desk,
}

impl Group {
    pub(crate) fn new() -> Self {
        let home = MemoryHome::new(GroupId::new("eu").unwrap());
        let url = "https://127.0.0.1:6443".to_owned();
        let region = Region { name: RegionName::new("eu").unwrap(), url, founder: GroupId::new("eu").unwrap() };
        let group =
            Self { home, now: Now { wall_ms: WALL_MS, monotonic: Duration::from_secs(1) }, desk: Desk::default() };
        group.apply(vec![Operation::Describe(region), Operation::FoundRoot(Vec::new())]);
        group
    }

    pub(crate) fn state(&self) -> Arc<State> {
        self.home.view()
    }

    pub(crate) fn delete(&self, key: &Key) {
        self.apply(vec![Operation::Delete(key.clone())]);
    }

    pub(crate) fn exists(&self, key: &Key) -> bool {
        self.state().get(key).is_some()
    }

    pub(crate) fn apply(&self, operations: Vec<Operation>) {
        let txn = Txn { time_ms: WALL_MS, preconditions: Vec::new(), operations };
        let outcome = self.home.apply(&[txn]).remove(0);
        assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    }

    pub(crate) fn put(&self, key: &Key, value: &Value) {
        self.apply(vec![Operation::Put(key.clone(), draft(value))]);
    }

    pub(crate) fn create_workspace(&self, id: &str, parent: &str, content: &Value) {
        let new = NewWorkspace {
            id: cluster(id),
            parent: cluster(parent),
            name: id.to_owned(),
            reserved: false,
            content: Bytes::from(content.to_string()),
            objects: vec![
                (key("logicalclusters.core.kcp.io", id, "", "cluster"), draft(&object("cluster", "", &[]))),
                (key("namespaces", id, "", "default"), draft(&namespace("default"))),
                (key("serviceaccounts", id, "default", "default"), draft(&object("default", "default", &[]))),
            ],
        };
        self.apply(vec![Operation::CreateWorkspace(new)]);
    }

    pub(crate) fn delete_workspace(&self, id: &str) {
        let state = self.state();
        let row = &state.tree().get(&cluster(id)).unwrap().row;
        let mut content: Value = serde_json::from_slice(&row.content).unwrap();
        begin_deletion(&mut content, WALL_MS);
        content["status"]["phase"] = "Deleting".into();
        self.apply(vec![Operation::UpdateWorkspace {
            id: cluster(id),
            version: row.version,
            content: Bytes::from(content.to_string()),
            deleting: true,
        }]);
    }

    pub(crate) fn delete_namespace(&self, cluster: &str, name: &str) {
        let mut value = namespace(name);
        begin_deletion(&mut value, WALL_MS);
        value["status"]["phase"] = "Terminating".into();
        self.put(&key("namespaces", cluster, "", name), &value);
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Value> {
        self.state().get(key).map(|object| serde_json::from_slice(&object.bytes()).unwrap())
    }

    /// Lets the desk work until it has nothing to do for the next minute. Returns the number of transactions.
    pub(crate) fn settle(&mut self) -> usize {
        self.settle_with(|_| Fate::Answered)
    }

    /// As [`Group::settle`], and `fate` decides what becomes of each transaction.
    pub(crate) fn settle_with(&mut self, mut fate: impl FnMut(&Txn) -> Fate) -> usize {
        let mut submitted = 0;
        for _ in 0..10_000 {
            let state = self.state();
            self.desk.observe(&state, self.now);
            let work = self.desk.plan(&state, self.now);
            self.desk.check();
            let items: BTreeSet<&Item> = work.iter().map(|work| &work.item).collect();
            assert_eq!(items.len(), work.len(), "what is under way at once is for different items");
            if work.is_empty() {
                match self.desk.due() {
                    Some(due) if due < self.now.monotonic + Duration::from_secs(60) => {
                        self.now.monotonic = due.max(self.now.monotonic);
                        continue;
                    }
                    _ => return submitted,
                }
            }
            for work in work {
                submitted += 1;
                match fate(&work.txn) {
                    Fate::Answered => {
                        let outcome = self.home.apply(&[work.txn]).remove(0);
                        self.desk.answered(work.item, &Answer::Outcome(outcome), self.now);
                    }
                    Fate::Lost => self.desk.answered(work.item, &Answer::None, self.now),
                    Fate::Unknown => {
                        self.home.apply(&[work.txn]);
                        self.desk.answered(work.item, &Answer::None, self.now);
                    }
                    Fate::Twice => {
                        let outcome = self.home.apply(&[work.txn.clone(), work.txn]).remove(0);
                        self.desk.answered(work.item, &Answer::Outcome(outcome), self.now);
                    }
                    Fate::Crash => {
                        self.desk = Desk::default();
                        break;
                    }
                    Fate::CrashAfter => {
                        self.home.apply(&[work.txn]);
                        self.desk = Desk::default();
                        break;
                    }
                }
            }
        }
        panic!("the desk comes to no end");
    }

    /// Everything that readers can see, but for revisions and versions.
    pub(crate) fn picture(&self) -> (BTreeMap<Key, Draft>, BTreeMap<ClusterId, (bool, Bytes)>) {
        let state = self.state();
        let mut objects = BTreeMap::new();
        for resource in state.resources() {
            let scope = hanse_store::key::Scope { resource: resource.to_owned(), cluster: None, namespace: None };
            objects.extend(state.list(&scope, None).map(|(key, object)| (key.clone(), object.draft())));
        }
        let rows = state.tree().iter().map(|(id, node)| (id.clone(), (node.row.deleted, node.row.content.clone())));
        (objects, rows.collect())
    }
}

/// What becomes of a transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    Answered,
    Lost,
    Unknown,
    Twice,
    Crash,
    CrashAfter,
}

pub(crate) fn cluster(id: &str) -> ClusterId {
    ClusterId::new(id).unwrap()
}

pub(crate) fn key(resource: &str, id: &str, namespace: &str, name: &str) -> Key {
    Key::new(resource, &cluster(id), namespace, name).unwrap()
}

pub(crate) fn object(name: &str, namespace: &str, finalizers: &[&str]) -> Value {
    let mut value = json!({"metadata": {"name": name, "resourceVersion": ""}});
    if !namespace.is_empty() {
        value["metadata"]["namespace"] = namespace.into();
    }
    if !finalizers.is_empty() {
        value["metadata"]["finalizers"] = finalizers.into();
    }
    value
}

pub(crate) fn namespace(name: &str) -> Value {
    let mut value = object(name, "", &[]);
    value["spec"] = json!({"finalizers": ["kubernetes"]});
    value["status"] = json!({"phase": "Active"});
    value
}

pub(crate) fn workspace() -> Value {
    json!({"metadata": {"finalizers": ["core.kcp.io/logicalcluster"]}, "status": {"phase": "Ready"}})
}

pub(crate) fn condition(value: &Value, kind: &str) -> Value {
    let list = value["status"]["conditions"].as_array().cloned().unwrap_or_default();
    list.into_iter().find(|condition| condition["type"] == kind).unwrap_or_default()
}
