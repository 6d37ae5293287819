//! `hansed run`: one daemon, from its configuration to its last task.
//!
//! It starts from the ground up (lock, sockets, links, group, API) and stops the other way round: first what makes new
//! work ends, then the group, while Raft is still heard, and the links last.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hanse_api::api::{Api, ApiConfig};
use hanse_api::egress::HttpsEgress;
use hanse_api::federation::Federation;
use hanse_api::health::Check;
use hanse_base::clock::{Clock, SystemClock};
use hanse_base::disk::RealDisk;
use hanse_base::pulse::Pulse;
use hanse_base::random::{Random, SystemRandom};
use hanse_controllers::settings::Settings;
use hanse_controllers::tally::Tally;
use hanse_raft::config::GroupConfig;
use hanse_raft::error::{Failure, StartError};
use hanse_raft::group::{Group, Seams};
use hanse_raft::status::DiskCondition;
use hanse_store::home::Home;
use hanse_sync::error::MeshError;
use hanse_sync::limit::Limits as MeshLimits;
use hanse_sync::mesh::{Incoming, Mesh, MeshConfig};
use hanse_sync::net::MeshNet;
use hanse_sync::peer::Peer;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::admin;
use crate::backup::Backups;
use crate::bootstrap::Bootstrap;
use crate::carriage::Carriage;
use crate::config::{Config, Member, group_of};
use crate::directory::Directories;
use crate::duty::Leadership;
use crate::federation::{Contacts, Follower, Source};
use crate::files::Files;
use crate::founding::{self, FoundingError};
use crate::homes::{GroupHome, StoreMachine};
use crate::keys::{self, KeyError};
use crate::lanes::Lanes;
use crate::lock::{LockError, ProcessLock};
use crate::members::admission::Porter;
use crate::members::steward::{Follow, Steward};
use crate::metrics::Sources;
use crate::notify::{Progress, notify};
use crate::overview::{Overview, Views};
use crate::pki::PkiError;
use crate::port::Port;
use crate::renewal::{Renewal, RenewalState, renew_at_start};
use crate::restore_workspace::Restorer;
use crate::space::{self, Reserve, Space};
use crate::watchdog::{BEAT_EVERY, Watchdog, Watched};

