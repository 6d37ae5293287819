//! What the API counts of itself: requests by what they want, watches, connections, bytes.
//!
//! The labels of a request are a verb, a class of resources and a code, each from a list in this file. Names that users give
//! (workspaces, users, groups, resources, objects) never become labels: so the number of series has a bound, and a page that
//! an operator reads shows nothing of a tenant.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hanse_metrics::counter::{Counter, Counters};
use hanse_metrics::exposition::Exposition;
use hanse_metrics::histogram::{Histogram, SIZES};
use hanse_metrics::metric::Metric;
use hanse_schema::kind::by_plural;

use crate::request::{Request, RequestKind, ResourcePath, Verb};

/// The verbs that are told apart; the last stands for what is no request that is understood.
const VERBS: [&str; 9] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "none"];
/// The classes that are told apart.
const CLASSES: [&str; 11] = [
    "none",
    "built-in",
    "custom",
    "definition",
    "workspace",
    "lease",
    "event",
    "review",
    "discovery",
    "health",
    "page",
];
/// The codes that are told apart, sorted; all others are `other`.
const CODES: [u16; 24] = [
    200, 201, 202, 304, 400, 401, 403, 404, 405, 406, 409, 410, 413, 414, 415, 422, 429, 500, 501, 502, 503, 504, 507,
    0,
];

/// What a request is counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    verb: usize,
    class: usize,
}

impl Counted {
    /// A request that is not understood.
    pub(crate) const NONE: Self = Self { verb: 8, class: 0 };

    /// A request that is.
    pub(crate) fn of(request: &Request) -> Self {
        match &request.kind {
            RequestKind::Resource(path) => Self { verb: verb_of(path.verb), class: class_of(path) },
            RequestKind::Discovery(_) | RequestKind::OpenApi(_) => Self { verb: 0, class: 8 },
            RequestKind::Health(..) => Self { verb: 0, class: 9 },
            RequestKind::OpenId(_) | RequestKind::Version | RequestKind::Metrics => Self { verb: 0, class: 10 },
        }
    }

    /// The verb's word.
    pub(crate) fn verb(self) -> &'static str {
        VERBS[self.verb]
    }

    /// Whether it is a stream, whose length says nothing of how slow it was.
    pub(crate) fn is_watch(self) -> bool {
        self.verb == 2
    }
}

fn verb_of(verb: Verb) -> usize {
    match verb {
        Verb::Get => 0,
        Verb::List => 1,
        Verb::Watch => 2,
        Verb::Create => 3,
        Verb::Update => 4,
        Verb::Patch => 5,
        Verb::Delete => 6,
        Verb::DeleteCollection => 7,
    }
}

fn class_of(path: &ResourcePath) -> usize {
    match (&*path.group, &*path.resource) {
        ("apiextensions.k8s.io", "customresourcedefinitions") => 3,
        ("tenancy.kcp.io", "workspaces") => 4,
        ("coordination.k8s.io", "leases") => 5,
        ("" | "events.k8s.io", "events") => 6,
        ("authentication.k8s.io" | "authorization.k8s.io", _) => 7,
        _ if by_plural(&path.group, &path.version, &path.resource).is_some() => 1,
        _ => 2,
    }
}

/// Who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A client of this daemon.
    Client,
    /// Another daemon, which carried a client's request to this home.
    Daemon,
}

/// What became of a request that was to be carried to its home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CarriedOut {
    /// The home has answered.
    Answered,
    /// The home was out of reach.
    Unreachable,
    /// It is not known whether the home has acted.
    Unknown,
}

/// Why a watch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WatchEnd {
    /// The client went away.
    Client,
    /// Its time was over.
    Timeout,
    /// It fell behind the window: the client was told 410.
    Expired,
    /// The server stops.
    Shutdown,
    /// It could not be continued.
    Failed,
}

const CARRIED_OUT: [&str; 3] = ["answered", "unreachable", "unknown"];
const WATCH_ENDS: [&str; 5] = ["client", "timeout", "expired", "shutdown", "failed"];
const ORIGINS: [&str; 2] = ["client", "daemon"];

/// All that the API counts.
#[derive(Debug)]
pub(crate) struct Measures {
    /// One for each origin, verb, class and code.
    requests: Counters,
    /// One for each verb and class.
    durations: Box<[Histogram]>,
    carried_out: Counters,
    watch_ends: Counters,
    pub(crate) watch_events: Counter,
    pub(crate) watch_bytes: Counter,
    pub(crate) request_bytes: Counter,
    answer_bytes: Histogram,
    pub(crate) connections_accepted: Counter,
    pub(crate) handshakes_failed: Counter,
    pub(crate) panics: Counter,
    /// Lines that were not written because there were too many.
    pub(crate) lines_held_back: Counter,
    connections: AtomicUsize,
}

