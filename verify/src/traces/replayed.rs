//! A schedule, run on the reference semantics and judged.

use crate::engine::graph::pending;
use crate::program::{Event, Program, System};
use crate::rule::{Gathered, Rules, Violation};
use crate::trace::TraceHash;
use diolock::op::TaskId;

/// A schedule after it was run and judged.
pub(super) struct Replayed {
    pub(super) schedule: Vec<TaskId>,
    pub(super) events: Vec<Event>,
    pub(super) system: System,
    pub(super) hash: u64,
    pub(super) broken: Option<Violation>,
}

impl Replayed {
    /// Its place in the list.
    pub(super) fn key(&self) -> (usize, Vec<TaskId>) {
        (self.schedule.chunk_by(|a, b| a == b).count(), self.schedule.clone())
    }
}

/// Runs a schedule on the reference semantics, past a broken rule; ends early at a task that waits.
pub(super) fn replay(program: &Program, schedule: &[TaskId]) -> Replayed {
    let mut system = System::new(program);
    let mut rules = Rules::new(program);
    let mut trace = TraceHash::new(program.calls.len());
    let mut gathered = Gathered::default();
    let mut events = Vec::with_capacity(schedule.len());
    let mut broken = None;
    for &task in schedule {
        let Some(op) = pending(&system, task) else { break };
        let Ok(event) = system.perform(task, op) else { break };
        trace.observe(&event);
        broken =
            broken.or(rules.observe(program, &event, system.just_over(task), &mut gathered).err());
        events.push(event);
    }
    if system.finished() {
        broken = broken.or(rules.finish(program, &system, &mut Gathered::default()).err());
    }
    Replayed { schedule: schedule.to_vec(), events, system, hash: trace.get(), broken }
}
