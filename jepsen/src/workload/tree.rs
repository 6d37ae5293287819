//! `names` and `tree`: workspaces created, renamed, moved and deleted from all regions.
//!
//! `names` has everybody want the same few names below one parent in each region. `tree` moves workspaces below one another, so
//! that moves made apart could close cycles. What is deleted never has anything below it. At the end all daemons must show one
//! tree, and every path must lead where that says.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::clusters::{self, PATIENCE, PAUSE, workspace};
use super::coverage::{self, Floors};
use super::driver::Driver;
use super::{finals, objects};
use crate::check::tree::{self, Node};
use crate::history::{Call, Op, Outcome};
use crate::port::{Answer, BoxFuture, Request, Run, Workload};
use crate::random::Random;
use crate::verdict::{Check, Status, Verdict};

/// Loops.
const LOOPS: u64 = 9;
/// The resource, as a `Status` names it.
const RESOURCE: &str = "workspaces";
/// Names that are wanted in `names`.
const NAMES: u64 = 6;
/// Workspaces that are there at a time. Above it none is created.
const WORKSPACES_MAX: usize = 120;
/// A move may wait for two other regions.
const TIMEOUT: Duration = Duration::from_secs(8);
/// The list of all workspaces of the federation, as a daemon's own region shows it.
const ALL: &str = "/clusters/*/apis/tenancy.kcp.io/v1alpha1/workspaces";

/// See the head of the file.
#[derive(Debug)]
pub struct Tree {
    name: &'static str,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Ids of the workspaces that everything is below, one for each region.
    tops: Vec<String>,
    nodes: Vec<Seen>,
}

/// A workspace as a client saw it last.
#[derive(Debug, Clone)]
struct Seen {
    id: String,
    uid: String,
    parent: String,
    name: String,
    /// Whether it may be deleted: then nothing is put below it.
    is_leaf: bool,
}

/// What a loop does next.
enum Step {
    Create { parent: String, name: String, region: String },
    Delete(Seen),
    Move { node: Seen, parent: String, name: String },
    Resolve { parent: String, name: String },
    Look,
}

impl Tree {
    /// Everybody wants the same names.
    #[must_use]
    pub fn of_names() -> Self {
        Self { name: "names", known: Mutex::default() }
    }

    /// Workspaces move below one another.
    #[must_use]
    pub fn of_moves() -> Self {
        Self { name: "tree", known: Mutex::default() }
    }

    fn with<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        look(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Workload for Tree {
    fn name(&self) -> &'static str {
        self.name
    }

    fn concurrency(&self) -> u64 {
        // One more for the final reads.
        LOOPS + 1
    }

    fn setup<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(async move {
            for region in clusters::regions(run) {
                let name = format!("{}-{region}", self.name);
                let top = clusters::make_one(run, "root", &name, &region).await?;
                let id = top.pointer("/spec/cluster").and_then(Value::as_str).unwrap_or_default().to_owned();
                anyhow::ensure!(!id.is_empty(), "the workspace {name} was made without spec.cluster: {top}");
                for target in run.client.targets() {
                    let request = Request::new("GET", clusters::path(&id), Value::Null);
                    clusters::until_answered(run, &target.name, request).await?;
                }
                self.with(|known| known.tops.push(id));
            }
            Ok(())
        })
    }

