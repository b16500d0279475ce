//! The completion of an asynchronous direct read.

use crate::op::{Op, Outcome, Submission, TaskId};
use crate::task::{Place, Task};

/// `iomap_dio_bio_end_io` of a read: no worker is needed, the interrupt completes it.
///
/// | step        | kernel (v6.12)                                             | holds after |
/// |-------------|------------------------------------------------------------|-------------|
/// | RunBio      | the device reads; iomap_dio_bio_end_io                     |             |
/// | EndIo       | iomap_dio_complete: inode_dio_end                          |             |
/// | AioComplete | iomap_dio_complete_work: ki_complete                       |             |
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
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct IomapReadEndIo {
    task: TaskId,
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

impl IomapReadEndIo {
    /// The completion, as task `task`, of what will be submitted.
    pub fn new(task: TaskId) -> IomapReadEndIo {
        IomapReadEndIo { task, submission: None, step: Step::RunBio }
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

impl Task for IomapReadEndIo {
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
        self.step = match self.step {
            Step::RunBio => Step::EndIo,
            Step::EndIo => Step::AioComplete,
            Step::AioComplete | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match self.step {
            Step::RunBio => ("RunBio", "iomap_dio_bio_end_io"),
            Step::EndIo => ("EndIo", "iomap_dio_complete"),
            Step::AioComplete => ("AioComplete", "iomap_dio_complete_work"),
            Step::Done => ("Done", "iomap_dio_bio_end_io"),
        };
        Place { step, kernel }
    }
}
