//! `hansed.toml`: what one daemon is, where it listens, and who else belongs to the federation.
//!
//! Unknown fields are refused, and every error names the file, the line and what to write instead.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hanse_api::egress::address::{AddressRules, Network};
use hanse_base::id::{DaemonId, GroupId, RegionName, is_segment};
use serde::Deserialize;
use toml::Spanned;

use crate::prepare::PID_FILE;

/// The configuration of one daemon, checked. Paths are absolute when it was read from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// Where it was read from.
    pub(crate) path: PathBuf,
    /// Id of the federation: part of every peer certificate, so that two federations never talk to each other.
    pub(crate) federation: String,
    /// The region that this daemon belongs to.
    pub(crate) region: RegionName,
    /// This daemon, minted once with its data directory.
    pub(crate) daemon: DaemonId,
    /// Whether it has joined a group that others founded: it starts empty, and waits to be added.
    pub(crate) joined: bool,
    /// The region that the logical cluster `root` is at home in.
    pub(crate) founder: RegionName,
    /// Raft's log and snapshots.
    pub(crate) data: PathBuf,
    /// The admin socket.
    pub(crate) admin_socket: PathBuf,
    /// What the daemon holds while it runs, so that it does not run twice.
    pub(crate) pid_file: PathBuf,
    /// How the log is written.
    pub(crate) log_format: LogFormat,
    /// The Kubernetes API's listener.
    pub(crate) api: Api,
    /// The listener for other daemons.
    pub(crate) peers: Peers,
    /// The daemons that the file names, this one included, in its order: the founders of the own region, and first contacts.
    /// Who belongs to the federation now, the group's state says.
    pub(crate) members: Vec<Member>,
    /// Which addresses webhooks may be called at.
    pub(crate) egress: AddressRules,
    /// Raft's timing.
    pub(crate) raft: Timing,
    /// Bytes of the data's file system that stay free: see [`crate::space`].
    pub(crate) disk_reserve_bytes: u64,
}

/// The Kubernetes API's listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Api {
    /// TCP address.
    pub(crate) listen: SocketAddr,
    /// The region's external address, the same for all of its daemons, without a trailing slash.
    pub(crate) url: String,
    /// Server certificate chain, PEM.
    pub(crate) certificate: PathBuf,
    /// Its key, PEM.
    pub(crate) key: PathBuf,
    /// Authority of client certificates, PEM.
    pub(crate) client_ca: PathBuf,
    /// Bearer tokens in the form of kube-apiserver's token file.
    pub(crate) tokens: PathBuf,
    /// What clients verify the server certificate with, PEM: published in every namespace as `kube-root-ca.crt`.
    pub(crate) ca: Option<PathBuf>,
    /// What signs tokens of service accounts, PEM; the same in all daemons of the federation. Without it there are no tokens.
    pub(crate) service_account_key: Option<PathBuf>,
    /// Who those tokens say that they are from; the same in all daemons of the federation.
    pub(crate) service_account_issuer: String,
}

/// The listener for other daemons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peers {
    /// UDP address.
    pub(crate) listen: SocketAddr,
    /// This daemon's certificate and that of its region's authority, PEM.
    pub(crate) certificate: PathBuf,
    /// The key of the first, PEM.
    pub(crate) key: PathBuf,
    /// Root of the federation, PEM.
    pub(crate) ca: PathBuf,
    /// What signs the daemons of the region, where it is at hand.
    pub(crate) authority: Option<AuthorityFiles>,
    /// For how long it signs this daemon.
    pub(crate) certificate_life: Duration,
}

/// A region's authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuthorityFiles {
    /// Its certificate, PEM.
    pub(crate) certificate: PathBuf,
    /// Its key, PEM.
    pub(crate) key: PathBuf,
}

/// One daemon of the federation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// Its id.
    pub(crate) daemon: DaemonId,
    /// Its region.
    pub(crate) region: RegionName,
    /// Its name, for people.
    pub(crate) name: String,
    /// Where others reach its QUIC port.
    pub(crate) peers: SocketAddr,
    /// Its own API address.
    pub(crate) api: String,
}

