//! The completion of an asynchronous direct read.

use crate::op::{Op, Submission, TaskId};
use crate::task::steps;

steps! {
    /// `iomap_dio_bio_end_io` of a read: no worker is needed, the interrupt completes it.
    ///
    /// # Kernel
    /// `iomap_dio_bio_end_io`, `iomap_dio_done` (v6.12), `iomap_dio_complete`, `iomap_dio_complete_work`
    /// (fs/iomap/direct-io.c), read in v5.10.44, v6.1.192 and v6.12.117; `ext4_dio_read_iter`
    /// (fs/ext4/file.c), which gives no `->end_io`.
    ///
    /// # Modelled
    /// The caller may end before it, and then holds no lock any more: `i_dio_count` alone keeps the blocks.
    ///
    /// # Left out
    /// A read that ends before its submitter lets go of it: the submitter completes it, under the shared
    /// lock, as a synchronous one. Errors, polling.
    pub struct IomapReadEndIo {
        /// The I/O, once it is on its way.
        pub submission: Option<Submission>,
    }
    /// The completion, as task `task`, of what will be submitted.
    pub fn new(task: TaskId);
    in "iomap_dio_bio_end_io" => Step / At |self, outcome|;

    RunBio "the device reads" => Op::run(self.submission.as_ref()?);
    EndIo in "iomap_dio_complete" "inode_dio_end" => Op::DioEnd(self.task);
    AioComplete in "iomap_dio_complete_work" "ki_complete" => Op::AioComplete;
}
