//! What `hansed up` finds or makes in its directory before any daemon starts.
//!
//! Everything is made once and kept: running it again on the same directory gives the same federation, and running it
//! after an interruption finishes what was begun. `up.toml` is written first and says what the rest is made from.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use hanse_base::id::{DaemonId, RegionName};
use hanse_base::random::{Random, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::authority::{RegionAuthority, Root, forget_flat_authority};
use crate::config::{Config, ConfigError, DAEMON_ID_MAX};
use crate::kubeconfig::Kubeconfig;
use crate::lock::{LockError, ProcessLock};
use crate::pki::{
    Authority, PkiError, SECRET, SHARD_ADMIN_GROUP, SHARD_ADMIN_USER, Subject, Tokens, make_signing_key, write_file,
};

/// What the command line asks for; what it leaves out is taken from the directory, or else from the defaults.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    /// Regions; the first founds the federation.
    pub(crate) regions: Option<Vec<RegionName>>,
    /// Daemons of each region.
    pub(crate) daemons: Option<usize>,
    /// First port.
    pub(crate) port_base: Option<u16>,
}

/// A directory that is locked by this process and ready to start daemons from.
pub(crate) struct Prepared {
    /// The directory, absolute.
    pub(crate) directory: PathBuf,
    /// The daemons in the order of their ports.
    pub(crate) daemons: Vec<Config>,
    /// The kubeconfig.
    pub(crate) kubeconfig: PathBuf,
    /// The administrator's token.
    pub(crate) token: String,
    /// Held until this is dropped.
    _lock: ProcessLock,
}

/// Why the directory cannot be used. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrepareError {
    /// Another `hansed up` is at work there.
    #[error("directory {directory} is in use by process {pid}: stop that `hansed up`, or give another --data-dir", directory = directory.display())]
    InUse {
        /// The directory.
        directory: PathBuf,
        /// The process.
        pid: i32,
    },
    /// A daemon of the directory was started by hand and still runs.
    #[error("daemon {name} already runs as process {pid}: stop it (kill {pid}), then try again")]
    Running {
        /// The daemon.
        name: String,
        /// Its process.
        pid: i32,
    },
    /// The directory holds another federation than the command line asks for.
    #[error("directory {directory} was made with {flag} {recorded}, not {wished}: leave {flag} out, or give another --data-dir", directory = directory.display())]
    Differs {
        /// The directory.
        directory: PathBuf,
        /// The flag.
        flag: &'static str,
        /// What the directory was made with.
        recorded: String,
        /// What was asked for.
        wished: String,
    },
    /// A port is taken.
    #[error("port {address} ({protocol}) of daemon {name} cannot be used: {source}: {advice}")]
    Port {
        /// The daemon.
        name: String,
        /// Its address.
        address: SocketAddr,
        /// TCP or UDP.
        protocol: &'static str,
        /// What the system says.
        source: io::Error,
        /// What to do.
        advice: &'static str,
    },
    /// The last daemon would get a port above 65535.
    #[error("--port-base {port_base} leaves no room for {daemons} daemons: give one of at most {most}")]
    PortBase {
        /// What was asked for.
        port_base: u16,
        /// How many daemons.
        daemons: usize,
        /// The largest that fits.
        most: usize,
    },
    /// Nearly no space is left.
    #[error("the disk of {directory} has {free_mib} MiB left, less than {FREE_MIB_MIN}: free some space, or give another --data-dir", directory = directory.display())]
    DiskFull {
        /// The directory.
        directory: PathBuf,
        /// What is left.
        free_mib: u64,
    },
    /// A file or directory cannot be made.
    #[error("{path} cannot be written: {source}: correct the permissions, free some space, or give another --data-dir", path = path.display())]
    Disk {
        /// The path.
        path: PathBuf,
        /// What the disk says.
        source: io::Error,
    },
    /// The path of an admin socket is longer than the system takes.
    #[error("the path {path} is too long for a socket ({SOCKET_PATH_BYTES_MAX} bytes at most): give a shorter --data-dir", path = path.display())]
    SocketPath {
        /// The path.
        path: PathBuf,
    },
    /// `up.toml` cannot be read.
    #[error("{path} is damaged: {why}: restore it from a backup, or give another --data-dir", path = path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A configuration from before regions had authorities, which somebody has changed since.
    #[error("{path} believes {ca} under [peers], and not {root}, which this directory's daemons are signed under: write ca = \"../pki/root.crt\", authority_certificate = \"../pki/region-{region}.crt\" and authority_key = \"../pki/region-{region}.key\" there", path = path.display(), ca = ca.display(), root = root.display())]
    Unsigned {
        /// The configuration.
        path: PathBuf,
        /// What it believes.
        ca: PathBuf,
        /// What it should believe.
        root: PathBuf,
        /// The daemon's region.
        region: RegionName,
    },
    /// A daemon's configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Keys or certificates cannot be made or used.
    #[error(transparent)]
    Pki(#[from] PkiError),
}

