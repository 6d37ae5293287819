//! `hansed up`: a whole federation on one machine, for trying, developing and testing.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use hanse_base::id::RegionName;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::prepare::{DEFAULT_PORT_BASE, PrepareError, Prepared, Wish, check_regions, prepare};
use crate::probe::Probe;
use crate::supervise::Daemons;

/// Flags of `hansed up`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct UpArgs {
    /// Regions of the federation, separated by commas; the first is the home of the workspace `root` [default: eu,us,ap]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = parse_region)]
    regions: Option<Vec<RegionName>>,
    /// Daemons of each region: 1, 3 or 5; a region of three survives the loss of one [default: 1]
    #[arg(long, value_name = "N", value_parser = parse_daemons)]
    daemons: Option<usize>,
    /// Where keys, configuration, logs and data are kept; run again on the same directory, everything is still there
    #[arg(long, value_name = "DIR", default_value = "hanse-data", env = "HANSE_DATA_DIR")]
    data_dir: PathBuf,
    /// Daemon i listens on P + 10 i (Kubernetes API, TCP) and P + 10 i + 1 (peers, UDP) of 127.0.0.1 [default: 6443]
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u16).range(1..))]
    port_base: Option<u16>,
    /// Make or complete the directory and stop: daemons are then started with `hansed run`
    #[arg(long)]
    prepare_only: bool,
}

const EXAMPLES: &str = "Examples:
  hansed up                                   three regions (eu, us, ap) of one daemon each
  hansed up --regions local                   one region, one daemon: a Kubernetes-style API on a laptop
  hansed up --daemons 3                       three regions of three daemons each
  hansed up --data-dir /tmp/b --port-base 7443   a second federation beside the first

When it says `ready`:
  export KUBECONFIG=$PWD/hanse-data/kubeconfig
  kubectl get workspaces
  kubectl --context us get workspaces
  hanse status

Ctrl-C ends all daemons. The data stays in the directory.";

/// Why a federation did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpError {
    /// The directory cannot be used.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// A process cannot be started or watched.
    #[error("the daemons cannot be started: {0}: try again, or look at the limits of this user (ulimit -a)")]
    Start(#[from] io::Error),
    /// A daemon ended before it was ready.
    #[error("daemon {name} ended before it was ready ({why}): see {log}", log = log.display())]
    Ended {
        /// The daemon.
        name: String,
        /// The last line of its log, or how it ended.
        why: String,
        /// Its log.
        log: PathBuf,
    },
    /// A daemon did not become ready in time.
    #[error("daemon {name} is not ready after {seconds} s ({why}): see {log}", log = log.display())]
    Late {
        /// The daemon.
        name: String,
        /// How long it was given.
        seconds: u64,
        /// What it answered last.
        why: String,
        /// Its log.
        log: PathBuf,
    },
}

/// Runs a federation until a signal ends it.
///
/// # Errors
/// It cannot be started; whatever was started has been ended.
pub(crate) async fn up(args: UpArgs) -> Result<(), UpError> {
    let wish = Wish { regions: args.regions, daemons: args.daemons, port_base: args.port_base };
    if let Some(Err(why)) = wish.regions.as_deref().map(check_regions) {
        clap::Error::raw(clap::error::ErrorKind::ValueValidation, format!("--regions: {why}\n")).exit();
    }
    let prepared = prepare(&args.data_dir, &wish)?;
    let (count, plural) = (prepared.daemons.len(), if prepared.daemons.len() == 1 { "" } else { "s" });
    say(format_args!("{count} daemon{plural} in {}", prepared.directory.display()));
    if args.prepare_only {
        let config = prepared.daemons.first().map_or_else(|| Path::new(""), |config| config.path.as_path());
        say(format_args!(
            "prepared; start each daemon with its own file, for example:\n  hansed run --config {}",
            config.display()
        ));
        return Ok(());
    }
    let probe = Probe::new(&std::fs::read(prepared.directory.join("pki/api-ca.crt"))?)?;
    let mut stops = Stops::new()?;
    let mut daemons = Daemons::start(&std::env::current_exe()?, prepared.daemons.clone())?;
    let started = tokio::select! {
        ready = wait_ready(&mut daemons, &prepared, &probe) => ready.map(|()| true),
        name = stops.next() => { say(format_args!("{name}: ending before all daemons are ready")); Ok(false) }
    };
    if let Ok(true) = started {
        say(format_args!("ready\n\n{}", next_steps(&prepared)));
        watch(&mut daemons, &mut stops).await;
    }
    daemons.stop(STOP_WITHIN, async { say(format_args!("{}: killing what still runs", stops.next().await)) }).await;
    if started.is_ok() {
        say("all daemons have ended");
    }
    started.map(|_| ())
}

