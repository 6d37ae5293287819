//! Who belongs to the federation: the roster, its copies, tokens.

use std::net::SocketAddr;

use hanse_base::id::{DaemonId, RegionName};
use hanse_store::machine::Machine;
use hanse_store::roster::{MEMBERS_MAX, Member, MemberRole, MembershipChange, REMOVED_MAX, Roster, VOTERS_MAX};
use hanse_store::token::{TOKEN_MS_MAX, TOKENS_MAX, Token};
use hanse_store::txn::{Operation, Refusal, Txn};

use crate::rig::{done, group, machine, refused, snapshot, txn};

/// The time of the rig's transactions.
const NOW: u64 = 1_000_000;

pub(crate) fn member(number: u64, role: MemberRole) -> Member {
    Member {
        daemon: DaemonId(number),
        name: format!("d{number}"),
        role,
        drained: false,
        peers: SocketAddr::from(([127, 0, 0, 1], 1000 + u16::try_from(number).unwrap())),
        api: format!("https://d{number}:6443"),
    }
}

fn voter(number: u64) -> Member {
    member(number, MemberRole::Voter)
}

fn learner(number: u64) -> Member {
    member(number, MemberRole::Learner)
}

pub(crate) fn region(name: &str) -> RegionName {
    RegionName::new(name).unwrap()
}

fn change(change: MembershipChange) -> Txn {
    txn(vec![Operation::Membership(change)])
}

fn at(time_ms: u64, wanted: MembershipChange) -> Txn {
    Txn { time_ms, ..change(wanted) }
}

fn put(version: u64, member: Member) -> Txn {
    change(MembershipChange::PutMember { version, member })
}

fn remove(version: u64, daemon: u64) -> Txn {
    change(MembershipChange::RemoveMember { version, daemon: DaemonId(daemon) })
}

pub(crate) fn seed() -> Operation {
    let neighbours = vec![(region("us"), vec![voter(8)])];
    Operation::Membership(MembershipChange::Seed { members: vec![voter(2), voter(1)], neighbours })
}

pub(crate) fn token(id: &str, role: MemberRole, new_region: Option<&str>) -> Token {
    Token {
        id: id.into(),
        secret_hash: [7; 32],
        expires_ms: NOW + TOKEN_MS_MAX,
        role,
        new_region: new_region.map(region),
        redeemed: None,
    }
}

fn redeem(id: &str, key: u8, member: Member) -> MembershipChange {
    MembershipChange::RedeemToken { id: id.into(), secret_hash: [7; 32], key: [key; 32], member }
}

fn seeded() -> Machine {
    let mut eu = machine("eu");
    done(&mut eu, txn(vec![seed()]));
    eu
}

fn roster(machine: &Machine) -> &Roster {
    machine.state().membership().roster().unwrap()
}

fn why(refusal: &Refusal) -> &str {
    let Refusal::Forbidden { why } = refusal else { panic!("{refusal:?}") };
    why
}

#[test]
fn the_first_roster_is_the_founders_and_is_seeded_once() {
    let mut eu = seeded();
    assert_eq!(roster(&eu), &Roster::new(1, vec![voter(1), voter(2)]).unwrap());
    assert_eq!(eu.state().membership().neighbours()[&region("us")].version, 0);
    let before = snapshot(&eu);
    let again = MembershipChange::Seed { members: vec![voter(9)], neighbours: vec![(region("eu"), vec![voter(7)])] };
    done(&mut eu, change(again));
    assert!(snapshot(&eu) == before, "what is known wins over a configuration");
    let mut untold = Machine::new(group("eu"));
    assert!(matches!(refused(&mut untold, txn(vec![seed()])), Refusal::Malformed { .. }));
}

