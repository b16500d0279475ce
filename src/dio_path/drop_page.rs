//! `truncate_inode_page` and `invalidate_inode_pages2_range`: the page leaves the cache.

use crate::inode_lock::{LockName, Mode};
use crate::op::{Op, Outcome};
use crate::task::{Place, Task};

/// Drops the cached page, waiting for whoever reads it or writes it back.
///
/// | step       | kernel (v5.10)                                               | holds after |
/// |------------|--------------------------------------------------------------|-------------|
/// | LockPage   | truncate_inode_pages_range: lock_page, wait_on_page_writeback | page       |
/// | DropPage   | truncate_inode_page: delete_from_page_cache                  | page        |
/// | UnlockPage | truncate_inode_pages_range: unlock_page                      |             |
///
/// # Modelled
/// `invalidate_inode_pages2_range` takes the same steps; a dirty page was written back before. What
/// was stored to a page that is truncated away is gone, as the file's blocks are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct DropPage {
    step: u8,
}

impl DropPage {
    /// After this step; `None` if it was the last.
    pub(super) fn further(self) -> Option<DropPage> {
        (self.step < 2).then_some(DropPage { step: self.step + 1 })
    }
}

impl Task for DropPage {
    fn next(&self) -> Option<Op> {
        match self.step {
            0 => Some(Op::Lock(LockName::PageLock, Mode::Exclusive)),
            1 => Some(Op::PagesDrop),
            2 => Some(Op::Unlock(LockName::PageLock, Mode::Exclusive)),
            _ => None,
        }
    }

    fn resume(&mut self, _: Outcome) {
        self.step += 1;
    }

    fn place(&self) -> Place {
        const STEPS: [&str; 4] = ["LockPage", "DropPage", "UnlockPage", "Done"];
        Place { step: STEPS[usize::from(self.step)], kernel: "truncate_inode_pages_range" }
    }
}
