//! `ext4_buffered_write_iter`: a buffered write from v4.10 on, as far as direct I/O can see it.

use crate::inode_lock::{LockName, Mode};
use crate::op::{Op, Outcome};
use crate::task::{Place, Task};

/// A buffered overwrite of one block.
///
/// | step      | kernel (v6.12; v4.10: ext4_file_write_iter)     | holds after |
/// |-----------|-------------------------------------------------|-------------|
/// | TakeRwsem | ext4_buffered_write_iter: inode_lock            | i_rwsem     |
/// | AddPage   | generic_perform_write                           | i_rwsem     |
/// | DropRwsem | ext4_buffered_write_iter: inode_unlock          |             |
///
/// # Left out
/// Write-back of the page.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct BufferedWriteIter {
    step: u8,
}

impl Task for BufferedWriteIter {
    fn next(&self) -> Option<Op> {
        match self.step {
            0 => Some(Op::Lock(LockName::IRwsem, Mode::Exclusive)),
            1 => Some(Op::PagesAdd),
            2 => Some(Op::Unlock(LockName::IRwsem, Mode::Exclusive)),
            _ => None,
        }
    }

    fn resume(&mut self, _: Outcome) {
        self.step += 1;
    }

    fn place(&self) -> Place {
        const STEPS: [&str; 4] = ["TakeRwsem", "AddPage", "DropRwsem", "Done"];
        Place { step: STEPS[usize::from(self.step)], kernel: "ext4_buffered_write_iter" }
    }
}
