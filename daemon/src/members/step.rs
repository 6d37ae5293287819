//! What the leader of a group does next, so that Raft's membership becomes what the roster wants. Pure: a function of what
//! it sees, without a state of its own, so that any leader at any moment goes on where another stopped.
//!
//! In this order: finish a change that was interrupted; add who is missing, without a vote; give votes to those who have
//! caught up; take votes away; let go of who has no vote and no place. Votes are given before they are taken, one at a
//! time, and never so that the voters which are alive would be no majority of the new set. A leader that is to lose its
//! vote hands over first.

use std::collections::{BTreeMap, BTreeSet};

use hanse_base::id::DaemonId;
use hanse_raft::status::{FollowerStatus, GroupStatus};
use hanse_store::roster::Roster;

/// What a leader sees of its group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    /// The leader itself.
    pub(crate) me: DaemonId,
    /// What is wanted.
    pub(crate) roster: &'a Roster,
    /// What Raft has: the voters, in two sets while a change is under way.
    pub(crate) voter_sets: &'a [BTreeSet<DaemonId>],
    /// Members without a vote.
    pub(crate) learners: &'a BTreeSet<DaemonId>,
    /// How the others keep up.
    pub(crate) followers: &'a BTreeMap<DaemonId, FollowerStatus>,
}

/// One safe step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Make exactly these the voters.
    SetVoters(BTreeSet<DaemonId>),
    /// Add a member without a vote.
    Add(DaemonId),
    /// Let another voter lead.
    HandOver(DaemonId),
    /// Let go of a member without a vote.
    Remove(DaemonId),
    /// Something is wanted that cannot be done yet.
    Wait(String),
    /// Everything is as wanted.
    Done,
}

impl<'a> Scene<'a> {
    /// The scene that a status shows.
    pub(crate) fn of(status: &'a GroupStatus, roster: &'a Roster) -> Self {
        let GroupStatus { daemon, voter_sets, learners, followers, .. } = status;
        Self { me: *daemon, roster, voter_sets, learners, followers }
    }

    /// What to do next.
    pub(crate) fn step(&self) -> Step {
        let [voters] = self.voter_sets else {
            // The leader of the change is gone. Its second half is the same whoever does it.
            return self.voter_sets.last().map_or(Step::Done, |target| Step::SetVoters(target.clone()));
        };
        let is_held = |daemon: &DaemonId| voters.contains(daemon) || self.learners.contains(daemon);
        let missing = self.roster.members.iter().map(|member| member.daemon).find(|daemon| !is_held(daemon));
        if let Some(daemon) = missing {
            return Step::Add(daemon);
        }
        let wanted: BTreeSet<DaemonId> = self.roster.voters().map(|member| member.daemon).collect();
        let mut obstacle = None;
        for step in [self.promote(voters, &wanted), self.demote(voters, &wanted)].into_iter().flatten() {
            match step {
                Step::Wait(why) => obstacle = obstacle.or(Some(why)),
                step => return step,
            }
        }
        let is_member = |daemon: &DaemonId| self.roster.member(*daemon).is_some();
        let gone = self.learners.iter().find(|daemon| !is_member(daemon));
        match (gone, obstacle) {
            (Some(gone), _) => Step::Remove(*gone),
            (None, Some(why)) => Step::Wait(why),
            (None, None) => Step::Done,
        }
    }

    /// Gives a vote to one who should have it and has caught up.
    fn promote(&self, voters: &BTreeSet<DaemonId>, wanted: &BTreeSet<DaemonId>) -> Option<Step> {
        let mut waits = None;
        for daemon in wanted.difference(voters) {
            let next: BTreeSet<DaemonId> = voters.iter().chain([daemon]).copied().collect();
            if !self.is_live(*daemon) {
                waits = Some(format!("{} has not been heard", self.name(*daemon)));
            } else if self.lag(*daemon) > LAG_ENTRIES_MAX {
                waits = Some(format!("{} is {} entries behind", self.name(*daemon), self.lag(*daemon)));
            } else if let Err(why) = self.can_elect(&next) {
                waits = Some(why);
            } else {
                return Some(Step::SetVoters(next));
            }
        }
        waits.map(Step::Wait)
    }

