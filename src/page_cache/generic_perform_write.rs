//! `generic_perform_write`: a buffered write, page by page.

use super::block_truncate_page::{BlockTruncatePage, grown_from, zeroes_first};
use super::write_begin::WriteBegin;
use crate::extent_probe::MapBlocks;
use crate::kernel::{Kernel, Version};
use crate::op::LockName::{IDataSem, PageLock};
use crate::op::Mode::Exclusive;
use crate::op::{Bio, Content, Handle, LogicalBlock, Op, Outcome, PageNo, Size, Span};
use crate::task::steps;

steps! {
    /// `generic_perform_write`, with `ext4_da_write_begin` and `ext4_da_write_end` inside; its caller holds the
    /// inode's lock.
    ///
    /// # Kernel
    /// `generic_perform_write` (mm/filemap.c), `ext4_da_write_begin` and `ext4_da_write_end` (fs/ext4/inode.c),
    /// `generic_write_end` (fs/buffer.c), read in v3.6, v4.10.17 and v6.12; `ext4_da_do_write_end` in v6.18.2, v7.0.0
    /// and v7.1.5 (up to v7.0 it zeroes the rest of the old last block, too); `ext4_da_write_end` in v3.11, v5.4.18,
    /// v5.10.44 and v6.1 as well. What `ext4_da_write_begin` reads and looks up: `__block_write_begin` (fs/buffer.c,
    /// v3.6, v3.7.2, v3.11, v4.10.17, v5.4.18, v5.10.44, v6.1), `ext4_block_write_begin` (v6.12).
    ///
    /// # Modelled
    /// Delayed allocation: a hole is allocated by writeback, a written block is mapped here and not looked up
    /// again, nor is one that was mapped before. A page that is not there goes in with no block up to date, and
    /// those that are written are so afterwards; nothing is read but the rest of a block that is written by half.
    /// i_disksize goes up here only where the last block needs no allocation; from v6.1 on only where i_size does
    /// too, and in v6.12 after it. i_size goes up under the page's lock. A write goes page by page, each with its own
    /// part of all this: between two pages others see a part of it, and an i_size that ends there.
    ///
    /// # Left out
    /// The handle (up to v5.10), the time update. Blocks behind the pages that are followed.
    pub struct GenericPerformWrite {
        span: Span,
        kernel: Kernel,
        begun: WriteBegin,
        grows: bool,
        /// i_size as it was.
        size: Size,
        /// What the blocks that are written in part hold besides.
        rests: Vec<(LogicalBlock, [Content; 2])>,
    }
    in "generic_perform_write" => Step / At |self, outcome|;

    LockPage in "grab_cache_page_write_begin" "lock_page" => Op::Lock(PageLock(self.page()), Exclusive);
    Find in "grab_cache_page_write_begin" "is the page there? page->mapping" => Op::PageLook(self.page())
        => self.found(&outcome);
    AddPage in "grab_cache_page_write_begin" "add_to_page_cache_lru" => Op::PageIn(self.page())
        => { self.found(&outcome); };
    Map(map: MapBlocks) if self.begun.looks_up() => self.begun.look_up() => self.begun.found(&map);
    ReadRest in "__block_write_begin" "ll_rw_block, wait_on_buffer"
        if !self.begun.rests().is_empty()
        => Op::Bio(self.begun.rests().into_iter().map(|rest| rest.1).collect(), Bio::WHOLE_READ)
        => self.read(outcome);
    FillRest in "__block_write_begin" "set_buffer_uptodate, zero_user_segments"
        if !self.begun.missing().is_empty()
        => Op::PageFill(self.page(), self.filled(), false) => self.rests = Vec::new();
    CopyIn "iov_iter_copy_from_user_atomic, block_write_end"
        => Op::PageStore(self.page(), self.begun.stored(), self.here().cut(), 0);
    ReadSize in "generic_write_end" "inode->i_size" => Op::SizeRead
        => { self.size = outcome.size(); self.grows = self.size < self.here().end };
    DisksizeFirst(update: UpdateDisksize) if self.updates_disksize() && self.kernel.version < Version::V6_12
        => UpdateDisksize::new(self.here().end);
    WriteSize in "generic_write_end" "i_size_write" if self.grows => Op::SizeWrite(self.here().end);
    Disksize(update: UpdateDisksize) if self.updates_disksize() && self.kernel.version >= Version::V6_12
        => UpdateDisksize::new(self.here().end);
    UnlockPage in "generic_write_end" "unlock_page" => Op::Unlock(PageLock(self.page()), Exclusive)
        => if self.zeroes() { None } else { self.next_page().or(Some(Step::Done)) };
    StartZero in "ext4_da_do_write_end" "ext4_journal_start" => Op::JournalStart(Handle::Orphan);
    ZeroTail(zero: BlockTruncatePage) => BlockTruncatePage::new(self.size, self.kernel);
    StopZero in "ext4_da_do_write_end" "ext4_journal_stop" => Op::JournalStop(Handle::Orphan)
        => self.next_page();
}

