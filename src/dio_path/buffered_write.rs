//! `generic_file_aio_write`: a buffered write, as far as the overwrite probe can see it.

use crate::inode_lock::{LockName, Mode};
use crate::op::{Op, Outcome};
use crate::task::{Place, Task};

/// A buffered overwrite of one cached block.
///
/// | step       | kernel (v3.6)                                   | holds after |
/// |------------|-------------------------------------------------|-------------|
/// | TakeImutex | generic_file_aio_write: mutex_lock(i_mutex)     | i_mutex     |
/// | AddPage    | ext4_write_begin: grab_cache_page_write_begin   | i_mutex     |
/// | DropImutex | generic_file_aio_write: mutex_unlock(i_mutex)   |             |
///
/// # Left out
/// Write-back of the page: the direct write that finds it writes it back itself.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct BufferedWrite {
    step: u8,
}

impl Task for BufferedWrite {
    fn next(&self) -> Option<Op> {
        match self.step {
            0 => Some(Op::Lock(LockName::IMutex, Mode::Exclusive)),
            1 => Some(Op::PagesAdd),
            2 => Some(Op::Unlock(LockName::IMutex, Mode::Exclusive)),
            _ => None,
        }
    }

    fn resume(&mut self, _: Outcome) {
        self.step += 1;
    }

    fn place(&self) -> Place {
        const STEPS: [&str; 4] = ["TakeImutex", "AddPage", "DropImutex", "Done"];
        Place { step: STEPS[usize::from(self.step)], kernel: "generic_file_aio_write" }
    }
}
