//! `truncate_inode_pages_range`: a range of the file leaves the page cache.

use crate::inode_lock::{LockName, Mode};
use crate::op::{Op, Outcome, Range};
use crate::page::PAGE_BLOCKS;
use crate::task::{Place, Task};

/// Cuts a range out of the cached page, waiting for whoever reads it or writes it back.
///
/// | step       | kernel (v5.10)                                                | holds after |
/// |------------|---------------------------------------------------------------|-------------|
/// | LookForPages | truncate_inode_pages_range: nrpages                           |             |
/// | LockPage   | truncate_inode_pages_range: lock_page, wait_on_page_writeback | page        |
/// | TruncatePage | truncate_inode_page, or zero_user_segment, do_invalidatepage  | page        |
/// | UnlockPage | truncate_inode_pages_range: unlock_page                       |             |
///
/// # Kernel
/// mm/truncate.c, read in v3.6, v3.7.2, v3.11, v4.10.17 and v6.12: a page that lies in the range as a whole
/// leaves the cache, of another only what lies there is zeroed, and its buffers are no longer dirty
/// (`truncate_partial_page` up to v3.7, where the range ends with a page). The page's writeback is waited for
/// in each of them.
///
/// # Modelled
/// What was stored there is gone, as the file's blocks are about to be.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TruncatePages {
    range: Range,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Step {
    LookForPages,
    LockPage,
    TruncatePage,
    UnlockPage,
    Done,
}

impl TruncatePages {
    /// Cuts `range` out.
    pub fn new(range: Range) -> TruncatePages {
        TruncatePages { range, step: Step::LookForPages }
    }

    /// Cuts off what lies behind `size`.
    pub fn from(size: u32) -> TruncatePages {
        TruncatePages::new(Range { start: size, len: PAGE_BLOCKS })
    }
}

impl Task for TruncatePages {
    fn next(&self) -> Option<Op> {
        Some(match self.step {
            Step::LookForPages => Op::PagesRead,
            Step::LockPage => Op::Lock(LockName::PageLock, Mode::Exclusive),
            Step::TruncatePage => Op::PageTruncate(self.range),
            Step::UnlockPage => Op::Unlock(LockName::PageLock, Mode::Exclusive),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        self.step = match self.step {
            Step::LookForPages
                if self.range.start >= PAGE_BLOCKS || outcome == Outcome::Value(0) =>
            {
                Step::Done
            }
            Step::LookForPages => Step::LockPage,
            Step::LockPage => Step::TruncatePage,
            Step::TruncatePage => Step::UnlockPage,
            Step::UnlockPage | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match self.step {
            Step::LookForPages => "LookForPages",
            Step::LockPage => "LockPage",
            Step::TruncatePage => "TruncatePage",
            Step::UnlockPage => "UnlockPage",
            Step::Done => "Done",
        };
        Place { step, kernel: "truncate_inode_pages_range" }
    }
}