    fn operate<'a>(&'a self, run: &'a Run, place: u64) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if place >= LOOPS {
                return;
            }
            let mut driver = Driver::new(run, place, LOOPS);
            let regions = clusters::regions(run);
            let mut number = 0;
            while driver.turn().await {
                number += 1;
                let fresh = format!("w{place}-{number}");
                let step = self.with(|known| {
                    if self.name == "names" {
                        names_step(known, &regions, &mut driver.random)
                    } else {
                        tree_step(known, &regions, fresh, &mut driver.random)
                    }
                });
                if let Some(step) = step {
                    self.take(&mut driver, step).await;
                }
            }
        })
    }

    fn finish<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(async move {
            let mut driver = Driver::new(run, LOOPS, LOOPS + 1);
            let begin = Instant::now();
            let agreed = agreed(run, begin + PATIENCE).await;
            let mut nodes = Vec::new();
            for target in run.client.targets() {
                driver.go_to(&target);
                let call = Call { f: "tree", ..Call::default() };
                let tree = finals::until_ok(&mut driver, &call, Request::new("GET", ALL, Value::Null), shown).await?;
                nodes = serde_json::from_value(tree).unwrap_or_default();
            }
            let milliseconds = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
            let mut call = Call { f: "converge", ..Call::default() };
            driver.begin(&mut call);
            let outcome = Outcome::Ok { value: json!({"agreed": agreed, "ms": milliseconds}), revision: None };
            driver.end(&call, outcome);
            for Node { parent, name, .. } in nodes {
                driver.hop();
                resolve(&mut driver, parent, name).await;
            }
            Ok(())
        })
    }

    fn check(&self, history: &[Op]) -> Verdict {
        let floors = if self.name == "names" { &NAMES_FLOORS } else { &TREE_FLOORS };
        let mut checks = vec![tree::check(history), coverage::check(history, floors)];
        checks.extend(convergence(history));
        Verdict { checks }
    }
}

/// What a run must have done to have shown anything.
const NAMES_FLOORS: Floors = Floors {
    ok_per_second: 2.0,
    of_each: &[("create", 20), ("delete", 10), ("move", 5), ("resolve", 5), ("tree", 2)],
    refused_min: 10,
};
const TREE_FLOORS: Floors = Floors {
    ok_per_second: 2.0,
    of_each: &[("create", 20), ("delete", 3), ("move", 30), ("resolve", 5), ("tree", 2)],
    refused_min: 0,
};

/// How long it took until all daemons showed one tree.
fn convergence(history: &[Op]) -> Option<Check> {
    let last = history.iter().rfind(|op| op.f == "converge" && op.value.is_object())?;
    let (agreed, ms) = (last.value["agreed"].as_bool()?, last.value["ms"].as_u64()?);
    let (status, words) = if agreed { (Status::Ok, "after") } else { (Status::Failed, "not within") };
    let summary = format!("all daemons showed one tree, with nothing left to delete, {words} {ms} ms");
    Some(Check::new("converge", status, summary))
}

fn region(regions: &[String], random: &mut Random) -> String {
    random.pick(regions).cloned().unwrap_or_default()
}

fn names_step(known: &Known, regions: &[String], random: &mut Random) -> Option<Step> {
    let parent = random.pick(&known.tops)?.clone();
    let name = format!("n{}", random.below(NAMES));
    let node = random.pick(&known.nodes).cloned();
    Some(match (random.below(100), node) {
        (0..=39, _) | (_, None) => Step::Create { parent, name, region: region(regions, random) },
        (40..=64, Some(node)) => Step::Delete(node),
        (65..=82, Some(node)) => Step::Move { node, parent, name },
        (83..=96, _) => Step::Resolve { parent, name },
        _ => Step::Look,
    })
}

fn tree_step(known: &Known, regions: &[String], fresh: String, random: &mut Random) -> Option<Step> {
    let lasting: Vec<&Seen> = known.nodes.iter().filter(|node| !node.is_leaf).collect();
    let below = random.below((known.tops.len() + lasting.len()) as u64);
    let below = usize::try_from(below).unwrap_or(0);
    let parent = match known.tops.get(below) {
        Some(top) => top.clone(),
        None => lasting.get(below - known.tops.len())?.id.clone(),
    };
    let node = random.pick(&known.nodes).cloned();
    Some(match (random.below(100), node) {
        (0..=29, _) | (_, None) if known.nodes.len() < WORKSPACES_MAX => {
            Step::Create { parent, name: fresh, region: region(regions, random) }
        }
        (30..=38, Some(node)) if node.is_leaf => Step::Delete(node),
        (83..=96, Some(node)) => Step::Resolve { parent: node.parent, name: node.name },
        (97..=99, _) => Step::Look,
        // Half of the moves keep the name, half take one that others take, too.
        (choice, Some(node)) if node.id != parent => {
            let name = if choice % 2 == 0 { node.name.clone() } else { format!("m{}", random.below(NAMES)) };
            Step::Move { node, parent, name }
        }
        _ => Step::Look,
    })
}