/// Locks the directory and makes whatever is missing in it.
///
/// # Errors
/// See [`PrepareError`]. Nothing is recorded before the ports were found free.
pub(crate) fn prepare(directory: &Path, wish: &Wish) -> Result<Prepared, PrepareError> {
    make_directory(directory)?;
    let directory =
        directory.canonicalize().map_err(|source| PrepareError::Disk { path: directory.to_owned(), source })?;
    let lock = ProcessLock::take(&directory.join("up.lock")).map_err(|error| match error {
        LockError::Held { pid, .. } => PrepareError::InUse { directory: directory.clone(), pid },
        LockError::Disk { path, source } => PrepareError::Disk { path, source },
    })?;
    check_disk(&directory)?;
    let record = Record::load_or_make(&directory, wish)?;
    let pki = Pki::load_or_make(&directory)?;
    let mut daemons = Vec::with_capacity(record.ids.len());
    for plan in record.plans() {
        daemons.push(make_daemon(&directory, &record, &plan, &pki)?);
    }
    for config in &daemons {
        check_ports(config.own().name.as_str(), config.api.listen, config.peers.listen, ADVICE_KEPT)?;
    }
    forget_flat_authority(&pki.directory)?;
    let kubeconfig = make_kubeconfig(&directory, &record, &daemons, &pki)?;
    Ok(Prepared { directory, daemons, kubeconfig, token: pki.tokens.kcp_admin, _lock: lock })
}

/// `up.toml`: what the directory was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    federation: String,
    regions: Vec<RegionName>,
    daemons: usize,
    port_base: u16,
    ids: Vec<u64>,
}

/// One daemon as the record lays it out.
struct Plan {
    name: String,
    region: RegionName,
    daemon: DaemonId,
    api: SocketAddr,
    peers: SocketAddr,
    url: String,
}

struct Pki {
    api: Authority,
    root: Root,
    clients: Authority,
    tokens: Tokens,
    directory: PathBuf,
}

impl Record {
    fn load_or_make(directory: &Path, wish: &Wish) -> Result<Self, PrepareError> {
        let path = directory.join("up.toml");
        match fs::read_to_string(&path) {
            Ok(text) => {
                let damaged = |why: String| PrepareError::Record { path: path.clone(), why };
                let record: Self = toml::from_str(&text).map_err(|error| damaged(error.message().to_owned()))?;
                record.check().map_err(|why| damaged(why.to_owned()))?;
                record.compare(directory, wish)?;
                for plan in record.plans() {
                    let pid_path = directory.join(&plan.name).join(PID_FILE);
                    let holder = ProcessLock::holder(&pid_path)
                        .map_err(|source| PrepareError::Disk { path: pid_path, source })?;
                    if let Some(pid) = holder {
                        return Err(PrepareError::Running { name: plan.name, pid: pid.as_raw_pid() });
                    }
                }
                Ok(record)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let record = Self::new(wish)?;
                for plan in record.plans() {
                    check_ports(&plan.name, plan.api, plan.peers, ADVICE_NEW)?;
                }
                let text = toml::to_string(&record)
                    .map_err(|error| PrepareError::Record { path: path.clone(), why: error.to_string() })?;
                let head = "# Made by `hansed up`: what this directory was made from. The identities of the daemons hang on it.\n";
                write_file(&path, format!("{head}{text}").as_bytes(), SECRET)?;
                Ok(record)
            }
            Err(source) => Err(PrepareError::Disk { path, source }),
        }
    }

