//! One io_uring thread: an asynchronous direct write, then a truncate.

use super::dio_write_iter::DioWriteIter;
use super::iomap_dio_complete::IomapDioComplete;
use super::setattr::Setattr;
use crate::op::{Op, Outcome};
use crate::task::{Place, Task};

/// A thread that submits a write through io_uring and then truncates the same file.
///
/// | step     | kernel (v6.6-rc)                                              | holds after |
/// |----------|---------------------------------------------------------------|-------------|
/// | Write    | io_write: ext4_dio_write_iter, see DioWriteIter               |             |
/// | Truncate | do_truncate, see Setattr                                      |             |
/// | TaskWork | io_req_rw_complete: iomap_dio_complete, see IomapDioComplete  |             |
///
/// # Modelled
/// TaskWork only where the completion was left to this very thread (`IOCB_DIO_CALLER_COMP`): it
/// comes at the end, since a thread runs its task work on its way back to user space.
///
/// # Left out
/// The ring, other requests.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct UringThread {
    truncate: Setattr,
    work: Option<IomapDioComplete>,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    Write(DioWriteIter),
    Truncate(Setattr),
    TaskWork(IomapDioComplete),
    Done,
}

impl UringThread {
    /// Writes, truncates, and does the work that was left to it.
    pub fn new(
        write: DioWriteIter,
        truncate: Setattr,
        work: Option<IomapDioComplete>,
    ) -> UringThread {
        UringThread { truncate, work, step: Step::Write(write) }
    }
}

impl Task for UringThread {
    fn next(&self) -> Option<Op> {
        match &self.step {
            Step::Write(write) => write.next(),
            Step::Truncate(truncate) => truncate.next(),
            Step::TaskWork(work) => work.next(),
            Step::Done => None,
        }
    }

    fn resume(&mut self, outcome: Outcome) {
        self.step = match &mut self.step {
            Step::Write(write) => {
                write.resume(outcome);
                if write.next().is_some() {
                    return;
                }
                Step::Truncate(self.truncate.clone())
            }
            Step::Truncate(truncate) => {
                truncate.resume(outcome);
                if truncate.next().is_some() {
                    return;
                }
                self.work.take().map_or(Step::Done, Step::TaskWork)
            }
            Step::TaskWork(work) => {
                work.resume(outcome);
                if work.next().is_some() {
                    return;
                }
                Step::Done
            }
            Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        match &self.step {
            Step::Write(write) => write.place(),
            Step::Truncate(truncate) => truncate.place(),
            Step::TaskWork(work) => work.place(),
            Step::Done => Place { step: "Done", kernel: "io_uring_enter" },
        }
    }
}
