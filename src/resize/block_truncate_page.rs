//! `ext4_block_truncate_page`: zeros behind an i_size that is in the middle of a block.

use crate::extent_probe::{DataSemHeld, MapBlocks};
use crate::kernel::Kernel;
use crate::op::LockName::PageLock;
use crate::op::Mode::Exclusive;
use crate::op::{
    Bio, Buffer, Content, Extent, MapFor, Op, Outcome, PageNo, PhysicalBlock, Range, Size,
};
use crate::task::steps;

steps! {
    /// Zeros the rest of the block that a file now ends in, through its page, which is dirty then. Of a hole or an
    /// unwritten block there is nothing to zero.
    ///
    /// # Kernel
    /// `ext4_block_truncate_page`, `__ext4_block_zero_page_range` (fs/ext4/inode.c, v3.11, v4.10.17, v5.4.18, v5.10.44,
    /// v6.1.192, v6.12); up to v3.7 `ext4_discard_partial_page_buffers`, which `ext4_ext_truncate` calls within its
    /// handle as well.
    ///
    /// # Modelled
    /// The page goes into the cache if it is not there, with no block up to date.
    ///
    /// # Left out
    /// Up to v3.7 a file that ends within a page, and not within a block, brings its page in, too. That the data is
    /// ordered before the commit (`ext4_jbd2_inode_add_write`). Stable kernels (6.1.192, 6.12.117; not v6.12) zero
    /// the rest of the old last block as well when a file gets longer (`ext4_setattr`).
    pub(super) struct BlockTruncatePage { buffer: Buffer, mapped: Option<PhysicalBlock>, held: Vec<[Content; 2]> }
    pub(super) fn new(to: Size, kernel: Kernel);
    in "ext4_block_truncate_page" => Step / At |self, outcome|;

    LockPage "find_or_create_page" => Op::Lock(PageLock(self.page()), Exclusive);
    AddPage "find_or_create_page" => Op::PageIn(self.page()) => self.found(&outcome);
    Map(map: MapBlocks) if !self.there() => MapBlocks::look_up(self.block(), MapFor::Page, DataSemHeld::No)
        => self.looked_up(&map);
    ReadBlock "ext4_read_bh_lock" if !self.buffer.uptodate => Op::Bio(vec![self.mapped?], Bio::WHOLE_READ)
        => if let Outcome::Data(data) = outcome { self.held = data };
    Fill "set_buffer_uptodate" if !self.buffer.uptodate => self.fill();
    Zero "zero_user, mark_buffer_dirty" => Op::PageZero(self.page(), self.to, self.mapped);
    UnlockPage "unlock_page" => Op::Unlock(PageLock(self.page()), Exclusive);
}

impl BlockTruncatePage {
    fn block(&self) -> Range {
        Range { start: self.to.down(), len: 1 }
    }

    /// The page that the file ends in.
    fn page(&self) -> PageNo {
        self.kernel.paging.page(self.to.down())
    }

    fn fill(&self) -> Op {
        let held = self.held.iter().map(|&held| (self.to.down(), held));
        Op::PageFill(self.page(), held.collect())
    }

    fn found(&mut self, outcome: &Outcome) {
        let at = self.to.down() - self.kernel.paging.start(self.page());
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
