//! Runs seeds and prints what came of them.

use std::time::Instant;

use anyhow::Context;
use clap::{Parser, Subcommand};
use hanse_base::mutant::Mutant;
use hanse_sim::chaos::Kind;
use hanse_sim::plan::{Plan, Shape};
use hanse_sim::run::{Report, run};

/// A whole federation in one process, in virtual time, from one seed
///
/// `hanse-sim run --seeds 1000` runs seeds and stops at the first that breaks a promise; it then prints the line that runs
/// that seed again. `hanse-sim run --seed 42 --lines 200` shows the last 200 things that happened in one run.
#[derive(Parser)]
#[command(name = "hanse-sim", version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run seeds; the exit code is 1 when a promise was broken
    Run(RunArguments),
    /// Show what a seed decides before anything runs
    Plan(RunArguments),
    /// Let each deliberate bug live, and show the seed that finds it; the exit code is 1 when one is not found
    Mutants(RunArguments),
}

#[derive(clap::Args)]
struct RunArguments {
    /// Run this seed only
    #[arg(long)]
    seed: Option<u64>,
    /// How many seeds to run
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Seconds of virtual time with faults
    #[arg(long, default_value_t = 20)]
    chaos: u64,
    /// Regions; the seed decides when not given
    #[arg(long)]
    regions: Option<usize>,
    /// Daemons of each region; the seed decides when not given
    #[arg(long)]
    daemons: Option<usize>,
    /// Threads, each of which runs seeds
    #[arg(long, default_value_t = 1)]
    threads: u64,
    /// Show so many of the last things that happened
    #[arg(long, default_value_t = 0)]
    lines: usize,
    /// Run each seed twice, and compare
    #[arg(long)]
    twice: bool,
    /// Go on after a broken promise
    #[arg(long)]
    keep_going: bool,
}

impl RunArguments {
    fn shape(&self) -> Shape {
        Shape { regions: self.regions, daemons: self.daemons, chaos: std::time::Duration::from_secs(self.chaos) }
    }

    fn again(&self, seed: u64) -> String {
        let mut line = format!("cargo run --release -p hanse-sim -- run --seed {seed} --chaos {}", self.chaos);
        let options = [("regions", self.regions), ("daemons", self.daemons)];
        for (name, value) in options.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            line += &format!(" --{name} {value}");
        }
        line
    }
}

fn main() -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_env("HANSE_SIM_LOG").unwrap_or_else(|_unset| "off".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().init();
    let is_broken = match Arguments::parse().verb {
        Verb::Run(arguments) => runs(&arguments)?,
        Verb::Mutants(arguments) => mutants(&arguments)?,
        Verb::Plan(arguments) => {
            let plan = Plan::new(arguments.seed.context("name the seed with --seed")?, &arguments.shape());
            say(&format!("{plan:#?}"));
            false
        }
    };
    std::process::exit(i32::from(is_broken))
}

#[expect(clippy::print_stdout, reason = "a program's answer")]
fn say(text: &str) {
    println!("{text}");
}

/// Runs what was asked for. Whether a promise was broken.
fn runs(arguments: &RunArguments) -> anyhow::Result<bool> {
    let seeds: Vec<u64> = match arguments.seed {
        Some(seed) => vec![seed],
        None => (arguments.from..arguments.from + arguments.seeds).collect(),
    };
    let began = Instant::now();
    let (reports, broken) = in_threads(arguments, &seeds)?;
    table(&reports, broken, began.elapsed());
    Ok(broken > 0)
}

fn in_threads(arguments: &RunArguments, seeds: &[u64]) -> anyhow::Result<(Vec<Report>, u64)> {
    let threads = usize::try_from(arguments.threads.max(1))?;
    let mut parts = vec![Vec::new(); threads];
    for (number, seed) in seeds.iter().enumerate() {
        parts[number % threads].push(*seed);
    }
    let (mut reports, mut broken) = (Vec::new(), 0);
    std::thread::scope(|scope| {
        let handles: Vec<_> = parts.iter().map(|part| scope.spawn(|| in_turn(arguments, part))).collect();
        for handle in handles {
            let done = handle.join().unwrap_or_else(|_panic| Err(anyhow::anyhow!("a run panicked")));
            let (some, count) = done?;
            reports.extend(some);
            broken += count;
        }
        anyhow::Ok(())
    })?;
    Ok((reports, broken))
}

