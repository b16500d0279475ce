//! `ext4_setattr` and `ext4_truncate` under `i_rwsem`: ftruncate from v4.10 on; and how every era keeps others out.

use super::alloc_blocks::has_gate;
use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::{self, IDataSem, IRwsem};
use crate::op::Mode::Exclusive;
use crate::op::{Fault, Handle, Op, OrphanOp, Size};
use crate::page_cache::{BlockTruncatePage, TruncatePages, grown_from, zeroes_first};
use crate::task::steps;

steps! {
    /// `do_truncate`, `ext4_setattr` and `ext4_truncate`.
    ///
    /// # Kernel
    /// Read in v4.10.17, v5.4.18, v5.10.44, v6.1-rc7, v6.1.141, v6.12, v6.18.2, v7.0.0 and v7.1.5. v4.10: sizes, then (only with an
    /// orphan record) gate and drain, then `i_mmap_sem`, pages, blocks. v5.4 and later: drain if it
    /// shrinks, `i_mmap_sem` or `invalidate_lock`, sizes, pages, blocks.
    ///
    /// # Modelled
    /// A truncate to an equal size changes no size and drains nothing, but it calls
    /// `ext4_truncate` all the same and frees what lies past the end (v3.11 too). What frees sets i_disksize
    /// to i_size again, under `i_data_sem`. v4.10
    /// still closes the gate, though no reader looks at it any more (16c54688592c). Without a journal
    /// there is no orphan record; 82a25b027ca4 made the drain independent of it. In v5.4 the drain
    /// stands before the record would be added, so without that fix it is "only with a journal".
    /// Without 90e775b71ac4 i_disksize changes under the handle alone and i_size after it, as in v3.6.
    ///
    /// If `ext4_truncate` gets no handle (`failing`), the sizes stay small and the blocks stay allocated:
    /// `ext4_setattr` takes the inode off the list of orphans in memory, and returns the error.
    ///
    /// # Left out
    /// Ordered-mode flushing, fast commits, `ext4_break_layouts` (DAX).
    pub struct Setattr { fault: Option<Fault>, from: Size }
    /// Truncates the file to that size, on a file system with a journal or without.
    pub fn new(to: Size, kernel: Kernel, journal: bool);
    in "do_truncate" => Step / At |self, outcome|;

    TakeRwsem "inode_lock" => Op::Lock(IRwsem, Exclusive);
    ReadSize in "ext4_setattr" "inode->i_size" => Op::SizeRead => self.from = outcome.size();
    KeepOut(wait: KeepOut) if self.kernel.version >= Version::V5_4 => KeepOut::new(self.kernel, self.drains());
    ZeroFirst(zero: BlockTruncatePage) if self.grows_from_a_part() && zeroes_first(self.kernel)
        => BlockTruncatePage::new(self.from, self.kernel);
    StartOrphan in "ext4_setattr" "ext4_journal_start" if self.resizes() => Op::JournalStart(Handle::Orphan);
    ZeroTail(zero: BlockTruncatePage) if self.grows_from_a_part() && !zeroes_first(self.kernel)
        => BlockTruncatePage::new(self.from, self.kernel);
    AddOrphan in "ext4_orphan_add" if self.shrinks() && self.journal => Op::Orphan(OrphanOp::Add);
    TakeSizes in "ext4_setattr" "down_write(i_data_sem)" if self.together() => Op::Lock(IDataSem, Exclusive);
    WriteDisksize in "ext4_setattr" "i_disksize" if self.resizes() => Op::DisksizeWrite(self.to)
        => (!self.together()).then_some(Step::StopOrphan);
    WriteSize in "ext4_setattr" "i_size_write" if self.resizes() => Op::SizeWrite(self.to)
        => (!self.together()).then_some(Step::KeepOutLate);
    DropSizes in "ext4_setattr" "up_write(i_data_sem)" if self.together() => Op::Unlock(IDataSem, Exclusive);
    StopOrphan in "ext4_setattr" "ext4_journal_stop" if self.resizes() => Op::JournalStop(Handle::Orphan)
        => (!self.together()).then_some(Step::WriteSize);
    KeepOutLate(wait: KeepOut) if self.kernel.version < Version::V5_4 => KeepOut::new(self.kernel, self.drains());
    DropPages(pages: TruncatePages) => TruncatePages::from(self.to, self.kernel);
    Truncate(truncate: ExtTruncate) if self.frees() => ExtTruncate::new(self.to, self.kernel, self.journal);
    DropMmap in "ext4_setattr" "filemap_invalidate_unlock" => Op::Unlock(LockName::against_faults(self.kernel), Exclusive);
    DelInCore in "ext4_orphan_del" "no handle was had" if self.left_orphan() => Op::Orphan(OrphanOp::Del);
    DropRwsem "inode_unlock" => Op::Unlock(IRwsem, Exclusive);
}

