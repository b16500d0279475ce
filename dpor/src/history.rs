//! The steps of one execution and what came before what.

use crate::program::{Count, Dependence, Program, Task};

/// How many steps of each task have happened.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Clock(Vec<u16>);

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
pub(crate) struct Done<S, F> {
    /// Who.
    pub task: Task,
    /// What.
    pub step: S,
    /// What it touched.
    pub touched: F,
    /// It and all steps that had to come before it.
    pub clock: Clock,
    /// If it lowers a count: who raised it.
    pub raised: Raised,
}

/// A step of a program.
pub(crate) type DoneOf<P> = Done<<P as Program>::Step, <P as Program>::Footprint>;

/// Who raised the count that a step lowers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Raised {
    /// It lowers none.
    DoesNotLower,
    /// The step at that place.
    At(usize),
    /// Nobody had to: the count may go negative.
    Never,
}

impl<S, F> Done<S, F> {
    /// Whether this step is one of those that `clock` counts.
    pub fn is_in(&self, clock: &Clock) -> bool {
        self.clock.0[self.task] <= clock.0[self.task]
    }
}

/// A step that has been taken, or that waits for ever, among the steps before it.
#[derive(Debug)]
pub(crate) struct Latest<'a, P: Program> {
    /// Who.
    pub task: Task,
    /// What.
    pub step: &'a P::Step,
    /// What it touched.
    pub touched: &'a P::Footprint,
    /// What its task knew before it: its own steps, and those of its starter up to the start.
    pub knew: Clock,
    /// All steps that had to come before it.
    pub past: Clock,
}

impl<'a, P: Program> Latest<'a, P> {
    /// Finds the past of a step among the steps before it.
    pub fn new<'s>(
        program: &P,
        before: impl DoubleEndedIterator<Item = &'s DoneOf<P>> + Clone,
        task: Task,
        step: &'a P::Step,
        touched: &'a P::Footprint,
    ) -> Latest<'a, P>
    where
        P: 's,
    {
        let mut back = before.clone().rev();
        let own = back.find(|done| done.task == task || program.starts(&done.step, task));
        let knew = own.map_or_else(|| Clock::new(program.tasks()), |done| done.clock.clone());
        let mut past = knew.clone();
        for done in before {
            if done.touched.dependent(touched) {
                past.join(&done.clock);
            }
        }
        Latest { task, step, touched, knew, past }
    }

    /// If the step lowers a count: which step before it raised it. One that had to come before it
    /// and that no other has claimed, its own task's if possible.
    pub fn raised_by<'s>(
        &self,
        program: &P,
        before: impl Iterator<Item = &'s DoneOf<P>> + Clone,
    ) -> Raised
    where
        P: 's,
    {
        let Some(Count::Lowers(mine)) = program.count(self.step) else {
            return Raised::DoesNotLower;
        };
        let raises =
            |step: &P::Step| matches!(program.count(step), Some(Count::Raises(of)) if of == mine);
        let claimed = |at| before.clone().any(|done| done.raised == Raised::At(at));
        let free = |&(at, done): &(usize, &DoneOf<P>)| {
            raises(&done.step) && done.is_in(&self.past) && !claimed(at)
        };
        let found = before.clone().enumerate().filter(free);
        let best = found.max_by_key(|(_, done)| done.task == self.task);
        best.map_or(Raised::Never, |(at, _)| Raised::At(at))
    }

    /// The step's clock, if it has been taken.
    pub fn clock(&self) -> Clock {
        let mut clock = self.past.clone();
        clock.0[self.task] += 1;
        clock
    }
}
