//! What comes of a search, and who watches it.

use crate::program::Run;
use crate::verdict::Report;
use diolock::op::TaskId;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Is handed each execution that came to its end or got stuck, and may say why no more is wanted.
pub type Watcher = Box<dyn FnMut(&Run) -> ControlFlow<String> + Send>;

/// A report and what only this engine knows.
#[derive(Clone, Debug)]
pub struct Exploration {
    /// The report.
    pub report: Report,
    /// Fingerprints of the executions that got stuck.
    pub stuck: BTreeSet<u64>,
    /// Executions that were cut off because they could only repeat a trace.
    pub cut: u64,
    /// Backtrack points at which every enabled task had to be tried.
    pub widened: u64,
    /// The last execution, as the tasks in the order of their steps.
    pub schedule: Vec<TaskId>,
    /// A fingerprint of all schedules in order.
    pub schedules: u64,
}
