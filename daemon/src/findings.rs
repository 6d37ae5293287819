//! What is wrong in a federation, in plain sentences, each with what to do: the end of `hanse status`.
//!
//! A pure function of what the daemons have said, so that every sentence has a test. What a daemon says of itself is believed;
//! what one cannot say (that it is dead, that it hears nobody) is concluded from the others.

use std::collections::BTreeMap;

use crate::status::{DaemonStatus, Finding, RegionStatus, Severity};

/// What is wrong, the worst first.
pub(crate) fn findings(regions: &[RegionStatus], now_ms: u64) -> Vec<Finding> {
    let mut found = Found { now_ms, findings: Vec::new() };
    for region in regions {
        found.region(region);
        for daemon in &region.daemons {
            found.daemon(daemon);
        }
        found.tree(region, regions);
    }
    found.links(regions);
    found.versions(regions);
    found.findings.sort();
    found.findings
}

struct Found {
    now_ms: u64,
    findings: Vec<Finding>,
}

impl Found {
    fn error(&mut self, about: String, what: String, remedy: &str) {
        self.findings.push(Finding { severity: Severity::Error, about, what, remedy: remedy.to_owned() });
    }

    fn warning(&mut self, about: String, what: String, remedy: &str) {
        self.findings.push(Finding { severity: Severity::Warning, about, what, remedy: remedy.to_owned() });
    }

    /// Whether the group can elect, has elected, and agrees.
    fn region(&mut self, region: &RegionStatus) {
        let about = format!("region {}", region.region);
        let answering: Vec<&DaemonStatus> = region.daemons.iter().filter(|daemon| daemon.reachable).collect();
        if answering.is_empty() {
            return self.error(
                about,
                "none of its daemons can be reached from here: its workspaces are unavailable, not lost".to_owned(),
                "start its daemons, or mend the network between the regions; other regions go on meanwhile",
            );
        }
        let newest = answering.iter().max_by_key(|daemon| (daemon.term, daemon.applied));
        let voters: Vec<u64> = match newest.map(|daemon| daemon.voters.clone()) {
            Some(voters) if !voters.is_empty() => voters,
            _ => region.daemons.iter().map(|daemon| daemon.daemon).collect(),
        };
        let able =
            |daemon: &&&DaemonStatus| voters.contains(&daemon.daemon) && daemon.disk.as_deref() != Some("stalled");
        let up = answering.iter().filter(able).count();
        let needed = voters.len() / 2 + 1;
        if up < needed {
            return self.error(
                about,
                format!(
                    "no quorum: {up} of {} voters can take part, {needed} are needed; writes and linearizable reads wait",
                    voters.len()
                ),
                "start the daemons that do not answer; nothing acknowledged is lost",
            );
        }
        let leads = |daemon: &&&DaemonStatus| daemon.role.as_deref() == Some("leader");
        let leaders: Vec<&&DaemonStatus> = answering.iter().filter(leads).collect();
        let newest_term = answering.iter().filter_map(|daemon| daemon.term).max();
        match leaders.as_slice() {
            [] => self.error(
                about,
                "no leader: its daemons answer, and none of them leads".to_owned(),
                "wait a second for the election; if it stays so, look at the links between its daemons below",
            ),
            [leader] if leader.term < newest_term => self.error(
                about,
                format!(
                    "{} leads in a term that others have left: an election is under way, or it hears nobody",
                    leader.name
                ),
                "wait a second; if it stays so, look at the links between its daemons below",
            ),
            [_] => self.agreement(&about, &answering),
            several => {
                let names: Vec<&str> = several.iter().map(|daemon| daemon.name.as_str()).collect();
                self.warning(
                    about,
                    format!("{} say that they lead: only the one with the newest term can write", names.join(" and ")),
                    "ask again; if it stays so, the links between them are down",
                );
            }
        }
    }

    /// Replicas that have applied the same entries must hold the same.
    fn agreement(&mut self, about: &str, answering: &[&DaemonStatus]) {
        let mut digests: BTreeMap<u64, (&str, &str)> = BTreeMap::new();
        for daemon in answering {
            let (Some(applied), Some(tree)) = (daemon.applied, &daemon.tree) else { continue };
            let (name, digest) = *digests.entry(applied).or_insert((&daemon.name, &tree.digest));
            if digest != tree.digest {
                self.error(
                    about.to_owned(),
                    format!("{name} and {} have applied the same entries and hold different trees", daemon.name),
                    "stop one of them, keep its directory, and report it: this is a bug or a broken machine",
                );
            }
        }
    }

