//! `ext4_end_io_dio` and `ext4_end_io_work`: the completion of an asynchronous write.

use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::{CompletedIoLock, IMutex};
use crate::op::Mode::Exclusive;
use crate::op::{IoEnd, Op, Outcome, PrivateOp, Submission, TaskId};
use crate::page_cache::FlushCompleted;
use crate::task::steps;

steps! {
    /// The interrupt, and the worker it queues when extents must be converted.
    ///
    /// # Modelled
    /// Up to v3.6 the worker tries `i_mutex` and requeues itself until it gets it: one step that waits
    /// but burns CPU. Its look at the list comes after that step instead of before: whoever takes its
    /// io_end off the list holds `i_mutex` meanwhile, so nobody can tell. `aio_complete` comes before
    /// the count goes (until v3.8). v3.11 has its list and worker in the inode and not in the io_end,
    /// which nobody else can tell; its io_end has two references, and whoever drops the last one, here or
    /// in DirectIo, does what is left to do. The dio has two references in every kernel; they are followed
    /// where nothing is to be converted (see DirectIo).
    ///
    /// # Left out
    /// The one thread of the workqueue (B24, see EndBio), the io_end's own lifetime (B25).
    pub struct EndIo {
        /// The I/O, once it is on its way.
        pub submission: Option<Submission>,
        osync: bool,
    }
    /// The completion, as task `task`.
    pub fn new(task: TaskId, kernel: Kernel);
    in "ext4_end_io_work" => Step / At |self, outcome|;

    RunBio in "dio_bio_end_aio" "the device writes" => Op::run(self.submission.as_ref()?);
    // If it is not the last to let go of the dio or of the io_end, its submitter completes the I/O.
    DropRefcount in "dio_bio_end_aio" "dio->refcount" if !self.unwritten() => Op::DropRefcount(self.task)
        => outcome.no().then_some(Step::Done);
    TakeIoEnd in "ext4_end_io_dio" "io_end = iocb->private"
        => Op::Private(self.task, PrivateOp::TakeIoEnd { of: self.task });
    PutIoEnd in "ext4_put_io_end_defer" if self.kernel.version >= Version::V3_11 => Op::PutIoEnd(self.task)
        => self.put(&outcome);
    AioComplete in "ext4_end_io_dio" "aio_complete" if !self.unwritten() => Op::AioComplete
        => self.told_last().then_some(Step::Done);
    EndIo in "ext4_end_io_dio" "inode_dio_done" if !self.unwritten() => Op::DioEnd(self.task)
        => if self.told_last() { Step::AioComplete } else { Step::Done };
    EndIoEarly in "ext4_end_io_dio" "inode_dio_done" if !self.kernel.has(Fix::CountCoversConversion)
        => Op::DioEnd(self.task);
    TakeListLock in "ext4_end_io_dio" "spin_lock_irqsave" => Op::Lock(CompletedIoLock, Exclusive);
    AddToList in "ext4_end_io_dio" "list_add_tail" => self.list_add()?;
    DropListLock in "ext4_end_io_dio" "spin_unlock_irqrestore, queue_work" => Op::Unlock(CompletedIoLock, Exclusive);
    TakeImutex "mutex_trylock, requeue" if self.takes_imutex() => Op::LockByRequeue(IMutex);
    Flush(flush: FlushCompleted) => self.flush();
    DropImutex "mutex_unlock" if self.takes_imutex() => Op::Unlock(IMutex, Exclusive);
}

impl EndIo {
    /// The same of a write that is O_SYNC, or is not: it was synced when it was submitted, if at all.
    #[must_use]
    pub fn of_osync(self, osync: bool) -> EndIo {
        EndIo { osync, ..self }
    }

    /// Whether its write is O_SYNC.
    pub fn osync(&self) -> bool {
        self.osync
    }

    fn unwritten(&self) -> bool {
        self.submission.as_ref().is_some_and(|s| s.unwritten)
    }

    fn takes_imutex(&self) -> bool {
        !self.kernel.has(Fix::ConvertWithoutImutex)
    }

    fn told_last(&self) -> bool {
        self.kernel.has(Fix::AioCompleteLast)
    }

    fn put(&self, outcome: &Outcome) -> Option<Step> {
        if outcome.no() {
            return Some(Step::Done);
        }
        (!self.unwritten() && self.told_last()).then_some(Step::EndIo)
    }

    fn list_add(&self) -> Option<Op> {
        let range = self.submission.as_ref()?.range();
        Some(Op::ListAdd(IoEnd { task: self.task, range, direct: true }))
    }

    fn flush(&self) -> FlushCompleted {
        let whose = self.takes_imutex().then_some(self.task);
        FlushCompleted::new(self.kernel, whose, self.kernel.has(Fix::LockCompletedList))
    }
}
