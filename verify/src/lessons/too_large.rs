//! Graphs that do not fit on a page, and what to leave out so that they do.

use super::graph::{Graph, TooLarge, graph};
use crate::litmus::Litmus;
use diolock::kernel::Kernel;
use diolock::op::LogicalBlock;
use miette::{LabeledSpan, NamedSource, miette};

/// A page has at most so many bytes.
pub const MOST_BYTES: usize = 300_000;

/// A graph of more states does not fit on a page, however they are written.
pub const MOST_STATES: usize = 9_000;

/// The graph of a litmus test on a kernel.
///
/// # Errors
/// If it has too many states: what to leave out.
pub fn fitting(litmus: &Litmus, kernel: Kernel) -> miette::Result<Graph> {
    let most = MOST_STATES;
    let found = graph(&litmus.program(kernel), blocks(litmus), most);
    found.map_err(|TooLarge| refused(litmus, kernel, &format!("more than {most} states"), most))
}

/// The blocks of the file that a page shows: those that are there at the start or written later.
fn blocks(litmus: &Litmus) -> LogicalBlock {
    let there = litmus.extents.len() as LogicalBlock;
    let named = litmus.source.split("block = ").skip(1);
    let named = named.filter_map(|rest| rest.chars().next()?.to_digit(10));
    let last = named.max().map_or(0, |last| last as LogicalBlock + 1);
    there.max(last).max(litmus.size.up())
}

/// What is said of a graph that is too large: the task without which it fits, where it is in the file.
pub fn refused(litmus: &Litmus, kernel: Kernel, why: &str, most: usize) -> miette::Report {
    let without = |at: usize| {
        let mut smaller = litmus.clone();
        smaller.tasks.remove(at);
        smaller.reaches.clear();
        smaller.conditions = Default::default();
        graph(&smaller.program(kernel), blocks(litmus), most).ok().map(|graph| graph.nodes.len())
    };
    let tried = (0..litmus.tasks.len()).map(|at| (at, without(at)));
    // What keeps most of it, of what fits.
    let best = tried.filter_map(|(at, states)| Some((states?, at))).max();
    let name = format!("{}.toml", litmus.name);
    let (help, label) = match best.filter(|_| litmus.tasks.len() > 1) {
        Some((states, at)) => {
            let letter = litmus.tasks[at].letter;
            let help = format!("without {letter} there are {states} states: drop that task");
            (help, span_of_task(&litmus.source, at, format!("drop {letter}")))
        }
        None => {
            let help = "no one task makes the difference: drop a block of the file, a call of a task, or two tasks";
            (help.to_owned(), span_of(&litmus.source, "extents", "fewer blocks".to_owned()))
        }
    };
    let message = format!("{} on {kernel} does not fit on a page: {why}", litmus.name);
    let report = miette!(help = help, labels = label.into_iter().collect::<Vec<_>>(), "{message}");
    report.with_source_code(NamedSource::new(name, litmus.source.clone()))
}

fn span_of_task(source: &str, at: usize, label: String) -> Option<LabeledSpan> {
    let found = source.match_indices("[[task]]").nth(at);
    let found =
        found.map(|(start, text)| LabeledSpan::at(start..start + text.len(), label.clone()));
    found.or_else(|| span_of(source, "task", label))
}

fn span_of(source: &str, what: &str, label: String) -> Option<LabeledSpan> {
    let start = source.find(what)?;
    Some(LabeledSpan::at(start..start + what.len(), label))
}
