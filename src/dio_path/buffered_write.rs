//! A buffered write: the inode's lock, and `generic_perform_write` under it.

use super::generic_perform_write::GenericPerformWrite;
use crate::inode_lock::{LockName, Mode};
use crate::kernel::Kernel;
use crate::op::{Op, Outcome, Range};
use crate::task::{Place, Task};

/// `ext4_buffered_write_iter` (v5.10 on), `ext4_file_write_iter` (v4.10, v5.4), `generic_file_aio_write`.
///
/// | step      | kernel (v6.12)                                              | holds after |
/// |-----------|-------------------------------------------------------------|-------------|
/// | TakeLock  | ext4_buffered_write_iter: inode_lock (i_mutex to v3.11)     | i_rwsem     |
/// | Write     | generic_perform_write, see GenericPerformWrite              | i_rwsem     |
/// | DropLock  | ext4_buffered_write_iter: inode_unlock                      |             |
///
/// # Kernel
/// `generic_file_aio_write` (mm/filemap.c, v3.6, v3.11), `ext4_file_write_iter` (fs/ext4/file.c, v4.10.17,
/// v5.4.18), `ext4_buffered_write_iter` (v5.10.44, v6.12).
///
/// # Left out
/// The drain of `ext4_buffered_write_iter`: stable kernels have it (v6.1.192 and v6.12.117 were read), the
/// versions modelled do not. O_SYNC, O_APPEND, the time update.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct BufferedWrite {
    kernel: Kernel,
    step: Step,
    write: GenericPerformWrite,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Step {
    TakeLock,
    Write,
    DropLock,
    Done,
}

impl BufferedWrite {
    /// Writes the blocks of `range` that the page holds.
    pub fn new(range: Range, kernel: Kernel) -> BufferedWrite {
        let write = GenericPerformWrite::new(range, kernel);
        BufferedWrite { kernel, step: Step::TakeLock, write }
    }
}

impl Task for BufferedWrite {
    fn next(&self) -> Option<Op> {
        let lock = LockName::of_inode(self.kernel);
        match self.step {
            Step::TakeLock => Some(Op::Lock(lock, Mode::Exclusive)),
            Step::Write => self.write.next(),
            Step::DropLock => Some(Op::Unlock(lock, Mode::Exclusive)),
            Step::Done => None,
        }
    }

    fn resume(&mut self, outcome: Outcome) {
        if self.step == Step::Write {
            self.write.resume(outcome);
        }
        self.step = match self.step {
            Step::TakeLock | Step::Write if self.write.next().is_some() => Step::Write,
            Step::TakeLock | Step::Write => Step::DropLock,
            Step::DropLock | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match self.step {
            Step::Write => return self.write.place(),
            Step::TakeLock => "TakeLock",
            Step::DropLock => "DropLock",
            Step::Done => "Done",
        };
        Place { step, kernel: "ext4_buffered_write_iter" }
    }
}
