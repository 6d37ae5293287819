//! What an administrator does about members: each verb is one small transaction on the roster, refused when it would cost
//! the region its quorum. The steward on the leader makes it so; `hanse` looks on by [`Verbs::members`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hanse_base::clock::Clock;
use hanse_base::id::{DaemonId, RegionName};
use hanse_raft::group::Group;
use hanse_store::home::Home;
use hanse_store::roster::{Member, MemberRole, Membership, MembershipChange, Roster};
use hanse_store::txn::{Operation, Outcome, Refusal, Txn};
use hanse_sync::lane::Lane;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::admin::Role;
use crate::carriage::Carriage;
use crate::config::{Config, group_of};
use crate::status::{DaemonStatus, FederationStatus};

/// Changes members.
pub(crate) struct Verbs {
    /// This daemon.
    pub(crate) config: Arc<Config>,
    /// Raft.
    pub(crate) group: Group,
    /// The state that holds the roster.
    pub(crate) home: Arc<dyn Home>,
    /// The way to the leader.
    pub(crate) carriage: Carriage,
    /// For transactions' times.
    pub(crate) clock: Arc<dyn Clock>,
}

/// What shall become of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// It votes.
    Promote,
    /// It follows without a vote.
    Demote,
    /// It neither votes nor leads for the time being.
    Drain,
    /// It is no longer spared.
    Undrain,
    /// It leaves for ever.
    Remove,
}

/// What daemons of one region ask each other on the status lane, besides their status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "lowercase")]
pub(crate) enum Question {
    /// This daemon's status.
    Status {},
    /// Whether the asker, whose disk is empty, is known; asked in its own region of itself, elsewhere of its group.
    Founding {
        /// The asker's group.
        group: String,
    },
    /// That the leader lets another voter lead; any when none is named.
    Transfer {
        /// The other.
        to: Option<u64>,
    },
}

/// The own region, as its leader sees it.
struct Region {
    membership: Arc<Membership>,
    roster: Roster,
    leader: DaemonStatus,
}

impl Verbs {
    /// Changes what a member is wanted to be.
    ///
    /// # Errors
    /// One line that says why not, and what to do.
    pub(crate) async fn wish(&self, name: &str, wish: Wish, statuses: &FederationStatus) -> Result<Value, String> {
        for _ in 0..ATTEMPTS_MAX {
            let region = self.region(statuses).await?;
            let member = self.find(&region, name)?;
            let version = region.roster.version;
            let change = match wanted(&member, wish) {
                None => return Ok(json!({"name": member.name, "daemon": member.daemon, "changed": false})),
                Some(Some(member)) => {
                    self.may_put(&region, &member)?;
                    MembershipChange::PutMember { version, member }
                }
                Some(None) => {
                    region.may_lose(&member, "removing")?;
                    MembershipChange::RemoveMember { version, daemon: member.daemon }
                }
            };
            match self.change(change).await? {
                Outcome::Done { .. } => {
                    tracing::info!(name = %member.name, ?wish, "an administrator changes a member");
                    return Ok(json!({"name": member.name, "daemon": member.daemon, "changed": true}));
                }
                // Somebody else has changed the roster meanwhile: look again.
                Outcome::Refused(Refusal::Changed { .. }) => {}
                Outcome::Refused(refusal) => return Err(refusal.to_string()),
            }
        }
        Err("the roster is changed by somebody else all the time: try again".to_owned())
    }