/// Waits until every daemon answers, and until every daemon knows the way to `root`.
async fn wait_ready(daemons: &mut Daemons, prepared: &Prepared, probe: &Probe) -> Result<(), UpError> {
    let start = Instant::now();
    let mut waiting = JoinSet::new();
    for position in 0..daemons.count() {
        let (probe, address, token) = (probe.clone(), daemons.config(position).api.listen, prepared.token.clone());
        waiting.spawn(async move {
            answers(&probe, address, "/readyz", None, start).await.map_err(|why| (position, why))?;
            answers(&probe, address, ROOT_PATH, Some(token), start).await.map_err(|why| (position, why))?;
            Ok::<usize, (usize, String)>(position)
        });
    }
    let log =
        |daemons: &Daemons, position: usize| daemons.config(position).path.with_file_name(crate::prepare::LOG_FILE);
    loop {
        tokio::select! {
            biased;
            ended = daemons.ended() => {
                let name = daemons.config(ended.position).own().name.clone();
                let why = daemons.last_line(ended.position).unwrap_or(ended.how);
                return Err(UpError::Ended { name, why, log: log(daemons, ended.position) });
            }
            done = waiting.join_next() => match done {
                Some(Ok(Ok(position))) => {
                    let config = daemons.config(position);
                    let (name, seconds) = (&config.own().name, start.elapsed().as_secs_f64());
                    say(format_args!("  {name:<12} ready after {seconds:.2} s   https://{}", config.api.listen));
                }
                Some(Ok(Err((position, why)))) => {
                    let name = daemons.config(position).own().name.clone();
                    let why = daemons.last_line(position).map_or_else(|| why.clone(), |line| format!("{why}; it logged: {line}"));
                    return Err(UpError::Late { name, seconds: READY_WITHIN.as_secs(), why, log: log(daemons, position) });
                }
                Some(Err(error)) => return Err(UpError::Start(io::Error::other(error))),
                None => return Ok(()),
            }
        }
    }
}

/// Asks until the answer is 200, or the time is over: then the last answer.
async fn answers(
    probe: &Probe,
    address: std::net::SocketAddr,
    path: &'static str,
    token: Option<String>,
    start: Instant,
) -> Result<(), String> {
    let mut pause = Duration::from_millis(10);
    loop {
        let (probe, token) = (probe.clone(), token.clone());
        let asked = tokio::task::spawn_blocking(move || probe.get(address, path, token.as_deref())).await;
        let why = match asked {
            Ok(Ok((200, _))) => return Ok(()),
            Ok(Ok((status, line))) => format!("{path} answers {status} {}", line.chars().take(200).collect::<String>()),
            Ok(Err(error)) => format!("{path}: {error}"),
            Err(error) => format!("{path}: {error}"),
        };
        if start.elapsed() > READY_WITHIN {
            return Err(why);
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

/// Reports what happens to the daemons, until a signal.
async fn watch(daemons: &mut Daemons, stops: &mut Stops) {
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            name = stops.next() => {
                say(format_args!("{name}: ending all daemons"));
                return;
            }
            ended = daemons.ended() => complain(&daemons.obituary(&ended)),
            _ = look.tick() => daemons.notice().iter().for_each(say),
        }
    }
}

/// The signals that end `hansed up`.
struct Stops {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Stops {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.hangup.recv() => "SIGHUP",
        }
    }
}

fn next_steps(prepared: &Prepared) -> String {
    let mut regions: Vec<&str> = prepared.daemons.iter().map(|config| config.region.as_str()).collect();
    regions.dedup();
    let other = match regions.get(1) {
        Some(region) => format!(
            "  kubectl --context {region} get workspaces     # the same tree through another region: {}\n",
            regions.join(", ")
        ),
        None => String::new(),
    };
    format!(
        "  export KUBECONFIG={}\n  kubectl get workspaces\n{other}  hanse --data-dir {} status\n\nCtrl-C ends all daemons; the data stays.",
        prepared.kubeconfig.display(),
        prepared.directory.display()
    )
}

/// A region's name on the command line.
///
/// # Errors
/// The rule that it breaks.
pub(crate) fn parse_region(text: &str) -> Result<RegionName, String> {
    RegionName::new(text).map_err(|error| error.rule.to_owned())
}

fn parse_daemons(text: &str) -> Result<usize, String> {
    match text {
        "1" => Ok(1),
        "3" => Ok(3),
        "5" => Ok(5),
        _ => Err("a region has 1, 3 or 5 daemons: an even number survives no more than one less".to_owned()),
    }
}

/// Writes a line for the user. A closed output is no reason to end daemons.
fn say(line: impl Display) {
    let mut out = io::stdout().lock();
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}

/// Writes a line for the user about something that went wrong.
fn complain(line: &str) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}

/// From the start of the processes until the last one is ready.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// From SIGTERM until SIGKILL.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// Between two looks at whether a daemon was started by hand.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// An object of `root`, answered by its home; a daemon elsewhere carries the request.
const ROOT_PATH: &str = "/clusters/root/api/v1/namespaces/default";
const _: () = assert!(DEFAULT_PORT_BASE == 6443, "the help text names the default");
