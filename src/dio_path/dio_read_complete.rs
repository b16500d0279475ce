//! `dio_complete`: the completion of an asynchronous direct read, up to v5.4.

use crate::kernel::{Fix, Kernel, Version};
use crate::op::{Op, Submission, TaskId};
use crate::task::steps;

steps! {
    /// `dio_bio_end_aio` and `dio_complete` of a read, which has no `->end_io`.
    ///
    /// # Kernel
    /// `dio_bio_end_aio`, `dio_complete` (fs/direct-io.c), read in v3.6.5, v3.7.2, v3.11, v4.10.17 and v5.4.18.
    ///
    /// # Modelled
    /// Nobody holds a lock for it: `i_dio_count` alone keeps the blocks.
    ///
    /// # Left out
    /// A read that ends before its submitter drops its reference to the dio: the submitter completes it.
    pub struct DioReadComplete {
        /// The I/O, once it is on its way.
        pub submission: Option<Submission>,
    }
    /// The completion, as task `task`, of what will be submitted.
    pub fn new(task: TaskId, kernel: Kernel);
    in "dio_complete" => Step / At |self, outcome|;

    RunBio in "dio_bio_end_aio" "the device reads" => Op::run(self.submission.as_ref()?)
        => self.told_last().then_some(Step::EndIo);
    AioComplete "aio_complete" => Op::AioComplete => self.told_last().then_some(Step::Done);
    EndIo "inode_dio_done" => Op::DioEnd(self.task) => self.told_last().then_some(Step::AioComplete);
}

impl DioReadComplete {
    fn told_last(&self) -> bool {
        self.kernel.has(Fix::AioCompleteLast) || self.kernel.version >= Version::V4_10
    }
}