    /// Takes the vote of one who should not have it; the leader's own last, after handing over.
    fn demote(&self, voters: &BTreeSet<DaemonId>, wanted: &BTreeSet<DaemonId>) -> Option<Step> {
        let mut surplus: Vec<DaemonId> = voters.difference(wanted).copied().collect();
        // Who is gone first: each of them makes the rest safer.
        surplus.sort_by_key(|daemon| (*daemon == self.me, self.is_live(*daemon), *daemon));
        let daemon = *surplus.first()?;
        if daemon == self.me {
            return Some(match self.successor(voters, wanted) {
                Some(successor) => Step::HandOver(successor),
                None => Step::Wait(format!("no voter can take over from {} yet", self.name(daemon))),
            });
        }
        let next: BTreeSet<DaemonId> = voters.iter().filter(|voter| **voter != daemon).copied().collect();
        Some(match self.can_elect(&next) {
            Ok(()) => Step::SetVoters(next),
            Err(why) => Step::Wait(why),
        })
    }

    /// The best voter to lead instead of this one: one that stays, is there, and lacks least.
    pub(crate) fn successor(&self, voters: &BTreeSet<DaemonId>, wanted: &BTreeSet<DaemonId>) -> Option<DaemonId> {
        let able =
            |daemon: &&DaemonId| **daemon != self.me && self.is_live(**daemon) && self.lag(**daemon) <= LAG_ENTRIES_MAX;
        voters.intersection(wanted).filter(able).min_by_key(|daemon| (self.lag(**daemon), **daemon)).copied()
    }

    /// Whether the voters of a set that are alive are a majority of it.
    ///
    /// # Errors
    /// Says who is missing.
    pub(crate) fn can_elect(&self, voters: &BTreeSet<DaemonId>) -> Result<(), String> {
        let silent: Vec<String> =
            voters.iter().filter(|daemon| !self.is_live(**daemon)).map(|daemon| self.name(*daemon)).collect();
        let live = voters.len() - silent.len();
        if live > voters.len() / 2 {
            return Ok(());
        }
        Err(format!(
            "only {live} of {} voters would be there, which is no majority ({} not heard)",
            voters.len(),
            silent.join(", ")
        ))
    }

    /// Whether a daemon was heard a moment ago.
    pub(crate) fn is_live(&self, daemon: DaemonId) -> bool {
        daemon == self.me || self.followers.get(&daemon).is_some_and(|follower| follower.is_live)
    }

    fn lag(&self, daemon: DaemonId) -> u64 {
        if daemon == self.me { 0 } else { self.followers.get(&daemon).map_or(u64::MAX, |follower| follower.lag) }
    }

    fn name(&self, daemon: DaemonId) -> String {
        let removed = || self.roster.removed.iter().find(|removed| removed.daemon == daemon).map(|it| &it.name);
        let name = self.roster.member(daemon).map(|member| &member.name).or_else(removed);
        name.cloned().unwrap_or_else(|| format!("daemon {daemon}"))
    }
}

