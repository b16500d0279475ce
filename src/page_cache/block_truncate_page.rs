//! `ext4_block_truncate_page`: zeros behind an i_size that is in the middle of a block; `ext4_zero_partial_blocks`:
//! zeros where a hole, or a zeroed range, begins or ends inside one.

use crate::extent_probe::{DataSemHeld, MapBlocks};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::PageLock;
use crate::op::Mode::Exclusive;
use crate::op::{
    Bio, Buffer, Content, Extent, MapFor, Op, Outcome, PageNo, PhysicalBlock, Range, Size, Span,
};
use crate::task::steps;

steps! {
    /// Zeros half a block, that behind the end of a file for one, through its page, which is dirty then. Of a hole or
    /// an unwritten block there is nothing to zero.
    ///
    /// # Kernel
    /// `ext4_block_truncate_page`, `__ext4_block_zero_page_range` (fs/ext4/inode.c, v3.11, v4.10.17, v5.4.18, v5.10.44,
    /// v6.1.192, v6.12, v6.18.2, v7.0.0; `ext4_block_zero_eof`, v7.1.5); up to v3.7 `ext4_discard_partial_page_buffers`, which `ext4_ext_truncate` calls within its
    /// handle as well.
    ///
    /// # Modelled
    /// The page goes into the cache if it is not there, with no block up to date.
    ///
    /// # Left out
    /// Up to v3.7 a file that ends within a page, and not within a block, brings its page in, too. That the data is
    /// ordered before the commit (`ext4_jbd2_inode_add_write`): v7.1's handle for that after the zeroing.
    pub(crate) struct BlockTruncatePage { buffer: Buffer, mapped: Option<PhysicalBlock>, held: Vec<[Content; 2]> }
    /// Of the half block that begins there.
    pub(super) fn of(at: Size, function: &'static str, kernel: Kernel);
    in self.function => Step / At |self, outcome|;

    LockPage "find_or_create_page" => Op::Lock(PageLock(self.page()), Exclusive);
    AddPage "find_or_create_page" => Op::PageIn(self.page()) => self.found(&outcome);
    Map(map: MapBlocks) if !self.there() => MapBlocks::look_up(self.block(), MapFor::Page, DataSemHeld::No)
        => self.looked_up(&map);
    ReadBlock "ext4_read_bh_lock" if !self.buffer.uptodate => Op::Bio(vec![self.mapped?], Bio::WHOLE_READ)
        => if let Outcome::Data(data) = outcome { self.held = data };
    Fill "set_buffer_uptodate" if !self.buffer.uptodate => self.fill();
    Zero "zero_user, mark_buffer_dirty" => Op::PageZero(self.page(), self.at, self.mapped);
    UnlockPage "unlock_page" => Op::Unlock(PageLock(self.page()), Exclusive);
}

steps! {
    /// Zeros what of a hole lies in blocks that are not in it as a whole: its first block from where it begins on, its
    /// last one up to where it ends.
    ///
    /// # Kernel
    /// `ext4_zero_partial_blocks` (fs/ext4/inode.c, v3.11, v4.10.17, v6.12, v6.18.2, v7.1.5; v5.4 to v6.1 derived), which
    /// calls `ext4_block_zero_page_range` (v7.1.5: `ext4_block_zero_range`) for each. `ext4_discard_partial_page_buffers_no_lock` (v3.6.5) does the same to
    /// such a block, under one lock of the page with those that it unmaps.
    ///
    /// # Modelled
    /// Up to v3.7 the page is locked for each anew.
    pub(crate) struct ZeroPartialBlocks {}
    pub(crate) fn new(span: Span, kernel: Kernel);
    in "ext4_zero_partial_blocks" => Zero / ZeroAt |self, outcome|;

    ZeroFront(zero: BlockTruncatePage) if self.span.start.splits()
        => self.zero(self.span.start);
    ZeroBack(zero: BlockTruncatePage) if self.span.end.splits()
        => self.zero(Size::blocks(self.span.end.down()));
}

impl ZeroPartialBlocks {
    fn zero(&self, at: Size) -> BlockTruncatePage {
        BlockTruncatePage::of(at, "ext4_block_zero_page_range", self.kernel)
    }
}

/// Whether the rest of the block that a file ended in is zeroed when the file gets longer.
pub(crate) fn grown_from(kernel: Kernel, size: Size) -> bool {
    kernel.has(Fix::GrowingZeroes) && size.splits()
}

/// Whether that comes before the handle that raises the sizes: `ext4_block_zero_eof` (v7.1.5).
pub(crate) fn zeroes_first(kernel: Kernel) -> bool {
    kernel.version >= Version::V7_3
}

impl BlockTruncatePage {
    /// Behind a file that ends inside a block there.
    pub(crate) fn new(to: Size, kernel: Kernel) -> BlockTruncatePage {
        BlockTruncatePage::of(to, "ext4_block_truncate_page", kernel)
    }

    fn block(&self) -> Range {
        Range { start: self.at.down(), len: 1 }
    }

    /// The page that holds it.
    fn page(&self) -> PageNo {
        self.kernel.paging.page(self.at.down())
    }

    fn fill(&self) -> Op {
        let held = self.held.iter().map(|&held| (self.at.down(), held));
        Op::PageFill(self.page(), held.collect(), false)
    }

    fn found(&mut self, outcome: &Outcome) {
        let at = self.at.down() - self.kernel.paging.start(self.page());
        self.buffer = outcome.buffers().get(at as usize).copied().unwrap_or_default();
        self.mapped = self.buffer.mapped;
    }

    /// It has a block, or will be given one.
    fn there(&self) -> bool {
        self.buffer.dirty || self.buffer.mapped.is_some()
    }

    fn looked_up(&mut self, map: &MapBlocks) -> Option<Step> {
        let found = map.found().and_then(|found| found.first());
        self.mapped = found.filter(|m| m.extent == Extent::Written).and_then(|m| m.block);
        self.mapped.is_none().then_some(Step::UnlockPage)
    }
}
