//! Clients that make, move and delete workspaces, all over the tree and in all regions, under few names.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::client::Seat;
use crate::client::objects::json_of;
use crate::world::region_name;

/// One client.
pub struct Client {
    /// Who and where it is.
    pub seat: Seat,
    /// Number of regions.
    pub regions: usize,
    /// What was acknowledged.
    pub made: Arc<Mutex<Made>>,
}

/// What clients were told of workspaces.
#[derive(Debug, Clone, Default)]
pub struct Made {
    /// Logical clusters whose creation was acknowledged and that nobody was to delete.
    pub kept: Vec<String>,
    /// Logical clusters whose deletion was acknowledged.
    pub deleted: Vec<String>,
    /// Moves that were acknowledged.
    pub moves: u64,
}

impl Client {
    /// Works until it shall stop.
    pub async fn run(mut self) {
        // Those that are made and moved, and those that are deleted: nothing is ever below the latter.
        let mut known: Vec<(String, String, String)> = Vec::new();
        let mut passing: Vec<(String, String, String)> = Vec::new();
        while !self.seat.is_over() {
            self.seat.think().await;
            match self.seat.dice.below(10) {
                0..=4 => self.make(&mut known).await,
                5..=7 => self.rename(&mut known).await,
                8 => self.make_passing(&mut passing).await,
                _ => self.delete(&mut passing).await,
            }
        }
    }

    fn body(&mut self, name: &str) -> Value {
        let region = usize::try_from(self.seat.dice.below(self.regions as u64)).unwrap_or(0);
        let region = region_name(region).to_string();
        json!({
            "apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace", "metadata": {"name": name},
            "spec": {"location": {"selector": {"matchLabels": {"region": region}}}},
        })
    }

    /// A workspace, by its parent's logical cluster, its name and its own logical cluster.
    async fn create(&mut self, parent: String, name: String) -> Option<(String, String, String)> {
        let body = self.body(&name);
        let answer = self.seat.ask("POST", workspaces(&parent), &body).await;
        let Ok((201, body)) = answer else { return None };
        let made = json_of(&body);
        let id = made["spec"]["cluster"].as_str()?.to_owned();
        Some((parent, name, id))
    }

    async fn make(&mut self, known: &mut Vec<(String, String, String)>) {
        let parent = self.place(known);
        let name = (*self.seat.dice.pick(&["a", "b", "c", "d"])).to_owned();
        if let Some(made) = self.create(parent, name).await {
            self.made().kept.push(made.2.clone());
            known.push(made);
        }
    }

    async fn rename(&mut self, known: &mut [(String, String, String)]) {
        if known.is_empty() {
            return;
        }
        let chosen = usize::try_from(self.seat.dice.below(known.len() as u64)).unwrap_or(0);
        let (parent, name, id) = known[chosen].clone();
        let to = self.place(known);
        let new = (*self.seat.dice.pick(&["a", "b", "c", "d"])).to_owned();
        let target = format!("{}/{name}/move", workspaces(&parent));
        let answer = self.seat.ask("POST", target, &json!({"parent": to, "name": new})).await;
        if matches!(answer, Ok((200 | 201, _))) {
            self.made().moves += 1;
            known[chosen] = (to, new, id);
        }
    }

    async fn make_passing(&mut self, passing: &mut Vec<(String, String, String)>) {
        let name = (*self.seat.dice.pick(&["x", "y"])).to_owned();
        passing.extend(self.create("root".to_owned(), name).await);
    }

    async fn delete(&mut self, passing: &mut Vec<(String, String, String)>) {
        let Some((parent, name, id)) = passing.pop() else { return };
        let target = format!("{}/{name}", workspaces(&parent));
        if matches!(self.seat.ask("DELETE", target, &Value::Null).await, Ok((200 | 202, _))) {
            self.made().deleted.push(id);
        }
    }

    fn place(&mut self, known: &[(String, String, String)]) -> String {
        if known.is_empty() || self.seat.dice.happens(400_000) {
            return "root".to_owned();
        }
        self.seat.dice.pick(known).2.clone()
    }

    fn made(&self) -> std::sync::MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn workspaces(parent: &str) -> String {
    format!("/clusters/{parent}/apis/tenancy.kcp.io/v1alpha1/workspaces")
}
