//! The process: an allocator, and the command line of the library.

use std::process::ExitCode;

/// Requests allocate many small objects that end together; this allocator is measurably faster at it than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    hansed::command::main()
}
