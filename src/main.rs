//! `segmill`: maps a result to an exit code.

use std::process::ExitCode;

use clap::Parser;
use segmill::cli::{self, Cli};
use segmill::watch::say;

/// Workers allocate and free arrays of megabytes; the system's allocator gives each back to the kernel, which costs page
/// faults and interrupts every other thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::dispatch(&Cli::parse().command) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            say::error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
