//! `ext4_sync_file`, as far as unwritten extents go.

use super::end_page_io::EndPageIo;
use super::flush::FlushCompleted;
use super::writepages::WritePages;
use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::IMutex;
use crate::op::Mode::Exclusive;
use crate::op::Op;
use crate::task::steps;

steps! {
    /// `ext4_sync_file`: fsync.
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
    /// The commit, the barrier. After a write at the very start of a file that returned -EIOCBQUEUED the range ends below
    /// zero, which `ext4_da_writepages` (v3.6) takes for no end at all: dirty pages are written, and none is waited for.
    pub struct SyncFile {
        write_back: Option<Box<WritePages>>,
        kernel: Kernel,
        /// Of a write that is not over.
        queued: bool,
        workers: Vec<EndPageIo>,
    }
    in "ext4_sync_file" => Step / At |self, outcome|;

    WritePages(pages: Option<Box<WritePages>>) => self.write_back.take()
        => self.workers = pages.map(|pages| pages.workers()).unwrap_or_default();
    TakeImutex "mutex_lock(i_mutex)" if self.locks() => Op::Lock(IMutex, Exclusive);
    Flush(flush: FlushCompleted) if self.locks() => FlushCompleted::new(self.kernel, None, true);
    WaitUnwritten "ext4_flush_unwritten_io: wait for i_unwritten == 0" if self.waits() => Op::UnwrittenWait;
    Return "what was committed is what a crash leaves" if !self.queued => Op::FsyncDone;
    DropImutex "mutex_unlock(i_mutex)" if self.locks() => Op::Unlock(IMutex, Exclusive);
    Worker(worker: Option<EndPageIo>) if !self.workers.is_empty() => self.workers.pop() => Step::Worker;
}

impl SyncFile {
    /// Syncs the whole file, which it writes back so.
    pub fn new(write_back: WritePages, kernel: Kernel) -> SyncFile {
        let write_back = Some(Box::new(write_back.and_wait()));
        let (queued, workers) = Default::default();
        SyncFile { write_back, kernel, queued, workers, step: At::Done }.begin()
    }

    /// What `generic_write_sync` makes of a write that returned -EIOCBQUEUED, up to v3.11: it takes that for a count,
    /// and the range that comes out ends before it begins, so that no page is written or waited for. What its caller is
    /// told afterwards is that write's own end: of pages that the write itself has seen written back it says nothing.
    pub fn of_queued(kernel: Kernel) -> SyncFile {
        let workers = Vec::new();
        SyncFile { write_back: None, kernel, queued: true, workers, step: At::Done }.begin()
    }

    fn locks(&self) -> bool {
        self.kernel.version < Version::V3_11
    }

    fn waits(&self) -> bool {
        self.locks() && self.kernel.has(Fix::FlushWaits)
    }
}
