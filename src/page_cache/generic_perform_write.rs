//! `generic_perform_write`: a buffered write of blocks of the page.

use super::write_begin::WriteBegin;
use crate::extent_probe::MapBlocks;
use crate::kernel::{Kernel, Version};
use crate::op::LockName::{IDataSem, PageLock};
use crate::op::Mode::Exclusive;
use crate::op::{Bio, Blocks, Content, Half, Op, Outcome, PAGE_BLOCKS, Range};
use crate::task::steps;

steps! {
    /// `generic_perform_write`, with `ext4_da_write_begin` and `ext4_da_write_end` inside; its caller holds the
    /// inode's lock.
    ///
    /// # Kernel
    /// `generic_perform_write` (mm/filemap.c), `ext4_da_write_begin` and `ext4_da_write_end` (fs/ext4/inode.c),
    /// `generic_write_end` (fs/buffer.c), read in v3.6, v4.10.17 and v6.12; `ext4_da_write_end` in v3.11, v5.4.18,
    /// v5.10.44 and v6.1 as well. What `ext4_da_write_begin` reads and looks up: `__block_write_begin` (fs/buffer.c,
    /// v3.6, v3.7.2, v3.11, v4.10.17, v5.4.18, v5.10.44, v6.1), `ext4_block_write_begin` (v6.12).
    ///
    /// # Modelled
    /// Delayed allocation: a hole is allocated by writeback, a written block is mapped here and not looked up
    /// again, nor is one that was mapped before. A page that is not there goes in with no block up to date, and
    /// those that are written are so afterwards; nothing is read but the rest of a block that is written by half.
    /// i_disksize goes up here only where the last block needs no allocation; from v6.1 on only where i_size does
    /// too, and in v6.12 after it. i_size goes up under the page's lock.
    ///
    /// # Left out
    /// The handle (up to v5.10), the time update. Blocks behind the page are not followed.
    pub struct GenericPerformWrite {
        range: Range,
        kernel: Kernel,
        begun: WriteBegin,
        grows: bool,
        /// Part of one block.
        half: Option<Half>,
        /// What that block holds besides.
        rest: [Content; 2],
    }
    in "generic_perform_write" => Step / At |self, outcome|;

    LockPage in "grab_cache_page_write_begin" "lock_page" => Op::Lock(PageLock, Exclusive);
    Find in "grab_cache_page_write_begin" "is the page there? page->mapping" => Op::PageLook
        => self.found(&outcome);
    AddPage in "grab_cache_page_write_begin" "add_to_page_cache_lru" => Op::PageIn
        => { self.found(&outcome); };
    Map(map: MapBlocks) if self.begun.looks_up() => self.begun.look_up() => self.begun.found(&map);
    ReadRest in "__block_write_begin" "ll_rw_block, wait_on_buffer"
        if self.half.is_some() && self.begun.rest().is_some()
        => Op::Bio(self.begun.rest().into_iter().collect(), Bio::WHOLE_READ)
        => if let Outcome::Data(data) = outcome { self.rest = data.first().copied().unwrap_or(self.rest) };
    FillRest in "__block_write_begin" "set_buffer_uptodate, zero_user_segments"
        if self.half.is_some() && self.begun.missing()
        => Op::PageFill(vec![(self.range.start, self.rest)]) => self.rest = [Content::Zero; 2];
    CopyIn "iov_iter_copy_from_user_atomic, block_write_end" => Op::PageStore(self.begun.stored(), self.half);
    ReadSize in "generic_write_end" "inode->i_size" => Op::SizeRead
        => self.grows = outcome.value() < self.range.end();
    DisksizeFirst(update: UpdateDisksize) if self.updates_disksize() && self.kernel.version < Version::V6_12
        => UpdateDisksize::new(self.range.end());
    WriteSize in "generic_write_end" "i_size_write" if self.grows => Op::SizeWrite(self.range.end());
    Disksize(update: UpdateDisksize) if self.updates_disksize() && self.kernel.version >= Version::V6_12
        => UpdateDisksize::new(self.range.end());
    UnlockPage in "generic_write_end" "unlock_page" => Op::Unlock(PageLock, Exclusive);
}

steps! {
    /// `ext4_update_i_disksize`.
    struct UpdateDisksize {}
    fn new(to: Blocks);
    in "ext4_update_i_disksize" => Update / UpdateAt |self, outcome|;

    TakeDataSem "down_write(i_data_sem)" => Op::Lock(IDataSem, Exclusive);
    CheckDisksize "i_disksize" => Op::DisksizeRead => (outcome.value() >= self.to).then_some(Update::DropDataSem);
    WriteDisksize "i_disksize" => Op::DisksizeWrite(self.to);
    DropDataSem "up_write(i_data_sem)" => Op::Unlock(IDataSem, Exclusive);
}

impl GenericPerformWrite {
    /// Writes the blocks of `range` that the page holds.
    pub fn new(range: Range, kernel: Kernel) -> GenericPerformWrite {
        let len = range.end().min(PAGE_BLOCKS).saturating_sub(range.start);
        let (range, begun, step) = (Range { len, ..range }, WriteBegin::default(), At::Done);
        let (half, rest) = (None, [Content::Zero; 2]);
        let write = GenericPerformWrite { range, kernel, begun, grows: false, half, rest, step };
        if len > 0 { write.begin() } else { write }
    }

    /// The same of half a block.
    #[must_use]
    pub fn of_half(self, half: Option<Half>) -> GenericPerformWrite {
        GenericPerformWrite { half, ..self }
    }

    /// Its buffers, if there is a page.
    fn found(&mut self, outcome: &Outcome) -> Option<Step> {
        let there = !outcome.buffers().is_empty();
        self.begun = WriteBegin::new(self.range, outcome.buffers());
        there.then_some(Step::Map)
    }

    /// `ext4_da_should_update_i_disksize`: writeback will not have to allocate the last block.
    fn updates_disksize(&self) -> bool {
        self.begun.last_is_mapped() && (self.grows || self.kernel.version < Version::V6_1)
    }
}
