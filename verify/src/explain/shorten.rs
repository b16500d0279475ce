//! A counterexample, made as short as it can be.

use crate::engine::graph::{self, Cost};
use crate::program::{Memory, Program};
use crate::verdict::{Counterexample, Report};

/// A counterexample is made shorter as long as the search for a shorter one has fewer states.
const STATES: usize = 400_000;

/// Replaces a counterexample by the cheapest one of the same verdict, on the reference semantics.
/// It stays as it is where that cannot be told: weak memory, loops, and cycles that no one run shows.
pub fn shorten(program: &Program, report: &mut Report, cost: Cost) {
    let Some(found) = &report.counterexample else { return };
    if program.memory == Memory::C11 || found.loop_start.is_some() || found.events.is_empty() {
        return;
    }
    // No bound: a run of another engine does without the steps in which writers queue.
    let bound = (usize::MAX, usize::MAX);
    let Some(schedule) = graph::cheapest(program, &report.verdict, cost, bound, STATES) else {
        return;
    };
    let (wrong, run) = graph::replay(program, &schedule);
    let (verdict, text) = wrong.verdict(program);
    if verdict == report.verdict {
        let counterexample = Counterexample { events: run.events, text, loop_start: None };
        report.counterexample = Some(counterexample);
    }
}
