//! `ext4_evict_inode`: of this file, whose last name is gone, or of another one that memory reclaim
//! throws out.

use super::flush::FlushCompleted;
use crate::extent_probe::Owner;
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{Handle, Op, Outcome};
use crate::task::{Place, Task};

/// `ext4_evict_inode` of a file without a name: it goes, blocks and all.
///
/// | step          | kernel (v3.7; * only there)                               | holds after            |
/// |---------------|-----------------------------------------------------------|------------------------|
/// | WaitIoend     | ext4_evict_inode: ext4_ioend_wait                         |                        |
/// | StartHandle   | ext4_evict_inode: ext4_journal_start                      | handle                 |
/// | Flush         | ext4_ext_truncate: ext4_flush_completed_IO                | handle                 |
/// | WaitUnwritten | ext4_flush_unwritten_io: ext4_unwritten_wait *            | handle                 |
/// | TakeDataSem   | ext4_ext_truncate: down_write(i_data_sem)                 | handle, i_data_sem W   |
/// | Free          | ext4_ext_remove_space                                     | handle, i_data_sem W   |
/// | DropDataSem   | ext4_ext_truncate: up_write(i_data_sem)                   | handle                 |
/// | StopHandle    | ext4_evict_inode: ext4_journal_stop                       |                        |
///
/// # Kernel
/// fs/ext4/inode.c, fs/ext4/extents.c, fs/ext4/page-io.c, read in v3.6, v3.7.2 and v3.11. Before
/// 2581fdc81088 the wait came in `ext4_destroy_inode`, after the truncate. v3.9's also cancels the work
/// (1ada47d9468f, message). v3.11 has none: it relies on `truncate_inode_pages`, as the writeback bit of
/// a page now goes after the conversion.
///
/// # Modelled
/// Nobody holds a reference to the inode, so nobody takes `i_mutex`, this task neither; only
/// completions of buffered writes are left. For v3.11 `WaitIoend` is the wait for the page. The handle
/// of `ext4_ext_truncate` nests in the first one.
///
/// # Left out
/// The sizes, the pages, the orphan list; what comes after the truncate.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct EvictInode {
    kernel: Kernel,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    WaitIoend,
    StartHandle,
    Flush(FlushCompleted),
    WaitUnwritten,
    TakeDataSem,
    Free,
    DropDataSem,
    StopHandle,
    Done,
}

impl EvictInode {
    /// Evicts the file.
    pub fn new(kernel: Kernel) -> EvictInode {
        let waits = kernel.has(Fix::EvictWaits) || kernel.version >= Version::V3_11;
        EvictInode { kernel, step: if waits { Step::WaitIoend } else { Step::StartHandle } }
    }
}

impl Task for EvictInode {
    fn next(&self) -> Option<Op> {
        let (sem, alone) = (LockName::IDataSem, Mode::Exclusive);
        Some(match &self.step {
            Step::WaitIoend => Op::IoendWait(Owner::ThisFile),
            Step::StartHandle => Op::JournalStart(Handle::Extents),
            Step::Flush(flush) => return flush.next(),
            Step::WaitUnwritten => Op::UnwrittenWait,
            Step::TakeDataSem => Op::Lock(sem, alone),
            Step::Free => Op::Free(0),
            Step::DropDataSem => Op::Unlock(sem, alone),
            Step::StopHandle => Op::JournalStop(Handle::Extents),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        self.step = match &mut self.step {
            Step::WaitIoend => Step::StartHandle,
            Step::StartHandle if self.kernel.version >= Version::V3_11 => Step::TakeDataSem,
            Step::StartHandle => {
                Step::Flush(FlushCompleted::new(self.kernel, None, true).of_buffered(true))
            }
            Step::Flush(flush) => {
                flush.resume(outcome);
                if flush.next().is_some() {
                    return;
                }
                let waits = self.kernel.has(Fix::FlushWaits);
                if waits { Step::WaitUnwritten } else { Step::TakeDataSem }
            }
            Step::WaitUnwritten => Step::TakeDataSem,
            Step::TakeDataSem => Step::Free,
            Step::Free => Step::DropDataSem,
            Step::DropDataSem => Step::StopHandle,
            Step::StopHandle | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Step::Flush(flush) => return flush.place(),
            Step::WaitIoend => ("WaitIoend", "ext4_ioend_wait"),
            Step::StartHandle => ("StartHandle", "ext4_evict_inode"),
            Step::WaitUnwritten => ("WaitUnwritten", "ext4_unwritten_wait"),
            Step::TakeDataSem => ("TakeDataSem", "ext4_ext_truncate"),
            Step::Free => ("Free", "ext4_ext_remove_space"),
            Step::DropDataSem => ("DropDataSem", "ext4_ext_truncate"),
            Step::StopHandle => ("StopHandle", "ext4_evict_inode"),
            Step::Done => ("Done", "ext4_evict_inode"),
        };
        Place { step, kernel }
    }
}

/// A buffered write whose page fault makes memory reclaim evict another inode.
///
/// | step       | kernel (v3.6)                                                        | holds after |
/// |------------|----------------------------------------------------------------------|-------------|
/// | TakeImutex | generic_file_aio_write: mutex_lock(i_mutex)                          | i_mutex     |
/// | WaitIoend  | shrink_icache_memory: ext4_evict_inode of the other: ext4_ioend_wait | i_mutex     |
/// | DropImutex | generic_file_aio_write: mutex_unlock(i_mutex)                        |             |
///
/// # Kernel
/// The story is in the messages of 2581fdc81088 and 8c0bec2151a4; the wait was read in v3.6 and v3.7.2.
///
/// # Modelled
/// The first of these commits also flushed the other inode's list before the wait, under its `i_mutex`;
/// the second took that out again. It is no step here: as read in a tree of v3.0, the flush converts,
/// but the io_end is freed, and `i_ioend_count` lowered, by its work item only.
///
/// # Left out
/// The write itself; v3.11, where reclaim passes over an inode whose pages are under writeback.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct WriteThatEvicts {
    step: u8,
}

impl Task for WriteThatEvicts {
    fn next(&self) -> Option<Op> {
        match self.step {
            0 => Some(Op::Lock(LockName::IMutex, Mode::Exclusive)),
            1 => Some(Op::IoendWait(Owner::AnotherFile)),
            2 => Some(Op::Unlock(LockName::IMutex, Mode::Exclusive)),
            _ => None,
        }
    }

    fn resume(&mut self, _: Outcome) {
        self.step += 1;
    }

    fn place(&self) -> Place {
        const STEPS: [&str; 4] = ["TakeImutex", "WaitIoend", "DropImutex", "Done"];
        let kernel = if self.step == 1 { "ext4_ioend_wait" } else { "generic_file_aio_write" };
        Place { step: STEPS[usize::from(self.step)], kernel }
    }
}
