//! `ext4_block_truncate_page`: zeros behind an i_size that is in the middle of a block.

use crate::extent_probe::{DataSemHeld, MapBlocks};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::PageLock;
use crate::op::Mode::Exclusive;
use crate::op::{Bio, Buffer, Content, Extent, MapFor, Op, Outcome, PhysicalBlock, Range, Size};
use crate::task::steps;

steps! {
    /// Zeros the rest of the block that a file now ends in, through its page, which is dirty then. Of a hole or an
    /// unwritten block there is nothing to zero.
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
    pub(crate) fn new(to: Size);
    in "ext4_block_truncate_page" => Step / At |self, outcome|;

    LockPage "find_or_create_page" => Op::Lock(PageLock, Exclusive);
    AddPage "find_or_create_page" => Op::PageIn => self.found(&outcome);
    Map(map: MapBlocks) if !self.there() => MapBlocks::look_up(self.block(), MapFor::Page, DataSemHeld::No)
        => self.looked_up(&map);
    ReadBlock "ext4_read_bh_lock" if !self.buffer.uptodate => Op::Bio(vec![self.mapped?], Bio::WHOLE_READ)
        => if let Outcome::Data(data) = outcome { self.held = data };
    Fill "set_buffer_uptodate" if !self.buffer.uptodate => Op::PageFill(self.held.iter().map(|&held| (self.to.down(), held)).collect());
    Zero "zero_user, mark_buffer_dirty" => Op::PageZero(self.to, self.mapped);
    UnlockPage "unlock_page" => Op::Unlock(PageLock, Exclusive);
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
    fn block(&self) -> Range {
        Range { start: self.to.down(), len: 1 }
    }

    fn found(&mut self, outcome: &Outcome) {
        self.buffer = outcome.buffers().get(self.to.down() as usize).copied().unwrap_or_default();
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
