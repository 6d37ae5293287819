//! A real federation: `hansed up` for its files, and its daemons as processes that a test may kill.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::binary::binary;
use crate::client::{Access, Client, certificates};
use crate::link::Link;

/// Two federations at once would measure each other on a small machine: one test at a time holds this.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// How long a federation may take until it is ready, in a build without optimization on a busy machine.
const READY: Duration = Duration::from_secs(60);

/// The files of a federation, and the processes that run from them.
pub struct Federation {
    directory: tempfile::TempDir,
    up: Option<Child>,
    daemons: BTreeMap<String, Child>,
    links: BTreeMap<String, Link>,
    /// What the daemons log, as `HANSE_LOG` has it; nothing: their default.
    logging: Option<&'static str>,
    _turn: MutexGuard<'static, ()>,
}

/// One daemon as its configuration describes it.
#[derive(Debug, Clone)]
pub struct Daemon {
    /// `<region>-<n>`.
    pub name: String,
    /// The region.
    pub region: String,
    /// Its number in the federation.
    pub id: i64,
    /// Host and port of the API.
    pub api: String,
    /// Host and port of the QUIC endpoint.
    pub peers: SocketAddr,
}

impl Federation {
    /// Makes the files and runs everything under one `hansed up`.
    ///
    /// # Errors
    /// It is not ready in time; the error holds what it printed.
    pub fn up(regions: &str, daemons: usize) -> Result<Self> {
        Self::up_logging(regions, daemons, None)
    }

