//! What is asked of a state.

use super::{Search, StateId};
use crate::program::System;
use crate::rule::RuleId;
use diolock::op::{LockName, Mode, Op, TaskId};

impl Search<'_> {
    /// How many states were met.
    pub(in super::super) fn len(&self) -> usize {
        self.states.len()
    }

    /// The tasks.
    pub(in super::super) fn tasks(&self) -> impl Iterator<Item = TaskId> + use<> {
        self.parts.tasks()
    }

    /// Which rule the way into a state broke.
    pub(in super::super) fn broken(&self, state: StateId) -> Option<RuleId> {
        let broken = self.parts.broken(self.states.row(state));
        broken.or_else(|| self.ends.get(&state).copied())
    }

    /// Whether a task has something left to do.
    pub(in super::super) fn goes_on(&self, state: StateId, task: TaskId) -> bool {
        !self.parts.known(self.states.row(state)[usize::from(task)]).over
    }

    /// The number of where a task stands.
    pub(in super::super) fn local(&self, state: StateId, task: TaskId) -> u32 {
        self.states.row(state)[usize::from(task)]
    }

    /// Whether the file has a page in the cache.
    pub(in super::super) fn cached(&self, state: StateId) -> bool {
        self.parts.files.get(self.states.row(state)[self.parts.file_at()]).is_cached()
    }

    /// Who holds which lock.
    pub(in super::super) fn holders(
        &self,
        state: StateId,
    ) -> impl Iterator<Item = (TaskId, LockName, Mode)> {
        let guards = self.parts.guards.get(self.states.row(state)[self.parts.guards_at()]);
        LockName::ALL.into_iter().flat_map(|lock| {
            guards.lock(lock).holders().iter().map(move |&(task, mode)| (task, lock, mode))
        })
    }

    /// Whether nobody has.
    pub(in super::super) fn finished(&self, state: StateId) -> bool {
        !self.tasks().any(|task| self.goes_on(state, task))
    }

    /// Whether a task can take a step.
    pub(in super::super) fn enabled(&mut self, state: StateId, task: TaskId) -> bool {
        self.step(state, task).is_some()
    }

    /// Whether somebody has something left to do, but nobody can.
    pub(in super::super) fn stuck(&mut self, state: StateId) -> bool {
        !self.finished(state) && !self.tasks().any(|task| self.enabled(state, task))
    }

    /// Whether a task's next step is to queue for a lock.
    pub(in super::super) fn queues(&mut self, state: StateId, task: TaskId) -> bool {
        let step = self.step(state, task);
        step.is_some_and(|step| {
            let event = self.done[step as usize].event;
            matches!(self.events.get(event).0.op, Op::Queue(_))
        })
    }

    /// The tasks and what they share.
    pub(in super::super) fn system(&self, state: StateId) -> System {
        self.parts.system(self.states.row(state))
    }
}