#[test]
fn members_come_change_and_go_one_version_at_a_time() {
    let mut eu = seeded();
    done(&mut eu, put(1, learner(3)));
    done(&mut eu, put(2, voter(3)));
    assert_eq!(refused(&mut eu, put(2, voter(4))), Refusal::Changed { current: 3 });
    done(&mut eu, put(3, Member { drained: true, ..voter(3) }));
    assert_eq!(roster(&eu).voters().map(|member| member.daemon.0).collect::<Vec<_>>(), [1, 2]);
    done(&mut eu, remove(4, 1));
    assert_eq!(roster(&eu).version, 5);
    assert_eq!(roster(&eu).removed.iter().map(|removed| removed.daemon.0).collect::<Vec<_>>(), [1]);
    assert!(matches!(refused(&mut eu, remove(5, 1)), Refusal::Missing { .. }));
    assert!(why(&refused(&mut eu, put(5, voter(1)))).contains("never used again"));
    assert!(why(&refused(&mut eu, remove(5, 2))).contains("at least one voter"));
    let drained = Member { drained: true, ..voter(2) };
    assert!(why(&refused(&mut eu, put(5, drained))).contains("at least one voter"));
    let twin = Member { name: "d2".into(), ..learner(4) };
    assert!(why(&refused(&mut eu, put(5, twin))).contains("the name d2"));
    let twin = Member { peers: voter(2).peers, ..learner(4) };
    assert!(why(&refused(&mut eu, put(5, twin))).contains("the address"));
}

#[test]
fn a_roster_is_bounded() {
    let mut eu = seeded();
    for number in 3..=VOTERS_MAX as u64 {
        done(&mut eu, put(number - 2, voter(number)));
    }
    assert!(why(&refused(&mut eu, put(4, voter(9)))).contains("at most 5 voters"));
    let mut version = 4;
    // One of them is the neighbour's.
    for number in VOTERS_MAX as u64 + 1..MEMBERS_MAX as u64 {
        done(&mut eu, put(version, learner(1000 + number)));
        version += 1;
    }
    assert!(why(&refused(&mut eu, put(version, learner(9000)))).contains("at most 256 daemons"));
    for number in VOTERS_MAX as u64 + 1..MEMBERS_MAX as u64 {
        done(&mut eu, remove(version, 1000 + number));
        version += 1;
    }
    assert_eq!(roster(&eu).removed.len(), REMOVED_MAX);
}

#[test]
fn a_neighbours_roster_only_grows_and_an_introduction_does_not_replace_it() {
    let mut eu = seeded();
    let set = |region: RegionName, roster| change(MembershipChange::SetNeighbour { region, roster });
    let (old, new) = (Roster::new(3, vec![voter(8)]).unwrap(), Roster::new(4, vec![voter(8), voter(9)]).unwrap());
    done(&mut eu, set(region("us"), new.clone()));
    let told = eu.state().membership().version();
    for older in [old, Roster::new(0, vec![voter(7)]).unwrap(), new.clone()] {
        done(&mut eu, set(region("us"), older));
    }
    assert_eq!(eu.state().membership().neighbours()[&region("us")], new);
    assert_eq!(eu.state().membership().version(), told, "nothing new is told");
    done(&mut eu, set(region("eu"), new.clone()));
    assert_eq!(roster(&eu).version, 1, "nobody speaks for the own region");
    let unsound = Roster { version: 5, ..Roster::default() };
    assert!(why(&refused(&mut eu, set(region("us"), unsound))).contains("at least one voter"));
    done(&mut eu, change(MembershipChange::RemoveRegion { region: region("us") }));
    done(&mut eu, set(region("us"), new));
    assert!(eu.state().membership().neighbours().is_empty(), "who has left stays away");
    assert!(
        why(&refused(&mut eu, change(MembershipChange::RemoveRegion { region: region("eu") }))).contains("its own")
    );
    let gone = change(MembershipChange::RemoveRegion { region: region("ap") });
    assert!(matches!(refused(&mut eu, gone), Refusal::Missing { .. }));
    let token = token("t", MemberRole::Voter, Some("us"));
    assert!(why(&refused(&mut eu, change(MembershipChange::GrantToken(token)))).contains("another name"));
}

