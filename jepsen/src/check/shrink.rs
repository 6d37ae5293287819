//! The smallest part of an object's history that still cannot be explained.
//!
//! Each step keeps what a person may conclude: a part is wrong only if the whole is.
//!
//! 1. The end is cut: what began later is left out, what ended later becomes unknown. The earliest end that is still wrong.
//! 2. The beginning is cut: what ended before is left out, and the object begins as anything. The latest such beginning.
//! 3. Reads and refusals are left out, one after another; a write is left out together with all that saw its value, and
//!    only where it replaces an object: so whether there is one does not change. Conflicts go with it, as it may be their
//!    cause.

use std::collections::HashSet;

use super::linear::{Budget, Call, Search, search};
use super::linearizable::{Part, Step, Violation};
use super::object::{Action, Cell, Ending, Object, Verb};
use super::pair::{Operation, Refusal};

/// Searches while shrinking one violation. Above it the part found so far is the evidence.
const SEARCHES_MAX: u32 = 3_000;
/// The budget of each: what takes longer counts as explained, so that evidence is never made up.
const BUDGET: Budget = Budget { steps_max: 200_000, memo_entries_max: 200_000 };

/// Makes evidence of a part that cannot be explained. `stuck` is where the search stopped.
pub(crate) fn smallest<'a>(part: &Part<'a>, stuck: usize) -> Violation<'a> {
    let mut shrinking = Shrinking { steps: part.steps.clone(), begin: Cell::Absent, searches: 0 };
    shrinking.cut_end();
    shrinking.cut_begin();
    shrinking.leave_out();
    let core = shrinking.steps.len();
    let operations = with_writers(&shrinking.steps, part);
    let what = match shrinking.last_word().or_else(|| part.steps.get(stuck).map(|(operation, _)| *operation)) {
        Some(operation) => format!(
            "no order of {core} operations explains what process {} saw of {:?} at index {}",
            serde_json::to_string(&operation.invoke.process).unwrap_or_default(),
            operation.invoke.f,
            operation.last().index,
        ),
        None => format!("no order explains {core} operations"),
    };
    Violation { what, operations }
}

/// The operations of the steps, and for those who read it the writes of what was seen, which may have been cut off.
fn with_writers<'a>(steps: &[Step<'a>], part: &Part<'a>) -> Vec<Operation<'a>> {
    let seen: HashSet<_> = steps
        .iter()
        .filter_map(|(_, call)| match call.action {
            Action::Read(seen) => seen.map(|(value, _)| value),
            Action::Write(..) => None,
        })
        .collect();
    let is_writer = |action: Action| match action {
        Action::Write(Verb::Create(value) | Verb::Update(value), ..) => seen.contains(&value),
        _ => false,
    };
    let writers = part.steps.iter().filter(|(_, call)| is_writer(call.action)).map(|(operation, _)| *operation);
    // Those that are in both are shown once: see `pair::evidence`.
    steps.iter().map(|(operation, _)| *operation).chain(writers).collect()
}

struct Shrinking<'a> {
    steps: Vec<Step<'a>>,
    begin: Cell,
    searches: u32,
}

impl<'a> Shrinking<'a> {
    fn is_wrong(&mut self, steps: &[Step<'a>], begin: Cell) -> bool {
        if self.searches >= SEARCHES_MAX {
            return false;
        }
        self.searches += 1;
        let calls: Vec<Call<Action>> = steps.iter().map(|(_, call)| call.clone()).collect();
        matches!(search(&Object { begin }, &calls, BUDGET), Search::Violation { .. })
    }

    /// The operation that ended last: what it saw is what cannot be explained.
    fn last_word(&self) -> Option<Operation<'a>> {
        let ended = self.steps.iter().filter_map(|(operation, call)| Some((call.returned_ns?, *operation)));
        ended.max_by_key(|(returned_ns, _)| *returned_ns).map(|(_, operation)| operation)
    }

    fn cut_end(&mut self) {
        let mut ends: Vec<u64> = self.steps.iter().filter_map(|(_, call)| call.returned_ns).collect();
        ends.sort_unstable();
        let all = self.steps.clone();
        // The first end with which the part is wrong: with all of them it is.
        let (mut low, mut high) = (0, ends.len().saturating_sub(1));
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.is_wrong(&ended_by(&all, ends[middle]), Cell::Absent) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        if let Some(end) = ends.get(low) {
            self.keep_if_wrong(ended_by(&all, *end), Cell::Absent);
        }
    }