/// Why a daemon did not start, or did not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// The same daemon runs already.
    #[error("{0}: this daemon runs already; stop that process first")]
    Lock(#[from] LockError),
    /// A key, certificate or token file cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The own certificate cannot be renewed.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// The API's address cannot be listened on.
    #[error("the API cannot listen on {address}: {source}: stop what listens there, or change api.listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The admin socket cannot be made.
    #[error("the admin socket {path} cannot be made: {source}: correct admin_socket", path = path.display())]
    Admin {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The links cannot start.
    #[error(transparent)]
    Mesh(#[from] MeshError),
    /// The group cannot start.
    #[error(transparent)]
    Group(#[from] StartError),
    /// It has lost its disk.
    #[error(transparent)]
    Founding(#[from] FoundingError),
    /// The system refuses something that every process needs.
    #[error("the daemon cannot start: {0}")]
    System(#[from] io::Error),
    /// The group has stopped for good.
    #[error("the group has stopped: {0}: look at the log, then start the daemon again")]
    Failed(Failure),
    /// It did not stop in time.
    #[error("not everything had ended after {} s: a disk that does not answer, perhaps; what was acknowledged is durable", STOP_MAX.as_secs())]
    Late,
    /// It did not stop in order.
    #[error("stopped in a hurry: a second signal came before everything had ended")]
    Hurried,
}

/// Runs a daemon until a signal, the end of the standard input (where asked for), or a fatal error.
///
/// # Errors
/// See [`RunError`].
pub(crate) async fn run(config: Config, stop_with_stdin: bool) -> Result<(), RunError> {
    let config = Arc::new(config);
    let mut stops = Stops::new(stop_with_stdin)?;
    let _lock = ProcessLock::take(&config.pid_file)?;
    let mut daemon = starting(Daemon::start(config)).await?;
    let watchdog = Watchdog::start(std::mem::take(&mut daemon.watched))?;
    notify(Progress::Ready);
    let mut failure = daemon.group.failure();
    let ended = tokio::select! {
        reason = stops.next() => Ok(reason),
        failed = failure.wait_for(Option::is_some) => match failed.as_deref() {
            Ok(Some(failure)) => Err(RunError::Failed(failure.clone())),
            Ok(None) | Err(_) => Ok("the group has ended"),
        },
    };
    let reason = match ended {
        Ok(reason) => reason,
        Err(error) => {
            // The state is not to be trusted any more: nothing is served from it for a moment longer.
            return Err(error);
        }
    };
    tracing::info!(reason, "stopping");
    notify(Progress::Stopping);
    // Loops end now, each in its turn; what does not end in time is cut off below.
    drop(watchdog);
    tokio::select! {
        () = daemon.stop() => Ok(()),
        _ = stops.next() => Err(RunError::Hurried),
        () = tokio::time::sleep(STOP_MAX) => Err(RunError::Late),
    }
}

/// Tells the service manager every few seconds that a start is under way: a long log takes its time to be read.
async fn starting<T>(start: impl Future<Output = T>) -> T {
    let mut start = std::pin::pin!(start);
    loop {
        tokio::select! {
            started = &mut start => return started,
            () = tokio::time::sleep(START_STEP) => notify(Progress::Starting(START_STEP * 6, "starting")),
        }
    }
}

/// Everything that runs.
struct Daemon {
    api: Arc<Api>,
    group: Group,
    mesh: Mesh,
    /// Ends what makes new work.
    stop_work: watch::Sender<bool>,
    work: JoinSet<()>,
    /// Ends what other daemons need of this one until the group has ended.
    stop_lanes: watch::Sender<bool>,
    lanes: JoinSet<()>,
    /// The loops that must beat.
    watched: Vec<Watched>,
    /// Beats for those that cannot themselves; ends with the daemon.
    _beats: JoinSet<()>,
}

/// The parts that tasks are made from.
struct Parts {
    renewal: RenewalState,
    root_ca: String,
    config: Arc<Config>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    group: Group,
    home: Arc<dyn Home>,
    carriage: Carriage,
    contacts: Contacts,
    overview: Arc<Overview>,
    /// Backups, and what is restored from them.
    files: Arc<Files>,
    api: Arc<Api>,
    tally: Arc<Tally>,
    space: Space,
    reserve: Reserve,
}

/// What was opened before the group, so that a daemon that cannot serve fails before it takes part.
struct Sockets {
    api: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    admin: UnixListener,
}

impl Daemon {
    async fn start(config: Arc<Config>) -> Result<Self, RunError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let clients = keys::client_verifier(&config)?;
        let root_ca = keys::root_ca(&config)?;
        let authenticator = keys::authenticator(&config, Arc::clone(&clients))?;
        let sockets = open_sockets(&config, keys::api_tls(&config, clients)?).await?;
        renew_at_start(&config)?;
        let (mesh, mut incoming) = Mesh::start(mesh_config(&config)?).await?;
        let renewal = RenewalState::default();
        founding::clear(&config, &mesh, &mut incoming).await?;
        let machine = hanse_store::machine::Machine::new(group_of(&config.region));
        let hub = Arc::clone(machine.hub());
        let seams = Seams {
            disk: Arc::new(RealDisk),
            net: Arc::new(MeshNet::new(mesh.clone())),
            clock: Arc::clone(&clock),
            random: Arc::clone(&random),
        };
        let space = Space::default();
        let reserve = Reserve { directory: config.data.clone(), bytes: config.disk_reserve_bytes };
        space::wait_for_room(&space, &reserve).await;
        let group = Group::start(group_config(&config), StoreMachine(machine), seams).await?;
        founding::note(&config);
        let home: Arc<dyn Home> =
            Arc::new(GroupHome::new(group_of(&config.region), group.clone(), hub).within(space.clone()));
        let directories = Directories::new(&config);
        let carriage = Carriage::new(Arc::new(mesh.clone()), Arc::clone(&config), directories);
        let contacts = Contacts::default();
        let views = Views {
            group: group.clone(),
            home: Arc::clone(&home),
            carriage: carriage.clone(),
            contacts: contacts.clone(),
            renewal: renewal.clone(),
            space: space.clone(),
        };
        let egress = Arc::new(HttpsEgress::new(config.egress.clone()));
        let sources = Sources::new(&views, Arc::clone(&egress), clock.wall_ms());
        let tally = Arc::clone(&sources.tally);
        let overview = Arc::new(Overview::new(Arc::clone(&config), views, Arc::clone(&clock), Arc::clone(&random)));
        let port = Port::new(config.region.clone(), Arc::clone(&home), carriage.clone(), Arc::clone(&clock));
        let port = Arc::new(port);
        let files = files(&config, &group, &port, &clock);
        let checks = checks(&group, &home);
        let api_config =
            ApiConfig { url: config.api.url.clone(), root_ca: root_ca.clone(), egress, authenticator, checks };
        let api = Api::new(api_config, port, Arc::clone(&clock), Arc::clone(&random));
        show(sources, &api, &overview);
        let parts = Parts {
            renewal,
            root_ca,
            config,
            clock,
            random,
            group,
            home,
            carriage,
            contacts,
            overview,
            files,
            api,
            tally,
            space,
            reserve,
        };
        Ok(Self::spawn(parts, mesh, incoming, sockets))
    }

    fn spawn(parts: Parts, mesh: Mesh, incoming: mpsc::Receiver<Incoming>, sockets: Sockets) -> Self {
        let (stop_work, stop) = watch::channel(false);
        let (stop_lanes, lanes_stop) = watch::channel(false);
        let (leads, led) = watch::channel(false);
        let mut work = JoinSet::new();
        let mut lanes = JoinSet::new();
        let Parts {
            renewal,
            root_ca,
            config,
            clock,
            random,
            group,
            home,
            carriage,
            contacts,
            overview,
            files,
            api,
            tally,
            space,
            reserve,
        } = parts;
        let settings = Settings { root_ca: Some(Arc::from(root_ca.as_str())), service_accounts: true, tally };
        let served = Lanes {
            config: Arc::clone(&config),
            group: group.clone(),
            api: Arc::clone(&api),
            source: Arc::new(Source::new(Arc::clone(home.hub()))),
            overview: Arc::clone(&overview),
        };
        lanes.spawn(Arc::new(served).run(incoming, lanes_stop.clone()));
        lanes.spawn(watch_leadership(group.clone(), config.daemon, leads, lanes_stop.clone()));
        let renewal =
            Renewal { config: Arc::clone(&config), mesh: mesh.clone(), random: Arc::clone(&random), state: renewal };
        lanes.spawn(renewal.run(lanes_stop.clone()));
        work.spawn(Arc::clone(&api).serve(sockets.api, sockets.tls, stop.clone()));
        let porter = Porter { verbs: Arc::clone(overview.verbs()), random: Arc::clone(&random) };
        work.spawn(porter.run(mesh.take_joins(), stop.clone()));
        let mut beats = JoinSet::new();
        let watched = watched(&mut beats, &group, &api, &overview);
        work.spawn(space::watch(space, reserve, group.clone(), stop.clone()));
        work.spawn(admin::serve(sockets.admin, (overview, Some(files)), stop.clone()));
        let bootstrap = Bootstrap {
            config: Arc::clone(&config),
            home: Arc::clone(&home),
            root_ca,
            clock: Arc::clone(&clock),
            random: Arc::clone(&random),
        };
        work.spawn(bootstrap.run(led.clone(), stop.clone()));
        let duty = Arc::new(Leadership(led.clone()));
        let mut controllers_stop = stop.clone();
        let shutdown = async move { drop(controllers_stop.wait_for(|stop| *stop).await) };
        work.spawn(hanse_controllers::run::run(Arc::clone(&home), Arc::clone(&clock), duty, settings, shutdown));
        let (region, founder) = (config.region.clone(), config.founder.clone());
        let steward = Steward { config: Arc::clone(&config), group: group.clone(), home: Arc::clone(&home) };
        work.spawn(steward.run(led.clone(), stop.clone()));
        let directories = carriage.directories().clone();
        let follow = Follow { config, group: group.clone(), home: Arc::clone(&home), mesh: mesh.clone(), directories };
        lanes.spawn(follow.run(lanes_stop));
        let follower = Follower { home, carriage, clock, random, contacts, region, founder };
        work.spawn(follower.run(led, stop));
        Self { api, group, mesh, stop_work, work, stop_lanes, lanes, watched, _beats: beats }
    }

    /// Stops in order.
    async fn stop(mut self) {
        self.api.close();
        self.stop_work.send_replace(true);
        finish(&mut self.work, "work").await;
        self.group.shutdown().await;
        self.stop_lanes.send_replace(true);
        finish(&mut self.lanes, "lanes").await;
        self.mesh.shutdown().await;
        tracing::info!("stopped");
    }
}

/// Lets `/metrics` and `hanse debug` see everything that they look at.
fn show(sources: Sources, api: &Arc<Api>, overview: &Overview) {
    let sources = Arc::new(sources);
    sources.api.get_or_init(|| Arc::downgrade(api));
    overview.attach(Arc::clone(&sources));
    api.surround(Box::new(move |out| sources.write(out)));
}

/// The loops that the watchdog watches, and the tasks that beat for those that cannot themselves.
fn watched(tasks: &mut JoinSet<()>, group: &Group, api: &Api, overview: &Overview) -> Vec<Watched> {
    let (runtime, engine) = (Pulse::default(), Pulse::default());
    let beating = runtime.clone();
    tasks.spawn(async move {
        loop {
            beating.beat();
            tokio::time::sleep(BEAT_EVERY).await;
        }
    });
    let (asked, answered) = (group.clone(), engine.clone());
    tasks.spawn(async move {
        while asked.engine_answers().await {
            answered.beat();
            tokio::time::sleep(BEAT_EVERY).await;
        }
    });
    let (disk, failure) = (group.disk(), group.failure());
    // An engine that waits for its disk is told of by the group, and one that has failed by the end of the daemon.
    let is_excused = move || *disk.borrow() == DiskCondition::Stalled || failure.borrow().is_some();
    vec![
        Watched::always("the runtime", runtime),
        Watched::always("the group's loop", group.pulse()),
        Watched { name: "the consensus engine", pulse: engine, is_excused: Box::new(is_excused) },
        Watched::always("the API's listener", api.pulse().clone()),
        Watched::always("streams from other daemons", overview.pulse().clone()),
    ]
}

async fn finish(tasks: &mut JoinSet<()>, what: &'static str) {
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, what, "a task failed");
            }
        }
    };
    if timeout(FINISH_MAX, all).await.is_err() {
        tracing::warn!(what, "some tasks did not end in time and are cut off");
        tasks.shutdown().await;
    }
}

