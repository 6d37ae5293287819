//! `hanse status`: what the asked daemon says of the federation, as two tables.

use serde::Deserialize;

use crate::table::{age, render};

/// The answer to `{"request":"status"}`. Fields that a newer daemon adds are passed over; fields that an unreachable
/// daemon lacks are shown as `-`.
#[derive(Debug, Deserialize)]
pub(crate) struct Status {
    #[serde(default)]
    federation: String,
    #[serde(default)]
    asked: String,
    warning: Option<String>,
    regions: Vec<Region>,
    #[serde(default)]
    findings: Vec<Finding>,
}

/// Something that is wrong, as the daemon words it.
#[derive(Debug, Deserialize)]
struct Finding {
    severity: String,
    about: String,
    what: String,
    remedy: String,
}

#[derive(Debug, Deserialize)]
struct Region {
    region: String,
    group: String,
    #[serde(default)]
    founder: bool,
    reachable: bool,
    error: Option<String>,
    #[serde(default)]
    daemons: Vec<Daemon>,
}

#[derive(Debug, Deserialize)]
struct Daemon {
    name: String,
    daemon: u64,
    reachable: bool,
    error: Option<String>,
    role: Option<String>,
    leader: Option<u64>,
    term: Option<u64>,
    last_log: Option<u64>,
    committed: Option<u64>,
    applied: Option<u64>,
    snapshot: Option<u64>,
    revision: Option<u64>,
    uptime_ms: Option<u64>,
    rss_bytes: Option<u64>,
    workspaces: Option<u64>,
    tree: Option<Tree>,
    #[serde(default)]
    links: Vec<Link>,
}

#[derive(Debug, Deserialize)]
struct Tree {
    #[serde(default)]
    digest: String,
    #[serde(default)]
    workspaces: u64,
    #[serde(default)]
    lag: Vec<Lag>,
}

#[derive(Debug, Deserialize)]
struct Lag {
    group: String,
    behind: Option<u64>,
    last_contact_ms: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Link {
    state: String,
}

impl Status {
    /// Whether something is out of reach, without a leader, or does not work.
    pub(crate) fn is_degraded(&self) -> bool {
        let is_broken = self.findings.iter().any(|finding| finding.severity == "error");
        is_broken
            || self.warning.is_some()
            || self.regions.iter().any(|region| {
                !region.reachable || region.leader().is_none() || region.daemons.iter().any(|daemon| !daemon.reachable)
            })
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let regions: Vec<Vec<String>> = self.regions.iter().map(Region::row).collect();
        let daemons: Vec<Vec<String>> =
            self.regions.iter().flat_map(|region| region.daemons.iter().map(Daemon::row)).collect();
        let mut text = format!("Federation {}, as {} sees it\n\n", self.federation, self.asked);
        if let Some(warning) = &self.warning {
            text.push_str(&format!("{warning}\n\n"));
        }
        text.push_str(&render(&REGION_HEADERS, &regions));
        text.push('\n');
        text.push_str(&render(&DAEMON_HEADERS, &daemons));
        // A daemon of before says nothing of findings, but what it could not reach.
        let errors: Vec<String> = self.regions.iter().flat_map(Region::errors).collect();
        let findings: Vec<String> = self.findings.iter().map(Finding::show).collect();
        let lines = if findings.is_empty() { errors } else { findings };
        if !lines.is_empty() {
            text.push_str(&format!("\n{}\n", lines.join("\n")));
        }
        text
    }
}

const REGION_HEADERS: [&str; 7] = ["REGION", "GROUP", "STATE", "DAEMONS", "LEADER", "WORKSPACES", "FOUNDER"];
const DAEMON_HEADERS: [&str; 14] = [
    "DAEMON",
    "ROLE",
    "TERM",
    "LOG",
    "COMMITTED",
    "APPLIED",
    "SNAPSHOT",
    "REVISION",
    "TREE",
    "TREE-SIZE",
    "BEHIND",
    "LINKS",
    "MEMORY",
    "UPTIME",
];

impl Finding {
    fn show(&self) -> String {
        format!("{}: {}: {}\n  -> {}", self.severity, self.about, self.what, self.remedy)
    }
}

impl Region {
    /// The leader that the daemons of the region agree on: the one named in the highest term.
    fn leader(&self) -> Option<&Daemon> {
        let newest = self
            .daemons
            .iter()
            .filter(|daemon| daemon.reachable && daemon.leader.is_some())
            .max_by_key(|daemon| daemon.term)?;
        self.daemons.iter().find(|daemon| Some(daemon.daemon) == newest.leader)
    }

    fn row(&self) -> Vec<String> {
        let up = self.daemons.iter().filter(|daemon| daemon.reachable).count();
        let state = match (self.reachable, self.leader()) {
            (false, _) => "unreachable",
            (true, None) => "no leader",
            (true, Some(_)) if up < self.daemons.len() => "degraded",
            (true, Some(_)) => "ok",
        };
        // The replica that has applied the most knows best.
        let newest = self.daemons.iter().filter(|daemon| daemon.reachable).max_by_key(|daemon| daemon.applied);
        vec![
            self.region.clone(),
            self.group.clone(),
            state.to_owned(),
            format!("{up}/{}", self.daemons.len()),
            self.leader().map_or_else(dash, |leader| leader.name.clone()),
            number(newest.and_then(|daemon| daemon.workspaces)),
            if self.founder { "yes" } else { "" }.to_owned(),
        ]
    }

