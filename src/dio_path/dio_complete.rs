//! `dio_complete`: the completion of an asynchronous write in v4.10 and v5.4.

use super::invalidate_pages::InvalidatePages;
use crate::extent_probe::ConvertUnwritten;
use crate::kernel::{Fix, Kernel};
use crate::op::{Op, Outcome, Range, Submission, TaskId};
use crate::task::{Place, Task};

/// `dio_bio_end_aio` and `dio_complete`, with `ext4_end_io_dio` inside.
///
/// | step          | kernel (v5.4; * not in v4.10)                          | holds after |
/// |---------------|--------------------------------------------------------|-------------|
/// | RunBio        | the device writes; dio_bio_end_aio                     |             |
/// | Convert       | ext4_put_io_end: ext4_convert_unwritten_extents        |             |
/// | DropUnwritten | ext4_clear_io_unwritten_flag: i_unwritten              |             |
/// | Invalidate    | dio_complete: nrpages *, see InvalidatePages           |             |
/// | EndIo         | dio_complete: inode_dio_end                            |             |
/// | AioComplete   | dio_complete: ki_complete                              |             |
///
/// # Kernel
/// fs/direct-io.c, fs/ext4/inode.c and fs/ext4/page-io.c, read in v4.10.17 and (but for page-io.c)
/// v5.4.18.
///
/// # Modelled
/// Interrupt or worker: neither takes `i_rwsem`, so others cannot tell. The conversion is made here
/// and not from a list, before the count goes.
///
/// # Left out
/// Errors, the io_end's lifetime.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DioComplete {
    task: TaskId,
    kernel: Kernel,
    submission: Option<Submission>,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    RunBio,
    Convert(ConvertUnwritten),
    DropUnwritten,
    Invalidate(InvalidatePages),
    EndIo,
    AioComplete,
    Done,
}

impl DioComplete {
    /// The completion, as task `task`, of what will be submitted.
    pub fn new(task: TaskId, kernel: Kernel) -> DioComplete {
        DioComplete { task, kernel, submission: None, step: Step::RunBio }
    }
    /// Whether the I/O is on its way.
    pub fn submitted(&self) -> bool {
        self.submission.is_some()
    }
    /// The I/O is on its way.
    pub fn submit(&mut self, submission: Submission) {
        self.submission = Some(submission);
    }
    fn converted(&self, range: Range) -> Step {
        let invalidate = InvalidatePages::after_io(range);
        if self.kernel.has(Fix::CompletionInvalidates) && invalidate.next().is_some() {
            Step::Invalidate(invalidate)
        } else {
            Step::EndIo
        }
    }
}

impl Task for DioComplete {
    fn next(&self) -> Option<Op> {
        let submission = self.submission.as_ref()?;
        Some(match &self.step {
            Step::RunBio => Op::Bio(submission.blocks.clone(), submission.bio),
            Step::Convert(convert) => return convert.next(),
            Step::DropUnwritten => Op::UnwrittenEnd,
            Step::Invalidate(drop) => return drop.next(),
            Step::EndIo => Op::DioEnd(self.task),
            Step::AioComplete => Op::AioComplete,
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let Some(submission) = &self.submission else { return };
        self.step = match &mut self.step {
            Step::RunBio if submission.unwritten => {
                Step::Convert(ConvertUnwritten::new(submission.range, self.task))
            }
            Step::Convert(convert) => {
                convert.resume(outcome);
                if convert.next().is_some() {
                    return;
                }
                Step::DropUnwritten
            }
            Step::RunBio | Step::DropUnwritten => self.converted(submission.range),
            Step::Invalidate(invalidate) => {
                invalidate.resume(outcome);
                if invalidate.next().is_some() {
                    return;
                }
                Step::EndIo
            }
            Step::EndIo => Step::AioComplete,
            Step::AioComplete | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match &self.step {
            Step::Convert(convert) => return convert.place(),
            Step::RunBio => "RunBio",
            Step::DropUnwritten => "DropUnwritten",
            Step::Invalidate(drop) => return drop.place(),
            Step::EndIo => "EndIo",
            Step::AioComplete => "AioComplete",
            Step::Done => "Done",
        };
        Place { step, kernel: "dio_complete" }
    }
}
