//! `ext4_sync_file`, as far as unwritten extents go.

use super::flush::FlushCompleted;
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{Op, Outcome};
use crate::task::{Place, Task};

/// `ext4_sync_file`: fsync.
///
/// | step          | kernel (v3.6; * from v3.7)                               | holds after |
/// |---------------|----------------------------------------------------------|-------------|
/// | WaitPages     | filemap_write_and_wait_range: wait_on_page_writeback     | page        |
/// | LetPages      | filemap_write_and_wait_range                             |             |
/// | TakeImutex    | ext4_sync_file: mutex_lock(i_mutex)                      | i_mutex     |
/// | Flush         | ext4_flush_completed_IO, see FlushCompleted              | i_mutex     |
/// | WaitUnwritten | ext4_flush_unwritten_io: wait for i_unwritten == 0 *     | i_mutex     |
/// | Return        | ext4_sync_file: what was committed is what a crash leaves | i_mutex    |
/// | DropImutex    | ext4_sync_file: mutex_unlock(i_mutex)                    |             |
///
/// # Kernel
/// fs/ext4/fsync.c, read in v3.6, v3.7.2, v3.11, v4.10.17 and v6.12: from v3.11 on it only waits for the
/// pages, and takes no `i_mutex`.
///
/// # Modelled
/// Only a page that is under writeback when it comes is waited for: another thread wrote it back.
///
/// # Left out
/// Writing pages back itself, the commit, the barrier.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SyncFile {
    kernel: Kernel,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    WaitPages,
    LetPages,
    TakeImutex,
    Flush(FlushCompleted),
    WaitUnwritten,
    Return,
    DropImutex,
    Done,
}

impl SyncFile {
    /// Syncs the whole file.
    pub fn new(kernel: Kernel) -> SyncFile {
        SyncFile { kernel, step: Step::WaitPages }
    }
}

impl Task for SyncFile {
    fn next(&self) -> Option<Op> {
        Some(match &self.step {
            Step::WaitPages => Op::Lock(LockName::PageLock, Mode::Exclusive),
            Step::LetPages => Op::Unlock(LockName::PageLock, Mode::Exclusive),
            Step::TakeImutex => Op::Lock(LockName::IMutex, Mode::Exclusive),
            Step::Flush(flush) => return flush.next(),
            Step::WaitUnwritten => Op::UnwrittenWait,
            Step::Return => Op::FsyncDone,
            Step::DropImutex => Op::Unlock(LockName::IMutex, Mode::Exclusive),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        self.step = match &mut self.step {
            Step::WaitPages => Step::LetPages,
            Step::LetPages if self.kernel.version >= Version::V3_11 => Step::Return,
            Step::LetPages => Step::TakeImutex,
            Step::TakeImutex => Step::Flush(FlushCompleted::new(self.kernel, None, true)),
            Step::Flush(flush) => {
                flush.resume(outcome);
                if flush.next().is_some() {
                    return;
                }
                if self.kernel.has(Fix::FlushWaits) { Step::WaitUnwritten } else { Step::Return }
            }
            Step::WaitUnwritten => Step::Return,
            Step::Return if self.kernel.version < Version::V3_11 => Step::DropImutex,
            Step::Return | Step::DropImutex | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match &self.step {
            Step::Flush(flush) => return flush.place(),
            Step::WaitPages => "WaitPages",
            Step::LetPages => "LetPages",
            Step::TakeImutex => "TakeImutex",
            Step::WaitUnwritten => "WaitUnwritten",
            Step::Return => "Return",
            Step::DropImutex => "DropImutex",
            Step::Done => "Done",
        };
        Place { step, kernel: "ext4_sync_file" }
    }
}
