//! `ext4_fallocate` and `ext4_zero_range`: who calls `ext4_alloc_file_blocks`.

use super::alloc_blocks::{AllocBlocks, has_gate};
use super::disksize_before_punch::DisksizeBeforePunch;
use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::{self, IRwsem};
use crate::op::Mode::Exclusive;
use crate::op::{Fault, Handle, Op, Range, Size};
use crate::page_cache::{FlushCompleted, TruncatePages};
use crate::task::steps;

steps! {
    /// `ext4_fallocate`, for what it may rely on after its drain.
    ///
    /// # Kernel
    /// fs/ext4/extents.c, read in v3.6, v3.7.2, v3.11, v4.10.17, v5.4.18, v5.10.44, v6.1.141 and v6.12.
    /// Between the two lies a time with the estimate under `i_mutex` and without the drain: v4.10 without
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
    Sizes(sizes: Sizes) if self.grows && self.kernel.version >= Version::V4_10
        => Sizes::sample("ext4_fallocate", self.range, self.kernel) => self.grows = sizes.below;
    Flush(flush: FlushCompleted) if self.kernel.has(Fix::FallocateFlush)
        => FlushCompleted::new(self.kernel, None, true);
    WaitUnwritten "ext4_flush_unwritten_io: ext4_unwritten_wait" if self.kernel.has(Fix::FallocateFlush)
        => Op::UnwrittenWait;
    CloseGate in "ext4_inode_block_unlocked_dio" if self.drains() && has_gate(self.kernel) => Op::GateClose;
    Drain in "inode_dio_wait" if self.drains() => Op::DioWait;
    Alloc(alloc: AllocBlocks) if self.has_handle()
        => AllocBlocks::new(self.range, self.grows, self.kernel).failing(self.fault);
    OpenGate in "ext4_inode_resume_unlocked_dio" if self.drains() && has_gate(self.kernel) => Op::GateOpen;
    DropLock "inode_unlock" => Op::Unlock(LockName::of_inode(self.kernel), Exclusive);
}

impl ExtFallocate {
    /// The same, but `ext4_alloc_file_blocks` fails.
    #[must_use]
    pub fn failing(self, fault: Option<Fault>) -> ExtFallocate {
        ExtFallocate { fault, ..self }
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
    struct Sizes { function: &'static str, range: Range, kernel: Kernel, below: bool }
    in self.function => Look / LookAt |self, outcome|;

    SampleSize "i_size_read" => Op::SizeRead => self.below = outcome.size() < Size::blocks(self.range.end());
    SampleDisksize "i_disksize" if !self.below && self.kernel.version >= Version::V5_4 => Op::DisksizeRead
        => self.below = outcome.size() < Size::blocks(self.range.end());
}

impl Sizes {
    fn sample(function: &'static str, range: Range, kernel: Kernel) -> Sizes {
        Sizes { function, range, kernel, below: false, step: LookAt::Done }.begin()
    }
}

steps! {
    /// `ext4_zero_range` of whole blocks.
    ///
    /// # Kernel
    /// fs/ext4/extents.c, read in v4.10.17, v5.4.18, v5.10.44, v6.1.141 and v6.12. That 17048e8a083f took
    /// the second closing out of `ext4_alloc_file_blocks`, and why, is from its message.
    ///
    /// # Left out
    /// Partial blocks.
    pub struct ZeroRange { fault: Option<Fault> }
    /// Zeroes `range`; with `grows` the file is to reach to its end.
    pub fn new(range: Range, grows: bool, kernel: Kernel);
    in "ext4_zero_range" => Zero / ZeroAt |self, outcome|;

    TakeRwsem "inode_lock" => Op::Lock(IRwsem, Exclusive);
    Sizes(sizes: Sizes) if self.grows => Sizes::sample("ext4_zero_range", self.range, self.kernel)
        => self.grows = sizes.below;
    CloseGate in "ext4_inode_block_unlocked_dio" if has_gate(self.kernel) => Op::GateClose;
    Drain in "inode_dio_wait" if self.kernel.has(Fix::ZeroDrains) => Op::DioWait;
    StartTime "file_modified: ext4_journal_start" if self.kernel.version >= Version::V6_1
        => Op::JournalStart(Handle::Time);
    StopTime "file_modified: ext4_journal_stop" if self.kernel.version >= Version::V6_1
        => Op::JournalStop(Handle::Time);
    TakeMmap "filemap_invalidate_lock (to v5.10 i_mmap_sem)" => Op::Lock(LockName::against_faults(self.kernel), Exclusive);
    Disksize(disksize: DisksizeBeforePunch) if self.kernel.has(Fix::DisksizeBeforePunch)
        => DisksizeBeforePunch::new(self.range, self.kernel);
    DropPages(pages: TruncatePages) => TruncatePages::new(self.range, self.kernel);
    Alloc(alloc: AllocBlocks)
        => AllocBlocks::new(self.range, self.grows, self.kernel).unwriting().failing(self.fault);
    DropMmap "filemap_invalidate_unlock" => Op::Unlock(LockName::against_faults(self.kernel), Exclusive);
    OpenGate in "ext4_inode_resume_unlocked_dio" if has_gate(self.kernel) => Op::GateOpen;
    DropRwsem "inode_unlock" => Op::Unlock(IRwsem, Exclusive);
}

impl ZeroRange {
    /// The same, but `ext4_alloc_file_blocks` fails.
    #[must_use]
    pub fn failing(self, fault: Option<Fault>) -> ZeroRange {
        ZeroRange { fault, ..self }
    }
}
