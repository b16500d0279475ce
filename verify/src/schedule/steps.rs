//! A schedule as it was read.

use super::seal::Seal;
use crate::problem::Span;
use diolock::kernel::Kernel;
use diolock::op::TaskId;

/// What the file is called in messages.
pub(super) const KIND: &str = "schedule";

/// A schedule that reads well; whether it fits a program is known when it is run.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The steps.
    pub steps: Vec<Step>,
    /// The kernel it was recorded on, if it says so.
    pub kernel: Option<Kernel>,
    pub(super) seal: Option<(Seal, Span)>,
    /// How the recorded run ended, in one word or two.
    pub(super) ends: Option<String>,
    pub(super) path: String,
    pub(super) text: String,
}

/// One step of a schedule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Who takes it.
    pub task: TaskId,
    /// How many writes old the value is that it reads; 0 but for weak memory.
    pub old: u8,
    /// The step's name, if the schedule gives it.
    pub name: Option<String>,
    pub(super) span: Span,
}