async fn open_sockets(config: &Config, tls: Arc<rustls::ServerConfig>) -> Result<Sockets, RunError> {
    let address = config.api.listen;
    let api = TcpListener::bind(address).await.map_err(|source| RunError::Listen { address, source })?;
    let path = &config.admin_socket;
    let admin = admin::listen(path).map_err(|source| RunError::Admin { path: path.clone(), source })?;
    Ok(Sockets { api, tls, admin })
}

fn mesh_config(config: &Config) -> Result<MeshConfig, RunError> {
    let peer = |member: &Member| Peer { daemon: member.daemon, region: member.region.clone(), address: member.peers };
    Ok(MeshConfig {
        federation: config.federation.clone(),
        me: peer(config.own()),
        peers: config.members.iter().filter(|member| member.daemon != config.daemon).map(peer).collect(),
        identity: keys::peer_identity(config)?,
        listen: config.peers.listen,
        limits: MeshLimits::default(),
    })
}

fn group_config(config: &Config) -> GroupConfig {
    // Who has joined is no founder: it follows those that the file names until the log names others.
    let is_founder = |member: &&Member| !config.joined || member.daemon != config.daemon;
    let voters = config.members_of(&config.region).filter(is_founder).map(|member| member.daemon).collect();
    let mut group = GroupConfig::new(group_of(&config.region), config.daemon, config.data.clone(), voters);
    group.heartbeat_ms = config.raft.heartbeat_ms;
    group.election_ms_min = config.raft.election_ms_min;
    group.election_ms_max = config.raft.election_ms_max;
    group
}

