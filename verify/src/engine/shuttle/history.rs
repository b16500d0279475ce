//! The steps of one execution and what came before what.

use crate::program::{Event, System};
use diolock::op::{Access, LockName, Mode, Object, Op, TaskId};

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

/// What steps are ordered on. A lock's queue is a place of its own here: who is behind whom is
/// changed by queueing only, and looked at only by those who may not pass. In a trace queueing
/// leaves no mark, so the search may order it as loosely as is right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// Shared state.
    Object(Object),
    /// The writers that wait for a lock.
    Queue(LockName),
}

/// The places a step touches, and how.
pub(super) type Touched = Vec<(Place, Access)>;

/// What `op` would touch if it happened now.
pub(super) fn touches(system: &System, op: &Op) -> Touched {
    places(op, system.inode.touches(op))
}

/// What a step has touched.
pub(super) fn touched(event: &Event) -> Touched {
    places(&event.op, event.touched())
}

/// A writer that takes the lock was first in the queue: nobody who queues behind it can tell. Nor
/// can whoever lets go of the lock.
fn places(op: &Op, objects: Vec<(Object, Access)>) -> Touched {
    let mut touched: Touched = objects.into_iter().map(|(o, a)| (Place::Object(o), a)).collect();
    match *op {
        Op::Queue(lock) => return vec![(Place::Queue(lock), Access::Write)],
        Op::Lock(lock, Mode::Shared) | Op::TryLock(lock, _) | Op::LockByRequeue(lock) => {
            touched.push((Place::Queue(lock), Access::Read));
        }
        _ => {}
    }
    touched
}

/// A step and its past.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// What happened.
    pub event: Event,
    /// What it touched.
    pub touched: Touched,
    /// It and all steps that had to come before it.
    pub clock: Clock,
    /// If it lowers a counter: who raised it.
    pub raised: Raised,
}

/// Who raised the counter that a step lowers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Raised {
    /// It lowers none.
    DoesNotLower,
    /// The step at that place.
    At(usize),
    /// Nobody had to: the counter may go negative (rule R10).
    Never,
}

impl Step {
    /// Whether this step is one of those that `clock` counts.
    pub fn is_in(&self, clock: &Clock) -> bool {
        let task = usize::from(self.event.task);
        self.clock.0[task] <= clock.0[task]
    }
}

/// Whether the order of two steps that touch these places matters.
pub(super) fn conflict(one: &[(Place, Access)], other: &[(Place, Access)]) -> bool {
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
    pub touched: &'a [(Place, Access)],
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
        touched: &'a [(Place, Access)],
    ) -> Latest<'a> {
        let mut back = steps.clone().rev();
        let own = back.find(|step| {
            step.event.task == task
                || matches!(step.event.op, Op::Submit(child, _) if child == task)
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

    /// If the step lowers a counter: which step before it raised it. One that had to come before it
    /// and that no other has claimed, its own task's if possible.
    pub fn raised_by<'s>(&self, steps: impl Iterator<Item = &'s Step> + Clone) -> Raised {
        let raises = |op: &Op| match (self.op, op) {
            (Op::DioEnd(mine), Op::DioBegin(of)) => mine == of,
            (Op::UnwrittenEnd, Op::UnwrittenBegin) => true,
            _ => false,
        };
        if !matches!(self.op, Op::DioEnd(_) | Op::UnwrittenEnd) {
            return Raised::DoesNotLower;
        }
        let claimed = |at| steps.clone().any(|step| step.raised == Raised::At(at));
        let free = |&(at, step): &(usize, &Step)| {
            raises(&step.event.op) && step.is_in(&self.past) && !claimed(at)
        };
        let found = steps.clone().enumerate().filter(free);
        let best = found.max_by_key(|(_, step)| step.event.task == self.task);
        best.map_or(Raised::Never, |(at, _)| Raised::At(at))
    }

    /// The step's clock, if it has been taken.
    pub fn clock(&self) -> Clock {
        let mut clock = self.past.clone();
        clock.0[usize::from(self.task)] += 1;
        clock
    }
}