/// Raft's timing in milliseconds. The defaults suit the zones of one region, a few milliseconds apart. A follower waits
/// for the leader's lease, which is the longest time, and then for a time between the shortest and the longest: writes
/// stand still for half a second when a leader dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timing {
    /// Between two heartbeats of a leader.
    pub(crate) heartbeat_ms: u64,
    /// The shortest silence after which a follower stands for election.
    pub(crate) election_ms_min: u64,
    /// The longest.
    pub(crate) election_ms_max: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self { heartbeat_ms: 50, election_ms_min: 150, election_ms_max: 300 }
    }
}

/// How the log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// One line of text for each event.
    #[default]
    Text,
    /// One JSON object for each event.
    Json,
}

/// The file cannot be used; says where and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) struct ConfigError {
    path: PathBuf,
    line: Option<usize>,
    why: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.why)
    }
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML of this form, or contradicts itself.
    pub(crate) fn load(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |error: io::Error| ConfigError {
            path: path.to_owned(),
            line: None,
            why: format!("cannot be read: {error}: give the path of a hansed.toml with --config"),
        };
        // Absolute, so that no path in it depends on the working directory.
        let path = std::path::absolute(path).map_err(unreadable)?;
        Self::parse(&fs::read_to_string(&path).map_err(unreadable)?, &path)
    }

    /// Checks a text as if it stood in the file at `path`.
    ///
    /// # Errors
    /// As for [`Config::load`].
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let at = |span: Option<Range<usize>>, why: String| ConfigError {
            path: path.to_owned(),
            line: span.map(|span| 1 + text.get(..span.start).unwrap_or(text).matches('\n').count()),
            why,
        };
        let file: File = toml::from_str(text).map_err(|error| {
            // The parser's words may take several lines; a message of this program takes one.
            at(error.span(), error.message().lines().map(str::trim).collect::<Vec<_>>().join(", "))
        })?;
        let directory = path.parent().unwrap_or(Path::new(""));
        file.check(directory)
            .map(|config| Self { path: path.to_owned(), ..config })
            .map_err(|(span, why)| at(span, why))
    }

    /// This daemon's entry among the members.
    ///
    /// # Panics
    /// Never: [`Config::parse`] refuses a file without it.
    pub(crate) fn own(&self) -> &Member {
        self.member(self.daemon).expect("the file was refused if this daemon were not a member")
    }

    /// A daemon's entry.
    pub(crate) fn member(&self, daemon: DaemonId) -> Option<&Member> {
        self.members.iter().find(|member| member.daemon == daemon)
    }

    /// The daemons of one region, in the order of the file.
    pub(crate) fn members_of<'a>(&'a self, region: &'a RegionName) -> impl Iterator<Item = &'a Member> + 'a {
        self.members.iter().filter(move |member| member.region == *region)
    }

    /// All regions, sorted by name.
    pub(crate) fn regions(&self) -> BTreeSet<RegionName> {
        self.members.iter().map(|member| member.region.clone()).collect()
    }
}

/// The regional group of a region: a region starts with one group, which has its name.
///
/// # Panics
/// Never: both names follow one grammar.
pub(crate) fn group_of(region: &RegionName) -> GroupId {
    GroupId::new(region.as_str()).expect("regions and groups are named by one grammar")
}

/// The region of a regional group.
///
/// # Panics
/// Never: both names follow one grammar.
pub(crate) fn region_of(group: &GroupId) -> RegionName {
    RegionName::new(group.as_str()).expect("regions and groups are named by one grammar")
}