    /// As [`Federation::up`], with what the daemons are to log (`HANSE_LOG`).
    ///
    /// # Errors
    /// As for [`Federation::up`].
    pub fn up_logging(regions: &str, daemons: usize, logging: Option<&'static str>) -> Result<Self> {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let mut federation = Self {
            directory: tempfile::tempdir()?,
            up: None,
            daemons: BTreeMap::new(),
            links: BTreeMap::new(),
            logging,
            _turn: turn,
        };
        let base = free_ports(regions.split(',').count() * daemons)?;
        federation.run_up(&[
            "--regions",
            regions,
            "--daemons",
            &daemons.to_string(),
            "--port-base",
            &base.to_string(),
        ])?;
        Ok(federation)
    }

    /// Runs `hansed up` on the existing files.
    ///
    /// # Errors
    /// It is not ready in time.
    pub fn up_again(&mut self) -> Result<()> {
        let recorded = self.members()?;
        let regions: Vec<&str> = recorded.iter().map(|daemon| daemon.region.as_str()).collect();
        let mut names = regions.clone();
        names.dedup();
        let per_region = (regions.len() / names.len()).to_string();
        let base = recorded[0].api.rsplit_once(':').context("an address has a port")?.1.to_owned();
        self.run_up(&["--regions", &names.join(","), "--daemons", &per_region, "--port-base", &base])
    }

    /// Begins anew with daemons that run one by one, each behind a forwarder that [`Federation::cut`] can cut: the forwarder's
    /// address is the one that the others know. Ends `hansed up` first.
    ///
    /// # Errors
    /// A process cannot be started or is not ready in time.
    pub async fn split(&mut self) -> Result<()> {
        self.stop()?;
        let members = self.members()?;
        for member in &members {
            self.links.insert(member.name.clone(), Link::to(member.peers).await?);
        }
        for member in &members {
            let directory = self.path().join(&member.name);
            // The state would know the addresses of before.
            fs::remove_dir_all(directory.join("data"))?;
            fs::remove_file(directory.join("hansed.started"))?;
            let mut config: toml::Table = fs::read_to_string(directory.join("hansed.toml"))?.parse()?;
            let list = config
                .get_mut("member")
                .and_then(toml::Value::as_array_mut)
                .context("the configuration lists members")?;
            for entry in list {
                let name = entry.get("name").and_then(toml::Value::as_str).context("a member has a name")?;
                let address = self.links.get(name).context("a member is known")?.address.to_string();
                entry.as_table_mut().context("a member is a table")?.insert("peers".into(), address.into());
            }
            fs::write(directory.join("hansed.toml"), toml::to_string(&config)?)?;
        }
        for member in &members {
            self.start(&member.name)?;
        }
        for member in &members {
            self.ready(&member.name).await?;
        }
        Ok(())
    }

    /// Cuts or heals every link between the daemons of two regions.
    ///
    /// # Errors
    /// The files are not those of `hansed up`.
    pub fn cut(&self, one: &str, other: &str, cut: bool) -> Result<()> {
        let members = self.members()?;
        for (from, to) in members.iter().flat_map(|from| members.iter().map(move |to| (from, to))) {
            let pair = (from.region.as_str(), to.region.as_str());
            if (pair == (one, other) || pair == (other, one))
                && let Some(link) = self.links.get(&to.name)
            {
                link.cut(from.peers, cut);
            }
        }
        Ok(())
    }

    /// The directory given to `hansed up`.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// All daemons, in the order of the configuration.
    ///
    /// # Errors
    /// The files are not those of `hansed up`.
    pub fn members(&self) -> Result<Vec<Daemon>> {
        let mut members = Vec::new();
        for entry in fs::read_dir(self.path())? {
            let path = entry?.path().join("hansed.toml");
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let config: toml::Table = text.parse()?;
            let text = |table: &str, key: &str| -> Result<String> {
                let value = config.get(table).and_then(|table| table.get(key)).and_then(toml::Value::as_str);
                Ok(value.with_context(|| format!("{}: no {table}.{key}", path.display()))?.to_owned())
            };
            let directory = path.parent().and_then(Path::file_name).context("a directory has a name")?;
            members.push(Daemon {
                name: directory.to_string_lossy().into_owned(),
                region: config.get("region").and_then(toml::Value::as_str).context("a daemon has a region")?.to_owned(),
                id: config.get("daemon").and_then(toml::Value::as_integer).context("a daemon has an id")?,
                api: text("api", "listen")?,
                peers: text("peers", "listen")?.parse()?,
            });
        }
        members.sort_by_key(|daemon| daemon.peers.port());
        ensure!(!members.is_empty(), "no daemon in {}", self.path().display());
        Ok(members)
    }

    /// A client of a daemon, by name, as kcp-admin.
    ///
    /// # Errors
    /// The daemon is not known, or the files are incomplete.
    pub fn client(&self, name: &str) -> Result<Client> {
        Client::new(self.access(name)?)
    }

    /// The address, authority and administrator's token for a daemon.
    ///
    /// # Errors
    /// The daemon is not known, or the files are incomplete.
    pub fn access(&self, name: &str) -> Result<Access> {
        let member = self.members()?.into_iter().find(|member| member.name == name);
        let member = member.with_context(|| format!("no daemon {name}"))?;
        let tokens = fs::read_to_string(self.path().join("pki/tokens.csv"))?;
        let line = tokens.lines().find(|line| line.contains("kcp-admin")).context("a token of kcp-admin")?;
        let token = line.split(',').next().context("a token file has columns")?.to_owned();
        let ca = certificates(&fs::read(self.path().join("pki/api-ca.crt"))?)?;
        Ok(Access { address: member.api, ca, token: Some(token) })
    }

    /// kill -9 of one daemon.
    ///
    /// # Errors
    /// It is not running.
    pub fn kill(&mut self, name: &str) -> Result<()> {
        let pid = self.pid(name)?;
        kill_process(pid, Signal::KILL)?;
        if let Some(mut child) = self.daemons.remove(name) {
            child.wait()?;
        }
        let gone = Instant::now() + Duration::from_secs(10);
        while runs(pid) {
            ensure!(Instant::now() < gone, "{name} survives SIGKILL");
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// SIGTERM, as systemd stops a daemon, and waits for the end.
    ///
    /// # Errors
    /// It is not running, or does not end within 30 seconds.
    pub fn terminate(&mut self, name: &str) -> Result<()> {
        let pid = self.pid(name)?;
        kill_process(pid, Signal::TERM)?;
        let end = Instant::now() + Duration::from_secs(30);
        while runs(pid) {
            ensure!(Instant::now() < end, "{name} does not end within 30 s of SIGTERM");
            std::thread::sleep(Duration::from_millis(5));
        }
        if let Some(mut child) = self.daemons.remove(name) {
            child.wait()?;
        }
        Ok(())
    }

    /// kill -9 of `hansed up` and of all daemons, as far as possible at one moment.
    ///
    /// # Errors
    /// A process cannot be killed.
    pub fn kill_all(&mut self) -> Result<()> {
        let names: Vec<String> = self.members()?.into_iter().map(|member| member.name).collect();
        let pids: Vec<Pid> = names.iter().filter_map(|name| self.pid(name).ok()).collect();
        if let Some(up) = &mut self.up {
            up.kill()?;
        }
        for pid in &pids {
            // One that is gone already is as dead as wanted.
            kill_process(*pid, Signal::KILL).ok();
        }
        if let Some(mut up) = self.up.take() {
            up.wait()?;
        }
        for (_, mut child) in std::mem::take(&mut self.daemons) {
            child.wait()?;
        }
        let gone = Instant::now() + Duration::from_secs(10);
        while pids.iter().any(|pid| runs(*pid)) {
            ensure!(Instant::now() < gone, "a daemon survives SIGKILL");
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Starts a daemon by hand, as the operator is told to.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn start(&mut self, name: &str) -> Result<()> {
        let directory = self.path().join(name);
        let log = fs::OpenOptions::new().create(true).append(true).open(directory.join("hansed.log"))?;
        let child = Command::new(binary("hansed")?)
            .arg("run")
            .arg("--config")
            .arg(directory.join("hansed.toml"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        self.daemons.insert(name.to_owned(), child);
        Ok(())
    }

    /// Waits until a daemon says that it is ready.
    ///
    /// # Errors
    /// It is not in time; the error holds the end of its log.
    pub async fn ready(&self, name: &str) -> Result<()> {
        let client = self.client(name)?;
        let end = Instant::now() + READY;
        loop {
            if let Ok(answer) = client.get("/readyz").await
                && answer.status.is_success()
            {
                return Ok(());
            }
            ensure!(Instant::now() < end, "{name} is not ready:\n{}", self.log(name));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The last lines of a daemon's log.
    #[must_use]
    pub fn log(&self, name: &str) -> String {
        let text = fs::read_to_string(self.path().join(name).join("hansed.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// The lines of all logs that show a panic; empty when all is well.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn panics(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for member in self.members()? {
            let text = fs::read_to_string(self.path().join(&member.name).join("hansed.log")).unwrap_or_default();
            found.extend(text.lines().filter(|line| line.contains("panicked at")).map(str::to_owned));
        }
        Ok(found)
    }

    /// What `hanse status -o json` says, asked of one daemon.
    ///
    /// # Errors
    /// The command prints no JSON.
    pub fn status(&self, name: &str) -> Result<Value> {
        self.hanse(name, &["status", "-o", "json"])
    }

    /// What a `hanse` command prints as JSON, asked of one daemon.
    ///
    /// # Errors
    /// The command prints no JSON.
    pub fn hanse(&self, name: &str, arguments: &[&str]) -> Result<Value> {
        let socket = self.path().join(name).join("admin.sock");
        let output = Command::new(binary("hanse")?).arg("--socket").arg(socket).args(arguments).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&text).with_context(|| format!("{text}{}", String::from_utf8_lossy(&output.stderr)))
    }

    /// A daemon's resident memory in bytes.
    ///
    /// # Errors
    /// It is not running.
    pub fn resident(&self, name: &str) -> Result<u64> {
        let pid = self.pid(name)?;
        let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }

    /// The processor time that a daemon has used.
    ///
    /// # Errors
    /// It is not running.
    pub fn cpu(&self, name: &str) -> Result<Duration> {
        let pid = self.pid(name)?;
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()))?;
        let fields = stat.rsplit_once(") ").context("a process has a name in brackets")?.1;
        // utime and stime, the 14th and 15th field of the line, also of threads that have ended.
        let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
        Ok(Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second()))
    }

    /// Ends everything with SIGTERM and waits for it.
    ///
    /// # Errors
    /// A process does not end within 30 seconds.
    pub fn stop(&mut self) -> Result<()> {
        let up = self.up.take().into_iter().map(|child| ("hansed up".to_owned(), child));
        let mut children: Vec<(String, Child)> = up.chain(std::mem::take(&mut self.daemons)).collect();
        for (_, child) in &children {
            kill_process(Pid::from_child(child), Signal::TERM).ok();
        }
        let end = Instant::now() + Duration::from_secs(30);
        for (name, child) in &mut children {
            while child.try_wait()?.is_none() {
                if Instant::now() > end {
                    child.kill()?;
                    bail!("{name} does not end within 30 s of SIGTERM");
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        Ok(())
    }

    /// The process id in a daemon's pid file, if that process runs.
    ///
    /// # Errors
    /// There is none.
    pub fn pid(&self, name: &str) -> Result<Pid> {
        let text = fs::read_to_string(self.path().join(name).join("hansed.pid"))?;
        let pid = Pid::from_raw(text.trim().parse()?).context("a process id is not zero")?;
        ensure!(runs(pid), "{name} is not running");
        Ok(pid)
    }

    fn run_up(&mut self, arguments: &[&str]) -> Result<()> {
        let mut up = Command::new(binary("hansed")?);
        if let Some(logging) = self.logging {
            up.env("HANSE_LOG", logging);
        }
        let mut child = up
            .arg("up")
            .arg("--data-dir")
            .arg(self.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()?;
        let output = child.stdout.take().context("the output is piped")?;
        self.up = Some(child);
        let (line_out, lines) = std::sync::mpsc::sync_channel::<String>(1024);
        // Reads to the end, so that the process never blocks on its output.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                line_out.try_send(line).ok();
            }
        });
        let end = Instant::now() + READY;
        let mut printed = String::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match lines.recv_timeout(left) {
                Ok(line) if line.starts_with("ready") => return Ok(()),
                Ok(line) => printed = printed + &line + "\n",
                Err(_) => bail!("`hansed up` is not ready:\n{printed}"),
            }
        }
    }
}

impl Drop for Federation {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("{error:#}");
        }
        // What a test left behind after killing `hansed up` itself.
        for member in self.members().unwrap_or_default() {
            if let Ok(pid) = self.pid(&member.name) {
                kill_process(pid, Signal::KILL).ok();
            }
        }
    }
}

fn runs(pid: Pid) -> bool {
    // A zombie has ended; only its parent has not yet asked.
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// A base with free ports for so many daemons. Somebody else may take one before the daemon does: rare, and a failure
/// that says so.
fn free_ports(daemons: usize) -> Result<u16> {
    let span = u16::try_from(daemons * 10)?;
    for attempt in 0..200_u16 {
        let offset = u16::try_from(std::process::id() % 97)? * 100 + attempt * 130;
        let base = 20_000 + offset % 12_000;
        let free = (0..span).step_by(10).all(|step| {
            TcpListener::bind(("127.0.0.1", base + step)).is_ok()
                && UdpSocket::bind(("127.0.0.1", base + step + 1)).is_ok()
        });
        if free {
            return Ok(base);
        }
    }
    bail!("no free ports from 20000 on")
}

/// The path of a file of the federation, for messages and environments.
#[must_use]
pub fn kubeconfig(federation: &Federation) -> PathBuf {
    federation.path().join("kubeconfig")
}
