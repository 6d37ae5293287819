//! The command line of `hansed`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use hanse_base::clock::SystemClock;
use hanse_base::random::SystemRandom;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};
use crate::join::{AuthorityArgs, JoinArgs};
use crate::restore::RestoreArgs;
use crate::up::UpArgs;
use crate::{join, restore, run, up};

/// Hanse's daemon: a Kubernetes-style control plane of regions that need no centre.
#[derive(Debug, Parser)]
#[command(name = "hansed", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a whole federation on this machine: for trying, developing and testing
    Up(UpArgs),
    /// Run one daemon in the foreground: what systemd runs
    Run(RunArgs),
    /// Join a federation by a token of `hanse token create`: writes a configuration that `hansed run` runs
    Join(JoinArgs),
    /// Make the authority of a new region, with the federation's root
    Authority(AuthorityArgs),
    /// Begin a region again from a backup, when all of its daemons are lost
    Restore(RestoreArgs),
    /// Show the version
    Version,
    /// Write completions for a shell to the standard output
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Flags of `hansed run`.
#[derive(Debug, Args)]
#[command(after_help = RUN_EXAMPLES)]
struct RunArgs {
    /// The daemon's configuration; paths in it are relative to its directory
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Stop when the standard input closes: a daemon must not outlive the `hansed up` that started it
    #[arg(long, hide = true)]
    stop_with_stdin: bool,
}

const EXAMPLES: &str = "Examples:
  hansed up                                         three regions on this machine
  hansed up --regions local                         one region, one daemon
  hansed run --config hanse-data/us-1/hansed.toml   one daemon by hand
  source <(hansed completions bash)

Exit codes: 0 stopped by a signal, 1 failed with a reason, 2 wrong usage.
Logging: HANSE_LOG=debug, or HANSE_LOG=info,hanse_raft=debug (the form of tracing's EnvFilter).";

const RUN_EXAMPLES: &str = "Examples:
  hansed run --config hanse-data/eu-1/hansed.toml
  HANSE_LOG=debug hansed run --config /etc/hanse/hansed.toml

The daemon logs to the standard error, holds hansed.pid beside its configuration while it runs, and stops in order on
SIGTERM or SIGINT.";

/// Carries out the command line of `hansed`, and says with which code the process ends.
#[must_use]
pub fn main() -> ExitCode {
    match start(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when even this fails.
            drop(writeln!(io::stderr(), "hansed: {}", one_line(&error)));
            ExitCode::FAILURE
        }
    }
}

fn start(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Up(args) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(up::up(args))?;
        }
        Command::Run(args) => {
            // With huge pages, an allocator's many half-used pages become 2 MiB each: twice the memory of an idle daemon.
            // Where the system does not know the flag, nothing is lost but memory.
            rustix::thread::disable_transparent_huge_pages(true).unwrap_or_default();
            let config = Config::load(&args.config)?;
            start_log(config.log_format)?;
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads()).enable_all().build()?;
            let ended = runtime.block_on(run::run(config, args.stop_with_stdin));
            // A blocking call that still waits for the disk must not hold the process up.
            runtime.shutdown_timeout(Duration::from_secs(1));
            ended?;
        }
        Command::Join(args) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(join::join(args))?;
        }
        Command::Authority(args) => join::authority(&args)?,
        Command::Restore(args) => {
            let config = Config::load(&args.config)?;
            start_log(config.log_format)?;
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
            runtime.block_on(restore::restore(&args, &config, &SystemClock::default(), &SystemRandom))?;
        }
        Command::Version => writeln!(io::stdout(), "hansed {}", env!("CARGO_PKG_VERSION"))?,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "hansed", &mut script);
            io::stdout().write_all(&script)?;
        }
    }
    Ok(())
}

/// One thread for each core. More than eight only wait for the one state machine, whose applying is serial.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).clamp(2, THREADS_MAX)
}

/// Logs to the standard error, as `HANSE_LOG` says.
fn start_log(format: LogFormat) -> anyhow::Result<()> {
    let filter = match std::env::var("HANSE_LOG") {
        Ok(text) => EnvFilter::try_new(&text).map_err(|error| {
            anyhow::anyhow!("HANSE_LOG={text:?}: {error}: write for example info or info,hanse_raft=debug")
        })?,
        Err(_) => EnvFilter::new(LOG_DEFAULT),
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(false);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

const THREADS_MAX: usize = 8;
/// The libraries below say at `info` what only their authors need.
const LOG_DEFAULT: &str = "info,openraft=warn,quinn=warn,quinn_proto=warn,rustls=warn";

/// An error without line breaks: what a supervisor shows is one line. The errors of this program name their sources in
/// their own words.
fn one_line(error: &anyhow::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Arguments, one_line};

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
        for wrong in [
            &["hansed"][..],
            &["hansed", "run"],
            &["hansed", "up", "--daemons", "2"],
            &["hansed", "up", "--regions", "EU"],
        ] {
            assert_eq!(Arguments::try_parse_from(wrong).unwrap_err().exit_code(), 2, "{wrong:?}");
        }
    }

    #[test]
    fn an_error_is_one_line() {
        let error = anyhow::anyhow!("c: a\n  b");
        assert_eq!(one_line(&error), "c: a b");
    }
}
