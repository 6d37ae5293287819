//! What `/metrics` shows beside the API's own numbers: group, links, tree, controllers, webhooks, state and process.
//!
//! Everything is read when somebody asks; nothing runs for it meanwhile. The series are bounded by the number of daemons
//! and regions of the federation, never by what is stored.

use std::sync::{Arc, OnceLock, Weak};

use hanse_api::api::Api;
use hanse_api::egress::HttpsEgress;
use hanse_controllers::tally::Tally;
use hanse_metrics::exposition::Exposition;
use hanse_metrics::metric::Metric;
use hanse_raft::group::Group;
use hanse_store::home::Home;
use hanse_sync::mesh::LinkState;

use crate::carriage::Carriage;
use crate::federation::Contacts;
use crate::overview::Views;
use crate::process::Process;
use crate::space::Space;

/// What is looked at.
pub(crate) struct Sources {
    pub(crate) group: Group,
    pub(crate) home: Arc<dyn Home>,
    pub(crate) carriage: Carriage,
    pub(crate) contacts: Contacts,
    pub(crate) egress: Arc<HttpsEgress>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) space: Space,
    pub(crate) started_ms: u64,
    /// The server that shows this: not kept alive by it.
    pub(crate) api: OnceLock<Weak<Api>>,
}

impl Sources {
    /// What the views show, and what is counted beside them. `started_ms` counts as the process's start.
    pub(crate) fn new(views: &Views, egress: Arc<HttpsEgress>, started_ms: u64) -> Self {
        Self {
            group: views.group.clone(),
            home: Arc::clone(&views.home),
            carriage: views.carriage.clone(),
            contacts: views.contacts.clone(),
            egress,
            tally: Arc::default(),
            space: views.space.clone(),
            started_ms,
            api: OnceLock::new(),
        }
    }

    /// Writes all of it.
    pub(crate) fn write(&self, out: &mut Exposition) {
        self.group.write_metrics(out);
        self.write_state(out);
        self.write_disk(out);
        self.write_links(out);
        for lag in self.contacts.lag() {
            if let Some(behind) = lag.behind {
                out.sample(&TREE_BEHIND, &[&lag.group], behind);
            }
            out.sample(&TREE_CONTACT, &[&lag.group], u64::from(lag.behind.is_some()));
        }
        out.sample(&TREE_MERGES, &[], self.contacts.merges());
        out.sample(&CONTROLLERS_WAITING, &[], self.tally.waiting());
        out.sample(&CONTROLLERS_ANSWERED, &["done"], self.tally.done());
        out.sample(&CONTROLLERS_ANSWERED, &["failed"], self.tally.failed());
        self.egress.write_metrics(out);
        self.write_process(out);
    }

    fn write_state(&self, out: &mut Exposition) {
        let view = self.home.view();
        let group = self.home.group().as_str();
        out.sample(&REVISION, &[group], view.revision().0);
        out.sample(&OBJECTS, &[group], view.object_count() as u64);
        out.sample(&CLUSTERS, &[group], view.cluster_count() as u64);
        out.sample(&WINDOW_EVENTS, &[group], view.revision().0.saturating_sub(view.oldest().0));
        out.sample(&WINDOW_BYTES, &[group], view.history().bytes() as u64);
    }

    fn write_disk(&self, out: &mut Exposition) {
        if let Some((free, total)) = self.space.bytes() {
            out.sample(&DISK_BYTES, &["free"], free);
            out.sample(&DISK_BYTES, &["total"], total);
        }
        let (topics, subscriptions) = self.home.hub().visited();
        out.sample(&TOPICS, &[], topics as u64);
        out.sample(&SUBSCRIPTIONS, &[], subscriptions as u64);
    }

    fn write_links(&self, out: &mut Exposition) {
        for link in self.carriage.mesh().links() {
            let daemon = link.peer.daemon.to_string();
            for (lane, state) in [("control", &link.state), ("bulk", &link.bulk)] {
                out.sample(&LINK_UP, &[&daemon, lane], u64::from(matches!(state, LinkState::Connected { .. })));
                if let LinkState::Connected { rtt, .. } = state {
                    out.fraction(&LINK_RTT, &[&daemon, lane], rtt.as_secs_f64());
                }
            }
            out.sample(&LINK_BYTES, &[&daemon, "in"], link.bytes_in);
            out.sample(&LINK_BYTES, &[&daemon, "out"], link.bytes_out);
            let name = self.carriage.name(link.peer.daemon);
            out.sample(&PEER_INFO, &[&daemon, &name, link.peer.region.as_str()], 1);
        }
    }