    /// Lets another voter lead.
    ///
    /// # Errors
    /// As for [`Verbs::wish`].
    pub(crate) async fn transfer(&self, name: Option<&str>, statuses: &FederationStatus) -> Result<Value, String> {
        let region = self.region(statuses).await?;
        let to = match name {
            Some(name) => Some(self.find(&region, name)?.daemon),
            None => None,
        };
        if to.is_some_and(|to| to.0 == region.leader.daemon) {
            return Ok(json!({"leader": region.leader.name, "changed": false}));
        }
        let leader = DaemonId(region.leader.daemon);
        let question = Question::Transfer { to: to.map(|to| to.0) };
        if leader == self.config.daemon {
            return self.answer(question).await;
        }
        let request = Bytes::from(serde_json::to_vec(&question).map_err(|error| error.to_string())?);
        let answer = self.carriage.mesh().call(leader, Lane::Status, request, TRANSFER_MAX).await;
        let answer: Value = serde_json::from_slice(&answer.map_err(|error| error.to_string())?)
            .map_err(|error| format!("the leader's answer cannot be read: {error}"))?;
        match answer.get("error").and_then(Value::as_str) {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer),
        }
    }

    /// Carries out what another daemon of the region asks of the leader.
    ///
    /// # Errors
    /// As for [`Verbs::wish`].
    pub(crate) async fn answer(&self, question: Question) -> Result<Value, String> {
        let Question::Transfer { to } = question else { return Err("that is asked elsewhere".to_owned()) };
        let membership = Arc::clone(self.home.view().membership());
        let roster = membership.roster().ok_or_else(no_roster)?;
        let status = self.group.status();
        let wanted: BTreeSet<DaemonId> = roster.voters().map(|member| member.daemon).collect();
        let to = match to.map(DaemonId) {
            Some(to) => to,
            None => super::step::Scene::of(&status, roster)
                .successor(&status.voters, &wanted)
                .ok_or_else(|| "there is no other voter that could lead now: look at `hanse members`".to_owned())?,
        };
        let name = roster.member(to).map_or_else(|| to.to_string(), |member| member.name.clone());
        self.group.transfer_leader(to).await.map_err(|error| error.to_string())?;
        Ok(json!({"leader": name, "changed": true}))
    }

    /// Every daemon of the federation: what it is wanted to be, and what it is.
    pub(crate) fn members(&self, statuses: &FederationStatus) -> Value {
        let membership = Arc::clone(self.home.view().membership());
        let by_id: BTreeMap<u64, &DaemonStatus> =
            statuses.regions.iter().flat_map(|region| &region.daemons).map(|daemon| (daemon.daemon, daemon)).collect();
        let directory = self.carriage.directories().now();
        let roster_of = |region: &RegionName| {
            if *region == self.config.region { membership.roster() } else { membership.neighbours().get(region) }
        };
        let members: Vec<Value> = directory
            .members
            .iter()
            .map(|member| {
                let wanted = roster_of(&member.region).and_then(|roster| roster.member(member.daemon));
                let leader = leader_of(statuses, &member.region);
                row(member, wanted, leader, by_id.get(&member.daemon.0).copied())
            })
            .collect();
        let leader = leader_of(statuses, &self.config.region);
        let removed = membership.roster().map(|roster| roster.removed.clone()).unwrap_or_default();
        let in_raft = |daemon: DaemonId| {
            leader.is_some_and(|leader| leader.voters.contains(&daemon.0) || leader.learners.contains(&daemon.0))
        };
        let leaving: Vec<Value> = removed
            .iter()
            .filter(|removed| in_raft(removed.daemon))
            .map(|removed| json!({"name": removed.name, "daemon": removed.daemon}))
            .collect();
        json!({
            "federation": self.config.federation,
            "now_ms": self.clock.wall_ms(),
            "asked": self.config.own().name,
            "region": self.config.region,
            "version": membership.roster().map_or(0, |roster| roster.version),
            "leader": leader.map(|leader| &leader.name),
            "waits": leader.and_then(|leader| leader.waits.as_ref()),
            "members": members,
            "leaving": leaving,
        })
    }

    /// All regions, and whether they can be reached.
    pub(crate) fn regions(&self, statuses: &FederationStatus) -> Value {
        let view = self.home.view();
        let membership = view.membership();
        let regions: Vec<Value> = statuses
            .regions
            .iter()
            .map(|region| {
                let name = RegionName::new(&region.region).ok();
                let own = name.as_ref() == Some(&self.config.region);
                let roster = name.and_then(|name| {
                    if own { membership.roster().cloned() } else { membership.neighbours().get(&name).cloned() }
                });
                json!({
                    "region": region.region,
                    "founder": region.founder,
                    "reachable": region.reachable,
                    "daemons": region.daemons.len(),
                    "up": region.daemons.iter().filter(|daemon| daemon.reachable).count(),
                    "voters": roster.as_ref().map(|roster| roster.voters().count()),
                    "leader": leader_in(region).map(|leader| &leader.name),
                    "version": roster.map(|roster| roster.version),
                })
            })
            .collect();
        json!({"asked": self.config.own().name, "regions": regions, "removed": membership.removed_regions()})
    }

    /// Ends a region's membership in the federation.
    ///
    /// # Errors
    /// As for [`Verbs::wish`].
    pub(crate) async fn remove_region(&self, name: &str, force: bool) -> Result<Value, String> {
        let region = RegionName::new(name).map_err(|error| error.to_string())?;
        let view = self.home.read().await.map_err(|error| error.to_string())?;
        let group = group_of(&region);
        if region == self.config.founder {
            return Err(format!("`root` is at home in {region}, and cannot be without it"));
        }
        if region == self.config.region {
            return Err(format!("{region} is this daemon's own region: remove it from another region"));
        }
        let living = view.tree().iter().filter(|(_, node)| node.owner == group && !node.row.deleted).count();
        if living > 0 && !force {
            return Err(format!(
                "{living} workspaces are at home in {region}, and would be lost: delete them first; --force loses them"
            ));
        }
        if self.config.region != self.config.founder && !force {
            return Err(format!(
                "other regions believe the founding region {founder} when it says that one has left: ask a daemon of \
                 {founder}; --force makes only {own} forget it",
                founder = self.config.founder,
                own = self.config.region
            ));
        }
        match self.change(MembershipChange::RemoveRegion { region: region.clone() }).await? {
            Outcome::Done { .. } => {
                tracing::warn!(%region, living, "an administrator removed a region from the federation");
                Ok(json!({"region": region, "changed": true, "lost": living}))
            }
            Outcome::Refused(Refusal::Missing { .. }) => {
                Err(format!("there is no region {region}: look at `hanse region list`"))
            }
            Outcome::Refused(refusal) => Err(refusal.to_string()),
        }
    }

    /// Proposes one change.
    pub(crate) async fn change(&self, change: MembershipChange) -> Result<Outcome, String> {
        let operations = vec![Operation::Membership(change)];
        let txn = Txn { time_ms: self.clock.wall_ms(), preconditions: Vec::new(), operations };
        self.home.submit(txn).await.map_err(|error| error.to_string())
    }

    async fn region(&self, statuses: &FederationStatus) -> Result<Region, String> {
        let view = self.home.read().await.map_err(|error| error.to_string())?;
        let membership = Arc::clone(view.membership());
        let roster = membership.roster().cloned().ok_or_else(no_roster)?;
        let leader = leader_of(statuses, &self.config.region).cloned();
        let leader = leader.ok_or_else(|| {
            format!("region {} has no leader that can be reached: look at `hanse status`", self.config.region)
        })?;
        Ok(Region { membership, roster, leader })
    }

    fn find(&self, region: &Region, name: &str) -> Result<Member, String> {
        if let Some(member) = region.roster.named(name) {
            return Ok(member.clone());
        }
        let elsewhere = |(_, roster): &(&RegionName, &Roster)| roster.named(name).is_some();
        if let Some((other, _)) = region.membership.neighbours().iter().find(elsewhere) {
            return Err(format!(
                "{name} is of region {other}, which changes its members itself: ask one of its daemons, with --socket PATH"
            ));
        }
        if region.roster.removed.iter().any(|removed| removed.name == name) {
            return Err(format!("{name} was removed: it comes back only by joining anew (`hanse token create`)"));
        }
        Err(format!("there is no member {name} in region {}: look at `hanse members`", self.config.region))
    }

    /// Whether the region stays able to write when a member becomes what it shall be.
    fn may_put(&self, region: &Region, member: &Member) -> Result<(), String> {
        if member.is_voter() {
            if !region.is_live(member.daemon) {
                return Err(format!(
                    "{} is not there, and a voter that is not there costs the region the safety of one: start it first",
                    member.name
                ));
            }
            return Ok(());
        }
        region.may_lose(member, if member.drained { "draining" } else { "demoting" })
    }
}

