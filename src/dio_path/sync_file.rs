//! `ext4_sync_file`, as far as unwritten extents go.

use super::end_page_io::EndPageIo;
use super::flush::FlushCompleted;
use super::writepages::WritePages;
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{Op, Outcome};
use crate::task::{Place, Task};

/// `ext4_sync_file`: fsync.
///
/// | step          | kernel (v3.6; * from v3.7)                               | holds after |
/// |---------------|----------------------------------------------------------|-------------|
/// | WritePages    | filemap_write_and_wait_range, see WritePages             |             |
/// | TakeImutex    | ext4_sync_file: mutex_lock(i_mutex)                      | i_mutex     |
/// | Flush         | ext4_flush_completed_IO, see FlushCompleted              | i_mutex     |
/// | WaitUnwritten | ext4_flush_unwritten_io: wait for i_unwritten == 0 *     | i_mutex     |
/// | Return        | ext4_sync_file: what was committed is what a crash leaves | i_mutex    |
/// | DropImutex    | ext4_sync_file: mutex_unlock(i_mutex)                    |             |
/// | Worker        | ext4_end_io_work: what was written back, see EndPageIo   |             |
///
/// # Kernel
/// fs/ext4/fsync.c, read in v3.6, v3.7.2, v3.11, v4.10.17 and v6.12: from v3.11 on it only waits for the
/// pages, and takes no `i_mutex`.
///
/// # Modelled
/// It writes the page back itself, and waits, too, for what another thread writes back. The worker of v3.6,
/// which would convert what it wrote, is its own last step.
///
/// # Left out
/// The commit, the barrier.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SyncFile {
    kernel: Kernel,
    workers: Vec<EndPageIo>,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    WritePages(Box<WritePages>),
    TakeImutex,
    Flush(FlushCompleted),
    WaitUnwritten,
    Return,
    DropImutex,
    Worker(EndPageIo),
    Done,
}

impl SyncFile {
    /// Syncs the whole file, which it writes back so.
    pub fn new(write_back: WritePages, kernel: Kernel) -> SyncFile {
        let step = Step::WritePages(Box::new(write_back.and_wait()));
        SyncFile { kernel, workers: Vec::new(), step }
    }

    fn locks(&self) -> bool {
        self.kernel.version < Version::V3_11
    }

    fn worker(&mut self) -> Step {
        self.workers.pop().map_or(Step::Done, Step::Worker)
    }
}

impl Task for SyncFile {
    fn next(&self) -> Option<Op> {
        Some(match &self.step {
            Step::WritePages(write_back) => return write_back.next(),
            Step::Worker(worker) => return worker.next(),
            Step::TakeImutex => Op::Lock(LockName::IMutex, Mode::Exclusive),
            Step::Flush(flush) => return flush.next(),
            Step::WaitUnwritten => Op::UnwrittenWait,
            Step::Return => Op::FsyncDone,
            Step::DropImutex => Op::Unlock(LockName::IMutex, Mode::Exclusive),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let locks = self.locks();
        self.step = match &mut self.step {
            Step::WritePages(write_back) => {
                write_back.resume(outcome);
                if write_back.next().is_some() {
                    return;
                }
                self.workers = write_back.workers();
                if locks { Step::TakeImutex } else { Step::Return }
            }
            Step::TakeImutex => Step::Flush(FlushCompleted::new(self.kernel, None, true)),
            Step::Flush(flush) => {
                flush.resume(outcome);
                if flush.next().is_some() {
                    return;
                }
                if self.kernel.has(Fix::FlushWaits) { Step::WaitUnwritten } else { Step::Return }
            }
            Step::WaitUnwritten => Step::Return,
            Step::Return if locks => Step::DropImutex,
            Step::DropImutex => self.worker(),
            Step::Worker(worker) => {
                worker.resume(outcome);
                if worker.next().is_some() {
                    return;
                }
                self.worker()
            }
            Step::Return | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match &self.step {
            Step::Flush(flush) => return flush.place(),
            Step::WritePages(write_back) => return write_back.place(),
            Step::Worker(worker) => return worker.place(),
            Step::TakeImutex => "TakeImutex",
            Step::WaitUnwritten => "WaitUnwritten",
            Step::Return => "Return",
            Step::DropImutex => "DropImutex",
            Step::Done => "Done",
        };
        Place { step, kernel: "ext4_sync_file" }
    }
}