    fn write_process(&self, out: &mut Exposition) {
        let process = Process::now();
        let sizes = [
            (&PROCESS_RSS, process.rss_bytes),
            (&PROCESS_VIRTUAL, process.virtual_bytes),
            (&PROCESS_FILES, process.files),
            (&PROCESS_FILES_MAX, process.files_max),
            (&PROCESS_THREADS, process.threads),
        ];
        for (metric, value) in sizes {
            value.into_iter().for_each(|value| out.sample(metric, &[], value));
        }
        if let Some(seconds) = process.cpu_seconds {
            out.fraction(&PROCESS_CPU, &[], seconds);
        }
        out.fraction(&PROCESS_START, &[], std::time::Duration::from_millis(self.started_ms).as_secs_f64());
        let runtime = tokio::runtime::Handle::current().metrics();
        out.sample(&TASKS, &[], runtime.num_alive_tasks() as u64);
        out.sample(&TASKS_QUEUED, &[], runtime.global_queue_depth() as u64);
        out.sample(&WORKERS, &[], runtime.num_workers() as u64);
        out.sample(&BLOCKING, &[], runtime.num_blocking_threads() as u64);
        out.sample(&BUILD, &[env!("CARGO_PKG_VERSION")], 1);
    }
}

const REVISION: Metric =
    Metric::gauge("hanse_store_revision", &["group"], "The newest revision that this replica shows");
const OBJECTS: Metric = Metric::gauge("hanse_store_objects", &["group"], "Objects kept here, of all workspaces");
const CLUSTERS: Metric =
    Metric::gauge("hanse_store_workspaces", &["group"], "Logical clusters at home in the group, `root` included");
const WINDOW_EVENTS: Metric = Metric::gauge(
    "hanse_store_window_events",
    &["group"],
    "Events that a watch can still resume from; older ones are answered with 410",
);
const WINDOW_BYTES: Metric = Metric::gauge("hanse_store_window_bytes", &["group"], "Bytes of those events");
const DISK_BYTES: Metric = Metric::gauge(
    "hanse_disk_bytes",
    &["of"],
    "Bytes of the file system of the data: `free` for the daemon, and `total`",
);
const TOPICS: Metric =
    Metric::gauge("hanse_store_topics", &[], "Resources of logical clusters that somebody watches or waits for here");
const SUBSCRIPTIONS: Metric = Metric::gauge("hanse_store_subscriptions", &[], "Subscriptions to them");
const LINK_UP: Metric = Metric::gauge(
    "hanse_link_up",
    &["daemon", "lane"],
    "1 while there is a link to another daemon: `control` for Raft and the tree, `bulk` for carried requests and snapshots",
);
const LINK_RTT: Metric =
    Metric::gauge("hanse_link_rtt_seconds", &["daemon", "lane"], "The round trip time that was measured last");
const LINK_BYTES: Metric = Metric::gauge(
    "hanse_link_bytes",
    &["daemon", "direction"],
    "Bytes on the links that stand now; begins anew with a new link",
);
const PEER_INFO: Metric = Metric::gauge(
    "hanse_peer_info",
    &["daemon", "name", "region"],
    "1 for each other daemon: what its number stands for",
);
const TREE_BEHIND: Metric = Metric::gauge(
    "hanse_tree_behind_changes",
    &["group"],
    "Changes of another group's documents that this one is known to miss; told by the leader, while it hears that group",
);
const TREE_CONTACT: Metric =
    Metric::gauge("hanse_tree_session_up", &["group"], "1 while this leader follows another group's part of the tree");
const TREE_MERGES: Metric =
    Metric::counter("hanse_tree_changes_merged_total", &[], "Changes of other groups' documents merged by this daemon");
const CONTROLLERS_WAITING: Metric =
    Metric::gauge("hanse_controllers_items", &[], "Items that the controllers have to do with; on the leader only");
const CONTROLLERS_ANSWERED: Metric = Metric::counter(
    "hanse_controllers_transactions_total",
    &["outcome"],
    "Transactions of the controllers: answered, or without an answer",
);
const PROCESS_RSS: Metric = Metric::gauge("process_resident_memory_bytes", &[], "Memory that the process holds");
const PROCESS_VIRTUAL: Metric = Metric::gauge("process_virtual_memory_bytes", &[], "Address space of the process");
const PROCESS_FILES: Metric = Metric::gauge("process_open_fds", &[], "Open file descriptors");
const PROCESS_FILES_MAX: Metric = Metric::gauge("process_max_fds", &[], "Most file descriptors that it may have open");
const PROCESS_THREADS: Metric = Metric::gauge("process_threads", &[], "Threads of the process");
const PROCESS_CPU: Metric = Metric::counter("process_cpu_seconds_total", &[], "Time on a core, user and system");
const PROCESS_START: Metric =
    Metric::gauge("process_start_time_seconds", &[], "When the daemon started, in seconds since 1970");
