//! `ext4_collapse_range` and `ext4_insert_range`: blocks change their place in the file.

use super::alloc_blocks::has_gate;
use super::fallocate::{FallocateFirst, stamps_time, waits_first};
use super::setattr::locks_faults_out;
use crate::kernel::{Fix, Kernel};
use crate::op::LockName::{self, IDataSem, IRwsem};
use crate::op::Mode::Exclusive;
use crate::op::{Fault, Handle, LogicalBlock, Op, Range, Shift, Size};
use crate::page_cache::{TruncatePages, WritePages};
use crate::task::steps;

steps! {
    /// `ext4_collapse_range` takes a range out of the file, `ext4_insert_range` puts one in.
    ///
    /// # Kernel
    /// fs/ext4/extents.c, read in v4.10.17, v5.4.18, v5.10.44, v6.1.141, v6.1.192, v6.12, v6.18.2 and v7.0.0.
    ///
    /// # Modelled
    /// A collapse that reaches i_size is refused, an insert from i_size on too. An insert raises both
    /// sizes before it takes `i_data_sem`, a collapse lowers them under it: in an insert i_disksize changes
    /// without `i_data_sem`, when there is no page left whose writeback could change it as well.
    ///
    /// What is dirty from the start of the page on, or behind what is taken out, is written back under the locks
    /// before that page and all behind it leave the cache.
    ///
    /// On an error (no handle, or an extent must be split and no block is left) the pages are gone and no
    /// block has moved. An insert has raised both sizes by then, and leaves them so.
    ///
    /// # Left out
    /// How extents join.
    pub struct ShiftRange {
        range: Range,
        shift: Shift,
        kernel: Kernel,
        fault: Option<Fault>,
        write_back: Option<Box<WritePages>>,
        /// What lies behind a range that is taken out, where that is another page.
        write_behind: Option<Box<WritePages>>,
    }
    in function(self.shift) => Step / At |self, outcome|;

    TakeRwsem "inode_lock" => Op::Lock(IRwsem, Exclusive);
    First(first: FallocateFirst) if waits_first(self.kernel) => FallocateFirst::new(true, self.kernel);
    ReadSize "inode->i_size" => Op::SizeRead => self.looked(outcome.size());
    CloseGate "ext4_inode_block_unlocked_dio" if has_gate(self.kernel) => Op::GateClose;
    Drain "inode_dio_wait" if self.kernel.has(Fix::ShiftDrains) => Op::DioWait;
    StartTime "file_modified: ext4_journal_start" if stamps_time(self.kernel) => Op::JournalStart(Handle::Time);
    StopTime "file_modified: ext4_journal_stop" if stamps_time(self.kernel) => Op::JournalStop(Handle::Time);
    TakeMmap "filemap_invalidate_lock (to v5.10 i_mmap_sem)"
        if locks_faults_out(self.kernel) && !waits_first(self.kernel)
        => Op::Lock(LockName::against_faults(self.kernel), Exclusive);
    WriteBack(pages: Option<Box<WritePages>>) => self.write_back.take();
    WriteBackBehind(pages: Option<Box<WritePages>>) => self.write_behind.take();
    DropPages(pages: TruncatePages) => TruncatePages::from(Size::blocks(self.page()), self.kernel)
        => (self.fault == Some(Fault::Enomem)).then_some(Step::DropMmap);
    StartHandle "ext4_journal_start" => Op::JournalStart(Handle::Extents);
    Grow(sizes: Sizes) if self.inserts() => Sizes::change(self.range, self.shift);
    TakeDataSem "down_write(i_data_sem)" => Op::Lock(IDataSem, Exclusive);
    Free "ext4_ext_remove_space" if !self.inserts() && self.fault.is_none() => Op::FreeRange(self.range);
    Shift "ext4_ext_shift_extents" if self.fault.is_none() => Op::ShiftExtents(self.range, self.shift);
    Shrink(sizes: Sizes) if !self.inserts() && self.fault.is_none() => Sizes::change(self.range, self.shift);
    DropDataSem "up_write(i_data_sem)" => Op::Unlock(IDataSem, Exclusive);
    StopHandle "ext4_journal_stop" => Op::JournalStop(Handle::Extents);
    DropMmap "filemap_invalidate_unlock" if locks_faults_out(self.kernel)
        => Op::Unlock(LockName::against_faults(self.kernel), Exclusive);
    OpenGate "ext4_inode_resume_unlocked_dio" if has_gate(self.kernel) => Op::GateOpen;
    DropRwsem "inode_unlock" => Op::Unlock(IRwsem, Exclusive);
}

