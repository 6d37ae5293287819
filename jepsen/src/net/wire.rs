//! One direction of a link: when, how often and how whole a packet arrives. Pure: time comes in, decisions come out.

use std::time::Duration;

use crate::net::rule::Rule;
use crate::random::Random;

/// One direction of a link.
#[derive(Debug)]
pub struct Wire {
    random: Random,
    /// No packet that keeps its place arrives before this.
    last_ns: u64,
    /// When what was sent before has left, where the rate is limited.
    free_ns: u64,
    /// What became of packets.
    pub counts: Counts,
}

/// What became of the packets of a link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Handed on, at whatever time.
    pub passed: u64,
    /// Lost because the link was cut.
    pub cut: u64,
    /// Lost by chance, or because too much waited.
    pub lost: u64,
}

/// One arrival of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// When.
    pub due_ns: u64,
    /// The bit that is wrong.
    pub wrong_bit: Option<u64>,
}

impl Wire {
    /// A wire whose choices come from the seed.
    #[must_use]
    pub fn new(seed: u64, from: &str, to: &str) -> Self {
        Self {
            random: Random::of(seed, &format!("wire {from} {to}")),
            last_ns: 0,
            free_ns: 0,
            counts: Counts::default(),
        }
    }

    /// Decides what becomes of a packet: no arrival, one or two.
    pub fn pass(&mut self, rule: &Rule, now_ns: u64, bytes: usize) -> [Option<Arrival>; 2] {
        if !rule.up {
            self.counts.cut += 1;
            return [None, None];
        }
        if rule.loss > 0.0 && self.random.chance(rule.loss) {
            self.counts.lost += 1;
            return [None, None];
        }
        let mut leaves_ns = now_ns;
        let takes_ns = (bytes as u64).saturating_mul(1_000_000_000).checked_div(rule.bytes_per_second);
        if let Some(takes_ns) = takes_ns {
            leaves_ns = now_ns.max(self.free_ns);
            if leaves_ns - now_ns > nanoseconds(BACKLOG_MAX) {
                self.counts.lost += 1;
                return [None, None];
            }
            leaves_ns += takes_ns;
            self.free_ns = leaves_ns;
        }
        let jitter = if rule.jitter.is_zero() { 0 } else { self.random.below(nanoseconds(rule.jitter)) };
        let mut due_ns = leaves_ns + nanoseconds(rule.delay) + jitter;
        if rule.reorder > 0.0 && self.random.chance(rule.reorder) {
            due_ns += nanoseconds(OVERTAKEN_BY);
        } else {
            due_ns = due_ns.max(self.last_ns);
            self.last_ns = due_ns;
        }
        let wrong = rule.corrupt > 0.0 && self.random.chance(rule.corrupt);
        let wrong_bit = wrong.then(|| self.random.below(bytes as u64 * 8));
        self.counts.passed += 1;
        let again = (rule.duplicate > 0.0 && self.random.chance(rule.duplicate))
            .then(|| Arrival { due_ns: due_ns + self.random.below(nanoseconds(OVERTAKEN_BY)), wrong_bit: None });
        [Some(Arrival { due_ns, wrong_bit }), again]
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// What waits longer before a narrow link is lost, as in a router with a short queue.
const BACKLOG_MAX: Duration = Duration::from_millis(200);
/// How late a packet is that lost its place.
const OVERTAKEN_BY: Duration = Duration::from_millis(4);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Wire;
    use crate::net::rule::Rule;

    fn arrivals(seed: u64, rule: Rule) -> Vec<u64> {
        let mut wire = Wire::new(seed, "a", "b");
        (0..10_000_u64)
            .flat_map(|number| wire.pass(&rule, number * 100_000, 1_000))
            .flatten()
            .map(|arrival| arrival.due_ns)
            .collect()
    }

    #[test]
    fn packets_keep_their_order_unless_the_rule_says_otherwise() {
        let jitter = Rule { delay: Duration::from_millis(1), jitter: Duration::from_millis(5), ..Rule::default() };
        let ordered = arrivals(1, jitter);
        assert!(ordered.is_sorted() && ordered.len() == 10_000 && ordered[0] >= 1_000_000);
        assert!(!arrivals(1, Rule { reorder: 0.1, ..jitter }).is_sorted());
    }

    #[test]
    fn chances_are_what_they_are_called_and_a_seed_repeats_them() {
        let rule = Rule { loss: 0.3, duplicate: 0.1, ..Rule::default() };
        let count = arrivals(1, rule).len();
        assert!((7_300..8_100).contains(&count), "{count}");
        assert_eq!(arrivals(1, rule), arrivals(1, rule));
        assert_ne!(arrivals(1, rule), arrivals(2, rule));
        assert!(arrivals(1, Rule::cut()).is_empty());
    }

    #[test]
    fn a_narrow_link_lets_through_its_rate_and_loses_what_waits_too_long() {
        // 10 MB offered in one second, 1 MB/s fits.
        let rule = Rule { bytes_per_second: 1_000_000, ..Rule::default() };
        let due = arrivals(1, rule);
        assert!((1_100..1_300).contains(&due.len()), "{}", due.len());
        assert!(due.is_sorted());
    }
}