impl Measures {
    pub(crate) fn new() -> Self {
        Self {
            requests: Counters::new(ORIGINS.len() * VERBS.len() * CLASSES.len() * CODES.len()),
            durations: (0..VERBS.len() * CLASSES.len()).map(|_| Histogram::of_durations()).collect(),
            carried_out: Counters::new(CARRIED_OUT.len()),
            watch_ends: Counters::new(WATCH_ENDS.len()),
            watch_events: Counter::default(),
            watch_bytes: Counter::default(),
            request_bytes: Counter::default(),
            answer_bytes: Histogram::new(SIZES),
            connections_accepted: Counter::default(),
            handshakes_failed: Counter::default(),
            panics: Counter::default(),
            lines_held_back: Counter::default(),
            connections: AtomicUsize::new(0),
        }
    }

    /// Counts a request that was answered.
    pub(crate) fn answered(&self, origin: Origin, counted: Counted, code: u16, took: Duration) {
        let code = CODES.iter().position(|known| *known == code).unwrap_or(CODES.len() - 1);
        let place = counted.verb * CLASSES.len() + counted.class;
        let origin = usize::from(origin == Origin::Daemon);
        self.requests.at((origin * VERBS.len() * CLASSES.len() + place) * CODES.len() + code).count();
        self.durations[place].observe_duration(took);
    }

    /// Counts an answer whose size is known when it begins.
    pub(crate) fn sized(&self, bytes: Option<u64>) {
        if let Some(bytes) = bytes {
            self.answer_bytes.observe(bytes);
        }
    }

    pub(crate) fn carried_out(&self, outcome: CarriedOut) {
        self.carried_out.at(outcome as usize).count();
    }

    pub(crate) fn watch_ended(&self, end: WatchEnd) {
        self.watch_ends.at(end as usize).count();
    }

    pub(crate) fn connections_are(&self, count: usize) {
        self.connections.store(count, Ordering::Relaxed);
    }

    /// Writes all of it, with how many requests and watches are at work.
    pub(crate) fn write(&self, out: &mut Exposition, requests: usize, watches: usize) {
        self.write_requests(out);
        let gauge = |count: usize| count as u64;
        out.sample(&IN_FLIGHT, &[], gauge(requests));
        out.sample(&WATCHES, &[], gauge(watches));
        out.sample(&WATCH_EVENTS, &[], self.watch_events.value());
        out.sample(&WATCH_BYTES, &[], self.watch_bytes.value());
        for (at, end) in WATCH_ENDS.iter().enumerate() {
            out.sample(&WATCHES_ENDED, &[end], self.watch_ends.at(at).value());
        }
        for (at, outcome) in CARRIED_OUT.iter().enumerate() {
            out.sample(&CARRIED, &[outcome], self.carried_out.at(at).value());
        }
        out.sample(&REQUEST_BYTES, &[], self.request_bytes.value());
        out.histogram(&ANSWER_BYTES, &[], &self.answer_bytes.observed());
        out.sample(&CONNECTIONS, &[], gauge(self.connections.load(Ordering::Relaxed)));
        out.sample(&ACCEPTED, &[], self.connections_accepted.value());
        out.sample(&HANDSHAKES_FAILED, &[], self.handshakes_failed.value());
        out.sample(&PANICS, &[], self.panics.value());
        out.sample(&LINES_HELD_BACK, &[], self.lines_held_back.value());
    }

    fn write_requests(&self, out: &mut Exposition) {
        for (number, value) in self.requests.used() {
            let (place, code) = (number / CODES.len(), CODES[number % CODES.len()]);
            let code = if code == 0 { "other".to_owned() } else { code.to_string() };
            let (place, class) = (place / CLASSES.len(), CLASSES[place % CLASSES.len()]);
            let (origin, verb) = (ORIGINS[place / VERBS.len()], VERBS[place % VERBS.len()]);
            out.sample(&REQUESTS, &[verb, class, &code, origin], value);
        }
        for (place, histogram) in self.durations.iter().enumerate() {
            let observed = histogram.observed();
            if observed.count() > 0 {
                let labels = [VERBS[place / CLASSES.len()], CLASSES[place % CLASSES.len()]];
                out.histogram(&DURATIONS, &labels, &observed);
            }
        }
    }
}

const REQUESTS: Metric = Metric::counter(
    "hanse_api_requests_total",
    &["verb", "class", "code", "origin"],
    "Requests answered. `class` is a class of resources or pages, `origin` is `client`, or `daemon` for those that another daemon carried here",
);
const DURATIONS: Metric = Metric::histogram(
    "hanse_api_request_duration_seconds",
    &["verb", "class"],
    "From a request's head to its answer's head; a watch's is the time until it begins",
);
const IN_FLIGHT: Metric = Metric::gauge("hanse_api_requests_in_flight", &[], "Requests at work, watches apart");
const WATCHES: Metric = Metric::gauge("hanse_api_watches", &[], "Watches open, carried ones included");
const WATCH_EVENTS: Metric =
    Metric::counter("hanse_api_watch_events_total", &[], "Events sent to watchers, initial ones included");
