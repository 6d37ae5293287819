//! The command line of `jepsen`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use nix::sched::{CloneFlags, unshare};
use rustix::mount::{MountPropagationFlags, mount_change};

use crate::cluster::{Plan, Programs};
use crate::doctor::{Diagnosis, DiskKind, NetKind};
use crate::gap::{self, Fault};
use crate::nemesis::{self, Entry};
use crate::power;
use crate::recheck;
use crate::run::{self, Outcome, Wish};
use crate::silence::quantile;
use crate::suite::{self, CellResult, Terms};
use crate::table;
use crate::verdict::{Status, Verdict};

/// Breaks federations of real daemons, and checks what their clients saw
#[derive(Parser)]
#[command(name = "jepsen", version, arg_required_else_help = true, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run one workload while nemeses work
    Run(RunArgs),
    /// Run a fixed matrix of workloads and nemeses within a budget of time
    Suite(SuiteArgs),
    /// Measure how long writes stand still when a leader is lost
    Gap(GapArgs),
    /// Take the power of a whole region under load, again and again
    Power(PowerArgs),
    /// Check a stored history again, and write its report anew
    Check(CheckArgs),
    /// List workloads and nemeses
    List,
    /// Say what this machine lets the harness do
    Doctor,
}

/// What is tested, and on what ground.
#[derive(Args)]
struct GroundArgs {
    /// The network between daemons [default: the best that works here]
    #[arg(long)]
    net: Option<NetKind>,
    /// The disks of daemons [default: the best that works here]
    #[arg(long)]
    disk: Option<DiskKind>,
    /// Decides every choice; printed at the end [default: by chance]
    #[arg(long)]
    seed: Option<u64>,
    /// Where histories, reports and logs go; what was there from an earlier run is replaced
    #[arg(long, default_value = "target/jepsen")]
    out: PathBuf,
    /// The daemon under test [default: built from this project]
    #[arg(long, requires = "hanse")]
    hansed: Option<PathBuf>,
    /// The admin client that belongs to it
    #[arg(long, requires = "hansed")]
    hanse: Option<PathBuf>,
}

#[derive(Args)]
struct RunArgs {
    /// The workload: see `jepsen list`
    #[arg(long)]
    workload: String,
    /// Nemeses, separated by commas, which work side by side; `none` for a quiet run
    #[arg(long, value_delimiter = ',', default_value = "none")]
    nemesis: Vec<String>,
    /// Regions
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=8))]
    regions: u8,
    /// Daemons of each region: 1, 3 or 5
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=5))]
    daemons: u8,
    /// How long the nemeses work, in seconds
    #[arg(long, default_value_t = 60)]
    time_limit: u64,
    /// Operations in a second, at most
    #[arg(long, default_value_t = 100.0)]
    rate: f64,
    #[command(flatten)]
    ground: GroundArgs,
}

#[derive(Args)]
struct SuiteArgs {
    /// For everything together: `20m`, `90s`
    #[arg(long, default_value = "20m", value_parser = parse_duration)]
    budget: Duration,
    #[command(flatten)]
    ground: GroundArgs,
}

#[derive(Args)]
struct GapArgs {
    /// How the leader is lost
    #[arg(long)]
    fault: Fault,
    /// How often
    #[arg(long, default_value_t = 50)]
    tries: usize,
    /// Daemons of the region
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(3..=5))]
    daemons: u8,
    #[command(flatten)]
    ground: GroundArgs,
}

#[derive(Args)]
struct PowerArgs {
    /// How often
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// Daemons of the region
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=5))]
    daemons: u8,
    #[command(flatten)]
    ground: GroundArgs,
}

#[derive(Args)]
struct CheckArgs {
    /// A `history.jsonl`
    file: PathBuf,
    /// The workload whose rules hold [default: the one that `results.json` beside the history names]
    #[arg(long)]
    workload: Option<String>,
}

const EXIT_CODES: &str = "Exit codes: 0 all rules held, 1 a rule is broken, 2 unproven, 3 the harness failed.";

/// Carries out the command line.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    set_apart();
    match start(arguments.verb) {
        Ok(Status::Ok) => ExitCode::SUCCESS,
        Ok(Status::Failed) => ExitCode::from(1),
        Ok(Status::Unproven) => ExitCode::from(2),
        Err(error) => {
            say_error(&format!("jepsen: {error:#}"));
            ExitCode::from(3)
        }
    }
}