/// A learner that lacks no more than this gets its vote: it has the rest before a vote is needed.
const LAG_ENTRIES_MAX: u64 = 256;

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    use hanse_base::id::{DaemonId, LogIndex};
    use hanse_raft::status::FollowerStatus;
    use hanse_store::roster::{Member, MemberRole, Removed, Roster};

    use super::{LAG_ENTRIES_MAX, Scene, Step};

    /// A roster from `1v 2l 3d -4`: voter, learner, drained voter, removed.
    fn roster(text: &str) -> Roster {
        let mut roster = Roster { version: 1, ..Roster::default() };
        for word in text.split_whitespace() {
            let peers = "127.0.0.1:1".parse().unwrap();
            if let Some(gone) = word.strip_prefix('-') {
                let daemon = DaemonId(gone.parse().unwrap());
                roster.removed.push(Removed { daemon, name: format!("d{gone}"), peers, at_ms: 0 });
                continue;
            }
            let (number, kind) = word.split_at(word.len() - 1);
            roster.members.push(Member {
                daemon: DaemonId(number.parse().unwrap()),
                name: format!("d{number}"),
                role: if kind == "l" { MemberRole::Learner } else { MemberRole::Voter },
                drained: kind == "d",
                peers,
                api: String::new(),
            });
        }
        roster
    }

    fn set(text: &str) -> BTreeSet<DaemonId> {
        text.split_whitespace().map(|number| DaemonId(number.parse().unwrap())).collect()
    }

    /// Followers from `2 3- 4+`: heard and caught up, not heard, heard and far behind.
    fn followers(text: &str) -> BTreeMap<DaemonId, FollowerStatus> {
        let follower = |word: &str| {
            let number = word.trim_end_matches(['-', '+']);
            let is_live = !word.ends_with('-');
            let heard = Some(if is_live { Duration::from_millis(20) } else { Duration::from_secs(60) });
            let lag = if word.ends_with('+') { LAG_ENTRIES_MAX + 1 } else { 3 };
            let status = FollowerStatus { matched: Some(LogIndex(7)), lag, heard, is_live };
            (DaemonId(number.parse().unwrap()), status)
        };
        text.split_whitespace().map(follower).collect()
    }

    /// What daemon 1, which leads, does.
    fn step(wanted: &str, voters: &str, learners: &str, seen: &str) -> Step {
        let sets: Vec<_> = voters.split('|').map(set).collect();
        let (roster, learners, followers) = (roster(wanted), set(learners), followers(seen));
        let scene =
            Scene { me: DaemonId(1), roster: &roster, voter_sets: &sets, learners: &learners, followers: &followers };
        scene.step()
    }

    fn votes(text: &str) -> Step {
        Step::SetVoters(set(text))
    }

    #[test]
    fn each_scene_has_one_safe_step() {
        let (add, remove, hand) =
            (|n| Step::Add(DaemonId(n)), |n| Step::Remove(DaemonId(n)), |n| Step::HandOver(DaemonId(n)));
        let cases = [
            ("1v", "1", "", "", Step::Done),
            ("1v 2v 3v", "1 2 3", "", "2 3", Step::Done),
            // Growing: follow, catch up, vote.
            ("1v 2v 3v", "1", "", "", add(2)),
            ("1v 2v 3v", "1", "2", "2", add(3)),
            ("1v 2v 3v", "1", "2 3", "2 3", votes("1 2")),
            ("1v 2v 3v", "1", "2 3", "2+ 3", votes("1 3")),
            ("1v 2v 3v", "1 2", "3", "2 3", votes("1 2 3")),
            ("1v 2l", "1", "2", "2", Step::Done),
            // One who is behind or silent waits, and others need not wait for it.
            ("1v 2v", "1", "2", "2+", Step::Wait("d2 is 257 entries behind".into())),
            ("1v 2v", "1", "2", "2-", Step::Wait("d2 has not been heard".into())),
            ("1v 2v 3v 4l", "1 2", "3", "2 3-", add(4)),
            // A change that lost its leader is finished.
            ("1v 2v", "1|1 2", "", "2", votes("1 2")),
            // Shrinking: the silent first, the leader last.
            ("1v 2l 3v", "1 2 3", "", "2 3", votes("1 3")),
            ("1v -2 -3", "1 2 3", "", "2 3-", votes("1 2")),
            ("1v -3", "1", "3", "3", remove(3)),
            ("2v 3v -1", "1 2 3", "", "2 3", hand(2)),
            ("1d 2v 3v", "1 2 3", "", "2- 3", hand(3)),
            ("2v 3v -1", "1 2 3", "", "2- 3-", Step::Wait("no voter can take over from d1 yet".into())),
            // A replacement votes before the one that it replaces loses its vote.
            ("1v 2v 4v -3", "1 2 3", "4", "2 3 4", votes("1 2 3 4")),
            ("1v 2v 4v -3", "1 2 3 4", "", "2 3- 4", votes("1 2 4")),
            // A dead voter that is replaced goes even while its replacement is not there.
            ("1v 2v 4v -3", "1 2 3", "4", "2 3- 4-", votes("1 2")),
        ];
        for (wanted, voters, learners, seen, expected) in cases {
            assert_eq!(step(wanted, voters, learners, seen), expected, "{wanted} / {voters} / {learners} / {seen}");
        }
    }

    #[test]
    fn no_vote_is_taken_that_the_living_need() {
        let waits = step("1v 2v -3", "1 2 3", "", "2- 3");
        let Step::Wait(why) = waits else { panic!("{waits:?}") };
        assert_eq!(why, "only 1 of 2 voters would be there, which is no majority (d2 not heard)");
        let waits = step("1v 2v 3v 4v", "1 2 3", "4", "2- 3 4");
        assert_eq!(waits, votes("1 2 3 4"), "three of four are a majority");
        assert!(matches!(step("1v 2v 3v 4v", "1 2 3", "4", "2- 3- 4"), Step::Wait(_)), "two of four are none");
    }

    /// From any start to any roster: each step is safe, and the end is reached whatever leader is at work.
    #[test]
    fn every_way_ends_where_it_should_and_never_without_a_majority() {
        let rosters = ["1v", "1v 2v 3v", "1v 2v 3v 4v 5v", "2v 3v 4v -1", "1v 2l 3d 4v 5v", "3v -1 -2", "5v 4v 1l"];
        for start in ["1", "1 2", "1 2 3", "1 2 3 4 5"] {
            for wanted in rosters {
                let roster = roster(wanted);
                let (mut voters, mut learners, mut me) = (set(start), BTreeSet::new(), DaemonId(1));
                for round in 0.. {
                    assert!(round < 40, "{start} to {wanted} does not end");
                    let others = voters.union(&learners).filter(|daemon| **daemon != me);
                    let status = FollowerStatus {
                        matched: Some(LogIndex(1)),
                        lag: 0,
                        heard: Some(Duration::ZERO),
                        is_live: true,
                    };
                    let followers: BTreeMap<_, _> = others.map(|daemon| (*daemon, status)).collect();
                    let sets = [voters.clone()];
                    let scene =
                        Scene { me, roster: &roster, voter_sets: &sets, learners: &learners, followers: &followers };
                    match scene.step() {
                        Step::Add(daemon) => assert!(learners.insert(daemon)),
                        Step::Remove(daemon) => assert!(learners.remove(&daemon)),
                        Step::HandOver(daemon) => {
                            assert!(voters.contains(&daemon) && daemon != me);
                            me = daemon;
                        }
                        Step::SetVoters(next) => {
                            assert_eq!(voters.symmetric_difference(&next).count(), 1, "one at a time");
                            assert!(next.contains(&me), "a leader keeps its vote");
                            learners.extend(voters.difference(&next));
                            learners.retain(|daemon| !next.contains(daemon));
                            voters = next;
                        }
                        Step::Wait(why) => panic!("{start} to {wanted} waits: {why}"),
                        Step::Done => break,
                    }
                }
                let wanted: BTreeSet<_> = roster.voters().map(|member| member.daemon).collect();
                assert_eq!(voters, wanted);
                let all: BTreeSet<_> = roster.members.iter().map(|member| member.daemon).collect();
                assert_eq!(voters.union(&learners).copied().collect::<BTreeSet<_>>(), all);
            }
        }
    }
}