    fn daemon(&mut self, daemon: &DaemonStatus) {
        let about = format!("daemon {}", daemon.name);
        if !daemon.reachable {
            let why = daemon.error.clone().unwrap_or_else(|| "it gives no answer".to_owned());
            return self.error(about, format!("it does not answer: {why}"), "look whether it runs, and at its log");
        }
        if let Some(failure) = &daemon.failure {
            self.error(
                about.clone(),
                format!("its group has stopped for good: {failure}"),
                "look at its log and its disk, then start it again; the others go on while they are a majority",
            );
        } else if daemon.engine_answers == Some(false) && daemon.disk.as_deref() != Some("stalled") {
            self.error(
                about.clone(),
                "it answers, but its group does not move".to_owned(),
                "its watchdog ends it within 15 s; if it stays so, end it by hand and report it with `hanse debug`",
            );
        }
        self.disk(&about, daemon);
        self.clock(&about, daemon);
        self.certificates(&about, daemon);
        for follower in daemon.followers.iter().filter(|follower| follower.lag > LAG_ENTRIES) {
            self.warning(
                about.clone(),
                format!("daemon {} lags {} entries behind it", follower.daemon, follower.lag),
                "it catches up by itself; if the number grows, look at that daemon's disk and link",
            );
        }
    }

    fn disk(&mut self, about: &str, daemon: &DaemonStatus) {
        let free = daemon.disk_free_bytes.map_or_else(|| "little".to_owned(), |bytes| format!("{} MiB", bytes >> 20));
        match daemon.disk.as_deref() {
            Some("stalled") => self.error(
                about.to_owned(),
                "the disk of its log does not answer: it takes no part in its group until it does".to_owned(),
                "look at the device (dmesg, the provider's console); move the daemon if it does not recover",
            ),
            Some("full") => self.error(
                about.to_owned(),
                format!("its disk is full ({free} free): it takes no entries"),
                "make room on its disk; it goes on by itself",
            ),
            _ if daemon.disk_low => self.warning(
                about.to_owned(),
                format!("its disk is nearly full ({free} free): what makes the state larger is refused with 507"),
                "make room on its disk, or delete what is not needed; it goes on by itself",
            ),
            _ => {}
        }
    }

    fn clock(&mut self, about: &str, daemon: &DaemonStatus) {
        let Some(skew) = daemon.skew_ms.filter(|skew| skew.unsigned_abs() > SKEW_MS) else { return };
        let (seconds, way) = (skew.unsigned_abs() as f64 / 1000.0, if skew > 0 { "ahead of" } else { "behind" });
        self.warning(
            about.to_owned(),
            format!("its clock is {seconds:.1} s {way} the asked daemon's"),
            "correct the time of both machines (chrony, systemd-timesyncd): tokens and certificates are judged by it",
        );
    }

    fn certificates(&mut self, about: &str, daemon: &DaemonStatus) {
        for certificate in &daemon.certificates {
            let life = certificate.not_after_ms.saturating_sub(certificate.not_before_ms);
            let left = certificate.not_after_ms.saturating_sub(self.now_ms);
            let (purpose, left_text) = (&certificate.purpose, span(left));
            let remedy = if purpose == "peers" {
                "the daemon renews it by itself: look at its log for why it has not"
            } else {
                "renew it and start the daemon again, one daemon of a region after the other"
            };
            if left == 0 {
                self.error(about.to_owned(), format!("its certificate for {purpose} has expired"), remedy);
            } else if left < life / EXPIRY_SHARE {
                self.warning(about.to_owned(), format!("its certificate for {purpose} ends in {left_text}"), remedy);
            }
        }
    }