#[test]
fn a_token_lets_one_key_in_once() {
    let mut eu = seeded();
    done(&mut eu, change(MembershipChange::GrantToken(token("t1", MemberRole::Learner, None))));
    let wrong = MembershipChange::RedeemToken { id: "t1".into(), secret_hash: [8; 32], key: [1; 32], member: voter(3) };
    assert!(why(&refused(&mut eu, change(wrong))).contains("secret"));
    assert!(matches!(refused(&mut eu, change(redeem("t9", 1, voter(3)))), Refusal::Missing { .. }));
    let late = at(NOW + TOKEN_MS_MAX, redeem("t1", 1, voter(3)));
    assert!(why(&refused(&mut eu, late)).contains("expired"));
    assert!(matches!(refused(&mut eu, change(redeem("t1", 1, voter(2)))), Refusal::Exists { .. }));
    done(&mut eu, change(redeem("t1", 1, voter(3))));
    assert_eq!(roster(&eu).member(DaemonId(3)), Some(&learner(3)), "the role is the token's");
    assert_eq!(eu.state().membership().token("t1").unwrap().redeemed.unwrap().daemon, DaemonId(3));
    let before = snapshot(&eu);
    done(&mut eu, at(NOW + TOKEN_MS_MAX, redeem("t1", 1, voter(4))));
    assert!(snapshot(&eu) == before, "the same key gets the same answer, late too");
    assert!(why(&refused(&mut eu, change(redeem("t1", 2, voter(4))))).contains("another daemon"));
    done(&mut eu, change(MembershipChange::RevokeToken { id: "t1".into() }));
    assert!(matches!(refused(&mut eu, change(redeem("t1", 1, voter(4)))), Refusal::Missing { .. }));
    assert_eq!(roster(&eu).version, 2, "who has joined stays");
}

#[test]
fn a_token_for_a_new_region_introduces_it() {
    let mut eu = seeded();
    done(&mut eu, change(MembershipChange::GrantToken(token("t1", MemberRole::Voter, Some("ap")))));
    let told = eu.state().membership().version();
    done(&mut eu, change(redeem("t1", 1, voter(5))));
    assert_eq!(eu.state().membership().neighbours()[&region("ap")], Roster::new(0, vec![voter(5)]).unwrap());
    assert_eq!(eu.state().membership().version(), told + 1);
    assert_eq!(roster(&eu).version, 1);
}

#[test]
fn tokens_are_short_lived_and_few() {
    let mut eu = seeded();
    let grant = |token| change(MembershipChange::GrantToken(token));
    for expires_ms in [0, NOW, NOW + TOKEN_MS_MAX + 1] {
        let token = Token { expires_ms, ..token("t", MemberRole::Voter, None) };
        assert!(why(&refused(&mut eu, grant(token))).contains("60 minutes"));
    }
    assert!(why(&refused(&mut eu, grant(token("a b", MemberRole::Voter, None)))).contains("id"));
    for number in 0..TOKENS_MAX {
        done(&mut eu, grant(token(&format!("t{number}"), MemberRole::Voter, None)));
    }
    assert!(why(&refused(&mut eu, grant(token("more", MemberRole::Voter, None)))).contains("64 tokens"));
    done(&mut eu, change(redeem("t0", 1, voter(3))));
    let time_ms = NOW + TOKEN_MS_MAX;
    let late = Token { expires_ms: time_ms + 1, ..token("late", MemberRole::Voter, None) };
    done(&mut eu, at(time_ms, MembershipChange::GrantToken(late)));
    let held: Vec<_> = eu.state().membership().tokens().map(|token| &*token.id).collect();
    assert_eq!(held, ["late", "t0"], "what has ended makes room; what was redeemed answers once more");
}
