//! `truncate_inode_pages_range`: a range of the file leaves the page cache.

use crate::op::LockName::PageLock;
use crate::op::Mode::Exclusive;
use crate::op::{LogicalBlock, Op, PAGE_BLOCKS, Range, Size};
use crate::task::steps;

steps! {
    /// Cuts a range out of the cached page, waiting for whoever reads it or writes it back.
    ///
    /// # Kernel
    /// mm/truncate.c, read in v3.6, v3.7.2, v3.11, v4.10.17 and v6.12: a page that lies in the range as a whole
    /// leaves the cache, of another only what lies there is zeroed, and its buffers are no longer dirty
    /// (`truncate_partial_page` up to v3.7, where the range ends with a page). The page's writeback is waited for
    /// in each of them.
    ///
    /// # Modelled
    /// What was stored there is gone, as the file's blocks are about to be, and their buffers are mapped no longer.
    ///
    /// # Left out
    /// Up to v3.7 a hole within a page that is not up to date as a whole leaves its blocks not up to date
    /// (`ext4_discard_partial_page_buffers_no_lock`): who wants them reads them in again.
    pub struct TruncatePages {}
    /// Cuts out what lies between a place in the file and a block.
    pub fn between(from: Size, to: LogicalBlock);
    in "truncate_inode_pages_range" => Step / At |self, outcome|;

    LookForPages "nrpages" => Op::PagesRead
        => (self.from >= Size::blocks(PAGE_BLOCKS) || outcome.number() == 0).then_some(Step::Done);
    LockPage "lock_page, wait_on_page_writeback" => Op::Lock(PageLock, Exclusive);
    TruncatePage "truncate_inode_page, or zero_user_segment, do_invalidatepage" => Op::PageTruncate(self.from, self.to);
    UnlockPage "unlock_page" => Op::Unlock(PageLock, Exclusive);
}

// Steps of other tasks that hold it are copied.
impl Copy for TruncatePages {}
impl Copy for At {}

impl TruncatePages {
    /// Cuts off what lies behind `size`.
    pub fn from(size: Size) -> TruncatePages {
        TruncatePages::between(size, size.up() + PAGE_BLOCKS)
    }

    /// Cuts `range` out.
    pub fn new(range: Range) -> TruncatePages {
        TruncatePages::between(Size::blocks(range.start), range.end())
    }
}