    fn new(wish: &Wish) -> Result<Self, PrepareError> {
        let regions = wish.regions.clone().unwrap_or_else(|| DEFAULT_REGIONS.iter().map(|name| region(name)).collect());
        let daemons = wish.daemons.unwrap_or(1);
        let port_base = wish.port_base.unwrap_or(DEFAULT_PORT_BASE);
        let count = regions.len() * daemons;
        let most = usize::from(u16::MAX) - (PORTS_EACH * (count - 1) + 1);
        if usize::from(port_base) > most {
            return Err(PrepareError::PortBase { port_base, daemons: count, most });
        }
        let mut ids = BTreeSet::new();
        while ids.len() < count {
            ids.insert(1 + SystemRandom.number() % DAEMON_ID_MAX);
        }
        let federation = SystemRandom.text(b"abcdefghijklmnopqrstuvwxyz0123456789", 8);
        Ok(Self { federation, regions, daemons, port_base, ids: ids.into_iter().collect() })
    }

    /// The relations that [`Record::plans`] relies on.
    fn check(&self) -> Result<(), &'static str> {
        let count = self.regions.len().saturating_mul(self.daemons);
        if count == 0 || count > MEMBERS_OF_UP_MAX {
            return Err("regions times daemons is out of range");
        }
        if self.ids.len() != count {
            return Err("there is not one id for each daemon");
        }
        if usize::from(self.port_base) + PORTS_EACH * (count - 1) + 1 > usize::from(u16::MAX) {
            return Err("port_base is too large");
        }
        Ok(())
    }

    fn compare(&self, directory: &Path, wish: &Wish) -> Result<(), PrepareError> {
        let differs = |flag: &'static str, recorded: String, wished: String| {
            Err(PrepareError::Differs { directory: directory.to_owned(), flag, recorded, wished })
        };
        if let Some(regions) = wish.regions.as_ref().filter(|regions| **regions != self.regions) {
            return differs("--regions", join(&self.regions), join(regions));
        }
        if let Some(daemons) = wish.daemons.filter(|daemons| *daemons != self.daemons) {
            return differs("--daemons", self.daemons.to_string(), daemons.to_string());
        }
        if let Some(port_base) = wish.port_base.filter(|port_base| *port_base != self.port_base) {
            return differs("--port-base", self.port_base.to_string(), port_base.to_string());
        }
        Ok(())
    }

    fn plans(&self) -> Vec<Plan> {
        let places = self.regions.iter().flat_map(|region| (0..self.daemons).map(move |number| (region, number)));
        let port = |position: usize, offset: usize| {
            let port = usize::from(self.port_base) + PORTS_EACH * position + offset;
            SocketAddr::from((Ipv4Addr::LOCALHOST, u16::try_from(port).expect("the record was checked for it")))
        };
        places
            .zip(&self.ids)
            .enumerate()
            .map(|(position, ((region, number), id))| Plan {
                name: format!("{region}-{}", number + 1),
                region: region.clone(),
                daemon: DaemonId(*id),
                api: port(position, 0),
                peers: port(position, 1),
                // Without a balancer in front, the region's address is that of its first daemon.
                url: format!("https://{}", port(position - number, 0)),
            })
            .collect()
    }
}

impl Pki {
    fn load_or_make(directory: &Path) -> Result<Self, PrepareError> {
        let directory = directory.join("pki");
        make_directory(&directory)?;
        make_signing_key(&directory.join("service-account.key"))?;
        Ok(Self {
            api: Authority::load_or_make(&directory, "api-ca", "hanse API authority")?,
            root: Root::load_or_make(&directory)?,
            clients: Authority::load_or_make(&directory, "client-ca", "hanse client authority")?,
            tokens: Tokens::load_or_make(&directory.join("tokens.csv"))?,
            directory,
        })
    }
}