    fn errors(&self) -> Vec<String> {
        let own = self.error.iter().map(|error| format!("region {}: {error}", self.region));
        let daemons = self
            .daemons
            .iter()
            .filter_map(|daemon| Some(format!("daemon {}: {}", daemon.name, daemon.error.as_ref()?)));
        own.chain(daemons).collect()
    }
}

impl Daemon {
    fn row(&self) -> Vec<String> {
        let role = if self.reachable { self.role.clone().unwrap_or_else(dash) } else { "unreachable".to_owned() };
        let behind = self.tree.as_ref().map_or_else(dash, |tree| {
            let lags: Vec<String> = tree.lag.iter().map(Lag::show).collect();
            if lags.is_empty() { dash() } else { lags.join(",") }
        });
        let connected = self.links.iter().filter(|link| link.state == "connected").count();
        vec![
            self.name.clone(),
            role,
            number(self.term),
            number(self.last_log),
            number(self.committed),
            number(self.applied),
            number(self.snapshot),
            number(self.revision),
            self.tree.as_ref().map_or_else(dash, |tree| tree.digest.chars().take(DIGEST_CHARACTERS).collect()),
            number(self.tree.as_ref().map(|tree| tree.workspaces)),
            behind,
            if self.reachable { format!("{connected}/{}", self.links.len()) } else { dash() },
            self.rss_bytes.map_or_else(dash, |bytes| format!("{}Mi", bytes >> 20)),
            self.uptime_ms.map_or_else(dash, age),
        ]
    }
}

impl Lag {
    /// `us:0`, or, when the group is out of reach, how long ago it was heard last: `us:?(12s)`.
    fn show(&self) -> String {
        match (self.behind, self.last_contact_ms) {
            (Some(behind), _) => format!("{}:{behind}", self.group),
            (None, Some(ms)) => format!("{}:?({})", self.group, age(ms)),
            (None, None) => format!("{}:?(never)", self.group),
        }
    }
}

fn number(value: Option<u64>) -> String {
    value.map_or_else(dash, |value| value.to_string())
}

fn dash() -> String {
    "-".to_owned()
}

/// Enough to see at a glance whether two trees are equal.
const DIGEST_CHARACTERS: usize = 8;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Status;

    fn daemon(name: &str, id: u64, leader: Option<u64>) -> Value {
        json!({
            "name": name, "daemon": id, "reachable": true, "role": if leader == Some(id) { "leader" } else { "follower" },
            "leader": leader, "term": 2, "last_log": 120, "committed": 120, "applied": 119, "snapshot": null,
            "revision": 57, "uptime_ms": 130_000, "rss_bytes": 31 << 20, "workspaces": 4, "new_field": 1,
            "tree": {"digest": "0123456789abcdef", "workspaces": 9, "heads": [],
                "lag": [{"group": "us", "behind": 0, "last_contact_ms": 10}, {"group": "ap", "behind": null, "last_contact_ms": 12_000}]},
            "links": [{"daemon": 2, "state": "connected", "rtt_us": 80}, {"daemon": 3, "state": "down", "rtt_us": null}],
        })
    }

    fn status(regions: Value) -> Status {
        serde_json::from_value(json!({"federation": "f1", "now_ms": 1, "asked": "eu-1", "regions": regions})).unwrap()
    }

    #[test]
    fn what_is_out_of_reach_is_shown_with_its_reason() {
        let status = status(json!([
            {"region": "eu", "group": "eu", "founder": true, "reachable": true, "daemons": [daemon("eu-1", 1, Some(1))]},
            {"region": "ap", "group": "ap", "founder": false, "reachable": false, "error": "no daemon answers",
                "daemons": [{"name": "ap-1", "daemon": 3, "reachable": false, "error": "no answer within 1 s"}]},
        ]));
        assert!(status.is_degraded());
        assert_eq!(status.table(), EXPECTED);
    }

    #[test]
    fn a_region_is_degraded_without_a_leader_or_with_a_daemon_missing() {
        let region = |daemons: Value| json!([{"region": "eu", "group": "eu", "reachable": true, "daemons": daemons}]);
        let missing = json!({"name": "eu-2", "daemon": 2, "reachable": false});
        let whole = status(region(json!([daemon("eu-1", 1, Some(1)), daemon("eu-2", 2, Some(1))])));
        assert!(
            !whole.is_degraded() && whole.table().contains("eu       eu      ok      2/2       eu-1"),
            "{}",
            whole.table()
        );
        let leaderless = status(region(json!([daemon("eu-1", 1, None)])));
        assert!(leaderless.is_degraded() && leaderless.table().contains("no leader"));
        let partial = status(region(json!([daemon("eu-1", 1, Some(1)), missing])));
        assert!(partial.is_degraded() && partial.table().contains("degraded"));
    }

    const EXPECTED: &str = "\
Federation f1, as eu-1 sees it

REGION   GROUP   STATE         DAEMONS   LEADER   WORKSPACES   FOUNDER
eu       eu      ok            1/1       eu-1     4            yes
ap       ap      unreachable   0/1       -        -

DAEMON   ROLE          TERM   LOG   COMMITTED   APPLIED   SNAPSHOT   REVISION   TREE       TREE-SIZE   BEHIND           LINKS   MEMORY   UPTIME
eu-1     leader        2      120   120         119       -          57         01234567   9           us:0,ap:?(12s)   1/2     31Mi     2m
ap-1     unreachable   -      -     -           -         -          -          -          -           -                -       -        -

region ap: no daemon answers
daemon ap-1: no answer within 1 s
";
}
