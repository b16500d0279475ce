//! `ext4_end_bio` and `ext4_end_io_work`: the completion of a buffered write into unwritten blocks.

use super::flush::FlushCompleted;
use crate::extent_probe::{IoEnd, Owner};
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{Op, Outcome, Range, TaskId};
use crate::task::{Place, Task};

/// The interrupt behind `end_page_writeback`, and the work item that it queues.
///
/// | step         | kernel (v3.6)                                          | holds after                 |
/// |--------------|--------------------------------------------------------|-----------------------------|
/// | TakeListLock | ext4_end_bio: spin_lock_irqsave                        | i_completed_io_lock         |
/// | AddToList    | ext4_end_bio: list_add_tail                            | i_completed_io_lock         |
/// | DropListLock | ext4_end_bio: spin_unlock_irqrestore, queue_work       |                             |
/// | TakeWorker   | its turn on ext4-dio-unwritten (* see below)           | ext4-dio-unwritten          |
/// | TakeImutex   | ext4_end_io_work: mutex_trylock, requeue (to v3.6)     | i_mutex                     |
/// | Flush        | ext4_end_io_work, see FlushCompleted                   | i_mutex (to v3.6)           |
/// | DropImutex   | ext4_end_io_work: mutex_unlock (to v3.6)               |                             |
/// | FreeIoEnd    | ext4_free_io_end: i_ioend_count                        |                             |
/// | DropWorker   | ext4_end_io_work returns (*)                           |                             |
///
/// # Kernel
/// fs/ext4/page-io.c and fs/ext4/super.c, read in v3.6 and v3.7.2. The workqueue has one thread for all
/// inodes of the file system; `mutex_lock` instead of the trylock (before 8c0bec2151a4) is from that
/// commit's message.
///
/// # Modelled
/// The data is on the device from the start and the page's writeback bit gone: whoever waits for the
/// page does not wait for the conversion (until b0857d309fae, v3.11). A workqueue of one thread is a
/// lock that the running item holds: items come in in any order, and what one waits for all behind it
/// wait for. (*) An item that requeues itself (8c0bec2151a4) keeps that thread from nobody; once it has
/// `i_mutex` it waits for nothing that another item holds, so v3.6 needs no such step. An item of
/// another inode is only its turn and its count: nobody else wants that inode's locks.
///
/// # Left out
/// `EXT4_IO_END_IN_FSYNC` and who frees an io_end that a flush has converted: its worker does.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct EndBio {
    task: TaskId,
    range: Option<Range>,
    kernel: Kernel,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    TakeListLock,
    AddToList,
    DropListLock,
    TakeWorker,
    TakeImutex,
    Flush(FlushCompleted),
    DropImutex,
    FreeIoEnd,
    DropWorker,
    Done,
}

impl EndBio {
    /// The completion, as task `task`, of a write to that range; `None`: to another inode.
    pub fn new(task: TaskId, range: Option<Range>, kernel: Kernel) -> EndBio {
        let mut end_bio = EndBio { task, range, kernel, step: Step::TakeListLock };
        if range.is_none() {
            end_bio.step = end_bio.queued();
        }
        end_bio
    }

    /// Whose io_end it is.
    pub fn whose(&self) -> Owner {
        if self.range.is_some() { Owner::ThisFile } else { Owner::AnotherFile }
    }

    /// What was written, and is on the device.
    pub fn written(&self) -> Option<(TaskId, Range)> {
        Some((self.task, self.range?))
    }

    fn needs_imutex(&self) -> bool {
        !self.kernel.has(Fix::ConvertWithoutImutex)
    }

    /// It gives way to the items behind it; v3.7 has no need to, unless it needs `i_mutex` after all.
    fn requeues(&self) -> bool {
        let gives_way =
            self.kernel.has(Fix::RequeueBusyWork) || self.kernel.version >= Version::V3_7;
        self.needs_imutex() && gives_way
    }

    fn queued(&self) -> Step {
        if self.requeues() { self.run() } else { Step::TakeWorker }
    }

    fn run(&self) -> Step {
        match (self.range, self.needs_imutex()) {
            (None, _) => Step::FreeIoEnd,
            (Some(_), true) => Step::TakeImutex,
            (Some(_), false) => self.flush(),
        }
    }

    fn flush(&self) -> Step {
        let whose = self.needs_imutex().then_some(self.task);
        Step::Flush(FlushCompleted::new(self.kernel, whose, true).of_buffered(false))
    }
}

impl Task for EndBio {
    fn next(&self) -> Option<Op> {
        let (list, worker) = (LockName::CompletedIoLock, LockName::DioUnwrittenWq);
        let alone = Mode::Exclusive;
        Some(match &self.step {
            Step::TakeListLock => Op::Lock(list, alone),
            Step::AddToList => {
                Op::ListAdd(IoEnd { task: self.task, range: self.range?, direct: false })
            }
            Step::DropListLock => Op::Unlock(list, alone),
            Step::TakeWorker => Op::Lock(worker, alone),
            Step::TakeImutex if self.requeues() => Op::LockByRequeue(LockName::IMutex),
            Step::TakeImutex => Op::Lock(LockName::IMutex, alone),
            Step::Flush(flush) => return flush.next(),
            Step::DropImutex => Op::Unlock(LockName::IMutex, alone),
            Step::FreeIoEnd => Op::IoendDone(self.whose()),
            Step::DropWorker => Op::Unlock(worker, alone),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let requeues = self.requeues();
        self.step = match &mut self.step {
            Step::TakeListLock => Step::AddToList,
            Step::AddToList => Step::DropListLock,
            Step::DropListLock => self.queued(),
            Step::TakeWorker => self.run(),
            Step::TakeImutex => self.flush(),
            Step::Flush(flush) => {
                flush.resume(outcome);
                if flush.next().is_some() {
                    return;
                }
                if self.needs_imutex() { Step::DropImutex } else { Step::FreeIoEnd }
            }
            Step::DropImutex => Step::FreeIoEnd,
            Step::FreeIoEnd if !requeues => Step::DropWorker,
            Step::FreeIoEnd | Step::DropWorker | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Step::Flush(flush) => return flush.place(),
            Step::TakeListLock => ("TakeListLock", "ext4_end_bio"),
            Step::AddToList => ("AddToList", "ext4_end_bio"),
            Step::DropListLock => ("DropListLock", "ext4_end_bio"),
            Step::TakeWorker => ("TakeWorker", "process_one_work"),
            Step::TakeImutex => ("TakeImutex", "ext4_end_io_work"),
            Step::DropImutex => ("DropImutex", "ext4_end_io_work"),
            Step::FreeIoEnd => ("FreeIoEnd", "ext4_free_io_end"),
            Step::DropWorker => ("DropWorker", "process_one_work"),
            Step::Done => ("Done", "ext4_end_io_work"),
        };
        Place { step, kernel }
    }
}
