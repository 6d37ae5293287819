//! Daemons that are no daemons: one store in memory behind the port of clients, which loses answers. The workloads run on it in
//! tests, so that what they do and what the checkers expect of it fit together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::port::{Answer, BoxFuture, Client, Events, NoAnswer, Opened, Request, Target};
use crate::random::Random;

/// What is wrong with the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Now and then a write is acknowledged and never happens.
    LosesWrites,
    /// Now and then a watch leaves out an event.
    LosesEvents,
    /// Reads of one daemon show what was there a while ago.
    IsStale,
    /// Two workspaces may have one name.
    SharesNames,
}

pub(crate) struct Fake {
    store: Arc<Mutex<Store>>,
    changed: watch::Sender<u64>,
    flaw: Option<Flaw>,
}

struct Store {
    random: Random,
    revision: u64,
    /// By logical cluster and name.
    objects: BTreeMap<(String, String), Value>,
    /// Every event: its revision, its logical cluster, its line.
    log: Vec<(u64, String, Value)>,
    /// By id.
    workspaces: BTreeMap<String, Value>,
}

const DAEMONS: [(&str, &str); 4] = [("eu-1", "eu"), ("eu-2", "eu"), ("us-1", "us"), ("ap-1", "ap")];
/// How far behind the stale daemon is, in events.
const STALE_EVENTS: usize = 6;

impl Fake {
    pub(crate) fn new(seed: u64, flaw: Option<Flaw>) -> Self {
        let store = Store {
            random: Random::of(seed, "fake"),
            revision: 100,
            objects: BTreeMap::new(),
            log: Vec::new(),
            workspaces: BTreeMap::new(),
        };
        Self { store: Arc::new(Mutex::new(store)), changed: watch::Sender::new(0), flaw }
    }

    fn with<T>(&self, look: impl FnOnce(&mut Store) -> T) -> T {
        look(&mut self.store.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Client for Fake {
    fn targets(&self) -> Vec<Target> {
        DAEMONS.iter().map(|(name, region)| Target { name: (*name).to_owned(), region: (*region).to_owned() }).collect()
    }

    fn request<'a>(&'a self, daemon: &'a str, request: Request) -> BoxFuture<'a, Result<Answer, NoAnswer>> {
        Box::pin(async move {
            let (luck, first, second) = self.with(|store| {
                let mut delay = || Duration::from_micros(200 + store.random.below(4_000));
                let (first, second) = (delay(), delay());
                (store.random.below(100), first, second)
            });
            tokio::time::sleep(first).await;
            if luck < 3 {
                return Err(NoAnswer::NotSent("refused".to_owned()));
            }
            if luck < 5 {
                return Err(NoAnswer::Unknown("lost on the way".to_owned()));
            }
            let flaw = self.flaw;
            let answer = self.with(|store| store.answer(daemon, &request, flaw));
            self.changed.send_modify(|changes| *changes += 1);
            tokio::time::sleep(second).await;
            if luck < 7 { Err(NoAnswer::Unknown("lost on the way back".to_owned())) } else { Ok(answer) }
        })
    }

    fn watch<'a>(&'a self, _daemon: &'a str, path: &'a str) -> BoxFuture<'a, Result<Opened, NoAnswer>> {
        Box::pin(async move {
            let (path, query) = path.split_once('?').unwrap_or((path, ""));
            let cluster = path.split('/').nth(2).unwrap_or_default().to_owned();
            let begin: Option<u64> = parameter(query, "resourceVersion").and_then(|text| text.parse().ok());
            let (lines, revision, chance) = self.with(|store| {
                let initial = if begin.is_none() { store.initial(&cluster) } else { Vec::new() };
                (initial, store.revision, store.random.below(100))
            });
            if chance < 3 {
                let body = json!({"code": 410, "reason": "Expired", "message": "too old"});
                return Ok(Opened::Refused(Answer { status: 410, body }));
            }
            let stream = FakeEvents {
                store: Arc::clone(&self.store),
                changed: self.changed.subscribe(),
                cluster,
                position: begin.unwrap_or(revision),
                lines: lines.into(),
                flaw: self.flaw,
            };
            Ok(Opened::Stream(Box::new(stream)))
        })
    }
}

struct FakeEvents {
    store: Arc<Mutex<Store>>,
    changed: watch::Receiver<u64>,
    cluster: String,
    position: u64,
    lines: std::collections::VecDeque<Value>,
    flaw: Option<Flaw>,
}

impl FakeEvents {
    fn ready(&mut self) -> Option<Value> {
        if let Some(line) = self.lines.pop_front() {
            return Some(line);
        }
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let own =
            |(revision, cluster, _): &&(u64, String, Value)| *revision > self.position && *cluster == self.cluster;
        let mut found: Vec<(u64, Value)> =
            store.log.iter().filter(own).take(2).map(|(revision, _, line)| (*revision, line.clone())).collect();
        if self.flaw == Some(Flaw::LosesEvents) && found.len() > 1 && store.random.below(100) < 5 {
            found.remove(0);
        }
        let (revision, line) = found.into_iter().next()?;
        self.position = revision;
        Some(line)
    }
}

impl Events for FakeEvents {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Value>, NoAnswer>> {
        Box::pin(async move {
            loop {
                self.changed.mark_unchanged();
                if let Some(line) = self.ready() {
                    return Ok(Some(line));
                }
                if self.changed.changed().await.is_err() {
                    return Ok(None);
                }
            }
        })
    }
}

fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(own, _)| *own == name).map(|(_, value)| value)
}

