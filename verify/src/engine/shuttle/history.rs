//! The steps of one execution and what came before what.

use crate::program::Event;
use diolock::op::{Access, Object, Op, TaskId};

/// How many steps of each task have happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Clock(Vec<u16>);

impl Clock {
    /// None.
    pub fn new(tasks: usize) -> Clock {
        Clock(vec![0; tasks])
    }

    /// Whatever came before either.
    pub fn join(&mut self, other: &Clock) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = (*mine).max(*theirs);
        }
    }
}

/// A step and its past.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// What happened.
    pub event: Event,
    /// What it touched.
    pub touched: Vec<(Object, Access)>,
    /// It and all steps that had to come before it.
    pub clock: Clock,
}

impl Step {
    /// Whether this step is one of those that `clock` counts.
    pub fn is_in(&self, clock: &Clock) -> bool {
        let task = usize::from(self.event.task);
        self.clock.0[task] <= clock.0[task]
    }
}

/// Whether the order of two steps that touch these objects matters.
pub(super) fn conflict(one: &[(Object, Access)], other: &[(Object, Access)]) -> bool {
    one.iter().any(|a| other.iter().any(|b| a.0 == b.0 && a.1.conflicts(b.1)))
}

/// A step that has been taken, or that waits for ever, among the steps before it.
#[derive(Clone, Debug)]
pub(super) struct Latest<'a> {
    /// Who.
    pub task: TaskId,
    /// What.
    pub op: &'a Op,
    /// What it touched.
    pub touched: &'a [(Object, Access)],
    /// What its task knew before it: its own steps, and those of its submitter up to the submission.
    pub knew: Clock,
    /// All steps that had to come before it.
    pub past: Clock,
}

impl<'a> Latest<'a> {
    /// Finds the past of a step among the steps before it.
    pub fn new<'s>(
        steps: impl DoubleEndedIterator<Item = &'s Step> + Clone,
        tasks: usize,
        task: TaskId,
        op: &'a Op,
        touched: &'a [(Object, Access)],
    ) -> Latest<'a> {
        let mut back = steps.clone().rev();
        let own = back.find(|step| {
            step.event.task == task || matches!(step.event.op, Op::Submit(child, _) if child == task)
        });
        let knew = own.map_or_else(|| Clock::new(tasks), |step| step.clock.clone());
        let mut past = knew.clone();
        for step in steps {
            if conflict(&step.touched, touched) {
                past.join(&step.clock);
            }
        }
        Latest { task, op, touched, knew, past }
    }

    /// The step's clock, if it has been taken.
    pub fn clock(&self) -> Clock {
        let mut clock = self.past.clone();
        clock.0[usize::from(self.task)] += 1;
        clock
    }
}
