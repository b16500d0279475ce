//! The program `diolock`: see [`cli`].

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::trace_if_asked();
    cli::run()
}