fn make_daemon(directory: &Path, record: &Record, plan: &Plan, pki: &Pki) -> Result<Config, PrepareError> {
    let home = directory.join(&plan.name);
    make_directory(&home)?;
    let path = home.join(CONFIG_FILE);
    if !path.try_exists().map_err(|source| PrepareError::Disk { path: path.clone(), source })? {
        write_file(&path, render(record, plan).as_bytes(), SECRET)?;
    }
    let mut config = Config::load(&path)?;
    if config.api.service_account_key.is_none() && name_signing_key(&path)? {
        config = Config::load(&path)?;
    }
    if config.peers.authority.is_none() && name_authority(&path, &config.region)? {
        config = Config::load(&path)?;
    }
    let root = pki.directory.join("root.crt");
    if config.peers.ca.canonicalize().ok() != root.canonicalize().ok() {
        let (ca, region) = (config.peers.ca, config.region);
        return Err(PrepareError::Unsigned { path, ca, root, region });
    }
    if config.admin_socket.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
        return Err(PrepareError::SocketPath { path: config.admin_socket });
    }
    let authority = RegionAuthority::load_or_make(&pki.root, &pki.directory, &config.federation, &config.region)?;
    authority.provide(&config.peers.certificate, &config.peers.key, config.daemon, config.peers.certificate_life)?;
    let subject = Subject::Server { name: &plan.name, address: config.api.listen.ip() };
    pki.api.load_or_issue(&config.api.certificate, &config.api.key, &subject)?;
    Ok(config)
}

/// Adds the key that signs service accounts' tokens to a configuration from before there was one. Returns whether it did: a file
/// in another form is left as it is.
fn name_signing_key(path: &Path) -> Result<bool, PrepareError> {
    const SECTION: &str = "\n[api]\n";
    let text = fs::read_to_string(path).map_err(|source| PrepareError::Disk { path: path.to_owned(), source })?;
    if !text.contains(SECTION) {
        return Ok(false);
    }
    let named = text.replacen(SECTION, &format!("{SECTION}{SIGNING_KEY}\n"), 1);
    write_file(path, named.as_bytes(), SECRET)?;
    Ok(true)
}

/// Puts the root and the region's authority in the place of the one authority that signed all daemons in earlier versions.
/// Returns whether it did: a file in another form is left as it is.
fn name_authority(path: &Path, region: &RegionName) -> Result<bool, PrepareError> {
    let text = fs::read_to_string(path).map_err(|source| PrepareError::Disk { path: path.to_owned(), source })?;
    let named = text.replacen(FLAT_AUTHORITY, &authority_lines(region), 1);
    if named == text {
        return Ok(false);
    }
    write_file(path, named.as_bytes(), SECRET)?;
    Ok(true)
}

/// The lines that name the federation's root and the region's authority.
fn authority_lines(region: &RegionName) -> String {
    format!(
        r#"ca = "../pki/root.crt"
authority_certificate = "../pki/region-{region}.crt"
authority_key = "../pki/region-{region}.key""#
    )
}

fn make_kubeconfig(directory: &Path, record: &Record, daemons: &[Config], pki: &Pki) -> Result<PathBuf, PrepareError> {
    let (certificate, key) = (pki.directory.join("shard-admin.crt"), pki.directory.join("shard-admin.key"));
    let subject = Subject::Client { user: SHARD_ADMIN_USER, group: SHARD_ADMIN_GROUP };
    let shard_admin = pki.clients.load_or_issue(&certificate, &key, &subject)?;
    let regions: Vec<(String, String)> = record
        .regions
        .iter()
        .filter_map(|region| daemons.iter().find(|config| config.region == *region))
        .map(|config| (config.region.to_string(), config.api.url.clone()))
        .collect();
    let kubeconfig = Kubeconfig {
        regions: &regions,
        authority_pem: pki.api.certificate_pem(),
        token: &pki.tokens.kcp_admin,
        shard_admin: &shard_admin,
    };
    let path = directory.join("kubeconfig");
    if !fs::read_to_string(&path).is_ok_and(|text| kubeconfig.is_served_by(&text)) {
        write_file(&path, kubeconfig.render().as_bytes(), SECRET)?;
    }
    Ok(path)
}

