//! What this daemon knows of itself and the others: the answers to `hanse`, and to other daemons' questions.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use futures_util::future::join_all;
use hanse_base::clock::Clock;
use hanse_base::id::{DaemonId, GroupId};
use hanse_base::net::BoxFuture;
use hanse_base::pulse::Pulse;
use hanse_base::random::Random;
use hanse_raft::group::Group;
use hanse_raft::status::{FollowerStatus, GroupStatus, Role};
use hanse_store::home::Home;
use hanse_store::state::State;
use hanse_sync::lane::Lane;
use hanse_sync::mesh::LinkState;
use serde_json::{Value, json};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;

use crate::admin::{Administration, Request};
use crate::carriage::Carriage;
use crate::config::{Config, Member, group_of};
use crate::debug::debug;
use crate::federation::Contacts;
use crate::findings::findings;
use crate::forest::{PAGE_NODES_MAX, digest, heads, walk};
use crate::founding::Founding;
use crate::keys;
use crate::members::invite::Grant;
use crate::members::step::{Scene, Step};
use crate::members::verbs::{Question, Verbs, Wish};
use crate::metrics::Sources;
use crate::process::rss_bytes;
use crate::renewal::RenewalState;
use crate::space::{Room, Space};
use crate::standing::Standing;
use crate::status::{
    CertificateStatus, DaemonStatus, FederationStatus, Follower, Head, LinkStatus, RegionStatus, TreeStatus,
};

/// Collects what can be told.
pub(crate) struct Overview {
    config: Arc<Config>,
    group: Group,
    home: Arc<dyn Home>,
    carriage: Carriage,
    contacts: Contacts,
    renewal: RenewalState,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    verbs: Arc<Verbs>,
    started: Instant,
    /// Places for requests that other daemons carry here.
    carried: Semaphore,
    /// Beats while the loop of streams from other daemons lives.
    pulse: Pulse,
    space: Space,
    /// What `hanse debug` shows, once there is everything that it looks at.
    sources: OnceLock<Arc<Sources>>,
    /// The digest that was asked for last. Held while one is made: who asks meanwhile waits for it.
    digest: Mutex<Option<Digested>>,
}

/// The digest of a tree.
#[derive(Clone)]
struct Digested {
    /// What it was made from.
    heads: Vec<Head>,
    /// Live workspaces.
    workspaces: u64,
    digest: String,
}

/// What an overview looks at.
pub(crate) struct Views {
    /// The own group's replica.
    pub(crate) group: Group,
    /// Its state.
    pub(crate) home: Arc<dyn Home>,
    /// The way to others.
    pub(crate) carriage: Carriage,
    /// What the follower of other groups knows.
    pub(crate) contacts: Contacts,
    /// How the renewal of the own certificate goes.
    pub(crate) renewal: RenewalState,
    /// Room on the disk.
    pub(crate) space: Space,
}

impl Overview {
    /// Begins to count the uptime.
    pub(crate) fn new(config: Arc<Config>, views: Views, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let Views { group, home, carriage, contacts, renewal, space } = views;
        let verbs = Arc::new(Verbs {
            config: Arc::clone(&config),
            group: group.clone(),
            home: Arc::clone(&home),
            carriage: carriage.clone(),
            clock: Arc::clone(&clock),
        });
        Self {
            config,
            group,
            home,
            carriage,
            contacts,
            renewal,
            clock,
            random,
            verbs,
            started: Instant::now(),
            carried: Semaphore::new(CARRIED_MAX),
            pulse: Pulse::default(),
            space,
            sources: OnceLock::new(),
            digest: Mutex::new(None),
        }
    }

    /// The own group.
    pub(crate) fn home(&self) -> &Arc<dyn Home> {
        &self.home
    }

    /// What changes members.
    pub(crate) fn verbs(&self) -> &Arc<Verbs> {
        &self.verbs
    }

    /// The time.
    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Places for requests that other daemons carry here.
    pub(crate) fn carried(&self) -> &Semaphore {
        &self.carried
    }

    /// Says what `hanse debug` looks at. Only the first call counts.
    pub(crate) fn attach(&self, sources: Arc<Sources>) {
        self.sources.get_or_init(|| sources);
    }

