//! The program `jepsen`: see the library's head and `jepsen/README.md`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Breaks federations of real daemons, and checks what their clients saw.
#[derive(Parser)]
#[command(name = "jepsen", version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Lists workloads
    List,
}

fn main() -> ExitCode {
    match Arguments::parse().verb {
        Verb::List => list(),
    }
    ExitCode::SUCCESS
}

#[expect(clippy::print_stdout, reason = "the list is what was asked for")]
fn list() {
    for workload in jepsen::workload::all() {
        println!("{}", workload.name());
    }
}