/// The configuration file of a daemon, written for a reader.
fn render(record: &Record, plan: &Plan) -> String {
    let Plan { name, region, daemon, api, peers, url } = plan;
    let federation = &record.federation;
    let founder = record.regions.first().map_or("", RegionName::as_str);
    let authority = authority_lines(region);
    let mut text = format!(
        r#"# Daemon {name}. Made by `hansed up`; start it by hand with: hansed run --config hansed.toml
federation = "{federation}"
region = "{region}"
daemon = {daemon}
founder = "{founder}"
data = "data"
admin_socket = "admin.sock"

[api]
listen = "{api}"
url = "{url}"
certificate = "api.crt"
key = "api.key"
client_ca = "../pki/client-ca.crt"
tokens = "../pki/tokens.csv"
ca = "../pki/api-ca.crt"
{SIGNING_KEY}

[peers]
listen = "{peers}"
certificate = "peer.crt"
key = "peer.key"
{authority}

# Webhooks on this machine may be called; without this, only those elsewhere.
[egress]
allow = ["127.0.0.0/8", "::1"]

# Every daemon of the federation, this one included.
"#
    );
    for member in record.plans() {
        let Plan { name, region, daemon, api, peers, .. } = member;
        text.push_str(&format!(
            "[[member]]\ndaemon = {daemon}\nregion = \"{region}\"\nname = \"{name}\"\npeers = \"{peers}\"\napi = \"https://{api}\"\n"
        ));
    }
    text
}

fn make_directory(path: &Path) -> Result<(), PrepareError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| PrepareError::Disk { path: path.to_owned(), source })
}

fn check_disk(directory: &Path) -> Result<(), PrepareError> {
    let disk = |source: io::Error| PrepareError::Disk { path: directory.to_owned(), source };
    let space = rustix::fs::statvfs(directory).map_err(|error| disk(error.into()))?;
    let free_mib = space.f_bavail.saturating_mul(space.f_frsize) >> 20;
    if free_mib < FREE_MIB_MIN {
        return Err(PrepareError::DiskFull { directory: directory.to_owned(), free_mib });
    }
    // Space that cannot be used (a quota, a file system mounted read-only) shows when something is written.
    let probe = directory.join("up.probe");
    write_file(&probe, &[0; 4096], SECRET)?;
    fs::remove_file(&probe).map_err(disk)
}

fn check_ports(name: &str, api: SocketAddr, peers: SocketAddr, advice: &'static str) -> Result<(), PrepareError> {
    let taken = |address: SocketAddr, protocol: &'static str| {
        move |source: io::Error| PrepareError::Port { name: name.to_owned(), address, protocol, source, advice }
    };
    TcpListener::bind(api).map_err(taken(api, "TCP"))?;
    UdpSocket::bind(peers).map_err(taken(peers, "UDP"))?;
    Ok(())
}

/// Checks what the command line gives as regions.
///
/// # Errors
/// Says what is wrong with them.
pub(crate) fn check_regions(regions: &[RegionName]) -> Result<(), String> {
    if regions.is_empty() || regions.len() > REGIONS_OF_UP_MAX {
        return Err(format!("give 1 to {REGIONS_OF_UP_MAX} regions"));
    }
    let mut seen = BTreeSet::new();
    for region in regions {
        if !seen.insert(region) {
            return Err(format!("region {region} is given twice"));
        }
        if RESERVED.contains(&region.as_str()) || region.as_str().len() > REGION_BYTES_MAX {
            return Err(format!("a region cannot be called {region}: take another, short name"));
        }
    }
    Ok(())
}

fn region(name: &str) -> RegionName {
    RegionName::new(name).expect("the default names follow the grammar")
}

fn join(regions: &[RegionName]) -> String {
    regions.iter().map(RegionName::as_str).collect::<Vec<_>>().join(",")
}