fn in_turn(arguments: &RunArguments, seeds: &[u64]) -> anyhow::Result<(Vec<Report>, u64)> {
    let (mut reports, mut count) = (Vec::new(), 0);
    for seed in seeds {
        let report = run(*seed, &arguments.shape(), arguments.lines)?;
        let mut broken = report.broken.as_ref().map(ToString::to_string);
        if arguments.twice {
            let second = run(*seed, &arguments.shape(), 0)?;
            if (second.trace, second.events) != (report.trace, report.events) {
                broken = Some("deterministic: two runs of the seed differ".to_owned());
            }
        }
        if arguments.lines > 0 {
            say(&report.lines.join("\n"));
        }
        if let Some(broken) = broken {
            count += 1;
            say(&format!("seed {seed} breaks a promise: {broken}\n  again: {}", arguments.again(*seed)));
        }
        reports.push(report);
        if count > 0 && !arguments.keep_going {
            break;
        }
    }
    Ok((reports, count))
}

/// Whether a deliberate bug was not found.
fn mutants(arguments: &RunArguments) -> anyhow::Result<bool> {
    anyhow::ensure!(
        Mutant::ARE_HERE,
        "build with the bugs: cargo run --release -p hanse-sim --features mutants -- mutants"
    );
    let mut missed = 0;
    for mutant in Mutant::ALL {
        let name = format!("{mutant:?}");
        let began = Instant::now();
        // Which bug lives is a matter of a whole process.
        let mut child = std::process::Command::new(std::env::current_exe()?);
        child.env("HANSE_MUTANT", &name).args(["run", "--seeds", &arguments.seeds.to_string()]);
        child.args(["--from", &arguments.from.to_string(), "--chaos", &arguments.chaos.to_string()]);
        for (option, value) in [("--regions", arguments.regions), ("--daemons", arguments.daemons)] {
            if let Some(value) = value {
                child.args([option, &value.to_string()]);
            }
        }
        let output = child.output().context("run a bug in a process of its own")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let found = text.lines().find(|line| line.starts_with("seed ") && line.contains("breaks a promise"));
        missed += u32::from(found.is_none());
        let what: String = found.unwrap_or("not found").chars().take(150).collect();
        say(&format!("{name:<22} {:>5.0} s  {what}", began.elapsed().as_secs_f64()));
    }
    say(&format!("{} of {} deliberate bugs found", Mutant::ALL.len() - missed as usize, Mutant::ALL.len()));
    Ok(missed > 0)
}

fn table(reports: &[Report], broken: u64, took: std::time::Duration) {
    let span: f64 = reports.iter().map(|report| report.span.as_secs_f64()).sum();
    let busy: f64 = reports.iter().map(|report| report.took.as_secs_f64()).sum();
    let sum = |part: fn(&Report) -> u64| reports.iter().map(part).sum::<u64>();
    let count = reports.len();
    let minutes = took.as_secs_f64() / 60.0;
    say(&format!("seeds              {count}, of which {broken} break a promise"));
    say(&format!("seeds a minute     {:.0}", count as f64 / minutes.max(1e-9)));
    say(&format!("virtual time       {span:.0} s, {:.0} s in each second of one thread", span / busy.max(1e-9)));
    say(&format!(
        "operations         {}, {} acknowledged",
        sum(|report| report.operations),
        sum(|report| report.acknowledged)
    ));
    say(&format!("watched            {} events", sum(|report| report.watched)));
    say(&format!(
        "workspaces         {} made, {} moves",
        sum(|report| report.workspaces.0),
        sum(|report| report.workspaces.1)
    ));
    say(&format!("events             {}", sum(|report| report.events)));
    if let [report] = reports {
        say(&format!("trace              {:016x}", report.trace));
    }
    let faults = Kind::ALL.iter().enumerate().map(|(number, kind)| {
        let count: u64 = reports.iter().map(|report| report.faults[number]).sum();
        format!("{kind:?} {count}")
    });
    say(&format!("faults             {}", faults.collect::<Vec<_>>().join(", ")));
}
