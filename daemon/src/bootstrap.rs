//! What a group must be told once: what its region is, and, in the founding region, that `root` lives here.
//!
//! Done by whichever daemon leads, each time it begins to lead, and without effect when it has been done.

use std::sync::Arc;
use std::time::Duration;

use hanse_api::workspace::content::root_objects;
use hanse_base::clock::Clock;
use hanse_base::id::{ClusterId, RegionName};
use hanse_base::random::Random;
use hanse_store::home::{Home, HomeError};
use hanse_store::roster::MembershipChange;
use hanse_store::state::{ROOT, State};
use hanse_store::txn::{Operation, Outcome, Region, Txn};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::config::{Config, group_of};
use crate::directory::founders;

/// Tells the group what it is.
pub(crate) struct Bootstrap {
    /// What the configuration says.
    pub(crate) config: Arc<Config>,
    /// The group.
    pub(crate) home: Arc<dyn Home>,
    /// What clients verify the API with, PEM; may be empty.
    pub(crate) root_ca: String,
    /// For times of objects.
    pub(crate) clock: Arc<dyn Clock>,
    /// For uids of objects.
    pub(crate) random: Arc<dyn Random>,
}

impl Bootstrap {
    /// Looks after the group while this daemon leads, until `stop` changes.
    pub(crate) async fn run(self, mut leads: watch::Receiver<bool>, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                led = leads.wait_for(|leads| *leads) => if led.is_err() { return },
            }
            // Once established there is nothing to do until this daemon begins to lead again.
            let establish = async {
                self.establish().await;
                std::future::pending::<()>().await;
            };
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                lost = leads.wait_for(|leads| !*leads) => if lost.is_err() { return },
                () = establish => {}
            }
        }
    }

    async fn establish(&self) {
        loop {
            match self.attempt().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => tracing::debug!(%error, "the group cannot be told what it is yet"),
            }
            sleep(PAUSE).await;
        }
    }

    /// Whether everything is as the configuration says.
    async fn attempt(&self) -> Result<bool, HomeError> {
        let view = self.home.read().await?;
        let operations = self.missing(&view);
        if operations.is_empty() {
            return Ok(true);
        }
        let txn = Txn { time_ms: self.clock.wall_ms(), preconditions: Vec::new(), operations };
        match self.home.submit(txn).await? {
            Outcome::Done { .. } => {
                tracing::info!(region = %self.config.region, "the group was told what it is");
                Ok(true)
            }
            Outcome::Refused(refusal) => {
                tracing::error!(%refusal, "the group refuses to be told what it is");
                Ok(false)
            }
        }
    }

    fn missing(&self, view: &State) -> Vec<Operation> {
        let region = Region {
            name: self.config.region.clone(),
            url: self.config.api.url.clone(),
            founder: group_of(&self.config.founder),
        };
        let mut operations = Vec::new();
        if view.region() != Some(&region) {
            operations.push(Operation::Describe(region));
        }
        let root = ClusterId::new(ROOT).expect("root is a cluster");
        // Who has joined was put into the roster by those who let it in, and never seeds one.
        if view.membership().roster().is_none() && !self.config.joined {
            operations.push(Operation::Membership(self.seed()));
        }
        if self.config.founder == self.config.region && view.cluster(&root).is_none() {
            let objects = root_objects(&self.config.api.url, &self.root_ca, self.clock.wall_ms(), &*self.random);
            operations.push(Operation::FoundRoot(objects));
        }
        operations
    }

    /// The first members: those that the configuration names.
    fn seed(&self) -> MembershipChange {
        let members_of = |region: &RegionName| founders(self.config.members_of(region));
        let others = self.config.regions().into_iter().filter(|region| *region != self.config.region);
        let neighbours = others.map(|region| (region.clone(), members_of(&region))).collect();
        MembershipChange::Seed { members: members_of(&self.config.region), neighbours }
    }
}

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(200);