/// The largest daemon id: it is a number in JSON, where larger ones lose digits.
pub(crate) const DAEMON_ID_MAX: u64 = (1 << 53) - 1;
/// The most daemons of one federation; more would need another way to tell them of each other.
pub(crate) const MEMBERS_MAX: usize = 256;
/// A certificate that somebody has got hold of is of no use to them for long.
const CERTIFICATE_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Shorter, and a busy machine would not get round to renewing it.
const CERTIFICATE_LIFE_MIN: Duration = Duration::from_secs(5);
const CERTIFICATE_LIFE_MAX: Duration = Duration::from_secs(400 * 24 * 3600);

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    federation: Spanned<String>,
    region: RegionName,
    daemon: Spanned<u64>,
    #[serde(default)]
    joined: bool,
    founder: Spanned<RegionName>,
    #[serde(default = "default_data")]
    data: PathBuf,
    #[serde(default = "default_admin_socket")]
    admin_socket: PathBuf,
    #[serde(default = "default_pid_file")]
    pid_file: PathBuf,
    #[serde(default)]
    log_format: LogFormat,
    api: FileApi,
    peers: FilePeers,
    member: Vec<Spanned<FileMember>>,
    #[serde(default)]
    egress: FileEgress,
    #[serde(default)]
    raft: Option<Spanned<FileTiming>>,
    #[serde(default)]
    disk: FileDisk,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileDisk {
    reserve_mb: u32,
}

impl Default for FileDisk {
    fn default() -> Self {
        Self { reserve_mb: DISK_RESERVE_MB }
    }
}

/// Room for a few snapshots of a small state, and for the log while they are written.
const DISK_RESERVE_MB: u32 = 128;

/// Addresses and networks, `10.0.0.0/8` for instance.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct FileEgress {
    allow: Vec<Spanned<String>>,
    deny: Vec<Spanned<String>>,
}

