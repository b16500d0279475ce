//! The command line.

mod args;
mod conform;
mod diff;
mod explain;
mod files;
mod list;
mod lockgraph;
mod matrix;
mod names;
mod new;
mod output;
mod progress;
mod replay;
mod running;
mod show;
mod sources;
mod sweep;
mod table;
mod verify;
mod which;

pub use args::Arguments;

use args::Command;
use diolock_verify::engine::loom;
use std::io;
use std::process::ExitCode;

/// Bad input.
const BAD_INPUT: u8 = 2;

/// Writes `tracing` events to stderr, if `RUST_LOG` is set.
pub fn trace_if_asked() {
    use tracing_subscriber::EnvFilter;
    if std::env::var_os("RUST_LOG").is_some() {
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::from_default_env())
            .with_writer(io::stderr)
            .init();
    }
}

/// Runs a command; its exit status.
pub fn run(arguments: Arguments) -> ExitCode {
    let ended = match arguments.command {
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Show(arguments) => show::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Matrix(arguments) => matrix::run(&arguments),
        Command::Lockgraph(arguments) => lockgraph::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Conform(arguments) => conform::run(&arguments),
        Command::Sweep(arguments) => sweep::run(&arguments),
        Command::List => list::run(),
        Command::Sources(arguments) => sources::run(&arguments),
        Command::New { name } => new::run(&name),
        Command::LoomJob => loom_job(),
    };
    ended.unwrap_or_else(|failure| {
        output::say(&format!("{failure:?}"));
        ExitCode::from(BAD_INPUT)
    })
}

/// One of the processes that `verify` starts: a job comes in, a report goes out.
fn loom_job() -> miette::Result<ExitCode> {
    loom::job::serve().map_err(|why| miette::miette!("the job cannot be run: {why}"))?;
    Ok(ExitCode::SUCCESS)
}