steps! {
    /// `ext4_update_i_disksize`.
    struct UpdateDisksize {}
    fn new(to: Size);
    in "ext4_update_i_disksize" => Update / UpdateAt |self, outcome|;

    TakeDataSem "down_write(i_data_sem)" => Op::Lock(IDataSem, Exclusive);
    CheckDisksize "i_disksize" => Op::DisksizeRead => (outcome.size() >= self.to).then_some(Update::DropDataSem);
    WriteDisksize "i_disksize" => Op::DisksizeWrite(self.to);
    DropDataSem "up_write(i_data_sem)" => Op::Unlock(IDataSem, Exclusive);
}

impl GenericPerformWrite {
    /// Writes what of `span` the pages hold that are followed.
    pub fn new(span: Span, kernel: Kernel) -> GenericPerformWrite {
        let span = span.below(Size::blocks(kernel.paging.end()));
        let (begun, size, rests, step) =
            (WriteBegin::default(), Size::default(), Vec::new(), At::Done);
        let write = GenericPerformWrite { span, kernel, begun, grows: false, size, rests, step };
        if span.start < span.end { write.begin() } else { write }
    }

    fn page(&self) -> PageNo {
        self.kernel.paging.page(self.span.start.down())
    }

    /// What of the rest of it the page holds.
    fn here(&self) -> Span {
        self.span.in_page(self.page(), self.kernel.paging)
    }

    /// Each page is written by itself, and i_size goes up with each.
    fn next_page(&mut self) -> Option<Step> {
        let start = self.here().end;
        (start < self.span.end).then(|| {
            *self = GenericPerformWrite::new(Span { start, ..self.span }, self.kernel);
            Step::LockPage
        })
    }

    fn read(&mut self, outcome: Outcome) {
        let data = if let Outcome::Data(data) = outcome { data } else { Vec::new() };
        let rests = self.begun.rests().into_iter().map(|rest| rest.0);
        self.rests = rests.zip(data).collect();
    }

    /// The blocks that are written in part and were not up to date: what was read, or zeros.
    fn filled(&self) -> Vec<(LogicalBlock, [Content; 2])> {
        let held = |block| self.rests.iter().find(|rest| rest.0 == block).map(|rest| rest.1);
        let filled = |&block: &LogicalBlock| (block, held(block).unwrap_or([Content::Zero; 2]));
        self.begun.missing().iter().map(filled).collect()
    }

    /// Its buffers, if there is a page.
    fn found(&mut self, outcome: &Outcome) -> Option<Step> {
        let there = !outcome.buffers().is_empty();
        let (here, first) = (self.here(), self.kernel.paging.start(self.page()));
        self.begun = WriteBegin::new(here.range(), here.cut(), outcome.buffers(), first);
        there.then_some(Step::Map)
    }

    /// Whether the rest of the block that the file ended in is zeroed, after the write, in a handle of its own.
    fn zeroes(&self) -> bool {
        let past = self.span.start > self.size;
        past && grown_from(self.kernel, self.size) && !zeroes_first(self.kernel)
    }

    /// `ext4_da_should_update_i_disksize`: writeback will not have to allocate the last block.
    fn updates_disksize(&self) -> bool {
        self.begun.last_is_mapped() && (self.grows || self.kernel.version < Version::V6_1)
    }
}