    /// Beats while the loop of streams from other daemons lives.
    pub(crate) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// This daemon alone.
    pub(crate) async fn own_status(&self) -> DaemonStatus {
        let raft = self.group.status();
        let view = self.home.view();
        let role = match raft.role {
            Role::Leader => "leader",
            Role::Follower => "follower",
            Role::Candidate => "candidate",
            Role::Learner => "learner",
            Role::Stopped => "stopped",
        };
        let Digested { heads, workspaces, digest } = self.digest(&view).await;
        let engine_answers = timeout(ENGINE_MAX, self.group.engine_answers()).await.unwrap_or(false);
        let failure = self.group.failure().borrow().as_ref().map(ToString::to_string);
        let space = self.space.bytes();
        DaemonStatus {
            name: self.config.own().name.clone(),
            daemon: self.config.daemon.0,
            version: Some(VERSION.to_owned()),
            reachable: true,
            error: None,
            role: Some(role.to_owned()),
            leader: raft.leader.map(|leader| leader.0),
            term: Some(raft.term.0),
            last_log: raft.last_log.map(|index| index.0),
            committed: raft.committed.map(|index| index.0),
            applied: raft.applied.map(|index| index.0),
            snapshot: raft.snapshot.map(|index| index.0),
            revision: Some(view.revision().0),
            uptime_ms: Some(milliseconds(self.started.elapsed())),
            rss_bytes: rss_bytes(),
            workspaces: Some(view.cluster_count() as u64),
            carried: Some((CARRIED_MAX - self.carried.available_permits()) as u64),
            certificate_end_ms: self.certificate_end_ms(),
            certificate_error: self.renewal.error(),
            tree: Some(TreeStatus { digest, workspaces, heads, lag: self.contacts.lag() }),
            voters: raft.voters.iter().map(|daemon| daemon.0).collect(),
            learners: raft.learners.iter().map(|daemon| daemon.0).collect(),
            followers: raft.followers.iter().map(follower).collect(),
            waits: self.waits(&raft),
            removed: self.removed(),
            links: self.links(),
            now_ms: Some(self.clock.wall_ms()),
            skew_ms: None,
            disk: Some(raft.disk.as_str().to_owned()),
            disk_free_bytes: space.map(|(free, _)| free),
            disk_total_bytes: space.map(|(_, total)| total),
            disk_low: self.space.room() != Room::Ample,
            failure,
            engine_answers: Some(engine_answers),
            certificates: self.certificates().await,
        }
    }

    fn certificate_end_ms(&self) -> Option<u64> {
        let end = self.carriage.mesh().certificate_end()?.duration_since(SystemTime::UNIX_EPOCH);
        Some(milliseconds(end.unwrap_or_default()))
    }

    /// What a leader's steward waits for.
    fn waits(&self, raft: &GroupStatus) -> Option<String> {
        let view = self.home.view();
        let roster = view.membership().roster().filter(|_| raft.role == Role::Leader)?;
        match Scene::of(raft, roster).step() {
            Step::Wait(why) => Some(why),
            _ => None,
        }
    }

    /// That this daemon belongs to the federation no more: its state says so, or those do that it wants to reach.
    fn removed(&self) -> Option<String> {
        let directory = self.carriage.directories().now();
        if let Some(removed) = &directory.removed {
            let ago = self.clock.wall_ms().saturating_sub(removed.at_ms) / 1000;
            return Some(format!(
                "{} was removed from its region {ago} s ago: stop it; its data is of no more use",
                removed.name
            ));
        }
        let links = self.links();
        let is_shut_out = links.iter().any(|link| link.not_a_member) && !links.iter().any(|link| link.rtt_us.is_some());
        is_shut_out.then(|| {
            "this daemon or its region was removed from the federation, or has not been let in yet: the others refuse its links"
                .to_owned()
        })
    }

    /// Answers another daemon on the status lane. What changes something is open to members of the own region only.
    pub(crate) async fn asked(&self, by: DaemonId, standing: Standing, request: &[u8]) -> Value {
        let answer = match (serde_json::from_slice(request), standing) {
            (Ok(Question::Status {}), _) => {
                serde_json::to_value(self.own_status().await).map_err(|error| error.to_string())
            }
            // Whether it has been there before cannot be told either: this daemon's state may be too old.
            (Ok(_), Standing::Guest | Standing::Stranger) => Err("this daemon does not know the asker".to_owned()),
            (Ok(Question::Founding { .. }), Standing::Member) => Ok(json!(Founding { known: self.knows(by) })),
            (Ok(Question::Founding { group }), Standing::Foreign) => {
                Ok(json!(Founding { known: self.knows_group(&group) }))
            }
            (Ok(question), Standing::Member) => self.verbs.answer(question).await,
            (Ok(_), Standing::Foreign) => Err("a daemon of another region asks for a change".to_owned()),
            (Err(error), _) => Err(format!("the question is not understood: {error}")),
        };
        answer.unwrap_or_else(|error| json!({"error": error}))
    }

