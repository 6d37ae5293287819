//! What is counted of calls of webhooks. Neither their hosts nor the logical clusters that ask for them become labels.

use std::time::Duration;

use hanse_metrics::counter::Counters;
use hanse_metrics::exposition::Exposition;
use hanse_metrics::histogram::Histogram;
use hanse_metrics::metric::Metric;

use crate::egress::Fault;

const OUTCOMES: [&str; 10] = [
    "answered",
    "timed-out",
    "busy",
    "unresolved",
    "forbidden-address",
    "unreachable",
    "untrusted",
    "broken",
    "too-large",
    "refused",
];

#[derive(Debug)]
pub(crate) struct Measures {
    calls: Counters,
    durations: Histogram,
}

impl Measures {
    pub(crate) fn new() -> Self {
        Self { calls: Counters::new(OUTCOMES.len()), durations: Histogram::of_durations() }
    }

    /// Counts a call that has ended.
    pub(crate) fn ended(&self, took: Duration, fault: Option<&Fault>) {
        let outcome = match fault {
            None => 0,
            Some(Fault::TimedOut) => 1,
            Some(Fault::Busy) => 2,
            Some(Fault::Unresolved(..)) => 3,
            Some(Fault::ForbiddenAddress(_)) => 4,
            Some(Fault::Unreachable(..)) => 5,
            Some(Fault::Untrusted(_)) => 6,
            Some(Fault::Broken(_)) => 7,
            Some(Fault::TooLarge) => 8,
            Some(Fault::Status(_)) => 9,
        };
        self.calls.at(outcome).count();
        self.durations.observe_duration(took);
    }

    pub(crate) fn write(&self, out: &mut Exposition, at_work: usize) {
        for (at, outcome) in OUTCOMES.iter().enumerate() {
            out.sample(&CALLS, &[outcome], self.calls.at(at).value());
        }
        out.histogram(&DURATIONS, &[], &self.durations.observed());
        out.sample(&AT_WORK, &[], at_work as u64);
    }
}

const CALLS: Metric = Metric::counter(
    "hanse_webhook_calls_total",
    &["outcome"],
    "Calls of admission and conversion webhooks; `refused` ones were answered with another code than 2xx",
);
const DURATIONS: Metric = Metric::histogram(
    "hanse_webhook_call_duration_seconds",
    &[],
    "From a call to the last byte of its answer, waiting for a place included",
);
const AT_WORK: Metric = Metric::gauge("hanse_webhook_calls_in_flight", &[], "Calls of webhooks at work");

/// What is told of webhooks, for the reference page.
pub const METRICS: [&Metric; 3] = [&CALLS, &DURATIONS, &AT_WORK];
