//! Steps that can never be ready at the same moment: reversing them is impossible, so the search
//! need not try.

use crate::program::System;
use diolock::op::{LockName, Mode, Op, TaskId};

/// Whether a step may have to wait.
pub(super) fn waits(op: &Op) -> bool {
    matches!(
        op,
        Op::Lock(..)
            | Op::LockByRequeue(_)
            | Op::DioWait
            | Op::UnwrittenWait
            | Op::IoendWait(_)
            | Op::WaitSleep(_)
            | Op::CommitLock
            | Op::CommitWait
            | Op::JournalStart(_)
    )
}

/// Whether `later` of task `waiter` has to wait whenever task `first` is about to do `earlier`, as
/// it is in `before`: the step lets go of what the waiter waits for.
///
/// Of counters this is known only as long as they are `balanced`: whoever lowers one holds a part of
/// it. Handles and locks are balanced by construction: a stranger's release changes nothing.
pub(super) fn never_together(
    before: &System,
    (first, earlier): (TaskId, &Op),
    (waiter, later): (TaskId, &Op),
    balanced: bool,
) -> bool {
    match *later {
        Op::Lock(lock, mode) => keeps_out(before, lock, first, (waiter, mode)),
        Op::LockByRequeue(lock) => keeps_out(before, lock, first, (waiter, Mode::Exclusive)),
        Op::DioWait => balanced && matches!(earlier, Op::DioEnd(_)),
        Op::UnwrittenWait => balanced && matches!(earlier, Op::UnwrittenEnd),
        // Nobody lowers it but for an io_end that it counts.
        Op::IoendWait(_) => matches!(earlier, Op::IoendDone(_)),
        Op::CommitWait => {
            matches!(earlier, Op::JournalStop(_)) && before.inode.blocked(waiter, later).is_some()
        }
        Op::CommitLock | Op::JournalStart(_) => {
            matches!(earlier, Op::CommitWait | Op::CommitDone)
                && before.inode.blocked(waiter, later).is_some()
        }
        _ => false,
    }
}

/// Whether `holder`'s hold on a lock, or its place in the queue, keeps the waiter out.
fn keeps_out(
    before: &System,
    lock: LockName,
    holder: TaskId,
    (waiter, mode): (TaskId, Mode),
) -> bool {
    let sem = before.inode.lock(lock);
    let holds =
        |h: &(TaskId, Mode)| h.0 == holder && (mode == Mode::Exclusive || h.1 == Mode::Exclusive);
    if sem.holders().iter().any(holds) {
        return true;
    }
    let place = |task: TaskId| sem.waiting().iter().position(|&t| t == task);
    match (place(holder), place(waiter)) {
        (Some(_), _) if mode == Mode::Shared => true,
        (Some(ahead), Some(behind)) => ahead < behind,
        _ => false,
    }
}
