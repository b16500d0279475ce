//! The states of a program, and the steps that lead from one to the next.

use crate::program::{Event, Program, System};
use crate::rule::{Gathered, RuleId, Rules, Violation};
use crate::trace::TraceHash;
use diolock::op::{Mode, Op, TaskId};
use stateright::{Model, Property};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Where a run stands, as stateright sees it: boxed, as it is moved about.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct State {
    pub(super) system: Box<System>,
    pub(super) rules: Box<Rules>,
    pub(super) trace: Option<TraceHash>,
    pub(super) broken: Option<RuleId>,
}

pub(super) struct Search {
    pub(super) program: Program,
    pub(super) traces: bool,
    pub(super) gathered: Mutex<Found>,
}

#[derive(Default)]
pub(super) struct Found {
    pub(super) gathered: Gathered,
    pub(super) traces: BTreeSet<u64>,
}

/// The step a task takes next: its own, or to queue if it is a writer that a rwsem makes wait.
pub fn pending(system: &System, task: TaskId) -> Option<Op> {
    let op = system.next(task)?;
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
    pub(super) fn new(program: &Program, traces: bool) -> Search {
        Search { program: program.clone(), traces, gathered: Mutex::default() }
    }

    pub(super) fn state(&self) -> State {
        State {
            system: Box::new(System::new(&self.program)),
            rules: Box::new(Rules::new(&self.program)),
            trace: self.traces.then(|| TraceHash::new(self.program.calls.len())),
            broken: None,
        }
    }

    pub(super) fn step(
        &self,
        last: &State,
        task: TaskId,
    ) -> Option<(State, Event, Option<Violation>)> {
        let op = pending(&last.system, task)?;
        let mut state = last.clone();
        let event = state.system.perform(task, op).ok()?;
        let found = &mut *self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let gathered = &mut found.gathered;
        crate::emit::step(&self.program, &state.rules, &event);
        let mut violation = state
            .rules
            .observe(&self.program, &event, state.system.just_over(task), gathered)
            .err();
        if let Some(trace) = &mut state.trace {
            trace.observe(&event);
        }
        if violation.is_none() && state.system.finished() {
            violation = state.rules.finish(&self.program, &state.system, gathered).err();
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
