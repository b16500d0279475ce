//! The command line: `diolock verify`, `list`, `new`.

mod cli;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::trace_if_asked();
    cli::run(cli::Arguments::parse())
}
