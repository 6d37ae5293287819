//! Who belongs to the federation, as a group holds it.
//!
//! A region's group is the only writer of its region's roster: a list of members with the role that each is *wanted* in,
//! and a version that grows by one at each change. Of other regions it holds copies. What Raft's membership is at a moment
//! is Raft's to say; the daemon moves it towards the roster.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use hanse_base::id::{DaemonId, RegionName, is_segment};
use serde::{Deserialize, Serialize};

use crate::token::Token;
use crate::txn::Refusal;

/// The most daemons of one federation.
pub const MEMBERS_MAX: usize = 256;
/// The most members of one region that vote.
pub const VOTERS_MAX: usize = 5;
/// Removed daemons that a roster remembers, so that they can be told why they are not let in. The oldest are forgotten
/// first; their ids were minted at random and come up no more.
pub const REMOVED_MAX: usize = 64;
/// How far the versions of a group that was restored from a backup lie above the backup's.
const VERSION_MARGIN: u64 = 1 << 32;
/// Regions that a federation remembers as removed. Their names are never used again.
pub const REMOVED_REGIONS_MAX: usize = 256;

/// What a member is wanted to do in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MemberRole {
    /// It follows, and has no vote.
    Learner,
    /// It votes.
    Voter,
}

/// A daemon of a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its id, minted for it and never used again.
    pub daemon: DaemonId,
    /// Its name, for people; unique in its region.
    pub name: String,
    /// What it is wanted to do.
    pub role: MemberRole,
    /// Whether it is to be spared for the time being: it neither votes nor leads, whatever its role.
    pub drained: bool,
    /// Where others reach its QUIC port.
    pub peers: SocketAddr,
    /// Its own API address.
    pub api: String,
}

impl Member {
    /// Whether it is wanted as a voter now.
    #[must_use]
    pub fn is_voter(&self) -> bool {
        self.role == MemberRole::Voter && !self.drained
    }
}

/// A daemon that belonged to a region once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// Its id.
    pub daemon: DaemonId,
    /// Its name.
    pub name: String,
    /// Where others reached it: while it hands over, they still do.
    pub peers: SocketAddr,
    /// The time of the transaction that removed it.
    pub at_ms: u64,
}

/// What a region's group says of its own region.
///
/// Relations: members are sorted by id, and no two share an id, a name or an address; a roster with a version has one to
/// [`VOTERS_MAX`] voters; no member is among the removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// How often it has changed. 0: an introduction by somebody else, which says where to begin to ask.
    pub version: u64,
    /// The members, by id.
    pub members: Vec<Member>,
    /// Who was a member, oldest first.
    pub removed: Vec<Removed>,
}

impl Roster {
    /// The first version of a roster, or with version 0 an introduction.
    ///
    /// # Errors
    /// The members break the roster's relations.
    pub fn new(version: u64, mut members: Vec<Member>) -> Result<Self, Refusal> {
        members.sort_by_key(|member| member.daemon);
        let roster = Self { version, members, removed: Vec::new() };
        roster.sound()?;
        Ok(roster)
    }

    /// The member with the id.
    #[must_use]
    pub fn member(&self, daemon: DaemonId) -> Option<&Member> {
        self.members.iter().find(|member| member.daemon == daemon)
    }

