//! All traces of a small program, by trying every order.

use crate::program::{Program, System};
use crate::trace::TraceHash;
use diolock::op::TaskId;
use std::collections::{BTreeSet, HashSet};

/// How a program can end.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcomes {
    /// Fingerprints of the executions in which every task returned.
    pub traces: BTreeSet<u64>,
    /// Fingerprints of those that got stuck.
    pub stuck: BTreeSet<u64>,
}

/// The tasks that can take a step.
pub fn enabled(program: &Program, system: &System) -> Vec<TaskId> {
    let can_go = |&task: &TaskId| {
        let op = system.pending(task, &program.fair);
        op.is_some_and(|op| system.inode.blocked(task, &op).is_none())
    };
    system.tasks().filter(can_go).collect()
}

/// Every outcome, by plain depth-first search through all interleavings: nothing is left out and
/// nothing remembered.
pub fn brute_force(program: &Program) -> Outcomes {
    let mut search = Search { program, seen: None, outcomes: Outcomes::default() };
    search.visit(&System::new(program), &TraceHash::new(program.calls.len()));
    search.outcomes
}

/// The same outcomes, for larger programs: what was reached before by commuting steps is not
/// searched again.
pub fn history_graph(program: &Program) -> Outcomes {
    let seen = Some(HashSet::new());
    let mut search = Search { program, seen, outcomes: Outcomes::default() };
    search.visit(&System::new(program), &TraceHash::new(program.calls.len()));
    search.outcomes
}

struct Search<'a> {
    program: &'a Program,
    seen: Option<HashSet<(System, TraceHash)>>,
    outcomes: Outcomes,
}

impl Search<'_> {
    fn visit(&mut self, system: &System, trace: &TraceHash) {
        if let Some(seen) = &mut self.seen
            && !seen.insert((system.clone(), trace.clone()))
        {
            return;
        }
        let enabled = enabled(self.program, system);
        if enabled.is_empty() {
            let ends = match system.finished() {
                true => &mut self.outcomes.traces,
                false => &mut self.outcomes.stuck,
            };
            ends.insert(trace.get());
        }
        for task in enabled {
            let (mut system, mut trace) = (system.clone(), trace.clone());
            let Some(op) = system.pending(task, &self.program.fair) else { continue };
            if let Ok(event) = system.perform(task, op) {
                trace.observe(&event);
                self.visit(&system, &trace);
            }
        }
    }
}