    /// How far the region's leader is behind the others' parts of the tree.
    fn tree(&mut self, region: &RegionStatus, regions: &[RegionStatus]) {
        let leader = region.daemons.iter().find(|daemon| daemon.role.as_deref() == Some("leader"));
        let Some((leader, tree)) = leader.and_then(|leader| Some((leader, leader.tree.as_ref()?))) else { return };
        for lag in &tree.lag {
            let is_there = regions.iter().any(|other| other.group == lag.group && other.reachable);
            let about = format!("region {}", region.region);
            match lag.behind {
                None if is_there => {
                    let since =
                        lag.last_contact_ms.map_or("since it leads".to_owned(), |ms| format!("for {}", span(ms)));
                    self.warning(
                        about,
                        format!("{} has not heard of the tree of region {} {since}", leader.name, lag.group),
                        "look at the links between the two regions; what one sees of the other is old meanwhile",
                    );
                }
                Some(behind) if behind > BEHIND_CHANGES => self.warning(
                    about,
                    format!("{} is {behind} changes behind the tree of region {}", leader.name, lag.group),
                    "it catches up by itself; if the number grows, the region is slow to write",
                ),
                _ => {}
            }
        }
    }

    /// Pairs of daemons that both answer here, and do not both hear each other.
    fn links(&mut self, regions: &[RegionStatus]) {
        let daemons: Vec<&DaemonStatus> =
            regions.iter().flat_map(|region| &region.daemons).filter(|daemon| daemon.reachable).collect();
        for (at, one) in daemons.iter().enumerate() {
            for other in &daemons[at + 1..] {
                let state = |from: &DaemonStatus, to: &DaemonStatus| {
                    from.links
                        .iter()
                        .find(|link| link.daemon == to.daemon)
                        .map(|link| (link.state.clone(), link.why.clone()))
                };
                let (Some(there), Some(back)) = (state(one, other), state(other, one)) else { continue };
                let about = format!("link {} - {}", one.name, other.name);
                match (there.0.as_str(), back.0.as_str()) {
                    ("down", "down") => {
                        let why = there.1.or(back.1).unwrap_or_else(|| "no dial succeeds".to_owned());
                        self.error(
                            about,
                            format!("there is no link between them: {why}"),
                            "look at the network and the firewall between the two, UDP in both directions",
                        );
                    }
                    ("down", "connected") | ("connected", "down") => {
                        let (hears, deaf) = if there.0 == "connected" { (one, other) } else { (other, one) };
                        self.error(
                            about,
                            format!(
                                "it is up one way only: {} has a link to {}, which has none back",
                                hears.name, deaf.name
                            ),
                            "packets are lost in one direction: look at routes and firewalls of both",
                        );
                    }
                    _ => {}
                }
            }
        }
    }

    fn versions(&mut self, regions: &[RegionStatus]) {
        let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for daemon in regions.iter().flat_map(|region| &region.daemons) {
            if let Some(version) = &daemon.version {
                versions.entry(version).or_default().push(&daemon.name);
            }
        }
        if versions.len() > 1 {
            let told: Vec<String> =
                versions.iter().map(|(version, names)| format!("{version} on {}", names.join(", "))).collect();
            self.warning(
                "federation".to_owned(),
                format!("versions differ: {}", told.join("; ")),
                "finish the upgrade",
            );
        }
    }
}

