//! The protocol as `source-dpor` explores it: what is a task's next step, which steps are dependent,
//! which can never be ready at the same moment.
//!
//! The search itself, every trace at least once and most of them once, is the crate `source-dpor`
//! (`dpor/`), which knows nothing of a file system.

use super::coenabled::{never_together, waits};
use crate::program::{Event, Program, System};
use diolock::op::{self, LockName, Mode, Object, Op, TaskId};
use source_dpor::{Access, Count, Task, Touches};

/// A search of every trace of a program.
pub(super) type Search = source_dpor::Search<Protocol>;

/// The tasks of a program.
pub(super) struct Protocol {
    start: System,
    fair: Vec<LockName>,
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

/// A counter that a drain waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Counter {
    /// `i_dio_count`, and whose I/O it counts.
    Dio(TaskId),
    /// `i_unwritten`.
    Unwritten,
}

/// Before the first execution.
pub(super) fn search(program: &Program) -> Search {
    Search::new(Protocol { start: System::new(program), fair: program.fair.clone() })
}

/// Takes note of the step that has happened since the last choice.
pub(super) fn absorb(search: &mut Search, events: &[Event]) {
    while let Some(event) = events.get(search.depth()) {
        search.taken(event.task.into(), &event.op, places(&event.op, event.touched()));
    }
}

/// A writer that takes the lock was first in the queue: nobody who queues behind it can tell. Nor
/// can whoever lets go of the lock.
fn places(op: &Op, objects: Vec<(Object, op::Access)>) -> Touches<Place> {
    let access = |access| match access {
        op::Access::Read => Access::Read,
        op::Access::Add => Access::Add,
        op::Access::Write => Access::Write,
    };
    let mut touched: Touches<Place> =
        objects.into_iter().map(|(o, a)| (Place::Object(o), access(a))).collect();
    match *op {
        Op::Queue(lock) => return vec![(Place::Queue(lock), Access::Write)],
        Op::Lock(lock, Mode::Shared) | Op::TryLock(lock, _) | Op::LockByRequeue(lock) => {
            touched.push((Place::Queue(lock), Access::Read));
        }
        _ => {}
    }
    touched
}

impl source_dpor::Program for Protocol {
    type State = System;
    type Step = Op;
    type Footprint = Touches<Place>;
    type Counter = Counter;

    fn tasks(&self) -> usize {
        self.start.calls.len()
    }

    fn start(&self) -> System {
        self.start.clone()
    }

    fn next(&self, system: &System, task: Task) -> Option<Op> {
        system.pending(task as TaskId, &self.fair)
    }

    fn enabled(&self, system: &System, task: Task, op: &Op) -> bool {
        system.inode.blocked(task as TaskId, op).is_none()
    }

    fn footprint(&self, system: &System, _: Task, op: &Op) -> Touches<Place> {
        places(op, system.inode.touches(op))
    }

    fn take(&self, system: &mut System, task: Task, op: &Op) -> Touches<Place> {
        let event = system.perform(task as TaskId, op.clone());
        debug_assert!(event.is_ok(), "a blocked task was chosen");
        event.map_or_else(|_| Vec::new(), |event| places(op, event.touched()))
    }

    fn may_wait(&self, op: &Op) -> bool {
        waits(op)
    }

    fn starts(&self, op: &Op, task: Task) -> bool {
        matches!(op, Op::Submit(child, _) if Task::from(*child) == task)
    }

    fn never_together(
        &self,
        before: &System,
        (first, earlier): (Task, &Op),
        (waiter, later): (Task, &Op),
        balanced: bool,
    ) -> bool {
        let (first, waiter) = (first as TaskId, waiter as TaskId);
        never_together(before, (first, earlier), (waiter, later), balanced)
    }

    fn count(&self, op: &Op) -> Option<Count<Counter>> {
        Some(match *op {
            Op::DioBegin(of) => Count::Raises(Counter::Dio(of)),
            Op::DioEnd(of) => Count::Lowers(Counter::Dio(of)),
            Op::UnwrittenBegin => Count::Raises(Counter::Unwritten),
            Op::UnwrittenEnd => Count::Lowers(Counter::Unwritten),
            _ => return None,
        })
    }
}
