//! `generic_perform_write`: a buffered write of blocks of the page.

use super::read_page::ReadPage;
use crate::extent_probe::{DataSemHeld, MapBlocks};
use crate::kernel::{Kernel, Version};
use crate::op::LockName::{IDataSem, PageLock};
use crate::op::Mode::Exclusive;
use crate::op::{Blocks, Extent, LogicalBlock, MapFor, Op, PAGE_BLOCKS, PhysicalBlock, Range};
use crate::task::steps;

steps! {
    /// `generic_perform_write`, with `ext4_da_write_begin` and `ext4_da_write_end` inside; its caller holds the
    /// inode's lock.
    ///
    /// # Kernel
    /// `generic_perform_write` (mm/filemap.c), `ext4_da_write_begin` and `ext4_da_write_end` (fs/ext4/inode.c),
    /// `generic_write_end` (fs/buffer.c), read in v3.6, v4.10.17 and v6.12; `ext4_da_write_end` in v3.11, v5.4.18,
    /// v5.10.44 and v6.1 as well.
    ///
    /// # Modelled
    /// Delayed allocation: a hole is allocated by writeback, a written block is mapped here and not looked up
    /// again. i_disksize goes up here only where the last block needs no allocation; from v6.1 on only where
    /// i_size does too, and in v6.12 after it. i_size goes up under the page's lock.
    ///
    /// # Left out
    /// The handle (up to v5.10), the time update; a page that is not there is read as a whole first, although
    /// blocks that are written whole need not be. Blocks behind the page are not followed.
    pub struct GenericPerformWrite {
        range: Range,
        kernel: Kernel,
        buffers: Vec<(LogicalBlock, Option<PhysicalBlock>)>,
        grows: bool,
    }
    in "generic_perform_write" => Step / At |self, outcome|;

    Find in "grab_cache_page_write_begin" "is the page there?" => Op::PageLook
        => outcome.yes().then_some(Step::LockPage);
    ReadPage(page: ReadPage) => ReadPage::new();
    LockPage in "grab_cache_page_write_begin" "lock_page" => Op::Lock(PageLock, Exclusive);
    Recheck in "grab_cache_page_write_begin" "page->mapping" => Op::PageLook => outcome.yes().then_some(Step::Map);
    GiveUp in "grab_cache_page_write_begin" "unlock_page, looks again" => Op::Unlock(PageLock, Exclusive)
        => Step::Find;
    Map(map: MapBlocks) => MapBlocks::look_up(self.range, MapFor::Page, DataSemHeld::No) => self.mapped(&map);
    CopyIn "iov_iter_copy_from_user_atomic, block_write_end" => Op::PageStore(self.buffers.clone());
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
    struct UpdateDisksize { to: Blocks }
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
        let (range, buffers, step) = (Range { len, ..range }, Vec::new(), At::Done);
        let write = GenericPerformWrite { range, kernel, buffers, grows: false, step };
        if len > 0 { write.begin() } else { write }
    }

    fn mapped(&mut self, map: &MapBlocks) {
        let found = map.found().unwrap_or_default().iter();
        let mapped = found.map(|m| m.block.filter(|_| m.extent == Extent::Written));
        self.buffers = self.range.blocks().zip(mapped).collect();
    }

    /// `ext4_da_should_update_i_disksize`: writeback will not have to allocate the last block.
    fn updates_disksize(&self) -> bool {
        let mapped = self.buffers.last().is_some_and(|buffer| buffer.1.is_some());
        mapped && (self.grows || self.kernel.version < Version::V6_1)
    }
}

impl UpdateDisksize {
    fn new(to: Blocks) -> UpdateDisksize {
        UpdateDisksize { to, step: UpdateAt::Done }.begin()
    }
}
