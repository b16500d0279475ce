//! What the rules remember of a run, and what can be asked of it.

use super::memory::Memory;
use super::records::TaskRecord;
use super::watch::Watch;
use crate::program::{Event, Program};
use diolock::op::{LockName, Mode, Op, TaskId};
use std::sync::Arc;

/// The rules and all they remember: plain data, no part of any engine.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Rules {
    pub(super) memory: Memory,
    /// What witnesses ask for; no rule sees it.
    pub(super) watch: Watch,
}

impl Rules {
    /// At the start of a program.
    pub fn new(program: &Program) -> Rules {
        Rules { memory: Memory::new(program), watch: Watch::new(program) }
    }

    /// What they remember of each task, taken out of the rest. An event changes that of its own task, and of one that it
    /// starts; nothing else of it is looked at, but where [`Rules::ask_for_all`].
    pub(crate) fn take_records(&mut self) -> Vec<Arc<TaskRecord>> {
        std::mem::take(&mut self.memory.tasks)
    }

    /// Puts it back.
    pub(crate) fn put_records(&mut self, records: Vec<Arc<TaskRecord>>) {
        self.memory.tasks = records;
    }

    /// Whether a witness asks at an event for what other tasks hold.
    pub(crate) fn ask_for_all(&self) -> bool {
        self.watch.asks_for_all()
    }

    /// Whether a task has blocks mapped for I/O that is not done; kept only if a witness asks.
    pub fn in_flight(&self, task: TaskId) -> bool {
        self.watch.in_flight(task)
    }

    /// Whether the task has taken a reference.
    pub fn counted(&self, task: TaskId) -> bool {
        self.memory.task(task).counted
    }

    /// Whether this event takes a reference under `i_rwsem` held in that mode.
    pub fn begins_io(&self, event: &Event, mode: Mode) -> bool {
        let held = &self.memory.task(event.task).held;
        matches!(event.op, Op::DioBegin(_)) && held.contains(&(LockName::IRwsem, mode))
    }

    /// Whether `other` dropped a reference since `task` took i_mutex.
    pub fn ended_meanwhile(&self, task: TaskId, other: TaskId) -> bool {
        self.watch.ended_meanwhile(task, other)
    }

    /// The locks a task holds, for people: `i_mutex, i_data_sem R`.
    pub fn held_text(&self, task: TaskId) -> String {
        let state = self.memory.task(task);
        let mut held: Vec<String> =
            state.held.iter().map(|&(lock, mode)| lock.in_mode(mode)).collect();
        if state.handles > 0 {
            held.push("handle".to_owned());
        }
        held.join(", ")
    }
}
