//! `hanse`: the admin CLI.
//!
//! It speaks the admin protocol over a daemon's Unix socket: one line of JSON to the daemon, one line back. What it
//! shows of other daemons, the asked daemon has collected. It knows nothing of the daemon's insides.
//!
//! Reading order: [`client`], [`status`], [`tree`], [`members`], [`token`], [`region`], [`backup`], [`restore`], [`table`].

mod backup;
mod client;
mod members;
mod region;
mod restore;
mod status;
mod table;
mod token;
mod tree;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use serde_json::{Value, json};

use crate::backup::BackupCommand;
use crate::client::{Client, ClientError};
use crate::restore::RestoreCommand;
use crate::status::Status;
use crate::tree::Tree;

/// Looks at a Hanse federation (regions, daemons, leaders, the workspace tree), and backs it up.
#[derive(Debug, Parser)]
#[command(name = "hanse", version, after_help = EXAMPLES, arg_required_else_help = true)]
struct Arguments {
    /// Admin socket of the daemon to ask
    #[arg(long, global = true, value_name = "PATH", env = "HANSE_SOCKET")]
    socket: Option<PathBuf>,
    /// Directory of `hansed up`, or of one daemon: the first daemon in it that answers is asked
    #[arg(long, global = true, value_name = "DIR", env = "HANSE_DATA_DIR", default_value = "hanse-data")]
    data_dir: PathBuf,
    /// Form of the answer
    #[arg(short, long, global = true, value_enum, default_value_t = Form::Table)]
    output: Form,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show regions and daemons: leaders, terms, logs, trees, how far each lags, what is out of reach
    ///
    /// Below the tables stands what is wrong (no quorum, a stalled or full disk, links that are down in one direction,
    /// clocks apart, certificates about to end), each with what to do.
    ///
    /// The exit code is 0 when every daemon has answered and every group has a leader, 3 when something is out of reach,
    /// without a leader or broken, 1 when no daemon could be asked. Warnings alone do not change it.
    #[command(
        after_help = "Examples:\n  hanse status\n  hanse status -o json | jq '.regions[].daemons[] | {name, role, applied}'\n  hanse --socket /run/hanse/admin.sock status"
    )]
    Status,
    /// Show the workspace tree as the asked daemon holds it
    #[command(after_help = "Examples:\n  hanse tree\n  hanse tree root:org\n  hanse tree -o json")]
    Tree {
        /// Path or id of the workspace to begin with
        #[arg(default_value = "root")]
        path: String,
    },
    /// Show the daemons of the federation, and change those of a region: promote, demote, remove, transfer-leader
    ///
    /// A member's ROLE is what it is wanted to be; its STATE is what it is. The region's leader brings them together, one
    /// safe step after another, whatever happens meanwhile: a command decides, and then looks on.
    #[command(after_help = "Examples:
  hanse members
  hanse members promote eu-2
  hanse members remove eu-3 --timeout 10m
  hanse members -o json | jq '.members[] | {name, role, raft, lag}'")]
    Members {
        #[command(subcommand)]
        verb: Option<members::Verb>,
    },
    /// Make, show and revoke tokens that let daemons join
    Token {
        #[command(subcommand)]
        verb: token::Verb,
    },
    /// Show the regions of the federation, or remove one
    #[command(after_help = "Examples:\n  hanse region\n  hanse region remove ap")]
    Region {
        #[command(subcommand)]
        verb: Option<region::Verb>,
    },
    /// Spare a daemon for maintenance: it gives leadership and its vote away, and then nothing depends on it
    ///
    /// It goes on following, and serves requests. `--undo` gives its vote back. Refused when the voters that are left and
    /// alive would be no majority.
    #[command(after_help = "Examples:
  hanse drain eu-2 && ssh eu-2 reboot
  hanse drain eu-2 --undo")]
    Drain {
        /// The daemon
        name: String,
        /// End the sparing
        #[arg(long)]
        undo: bool,
        #[command(flatten)]
        patience: members::Patience,
    },
    /// Show what the asked daemon knows of its own parts, as JSON: group, log, links, tree, watchers, controllers, tasks
    ///
    /// Bounded, and without secrets or names of workspaces, users and objects: it can be shown to others.
    #[command(
        after_help = "Examples:\n  hanse debug\n  hanse --socket /run/hanse/admin.sock debug | jq '.peers[] | {name, control}'"
    )]
    Debug,
    /// Back up a region or a workspace into a file, or show what is in one
    Backup {
        #[command(subcommand)]
        command: BackupCommand,
    },
    /// Restore a workspace from a backup. (A region is restored by `hansed restore`.)
    Restore {
        #[command(subcommand)]
        command: RestoreCommand,
    },
    /// Show the version of this program and of the asked daemon
    Version,
    /// Write completions for a shell to the standard output
    #[command(after_help = "Example:\n  source <(hanse completions bash)")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    Table,
    /// For programs: the daemon's answer
    Json,
}

