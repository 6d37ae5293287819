//! The program `jepsen`: see the library's head and `jepsen/README.md`.

use std::process::ExitCode;

fn main() -> ExitCode {
    jepsen::command::main()
}