/// Gives this process mounts of its own, so that its disks are gone when it is. Where it may not, disks cannot be mounted either.
fn set_apart() {
    if unshare(CloneFlags::CLONE_NEWNS).is_ok() {
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).ok();
    }
}

fn start(verb: Verb) -> Result<Status> {
    match verb {
        Verb::List => {
            list();
            return Ok(Status::Ok);
        }
        Verb::Doctor => {
            doctor();
            return Ok(Status::Ok);
        }
        Verb::Check(args) => return check_again(&args),
        Verb::Run(_) | Verb::Suite(_) | Verb::Gap(_) | Verb::Power(_) => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?;
    runtime.block_on(async {
        let work = async {
            match verb {
                Verb::Run(args) => run_one(args).await,
                Verb::Suite(args) => run_suite(args).await,
                Verb::Gap(args) => measure_gaps(args).await,
                Verb::Power(args) => take_power(args).await,
                Verb::Check(_) | Verb::List | Verb::Doctor => Ok(Status::Ok),
            }
        };
        tokio::select! {
            ended = work => ended,
            // Dropping the work kills its daemons and unmounts their disks.
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        }
    })
}

/// What was chosen for what the command line leaves open.
struct Chosen {
    net: NetKind,
    disk: DiskKind,
    seed: u64,
    out: PathBuf,
    programs: Programs,
}

impl GroundArgs {
    fn choose(self, out: &str) -> Result<Chosen> {
        let diagnosis = (self.net.is_none() || self.disk.is_none()).then(Diagnosis::make);
        let net = self.net.or(diagnosis.as_ref().map(Diagnosis::net)).unwrap_or(NetKind::Loopback);
        let disk = self.disk.or(diagnosis.as_ref().map(Diagnosis::disk)).unwrap_or(DiskKind::Directory);
        let programs = match (self.hansed, self.hanse) {
            (Some(hansed), Some(hanse)) => Programs { hansed: hansed.canonicalize()?, hanse: hanse.canonicalize()? },
            _ => crate::programs::build()?,
        };
        let seed = self.seed.unwrap_or_else(|| u64::from(std::process::id()) ^ entropy());
        let out = self.out.join(out);
        std::fs::create_dir_all(&out).with_context(|| format!("{} cannot be made", out.display()))?;
        let out = out.canonicalize()?;
        say(&format!("net {net:?}, disk {disk:?}, seed {seed}, out {}", out.display()));
        Ok(Chosen { net, disk, seed, out, programs })
    }
}

impl Chosen {
    fn plan(self, daemons: u8) -> Plan {
        Plan {
            regions: run::region_names(1),
            daemons: usize::from(daemons),
            net: self.net,
            disk: self.disk,
            seed: self.seed,
            directory: self.out.join("cluster"),
            programs: self.programs,
        }
    }
}

fn entropy() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    // A short seed is easier to type; it need not be secret.
    u64::from(now.subsec_nanos()) % 1_000_000
}

fn parse_nemeses(names: &[String]) -> Result<Vec<&'static Entry>> {
    let named = names.iter().filter(|name| *name != "none");
    named
        .map(|name| {
            nemesis::by_name(name).with_context(|| {
                let known: Vec<&str> = nemesis::ALL.iter().map(|entry| entry.name).collect();
                format!("there is no nemesis {name}: take some of {}", known.join(", "))
            })
        })
        .collect()
}

async fn run_one(args: RunArgs) -> Result<Status> {
    let nemeses = parse_nemeses(&args.nemesis)?;
    let names: Vec<&str> = nemeses.iter().map(|entry| entry.name).collect();
    let chosen = args.ground.choose(&run::folder(&args.workload, &names))?;
    if let Some(entry) = nemeses.iter().find(|entry| !entry.works_with(chosen.net, chosen.disk)) {
        bail!("{} does not work with --net {:?} --disk {:?}: see `jepsen doctor`", entry.name, chosen.net, chosen.disk);
    }
    let wish = Wish {
        workload: args.workload,
        nemeses,
        regions: usize::from(args.regions),
        daemons: usize::from(args.daemons),
        time_limit: Duration::from_secs(args.time_limit),
        seed: chosen.seed,
        rate: args.rate,
        net: chosen.net,
        disk: chosen.disk,
        out: chosen.out,
        programs: chosen.programs,
    };
    let outcome = run::run(&wish).await?;
    describe(&outcome);
    Ok(outcome.status)
}