const TASKS: Metric = Metric::gauge("hanse_runtime_tasks", &[], "Tasks alive in the runtime");
const TASKS_QUEUED: Metric =
    Metric::gauge("hanse_runtime_queued_tasks", &[], "Tasks that wait in the runtime's shared queue for a worker");
const WORKERS: Metric = Metric::gauge("hanse_runtime_workers", &[], "Worker threads of the runtime");
const BLOCKING: Metric = Metric::gauge(
    "hanse_runtime_blocking_threads",
    &[],
    "Threads for work that blocks, idle ones included; many of them mean a slow disk",
);
const BUILD: Metric = Metric::gauge("hanse_build_info", &["version"], "1: the version that runs");

/// What this file tells, for the reference page.
const METRICS: [&Metric; 29] = [
    &REVISION,
    &OBJECTS,
    &CLUSTERS,
    &WINDOW_EVENTS,
    &WINDOW_BYTES,
    &DISK_BYTES,
    &TOPICS,
    &SUBSCRIPTIONS,
    &LINK_UP,
    &LINK_RTT,
    &LINK_BYTES,
    &PEER_INFO,
    &TREE_BEHIND,
    &TREE_CONTACT,
    &TREE_MERGES,
    &CONTROLLERS_WAITING,
    &CONTROLLERS_ANSWERED,
    &PROCESS_RSS,
    &PROCESS_VIRTUAL,
    &PROCESS_FILES,
    &PROCESS_FILES_MAX,
    &PROCESS_THREADS,
    &PROCESS_CPU,
    &PROCESS_START,
    &TASKS,
    &TASKS_QUEUED,
    &WORKERS,
    &BLOCKING,
    &BUILD,
];

/// The chapters of the reference page, and what stands in each.
#[must_use]
pub fn reference() -> Vec<(&'static str, Vec<&'static Metric>)> {
    vec![
        ("The API", hanse_api::measure::METRICS.to_vec()),
        ("Webhooks", hanse_api::egress::measure::METRICS.to_vec()),
        ("The group", hanse_raft::measure::METRICS.to_vec()),
        ("State, links, tree, controllers, process", METRICS.to_vec()),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::reference;

    /// The page between its marks is what this program says; to renew it, write what the failure shows.
    #[test]
    fn the_reference_page_names_every_metric() {
        let mut table = String::new();
        for (chapter, metrics) in reference() {
            table.push_str(&format!(
                "\n## {chapter}\n\n| metric | kind | labels | meaning |\n| --- | --- | --- | --- |\n"
            ));
            for metric in metrics {
                let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
                let (name, kind, labels) = (metric.name, metric.kind.as_str(), labels.join(", "));
                table.push_str(&format!("| `{name}` | {kind} | {labels} | {} |\n", metric.help));
            }
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operate/metrics.md");
        let page = std::fs::read_to_string(path).unwrap();
        let (_, rest) = page.split_once("<!-- metrics -->\n").expect("the table begins with a mark");
        let (shown, _) = rest.split_once("<!-- metrics -->").expect("the table ends with a mark");
        if shown != table {
            let renewed = std::env::temp_dir().join("metrics.md");
            std::fs::write(&renewed, page.replace(shown, &table)).unwrap();
            panic!("docs/operate/metrics.md is not what the program says: copy {}", renewed.display());
        }
    }

    #[test]
    fn names_follow_the_conventions_and_are_unique() {
        let mut names = BTreeSet::new();
        for (_, metrics) in reference() {
            for metric in metrics {
                assert!(names.insert(metric.name), "{} is there twice", metric.name);
                let counts = metric.kind.as_str() == "counter";
                assert_eq!(counts, metric.name.ends_with("_total"), "{}: counters end with _total", metric.name);
                assert!(!metric.help.ends_with('.') && !metric.help.is_empty(), "{}", metric.name);
                let banned = ["workspace", "cluster", "user", "object", "namespace", "path", "host"];
                assert!(
                    metric.labels.iter().all(|label| !banned.contains(label)),
                    "{}: {:?}",
                    metric.name,
                    metric.labels
                );
            }
        }
    }
}