    fn cut_begin(&mut self) {
        let mut begins: Vec<u64> = self.steps.iter().map(|(_, call)| call.invoked_ns).collect();
        begins.sort_unstable();
        let all = self.steps.clone();
        // The last beginning with which the part is wrong; perhaps with none but the true one it is.
        let (mut low, mut high) = (0, begins.len());
        while low + 1 < high {
            let middle = usize::midpoint(low, high);
            if self.is_wrong(&begun_at(&all, begins[middle]), Cell::Anything) {
                low = middle;
            } else {
                high = middle;
            }
        }
        if let Some(begin) = begins.get(low) {
            self.keep_if_wrong(begun_at(&all, *begin), Cell::Anything);
        }
    }

    /// Leaves out halves, quarters, ... and single operations, as long as what is left is wrong.
    fn leave_out(&mut self) {
        let mut size = self.steps.len().div_ceil(2);
        while size > 0 {
            let mut from = 0;
            let mut shrunk = false;
            while from < self.steps.len() {
                let to = (from + size).min(self.steps.len());
                let rest = without(&self.steps, from..to);
                if rest.len() < self.steps.len() && self.keep_if_wrong(rest, self.begin) {
                    shrunk = true;
                } else {
                    from = to;
                }
            }
            if size == 1 && !shrunk {
                return;
            }
            size = (size / 2).max(1);
        }
    }

    fn keep_if_wrong(&mut self, steps: Vec<Step<'a>>, begin: Cell) -> bool {
        let wrong = self.is_wrong(&steps, begin);
        if wrong {
            (self.steps, self.begin) = (steps, begin);
        }
        wrong
    }
}

/// The steps as they were known at a time.
fn ended_by<'a>(steps: &[Step<'a>], end_ns: u64) -> Vec<Step<'a>> {
    let known = steps.iter().filter(|(_, call)| call.invoked_ns <= end_ns);
    let known = known.filter_map(|(operation, call)| {
        let pending = call.returned_ns.is_none_or(|returned_ns| returned_ns > end_ns);
        let action = match call.action {
            action if !pending => action,
            Action::Write(verb, expect, Ending::Done(revision) | Ending::Unknown(revision)) => {
                Action::Write(verb, expect, Ending::Unknown(revision))
            }
            Action::Read(_) | Action::Write(_, _, Ending::Refused(_)) => return None,
        };
        let returned_ns = call.returned_ns.filter(|_| !pending);
        Some((*operation, Call { invoked_ns: call.invoked_ns, returned_ns, action }))
    });
    known.collect()
}

/// The steps from a time on. A write that goes on at that time stays: it may take effect later.
fn begun_at<'a>(steps: &[Step<'a>], begin_ns: u64) -> Vec<Step<'a>> {
    let rest = steps.iter().filter(|(_, call)| call.returned_ns.is_none_or(|returned_ns| returned_ns >= begin_ns));
    let rest = rest.filter_map(|(operation, call)| {
        let action = match call.action {
            action if call.invoked_ns >= begin_ns => action,
            // It may have taken effect before: then it does nothing here.
            Action::Write(verb, expect, Ending::Done(revision) | Ending::Unknown(revision)) => {
                Action::Write(verb, expect, Ending::Unknown(revision))
            }
            Action::Read(_) | Action::Write(_, _, Ending::Refused(_)) => return None,
        };
        let returned_ns = call.returned_ns.filter(|_| call.invoked_ns >= begin_ns);
        Some((*operation, Call { invoked_ns: call.invoked_ns, returned_ns, action }))
    });
    rest.collect()
}

/// The steps without those of a range that may be left out, and without what saw the values of these.
fn without<'a>(steps: &[Step<'a>], range: std::ops::Range<usize>) -> Vec<Step<'a>> {
    let mut values = HashSet::new();
    let mut revisions = HashSet::new();
    let mut left_out = HashSet::new();
    for (place, (_, call)) in steps.iter().enumerate().filter(|(place, _)| range.contains(place)) {
        match call.action {
            Action::Read(_) | Action::Write(_, _, Ending::Refused(_)) => {
                left_out.insert(place);
            }
            Action::Write(Verb::Update(value), _, Ending::Done(revision) | Ending::Unknown(revision)) => {
                left_out.insert(place);
                values.insert(value);
                revisions.extend(revision);
            }
            Action::Write(..) => {}
        }
    }
    // Who depends on what is left out goes with it; where that cannot be left out, nothing of this is.
    for (place, (_, call)) in steps.iter().enumerate() {
        match call.action {
            Action::Read(Some((value, _))) if values.contains(&value) => {
                left_out.insert(place);
            }
            Action::Write(_, _, Ending::Refused(Refusal::Conflict)) if !values.is_empty() => {
                left_out.insert(place);
            }
            Action::Write(_, Some(expect), ending) if revisions.contains(&expect) && !left_out.contains(&place) => {
                if !matches!(ending, Ending::Refused(_)) {
                    return steps.to_vec();
                }
                left_out.insert(place);
            }
            _ => {}
        }
    }
    steps.iter().enumerate().filter(|(place, _)| !left_out.contains(place)).map(|(_, step)| step.clone()).collect()
}
