//! `ext4_end_io_dio` and `ext4_end_io_work`: the completion of an asynchronous write.

use super::flush::FlushCompleted;
use super::iocb::PrivateOp;
use crate::extent_probe::IoEnd;
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{Op, Outcome, Submission, TaskId};
use crate::task::{Place, Task};

/// The interrupt, and the worker it queues when extents must be converted.
///
/// | step         | kernel (v3.6)                                        | holds after         |
/// |--------------|------------------------------------------------------|---------------------|
/// | RunBio       | the device writes; dio_bio_end_aio                   |                     |
/// | DropRefcount | dio_bio_end_aio: dio->refcount (nothing to convert)  |                     |
/// | TakeIoEnd    | ext4_end_io_dio: io_end = iocb->private              |                     |
/// | PutIoEnd     | ext4_end_io_dio: ext4_put_io_end_defer (v3.11)       |                     |
/// | AioComplete  | ext4_end_io_dio: aio_complete (nothing to convert)   |                     |
/// | EndIo        | ext4_end_io_dio: inode_dio_done                      |                     |
/// | EndIoEarly   | inode_dio_done (before 266991b13890)                 |                     |
/// | TakeListLock | ext4_end_io_dio: spin_lock_irqsave                   | i_completed_io_lock |
/// | AddToList    | ext4_end_io_dio: list_add_tail                       | i_completed_io_lock |
/// | DropListLock | ext4_end_io_dio: spin_unlock_irqrestore, queue_work  |                     |
/// | TakeImutex   | ext4_end_io_work: mutex_trylock, requeue (to v3.6)   | i_mutex             |
/// | Flush        | ext4_end_io_work, see FlushCompleted                 | i_mutex (to v3.6)   |
/// | DropImutex   | ext4_end_io_work: mutex_unlock (to v3.6)             |                     |
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
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct EndIo {
    task: TaskId,
    submitter: TaskId,
    kernel: Kernel,
    submission: Option<Submission>,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    RunBio,
    DropRefcount,
    TakeIoEnd,
    PutIoEnd,
    AioComplete,
    EndIo,
    EndIoEarly,
    TakeListLock,
    AddToList,
    DropListLock,
    TakeImutex,
    Flush(FlushCompleted),
    DropImutex,
    Done,
}

impl EndIo {
    /// The completion, as task `task`, of what `submitter` will submit.
    pub fn new(task: TaskId, submitter: TaskId, kernel: Kernel) -> EndIo {
        EndIo { task, submitter, kernel, submission: None, step: Step::RunBio }
    }

    /// Whether the I/O is on its way.
    pub fn submitted(&self) -> bool {
        self.submission.is_some()
    }

    /// The I/O is on its way.
    pub fn submit(&mut self, submission: Submission) {
        self.submission = Some(submission);
    }

    fn flush(&self, whose: Option<TaskId>) -> Step {
        let locked = self.kernel.has(Fix::LockCompletedList);
        Step::Flush(FlushCompleted::new(self.kernel, whose, locked))
    }
}

impl Task for EndIo {
    fn next(&self) -> Option<Op> {
        let submission = self.submission.as_ref()?;
        Some(match &self.step {
            Step::RunBio => Op::Bio(submission.blocks.clone(), submission.bio),
            Step::DropRefcount => Op::DropRefcount(self.task),
            Step::TakeIoEnd => Op::Private(self.submitter, PrivateOp::TakeIoEnd { of: self.task }),
            Step::PutIoEnd => Op::PutIoEnd(self.task),
            Step::AioComplete => Op::AioComplete,
            Step::EndIo | Step::EndIoEarly => Op::DioEnd(self.task),
            Step::TakeListLock => Op::Lock(LockName::CompletedIoLock, Mode::Exclusive),
            Step::AddToList => {
                let range = submission.range;
                Op::ListAdd(IoEnd { task: self.task, range, direct: true })
            }
            Step::DropListLock => Op::Unlock(LockName::CompletedIoLock, Mode::Exclusive),
            Step::TakeImutex => Op::LockByRequeue(LockName::IMutex),
            Step::Flush(flush) => return flush.next(),
            Step::DropImutex => Op::Unlock(LockName::IMutex, Mode::Exclusive),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let unwritten = self.submission.as_ref().is_some_and(|s| s.unwritten);
        let counted = self.kernel.version >= Version::V3_11;
        self.step = match &mut self.step {
            Step::RunBio if !unwritten => Step::DropRefcount,
            // Its submitter completes it.
            Step::DropRefcount if outcome == Outcome::Flag(false) => Step::Done,
            Step::RunBio | Step::DropRefcount => Step::TakeIoEnd,
            Step::TakeIoEnd if counted => Step::PutIoEnd,
            Step::PutIoEnd if outcome == Outcome::Flag(false) => Step::Done,
            Step::TakeIoEnd | Step::PutIoEnd
                if !unwritten && self.kernel.has(Fix::AioCompleteLast) =>
            {
                Step::EndIo
            }
            Step::TakeIoEnd | Step::PutIoEnd if !unwritten => Step::AioComplete,
            Step::TakeIoEnd | Step::PutIoEnd if !self.kernel.has(Fix::CountCoversConversion) => {
                Step::EndIoEarly
            }
            Step::TakeIoEnd | Step::PutIoEnd | Step::EndIoEarly => Step::TakeListLock,
            Step::EndIo if self.kernel.has(Fix::AioCompleteLast) => Step::AioComplete,
            Step::AioComplete if self.kernel.has(Fix::AioCompleteLast) => Step::Done,
            Step::AioComplete => Step::EndIo,
            Step::TakeListLock => Step::AddToList,
            Step::AddToList => Step::DropListLock,
            Step::DropListLock if self.kernel.has(Fix::ConvertWithoutImutex) => self.flush(None),
            Step::DropListLock => Step::TakeImutex,
            Step::TakeImutex => self.flush(Some(self.task)),
            Step::Flush(flush) => {
                flush.resume(outcome);
                if flush.next().is_some() {
                    return;
                }
                if self.kernel.has(Fix::ConvertWithoutImutex) {
                    Step::Done
                } else {
                    Step::DropImutex
                }
            }
            Step::EndIo | Step::DropImutex | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Step::Flush(flush) => return flush.place(),
            Step::RunBio => ("RunBio", "dio_bio_end_aio"),
            Step::DropRefcount => ("DropRefcount", "dio_bio_end_aio"),
            Step::TakeIoEnd => ("TakeIoEnd", "ext4_end_io_dio"),
            Step::PutIoEnd => ("PutIoEnd", "ext4_put_io_end_defer"),
            Step::AioComplete => ("AioComplete", "ext4_end_io_dio"),
            Step::EndIo => ("EndIo", "ext4_end_io_dio"),
            Step::EndIoEarly => ("EndIoEarly", "ext4_end_io_dio"),
            Step::TakeListLock => ("TakeListLock", "ext4_end_io_dio"),
            Step::AddToList => ("AddToList", "ext4_end_io_dio"),
            Step::DropListLock => ("DropListLock", "ext4_end_io_dio"),
            Step::TakeImutex => ("TakeImutex", "ext4_end_io_work"),
            Step::DropImutex => ("DropImutex", "ext4_end_io_work"),
            Step::Done => ("Done", "ext4_end_io_work"),
        };
        Place { step, kernel }
    }
}
