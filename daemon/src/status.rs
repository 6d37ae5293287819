//! What a daemon says of itself, and what it collects of the others: the answer behind `hanse status`.

use serde::{Deserialize, Serialize};

/// The federation as one daemon sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FederationStatus {
    /// Id of the federation.
    pub(crate) federation: String,
    /// The asked daemon's wall clock, milliseconds since 1970.
    pub(crate) now_ms: u64,
    /// Name of the asked daemon.
    pub(crate) asked: String,
    /// That the asked daemon belongs to the federation no more.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) warning: Option<String>,
    /// All regions, by name.
    pub(crate) regions: Vec<RegionStatus>,
    /// What is wrong, worst first: see [`crate::findings`].
    #[serde(default)]
    pub(crate) findings: Vec<Finding>,
}

/// Something that is wrong, in words for people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Finding {
    /// How bad it is.
    pub(crate) severity: Severity,
    /// What it is about: `region eu`, `daemon eu-1`, `link eu-1 - us-1`.
    pub(crate) about: String,
    /// What is the case.
    pub(crate) what: String,
    /// What to do.
    pub(crate) remedy: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// Something does not work.
    Error,
    /// Something will not work, if nobody looks at it.
    Warning,
}

/// One region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RegionStatus {
    /// Its name.
    pub(crate) region: String,
    /// Its group.
    pub(crate) group: String,
    /// Whether `root` is at home here.
    pub(crate) founder: bool,
    /// Whether a daemon of it has answered.
    pub(crate) reachable: bool,
    /// Why none has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// Its daemons, in the order of the configuration.
    pub(crate) daemons: Vec<DaemonStatus>,
}

/// One daemon. Without an answer, all but the first fields are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct DaemonStatus {
    /// Its name.
    pub(crate) name: String,
    /// Its id.
    pub(crate) daemon: u64,
    /// Version of its program.
    pub(crate) version: Option<String>,
    /// Whether it has answered.
    pub(crate) reachable: bool,
    /// Why it has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// `leader`, `follower`, `learner` or `candidate`.
    pub(crate) role: Option<String>,
    /// Who leads its group, as far as it knows.
    pub(crate) leader: Option<u64>,
    /// Raft's term.
    pub(crate) term: Option<u64>,
    /// Index of the last entry in its log.
    pub(crate) last_log: Option<u64>,
    /// Index of the last entry that it knows to be on a majority.
    pub(crate) committed: Option<u64>,
    /// Index of the last entry that its state holds.
    pub(crate) applied: Option<u64>,
    /// Index of the last entry in its newest snapshot.
    pub(crate) snapshot: Option<u64>,
    /// Its state's revision.
    pub(crate) revision: Option<u64>,
    /// Since it was started.
    pub(crate) uptime_ms: Option<u64>,
    /// Memory that its process holds.
    pub(crate) rss_bytes: Option<u64>,
    /// Logical clusters at home in its group.
    pub(crate) workspaces: Option<u64>,
    /// Requests of other daemons that it answers now, watches included.
    pub(crate) carried: Option<u64>,
    /// When the certificate that it shows other daemons ends, in milliseconds since 1970.
    pub(crate) certificate_end_ms: Option<u64>,
    /// Why it could not be renewed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificate_error: Option<String>,
    /// The workspace tree that it holds.
    pub(crate) tree: Option<TreeStatus>,
    /// Who votes in its group, by the newest membership that it has.
    pub(crate) voters: Vec<u64>,
    /// Who follows without a vote.
    pub(crate) learners: Vec<u64>,
    /// How the others keep up; told by a leader.
    pub(crate) followers: Vec<Follower>,
    /// What the group's membership waits for; told by a leader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) waits: Option<String>,
    /// That it belongs to the federation no more, and since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) removed: Option<String>,
    /// Its links to all other daemons.
    pub(crate) links: Vec<LinkStatus>,
    /// Its wall clock, milliseconds since 1970, when it answered.
    pub(crate) now_ms: Option<u64>,
    /// How far its clock is ahead of the asked daemon's, as well as that can be told; the asked daemon adds it.
    pub(crate) skew_ms: Option<i64>,
    /// How the disk of its log does: `working`, `stalled` or `full`.
    pub(crate) disk: Option<String>,
    /// Free bytes where its log is.
    pub(crate) disk_free_bytes: Option<u64>,
    /// All bytes there.
    pub(crate) disk_total_bytes: Option<u64>,
    /// Whether it refuses what grows, because little is free.
    pub(crate) disk_low: bool,
    /// Why its group has stopped for good.
    pub(crate) failure: Option<String>,
    /// Whether its consensus engine answers.
    pub(crate) engine_answers: Option<bool>,
    /// Its certificates.
    pub(crate) certificates: Vec<CertificateStatus>,
}

/// When a certificate ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CertificateStatus {
    /// What it is for: `api` or `peers`.
    pub(crate) purpose: String,
    /// Milliseconds since 1970.
    pub(crate) not_before_ms: u64,
    /// Milliseconds since 1970.
    pub(crate) not_after_ms: u64,
}

/// How a member keeps up with its leader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Follower {
    /// The member.
    pub(crate) daemon: u64,
    /// Entries that it lacks.
    pub(crate) lag: u64,
    /// How long ago it was heard.
    pub(crate) heard_ms: Option<u64>,
    /// Whether it is counted on.
    #[serde(default)]
    pub(crate) is_live: bool,
}

/// The workspace tree, as one replica holds it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TreeStatus {
    /// SHA-256 of all nodes: equal trees have equal digests.
    pub(crate) digest: String,
    /// Live workspaces.
    pub(crate) workspaces: u64,
    /// How far it holds each group's documents.
    pub(crate) heads: Vec<Head>,
    /// How far it is behind each other group. Only a leader follows other groups.
    pub(crate) lag: Vec<Lag>,
}

/// How far one group's documents are held.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// The group.
    pub(crate) group: String,
    /// Its documents.
    pub(crate) documents: u64,
    /// Sum of the next sequences of all documents.
    pub(crate) next_sequence_total: u64,
    /// Sum of the generations of all documents: how often they were begun anew.
    #[serde(default)]
    pub(crate) generation_total: u64,
}

/// How far a group is behind another one's documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lag {
    /// The other group.
    pub(crate) group: String,
    /// Changes that it is known to miss; nothing, when the other group cannot be heard.
    pub(crate) behind: Option<u64>,
    /// How long ago the other group was heard.
    pub(crate) last_contact_ms: Option<u64>,
}

/// A link to another daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LinkStatus {
    /// The other daemon.
    pub(crate) daemon: u64,
    /// `connected`, `dialing` or `down`.
    pub(crate) state: String,
    /// The round trip time measured last.
    pub(crate) rtt_us: Option<u64>,
    /// Why it is down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    /// Whether it is down because the other daemon does not know this one as a member (any more).
    #[serde(default)]
    pub(crate) not_a_member: bool,
}

#[cfg(test)]
mod tests {
    use super::DaemonStatus;

    #[test]
    fn a_newer_daemons_status_is_read_as_far_as_it_is_known() {
        let status: DaemonStatus = serde_json::from_str(r#"{"name":"eu-1","daemon":3,"color":"red"}"#).unwrap();
        assert_eq!((status.name.as_str(), status.daemon, status.reachable), ("eu-1", 3, false));
    }
}
