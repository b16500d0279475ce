//! What follows the end of a page's writeback up to v3.7: list, worker, conversion.

use super::flush::FlushCompleted;
use crate::extent_probe::IoEnd;
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel};
use crate::op::{Op, Outcome, Range, TaskId};
use crate::task::{Place, Task};

/// The rest of `ext4_end_bio` for a page that was written over an unwritten block, and `ext4_end_io_work`.
///
/// | step         | kernel (v3.6)                                         | holds after         |
/// |--------------|-------------------------------------------------------|---------------------|
/// | TakeListLock | ext4_end_bio: spin_lock_irqsave                       | i_completed_io_lock |
/// | AddToList    | ext4_end_bio: list_add_tail                           | i_completed_io_lock |
/// | DropListLock | ext4_end_bio: spin_unlock_irqrestore, queue_work      |                     |
/// | TakeImutex   | ext4_end_io_work: mutex_trylock, requeue (to v3.6)    | i_mutex             |
/// | Flush        | ext4_end_io_work, see FlushCompleted                  | i_mutex (to v3.6)   |
/// | DropImutex   | ext4_end_io_work: mutex_unlock (to v3.6)              |                     |
///
/// # Kernel
/// fs/ext4/page-io.c, read in v3.6 and v3.7.2 (where it is `ext4_add_complete_io`).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct EndPageIo {
    io_end: IoEnd,
    kernel: Kernel,
    /// The worker is left to somebody else.
    interrupt: bool,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    TakeListLock,
    AddToList,
    DropListLock,
    TakeImutex,
    Flush(FlushCompleted),
    DropImutex,
    Done,
}

impl EndPageIo {
    /// Finishes the page over `range`, written back by `task`.
    pub fn new(task: TaskId, range: Range, kernel: Kernel) -> EndPageIo {
        let io_end = IoEnd { task, range, direct: false };
        EndPageIo { io_end, kernel, interrupt: false, step: Step::TakeListLock }
    }

    /// No more than the interrupt does.
    #[must_use]
    pub fn interrupt(self) -> EndPageIo {
        EndPageIo { interrupt: true, ..self }
    }

    /// The worker, after the interrupt.
    #[must_use]
    pub fn worker(self) -> EndPageIo {
        let step = self.work();
        EndPageIo { step, ..self }
    }

    fn work(&self) -> Step {
        if self.kernel.has(Fix::ConvertWithoutImutex) { self.flush(None) } else { Step::TakeImutex }
    }

    fn flush(&self, whose: Option<TaskId>) -> Step {
        let locked = self.kernel.has(Fix::LockCompletedList);
        Step::Flush(FlushCompleted::new(self.kernel, whose, locked))
    }
}

impl Task for EndPageIo {
    fn next(&self) -> Option<Op> {
        let list = LockName::CompletedIoLock;
        Some(match &self.step {
            Step::TakeListLock => Op::Lock(list, Mode::Exclusive),
            Step::AddToList => Op::ListAdd(self.io_end),
            Step::DropListLock => Op::Unlock(list, Mode::Exclusive),
            Step::TakeImutex => Op::LockByRequeue(LockName::IMutex),
            Step::Flush(flush) => return flush.next(),
            Step::DropImutex => Op::Unlock(LockName::IMutex, Mode::Exclusive),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let unlocked = self.kernel.has(Fix::ConvertWithoutImutex);
        self.step = match &mut self.step {
            Step::TakeListLock => Step::AddToList,
            Step::AddToList => Step::DropListLock,
            Step::DropListLock if self.interrupt => Step::Done,
            Step::DropListLock => self.work(),
            Step::TakeImutex => self.flush(Some(self.io_end.task)),
            Step::Flush(flush) => {
                flush.resume(outcome);
                if flush.next().is_some() {
                    return;
                }
                if unlocked { Step::Done } else { Step::DropImutex }
            }
            Step::DropImutex | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Step::Flush(flush) => return flush.place(),
            Step::TakeListLock => ("TakeListLock", "ext4_end_bio"),
            Step::AddToList => ("AddToList", "ext4_end_bio"),
            Step::DropListLock => ("DropListLock", "ext4_end_bio"),
            Step::TakeImutex => ("TakeImutex", "ext4_end_io_work"),
            Step::DropImutex => ("DropImutex", "ext4_end_io_work"),
            Step::Done => ("Done", "ext4_end_io_work"),
        };
        Place { step, kernel }
    }
}