/// What clients saw is judged by the newest rules; what the harness saw of daemons is in `results.json` only.
fn check_again(args: &CheckArgs) -> Result<Status> {
    let again = recheck::recheck(&args.file, args.workload.as_deref())?;
    say_checks(&again.verdict);
    let status = again.verdict.status();
    let report = again.report(&args.file)?;
    say(&format!(
        "{}: {} records of {}; {}",
        table::verdict(status),
        again.history.len(),
        again.workload,
        report.display()
    ));
    Ok(status)
}

fn say_checks(verdict: &Verdict) {
    let rows: Vec<Vec<String>> = verdict
        .checks
        .iter()
        .map(|check| vec![check.name.clone(), table::verdict(check.status).to_owned(), check.summary.clone()])
        .collect();
    say(table::render(&["CHECK", "VERDICT", "WHY"], &rows).trim_end());
}

/// Every check, and what to do about what is wrong.
fn describe(outcome: &Outcome) {
    say(&format!(
        "{} ok, {} fail, {} info; longest without a write {} ms, without a read {} ms",
        outcome.ok, outcome.fail, outcome.info, outcome.silence.write_ms, outcome.silence.read_ms
    ));
    for (name, tally) in &outcome.faults {
        say(&format!(
            "nemesis {name}: {} installed ({} of a leader), {} skipped, {} indeterminate",
            tally.installed, tally.leaders, tally.skipped, tally.indeterminate
        ));
    }
    say_checks(&outcome.verdict);
    say(&format!("{}: {}", table::verdict(outcome.status), outcome.out.display()));
    if outcome.status != Status::Ok {
        say(&format!("repeat it with: {}", outcome.reproduce));
    }
}

async fn run_suite(args: SuiteArgs) -> Result<Status> {
    let chosen = args.ground.choose("suite")?;
    let terms = Terms {
        budget: args.budget,
        seed: chosen.seed,
        net: chosen.net,
        disk: chosen.disk,
        out: &chosen.out,
        programs: &chosen.programs,
    };
    let results = suite::run(&terms, |cell, result| match result {
        CellResult::Ran(outcome) if outcome.status == Status::Ok => say(&format!("ok        {}", cell.title())),
        CellResult::Ran(outcome) => {
            say(&format!("{:9} {}", table::verdict(outcome.status), cell.title()));
            describe(outcome);
        }
        CellResult::Skipped(why) => say(&format!("skipped   {}: {why}", cell.title())),
        CellResult::Harness(why) => say(&format!("HARNESS   {}: {why}", cell.title())),
    })
    .await?;
    say("");
    say(table::suite(&results).trim_end());
    std::fs::write(chosen.out.join("table.txt"), table::suite(&results))?;
    summary(&chosen.out, chosen.seed, &results)
}

fn summary(out: &Path, seed: u64, results: &[(suite::Cell, CellResult)]) -> Result<Status> {
    let ran: Vec<&Outcome> = results
        .iter()
        .filter_map(|(_, result)| match result {
            CellResult::Ran(outcome) => Some(outcome.as_ref()),
            CellResult::Skipped(_) | CellResult::Harness(_) => None,
        })
        .collect();
    let harness = results.iter().filter(|(_, result)| matches!(result, CellResult::Harness(_))).count();
    let of = |status: Status| ran.iter().filter(|outcome| outcome.status == status).count();
    let operations: u64 = ran.iter().map(|outcome| outcome.ok + outcome.fail + outcome.info).sum();
    say(&format!(
        "{} ok, {} FAILED, {} unproven, {harness} failures of the harness; {operations} operations; seed {seed}; {}",
        of(Status::Ok),
        of(Status::Failed),
        of(Status::Unproven),
        out.display()
    ));
    if harness > 0 {
        bail!("the harness failed in {harness} cells");
    }
    Ok(ran.iter().map(|outcome| outcome.status).max().unwrap_or(Status::Unproven))
}

