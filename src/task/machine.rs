//! A pure state machine, and where it stands.

use crate::op::{Op, Outcome};

/// Where a task stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The step's name in the task's step table.
    pub step: &'static str,
    /// The kernel function that the step is in.
    pub kernel: &'static str,
    /// What the kernel calls it there, if its name does not say.
    pub what: &'static str,
}

impl Place {
    /// That of a task that has returned from this function.
    pub fn done(kernel: &'static str) -> Place {
        Place { step: "Done", kernel, what: "" }
    }
}

/// One kernel task: what it does next, and what it makes of the answer.
pub trait Task {
    /// The primitive this task performs now; `None` once it has returned.
    fn next(&self) -> Option<Op>;
    /// Takes that primitive's outcome and moves to the next step.
    fn resume(&mut self, outcome: Outcome);
    /// Whether it has returned.
    fn done(&self) -> bool {
        self.next().is_none()
    }
    /// Where it stands, for people.
    fn place(&self) -> Place;
}

impl<T: Task> Task for Box<T> {
    fn next(&self) -> Option<Op> {
        T::next(self)
    }
    fn resume(&mut self, outcome: Outcome) {
        T::resume(self, outcome);
    }
    fn done(&self) -> bool {
        T::done(self)
    }
    fn place(&self) -> Place {
        T::place(self)
    }
}

/// A task that may not be called for.
impl<T: Task> Task for Option<T> {
    fn next(&self) -> Option<Op> {
        self.as_ref()?.next()
    }
    fn resume(&mut self, outcome: Outcome) {
        if let Some(task) = self {
            task.resume(outcome);
        }
    }
    fn done(&self) -> bool {
        self.as_ref().is_none_or(T::done)
    }
    fn place(&self) -> Place {
        self.as_ref().map_or(Place::done(""), T::place)
    }
}
