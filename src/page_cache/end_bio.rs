//! `ext4_end_bio` and `ext4_end_io_work`: the completion of a buffered write into unwritten blocks.

use super::flush::FlushCompleted;
use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::{CompletedIoLock, DioUnwrittenWq, IMutex};
use crate::op::Mode::Exclusive;
use crate::op::{IoEnd, Op, Owner, Range, TaskId};
use crate::task::steps;

steps! {
    /// The interrupt behind `end_page_writeback`, and the work item that it queues.
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
    pub struct EndBio {}
    /// The completion, as task `task`, of a write to that range; `None`: to another inode.
    pub fn new(task: TaskId, range: Option<Range>, kernel: Kernel);
    in "ext4_end_io_work" => Step / At |self, outcome|;

    TakeListLock in "ext4_end_bio" "spin_lock_irqsave" if self.range.is_some()
        => Op::Lock(CompletedIoLock, Exclusive);
    AddToList in "ext4_end_bio" "list_add_tail" if self.range.is_some()
        => Op::ListAdd(IoEnd { task: self.task, range: self.range?, direct: false });
    DropListLock in "ext4_end_bio" "spin_unlock_irqrestore, queue_work" if self.range.is_some()
        => Op::Unlock(CompletedIoLock, Exclusive);
    TakeWorker in "process_one_work" "its turn on ext4-dio-unwritten (* see below)" if !self.requeues()
        => Op::Lock(DioUnwrittenWq, Exclusive);
    TakeImutex "mutex_trylock, requeue" if self.needs_imutex() => self.take_imutex();
    Flush(flush: FlushCompleted) if self.range.is_some() => self.flush();
    DropImutex "mutex_unlock" if self.needs_imutex() => Op::Unlock(IMutex, Exclusive);
    FreeIoEnd in "ext4_free_io_end" "i_ioend_count" => Op::IoendDone(self.whose());
    DropWorker in "process_one_work" "ext4_end_io_work returns (*)" if !self.requeues()
        => Op::Unlock(DioUnwrittenWq, Exclusive);
}

impl EndBio {
    /// Whose io_end it is.
    pub fn whose(&self) -> Owner {
        if self.range.is_some() { Owner::ThisFile } else { Owner::AnotherFile }
    }

    /// What was written, and is on the device.
    pub fn written(&self) -> Option<(TaskId, Range)> {
        Some((self.task, self.range?))
    }

    fn under_imutex(&self) -> bool {
        !self.kernel.has(Fix::ConvertWithoutImutex)
    }

    fn needs_imutex(&self) -> bool {
        self.range.is_some() && self.under_imutex()
    }

    /// It gives way to the items behind it; v3.7 has no need to, unless it needs `i_mutex` after all.
    fn requeues(&self) -> bool {
        let gives_way =
            self.kernel.has(Fix::RequeueBusyWork) || self.kernel.version >= Version::V3_7;
        self.under_imutex() && gives_way
    }

    fn take_imutex(&self) -> Op {
        if self.requeues() { Op::LockByRequeue(IMutex) } else { Op::Lock(IMutex, Exclusive) }
    }

    fn flush(&self) -> FlushCompleted {
        let whose = self.needs_imutex().then_some(self.task);
        FlushCompleted::new(self.kernel, whose, true).of_buffered(false)
    }
}