impl Region {
    fn is_live(&self, daemon: DaemonId) -> bool {
        let mut followers = self.leader.followers.iter();
        self.leader.daemon == daemon.0 || followers.any(|follower| follower.daemon == daemon.0 && follower.is_live)
    }

    /// Whether the voters that would be left can still elect and write.
    fn may_lose(&self, member: &Member, doing: &str) -> Result<(), String> {
        let is_voter = |daemon: &DaemonId| self.leader.voters.contains(&daemon.0);
        if !is_voter(&member.daemon) && !self.roster.voters().any(|voter| voter.daemon == member.daemon) {
            return Ok(());
        }
        let left: Vec<&Member> = self.roster.voters().filter(|voter| voter.daemon != member.daemon).collect();
        if left.is_empty() {
            return Err(format!(
                "{} is the only voter of its region: {doing} it would lose everything that lives there; let another join \
                 first (`hanse token create`)",
                member.name
            ));
        }
        let silent: Vec<&str> =
            left.iter().filter(|voter| !self.is_live(voter.daemon)).map(|voter| &*voter.name).collect();
        let live = left.len() - silent.len();
        if live > left.len() / 2 {
            return Ok(());
        }
        Err(format!(
            "{doing} {} would leave {live} of {} voters, which is no majority: the region could not write any more; {} {} \
             not there: start or remove it first",
            member.name,
            left.len(),
            silent.join(", "),
            if silent.len() == 1 { "is" } else { "are" },
        ))
    }
}

