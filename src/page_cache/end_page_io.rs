//! What follows the end of a page's writeback up to v3.7: list, worker, conversion.

use super::flush::FlushCompleted;
use crate::kernel::{Fix, Kernel};
use crate::op::LockName::{CompletedIoLock, IMutex};
use crate::op::Mode::Exclusive;
use crate::op::{IoEnd, Op, Range, TaskId};
use crate::task::steps;

steps! {
    /// The rest of `ext4_end_bio` for a page that was written over an unwritten block, and `ext4_end_io_work`.
    ///
    /// # Kernel
    /// fs/ext4/page-io.c, read in v3.6 and v3.7.2 (where it is `ext4_add_complete_io`).
    pub struct EndPageIo {
        io_end: IoEnd,
        kernel: Kernel,
        /// The worker is left to somebody else.
        interrupt: bool,
    }
    in "ext4_end_io_work" => Step / At |self, outcome|;

    TakeListLock in "ext4_end_bio" "spin_lock_irqsave" => Op::Lock(CompletedIoLock, Exclusive);
    AddToList in "ext4_end_bio" "list_add_tail" => Op::ListAdd(self.io_end);
    DropListLock in "ext4_end_bio" "spin_unlock_irqrestore, queue_work" => Op::Unlock(CompletedIoLock, Exclusive)
        => self.interrupt.then_some(Step::Done);
    TakeImutex "mutex_trylock, requeue" if self.needs_imutex() => Op::LockByRequeue(IMutex);
    Flush(flush: FlushCompleted) => self.flush();
    DropImutex "mutex_unlock" if self.needs_imutex() => Op::Unlock(IMutex, Exclusive);
}

impl EndPageIo {
    /// Finishes the page over `range`, written back by `task`.
    pub fn new(task: TaskId, range: Range, kernel: Kernel) -> EndPageIo {
        let io_end = IoEnd { task, range, direct: false };
        EndPageIo { io_end, kernel, interrupt: false, step: At::Done }.begin()
    }

    /// No more than the interrupt does.
    #[must_use]
    pub fn interrupt(self) -> EndPageIo {
        EndPageIo { interrupt: true, ..self }
    }

    /// The worker, after the interrupt.
    #[must_use]
    pub fn worker(mut self) -> EndPageIo {
        self.go(Step::TakeImutex);
        self
    }

    fn needs_imutex(&self) -> bool {
        !self.kernel.has(Fix::ConvertWithoutImutex)
    }

    fn flush(&self) -> FlushCompleted {
        let whose = self.needs_imutex().then_some(self.io_end.task);
        FlushCompleted::new(self.kernel, whose, self.kernel.has(Fix::LockCompletedList))
    }
}