    /// Whether a daemon of the own region, whose disk is empty, has held something of the group, or has no place in it.
    fn knows(&self, daemon: DaemonId) -> bool {
        let view = self.home.view();
        let Some(roster) = view.membership().roster() else { return view.region().is_some() };
        let raft = self.group.status();
        let held = raft.followers.get(&daemon).is_some_and(|follower| follower.matched.is_some());
        held || raft.voters.contains(&daemon) || roster.member(daemon).is_none()
    }

    /// Whether something of another region's group is held here.
    fn knows_group(&self, group: &str) -> bool {
        let view = self.home.view();
        GroupId::new(group).is_ok_and(|group| view.cursor(&group).positions().next().is_some())
    }

    async fn change_members(&self, request: Request) -> Result<Value, String> {
        let verbs = &self.verbs;
        // Whoever has asked may ask another daemon instead. One that was cut off before it heard of its removal knows it from
        // the others, who refuse its links.
        if let Some(why) = self.removed() {
            return Ok(json!({"error": format!("{}: {why}: ask another", self.config.own().name), "gone": true}));
        }
        match request {
            Request::Tokens {} => return Ok(verbs.tokens()),
            Request::Revoke { id } => return verbs.revoke(&id).await,
            Request::RemoveRegion { name, force } => return verbs.remove_region(&name, force).await,
            Request::Grant { role, ttl_ms, new_region } => {
                return verbs.grant(Grant { role, ttl_ms, new_region }, &self.random).await;
            }
            _ => {}
        }
        let statuses = self.federation_status().await;
        match request {
            Request::Regions {} => Ok(verbs.regions(&statuses)),
            Request::Promote { name } => verbs.wish(&name, Wish::Promote, &statuses).await,
            Request::Demote { name } => verbs.wish(&name, Wish::Demote, &statuses).await,
            Request::Remove { name } => verbs.wish(&name, Wish::Remove, &statuses).await,
            Request::Drain { name, undo: false } => verbs.wish(&name, Wish::Drain, &statuses).await,
            Request::Drain { name, undo: true } => verbs.wish(&name, Wish::Undrain, &statuses).await,
            Request::Transfer { name } => verbs.transfer(name.as_deref(), &statuses).await,
            _ => Ok(verbs.members(&statuses)),
        }
    }

    /// When the certificates end, read from their files, which may have been renewed. Nothing, where that takes long.
    async fn certificates(&self) -> Vec<CertificateStatus> {
        let config = Arc::clone(&self.config);
        let read = tokio::task::spawn_blocking(move || {
            let files = [("api", &config.api.certificate), ("peers", &config.peers.certificate)];
            let status = |(purpose, path): (&str, &PathBuf)| {
                let (not_before_ms, not_after_ms) = keys::validity(path)?;
                Some(CertificateStatus { purpose: purpose.to_owned(), not_before_ms, not_after_ms })
            };
            files.into_iter().filter_map(status).collect()
        });
        timeout(ENGINE_MAX, read).await.ok().and_then(Result::ok).unwrap_or_default()
    }

    fn links(&self) -> Vec<LinkStatus> {
        let link = |link: hanse_sync::mesh::LinkStatus| {
            let (state, rtt_us, why, not_a_member) = match link.state {
                LinkState::Connected { rtt, .. } => ("connected", u64::try_from(rtt.as_micros()).ok(), None, false),
                LinkState::Dialing => ("dialing", None, None, false),
                LinkState::Down { why, not_a_member, .. } => ("down", None, Some(why), not_a_member),
            };
            LinkStatus { daemon: link.peer.daemon.0, state: state.to_owned(), rtt_us, why, not_a_member }
        };
        self.carriage.mesh().links().into_iter().map(link).collect()
    }

