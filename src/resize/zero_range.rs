//! `ext4_fallocate` and `ext4_zero_range`: who calls `ext4_alloc_file_blocks`.

use super::alloc_blocks::{AllocBlocks, has_gate};
use super::disksize_before_punch::DisksizeBeforePunch;
use super::fallocate::{FallocateFirst, stamps_time, waits_first};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::{self, IRwsem};
use crate::op::Mode::Exclusive;
use crate::op::{Fault, Handle, Op, Range, Size, Span};
use crate::page_cache::{FlushCompleted, TruncatePages, ZeroPartialBlocks, zeroes_first};
use crate::task::steps;

steps! {
    /// `ext4_fallocate`, for what it may rely on after its drain.
    ///
    /// # Kernel
    /// fs/ext4/extents.c, read in v3.6, v3.7.2, v3.11, v4.10.17, v5.4.18, v5.10.44, v6.1.141, v6.12, v6.18.2 and v7.0.0.
    /// Before v4.10 lies a time with the estimate under `i_mutex` and without the drain: v4.10 without
    /// 0d306dcf86e8. From v6.15 on, and in 6.12.117, `ext4_fallocate` itself takes the lock, drains and stamps the
    /// time, all before the functions of each mode look at the sizes.
    ///
    /// # Modelled
    /// Up to v3.11 the credits are estimated before `i_mutex`; only v3.7 then flushes and waits for conversions
    /// (`ext4_flush_unwritten_io`), which comes too late for them. From v4.10 on `i_size` is looked at before the
    /// drain. That is harmless: what was seen only says whether to grow at all, and
    /// `ext4_update_inode_size` compares again; besides, a write that extends is never in flight without
    /// the lock.
    ///
    /// # Left out
    /// Flags, `file_modified`, O_SYNC.
    pub struct ExtFallocate { fault: Option<Fault> }
    /// Allocates `range`; with `grows` the file is to reach to its end.
    pub fn new(range: Range, grows: bool, kernel: Kernel);
    in "ext4_fallocate" => Step / At |self, outcome|;

    EstimateEarly in "ext4_chunk_trans_blocks" if self.kernel.version < Version::V4_10 => Op::DepthRead;
    TakeLock "inode_lock" => Op::Lock(LockName::of_inode(self.kernel), Exclusive);
    First(first: FallocateFirst) if waits_first(self.kernel) => FallocateFirst::new(false, self.kernel);
    Sizes(sizes: Sizes) if self.grows && self.kernel.version >= Version::V4_10
        => Sizes::sample("ext4_fallocate", Size::blocks(self.range.end()), self.kernel) => self.grows = sizes.below;
    Flush(flush: FlushCompleted) if self.kernel.has(Fix::FallocateFlush)
        => FlushCompleted::new(self.kernel, None, true);
    WaitUnwritten "ext4_flush_unwritten_io: ext4_unwritten_wait" if self.kernel.has(Fix::FallocateFlush)
        => Op::UnwrittenWait;
    CloseGate in "ext4_inode_block_unlocked_dio" if self.drains() && has_gate(self.kernel) => Op::GateClose;
    Drain in "inode_dio_wait" if self.drains() => Op::DioWait;
    Alloc(alloc: AllocBlocks) if self.has_handle()
        => AllocBlocks::new(self.range, self.to(), self.kernel).failing(self.fault);
    OpenGate in "ext4_inode_resume_unlocked_dio" if self.drains() && has_gate(self.kernel) => Op::GateOpen;
    DropLock "inode_unlock" => Op::Unlock(LockName::of_inode(self.kernel), Exclusive);
}

impl ExtFallocate {
    /// The same, but `ext4_alloc_file_blocks` fails.
    #[must_use]
    pub fn failing(self, fault: Option<Fault>) -> ExtFallocate {
        ExtFallocate { fault, ..self }
    }

    fn to(&self) -> Option<Size> {
        Some(Size::blocks(self.range.end())).filter(|_| self.grows)
    }

    /// Without one nothing is done; up to v3.11 that is here.
    fn has_handle(&self) -> bool {
        self.fault != Some(Fault::Enomem) || self.kernel.version >= Version::V4_10
    }

    /// Before 17048e8a083f `ext4_alloc_file_blocks` does.
    fn drains(&self) -> bool {
        let here = !has_gate(self.kernel) || self.kernel.has(Fix::GateInCallers);
        self.kernel.has(Fix::FallocateDrains) && here
    }
}