impl FileEgress {
    fn rules(self) -> Result<AddressRules, Wrong> {
        let networks = |list: Vec<Spanned<String>>| {
            let network = |text: Spanned<String>| {
                let span = text.span();
                text.into_inner().parse::<Network>().map_err(|error| (Some(span), error.to_string()))
            };
            list.into_iter().map(network).collect::<Result<Vec<_>, _>>()
        };
        Ok(AddressRules::new(networks(self.allow)?, networks(self.deny)?))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileApi {
    listen: SocketAddr,
    url: Spanned<String>,
    certificate: PathBuf,
    key: PathBuf,
    client_ca: PathBuf,
    tokens: PathBuf,
    #[serde(default)]
    ca: Option<PathBuf>,
    #[serde(default)]
    service_account_key: Option<PathBuf>,
    #[serde(default)]
    service_account_issuer: Option<Spanned<String>>,
}

impl FileApi {
    fn check(self, directory: &Path, federation: &str) -> Result<Api, Wrong> {
        Ok(Api {
            listen: self.listen,
            url: check_url(&self.url)?,
            certificate: directory.join(self.certificate),
            key: directory.join(self.key),
            client_ca: directory.join(self.client_ca),
            tokens: directory.join(self.tokens),
            ca: self.ca.map(|ca| directory.join(ca)),
            service_account_key: self.service_account_key.map(|key| directory.join(key)),
            service_account_issuer: match &self.service_account_issuer {
                Some(issuer) => check_issuer(issuer)?,
                None => format!("https://hanse.{federation}"),
            },
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FilePeers {
    listen: SocketAddr,
    certificate: PathBuf,
    key: PathBuf,
    ca: PathBuf,
    #[serde(default)]
    authority_certificate: Option<Spanned<PathBuf>>,
    #[serde(default)]
    authority_key: Option<Spanned<PathBuf>>,
    #[serde(default)]
    certificate_life_s: Option<Spanned<u64>>,
}

impl FilePeers {
    fn check(self, directory: &Path) -> Result<Peers, Wrong> {
        let authority = match (self.authority_certificate, self.authority_key) {
            (Some(certificate), Some(key)) => Some(AuthorityFiles {
                certificate: directory.join(certificate.into_inner()),
                key: directory.join(key.into_inner()),
            }),
            (None, None) => None,
            (Some(one), None) | (None, Some(one)) => {
                let why = "authority_certificate and authority_key belong together: write both or none".to_owned();
                return Err((Some(one.span()), why));
            }
        };
        Ok(Peers {
            listen: self.listen,
            certificate: directory.join(self.certificate),
            key: directory.join(self.key),
            ca: directory.join(self.ca),
            authority,
            certificate_life: self.certificate_life_s.map_or(Ok(CERTIFICATE_LIFE), check_life)?,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileMember {
    daemon: u64,
    region: RegionName,
    name: String,
    peers: SocketAddr,
    api: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileTiming {
    heartbeat_ms: Option<u64>,
    election_ms_min: Option<u64>,
    election_ms_max: Option<u64>,
}

fn default_data() -> PathBuf {
    PathBuf::from("data")
}

fn default_admin_socket() -> PathBuf {
    PathBuf::from("admin.sock")
}

fn default_pid_file() -> PathBuf {
    PathBuf::from(PID_FILE)
}

/// What is wrong, and where in the text.
type Wrong = (Option<Range<usize>>, String);

impl File {
    fn check(self, directory: &Path) -> Result<Config, Wrong> {
        if !is_segment(self.federation.as_ref()) {
            let why = format!("federation {:?}: write lower case letters, digits and '-'", self.federation.as_ref());
            return Err((Some(self.federation.span()), why));
        }
        let daemon = *self.daemon.as_ref();
        let daemon_span = self.daemon.span();
        let api = self.api.check(directory, self.federation.as_ref())?;
        let members = check_members(self.member)?;
        let egress = self.egress.rules()?;
        let raft = match self.raft {
            Some(timing) => check_timing(timing)?,
            None => Timing::default(),
        };
        let Some(own) = members.iter().find(|member| member.daemon.0 == daemon) else {
            let why = format!("daemon {daemon} is not among the members: add a [[member]] with daemon = {daemon}");
            return Err((Some(daemon_span), why));
        };
        if own.region != self.region {
            let why = format!(
                "daemon {daemon} is a member of region {}, not of {}: write one of them in both places",
                own.region, self.region
            );
            return Err((Some(daemon_span), why));
        }
        if !members.iter().any(|member| member.region == *self.founder.as_ref()) {
            let regions: BTreeSet<&str> = members.iter().map(|member| member.region.as_str()).collect();
            let regions = regions.into_iter().collect::<Vec<_>>().join(", ");
            return Err((
                Some(self.founder.span()),
                format!("founder {:?} has no member: write one of {regions}", self.founder.as_ref()),
            ));
        }
        Ok(Config {
            path: PathBuf::new(),
            federation: self.federation.into_inner(),
            region: self.region,
            daemon: DaemonId(daemon),
            joined: self.joined,
            founder: self.founder.into_inner(),
            data: directory.join(self.data),
            admin_socket: directory.join(self.admin_socket),
            pid_file: directory.join(self.pid_file),
            log_format: self.log_format,
            api,
            peers: self.peers.check(directory)?,
            members,
            egress,
            raft,
            disk_reserve_bytes: u64::from(self.disk.reserve_mb) << 20,
        })
    }
}

fn check_life(seconds: Spanned<u64>) -> Result<Duration, Wrong> {
    let life = Duration::from_secs(*seconds.as_ref());
    if CERTIFICATE_LIFE_MIN <= life && life <= CERTIFICATE_LIFE_MAX {
        return Ok(life);
    }
    let (min, max) = (CERTIFICATE_LIFE_MIN.as_secs(), CERTIFICATE_LIFE_MAX.as_secs());
    Err((Some(seconds.span()), format!("certificate_life_s = {}: write a number from {min} to {max}", life.as_secs())))
}

fn check_url(url: &Spanned<String>) -> Result<String, Wrong> {
    let text = url.as_ref().as_str();
    let host = text.strip_prefix("https://").unwrap_or_default();
    if host.is_empty() || host.contains(['/', '?', '#', ' ', '@']) {
        let why = format!("url {text:?}: write https://HOST:PORT, without a path or a slash at the end");
        return Err((Some(url.span()), why));
    }
    Ok(text.to_owned())
}

/// As upstream: those who check tokens look for the keys below this URL.
fn check_issuer(issuer: &Spanned<String>) -> Result<String, Wrong> {
    let text = issuer.as_ref().as_str();
    let rest = text.strip_prefix("https://").unwrap_or_default();
    if rest.is_empty() || rest.contains(|c: char| matches!(c, '?' | '#') || c.is_whitespace() || c.is_control()) {
        let why = format!("service_account_issuer {text:?}: write a URL that begins with https://, without ? and #");
        return Err((Some(issuer.span()), why));
    }
    Ok(text.to_owned())
}

fn check_timing(timing: Spanned<FileTiming>) -> Result<Timing, Wrong> {
    let span = timing.span();
    let given = timing.into_inner();
    let default = Timing::default();
    let heartbeat_ms = given.heartbeat_ms.unwrap_or(default.heartbeat_ms);
    let election_ms_min = given.election_ms_min.unwrap_or_else(|| heartbeat_ms.saturating_mul(3));
    let election_ms_max = given.election_ms_max.unwrap_or_else(|| election_ms_min.saturating_mul(2));
    let fits = (10..=10_000).contains(&heartbeat_ms)
        && election_ms_min >= 2 * heartbeat_ms
        && election_ms_min < election_ms_max
        && election_ms_max <= 120_000;
    if !fits {
        let why = format!(
            "raft timing heartbeat_ms = {heartbeat_ms}, election_ms_min = {election_ms_min}, election_ms_max = {election_ms_max}: \
             write 10 <= heartbeat_ms <= 10000, 2 * heartbeat_ms <= election_ms_min < election_ms_max <= 120000"
        );
        return Err((Some(span), why));
    }
    Ok(Timing { heartbeat_ms, election_ms_min, election_ms_max })
}

fn check_members(entries: Vec<Spanned<FileMember>>) -> Result<Vec<Member>, Wrong> {
    if entries.len() > MEMBERS_MAX {
        let why = format!("{} members are more than {MEMBERS_MAX}: remove some", entries.len());
        return Err((entries.last().map(Spanned::span), why));
    }
    let mut members: Vec<Member> = Vec::with_capacity(entries.len());
    for entry in entries {
        let span = entry.span();
        let entry = entry.into_inner();
        let wrong = |why: String| Err((Some(span.clone()), why));
        if entry.daemon == 0 || entry.daemon > DAEMON_ID_MAX {
            return wrong(format!("daemon {}: write a number from 1 to {DAEMON_ID_MAX}", entry.daemon));
        }
        if !is_segment(&entry.name) {
            return wrong(format!("member name {:?}: write lower case letters, digits and '-'", entry.name));
        }
        if entry.peers.port() == 0 {
            return wrong(format!("member {}: peers has port 0: write the port that others reach", entry.name));
        }
        for other in &members {
            let twice = if other.daemon.0 == entry.daemon {
                format!("daemon = {}", entry.daemon)
            } else if other.name == entry.name {
                format!("name = {:?}", entry.name)
            } else if other.peers == entry.peers {
                format!("peers = \"{}\"", entry.peers)
            } else {
                continue;
            };
            return wrong(format!(
                "members {:?} and {:?} both have {twice}: remove or change one",
                other.name, entry.name
            ));
        }
        members.push(Member {
            daemon: DaemonId(entry.daemon),
            region: entry.region,
            name: entry.name,
            peers: entry.peers,
            api: entry.api,
        });
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Config, Timing, group_of};

    const GOOD: &str = r#"federation = "a1b2c3d4"
region = "eu"
daemon = 7
founder = "eu"
data = "data"
admin_socket = "admin.sock"
[api]
listen = "127.0.0.1:6443"
url = "https://127.0.0.1:6443"
certificate = "api.crt"
key = "api.key"
client_ca = "../pki/client-ca.crt"
tokens = "../pki/tokens.csv"
[peers]
listen = "127.0.0.1:6444"
certificate = "peer.crt"
key = "peer.key"
ca = "/pki/root.crt"
[[member]]
daemon = 7
region = "eu"
name = "eu-1"
peers = "127.0.0.1:6444"
api = "https://127.0.0.1:6443"
[[member]]
daemon = 8
region = "us"
name = "us-1"
peers = "127.0.0.1:6454"
api = "https://127.0.0.1:6453"
"#;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("d/hansed.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_gives_paths_relative_to_itself() {
        let config = parse(GOOD).unwrap();
        assert_eq!(config.api.client_ca, Path::new("d/../pki/client-ca.crt"));
        assert_eq!(config.peers.ca, Path::new("/pki/root.crt"));
        assert_eq!(config.own().name, "eu-1");
        assert_eq!(config.raft, Timing::default());
        assert!(!config.joined);
        assert_eq!(
            config.regions().iter().map(|region| group_of(region).to_string()).collect::<Vec<_>>(),
            ["eu", "us"]
        );
        assert_eq!(config.members_of(&config.region).count(), 1);
    }

    #[test]
    fn tokens_are_signed_where_there_is_a_key_and_are_from_the_same_issuer_in_all_regions() {
        let config = parse(GOOD).unwrap();
        assert_eq!(
            (config.api.service_account_key, &*config.api.service_account_issuer),
            (None, "https://hanse.a1b2c3d4")
        );
        let keys =
            "[api]\nservice_account_key = \"../pki/sa.key\"\nservice_account_issuer = \"https://tokens.example\"\n";
        let config = parse(&GOOD.replacen("[api]\n", keys, 1)).unwrap();
        assert_eq!(config.api.service_account_key.as_deref(), Some(Path::new("d/../pki/sa.key")));
        assert_eq!(config.api.service_account_issuer, "https://tokens.example");
    }

    #[test]
    fn raft_timing_that_is_left_out_follows_the_heartbeat() {
        let config = parse(&format!("{GOOD}[raft]\nheartbeat_ms = 100\n")).unwrap();
        assert_eq!(config.raft, Timing { heartbeat_ms: 100, election_ms_min: 300, election_ms_max: 600 });
    }

    #[test]
    fn an_error_names_the_line_and_what_to_write() {
        let cases = [
            ("region = \"eu\"", "region = \"EU\"", "d/hansed.toml:2: ", "lower case"),
            ("data = \"data\"", "dta = \"data\"", "d/hansed.toml:5: ", "unknown field"),
            ("daemon = 7\nfounder", "daemon = 9\nfounder", "d/hansed.toml:3: ", "add a [[member]] with daemon = 9"),
            ("founder = \"eu\"", "founder = \"ap\"", "d/hansed.toml:4: ", "write one of eu, us"),
            (
                "url = \"https://127.0.0.1:6443\"",
                "url = \"https://127.0.0.1:6443/\"",
                "d/hansed.toml:9: ",
                "without a path",
            ),
            ("[api]\n", "[api]\nservice_account_issuer = \"hanse\"\n", "d/hansed.toml:8: ", "begins with https://"),
            ("listen = \"127.0.0.1:6444\"", "listen = \"6444\"", "d/hansed.toml:15: ", "socket address"),
            ("name = \"us-1\"", "name = \"eu-1\"", "d/hansed.toml:25: ", "both have name"),
            ("daemon = 8", "daemon = 0", "d/hansed.toml:25: ", "write a number from 1"),
            ("daemon = 8", "daemon = -8", "d/hansed.toml:26: ", "u64"),
            ("federation = \"a1b2c3d4\"", "federation = \"a/b\"", "d/hansed.toml:1: ", "lower case"),
            ("[peers]\n", "[peers]\ncertificate_life_s = 4\n", "d/hansed.toml:15: ", "write a number from 5 to"),
            (
                "key = \"peer.key\"",
                "key = \"peer.key\"\nauthority_key = \"a.key\"",
                "d/hansed.toml:18: ",
                "write both or none",
            ),
            ("founder = \"eu\"\n", "", "d/hansed.toml:1: ", "missing field `founder`"),
            ("[[member]]", "[raft]\nheartbeat_ms = 1\n[[member]]", "d/hansed.toml:19: ", "10 <= heartbeat_ms"),
        ];
        for (from, to, place, word) in cases {
            assert!(GOOD.contains(from), "{from}");
            let error = parse(&GOOD.replacen(from, to, 1)).unwrap_err();
            assert!(error.starts_with(place) && error.contains(word), "{to:?}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
