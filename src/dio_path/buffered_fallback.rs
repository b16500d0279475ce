//! What a direct write falls back to: a buffered one, written back at once.

use super::buffered_write::BufferedWrite;
use super::end_page_io::EndPageIo;
use super::generic_perform_write::GenericPerformWrite;
use super::invalidate_pages::InvalidatePages;
use super::writepages::WritePages;
use crate::kernel::{Kernel, Version};
use crate::op::{Op, Outcome, Range};
use crate::task::{Place, Task};

/// The rest of a direct write whose pages could not be invalidated, or that came to a hole.
///
/// | step   | kernel (v5.4; * from v5.10 on)                                       | holds after |
/// |--------|----------------------------------------------------------------------|-------------|
/// | Write  | generic_perform_write, see GenericPerformWrite                       | i_rwsem     |
/// | LockedWrite | ext4_buffered_write_iter, see BufferedWrite *                        |             |
/// | Settle | filemap_write_and_wait_range, invalidate_mapping_pages, see InvalidatePages | i_rwsem (to v5.4) |
///
/// # Kernel
/// `__generic_file_aio_write` (v3.6), `__generic_file_write_iter` (v4.10.17, v5.4.18), `ext4_dio_write_iter`
/// (fs/ext4/file.c, v5.10.44, v6.1, v6.12): up to v5.4 under the lock that the direct write holds, later after
/// it has given that back.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct BufferedFallback {
    settle: InvalidatePages,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    Write(GenericPerformWrite),
    LockedWrite(BufferedWrite),
    Settle,
    Done,
}

impl BufferedFallback {
    /// Writes `range`, and has it written back.
    pub fn new(range: Range, write_back: WritePages, kernel: Kernel) -> BufferedFallback {
        let settle = InvalidatePages::after_buffered(range, write_back);
        let step = if kernel.version >= Version::V5_10 {
            Step::LockedWrite(BufferedWrite::new(range, kernel))
        } else {
            Step::Write(GenericPerformWrite::new(range, kernel))
        };
        BufferedFallback { settle, step }
    }

    /// What the worker has yet to convert, once the caller has let its lock go.
    pub(super) fn workers(&self) -> Vec<EndPageIo> {
        self.settle.workers()
    }
}

impl Task for BufferedFallback {
    fn next(&self) -> Option<Op> {
        match &self.step {
            Step::Write(write) => write.next(),
            Step::LockedWrite(write) => write.next(),
            Step::Settle => self.settle.next(),
            Step::Done => None,
        }
    }

    fn resume(&mut self, outcome: Outcome) {
        let more = match &mut self.step {
            Step::Write(write) => {
                write.resume(outcome);
                write.next().is_some()
            }
            Step::LockedWrite(write) => {
                write.resume(outcome);
                write.next().is_some()
            }
            Step::Settle => {
                self.settle.resume(outcome);
                self.settle.next().is_some()
            }
            Step::Done => return,
        };
        if !more {
            let settled = matches!(self.step, Step::Settle) || self.settle.next().is_none();
            self.step = if settled { Step::Done } else { Step::Settle };
        }
    }

    fn place(&self) -> Place {
        match &self.step {
            Step::Write(write) => write.place(),
            Step::LockedWrite(write) => write.place(),
            Step::Settle => self.settle.place(),
            Step::Done => Place { step: "Done", kernel: "__generic_file_write_iter" },
        }
    }
}