const WATCH_BYTES: Metric = Metric::counter("hanse_api_watch_bytes_total", &[], "Bytes of events sent to watchers");
const WATCHES_ENDED: Metric = Metric::counter(
    "hanse_api_watches_ended_total",
    &["why"],
    "Watches ended: by the client, by their time, with 410 because they fell behind, by a stop, or by a failure",
);
const CARRIED: Metric = Metric::counter(
    "hanse_api_requests_carried_total",
    &["outcome"],
    "Requests that this daemon carried to their home in another region",
);
const REQUEST_BYTES: Metric =
    Metric::counter("hanse_api_request_bytes_total", &[], "Bytes of requests' bodies, as their senders announced them");
const ANSWER_BYTES: Metric = Metric::histogram(
    "hanse_api_answer_bytes",
    &[],
    "Bytes of answers' bodies, streams not counted, before compression",
);
const CONNECTIONS: Metric = Metric::gauge("hanse_api_connections", &[], "Connections open");
const ACCEPTED: Metric = Metric::counter("hanse_api_connections_accepted_total", &[], "Connections accepted");
const HANDSHAKES_FAILED: Metric =
    Metric::counter("hanse_api_handshakes_failed_total", &[], "TLS handshakes that failed or took too long");
const PANICS: Metric = Metric::counter("hanse_api_request_panics_total", &[], "Requests that panicked: each is a bug");
const LINES_HELD_BACK: Metric = Metric::counter(
    "hanse_api_log_lines_held_back_total",
    &[],
    "Lines about slow or failed requests that were not logged because there were too many",
);

/// What the API tells, for the reference page.
pub const METRICS: [&Metric; 15] = [
    &REQUESTS,
    &DURATIONS,
    &IN_FLIGHT,
    &WATCHES,
    &WATCH_EVENTS,
    &WATCH_BYTES,
    &WATCHES_ENDED,
    &CARRIED,
    &REQUEST_BYTES,
    &ANSWER_BYTES,
    &CONNECTIONS,
    &ACCEPTED,
    &HANDSHAKES_FAILED,
    &PANICS,
    &LINES_HELD_BACK,
];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hanse_metrics::exposition::Exposition;
    use http::Method;

    use super::{CLASSES, CODES, Counted, Measures, Origin, VERBS};
    use crate::request::Request;

    fn counted(method: Method, path: &str) -> (&'static str, &'static str) {
        let counted = Counted::of(&Request::parse(&method, path, "").unwrap());
        (VERBS[counted.verb], CLASSES[counted.class])
    }

    #[test]
    fn a_request_is_counted_by_its_class() {
        let below = |rest: &str| format!("/clusters/root{rest}");
        for (method, path, expected) in [
            (Method::GET, below("/api/v1/namespaces/n/configmaps/x"), ("get", "built-in")),
            (Method::GET, below("/apis/coordination.k8s.io/v1/leases"), ("list", "lease")),
            (Method::POST, below("/apis/harbour.example.com/v1/boats"), ("create", "custom")),
            (Method::GET, below("/apis/tenancy.kcp.io/v1alpha1/workspaces/w"), ("get", "workspace")),
            (Method::POST, below("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"), ("create", "review")),
            (Method::GET, "/readyz".to_owned(), ("get", "health")),
            (Method::GET, "/openapi/v3".to_owned(), ("get", "discovery")),
            (Method::GET, "/metrics".to_owned(), ("get", "page")),
        ] {
            assert_eq!(counted(method, &path), expected, "{path}");
        }
    }

    #[test]
    fn every_combination_has_a_series_of_its_own_and_no_more() {
        let measures = Measures::new();
        for origin in [Origin::Client, Origin::Daemon] {
            for verb in 0..VERBS.len() {
                for class in 0..CLASSES.len() {
                    for code in CODES.iter().copied().chain([418, 999]) {
                        measures.answered(origin, Counted { verb, class }, code, Duration::ZERO);
                    }
                }
            }
        }
        let mut out = Exposition::new();
        measures.write(&mut out, 0, 0);
        let text = out.into_text();
        let series = text.lines().filter(|line| line.starts_with("hanse_api_requests_total{"));
        assert_eq!(series.count(), 2 * VERBS.len() * CLASSES.len() * CODES.len());
        assert!(text.contains(r#"hanse_api_requests_total{verb="none",class="page",code="other",origin="daemon"} 3"#));
    }
}