async fn measure_gaps(args: GapArgs) -> Result<Status> {
    let chosen = args.ground.choose("gap")?;
    let seed = chosen.seed;
    let gaps = gap::measure(chosen.plan(args.daemons), args.fault, args.tries, |number, gap_ms| {
        say(&format!("try {:3}  {gap_ms} ms", number + 1));
    })
    .await?;
    say(&format!(
        "{:?} of the leader, {} tries: writes stand still for p50 {} ms, p90 {} ms, p99 {} ms, at worst {} ms; {} acknowledged, {} not; seed {seed}",
        args.fault,
        gaps.write_ms.len(),
        quantile(&gaps.write_ms, 0.5),
        quantile(&gaps.write_ms, 0.9),
        quantile(&gaps.write_ms, 0.99),
        quantile(&gaps.write_ms, 1.0),
        gaps.acknowledged,
        gaps.unacknowledged
    ));
    Ok(Status::Ok)
}

async fn take_power(args: PowerArgs) -> Result<Status> {
    let chosen = args.ground.choose("power")?;
    let seed = chosen.seed;
    let rounds = power::rounds(chosen.plan(args.daemons), args.rounds, |number, round| {
        say(&format!(
            "round {:3}  {:?}: {} unsynced changes; {} acknowledged writes, {} lost, {} never written; ready after {} ms",
            number + 1,
            round.loss,
            round.unsynced,
            round.acknowledged,
            round.lost.len(),
            round.phantoms.len(),
            round.ready_ms
        ));
    })
    .await?;
    let wrong: usize = rounds.iter().map(|round| round.lost.len() + round.phantoms.len()).sum();
    let acknowledged = rounds.last().map_or(0, |round| round.acknowledged);
    let unsynced: usize = rounds.iter().map(|round| round.unsynced).sum();
    let slowest = rounds.iter().map(|round| round.ready_ms).max().unwrap_or(0);
    say(&format!(
        "{} losses of power of all {} daemons: {acknowledged} writes acknowledged, {wrong} lost or invented; {unsynced} unsynced changes lost; ready after {slowest} ms at worst; seed {seed}",
        rounds.len(),
        args.daemons
    ));
    Ok(match (wrong, unsynced, acknowledged) {
        (0, 0, _) | (0, _, 0) => Status::Unproven,
        (0, ..) => Status::Ok,
        _ => Status::Failed,
    })
}

fn list() {
    say("WORKLOADS");
    for workload in crate::workload::all() {
        say(&format!("  {}", workload.name()));
    }
    say("NEMESES");
    for entry in nemesis::ALL {
        let needs = match (entry.needs_switch, entry.needs_disk) {
            (true, _) => " (--net switch)",
            (_, true) => " (--disk fuse)",
            _ => "",
        };
        say(&format!("  {:13} {}{needs}", entry.name, entry.about));
    }
}

fn doctor() {
    let diagnosis = Diagnosis::make();
    let rows: Vec<Vec<String>> = diagnosis
        .findings
        .iter()
        .map(|finding| {
            let (works, note) = match &finding.result {
                Ok(note) => ("yes", note.clone()),
                Err(error) => ("no", format!("{error:#}")),
            };
            vec![finding.what.to_owned(), works.to_owned(), finding.purpose.to_owned(), note]
        })
        .collect();
    say(table::render(&["WHAT", "WORKS", "WHAT FOR", "NOTE"], &rows).trim_end());
    let (net, disk) = (diagnosis.net(), diagnosis.disk());
    say(&format!("runs take --net {net:?} --disk {disk:?} unless told otherwise").to_lowercase());
    let missing: Vec<&str> =
        nemesis::ALL.iter().filter(|entry| !entry.works_with(net, disk)).map(|entry| entry.name).collect();
    if !missing.is_empty() {
        say(&format!("nemeses that cannot work here: {}", missing.join(", ")));
    }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no duration: write 90s, 20m or 1h");
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = number.parse().map_err(|_empty| wrong())?;
    match unit {
        "s" | "" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number * 60)),
        "h" => Ok(Duration::from_secs(number * 3600)),
        _ => Err(wrong()),
    }
}

/// Nobody is left to tell when writing fails.
fn say(line: &str) {
    writeln!(io::stdout(), "{line}").ok();
}

fn say_error(line: &str) {
    writeln!(io::stderr(), "{line}").ok();
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::parse_duration;

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(parse_duration("20m"), Ok(Duration::from_secs(1200)));
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert!(parse_duration("m").is_err() && parse_duration("5x").is_err());
    }
}
