//! Clusters of real daemons: their [`files`], each [`member`] as a process on a ground of its own, and the cluster as a whole.

pub mod files;
pub mod member;
pub mod status;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::client::HttpClient;
use crate::cluster::files::Layout;
use crate::cluster::member::Member;
use crate::disk::mount::Disk;
use crate::doctor::{DiskKind, NetKind};
use crate::ground::Ground;
use crate::net::rule::{Link, Rule};
use crate::net::switch::Switch;
use crate::port::Target;

/// What a cluster is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Names of the regions.
    pub regions: Vec<String>,
    /// Daemons of each.
    pub daemons: usize,
    /// How they reach each other.
    pub net: NetKind,
    /// What their data is on.
    pub disk: DiskKind,
    /// Decides what the network does by chance.
    pub seed: u64,
    /// Where everything is kept.
    pub directory: PathBuf,
    /// The executables.
    pub programs: Programs,
}

/// The executables under test.
#[derive(Debug, Clone)]
pub struct Programs {
    /// `hansed`.
    pub hansed: PathBuf,
    /// `hanse`.
    pub hanse: PathBuf,
}

/// A running cluster; its processes are killed and its disks unmounted when this is dropped.
pub struct Cluster {
    /// What it was made from.
    pub plan: Plan,
    members: Mutex<Vec<Arc<Member>>>,
    /// The switch, where the daemons are in namespaces.
    pub switch: Option<Switch>,
    /// Where clients of each region stand.
    clients: BTreeMap<String, Arc<Ground>>,
}

impl Cluster {
    /// Makes the files, namespaces and disks, and starts all daemons.
    ///
    /// # Errors
    /// The system refuses something, or the daemons cannot be started.
    pub fn start(plan: Plan) -> Result<Self> {
        // What a former run left would be taken for daemons that have lost their disks.
        if plan.directory.exists() {
            std::fs::remove_dir_all(&plan.directory)?;
        }
        std::fs::create_dir_all(&plan.directory)?;
        let switch = match plan.net {
            NetKind::Switch => Some(Switch::start(plan.seed)?),
            NetKind::Loopback => None,
        };
        let mut clients = BTreeMap::new();
        for (number, region) in plan.regions.iter().enumerate() {
            let name = client_port(region);
            let ground = ground(switch.as_ref(), &name, Layout::client_address(number))?;
            clients.insert(region.clone(), ground);
        }
        let layout = Layout::make(&plan)?;
        let mut members = Vec::new();
        for place in &layout.places {
            let ground = ground(switch.as_ref(), &place.name, place.address)?;
            let disk = match plan.disk {
                DiskKind::Fuse => Some(Disk::mount(&place.directory.join("data"))?),
                DiskKind::Directory => None,
            };
            members.push(Arc::new(Member::new(place.clone(), ground, disk, plan.programs.hansed.clone())));
        }
        let cluster = Self { plan, members: Mutex::new(members), switch, clients };
        cluster.lay_out_distances();
        for member in cluster.members() {
            member.start()?;
        }
        Ok(cluster)
    }

    /// Regions are as far apart as parts of the world are.
    fn lay_out_distances(&self) {
        let Some(switch) = &self.switch else { return };
        let ports: Vec<(String, String)> = self
            .members()
            .iter()
            .map(|member| (member.place.name.clone(), member.place.region.clone()))
            .chain(self.plan.regions.iter().map(|region| (client_port(region), region.clone())))
            .collect();
        for (number, (one, region)) in ports.iter().enumerate() {
            for (other, other_region) in &ports[number + 1..] {
                let delay = match (region == other_region, self.distance(region, other_region)) {
                    (true, _) => Duration::ZERO,
                    (false, steps) => REGION_DELAY * steps,
                };
                switch.matrix.distance(one, other, Rule { delay, ..Rule::default() });
            }
        }
    }

    fn distance(&self, one: &str, other: &str) -> u32 {
        let place = |name: &str| self.plan.regions.iter().position(|region| region == name).unwrap_or(0);
        u32::try_from(place(one).abs_diff(place(other))).unwrap_or(1)
    }

    /// All daemons, in the order of the files.
    #[must_use]
    pub fn members(&self) -> Vec<Arc<Member>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The daemons of a region.
    #[must_use]
    pub fn members_of(&self, region: &str) -> Vec<Arc<Member>> {
        self.members().into_iter().filter(|member| member.place.region == region).collect()
    }

    /// The daemon of a name.
    ///
    /// # Errors
    /// There is none.
    pub fn member(&self, name: &str) -> Result<Arc<Member>> {
        self.members().into_iter().find(|member| member.place.name == name).with_context(|| format!("no daemon {name}"))
    }

    /// Where clients of a region stand.
    ///
    /// # Errors
    /// There is no such region.
    pub fn client_ground(&self, region: &str) -> Result<Arc<Ground>> {
        self.clients.get(region).map(Arc::clone).with_context(|| format!("no region {region}"))
    }