fn function(shift: Shift) -> &'static str {
    match shift {
        Shift::Left => "ext4_collapse_range",
        Shift::Right => "ext4_insert_range",
    }
}

impl ShiftRange {
    /// Takes `range` out of the file.
    pub fn collapse(range: Range, kernel: Kernel) -> ShiftRange {
        let (shift, fault) = (Shift::Left, None);
        let (write_back, write_behind, step) = (None, None, At::Done);
        ShiftRange { range, shift, kernel, fault, write_back, write_behind, step }.begin()
    }

    /// Puts `range` in, a hole.
    pub fn insert(range: Range, kernel: Kernel) -> ShiftRange {
        ShiftRange { shift: Shift::Right, ..ShiftRange::collapse(range, kernel) }
    }

    /// The same, but it writes dirty pages back, as the kernel does.
    #[must_use]
    pub fn writing_back(self, write_back: WritePages) -> ShiftRange {
        let (page, end) = (self.page(), self.kernel.paging.end());
        let of = |start: LogicalBlock, end: LogicalBlock| {
            let range = Range { start, len: end.saturating_sub(start) };
            Some(Box::new(write_back.clone().of(range).and_wait()))
        };
        let (first, behind) = match self.inserts() || !self.kernel.paging.many() {
            true => (of(page, end), None),
            // To the first byte of the range, inclusive.
            false => (of(page, self.range.start + 1), of(self.range.end(), end)),
        };
        ShiftRange { write_back: first, write_behind: behind, ..self }
    }

    /// The same, but it gets no handle, or finds no block to split an extent with.
    #[must_use]
    pub fn failing(self, fault: Option<Fault>) -> ShiftRange {
        ShiftRange { fault, ..self }
    }

    fn looked(&self, size: Size) -> Option<Step> {
        let out = if waits_first(self.kernel) { Step::DropMmap } else { Step::DropRwsem };
        self.refused(size).then_some(out)
    }

    fn refused(&self, size: Size) -> bool {
        let reaches = if self.inserts() { self.range.start } else { self.range.end() };
        Size::blocks(reaches) >= size
    }

    fn inserts(&self) -> bool {
        self.shift == Shift::Right
    }

    /// Where the page starts that the range starts in.
    fn page(&self) -> LogicalBlock {
        self.range.start - self.range.start % self.kernel.paging.blocks()
    }
}

steps! {
    /// Both sizes change by the length of the range.
    struct Sizes { range: Range, shift: Shift, size: Size }
    in function(self.shift) => Change / ChangeAt |self, outcome|;

    RereadSize "inode->i_size" => Op::SizeRead => self.size = self.changed(outcome.size());
    WriteSize "i_size_write" => Op::SizeWrite(self.size);
    LookDisksize "i_disksize" if self.shift == Shift::Right => Op::DisksizeRead
        => self.size = self.changed(outcome.size());
    WriteDisksize "i_disksize" => Op::DisksizeWrite(self.size);
}

impl Sizes {
    fn change(range: Range, shift: Shift) -> Sizes {
        Sizes { range, shift, size: Size::default(), step: ChangeAt::Done }.begin()
    }

    fn changed(&self, size: Size) -> Size {
        let by = Size::blocks(self.range.len);
        match self.shift {
            Shift::Left => Size::halves(size.in_halves().saturating_sub(by.in_halves())),
            Shift::Right => size + by,
        }
    }
}
