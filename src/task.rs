//! What a task is: one system call, interrupt or worker, as a pure state machine.

use crate::op::{Op, Outcome};

/// Where a task stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The step's name in the task's step table.
    pub step: &'static str,
    /// The kernel function that the step is in.
    pub kernel: &'static str,
}

/// One kernel task: what it does next, and what it makes of the answer.
pub trait Task {
    /// The primitive this task performs now; `None` once it has returned.
    fn next(&self) -> Option<Op>;
    /// Takes that primitive's outcome and moves to the next step.
    fn resume(&mut self, outcome: Outcome);
    /// Where it stands, for people.
    fn place(&self) -> Place;
}