impl Tree {
    async fn take(&self, driver: &mut Driver<'_>, step: Step) {
        match step {
            Step::Create { parent, name, region } => self.create(driver, parent, name, region).await,
            Step::Delete(node) => self.delete(driver, node).await,
            Step::Move { node, parent, name } => self.relocate(driver, node, parent, name).await,
            Step::Resolve { parent, name } => resolve(driver, parent, name).await,
            Step::Look => self.look(driver).await,
        }
    }

    /// A look at the whole tree, from which all clients learn where things are.
    async fn look(&self, driver: &mut Driver<'_>) {
        let mut items = Vec::new();
        let call = Call { f: "tree", ..Call::default() };
        let seen = |answer: &Answer| {
            items = answer.body["items"].as_array().cloned().unwrap_or_default();
            shown(answer)
        };
        driver.operation(call, Request::new("GET", ALL, Value::Null), ("", ""), seen).await;
        for object in &items {
            let (node, uid) = (node(object), text(object, "/metadata/uid"));
            if node.deleting || node.parent == "root" {
                continue;
            }
            let Node { id, parent, name, .. } = node;
            self.with(|known| match known.nodes.iter_mut().find(|own| own.id == id) {
                Some(own) => (own.parent, own.name) = (parent, name),
                // In `tree` it may have others below it, whoever made it.
                None => known.nodes.push(Seen { id, uid, parent, name, is_leaf: self.name == "names" }),
            });
        }
    }

    async fn create(&self, driver: &mut Driver<'_>, parent: String, name: String, region: String) {
        let body = workspace(&name, Some(region.as_str()).filter(|region| !region.is_empty()));
        let request = Request { timeout: TIMEOUT, ..Request::new("POST", clusters::path(&parent), body) };
        let value = json!({"region": region});
        let call =
            Call { f: "create", cluster: Some(parent.clone()), key: Some(name.clone()), value, ..Call::default() };
        let outcome = driver.operation(call, request, (RESOURCE, &name), placed).await;
        if let Some(node) = seen(&outcome, parent) {
            // Half of the workspaces of `tree` last, and may have others below them.
            let is_leaf = self.name == "names" || driver.random.chance(0.4);
            self.with(|known| known.nodes.push(Seen { is_leaf, ..node }));
        }
    }

    async fn delete(&self, driver: &mut Driver<'_>, node: Seen) {
        // By its uid: its name may be another's by now.
        let body = json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": node.uid}});
        let path = format!("{}/{}", clusters::path(&node.parent), node.name);
        let request = Request { timeout: TIMEOUT, ..Request::new("DELETE", path, body) };
        let value = json!({"id": node.id});
        let call = Call {
            f: "delete",
            cluster: Some(node.parent.clone()),
            key: Some(node.name.clone()),
            value: value.clone(),
            ..Call::default()
        };
        let seen = |_: &Answer| Outcome::Ok { value: value.clone(), revision: None };
        driver.operation(call, request, (RESOURCE, &node.name), seen).await;
        // Deleted, renamed by another, or unknown: this client has no business with it any more.
        self.with(|known| known.nodes.retain(|own| own.id != node.id));
    }