fn status(code: u16, reason: &str, (kind, name): (&str, &str)) -> Answer {
    let body = json!({"code": code, "reason": reason, "message": "no", "details": {"kind": kind, "name": name}});
    Answer { status: code, body }
}

fn good(status: u16, body: Value) -> Answer {
    Answer { status, body }
}

fn revision_of(object: &Value) -> u64 {
    super::outcome::revision(object).unwrap_or(0)
}

impl Store {
    fn initial(&self, cluster: &str) -> Vec<Value> {
        let own = self.objects.iter().filter(|((own, _), _)| own == cluster);
        let mut lines: Vec<Value> = own.map(|(_, object)| json!({"type": "ADDED", "object": object})).collect();
        let mark = json!({"metadata": {"resourceVersion": self.revision.to_string()}});
        lines.push(json!({"type": "BOOKMARK", "object": mark}));
        lines
    }

    fn answer(&mut self, daemon: &str, request: &Request, flaw: Option<Flaw>) -> Answer {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match parts.as_slice() {
            ["clusters", cluster, "api", "v1", "namespaces", "default", "configmaps", rest @ ..] => {
                if self.id(cluster).is_none() {
                    return status(404, "NotFound", ("logicalclusters", cluster));
                }
                let is_stale = flaw == Some(Flaw::IsStale) && daemon == "us-1";
                match (request.method, rest) {
                    ("GET", []) => self.list(cluster, query),
                    ("GET", [name]) if is_stale => self.stale(cluster, name),
                    ("GET", [name]) => self.get(cluster, name),
                    _ => self.write(cluster, request, rest.first().copied(), flaw),
                }
            }
            ["clusters", cluster, "apis", "tenancy.kcp.io", "v1alpha1", "workspaces", rest @ ..] => {
                self.workspaces(cluster, request, rest, flaw)
            }
            _ => status(404, "NotFound", ("", "")),
        }
    }

    /// The id of a logical cluster that is named by id or path.
    fn id(&self, cluster: &str) -> Option<String> {
        if cluster == "root" || self.workspaces.contains_key(cluster) {
            return Some(cluster.to_owned());
        }
        let (parent, name) = cluster.rsplit_once(':')?;
        self.child(&self.id(parent)?, name)
    }

    fn child(&self, parent: &str, name: &str) -> Option<String> {
        let is_it = |node: &Value| {
            node["metadata"]["annotations"]["kcp.io/cluster"] == parent && node["metadata"]["name"] == name
        };
        self.workspaces.iter().find(|(_, node)| is_it(node)).map(|(id, _)| id.clone())
    }

    fn list(&self, cluster: &str, query: &str) -> Answer {
        let limit: usize = parameter(query, "limit").and_then(|text| text.parse().ok()).unwrap_or(usize::MAX);
        // The token is the revision of the first page and the last name that was shown.
        let token = parameter(query, "continue").and_then(|token| token.split_once('.'));
        let (revision, after) = match token {
            Some((revision, after)) => (revision.parse().unwrap_or(0), after.to_owned()),
            None => (self.revision, String::new()),
        };
        let own = self
            .objects
            .iter()
            .filter(|((own, name), object)| own == cluster && *name > after && revision_of(object) <= revision);
        let all: Vec<&Value> = own.map(|(_, object)| object).collect();
        let page = &all[..all.len().min(limit)];
        let next = page.last().filter(|_| page.len() < all.len()).map(|last| super::objects::name(last));
        let token = next.map_or(String::new(), |name| format!("{revision}.{name}"));
        good(200, json!({"metadata": {"resourceVersion": revision.to_string(), "continue": token}, "items": page}))
    }

    fn get(&self, cluster: &str, name: &str) -> Answer {
        match self.objects.get(&(cluster.to_owned(), name.to_owned())) {
            Some(object) => good(200, object.clone()),
            None => status(404, "NotFound", ("configmaps", name)),
        }
    }

    /// The object as it was some events ago.
    fn stale(&self, cluster: &str, name: &str) -> Answer {
        let past = &self.log[..self.log.len().saturating_sub(STALE_EVENTS)];
        let own = |(_, own, line): &&(u64, String, Value)| own == cluster && line["object"]["metadata"]["name"] == name;
        match past.iter().rfind(own) {
            Some((_, _, line)) if line["type"] != "DELETED" => good(200, line["object"].clone()),
            _ => status(404, "NotFound", ("configmaps", name)),
        }
    }

