//! `generic_perform_write`: a buffered write of blocks of the page.

use super::read_page::ReadPage;
use crate::extent_probe::{DataSemHeld, Extent, MapBlocks};
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Kernel, Version};
use crate::op::{LogicalBlock, MapFor, Op, Outcome, PhysicalBlock, Range};
use crate::page::PAGE_BLOCKS;
use crate::task::{Place, Task};

/// `generic_perform_write`, with `ext4_da_write_begin` and `ext4_da_write_end` inside; its caller holds the
/// inode's lock.
///
/// | step          | kernel (v4.10)                                            | holds after      |
/// |---------------|-----------------------------------------------------------|------------------|
/// | Find          | grab_cache_page_write_begin: is the page there?           |                  |
/// | ReadPage      | __block_write_begin, see ReadPage (derived)               |                  |
/// | LockPage      | grab_cache_page_write_begin: lock_page                    | page             |
/// | Recheck       | grab_cache_page_write_begin: page->mapping                | page             |
/// | GiveUp        | grab_cache_page_write_begin: unlock_page, looks again     |                  |
/// | Map           | ext4_da_get_block_prep, see MapBlocks                     | page             |
/// | CopyIn        | iov_iter_copy_from_user_atomic, block_write_end           | page             |
/// | ReadSize      | generic_write_end: inode->i_size                          | page             |
/// | TakeDataSem   | ext4_update_i_disksize: down_write(i_data_sem)            | + i_data_sem W   |
/// | CheckDisksize | ext4_update_i_disksize: i_disksize                        | + i_data_sem W   |
/// | WriteDisksize | ext4_update_i_disksize: i_disksize                        | + i_data_sem W   |
/// | DropDataSem   | ext4_update_i_disksize: up_write(i_data_sem)              | page             |
/// | WriteSize     | generic_write_end: i_size_write                           | page             |
/// | UnlockPage    | generic_write_end: unlock_page                            |                  |
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
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct GenericPerformWrite {
    range: Range,
    kernel: Kernel,
    buffers: Vec<(LogicalBlock, Option<PhysicalBlock>)>,
    grows: bool,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    Find,
    ReadPage(ReadPage),
    LockPage,
    Recheck,
    GiveUp,
    Map(MapBlocks),
    CopyIn,
    ReadSize,
    TakeDataSem,
    CheckDisksize,
    WriteDisksize,
    DropDataSem,
    WriteSize,
    UnlockPage,
    Done,
}

impl GenericPerformWrite {
    /// Writes the blocks of `range` that the page holds.
    pub fn new(range: Range, kernel: Kernel) -> GenericPerformWrite {
        let end = range.end().min(PAGE_BLOCKS);
        let len = end.saturating_sub(range.start);
        let step = if len > 0 { Step::Find } else { Step::Done };
        let range = Range { len, ..range };
        GenericPerformWrite { range, kernel, buffers: Vec::new(), grows: false, step }
    }

    fn end(&self) -> LogicalBlock {
        self.range.end()
    }

    /// `ext4_da_should_update_i_disksize`: writeback will not have to allocate the last block.
    fn updates_disksize(&self) -> bool {
        let mapped = self.buffers.last().is_some_and(|buffer| buffer.1.is_some());
        mapped && (self.grows || self.kernel.version < Version::V6_1)
    }

    fn size_first(&self) -> bool {
        self.kernel.version >= Version::V6_12
    }

    fn sized(&self) -> Step {
        if self.updates_disksize() && !self.size_first() { Step::TakeDataSem } else { self.raise() }
    }

    fn raise(&self) -> Step {
        if self.grows { Step::WriteSize } else { Step::UnlockPage }
    }
}

impl Task for GenericPerformWrite {
    fn next(&self) -> Option<Op> {
        let (page, sem, excl) = (LockName::PageLock, LockName::IDataSem, Mode::Exclusive);
        Some(match &self.step {
            Step::Find | Step::Recheck => Op::PageLook,
            Step::ReadPage(read) => return read.next(),
            Step::LockPage => Op::Lock(page, excl),
            Step::GiveUp | Step::UnlockPage => Op::Unlock(page, excl),
            Step::Map(map) => return map.next(),
            Step::CopyIn => Op::PageStore(self.buffers.clone()),
            Step::ReadSize => Op::SizeRead,
            Step::TakeDataSem => Op::Lock(sem, excl),
            Step::CheckDisksize => Op::DisksizeRead,
            Step::WriteDisksize => Op::DisksizeWrite(self.end()),
            Step::DropDataSem => Op::Unlock(sem, excl),
            Step::WriteSize => Op::SizeWrite(self.end()),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let there = outcome == Outcome::Flag(true);
        let below = matches!(outcome, Outcome::Value(size) if size < self.end());
        let (size_first, updates) = (self.size_first(), self.updates_disksize());
        self.step = match &mut self.step {
            Step::Find if there => Step::LockPage,
            Step::Find => Step::ReadPage(ReadPage::new()),
            Step::ReadPage(read) => {
                read.resume(outcome);
                if read.next().is_some() {
                    return;
                }
                Step::LockPage
            }
            Step::LockPage => Step::Recheck,
            Step::Recheck if there => {
                Step::Map(MapBlocks::look_up(self.range, MapFor::Page, DataSemHeld::No))
            }
            Step::Recheck => Step::GiveUp,
            Step::GiveUp => Step::Find,
            Step::Map(map) => {
                map.resume(outcome);
                if map.next().is_some() {
                    return;
                }
                let found = map.found().unwrap_or_default().iter();
                let mapped = found.map(|m| m.block.filter(|_| m.extent == Extent::Written));
                self.buffers = self.range.blocks().zip(mapped).collect();
                Step::CopyIn
            }
            Step::CopyIn => Step::ReadSize,
            Step::ReadSize => {
                self.grows = below;
                self.sized()
            }
            Step::TakeDataSem => Step::CheckDisksize,
            Step::CheckDisksize if below => Step::WriteDisksize,
            Step::CheckDisksize | Step::WriteDisksize => Step::DropDataSem,
            Step::DropDataSem if size_first => Step::UnlockPage,
            Step::DropDataSem => self.raise(),
            Step::WriteSize if size_first && updates => Step::TakeDataSem,
            Step::WriteSize => Step::UnlockPage,
            Step::UnlockPage | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Step::ReadPage(read) => return read.place(),
            Step::Map(map) => return map.place(),
            Step::Find => ("Find", "grab_cache_page_write_begin"),
            Step::LockPage => ("LockPage", "grab_cache_page_write_begin"),
            Step::Recheck => ("Recheck", "grab_cache_page_write_begin"),
            Step::GiveUp => ("GiveUp", "grab_cache_page_write_begin"),
            Step::CopyIn => ("CopyIn", "generic_perform_write"),
            Step::ReadSize => ("ReadSize", "generic_write_end"),
            Step::TakeDataSem => ("TakeDataSem", "ext4_update_i_disksize"),
            Step::CheckDisksize => ("CheckDisksize", "ext4_update_i_disksize"),
            Step::WriteDisksize => ("WriteDisksize", "ext4_update_i_disksize"),
            Step::DropDataSem => ("DropDataSem", "ext4_update_i_disksize"),
            Step::WriteSize => ("WriteSize", "generic_write_end"),
            Step::UnlockPage => ("UnlockPage", "generic_write_end"),
            Step::Done => ("Done", "generic_perform_write"),
        };
        Place { step, kernel }
    }
}
