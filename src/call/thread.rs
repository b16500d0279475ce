//! A thread that makes one call after another.

use crate::op::{Op, Outcome};
use crate::task::{Place, Task};

/// A thread: calls that follow each other, each in the task of the thread.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Thread<C> {
    /// The call that it is in.
    now: C,
    /// Those to come, the next one last.
    rest: Vec<C>,
    /// The call that has just returned, until the next one has taken a step.
    over: Option<C>,
    /// The number of the call that it is in, from 0.
    at: u8,
}

impl<C: Task> Thread<C> {
    /// Makes these calls; `None` if there are none.
    pub fn new(calls: Vec<C>) -> Option<Thread<C>> {
        let mut rest: Vec<C> = calls.into_iter().rev().collect();
        let now = rest.pop()?;
        Some(Thread { now, rest, over: None, at: 0 })
    }

    /// The call that it is in.
    pub(super) fn now(&self) -> &C {
        &self.now
    }

    /// Its calls, those that are over left out.
    pub(super) fn calls(&self) -> impl Iterator<Item = &C> {
        std::iter::once(&self.now).chain(self.rest.iter().rev())
    }

    /// The call that its last step has ended.
    pub(super) fn just_over(&self) -> Option<&C> {
        self.over.as_ref().or_else(|| self.now.done().then_some(&self.now))
    }

    /// Whether its last step has ended a call that another one follows.
    pub(super) fn went_on(&self) -> bool {
        self.over.is_some()
    }
}

impl<C: Task> Task for Thread<C> {
    fn next(&self) -> Option<Op> {
        Some(self.now.next()?.of_call(self.at))
    }

    fn resume(&mut self, outcome: Outcome) {
        self.over = None;
        self.now.resume(outcome);
        if self.now.done()
            && let Some(next) = self.rest.pop()
        {
            self.over = Some(std::mem::replace(&mut self.now, next));
            self.at += 1;
        }
    }

    fn place(&self) -> Place {
        self.now.place()
    }
}