    /// The member with the name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// The members that are wanted as voters.
    pub fn voters(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.is_voter())
    }

    /// Whether the relations hold.
    ///
    /// # Errors
    /// Which does not.
    pub fn sound(&self) -> Result<(), Refusal> {
        let forbidden = |why: String| Err(Refusal::Forbidden { why });
        if self.members.len() > MEMBERS_MAX || self.removed.len() > REMOVED_MAX {
            return forbidden(format!("a federation has at most {MEMBERS_MAX} daemons"));
        }
        let (mut names, mut addresses) = (BTreeSet::new(), BTreeSet::new());
        for (position, member) in self.members.iter().enumerate() {
            if member.daemon.0 == 0 || !is_segment(&member.name) || member.api.len() > API_BYTES_MAX {
                return forbidden(format!("member {:?} has no id, or no name, or no address", member.name));
            }
            if position > 0 && self.members[position - 1].daemon >= member.daemon {
                return forbidden(format!("daemon {} is a member already", member.daemon));
            }
            if !names.insert(&member.name) {
                return forbidden(format!("there is a member of the name {} already", member.name));
            }
            if !addresses.insert(member.peers) {
                return forbidden(format!("there is a member with the address {} already", member.peers));
            }
            if self.removed.iter().any(|removed| removed.daemon == member.daemon) {
                return forbidden(format!("daemon {} was removed, and its id is never used again", member.daemon));
            }
        }
        let voters = self.voters().count();
        if self.version > 0 && voters == 0 {
            return forbidden("a region needs at least one voter".to_owned());
        }
        if voters > VOTERS_MAX {
            return forbidden(format!("a region has at most {VOTERS_MAX} voters: let the new member be a learner"));
        }
        Ok(())
    }

    /// This roster with a member put or replaced.
    fn with(&self, member: Member) -> Result<Self, Refusal> {
        let mut next = self.clone();
        next.members.retain(|other| other.daemon != member.daemon);
        next.members.push(member);
        next.members.sort_by_key(|member| member.daemon);
        next.version += 1;
        next.sound()?;
        Ok(next)
    }

    /// This roster without a member.
    fn without(&self, daemon: DaemonId, at_ms: u64) -> Result<Self, Refusal> {
        let mut next = self.clone();
        let position = next.members.iter().position(|member| member.daemon == daemon);
        let Some(position) = position else { return Err(Refusal::Missing { what: format!("daemon {daemon}") }) };
        let Member { name, peers, .. } = next.members.remove(position);
        if next.removed.len() == REMOVED_MAX {
            next.removed.remove(0);
        }
        next.removed.push(Removed { daemon, name, peers, at_ms });
        next.version += 1;
        next.sound()?;
        Ok(next)
    }
}

/// The own region's roster, those of the others, and who may join.
///
/// Relations: all rosters are sound and have at most [`MEMBERS_MAX`] members together; the own region and the removed
/// ones are no neighbours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Grows with every change that others hear of.
    pub(crate) version: u64,
    /// The own region's roster; none until it is seeded.
    pub(crate) roster: Option<Roster>,
    /// Those of other regions, as far as they are known.
    pub(crate) neighbours: BTreeMap<RegionName, Roster>,
    /// Regions that have left the federation.
    pub(crate) removed_regions: BTreeSet<RegionName>,
    /// Tokens by their ids.
    pub(crate) tokens: BTreeMap<String, Token>,
}

impl Membership {
    /// How often something has changed that others hear of.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The own region's roster; none until it is seeded.
    #[must_use]
    pub fn roster(&self) -> Option<&Roster> {
        self.roster.as_ref()
    }

    /// The rosters of other regions, as far as they are known.
    #[must_use]
    pub fn neighbours(&self) -> &BTreeMap<RegionName, Roster> {
        &self.neighbours
    }

    /// Regions that have left the federation.
    #[must_use]
    pub fn removed_regions(&self) -> &BTreeSet<RegionName> {
        &self.removed_regions
    }