/// A length of time, in the unit that says most.
fn span(ms: u64) -> String {
    match ms / 1000 {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7_199 => format!("{} min", seconds / 60),
        seconds @ 7_200..=172_799 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// A follower further behind than this is worth a word.
const LAG_ENTRIES: u64 = 10_000;
/// As above, for the tree.
const BEHIND_CHANGES: u64 = 1_000;
/// Clocks further apart are worth a word; a round trip is not counted as skew.
const SKEW_MS: u64 = 1_000;
/// A certificate with less than this part of its life left should have been renewed.
const EXPIRY_SHARE: u64 = 5;

#[cfg(test)]
mod tests {
    use super::findings;
    use crate::status::{
        CertificateStatus, DaemonStatus, Finding, Follower, Lag, LinkStatus, RegionStatus, Severity, TreeStatus,
    };

    const NOW: u64 = 1_800_000_000_000;

    fn link(daemon: u64, state: &str) -> LinkStatus {
        LinkStatus {
            daemon,
            state: state.to_owned(),
            rtt_us: None,
            why: (state == "down").then(|| "timed out".into()),
            not_a_member: false,
        }
    }

    /// Three daemons of `eu` of which the first leads, and one of `us`. All is well.
    fn regions() -> Vec<RegionStatus> {
        let daemon = |name: &str, id: u64, role: &str, voters: &[u64]| DaemonStatus {
            name: name.to_owned(),
            daemon: id,
            version: Some("1".to_owned()),
            reachable: true,
            role: Some(role.to_owned()),
            leader: voters.first().copied(),
            term: Some(3),
            applied: Some(10),
            tree: Some(TreeStatus { digest: "d".to_owned(), ..TreeStatus::default() }),
            links: [1, 2, 3, 4]
                .into_iter()
                .filter(|other| *other != id)
                .map(|other| link(other, "connected"))
                .collect(),
            skew_ms: Some(3),
            disk: Some("working".to_owned()),
            engine_answers: Some(true),
            voters: voters.to_vec(),
            certificates: vec![CertificateStatus {
                purpose: "peers".to_owned(),
                not_before_ms: NOW - 1000,
                not_after_ms: NOW + 1_000_000,
            }],
            ..DaemonStatus::default()
        };
        let region = |name: &str, daemons: Vec<DaemonStatus>| RegionStatus {
            region: name.to_owned(),
            group: name.to_owned(),
            founder: false,
            reachable: true,
            error: None,
            daemons,
        };
        let eu = [1, 2, 3];
        vec![
            region(
                "eu",
                vec![
                    daemon("eu-1", 1, "leader", &eu),
                    daemon("eu-2", 2, "follower", &eu),
                    daemon("eu-3", 3, "follower", &eu),
                ],
            ),
            region("us", vec![daemon("us-1", 4, "leader", &[4])]),
        ]
    }

    fn dead(daemon: &mut DaemonStatus) {
        *daemon = DaemonStatus {
            name: daemon.name.clone(),
            daemon: daemon.daemon,
            error: Some("timed out".to_owned()),
            ..DaemonStatus::default()
        };
    }

    fn found(change: impl FnOnce(&mut [RegionStatus])) -> Vec<Finding> {
        let mut regions = regions();
        change(&mut regions);
        findings(&regions, NOW)
    }

    /// What one change makes of a federation in which all is well: severity, what it is about, and words of the sentence.
    fn check(change: impl FnOnce(&mut [RegionStatus]), expected: &[(Severity, &str, &str)]) {
        let found = found(change);
        let shown: Vec<String> =
            found.iter().map(|one| format!("{:?} {}: {}", one.severity, one.about, one.what)).collect();
        assert_eq!(found.len(), expected.len(), "{shown:#?}");
        for (one, (severity, about, words)) in found.iter().zip(expected) {
            assert!(one.severity == *severity && one.about == *about && one.what.contains(words), "{shown:#?}");
            assert!(!one.remedy.is_empty());
        }
    }

    #[test]
    fn where_all_is_well_nothing_is_said() {
        check(|_| {}, &[]);
    }

    #[test]
    fn groups_that_cannot_write_are_named() {
        let error = Severity::Error;
        check(|regions| dead(&mut regions[0].daemons[1]), &[(error, "daemon eu-2", "it does not answer: timed out")]);
        check(
            |regions| {
                dead(&mut regions[0].daemons[0]);
                dead(&mut regions[0].daemons[1]);
            },
            &[
                (error, "daemon eu-1", "does not answer"),
                (error, "daemon eu-2", "does not answer"),
                (error, "region eu", "no quorum: 1 of 3 voters can take part, 2 are needed"),
            ],
        );
        check(
            |regions| regions[0].daemons[0].role = Some("candidate".to_owned()),
            &[(error, "region eu", "no leader")],
        );
        check(
            |regions| regions[0].daemons[1].term = Some(9),
            &[(error, "region eu", "eu-1 leads in a term that others have left")],
        );
        check(
            |regions| {
                regions[1].reachable = false;
                dead(&mut regions[1].daemons[0]);
            },
            &[(error, "daemon us-1", "does not answer"), (error, "region us", "unavailable, not lost")],
        );
        check(
            |regions| regions[0].daemons[1].tree.as_mut().unwrap().digest = "other".to_owned(),
            &[(error, "region eu", "eu-1 and eu-2 have applied the same entries and hold different trees")],
        );
        check(
            |regions| regions[0].daemons[1].role = Some("leader".to_owned()),
            &[(Severity::Warning, "region eu", "eu-1 and eu-2 say that they lead")],
        );
    }

    #[test]
    fn daemons_in_trouble_are_named() {
        let (error, warning) = (Severity::Error, Severity::Warning);
        check(
            |regions| {
                regions[0].daemons[1].disk = Some("stalled".to_owned());
                regions[0].daemons[1].engine_answers = Some(false);
            },
            &[(error, "daemon eu-2", "the disk of its log does not answer")],
        );
        check(
            |regions| regions[0].daemons[1].engine_answers = Some(false),
            &[(error, "daemon eu-2", "it answers, but its group does not move")],
        );
        check(
            |regions| regions[0].daemons[1].failure = Some("EIO".to_owned()),
            &[(error, "daemon eu-2", "its group has stopped for good: EIO")],
        );
        check(
            |regions| {
                regions[0].daemons[1].disk = Some("full".to_owned());
                regions[0].daemons[1].disk_free_bytes = Some(7 << 20);
                regions[0].daemons[1].disk_low = true;
            },
            &[(error, "daemon eu-2", "its disk is full (7 MiB free)")],
        );
        check(|regions| regions[0].daemons[1].disk_low = true, &[(warning, "daemon eu-2", "nearly full")]);
        check(
            |regions| {
                regions[0].daemons[0].followers =
                    vec![Follower { daemon: 3, lag: 20_000, heard_ms: None, is_live: false }]
            },
            &[(warning, "daemon eu-1", "daemon 3 lags 20000 entries behind it")],
        );
        check(
            |regions| regions[0].daemons[1].skew_ms = Some(-4200),
            &[(warning, "daemon eu-2", "its clock is 4.2 s behind")],
        );
        check(
            |regions| regions[0].daemons[1].certificates[0].not_after_ms = NOW - 1,
            &[(error, "daemon eu-2", "its certificate for peers has expired")],
        );
        check(
            |regions| regions[0].daemons[1].certificates[0].not_before_ms = NOW - 10_000_000,
            &[(warning, "daemon eu-2", "its certificate for peers ends in 16 min")],
        );
        check(
            |regions| regions[1].daemons[0].version = Some("2".to_owned()),
            &[(warning, "federation", "versions differ: 1 on eu-1, eu-2, eu-3; 2 on us-1")],
        );
    }

    #[test]
    fn a_stalled_disk_counts_as_a_voter_less() {
        check(
            |regions| {
                dead(&mut regions[0].daemons[2]);
                regions[0].daemons[1].disk = Some("stalled".to_owned());
            },
            &[
                (Severity::Error, "daemon eu-2", "the disk of its log does not answer"),
                (Severity::Error, "daemon eu-3", "does not answer"),
                (Severity::Error, "region eu", "no quorum: 1 of 3"),
            ],
        );
    }

    #[test]
    fn links_and_the_tree_are_looked_at_from_both_ends() {
        let set = |regions: &mut [RegionStatus], (from, to): (usize, u64), state: &str| {
            let links = &mut regions[0].daemons[from].links;
            links.retain(|link| link.daemon != to);
            links.push(link(to, state));
        };
        check(
            |regions| set(regions, (0, 2), "down"),
            &[(Severity::Error, "link eu-1 - eu-2", "eu-2 has a link to eu-1, which has none back")],
        );
        check(
            |regions| {
                set(regions, (0, 2), "down");
                set(regions, (1, 1), "down");
            },
            &[(Severity::Error, "link eu-1 - eu-2", "there is no link between them: timed out")],
        );
        check(|regions| set(regions, (0, 2), "dialing"), &[]);
        let lag = |behind| Lag { group: "us".to_owned(), behind, last_contact_ms: Some(90_000) };
        check(
            |regions| regions[0].daemons[0].tree.as_mut().unwrap().lag = vec![lag(None)],
            &[(Severity::Warning, "region eu", "eu-1 has not heard of the tree of region us for 90 s")],
        );
        check(
            |regions| regions[0].daemons[0].tree.as_mut().unwrap().lag = vec![lag(Some(5000))],
            &[(Severity::Warning, "region eu", "eu-1 is 5000 changes behind the tree of region us")],
        );
        check(|regions| regions[0].daemons[0].tree.as_mut().unwrap().lag = vec![lag(Some(3))], &[]);
    }
}
