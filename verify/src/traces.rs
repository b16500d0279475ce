//! Every trace of a program, with one run for each: what "exhausted" covered.
//!
//! The exhaustive search of the shuttle engine goes through the traces. Which execution of a trace
//! it happens to run is its own affair, so each trace is shown by a run that the trace alone
//! determines (see `canonical`), judged anew on the reference semantics.

mod canonical;
mod outcome;
mod replayed;

use crate::engine::graph::pending;
use crate::engine::{Wrong, shuttle};
use crate::program::{Event, Program, System};
use crate::rule::{RuleId, Violation};
use crate::verdict::Verdict;
use diolock::op::{Op, TaskId};
use replayed::{Replayed, replay};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

/// Why a program is refused of which [`shuttle::unfit`] knows nothing.
const UNFIT: &str = "a trylock of a fair lock sees who queues for it: only shuttle runs that";

/// One trace, and the run that stands for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trace {
    /// The trace's fingerprint.
    pub hash: u64,
    /// The tasks in the order of their steps. A writer queues for a rwsem where it has to wait, and
    /// only there, as on graph: the schedule means the same in a counterexample of graph.
    pub schedule: Vec<TaskId>,
    /// The broken rule or the deadlock, in words; `None` if nothing is wrong.
    pub wrong: Option<(Verdict, String)>,
    /// How it ends, to tell traces apart: `i_size 0`, `R read zeros`, `T freed block 0`.
    pub outcome: Vec<String>,
}

/// The traces of a program.
#[derive(Clone, Debug)]
pub struct Traces {
    /// The traces: the fewest switches first, then in the order of their schedules.
    pub traces: Vec<Trace>,
    /// Executions it took, those that were cut off included.
    pub executions: u64,
    /// Why these are not all.
    pub partial: Option<String>,
    /// A cycle in the lock order over all executions, which no single trace shows.
    pub cycle: Option<Violation>,
}

/// Lists the traces of a program, at most `limit`: the first that the search comes across, which are
/// the same each time. `on_trace` hears of each new one, with how many there are, and may stop the
/// search by saying why.
///
/// # Errors
/// If the program's traces cannot be listed: why, and which engine can run it.
pub fn list(
    program: &Program,
    limit: Option<usize>,
    mut on_trace: impl FnMut(usize) -> ControlFlow<String> + Send + 'static,
) -> Result<Traces, String> {
    if let Some(why) = shuttle::unfit(program) {
        return Err(why);
    }
    let found = Arc::new(Mutex::new(Found::default()));
    let (collected, watched) = (Arc::clone(&found), program.clone());
    let watcher: shuttle::Watcher = Box::new(move |run| {
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        let said = match found.add(&watched, &run.events, limit.unwrap_or(usize::MAX)) {
            Added::New => on_trace(found.traces.len()),
            Added::Known => ControlFlow::Continue(()),
            Added::Unfit => ControlFlow::Break(UNFIT.to_owned()),
            Added::TooMany => ControlFlow::Break(format!("limit {}", found.traces.len())),
        };
        if let ControlFlow::Break(why) = &said {
            found.stopped = Some(why.clone());
        }
        said
    });
    let options = shuttle::Options { keep_going: true, ..shuttle::Options::exhaustive() };
    let report = shuttle::watch(program, &options, watcher).report;
    let found = std::mem::take(&mut *collected.lock().unwrap_or_else(PoisonError::into_inner));
    if found.stopped.as_deref() == Some(UNFIT) {
        return Err(UNFIT.to_owned());
    }
    let mut runs: Vec<Replayed> = found.traces.into_values().collect();
    runs.sort_by_cached_key(Replayed::key);
    Ok(Traces {
        traces: runs.into_iter().map(|run| run.trace(program)).collect(),
        executions: report.executions,
        partial: found.stopped,
        cycle: report.gathered.cycle().filter(|_| program.rules.has(RuleId::R2)),
    })
}

impl Trace {
    /// The steps of its run.
    pub fn events(&self, program: &Program) -> Vec<Event> {
        replay(program, &self.schedule).events
    }

    /// Its schedule as the tasks' letters; four or more in a row are counted: `WTW14`.
    pub fn letters(&self, program: &Program) -> String {
        letters(program, &self.schedule)
    }
}

/// A schedule as the tasks' letters; four or more in a row are counted: `WTW14`.
pub fn letters(program: &Program, schedule: &[TaskId]) -> String {
    let mut text = String::new();
    for steps in schedule.chunk_by(|a, b| a == b) {
        let letter = program.names[usize::from(steps[0])].letter;
        match steps.len() {
            few @ 0..=3 => text.extend(std::iter::repeat_n(letter, few)),
            many => text.push_str(&format!("{letter}{many}")),
        }
    }
    text
}

/// The traces found so far.
#[derive(Default)]
struct Found {
    traces: BTreeMap<u64, Replayed>,
    stopped: Option<String>,
}

/// What came of an execution.
enum Added {
    /// Its trace was not seen before.
    New,
    /// It was.
    Known,
    /// It was not, and no more traces are wanted.
    TooMany,
    /// It cannot be written as a schedule of the list.
    Unfit,
}

impl Found {
    /// Adds an execution.
    fn add(&mut self, program: &Program, events: &[Event], limit: usize) -> Added {
        let Some(schedule) = without_idle_queueing(program, events) else { return Added::Unfit };
        let recorded = replay(program, &schedule);
        let order = canonical::schedule(program.calls.len(), &recorded.events);
        let mut run = replay(program, &order);
        debug_assert_eq!(run.hash, recorded.hash, "steps that commute changed places");
        debug_assert_eq!(run.broken.is_some(), recorded.broken.is_some(), "a rule sees the order");
        if run.hash != recorded.hash {
            run = recorded;
        }
        let room = self.traces.len() < limit;
        match self.traces.get_mut(&run.hash) {
            None if !room => Added::TooMany,
            None => {
                self.traces.insert(run.hash, run);
                Added::New
            }
            Some(known) => {
                let rank = |run: &Replayed| (run.broken.is_none(), run.key());
                if rank(&run) < rank(known) {
                    *known = run;
                }
                Added::Known
            }
        }
    }
}

impl Replayed {
    fn trace(self, program: &Program) -> Trace {
        let stuck = (!self.system.finished()).then(|| Wrong::Stuck(self.system.waiting()));
        let outcome = outcome::parts(program, &self, stuck.as_ref());
        let wrong = self.broken.map(Wrong::Rule).or(stuck).map(|wrong| wrong.verdict(program));
        Trace { hash: self.hash, schedule: self.schedule, wrong, outcome }
    }
}

/// The schedule of an execution, less the steps in which a writer of a fair lock queues although it
/// need not wait; in the end all that wait have queued. `None` if somebody saw it queue: a trylock
/// does; no task of the protocol tries a rwsem.
fn without_idle_queueing(program: &Program, events: &[Event]) -> Option<Vec<TaskId>> {
    let mut system = System::new(program);
    let mut schedule = Vec::with_capacity(events.len());
    for event in events {
        let op = pending(&system, event.task)?;
        if matches!(event.op, Op::Queue(_)) && op != event.op {
            continue;
        }
        if system.perform(event.task, op).as_ref() != Ok(event) {
            return None;
        }
        schedule.push(event.task);
    }
    for task in system.tasks() {
        if let Some(op @ Op::Queue(_)) = pending(&system, task) {
            let _ = system.perform(task, op);
            schedule.push(task);
        }
    }
    Some(schedule)
}

#[cfg(test)]
mod tests;
