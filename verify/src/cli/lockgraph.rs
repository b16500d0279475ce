//! `diolock lockgraph`.

use super::output::{Out, say};
use super::running::Running;
use super::{names, progress, signals};
use clap::Args;
use diolock::kernel::{Fix, Version};
use diolock_verify::litmus::catalogue;
use diolock_verify::lockgraph;
use std::process::ExitCode;

/// `diolock lockgraph`.
#[derive(Debug, Args)]
pub struct LockGraph {
    /// The kernel
    #[arg(long, value_name = "V", value_parser = names::kernel)]
    pub kernel: Version,
    /// Without the fix of this commit (may be repeated)
    #[arg(long, value_name = "COMMIT", value_delimiter = ',', value_parser = names::fix)]
    pub without: Vec<Fix>,
    /// Print it for graphviz
    #[arg(long)]
    pub dot: bool,
    /// Print it as an SVG picture
    #[arg(long, conflicts_with = "dot")]
    pub svg: bool,
}

/// Explores the whole catalogue on one kernel and prints its lock order.
pub fn run(arguments: &LockGraph) -> miette::Result<ExitCode> {
    let kernel = names::kernel_without(arguments.kernel, &arguments.without)?;
    let litmuses = catalogue::all()?;
    let running = Running::new()?;
    let bar = progress::bar(litmuses.len());
    let graph = lockgraph::run(&litmuses, kernel, &running.survey(), &running.stop, |name| {
        bar.set_message(name.to_owned());
        bar.inc(1);
    });
    bar.finish_and_clear();
    let text = if arguments.dot {
        lockgraph::dot(&graph)
    } else if arguments.svg {
        lockgraph::svg(&graph)
    } else {
        lockgraph::text(&graph)
    };
    let mut out = Out::new();
    let partial = signals::stopped().map(|stopped| format!("PARTIAL: {stopped}"));
    let plain = !arguments.dot && !arguments.svg;
    if let Some(partial) = partial.as_ref().filter(|_| plain) {
        out.line(partial)?;
    }
    out.line(text.trim_end())?;
    match partial {
        Some(partial) if plain => out.line(&partial)?,
        Some(partial) => say(&partial),
        None => {}
    }
    let ok = graph.complete() && graph.cycles.is_empty();
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