/// The file of a daemon's configuration.
pub(crate) const CONFIG_FILE: &str = "hansed.toml";
/// The file that a running daemon holds locked.
pub(crate) const PID_FILE: &str = "hansed.pid";
/// Where a daemon's output goes.
pub(crate) const LOG_FILE: &str = "hansed.log";
/// Kubernetes' usual port.
pub(crate) const DEFAULT_PORT_BASE: u16 = 6443;
/// The line that names the key for service accounts' tokens.
const SIGNING_KEY: &str = r#"service_account_key = "../pki/service-account.key""#;
/// What stood in the place of [`authority_lines`] before regions had authorities.
const FLAT_AUTHORITY: &str = r#"ca = "../pki/peer-ca.crt""#;
const DEFAULT_REGIONS: [&str; 3] = ["eu", "us", "ap"];
/// From one daemon's ports to the next one's.
const PORTS_EACH: usize = 10;
/// Names of the kubeconfig's other contexts, and of directories beside the daemons'.
const RESERVED: [&str; 4] = ["root", "base", "shard-base", "pki"];
const REGION_BYTES_MAX: usize = 32;
const REGIONS_OF_UP_MAX: usize = 16;
const MEMBERS_OF_UP_MAX: usize = 80;
/// Less than this and the first snapshots would fill the disk.
const FREE_MIB_MIN: u64 = 64;
/// `sun_path` has 108 bytes, the last of which is zero; four are for the name under which the socket is made.
const SOCKET_PATH_BYTES_MAX: usize = 103;
const ADVICE_NEW: &str = "give another --port-base, or stop what listens there";
const ADVICE_KEPT: &str =
    "stop what listens there, or change the port in the daemon's hansed.toml and in all [[member]] entries";

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::TcpListener;
    use std::path::Path;

    use hanse_base::id::RegionName;

    use super::{Wish, check_regions, prepare};

    fn regions(names: &[&str]) -> Vec<RegionName> {
        names.iter().map(|name| RegionName::new(name).unwrap()).collect()
    }

    /// A block of free ports; taken from the system, so that tests can run side by side.
    fn free_port() -> u16 {
        loop {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if port < 60_000
                && [1, 10, 11].iter().all(|more| std::net::UdpSocket::bind(("127.0.0.1", port + more)).is_ok())
            {
                return port;
            }
        }
    }

    fn wish(port_base: Option<u16>) -> Wish {
        Wish { regions: Some(regions(&["eu", "us"])), daemons: None, port_base }
    }

    fn refusal(directory: &Path, wish: &Wish) -> String {
        prepare(directory, wish).err().unwrap().to_string()
    }

    #[test]
    fn a_directory_is_made_once_and_kept() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("a/b");
        let first = prepare(&directory, &wish(Some(free_port()))).unwrap();
        let text = |path: &str| fs::read_to_string(directory.join(path)).unwrap();
        let before = (text("eu-1/hansed.toml"), text("us-1/peer.key"), text("kubeconfig"), text("up.toml"));
        assert_eq!(first.daemons.len(), 2);
        assert_eq!(first.daemons[1].founder.as_str(), "eu");
        assert_eq!(first.daemons[1].members, first.daemons[0].members);
        drop(first);
        fs::remove_file(directory.join("us-1/hansed.toml")).unwrap();
        let again = Wish { regions: None, daemons: None, port_base: None };
        let second = prepare(&directory, &again).unwrap();
        assert_eq!(second.daemons[1].own().name, "us-1");
        assert_eq!(before, (text("eu-1/hansed.toml"), text("us-1/peer.key"), text("kubeconfig"), text("up.toml")));
    }

    #[test]
    fn a_directory_from_before_service_accounts_had_tokens_gets_a_key() {
        let directory = tempfile::tempdir().unwrap();
        let first = prepare(directory.path(), &wish(Some(free_port()))).unwrap();
        let (config, key) =
            (directory.path().join("eu-1/hansed.toml"), directory.path().join("pki/service-account.key"));
        let made = fs::read_to_string(&config).unwrap();
        assert!(made.contains(super::SIGNING_KEY), "{made}");
        let named = first.daemons[0].api.service_account_key.clone();
        drop(first);
        fs::write(&config, made.replace(super::SIGNING_KEY, "# mine")).unwrap();
        fs::remove_file(&key).unwrap();
        let again = Wish { regions: None, daemons: None, port_base: None };
        let second = prepare(directory.path(), &again).unwrap();
        assert_eq!(second.daemons[0].api.service_account_key, named);
        assert!(key.exists() && fs::read_to_string(&config).unwrap().contains("# mine"));
    }

    #[test]
    fn a_directory_from_before_regions_had_authorities_is_signed_anew() {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        drop(prepare(directory.path(), &wish(Some(free_port()))).unwrap());
        let (config, pki) = (at("us-1/hansed.toml"), at("pki"));
        let made = fs::read_to_string(&config).unwrap();
        let lines = super::authority_lines(&RegionName::new("us").unwrap());
        assert!(made.contains(&lines), "{made}");
        // As it was left by an earlier version.
        for file in ["root.crt", "root.key", "region-us.crt", "region-us.key", "region-eu.crt", "region-eu.key"] {
            fs::remove_file(pki.join(file)).unwrap();
        }
        for name in ["eu-1/hansed.toml", "us-1/hansed.toml"] {
            let text = fs::read_to_string(at(name)).unwrap();
            let region = RegionName::new(&name[..2]).unwrap();
            fs::write(at(name), text.replace(&super::authority_lines(&region), super::FLAT_AUTHORITY)).unwrap();
        }
        fs::write(pki.join("peer-ca.crt"), "flat").unwrap();
        fs::write(pki.join("peer-ca.key"), "flat").unwrap();
        let before = fs::read_to_string(at("us-1/peer.crt")).unwrap();
        let again = Wish { regions: None, daemons: None, port_base: None };
        let second = prepare(directory.path(), &again).unwrap();
        assert_eq!(fs::read_to_string(&config).unwrap(), made);
        assert_ne!(fs::read_to_string(at("us-1/peer.crt")).unwrap(), before);
        assert!(!pki.join("peer-ca.key").exists() && second.daemons[0].peers.authority.is_some());
        drop(second);
        // What somebody has changed is not changed under them.
        fs::write(&config, made.replace(&lines, r#"ca = "mine.crt""#)).unwrap();
        let error = refusal(directory.path(), &again);
        assert!(error.contains("us-1/hansed.toml believes") && error.contains("region-us.key"), "{error}");
    }

    #[test]
    fn another_federation_than_the_recorded_one_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        drop(prepare(directory.path(), &wish(Some(free_port()))).unwrap());
        let other = Wish { regions: Some(regions(&["eu", "ap"])), daemons: None, port_base: None };
        let error = refusal(directory.path(), &other);
        assert!(error.contains("was made with --regions eu,us, not eu,ap: leave --regions out"), "{error}");
        let other = Wish { regions: None, daemons: Some(3), port_base: None };
        assert!(refusal(directory.path(), &other).contains("--daemons 1, not 3"));
        fs::write(directory.path().join("up.toml"), "federation = 3").unwrap();
        assert!(refusal(directory.path(), &wish(None)).contains("up.toml is damaged"));
    }

    #[test]
    fn a_port_that_is_taken_is_named_and_nothing_is_recorded() {
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        let taken = TcpListener::bind(("127.0.0.1", port + 10)).unwrap();
        let error = refusal(directory.path(), &wish(Some(port)));
        let address = taken.local_addr().unwrap();
        assert!(
            error.contains(&format!("port {address} (TCP) of daemon us-1")) && error.contains("--port-base"),
            "{error}"
        );
        assert!(!directory.path().join("up.toml").exists());
        drop(taken);
        prepare(directory.path(), &wish(Some(port))).unwrap();
    }

    #[test]
    fn ports_and_regions_that_cannot_be_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        assert!(refusal(directory.path(), &wish(Some(65_530))).contains("at most 65524"));
        for (names, word) in
            [(&[][..], "give 1 to 16"), (&["eu", "eu"], "given twice"), (&["root"], "cannot be called root")]
        {
            assert!(check_regions(&regions(names)).unwrap_err().contains(word), "{names:?}");
        }
        assert!(check_regions(&regions(&["local"])).is_ok());
    }

    #[test]
    fn a_directory_that_cannot_be_written_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(refusal(&file.join("data"), &wish(None)).contains("cannot be written"));
    }
}