/// What a member becomes by a wish: `None` when it is that already, `Some(None)` when it goes.
fn wanted(member: &Member, wish: Wish) -> Option<Option<Member>> {
    let next = match wish {
        Wish::Remove => return Some(None),
        Wish::Promote => Member { role: MemberRole::Voter, ..member.clone() },
        Wish::Demote => Member { role: MemberRole::Learner, ..member.clone() },
        Wish::Drain => Member { drained: true, ..member.clone() },
        Wish::Undrain => Member { drained: false, ..member.clone() },
    };
    (next != *member).then_some(Some(next))
}

fn row(
    member: &crate::config::Member,
    wanted: Option<&Member>,
    leader: Option<&DaemonStatus>,
    status: Option<&DaemonStatus>,
) -> Value {
    let id = member.daemon.0;
    let raft = leader.and_then(|leader| {
        let voter = leader.voters.contains(&id).then_some("voter");
        voter.or_else(|| leader.learners.contains(&id).then_some("learner"))
    });
    let follower = leader.and_then(|leader| leader.followers.iter().find(|follower| follower.daemon == id));
    let role = wanted.map(|wanted| Role::of(wanted.role));
    json!({
        "name": member.name,
        "region": member.region,
        "daemon": id,
        "role": role,
        "drained": wanted.is_some_and(|wanted| wanted.drained),
        "raft": raft,
        "reachable": status.is_some_and(|status| status.reachable),
        "state": status.and_then(|status| status.role.as_ref()),
        "lag": follower.map(|follower| follower.lag),
        "heard_ms": follower.and_then(|follower| follower.heard_ms),
        "address": member.peers,
        "api": member.api,
        "certificate_end_ms": status.and_then(|status| status.certificate_end_ms),
        "error": status.and_then(|status| status.error.as_ref()),
    })
}

/// The status of a region's leader: the one named in the highest term, if it has answered.
fn leader_of<'a>(statuses: &'a FederationStatus, region: &RegionName) -> Option<&'a DaemonStatus> {
    leader_in(statuses.regions.iter().find(|found| found.region == region.as_str())?)
}

fn leader_in(region: &crate::status::RegionStatus) -> Option<&DaemonStatus> {
    let known = region.daemons.iter().filter(|daemon| daemon.reachable && daemon.leader.is_some());
    let newest = known.max_by_key(|daemon| daemon.term)?;
    region.daemons.iter().find(|daemon| daemon.reachable && Some(daemon.daemon) == newest.leader)
}

fn no_roster() -> String {
    "the region has not been founded yet: look at `hanse status`".to_owned()
}

/// How often a change is tried when others change the roster at the same time.
const ATTEMPTS_MAX: usize = 8;
/// How long a leader may take to hand over.
const TRANSFER_MAX: Duration = Duration::from_secs(3);