    fn write(&mut self, cluster: &str, request: &Request, name: Option<&str>, flaw: Option<Flaw>) -> Answer {
        let name = name.unwrap_or_else(|| super::objects::name(&request.body)).to_owned();
        let key = (cluster.to_owned(), name.clone());
        let about = ("configmaps", name.as_str());
        let own = self.objects.get(&key).cloned();
        let expect = match request.method {
            "DELETE" => request.body.pointer("/preconditions/resourceVersion").cloned(),
            _ => request.body.pointer("/metadata/resourceVersion").cloned(),
        };
        let word = match (request.method, &own) {
            ("POST", Some(_)) => return status(409, "AlreadyExists", about),
            ("POST", None) => "ADDED",
            (_, None) => return status(404, "NotFound", about),
            (_, Some(own)) if expect.as_ref().is_some_and(|expect| *expect != own["metadata"]["resourceVersion"]) => {
                return status(409, "Conflict", about);
            }
            ("DELETE", _) => "DELETED",
            _ => "MODIFIED",
        };
        self.revision += 1 + self.random.below(2);
        let mut object = if word == "DELETED" { own.unwrap_or_default() } else { request.body.clone() };
        object["metadata"]["resourceVersion"] = Value::from(self.revision.to_string());
        let code = if word == "ADDED" { 201 } else { 200 };
        if flaw == Some(Flaw::LosesWrites) && self.random.below(100) < 3 {
            return good(code, object);
        }
        self.log.push((self.revision, cluster.to_owned(), json!({"type": word, "object": object})));
        if word == "DELETED" {
            self.objects.remove(&key);
            return good(200, json!({"kind": "Status", "status": "Success"}));
        }
        self.objects.insert(key, object.clone());
        good(code, object)
    }

    fn workspaces(&mut self, cluster: &str, request: &Request, rest: &[&str], flaw: Option<Flaw>) -> Answer {
        if cluster == "*" {
            let items: Vec<&Value> = self.workspaces.values().collect();
            return good(200, json!({"metadata": {"resourceVersion": self.revision.to_string()}, "items": items}));
        }
        let Some(parent) = self.id(cluster) else { return status(404, "NotFound", ("logicalclusters", cluster)) };
        let about = |name: &str| ("workspaces".to_owned(), name.to_owned());
        let found = rest.first().map(|name| (about(name), self.child(&parent, name)));
        match (request.method, rest, found) {
            ("GET", [], _) => good(200, json!({"items": []})),
            ("POST", [], _) => self.make_workspace(&parent, &request.body, flaw),
            (_, _, Some(((kind, name), None))) => status(404, "NotFound", (&kind, &name)),
            ("GET", _, Some((_, Some(id)))) => good(200, self.workspaces[&id].clone()),
            ("POST", [name, "move"], Some((_, Some(id)))) => self.move_workspace(&id, name, &request.body),
            ("DELETE", [name], Some((_, Some(id)))) => {
                let uid = request.body.pointer("/preconditions/uid").and_then(Value::as_str);
                if uid.is_some_and(|uid| uid != format!("uid-{id}")) {
                    return status(409, "Conflict", ("workspaces", name));
                }
                self.workspaces
                    .remove(&id)
                    .map_or_else(|| status(404, "NotFound", ("workspaces", name)), |node| good(200, node))
            }
            _ => status(405, "MethodNotAllowed", ("workspaces", "")),
        }
    }

    fn make_workspace(&mut self, parent: &str, body: &Value, flaw: Option<Flaw>) -> Answer {
        let name = super::objects::name(body);
        if self.child(parent, name).is_some() && flaw != Some(Flaw::SharesNames) {
            return status(409, "AlreadyExists", ("workspaces", name));
        }
        self.revision += 1;
        let id = format!("id{}", self.revision);
        let node = json!({
            "metadata": {"name": name, "uid": format!("uid-{id}"), "annotations": {"kcp.io/cluster": parent}},
            "spec": {"cluster": id},
        });
        self.workspaces.insert(id, node.clone());
        good(201, node)
    }

    fn move_workspace(&mut self, id: &str, name: &str, order: &Value) -> Answer {
        let (parent, new) = (order["parent"].as_str().unwrap_or_default(), order["name"].as_str().unwrap_or_default());
        let mut above = Some(parent.to_owned());
        while let Some(one) = above {
            if one == id {
                return status(409, "Conflict", ("workspaces", name));
            }
            above = self
                .workspaces
                .get(&one)
                .and_then(|node| node["metadata"]["annotations"]["kcp.io/cluster"].as_str().map(str::to_owned));
        }
        if self.id(parent).is_none() {
            return status(404, "NotFound", ("workspaces", parent));
        }
        if self.child(parent, new).is_some_and(|other| other != id) {
            return status(409, "AlreadyExists", ("workspaces", new));
        }
        let Some(node) = self.workspaces.get_mut(id) else { return status(404, "NotFound", ("workspaces", name)) };
        node["metadata"]["name"] = Value::from(new);
        node["metadata"]["annotations"]["kcp.io/cluster"] = Value::from(parent);
        good(200, node.clone())
    }
}