    /// The tokens, by id.
    pub fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.tokens.values()
    }

    /// The token with the id.
    #[must_use]
    pub fn token(&self, id: &str) -> Option<&Token> {
        self.tokens.get(id)
    }

    /// The membership of a group that begins again from a backup: its daemon is the only member, in a version above all that
    /// others can have heard of. Those who were members are told that they are none any more. No token from before is good.
    pub(crate) fn revived(&self, own: Member, at_ms: u64) -> Self {
        let before = self.roster.clone().unwrap_or_default();
        let gone = before.members.into_iter().filter(|member| member.daemon != own.daemon);
        let gone = gone.map(|Member { daemon, name, peers, .. }| Removed { daemon, name, peers, at_ms });
        let mut removed: Vec<Removed> =
            before.removed.into_iter().filter(|removed| removed.daemon != own.daemon).chain(gone).collect();
        removed.drain(..removed.len().saturating_sub(REMOVED_MAX));
        let roster = Roster { version: before.version.saturating_add(VERSION_MARGIN), members: vec![own], removed };
        Self {
            version: self.version.saturating_add(VERSION_MARGIN),
            roster: Some(roster),
            tokens: BTreeMap::new(),
            ..self.clone()
        }
    }

    /// Whether the relations hold.
    ///
    /// # Errors
    /// Which does not.
    pub fn sound(&self) -> Result<(), Refusal> {
        let rosters = self.roster.iter().chain(self.neighbours.values());
        let mut members = 0;
        for roster in rosters {
            roster.sound()?;
            members += roster.members.len();
        }
        if members > MEMBERS_MAX {
            return Err(Refusal::Forbidden { why: format!("a federation has at most {MEMBERS_MAX} daemons") });
        }
        if self.removed_regions.iter().any(|region| self.neighbours.contains_key(region)) {
            return Err(Refusal::Forbidden { why: "a region that has left is a neighbour".to_owned() });
        }
        if self.removed_regions.len() > REMOVED_REGIONS_MAX {
            return Err(Refusal::Forbidden { why: format!("more than {REMOVED_REGIONS_MAX} regions have left") });
        }
        self.tokens.iter().try_for_each(|(id, token)| token.sound(id))
    }
}

/// A step of a transaction on who belongs to the federation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MembershipChange {
    /// The first roster of the region, and first contacts in others: what the founders' configuration says. No effect on
    /// what is known already.
    Seed {
        /// The founders.
        members: Vec<Member>,
        /// Members of other regions.
        neighbours: Vec<(RegionName, Vec<Member>)>,
    },
    /// Adds a member, or changes its role or addresses.
    PutMember {
        /// The version of the roster that the writer saw.
        version: u64,
        /// The member as it shall be.
        member: Member,
    },
    /// Removes a member for ever.
    RemoveMember {
        /// The version of the roster that the writer saw.
        version: u64,
        /// The member.
        daemon: DaemonId,
    },
    /// Lets somebody join.
    GrantToken(Token),
    /// Takes a token back. A member that has joined by it stays.
    RevokeToken {
        /// Its id.
        id: String,
    },
    /// Joins by a token: adds a member in the token's role, or introduces the first member of a new region. By the same
    /// key once more: no effect.
    RedeemToken {
        /// The token's id.
        id: String,
        /// SHA-256 of the secret that the joiner knows.
        secret_hash: [u8; 32],
        /// SHA-256 of the joiner's public key.
        key: [u8; 32],
        /// The member as it would be. The role is the token's.
        member: Member,
    },
    /// What another region's group says of its region. No effect when it is not newer than what is known.
    SetNeighbour {
        /// The region.
        region: RegionName,
        /// Its roster; with version 0, an introduction, which counts only while nothing better is known.
        roster: Roster,
    },
    /// A region leaves the federation for ever.
    RemoveRegion {
        /// The region.
        region: RegionName,
    },
}

impl Membership {
    /// What comes of a change; `None` when it has no effect. `own` is the region of the group.
    pub(crate) fn changed(
        &self,
        own: &RegionName,
        change: MembershipChange,
        time_ms: u64,
    ) -> Result<Option<Self>, Refusal> {
        let mut next = self.clone();
        let told = match change {
            MembershipChange::Seed { members, neighbours } => next.seed(own, members, neighbours)?,
            MembershipChange::PutMember { version, member } => {
                next.roster = Some(next.roster_at(version)?.with(member)?);
                true
            }
            MembershipChange::RemoveMember { version, daemon } => {
                next.roster = Some(next.roster_at(version)?.without(daemon, time_ms)?);
                true
            }
            MembershipChange::GrantToken(token) => {
                next.grant(own, token, time_ms)?;
                false
            }
            MembershipChange::RevokeToken { id } => {
                next.tokens.remove(&id).ok_or_else(|| Refusal::Missing { what: format!("token {id}") })?;
                false
            }
            MembershipChange::RedeemToken { id, secret_hash, key, member } => {
                next.redeem(&id, (secret_hash, key), member, time_ms)?
            }
            MembershipChange::SetNeighbour { region, roster } => next.set_neighbour(own, region, roster),
            MembershipChange::RemoveRegion { region } => next.remove_region(own, region)?,
        };
        if next == *self {
            return Ok(None);
        }
        next.version += u64::from(told);
        next.sound()?;
        Ok(Some(next))
    }

