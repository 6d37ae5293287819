//! The search against one that tries every order, and the checker against a store with and without bugs.

#![expect(clippy::cast_possible_truncation, reason = "seeds are small")]

use serde_json::json;

use super::linear::{Budget, Call, Model, Search, search};
use super::linearizable::{check, parts, searched};
use super::object::{Action, Cell, Ending, Object, State, Verb};
use super::pair::{Refusal, operations};
use super::register_sample::{Bug, Simulation};
use super::sample::History;
use crate::history::Op;
use crate::random::Random;
use crate::verdict::Status;

/// Tries all orders that time allows.
fn by_force(state: &State, calls: &[Call<Action>], done: u32) -> bool {
    let open = |place: usize| done & (1 << place) == 0;
    if calls.iter().enumerate().all(|(place, call)| !open(place) || call.returned_ns.is_none()) {
        return true;
    }
    let first_return =
        calls.iter().enumerate().filter(|(place, _)| open(*place)).filter_map(|(_, call)| call.returned_ns).min();
    calls.iter().enumerate().filter(|(place, _)| open(*place)).any(|(place, call)| {
        first_return.is_none_or(|first| call.invoked_ns <= first)
            && Object { begin: Cell::Absent }
                .step(state, &call.action)
                .is_some_and(|next| by_force(&next, calls, done | 1 << place))
    })
}

fn random_action(random: &mut Random) -> Action {
    let value = u32::try_from(random.below(3)).unwrap();
    let revision = 1 + random.below(4);
    let expect = random.chance(0.5).then_some(1 + random.below(4));
    let verb = match random.below(4) {
        0 => Verb::Create(value),
        1 | 2 => Verb::Update(value),
        _ => Verb::Delete,
    };
    match random.below(9) {
        0..=2 => Action::Read(random.chance(0.8).then_some((value, revision))),
        3 => Action::Write(verb, expect, Ending::Unknown(random.chance(0.5).then_some(revision))),
        4 => Action::Write(Verb::Create(value), None, Ending::Refused(Refusal::Exists)),
        5 => Action::Write(Verb::Update(value), expect, Ending::Refused(Refusal::Conflict)),
        6 => Action::Write(Verb::Delete, expect, Ending::Refused(Refusal::Missing)),
        _ => Action::Write(verb, expect, Ending::Done((verb != Verb::Delete).then_some(revision))),
    }
}

#[test]
fn the_search_agrees_with_one_that_tries_every_order() {
    let model = Object { begin: Cell::Absent };
    let mut wrong = 0;
    let (mut random, cases) = (Random::of(1, "force"), 40_000);
    for case in 0..cases {
        let calls: Vec<Call<Action>> = (0..1 + random.below(7))
            .map(|_| {
                let invoked_ns = random.below(12);
                let action = random_action(&mut random);
                let unknown = matches!(action, Action::Write(_, _, Ending::Unknown(_)));
                let returned_ns = (!unknown).then(|| invoked_ns + random.below(8));
                Call { invoked_ns, returned_ns, action }
            })
            .collect();
        let expected = by_force(&model.initial(), &calls, 0);
        let found = search(&model, &calls, Budget::default());
        assert_eq!(expected, matches!(found, Search::Linearizable(_)), "case {case}: {calls:?}: {found:?}");
        wrong += u32::from(!expected);
        if let Search::Linearizable(order) = found {
            let mut state = model.initial();
            for place in order {
                state = model.step(&state, &calls[place].action).expect("the order is one of the model");
            }
        }
    }
    assert!((cases / 20..cases * 19 / 20).contains(&wrong), "{wrong} of {cases} are wrong: the cases are one-sided");
}

#[test]
fn parts_of_simulated_histories_agree_with_every_order_too() {
    let bugs = [Bug::LostWrite, Bug::StaleRead, Bug::BlindUpdate, Bug::BlindCreate, Bug::Resurrection];
    let mut wrong = 0;
    for seed in 0..3_000 {
        let simulation = Simulation::small(seed).with(bugs[seed as usize % bugs.len()], 400);
        let history = simulation.history();
        let operations = operations(&history);
        for part in parts(&operations).into_values().flatten() {
            let calls: Vec<Call<Action>> = part.steps.iter().map(|(_, call)| call.clone()).collect();
            let expected = by_force(&Object { begin: Cell::Absent }.initial(), &calls, 0);
            assert_eq!(expected, matches!(searched(&part, Budget::default()), Search::Linearizable(_)), "seed {seed}");
            wrong += u32::from(!expected);
        }
    }
    assert!(wrong > 200, "{wrong} histories showed their bug");
}

#[test]
fn a_store_without_a_bug_passes() {
    for seed in 0..300 {
        let check = check(&Simulation::small(seed).history(), Budget::default());
        assert_eq!(check.status, Status::Ok, "seed {seed}: {}", check.summary);
    }
    for seed in 0..12 {
        let check = check(&Simulation::large(seed).history(), Budget::default());
        assert_eq!(check.status, Status::Ok, "seed {seed}: {}", check.summary);
    }
}

