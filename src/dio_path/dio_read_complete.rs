//! `dio_complete`: the completion of an asynchronous direct read, up to v5.4.

use crate::kernel::{Fix, Kernel, Version};
use crate::op::{Op, Outcome, Submission, TaskId};
use crate::task::{Place, Task};

/// `dio_bio_end_aio` and `dio_complete` of a read, which has no `->end_io`.
///
/// | step        | kernel (v3.11; v3.7 has aio_complete first)            | holds after |
/// |-------------|--------------------------------------------------------|-------------|
/// | RunBio      | the device reads; dio_bio_end_aio                      |             |
/// | EndIo       | dio_complete: inode_dio_done                           |             |
/// | AioComplete | dio_complete: aio_complete                             |             |
///
/// # Kernel
/// `dio_bio_end_aio`, `dio_complete` (fs/direct-io.c), read in v3.6.5, v3.7.2, v3.11, v4.10.17 and v5.4.18.
///
/// # Modelled
/// Nobody holds a lock for it: `i_dio_count` alone keeps the blocks.
///
/// # Left out
/// A read that ends before its submitter drops its reference to the dio: the submitter completes it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DioReadComplete {
    task: TaskId,
    told_last: bool,
    submission: Option<Submission>,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Step {
    RunBio,
    EndIo,
    AioComplete,
    Done,
}

impl DioReadComplete {
    /// The completion, as task `task`, of what will be submitted.
    pub fn new(task: TaskId, kernel: Kernel) -> DioReadComplete {
        let told_last = kernel.has(Fix::AioCompleteLast) || kernel.version >= Version::V4_10;
        DioReadComplete { task, told_last, submission: None, step: Step::RunBio }
    }
    /// Whether the I/O is on its way.
    pub fn submitted(&self) -> bool {
        self.submission.is_some()
    }
    /// The I/O is on its way.
    pub fn submit(&mut self, submission: Submission) {
        self.submission = Some(submission);
    }
}

impl Task for DioReadComplete {
    fn next(&self) -> Option<Op> {
        let submission = self.submission.as_ref()?;
        Some(match self.step {
            Step::RunBio => Op::Bio(submission.blocks.clone(), submission.bio),
            Step::EndIo => Op::DioEnd(self.task),
            Step::AioComplete => Op::AioComplete,
            Step::Done => return None,
        })
    }

    fn resume(&mut self, _: Outcome) {
        self.step = match (self.step, self.told_last) {
            (Step::RunBio, true) | (Step::AioComplete, false) => Step::EndIo,
            (Step::RunBio, false) | (Step::EndIo, true) => Step::AioComplete,
            (Step::EndIo | Step::AioComplete | Step::Done, _) => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match self.step {
            Step::RunBio => ("RunBio", "dio_bio_end_aio"),
            Step::EndIo => ("EndIo", "dio_complete"),
            Step::AioComplete => ("AioComplete", "dio_complete"),
            Step::Done => ("Done", "dio_complete"),
        };
        Place { step, kernel }
    }
}