    async fn relocate(&self, driver: &mut Driver<'_>, node: Seen, parent: String, name: String) {
        let path = format!("{}/{}/move", clusters::path(&node.parent), node.name);
        let order = json!({"parent": parent, "name": name});
        let request = Request { timeout: TIMEOUT, ..Request::new("POST", path, order) };
        let value = json!({"id": node.id, "parent": parent, "name": name});
        let call = Call {
            f: "move",
            cluster: Some(node.parent.clone()),
            key: Some(node.name.clone()),
            value,
            ..Call::default()
        };
        let outcome = driver.operation(call, request, (RESOURCE, &node.name), placed).await;
        let moved = seen(&outcome, parent);
        self.with(|known| match (moved, known.nodes.iter_mut().find(|own| own.id == node.id)) {
            // Another workspace may have had the name: then that one was moved.
            (Some(moved), Some(own)) if moved.id == own.id => {
                (own.parent, own.name) = (moved.parent, moved.name);
            }
            (None, Some(_)) if matches!(outcome, Outcome::Ok { .. }) => {}
            // Where it is now is not known; a look at the tree could tell, and others will be created.
            (_, Some(_)) if node.is_leaf => known.nodes.retain(|own| own.id != node.id),
            _ => {}
        });
    }
}

/// A path: the parent's id, and the name below it.
async fn resolve(driver: &mut Driver<'_>, parent: String, name: String) {
    let path = format!("{}/{name}", clusters::path(&parent));
    let call = Call { f: "resolve", cluster: Some(parent), key: Some(name.clone()), ..Call::default() };
    let found = |answer: &Answer| Outcome::Ok { value: text(&answer.body, "/spec/cluster").into(), revision: None };
    driver.operation(call, Request::new("GET", path, Value::Null), (RESOURCE, &name), found).await;
}

fn text(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The outcome of a write that is answered with the workspace.
fn placed(answer: &Answer) -> Outcome {
    let object = &answer.body;
    let value = json!({
        "id": text(object, "/spec/cluster"),
        "uid": text(object, "/metadata/uid"),
        "name": text(object, "/metadata/name"),
    });
    Outcome::Ok { value, revision: None }
}

fn seen(outcome: &Outcome, parent: String) -> Option<Seen> {
    let Outcome::Ok { value, .. } = outcome else { return None };
    let text = |field: &str| value.get(field)?.as_str().map(str::to_owned);
    Some(Seen { id: text("id")?, uid: text("uid")?, parent, name: text("name")?, is_leaf: true })
}

/// The outcome of a list of all workspaces: the workspaces but those at the top.
fn shown(answer: &Answer) -> Outcome {
    let Some(items) = answer.body["items"].as_array() else { return objects::no_list() };
    let mut nodes: Vec<Node> = items.iter().map(node).filter(|node| node.parent != "root").collect();
    nodes.sort();
    Outcome::Ok { value: serde_json::to_value(nodes).unwrap_or_default(), revision: None }
}

fn node(object: &Value) -> Node {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let is_conflict = |condition: &Value| condition["type"] == "NameConflict" && condition["status"] == "True";
    Node {
        id: text(object, "/spec/cluster"),
        parent: object["metadata"]["annotations"]["kcp.io/cluster"].as_str().unwrap_or_default().to_owned(),
        name: text(object, "/metadata/name"),
        conflict: conditions.into_iter().any(is_conflict),
        deleting: object.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null()),
    }
}

/// Whether all daemons come to show one tree with nothing left to delete.
async fn agreed(run: &Run, end: Instant) -> bool {
    loop {
        let mut trees = Vec::new();
        for target in run.client.targets() {
            if let Ok(answer) = run.client.request(&target.name, Request::new("GET", ALL, Value::Null)).await
                && answer.status == 200
            {
                trees.push(shown(&answer));
            }
        }
        let settled = |outcome: &Outcome| match outcome {
            Outcome::Ok { value, .. } => {
                value.as_array().is_some_and(|nodes| nodes.iter().all(|node| node["deleting"] != true))
            }
            Outcome::Fail { .. } | Outcome::Info { .. } => false,
        };
        let whole = trees.len() == run.client.targets().len();
        if whole && trees.iter().all(|tree| settled(tree) && *tree == trees[0]) {
            return true;
        }
        if Instant::now() > end {
            return false;
        }
        tokio::time::sleep(PAUSE).await;
    }
}
