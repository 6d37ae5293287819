//! What packets suffer on a link, and the table of all links.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What packets suffer in one direction between two ports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Without it, every packet is lost.
    pub up: bool,
    /// From one port to the other.
    pub delay: Duration,
    /// Added to the delay, between none and this.
    pub jitter: Duration,
    /// Probability that a packet is lost.
    pub loss: f64,
    /// Probability that it arrives twice.
    pub duplicate: f64,
    /// Probability that it is overtaken by later ones.
    pub reorder: f64,
    /// Probability that one of its bits is wrong.
    pub corrupt: f64,
    /// How much fits through; 0 is without limit.
    pub bytes_per_second: u64,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            up: true,
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            corrupt: 0.0,
            bytes_per_second: 0,
        }
    }
}

impl Rule {
    /// A link that is cut.
    #[must_use]
    pub fn cut() -> Self {
        Self { up: false, ..Self::default() }
    }

    /// What packets suffer that suffer both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let either = |one: f64, other: f64| 1.0 - (1.0 - one) * (1.0 - other);
        let narrower = match (self.bytes_per_second, other.bytes_per_second) {
            (0, rate) | (rate, 0) => rate,
            (one, other) => one.min(other),
        };
        Self {
            up: self.up && other.up,
            delay: self.delay + other.delay,
            jitter: self.jitter + other.jitter,
            loss: either(self.loss, other.loss),
            duplicate: either(self.duplicate, other.duplicate),
            reorder: either(self.reorder, other.reorder),
            corrupt: either(self.corrupt, other.corrupt),
            bytes_per_second: narrower,
        }
    }
}

/// One direction between two ports, by their names.
pub type Link = (String, String);

/// A fault that lies over links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OverlayId(u64);

/// The rules of all links: what the distance between two ports costs, and the faults that lie over it.
#[derive(Debug, Default)]
pub struct Matrix {
    state: Mutex<State>,
    version: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    base: BTreeMap<Link, Rule>,
    overlays: BTreeMap<OverlayId, Vec<(Link, Rule)>>,
    next: u64,
    made: Arc<BTreeMap<Link, Rule>>,
}

impl Matrix {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut state);
        let mut made = state.base.clone();
        for (link, rule) in state.overlays.values().flatten() {
            let entry = made.entry(link.clone()).or_default();
            *entry = entry.and(*rule);
        }
        state.made = Arc::new(made);
        self.version.fetch_add(1, Ordering::Release);
        result
    }

    /// Sets what the distance costs, in both directions.
    pub fn distance(&self, one: &str, other: &str, rule: Rule) {
        self.with(|state| {
            state.base.insert((one.to_owned(), other.to_owned()), rule);
            state.base.insert((other.to_owned(), one.to_owned()), rule);
        });
    }

    /// Lays a fault over links, until it is lifted.
    pub fn lay(&self, links: Vec<(Link, Rule)>) -> OverlayId {
        self.with(|state| {
            state.next += 1;
            let id = OverlayId(state.next);
            state.overlays.insert(id, links);
            id
        })
    }

    /// Lifts a fault.
    pub fn lift(&self, id: OverlayId) {
        self.with(|state| state.overlays.remove(&id));
    }

    /// Lifts all faults.
    pub fn heal(&self) {
        self.with(|state| state.overlays.clear());
    }

    /// The rules as they are now.
    #[must_use]
    pub fn rules(&self) -> Arc<BTreeMap<Link, Rule>> {
        Arc::clone(&self.state.lock().unwrap_or_else(PoisonError::into_inner).made)
    }

    /// Changes whenever the rules do.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Matrix, Rule};

    #[test]
    fn faults_lie_over_each_other_and_are_lifted_one_by_one() {
        let matrix = Matrix::default();
        let far = Rule { delay: Duration::from_millis(20), ..Rule::default() };
        matrix.distance("a", "b", far);
        let link = ("a".to_owned(), "b".to_owned());
        let back = ("b".to_owned(), "a".to_owned());
        let cut = matrix.lay(vec![(link.clone(), Rule::cut())]);
        let lossy = matrix.lay(vec![
            (link.clone(), Rule { loss: 0.5, ..Rule::default() }),
            (back.clone(), Rule { loss: 0.5, delay: Duration::from_millis(5), ..Rule::default() }),
        ]);
        let rules = matrix.rules();
        assert!(!rules[&link].up && rules[&back].up, "a cut is of one direction");
        assert_eq!(rules[&back].delay, Duration::from_millis(25));
        matrix.lift(cut);
        assert!(matrix.rules()[&link].up && matrix.rules()[&link].loss > 0.0);
        matrix.lift(lossy);
        assert_eq!(matrix.rules()[&link], far);
        let before = matrix.version();
        matrix.heal();
        assert_ne!(matrix.version(), before);
    }
}
