//! A plain run of every trace.

use crate::program::{Program, Task};
use crate::search::Search;
use crate::trace::Trace;
use std::ops::ControlFlow;

/// One execution that came to its end or got stuck.
#[derive(Debug)]
pub struct Execution<'a, P: Program> {
    /// What was run.
    pub program: &'a P,
    /// The last state.
    pub state: &'a P::State,
    /// Who took a step, in order.
    pub schedule: &'a [Task],
    /// What it did, whatever the order of independent steps.
    pub trace: &'a Trace,
    /// Nobody can go on, and these have something left to do. Empty if all is done.
    pub waiting: &'a [Task],
}

/// What [`explore`] has run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Explored {
    /// Executions that came to their end.
    pub finished: u64,
    /// Executions that got stuck.
    pub stuck: u64,
    /// Executions that were cut off, as they could only repeat a trace.
    pub cut: u64,
    /// Places at which every enabled task had to be tried ([`Program::never_together`] could not help).
    pub widened: u64,
    /// `false` if `each` wanted no more.
    pub exhausted: bool,
}

impl Explored {
    /// Executions that were not cut off: one for each trace.
    pub fn traces(&self) -> u64 {
        self.finished + self.stuck
    }
}

/// Runs a program from its start to its end for every trace, and shows each execution to `each`,
/// which may have it stopped.
///
/// ```
/// use source_dpor::{example::TwoIncrements, explore};
/// use std::ops::ControlFlow;
///
/// // Two tasks read a number, then write what they read plus one.
/// let mut ends = std::collections::BTreeSet::new();
/// let explored = explore(TwoIncrements, |execution| {
///     ends.insert(execution.state.number);
///     ControlFlow::Continue(())
/// });
/// assert!(explored.exhausted);
/// assert_eq!(ends, [1, 2].into(), "an increment may be lost");
/// assert_eq!(explored.traces(), 4);
/// ```
pub fn explore<P: Program>(
    program: P,
    mut each: impl FnMut(Execution<P>) -> ControlFlow<()>,
) -> Explored {
    let mut search = Search::new(program);
    let mut explored = Explored::default();
    loop {
        let mut state = search.program().start();
        let waiting = loop {
            let program = search.program();
            let steps = |task| program.next(&state, task).map(|step| (task, step));
            let pending: Vec<_> = (0..program.tasks()).filter_map(steps).collect();
            if !pending.iter().any(|(task, step)| program.enabled(&state, *task, step)) {
                break Some(pending.into_iter().map(|(task, _)| task).collect::<Vec<_>>());
            }
            let Some(chosen) = search.choose(&state) else { break None };
            let (_, step) =
                pending.into_iter().find(|(task, _)| *task == chosen).expect("chosen of these");
            let touched = search.program().take(&mut state, chosen, &step);
            search.taken(chosen, &step, touched);
        };
        let flow = match waiting {
            None => {
                explored.cut += 1;
                ControlFlow::Continue(())
            }
            Some(waiting) => {
                *if waiting.is_empty() { &mut explored.finished } else { &mut explored.stuck } += 1;
                each(Execution {
                    program: search.program(),
                    state: &state,
                    schedule: &search.schedule(),
                    trace: &search.trace(),
                    waiting: &waiting,
                })
            }
        };
        let more = flow.is_continue() && search.end(&state);
        explored.widened = search.widened();
        if !more {
            explored.exhausted = flow.is_continue();
            return explored;
        }
    }
}