/// Backups of the own group, and what is restored into it.
fn files(config: &Arc<Config>, group: &Group, port: &Arc<Port>, clock: &Arc<dyn Clock>) -> Arc<Files> {
    let federation: Arc<dyn Federation> = Arc::<Port>::clone(port);
    let home = Arc::clone(federation.local());
    let backups = Backups { config: Arc::clone(config), group: group.clone(), home, clock: Arc::clone(clock) };
    let restorer = Restorer { federation, url: config.api.url.clone(), clock: Arc::clone(clock) };
    Arc::new(Files::new(backups, restorer, config.data.join("incoming")))
}

/// Requests should be sent here once there is a leader and the group knows what it is.
fn checks(group: &Group, home: &Arc<dyn Home>) -> Vec<Check> {
    let leadership = group.leadership();
    let led = move || match leadership.borrow().leader {
        Some(_) => Ok(()),
        None => Err("the group has no leader that can be reached".to_owned()),
    };
    let home = Arc::clone(home);
    let founded = move || match home.view().region() {
        Some(_) => Ok(()),
        None => Err("the group has not been founded yet".to_owned()),
    };
    let disk = group.disk();
    let works = move || match *disk.borrow() {
        DiskCondition::Stalled => Err("the disk of the log does not answer".to_owned()),
        DiskCondition::Working | DiskCondition::Full => Ok(()),
    };
    vec![Check::new("leader", led), Check::new("founded", founded), Check::new("disk", works)]
}

