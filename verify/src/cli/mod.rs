//! The command line.
//!
//! | exit status | when                                                                           |
//! |-------------|--------------------------------------------------------------------------------|
//! | 0           | what was asked for is so, and all of it was said                               |
//! | 1           | it is not so, or not all of it is known                                        |
//! | 2           | bad input, or an output (any) cannot be written: a full disk, a broken one     |
//! | 141         | nobody reads the output any more: quietly, as the shell has it for SIGPIPE     |
//! | 130 143 129 | stopped by SIGINT, SIGTERM, SIGHUP: what there is was said, marked `PARTIAL`   |

mod args;
mod confirm;
#[cfg(target_os = "linux")]
mod confirmed;
mod conform;
mod diff;
mod drawings;
mod explain;
mod files;
mod glossary;
#[cfg(target_os = "linux")]
mod guest;
#[cfg(target_os = "linux")]
mod held;
#[cfg(target_os = "linux")]
mod judged;
mod lessons;
mod list;
mod lockgraph;
mod manual;
mod matrix;
mod names;
mod new;
mod output;
mod progress;
mod prove;
mod proved;
#[cfg(target_os = "linux")]
mod ran;
#[cfg(target_os = "linux")]
mod release;
mod replay;
mod rules;
mod run;
mod running;
#[cfg(target_os = "linux")]
mod seen;
mod show;
mod signals;
mod sources;
mod steps;
mod sweep;
mod swept;
mod table;
mod verify;
mod which;

use args::{Arguments, Command};
use clap::Parser;
use diolock_verify::children;
use diolock_verify::engine::loom;
use output::{CLOSED, Out, Unwritten, say};
use std::io;
use std::process::ExitCode;

/// Bad input, or output that cannot be written.
const BAD_INPUT: u8 = 2;

/// Writes `tracing` events to stderr, if `RUST_LOG` is set.
pub fn trace_if_asked() {
    use tracing_subscriber::EnvFilter;
    if std::env::var_os("RUST_LOG").is_some() {
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::from_default_env())
            .with_writer(io::stderr)
            // It would panic where stderr cannot be written.
            .log_internal_errors(false)
            .init();
    }
}

/// Does what the command line says; the exit status.
pub fn run() -> ExitCode {
    let ended = match Arguments::try_parse() {
        Ok(arguments) => command(arguments.command),
        Err(error) => return usage(&error),
    };
    // One may have been started just when the run stopped.
    children::kill_all();
    match ended {
        Ok(code) => signals::exit_code().unwrap_or(code),
        Err(failure) if failure.downcast_ref().is_some_and(Unwritten::is_closed) => {
            ExitCode::from(CLOSED)
        }
        Err(failure) => {
            say(&format!("{failure:?}"));
            ExitCode::from(BAD_INPUT)
        }
    }
}

/// Help and the version are asked for; anything else is bad input.
fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render();
    if error.use_stderr() {
        let coloured = std::io::IsTerminal::is_terminal(&io::stderr());
        say(&if coloured { text.ansi().to_string() } else { text.to_string() });
        return ExitCode::from(BAD_INPUT);
    }
    let mut out = Out::new();
    let text = if out.colour { text.ansi().to_string() } else { text.to_string() };
    match out.line(text.trim_end()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(unwritten) if unwritten.is_closed() => ExitCode::from(CLOSED),
        Err(unwritten) => {
            say(&format!("{:?}", miette::Report::from(unwritten)));
            ExitCode::from(BAD_INPUT)
        }
    }
}

fn command(command: Command) -> miette::Result<ExitCode> {
    match command {
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Show(arguments) => show::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Matrix(arguments) => matrix::run(&arguments),
        Command::Lockgraph(arguments) => lockgraph::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Conform(arguments) => conform::run(&arguments),
        Command::Prove(arguments) => prove::run(&arguments),
        Command::Sweep(arguments) => sweep::run(&arguments),
        Command::Run(arguments) => carry_out(&arguments),
        Command::Confirm(arguments) => hold_to(&arguments),
        Command::List => list::run(),
        Command::Rules => rules::run(),
        Command::Glossary { term } => glossary::run(term.as_deref()),
        Command::Lessons(arguments) => lessons::run(&arguments),
        Command::Sources(arguments) => sources::run(&arguments),
        Command::Litmus => litmus(),
        Command::Steps(arguments) => steps::run(&arguments),
        Command::New { name } => new::run(&name),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { out } => manual::man(out.as_deref()),
        Command::LoomJob => loom_job(),
    }
}

/// Runs litmus tests on the kernel that runs here.
#[cfg(target_os = "linux")]
fn carry_out(arguments: &run::Run) -> miette::Result<ExitCode> {
    ran::run(arguments)
}

/// The same, where there is no such kernel.
#[cfg(not(target_os = "linux"))]
fn carry_out(arguments: &run::Run) -> miette::Result<ExitCode> {
    let dir = arguments.dir.display();
    Err(miette::miette!(
        "nothing can be run in {dir}: `run` makes the calls of Linux, and this is another system"
    ))
}

/// Holds a kernel under QEMU to a schedule.
#[cfg(target_os = "linux")]
fn hold_to(arguments: &confirm::Confirm) -> miette::Result<ExitCode> {
    confirmed::run(arguments)
}

/// The same, where there is no such kernel.
#[cfg(not(target_os = "linux"))]
fn hold_to(arguments: &confirm::Confirm) -> miette::Result<ExitCode> {
    let litmus = &arguments.litmus;
    Err(miette::miette!(
        "{litmus} cannot be confirmed: that needs Debian's packages, and this is another system"
    ))
}

/// Prints the reference of litmus files.
fn litmus() -> miette::Result<ExitCode> {
    let mut out = Out::new();
    diolock_verify::litmus::reference::reference().lines().try_for_each(|line| out.line(line))?;
    Ok(ExitCode::SUCCESS)
}

/// One of the processes that `verify` starts: a job comes in, a report goes out.
fn loom_job() -> miette::Result<ExitCode> {
    loom::job::serve().map_err(|why| miette::miette!("the job cannot be run: {why}"))?;
    Ok(ExitCode::SUCCESS)
}