const EXAMPLES: &str = "Examples:
  hanse status                     of the federation in ./hanse-data
  hanse --data-dir /tmp/b tree     the workspaces of another one
  hanse status -o json
  hanse backup region --to eu.backup

Exit codes: 0 done, 1 failed with a reason, 2 wrong usage, 3 (status) something is out of reach or without a leader.";

/// What a command comes to.
enum End {
    Done,
    Degraded,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::Degraded) => ExitCode::from(3),
        Err(error) => {
            // Nobody is left to tell when even this fails.
            drop(writeln!(io::stderr(), "hanse: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<End, ClientError> {
    let client = Client::new(arguments.socket.clone(), arguments.data_dir.clone());
    let as_json = arguments.output == Form::Json;
    match &arguments.command {
        Command::Status => {
            let answer = client.ask(&json!({"request": "status"}))?;
            let status: Status = client::read(&answer)?;
            show(&if as_json { pretty(&answer) } else { status.table() });
            return Ok(if status.is_degraded() { End::Degraded } else { End::Done });
        }
        Command::Tree { path } => {
            let tree = Tree::fetch(&client, path)?;
            show(&if as_json { pretty(&tree.json()) } else { tree.table() });
        }
        Command::Members { verb } => show(&members::run(&client, verb.as_ref(), as_json)?),
        Command::Token { verb } => show(&token::run(&client, verb, as_json)?),
        Command::Region { verb } => show(&region::run(&client, verb.as_ref(), as_json)?),
        Command::Drain { name, undo, patience } => {
            show(&members::drain(&client, name, *undo, patience, as_json)?);
        }
        Command::Debug => show(&pretty(&client.ask(&json!({"request": "debug"}))?)),
        Command::Backup { command } => show(&command.run(&client, as_json)?),
        Command::Restore { command } => show(&command.run(&client, as_json)?),
        Command::Version => show(&version(&client, as_json)),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), "hanse", &mut script);
            show(&String::from_utf8_lossy(&script));
        }
    }
    Ok(End::Done)
}

/// The program's own version can be shown without any daemon.
fn version(client: &Client, as_json: bool) -> String {
    let own = env!("CARGO_PKG_VERSION");
    let answer = client.ask(&json!({"request": "version"}));
    if as_json {
        return pretty(&json!({"client": own, "daemon": answer.ok()}));
    }
    let daemon = match &answer {
        Ok(answer) => {
            let text = |field: &str| answer.get(field).and_then(Value::as_str).unwrap_or("?").to_owned();
            format!("{} ({})", text("version"), text("name"))
        }
        Err(error) => format!("unknown: {error}"),
    };
    format!("client  {own}\ndaemon  {daemon}\n")
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Writes to the standard output. A reader that has gone away (`| head`) is no error.
fn show(text: &str) {
    let mut out = io::stdout().lock();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Arguments, Command};

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn global_flags_stand_before_or_after_the_command() {
        for line in [["hanse", "--socket", "s", "tree", "root:a"], ["hanse", "tree", "root:a", "--socket", "s"]] {
            let arguments = Arguments::try_parse_from(line).unwrap();
            assert_eq!(arguments.socket.unwrap().to_str(), Some("s"));
            assert!(matches!(arguments.command, Command::Tree { path } if path == "root:a"));
        }
    }
}
