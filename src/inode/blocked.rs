//! When a step has to wait, and for what.

use super::Inode;
use crate::op::{LockName, Mode, Op, TaskId, WaitQueue};

/// Why a step cannot happen now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Blocked {
    /// The lock is held, or a writer is queued in front.
    Lock {
        /// Which.
        lock: LockName,
        /// In which mode it is wanted.
        mode: Mode,
        /// Who is in the way.
        by: Vec<TaskId>,
        /// The wait spins (a requeueing worker) instead of sleeping.
        spins: bool,
        /// They do not hold it: they are writers that queued first.
        queued: bool,
    },
    /// `i_dio_count` is not 0.
    DioCount(i8),
    /// `i_aiodio_unwritten` / `i_unwritten` is not 0.
    Unwritten(i8),
    /// `i_ioend_count` is not 0.
    Ioend(i8),
    /// The running transaction is locked for commit.
    TransactionLocked,
    /// Another commit is at it: one thread does them all.
    CommitRunning,
    /// Commit waits for that many open handles.
    OpenHandles(u8),
    /// It sleeps on the wait queue of a counter.
    Asleep {
        /// Which.
        queue: WaitQueue,
        /// The counter.
        count: i8,
        /// Nobody will wake it: no other task can take a step.
        forgotten: bool,
    },
}

impl Inode {
    /// What keeps `task` from doing `op` now, if anything. Only waiting steps can be blocked.
    pub fn blocked(&self, task: TaskId, op: &Op) -> Option<Blocked> {
        let lock_blocked = |lock: LockName, mode, spins| {
            let sem = self.lock(lock);
            if sem.can_take(task, mode) {
                return None;
            }
            let mut by: Vec<TaskId> = sem
                .holders()
                .iter()
                .filter(|h| mode == Mode::Exclusive || h.1 == Mode::Exclusive)
                .map(|h| h.0)
                .collect();
            let queued = by.is_empty();
            if queued {
                by.extend(sem.waiting().iter().copied().filter(|&t| t != task));
            }
            by.dedup();
            Some(Blocked::Lock { lock, mode, by, spins, queued })
        };
        match *op {
            Op::Lock(lock, mode) => lock_blocked(lock, mode, false),
            Op::LockByRequeue(lock) => lock_blocked(lock, Mode::Exclusive, true),
            Op::DioWait if !self.guards.dio_count.drained() => {
                Some(Blocked::DioCount(self.guards.dio_count.get()))
            }
            Op::UnwrittenWait if !self.guards.unwritten.drained() => {
                Some(Blocked::Unwritten(self.guards.unwritten.get()))
            }
            Op::IoendWait(whose) if !self.guards.io_ends[whose as usize].drained() => {
                Some(Blocked::Ioend(self.guards.io_ends[whose as usize].get()))
            }
            Op::JournalStart(_) if !self.guards.journal.can_start() => {
                Some(Blocked::TransactionLocked)
            }
            Op::CommitLock if !self.guards.journal.can_start() => Some(Blocked::CommitRunning),
            Op::CommitWait if !self.guards.journal.quiet() => {
                Some(Blocked::OpenHandles(self.guards.journal.updates()))
            }
            Op::WaitSleep(queue) if self.guards.queues[queue as usize].asleep(task) => {
                Some(Blocked::Asleep { queue, count: self.count(queue), forgotten: false })
            }
            _ => None,
        }
    }
}