    /// A client that asks each daemon from the daemon's own region.
    ///
    /// # Errors
    /// The files of the cluster are incomplete.
    pub fn client(&self) -> Result<HttpClient> {
        let client = HttpClient::new(&self.plan.directory)?;
        for member in self.members() {
            let ground = self.client_ground(&member.place.region)?;
            let target = Target { name: member.place.name.clone(), region: member.place.region.clone() };
            client.add(target, member.place.api(), ground);
        }
        Ok(client)
    }

    /// Waits until every running daemon says that it is ready.
    ///
    /// # Errors
    /// One does not within the time; the error names it and shows the end of its log.
    pub async fn ready(&self, client: &HttpClient, patience: Duration) -> Result<Duration> {
        let begin = Instant::now();
        for member in self.members() {
            let name = &member.place.name;
            loop {
                if client.is_ready(name).await {
                    break;
                }
                ensure!(
                    begin.elapsed() < patience,
                    "{name} is not ready after {} s:\n{}",
                    patience.as_secs(),
                    member.log_end()
                );
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(begin.elapsed())
    }

    /// Who leads a region's group, as far as a daemon of it knows that can be asked.
    pub async fn leader(&self, region: &str) -> Option<Arc<Member>> {
        let mut best: Option<(u64, String)> = None;
        for member in self.members_of(region).into_iter().filter(|member| member.answers()) {
            let Some(status) = status::ask(&member.admin_socket()).await else { continue };
            for daemon in status.daemons_of(region).filter(|daemon| daemon.role.as_deref() == Some("leader")) {
                let term = daemon.term.unwrap_or(0);
                if best.as_ref().is_none_or(|(known, _)| *known < term) {
                    best = Some((term, daemon.name.clone()));
                }
            }
            if best.is_some() {
                break;
            }
        }
        best.and_then(|(_, name)| self.member(&name).ok())
    }

    /// The terms of all regions' groups: they grow with every election.
    pub async fn terms(&self) -> BTreeMap<String, u64> {
        let mut terms = BTreeMap::new();
        for region in &self.plan.regions {
            for member in self.members_of(region).into_iter().filter(|member| member.answers()) {
                let Some(status) = status::ask(&member.admin_socket()).await else { continue };
                let term = status.daemons_of(region).filter_map(|daemon| daemon.term).max().unwrap_or(0);
                terms.insert(region.clone(), term);
                break;
            }
        }
        terms
    }

    /// Waits until all daemons hold the same tree.
    ///
    /// # Errors
    /// They do not within the time.
    pub async fn converged(&self, patience: Duration) -> Result<Duration> {
        let begin = Instant::now();
        loop {
            let mut digests = BTreeMap::new();
            for member in self.members() {
                if let Some(status) = status::ask(&member.admin_socket()).await {
                    let own = status.daemons().find(|daemon| daemon.name == member.place.name);
                    let tree = own.and_then(|daemon| daemon.tree.as_ref());
                    digests.insert(member.place.name.clone(), tree.map(|tree| (tree.digest.clone(), tree.workspaces)));
                }
            }
            let mut distinct: Vec<_> = digests.values().collect();
            distinct.sort();
            distinct.dedup();
            if digests.len() == self.members().len() && distinct.len() == 1 && digests.values().all(Option::is_some) {
                return Ok(begin.elapsed());
            }
            if begin.elapsed() > patience {
                bail!("after {} s the daemons hold different trees: {digests:?}", patience.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Lines of logs that show a panic or a daemon that gave up.
    #[must_use]
    pub fn panics(&self) -> Vec<String> {
        let alarming = |line: &&str| line.contains("panicked at");
        self.members()
            .iter()
            .flat_map(|member| {
                let log = member.log();
                let lines: Vec<String> =
                    log.lines().filter(alarming).map(|line| format!("{}: {line}", member.place.name)).collect();
                lines
            })
            .collect()
    }

    /// The links in both directions between two sets of daemons.
    #[must_use]
    pub fn links_between(&self, these: &[String], those: &[String]) -> Vec<Link> {
        let pairs = these.iter().flat_map(|one| those.iter().map(move |other| (one.clone(), other.clone())));
        pairs.flat_map(|(one, other)| [(one.clone(), other.clone()), (other, one)]).collect()
    }
}

/// The name of the port of a region's clients.
#[must_use]
pub fn client_port(region: &str) -> String {
    format!("clients-{region}")
}

fn ground(switch: Option<&Switch>, name: &str, address: Ipv4Addr) -> Result<Arc<Ground>> {
    let Some(switch) = switch else { return Ok(Arc::new(Ground::shared(name)?)) };
    let ground = Arc::new(Ground::isolated(name)?);
    switch.plug(name, &ground, address)?;
    Ok(ground)
}

/// One way between neighbouring regions; the third is twice as far.
const REGION_DELAY: Duration = Duration::from_millis(15);