    fn roster_at(&self, version: u64) -> Result<&Roster, Refusal> {
        let roster = self.roster.as_ref().ok_or_else(|| Refusal::Missing { what: "the roster".to_owned() })?;
        if roster.version == version { Ok(roster) } else { Err(Refusal::Changed { current: roster.version }) }
    }

    fn seed(
        &mut self,
        own: &RegionName,
        members: Vec<Member>,
        neighbours: Vec<(RegionName, Vec<Member>)>,
    ) -> Result<bool, Refusal> {
        if self.roster.is_none() {
            self.roster = Some(Roster::new(1, members)?);
        }
        for (region, members) in neighbours {
            let introduction = Roster::new(0, members)?;
            self.set_neighbour(own, region, introduction);
        }
        Ok(true)
    }

    fn set_neighbour(&mut self, own: &RegionName, region: RegionName, roster: Roster) -> bool {
        let is_news = match self.neighbours.get(&region) {
            None => true,
            Some(known) => roster.version > known.version,
        };
        let counts = region != *own && !self.removed_regions.contains(&region) && is_news;
        if counts {
            self.neighbours.insert(region, roster);
        }
        counts
    }

    fn remove_region(&mut self, own: &RegionName, region: RegionName) -> Result<bool, Refusal> {
        if region == *own {
            return Err(Refusal::Forbidden { why: format!("a group of region {region} cannot remove its own region") });
        }
        if self.removed_regions.contains(&region) {
            return Ok(false);
        }
        self.neighbours.remove(&region).ok_or_else(|| Refusal::Missing { what: format!("region {region}") })?;
        self.tokens.retain(|_, token| token.new_region.as_ref() != Some(&region));
        self.removed_regions.insert(region);
        Ok(true)
    }

    fn grant(&mut self, own: &RegionName, token: Token, time_ms: u64) -> Result<(), Refusal> {
        self.tokens.retain(|_, held| !held.is_stale(time_ms));
        token.may_be_granted(self.tokens.len(), time_ms)?;
        if self.tokens.contains_key(&token.id) {
            return Err(Refusal::Exists { what: format!("token {}", token.id) });
        }
        if let Some(region) = &token.new_region
            && (region == own || self.neighbours.contains_key(region) || self.removed_regions.contains(region))
        {
            return Err(Refusal::Forbidden {
                why: format!("there is or was a region {region} already: give the new one another name"),
            });
        }
        self.tokens.insert(token.id.clone(), token);
        Ok(())
    }

    /// Adds who redeems a token. False when the same key has redeemed it before: nothing changes then.
    fn redeem(
        &mut self,
        id: &str,
        (secret_hash, key): ([u8; 32], [u8; 32]),
        member: Member,
        time_ms: u64,
    ) -> Result<bool, Refusal> {
        let token = self.tokens.get_mut(id).ok_or_else(|| Refusal::Missing { what: format!("token {id}") })?;
        if !token.redeem(secret_hash, key, (member.daemon, time_ms))? {
            return Ok(false);
        }
        let member = Member { role: token.role, drained: false, ..member };
        let Some(region) = token.new_region.clone() else {
            let roster = self.roster.as_ref().ok_or_else(|| Refusal::Missing { what: "the roster".to_owned() })?;
            if roster.member(member.daemon).is_some() {
                return Err(Refusal::Exists { what: format!("daemon {}", member.daemon) });
            }
            self.roster = Some(roster.with(member)?);
            return Ok(true);
        };
        if self.neighbours.contains_key(&region) || self.removed_regions.contains(&region) {
            return Err(Refusal::Exists { what: format!("region {region}") });
        }
        self.neighbours.insert(region, Roster::new(0, vec![member])?);
        Ok(true)
    }
}

/// A member's API address is a URL with a host; longer ones are none.
const API_BYTES_MAX: usize = 512;