/// Says whether this daemon leads, and every change of it.
pub(crate) async fn watch_leadership(
    group: Group,
    me: hanse_base::id::DaemonId,
    leads: watch::Sender<bool>,
    mut stop: watch::Receiver<bool>,
) {
    let mut leadership = group.leadership();
    loop {
        let leader = leadership.borrow_and_update().leader;
        let now = leader == Some(me);
        notify(Progress::Status(match leader {
            None => "serving; the group has no leader that is known here",
            Some(_) if now => "serving; leads its group",
            Some(_) => "serving; follows its group",
        }));
        leads.send_if_modified(|leads| std::mem::replace(leads, now) != now);
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            changed = leadership.changed() => if changed.is_err() { return },
        }
    }
}

/// What asks the daemon to stop.
struct Stops {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
    parent_gone: watch::Receiver<bool>,
}

impl Stops {
    fn new(stop_with_stdin: bool) -> io::Result<Self> {
        let (gone, parent_gone) = watch::channel(false);
        if stop_with_stdin {
            // A thread of its own: reading cannot be cancelled, and must not hold the runtime up when it ends.
            std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
                drop(io::copy(&mut io::stdin().lock().take(u64::MAX), &mut io::sink()));
                gone.send_replace(true);
            })?;
        }
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            parent_gone,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.hangup.recv() => "SIGHUP",
            // Once it is gone it stays gone: that is no second signal. Nobody sends where it was not asked for.
            Ok(()) = self.parent_gone.changed() => "hansed up has ended",
        }
    }
}

/// How long an orderly stop may take in all. Longer than requests in flight and each step may take.
const STOP_MAX: Duration = Duration::from_secs(30);
/// How often the service manager hears of a start that takes long.
const START_STEP: Duration = Duration::from_secs(10);
/// How long tasks may take to end by themselves.
const FINISH_MAX: Duration = Duration::from_secs(6);