/// Whether punching and shifting take it.
pub(super) fn locks_faults_out(kernel: Kernel) -> bool {
    kernel.has(Fix::FaultLock) || kernel.has(Fix::ReadLock)
}

impl Setattr {
    /// The same, but `ext4_truncate` gets no handle.
    #[must_use]
    pub fn failing(self, fault: Option<Fault>) -> Setattr {
        Setattr { fault, ..self }
    }

    fn shrinks(&self) -> bool {
        self.to < self.from
    }

    /// Whether the rest of the old last block is zeroed. (The drain is of those that shrink.)
    fn grows_from_a_part(&self) -> bool {
        grown_from(self.kernel, self.from) && self.to > self.from
    }

    fn resizes(&self) -> bool {
        self.to != self.from
    }

    /// Whether direct I/O is waited for.
    fn drains(&self) -> bool {
        self.shrinks() && (self.journal || self.kernel.has(Fix::DrainOnShrink))
    }

    /// Whether both sizes change under `i_data_sem`; before that i_size did when the handle was closed.
    fn together(&self) -> bool {
        self.resizes() && self.kernel.has(Fix::SizesUnderDataSem)
    }

    fn frees(&self) -> bool {
        self.to <= self.from && self.fault.is_none()
    }

    /// Whether `ext4_truncate` left the inode on the list of orphans.
    fn left_orphan(&self) -> bool {
        self.fault.is_some() && self.journal && self.shrinks()
    }
}

steps! {
    /// `ext4_truncate` from v4.10 on, in a file of that size: what lies behind them is freed.
    pub(super) struct ExtTruncate {}
    pub(super) fn new(to: Size, kernel: Kernel, journal: bool);
    in "ext4_truncate" => Cut / CutAt |self, outcome|;

    StartHandle "ext4_journal_start" => Op::JournalStart(Handle::Extents);
    ZeroTail(zero: BlockTruncatePage) if self.to.splits() => BlockTruncatePage::new(self.to, self.kernel);
    AddAgain in "ext4_orphan_add" if self.journal => Op::Orphan(OrphanOp::Add);
    TakeDataSem "down_write(i_data_sem)" => Op::Lock(IDataSem, Exclusive);
    SetDisksize in "ext4_ext_truncate" "i_disksize = i_size" => Op::DisksizeWrite(self.to);
    Free in "ext4_ext_remove_space" => Op::Free(self.to.up());
    DropDataSem "up_write(i_data_sem)" => Op::Unlock(IDataSem, Exclusive);
    DelOrphan in "ext4_orphan_del" if self.journal => Op::Orphan(OrphanOp::Del);
    StopHandle "ext4_journal_stop" => Op::JournalStop(Handle::Extents);
}

steps! {
    /// Waits for direct I/O if that is asked for, behind a closed gate where the kernel has one; and keeps page
    /// faults out, from v4.10 on.
    pub(super) struct KeepOut {}
    pub(super) fn new(kernel: Kernel, drains: bool);
    in "ext4_setattr" => Keep / KeepAt |self, outcome|;

    CloseGate in "ext4_inode_block_unlocked_dio" "set_bit" if self.gate() => Op::GateClose;
    GateBarrier in "ext4_inode_block_unlocked_dio" if self.gate() && self.kernel.has(Fix::CloserBarrier)
        => self.closer_barrier();
    Drain in "inode_dio_wait" if self.drains => Op::DioWait;
    OpenBarrier in "ext4_inode_resume_unlocked_dio" if self.gate() && self.kernel.has(Fix::OpenerBarrier)
        => Op::SmpMb;
    OpenGate in "ext4_inode_resume_unlocked_dio" "clear_bit" if self.gate() => Op::GateOpen;
    TakeMmap "filemap_invalidate_lock (to v5.10 i_mmap_sem)" if self.kernel.version >= Version::V4_10
        => Op::Lock(LockName::against_faults(self.kernel), Exclusive);
}

impl KeepOut {
    fn gate(&self) -> bool {
        self.drains && (self.kernel.has(Fix::Gate) || has_gate(self.kernel))
    }

    fn closer_barrier(&self) -> Op {
        if self.kernel.has(Fix::CloserBarrierOrdersReads) {
            Op::SmpMb
        } else {
            Op::SmpMbBeforeAtomic
        }
    }
}
