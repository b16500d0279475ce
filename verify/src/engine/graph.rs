//! The graph engine: the reference semantics, explored state by state with stateright.
//!
//! # Limits
//! Sequentially consistent. Unlike the other engines it lets writers queue on every rwsem, so that
//! a deadlock that needs a queued writer is found without asking for it.

mod cheapest;
mod lasso;

pub use cheapest::{Cost, cheapest};

use super::{Tally, Wrong};
use crate::program::{Event, Program, Run, System};
use crate::rule::{Gathered, RuleId, Rules, Violation};
use crate::trace::TraceHash;
use crate::verdict::{Counterexample, Report, Verdict};
use diolock::op::{Mode, Op, TaskId};
use diolock::task::Task;
use stateright::{Checker, Model, Property};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// What to compute besides the verdict.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The set of traces as well: states then remember how they were reached, up to commuting
    /// steps, so there are more of them.
    pub traces: bool,
    /// Give up after that many states.
    pub max_states: Option<usize>,
}

/// Where a run stands, as stateright sees it: boxed, as it is moved about.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct State {
    system: Box<System>,
    rules: Box<Rules>,
    trace: Option<TraceHash>,
    broken: Option<RuleId>,
}

struct Search {
    program: Program,
    traces: bool,
    gathered: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    gathered: Gathered,
    traces: BTreeSet<u64>,
}

/// The step a task takes next: its own, or to queue if it is a writer that a rwsem makes wait.
pub fn pending(system: &System, task: TaskId) -> Option<Op> {
    let op = system.calls[usize::from(task)].next()?;
    match op {
        Op::Lock(lock, Mode::Exclusive)
            if lock.is_rwsem()
                && system.inode.blocked(task, &op).is_some()
                && !system.inode.lock(lock).is_queued(task) =>
        {
            Some(Op::Queue(lock))
        }
        op => Some(op),
    }
}

/// The tasks that can take a step.
pub fn enabled(system: &System) -> impl Iterator<Item = TaskId> {
    system.tasks().filter(|&task| {
        pending(system, task).is_some_and(|op| system.inode.blocked(task, &op).is_none())
    })
}

impl Search {
    fn new(program: &Program, traces: bool) -> Search {
        Search { program: program.clone(), traces, gathered: Mutex::default() }
    }

    fn state(&self) -> State {
        State {
            system: Box::new(System::new(&self.program)),
            rules: Box::new(Rules::new(&self.program)),
            trace: self.traces.then(|| TraceHash::new(self.program.calls.len())),
            broken: None,
        }
    }

    fn step(&self, last: &State, task: TaskId) -> Option<(State, Event, Option<Violation>)> {
        let op = pending(&last.system, task)?;
        let mut state = last.clone();
        let event = state.system.perform(task, op).ok()?;
        let found = &mut *self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let gathered = &mut found.gathered;
        crate::emit::step(&self.program, &state.rules, &event);
        let mut violation = state.rules.observe(&self.program, &event, gathered).err();
        if let Some(trace) = &mut state.trace {
            trace.observe(&event);
        }
        if state.system.calls[usize::from(task)].next().is_none() {
            state.rules.returned(&self.program, &event, gathered);
        }
        if violation.is_none() && state.system.finished() {
            violation = state.rules.finish(&self.program, &state.system.inode).err();
            if let Some(trace) = &state.trace {
                found.traces.insert(trace.get());
            }
        }
        state.broken = violation.as_ref().map(|v| v.rule);
        Some((state, event, violation))
    }
}

impl Model for Search {
    type State = State;
    type Action = TaskId;

    fn init_states(&self) -> Vec<State> {
        vec![self.state()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<TaskId>) {
        if state.broken.is_none() {
            actions.extend(enabled(&state.system));
        }
    }

    fn next_state(&self, last: &State, task: TaskId) -> Option<State> {
        self.step(last, task).map(|(state, ..)| state)
    }

    fn properties(&self) -> Vec<Property<Search>> {
        vec![Property::always(
            "every rule holds and somebody can go on",
            |search: &Search, state: &State| {
                state.broken.is_none()
                    && (!search.program.rules.has(RuleId::R12)
                        || state.system.finished()
                        || enabled(&state.system).next().is_some())
            },
        )]
    }
}

/// Explores a program state by state; the counterexample, if any, is a shortest one.
pub fn run(program: &Program, options: Options) -> Report {
    let start = Instant::now();
    let mut checker = Search::new(program, options.traces).checker().threads(1);
    if let Some(max) = options.max_states {
        checker = checker.target_state_count(max);
    }
    let checker = checker.spawn_bfs().join();
    let states = checker.unique_state_count() as u64;
    let path = checker.discoveries().into_values().next();
    let found = {
        let mut found = checker.model().gathered.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *found)
    };
    let mut tally = Tally { traces: found.traces, gathered: found.gathered, ..Tally::new() };
    let complete = options.max_states.is_none_or(|max| states < max as u64);
    if let Some(path) = path {
        let (wrong, run) = replay(program, &path.into_actions());
        tally.went_wrong(wrong, &run);
    } else if complete
        && program.calls.iter().any(|call| call.repeats())
        && let Some(lasso) = lasso::find(program)
    {
        return livelock(program, lasso, tally, states, start);
    }
    let clean = if complete {
        Verdict::Exhausted
    } else {
        Verdict::Incomplete(format!("stopped after {states} states"))
    };
    let traces = options.traces.then_some(tally.traces.len() as u64);
    let mut report = tally.report(program, clean, start.elapsed().as_secs_f64());
    report.states = Some(states);
    report.traces = traces;
    report
}

/// Whether a program has fewer states than that, as far as they must be looked at for a verdict.
pub fn fewer_states_than(most: usize, program: &Program) -> bool {
    let options = Options { traces: false, max_states: Some(most) };
    !matches!(run(program, options).verdict, Verdict::Incomplete(_))
}

fn livelock(
    program: &Program,
    lasso: lasso::Lasso,
    tally: Tally,
    states: u64,
    start: Instant,
) -> Report {
    let mut search = Run::new(program);
    let mut gathered = Gathered::default();
    for &task in &lasso.schedule {
        if let Some(op) = pending(&search.system, task)
            && let Ok(event) = search.system.perform(task, op)
        {
            // The rules were judged on the way here already.
            let _ = search.observe(program, event, &mut gathered);
        }
    }
    let victim = &program.names[usize::from(lasso.victim)].text;
    let text = format!("{victim} waits for ever while the others repeat the last steps");
    Report {
        verdict: Verdict::Livelocked,
        executions: 0,
        traces: None,
        states: Some(states),
        seconds: start.elapsed().as_secs_f64(),
        counterexample: Some(Counterexample {
            events: search.events,
            text,
            loop_start: Some(lasso.loop_start),
        }),
        trace_set: BTreeSet::new(),
        gathered: tally.gathered,
        note: None,
    }
}

/// Runs a schedule on the reference semantics and says how it ends.
pub fn replay(program: &Program, schedule: &[TaskId]) -> (Wrong, Run) {
    let mut run = Run::new(program);
    let mut gathered = Gathered::default();
    for &task in schedule {
        let Some(op) = pending(&run.system, task) else { break };
        let Ok(event) = run.system.perform(task, op) else { break };
        if let Err(violation) = run.observe(program, event, &mut gathered) {
            return (Wrong::Rule(violation), run);
        }
    }
    if run.system.finished()
        && let Err(violation) = run.rules.finish(program, &run.system.inode)
    {
        return (Wrong::Rule(violation), run);
    }
    (Wrong::Stuck(run.system.waiting()), run)
}
