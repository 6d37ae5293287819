//! All clients of a run, and what they remember.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use crate::client::store::{Sent, Told};
use crate::client::watcher::Stretch;
use crate::client::workspaces::Made;
use crate::client::{Seat, objects, store, watcher, workspaces};
use crate::dice::Dice;
use crate::history::{Did, History, Operation};
use crate::invariants::{Broken, linearizable, watch as watched};
use crate::world::{World, group_of, region_name};

/// The clients, by what they do.
#[derive(Default)]
pub struct Crowd {
    /// Of each region's store.
    stores: Vec<History>,
    sent: Vec<Arc<Mutex<Vec<Sent>>>>,
    /// Of each region's logical cluster.
    objects: Vec<History>,
    stretches: Vec<Arc<Mutex<Vec<Stretch>>>>,
    made: Arc<Mutex<Made>>,
}

impl Crowd {
    /// Starts the clients that the plan wants.
    #[must_use]
    pub fn start(world: &World, stop: &watch::Sender<bool>, dice: &mut Dice) -> Self {
        let mut crowd = Self::default();
        for _region in &world.plan.regions {
            crowd.stores.push(History::default());
            crowd.sent.push(Arc::default());
            crowd.objects.push(History::default());
            crowd.stretches.push(Arc::default());
        }
        let mut number = 0;
        for region in 0..world.plan.regions.len() {
            crowd.populate(world, region, &mut || {
                number += 1;
                let end = world.clients_of(region);
                Seat {
                    number,
                    end,
                    daemons: world.neighbours(end),
                    think_ms_max: world.plan.think_ms_max,
                    wire: world.wire.clone(),
                    dice: dice.fork("client"),
                    stop: stop.subscribe(),
                }
            });
        }
        crowd
    }

    /// Starts the clients of one region.
    fn populate(&self, world: &World, region: usize, seat: &mut dyn FnMut() -> Seat) {
        let (plan, regions) = (&world.plan, world.plan.regions.len());
        for _client in 0..plan.clients {
            let (history, sent) = (self.stores[region].clone(), Arc::clone(&self.sent[region]));
            world.client(store::Client { seat: seat(), objects: plan.objects, history, sent }.run());
        }
        if plan.writers > 0 {
            world.client(settle(seat(), region));
        }
        for client in 0..plan.writers {
            // Some at home, some elsewhere.
            let home = (region + client) % regions;
            let (cluster, history) = (cluster_of(home), self.objects[home].clone());
            world.client(objects::Client { seat: seat(), cluster, objects: plan.objects, history }.run());
        }
        for client in 0..plan.watchers {
            let home = (region + client + 1) % regions;
            let (cluster, seen) = (cluster_of(home), Arc::clone(&self.stretches[home]));
            world.client(watcher::Client { seat: seat(), cluster, seen }.run());
        }
        for _client in 0..plan.movers {
            let made = Arc::clone(&self.made);
            world.client(workspaces::Client { seat: seat(), regions, made }.run());
        }
    }

    /// Everything that was done on objects.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        self.stores.iter().chain(&self.objects).flat_map(History::operations).collect()
    }

    /// How many writes each store has acknowledged.
    #[must_use]
    pub fn writes(&self) -> Vec<usize> {
        let wrote = |operation: &&Operation| matches!(operation.did, Did::Wrote { .. });
        self.stores.iter().map(|history| history.operations().iter().filter(wrote).count()).collect()
    }

    /// What was acknowledged of workspaces.
    #[must_use]
    pub fn made(&self) -> Made {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many events watches have shown.
    #[must_use]
    pub fn watched(&self) -> u64 {
        let count = |seen: &Arc<Mutex<Vec<Stretch>>>| {
            let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.iter().map(|stretch| stretch.events.len() as u64).sum::<u64>()
        };
        self.stretches.iter().map(count).sum()
    }

    /// Compares what clients were told with each other, and with what replicas have applied.
    ///
    /// # Errors
    /// A promise is broken.
    pub fn check(&self, world: &World) -> Result<(), Broken> {
        for history in self.stores.iter().chain(&self.objects) {
            linearizable::check(&history.operations())?;
        }
        for (history, seen) in self.objects.iter().zip(&self.stretches) {
            watched::check(&seen.lock().unwrap_or_else(PoisonError::into_inner), &history.operations())?;
        }
        for (region, sent) in self.sent.iter().enumerate() {
            acknowledged(world, region, &sent.lock().unwrap_or_else(PoisonError::into_inner))?;
        }
        Ok(())
    }
}

/// What was acknowledged was applied once, what was refused never, and nothing twice.
fn acknowledged(world: &World, region: usize, sent: &[Sent]) -> Result<(), Broken> {
    let group = group_of(region);
    for Sent { command, told } in sent {
        let places = world.observer.place_of(&group, command);
        let fits = match told {
            Told::Done | Told::Refused => places.len() == 1,
            Told::NotDone => places.is_empty(),
            Told::Unknown => places.len() <= 1,
        };
        if !fits {
            let what = format!("a command of which its sender was told {told:?} was applied at {places:?}");
            return Err(Broken { promise: "acknowledged", what });
        }
    }
    Ok(())
}

/// The logical cluster in which clients keep objects in a region.
#[must_use]
pub fn cluster_of(region: usize) -> String {
    format!("root:w{region}")
}

/// Makes the region's logical cluster, however long it takes.
async fn settle(mut seat: Seat, region: usize) {
    let labels = json!({"region": region_name(region).to_string()});
    let workspace = json!({
        "apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace", "metadata": {"name": format!("w{region}")},
        "spec": {"location": {"selector": {"matchLabels": labels}}},
    });
    let target = "/clusters/root/apis/tenancy.kcp.io/v1alpha1/workspaces".to_owned();
    while !seat.is_over() {
        if let Ok((201 | 409, _)) = seat.ask("POST", target.clone(), &workspace).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