    /// Digesting costs as much as the tree is large: it is done on a thread of its own, once for each state of the tree.
    async fn digest(&self, view: &Arc<State>) -> Digested {
        let heads = heads(view);
        let mut known = self.digest.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.heads == heads) {
            return known.clone();
        }
        let view = Arc::clone(view);
        let made = tokio::task::spawn_blocking(move || digest(&view)).await;
        // It fails only when the runtime ends.
        let (workspaces, digest) = made.unwrap_or_default();
        let digested = Digested { heads, workspaces, digest };
        *known = Some(digested.clone());
        digested
    }

    /// All daemons, asked side by side, each for at most [`COLLECT_MAX`].
    async fn federation_status(&self) -> FederationStatus {
        let directory = self.carriage.directories().now();
        let daemons = join_all(directory.members.iter().map(|member| self.status_of(member))).await;
        let mut regions: Vec<RegionStatus> = directory
            .regions()
            .iter()
            .map(|region| RegionStatus {
                group: group_of(region).to_string(),
                founder: *region == self.config.founder,
                region: region.to_string(),
                reachable: false,
                error: None,
                daemons: Vec::new(),
            })
            .collect();
        for (member, daemon) in directory.members.iter().zip(daemons) {
            if let Some(region) = regions.iter_mut().find(|region| region.region == member.region.as_str()) {
                region.reachable |= daemon.reachable;
                region.daemons.push(daemon);
            }
        }
        for region in regions.iter_mut().filter(|region| !region.reachable) {
            region.error = Some("none of its daemons answers".to_owned());
        }
        let now_ms = self.clock.wall_ms();
        let (federation, asked) = (self.config.federation.clone(), self.config.own().name.clone());
        let findings = findings(&regions, now_ms);
        FederationStatus { federation, now_ms, asked, warning: self.removed(), regions, findings }
    }

    async fn status_of(&self, member: &Member) -> DaemonStatus {
        if member.daemon == self.config.daemon {
            return self.own_status().await;
        }
        let request = Bytes::from_static(br#"{"request":"status"}"#);
        let asked_ms = self.clock.wall_ms();
        let answer = self.carriage.mesh().call(member.daemon, Lane::Status, request, COLLECT_MAX).await;
        let answered_ms = self.clock.wall_ms();
        let status = answer.map_err(|error| error.to_string()).and_then(|answer| {
            serde_json::from_slice::<DaemonStatus>(&answer)
                .map_err(|error| format!("its answer cannot be read: {error}"))
        });
        // Name and id are the configuration's: a daemon does not speak for another.
        let (name, daemon) = (member.name.clone(), member.daemon.0);
        match status {
            Ok(status) => {
                let skew_ms = status.now_ms.and_then(|theirs| skew(theirs, asked_ms, answered_ms));
                DaemonStatus { name, daemon, reachable: true, error: None, skew_ms, ..status }
            }
            Err(error) => DaemonStatus { name, daemon, error: Some(error), ..DaemonStatus::default() },
        }
    }

    async fn respond(&self, request: Request) -> Result<Value, String> {
        let written = match request {
            Request::Status {} => serde_json::to_value(self.federation_status().await),
            Request::Tree { path, after } => {
                serde_json::to_value(walk(&self.home.view(), &path, after.as_deref(), PAGE_NODES_MAX)?)
            }
            Request::Debug {} => {
                let sources = self.sources.get().ok_or("the daemon is still starting: try again")?;
                let status = self.own_status().await;
                Ok(debug(sources, &status, self.started.elapsed()))
            }
            Request::Version {} => {
                let (own, region) = (self.config.own(), self.config.region.as_str());
                Ok(json!({"version": VERSION, "name": own.name, "region": region}))
            }
            Request::Backup { .. } | Request::Restore { .. } => return Err("this daemon gives no files".to_owned()),
            other => return self.change_members(other).await,
        };
        written.map_err(|error| error.to_string())
    }
}

impl Administration for Overview {
    fn answer(&self, request: Request) -> BoxFuture<'_, Result<Value, String>> {
        Box::pin(self.respond(request))
    }
}

fn follower((daemon, status): (&DaemonId, &FollowerStatus)) -> Follower {
    Follower { daemon: daemon.0, lag: status.lag, heard_ms: status.heard.map(milliseconds), is_live: status.is_live }
}

/// How far another clock is ahead, of which it is known only that it was read between two of our own times: nothing, when it
/// lies between them.
fn skew(theirs: u64, asked: u64, answered: u64) -> Option<i64> {
    let ahead = theirs.saturating_sub(answered.max(asked));
    let behind = asked.min(answered).saturating_sub(theirs);
    i64::try_from(ahead).ok()?.checked_sub(i64::try_from(behind).ok()?)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Carried requests of all peers at once, watches included. Above it: 503 with Retry-After.
pub(crate) const CARRIED_MAX: usize = 16_384;
/// How long the consensus engine may take to say that it lives, and a file to be read.
const ENGINE_MAX: Duration = Duration::from_millis(300);
/// How long another daemon may take for its status.
const COLLECT_MAX: Duration = Duration::from_secs(1);