steps! {
    /// Does the file end before the range does?
    struct Sizes { function: &'static str, end: Size, kernel: Kernel, below: bool }
    in self.function => Look / LookAt |self, outcome|;

    SampleSize "i_size_read" => Op::SizeRead => self.below = outcome.size() < self.end;
    SampleDisksize "i_disksize" if !self.below && self.kernel.version >= Version::V5_4 => Op::DisksizeRead
        => self.below = outcome.size() < self.end;
}

impl Sizes {
    fn sample(function: &'static str, end: Size, kernel: Kernel) -> Sizes {
        Sizes { function, end, kernel, below: false, step: LookAt::Done }.begin()
    }
}

steps! {
    /// `ext4_zero_range`. What begins or ends inside a block is allocated first, and zeroed last, through its page.
    ///
    /// # Kernel
    /// fs/ext4/extents.c, read in v4.10.17, v5.4.18, v5.10.44, v6.1.141, v6.12, v6.18.2 and v7.0.0. That 17048e8a083f took
    /// the second closing out of `ext4_alloc_file_blocks`, and why, is from its message.
    pub struct ZeroRange { fault: Option<Fault> }
    /// Zeroes `span`; with `grows` the file is to reach to its end.
    pub fn new(span: Span, grows: bool, kernel: Kernel);
    in "ext4_zero_range" => Zero / ZeroAt |self, outcome|;

    TakeRwsem "inode_lock" => Op::Lock(IRwsem, Exclusive);
    First(first: FallocateFirst) if waits_first(self.kernel) => FallocateFirst::new(true, self.kernel);
    Sizes(sizes: Sizes) if self.grows => Sizes::sample("ext4_zero_range", self.span.end, self.kernel)
        => self.grows = sizes.below;
    CloseGate in "ext4_inode_block_unlocked_dio" if has_gate(self.kernel) => Op::GateClose;
    Drain in "inode_dio_wait" if self.kernel.has(Fix::ZeroDrains) => Op::DioWait;
    StartTime "file_modified: ext4_journal_start" if stamps_time(self.kernel) => Op::JournalStart(Handle::Time);
    StopTime "file_modified: ext4_journal_stop" if stamps_time(self.kernel) => Op::JournalStop(Handle::Time);
    AllocAll(alloc: AllocBlocks) if self.span.unaligned() => self.alloc(self.span.range())
        => self.fault.is_some().then_some(if waits_first(self.kernel) { Zero::DropMmap } else { Zero::OpenGate });
    TakeMmap "filemap_invalidate_lock (to v5.10 i_mmap_sem)" if self.unwrites() && !waits_first(self.kernel)
        => Op::Lock(LockName::against_faults(self.kernel), Exclusive);
    Disksize(disksize: DisksizeBeforePunch) if self.drops_pages() && self.kernel.has(Fix::DisksizeBeforePunch)
        => DisksizeBeforePunch::new(self.span, self.kernel);
    DropPages(pages: TruncatePages) if self.unwrites() => TruncatePages::new(self.span.whole(), self.kernel);
    Alloc(alloc: AllocBlocks) if self.unwrites() => self.alloc(self.span.whole()).unwriting();
    DropMmapEarly "filemap_invalidate_unlock" if self.unwrites() && !waits_first(self.kernel)
        => Op::Unlock(LockName::against_faults(self.kernel), Exclusive);
    ZeroFirst(zero: ZeroPartialBlocks) if zeroes_first(self.kernel) => ZeroPartialBlocks::new(self.span, self.kernel);
    StartHandle "ext4_journal_start" if self.span.unaligned() => Op::JournalStart(Handle::Extents);
    ZeroPartial(zero: ZeroPartialBlocks) if !zeroes_first(self.kernel) => ZeroPartialBlocks::new(self.span, self.kernel);
    StopHandle "ext4_journal_stop" if self.span.unaligned() => Op::JournalStop(Handle::Extents);
    DropMmap "filemap_invalidate_unlock" if waits_first(self.kernel)
        => Op::Unlock(LockName::against_faults(self.kernel), Exclusive);
    OpenGate in "ext4_inode_resume_unlocked_dio" if has_gate(self.kernel) => Op::GateOpen;
    DropRwsem "inode_unlock" => Op::Unlock(IRwsem, Exclusive);
}

impl ZeroRange {
    /// The same, but `ext4_alloc_file_blocks` fails.
    #[must_use]
    pub fn failing(self, fault: Option<Fault>) -> ZeroRange {
        ZeroRange { fault, ..self }
    }

    /// Whether there are blocks in it as a whole.
    fn unwrites(&self) -> bool {
        self.span.whole().len > 0
    }

    /// From v6.15 on i_disksize is looked at even if no block is in it as a whole.
    fn drops_pages(&self) -> bool {
        self.unwrites() || waits_first(self.kernel)
    }

    fn alloc(&self, range: Range) -> AllocBlocks {
        let to = Some(self.span.end).filter(|_| self.grows);
        AllocBlocks::new(range, to, self.kernel).failing(self.fault)
    }
}