/// Evidence must be wrong in itself, not only in the history that it is cut from.
#[test]
fn a_store_with_a_bug_fails_and_the_evidence_is_small() {
    let bugs = [
        Bug::LostWrite,
        Bug::StaleRead,
        Bug::TornList,
        Bug::BlindUpdate,
        Bug::BlindCreate,
        Bug::Resurrection,
        Bug::RefusedAndDone,
        Bug::RevisionAgain,
    ];
    for bug in bugs {
        let (mut caught, mut runs) = (0, 0);
        for seed in 0..12 {
            let (history, shown) = Simulation::large(seed).with(bug, 60).run();
            if shown == 0 {
                continue;
            }
            runs += 1;
            let check = check(&history, Budget::default());
            assert_ne!(check.status, Status::Unproven, "{bug:?}, seed {seed}: {}", check.summary);
            if check.status == Status::Failed {
                caught += 1;
                let size = check.evidence.len();
                assert!((1..=60).contains(&size), "{bug:?}, seed {seed}: {size} records of evidence");
                assert!(!check.summary.is_empty());
            }
        }
        assert!(runs >= 8 && caught == runs, "{bug:?}: {caught} of {runs} runs were caught");
    }
}

fn failed(history: History, words: &str) -> Vec<Op> {
    let check = check(&history.sorted(), Budget::default());
    assert_eq!(check.status, Status::Failed, "{}", check.summary);
    assert!(check.summary.contains(words), "{}", check.summary);
    check.evidence
}

#[test]
fn a_stale_read_is_shown_by_what_it_contradicts_and_who_wrote_that() {
    let mut history = History::default();
    history.whole("create", "k", (0, 10), json!(1), 5);
    for round in 0..200 {
        let at = 20 + round * 20;
        history.whole("update", "k", (at, at + 10), json!(round + 2), round + 6);
        history.whole("read", "k", (at + 12, at + 15), json!(round + 2), round + 6);
    }
    history.whole("read", "k", (5_000, 5_010), json!(200), 204);
    history.whole("update", "k", (6_000, 6_010), json!(900), 300);
    let evidence = failed(history, "saw of \"read\"");
    assert!(evidence.len() <= 8, "{} records: {evidence:?}", evidence.len());
}

#[test]
fn what_nobody_wrote_what_failed_and_two_revisions_are_told_in_words() {
    let mut history = History::default();
    history.whole("create", "k", (0, 10), json!(1), 5);
    let mut phantom = history.clone();
    phantom.whole("read", "k", (20, 30), json!(7), 6);
    assert_eq!(failed(phantom, "nobody has written").len(), 2);

    let mut refused = history.clone();
    refused.begin(1, 20, "update", "k", json!(2));
    refused.fail(1, 30, "503 ServiceUnavailable");
    refused.whole("read", "k", (40, 50), json!(2), 6);
    assert_eq!(failed(refused, "failed, and it was seen").len(), 4);

    history.whole("read", "k", (20, 30), json!(1), 6);
    assert_eq!(failed(history, "two revisions").len(), 4);
}

#[test]
fn an_unknown_write_may_come_late_but_not_go_back() {
    let mut history = History::default();
    history.whole("create", "k", (0, 10), json!(1), 5);
    history.begin(1, 20, "update", "k", json!(2));
    history.info(1, 30, "no answer");
    history.whole("read", "k", (40, 50), json!(1), 5);
    history.whole("read", "k", (60, 70), json!(2), 9);
    assert_eq!(check(&history.clone().sorted(), Budget::default()).status, Status::Ok);
    history.whole("read", "k", (80, 90), json!(1), 5);
    failed(history, "no order");
}

#[test]
fn a_glimpse_tells_the_revision_of_an_unknown_write_and_nothing_of_the_order() {
    let mut history = History::default();
    history.whole("create", "k", (0, 10), json!(1), 5);
    history.begin(1, 20, "update", "k", json!(2));
    history.info(1, 90, "no answer");
    // Old, and no contradiction.
    history.whole("read-any", "k", (50, 60), json!(1), 5);
    let mut named = history.clone();
    named.begin(2, 70, "update", "k", json!(3)).revision = Some(7);
    named.ok(2, 80, json!(3), 9);
    let blind = check(&named.clone().sorted(), Budget::default());
    assert_eq!(blind.status, Status::Failed, "how could it know of 7: {}", blind.summary);
    named.whole("read-any", "k", (30, 40), json!(2), 7);
    let seen = check(&named.sorted(), Budget::default());
    assert_eq!(seen.status, Status::Ok, "{}", seen.summary);
    history.whole("read-any", "k", (30, 40), json!(1), 6);
    failed(history, "two revisions");
}

#[test]
fn a_budget_that_is_spent_is_said() {
    let history = Simulation::large(1).history();
    let check = check(&history, Budget { steps_max: 10, memo_entries_max: 1_000 });
    assert_eq!(check.status, Status::Unproven);
    assert!(check.summary.contains("could not be decided"), "{}", check.summary);
}
