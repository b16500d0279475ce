//! `ext4_alloc_file_blocks`: allocation for fallocate, with its credits and the size.

use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::IDataSem;
use crate::op::Mode::Exclusive;
use crate::op::{Blocks, Fault, Handle, MapFor, Op, Range, Size};
use crate::page_cache::{BlockTruncatePage, grown_from, zeroes_first};
use crate::task::steps;
use std::mem::take;

steps! {
    /// `ext4_alloc_file_blocks`; up to v3.11 the body of `ext4_fallocate`.
    ///
    /// # Kernel
    /// fs/ext4/extents.c and fs/ext4/ext4.h, read in v3.6, v3.7.2, v3.11 (where all this is in
    /// `ext4_fallocate`), v4.10.17, v5.4.18, v5.10.44, v6.1.141, v6.1.192, v6.12, v6.18.2, v7.0.0
    /// and v7.1.5.
    ///
    /// # Modelled
    /// Credits are as many as the depth of the tree, which is looked at without `i_data_sem`. The tree has one
    /// leaf as long as no extent differs from the others (in an inode's root there is room for four): it
    /// gets deeper where a write splits an unwritten extent, before its I/O and under the inode's lock. A
    /// conversion must split only what has been merged since: v3.6 and v3.7 merge (v3.6.5, v3.7.2), v3.11 does not
    /// (ec22ba8edb50); from v5.10 on `ext4_can_extents_be_merged` looks
    /// at lengths alone, in v4.10 and v5.4 it merges nothing unwritten while unwritten I/O is counted (here:
    /// never, as nobody else tells). The second look at the depth at the top of the loop
    /// (from v4.10) only makes the gap between look and change smaller. In place of the nested handle of
    /// `ext4_map_blocks` and its first pass: nothing. Where it is to fail, the last block of the range is the
    /// one that is not had (ENOSPC): what came before it is allocated, under a handle of its own, and the
    /// size reaches there; or there is no handle and nothing is done (ENOMEM). `ext4_update_i_disksize` compares
    /// again under `i_data_sem` (v3.7.2, v4.10.17, v5.4.18, v5.10.44, v6.12): writeback raises i_disksize without
    /// the inode's lock.
    ///
    /// # Left out
    /// Otherwise the loop.
    pub struct AllocBlocks {
        fault: Option<Fault>,
        unwrites: bool,
        /// i_size as it was.
        size: Size,
        /// What is left once this round is done.
        rest: Blocks,
    }
    /// Allocates `range`; the file reaches to that size afterwards, or stays as long as it is.
    pub fn new(range: Range, to: Option<Size>, kernel: Kernel);
    in "ext4_alloc_file_blocks" => Step / At |self, outcome|;

    CloseGate in "ext4_inode_block_unlocked_dio" if self.drains() => Op::GateClose;
    Drain in "inode_dio_wait" if self.drains() => Op::DioWait;
    ReadSize "i_size_read" if self.to.is_some() && zeroes_first(self.kernel) => Op::SizeRead => self.size = outcome.size();
    ZeroFirst(zero: BlockTruncatePage) if self.grows_from_a_part() && zeroes_first(self.kernel)
        => BlockTruncatePage::new(self.size, self.kernel);
    Estimate in "ext4_chunk_trans_blocks" "ext_depth" if self.kernel.version >= Version::V4_10 => Op::DepthRead
        => (self.fault == Some(Fault::Enomem)).then_some(Step::OpenGate);
    StartHandle "ext4_journal_start, with that many credits" => Op::JournalStart(Handle::Extents);
    TakeDataSem in "ext4_map_blocks" "down_write(i_data_sem)" => Op::Lock(IDataSem, Exclusive);
    WalkTree in "ext4_ext_map_blocks" "ext_depth" => Op::DepthRead;
    Allocate in "ext4_ext_map_blocks" => Op::Map(self.range, self.how());
    DropDataSem in "ext4_map_blocks" "up_write(i_data_sem)" => Op::Unlock(IDataSem, Exclusive)
        => (self.to.is_none() || self.fails()).then_some(Step::StopHandle);
    RereadSize in "ext4_update_inode_size" "inode->i_size" if self.compares() => Op::SizeRead
        => { self.size = outcome.size(); self.reached(self.size).then_some(Step::LookDisksize) };
    RaiseSize in "ext4_update_inode_size" "i_size_write" => Op::SizeWrite(self.end());
    LookDisksize in "ext4_update_inode_size" "i_disksize" if self.compares() => Op::DisksizeRead
        => self.reached(outcome.size()).then_some(Step::ZeroTail);
    LockDisksize in "ext4_update_i_disksize" "down_write(i_data_sem)" => Op::Lock(IDataSem, Exclusive);
    CheckDisksize in "ext4_update_i_disksize" "i_disksize" => Op::DisksizeRead
        => self.reached(outcome.size()).then_some(Step::UnlockDisksize);
    RaiseDisksize in "ext4_update_i_disksize" => Op::DisksizeWrite(self.end());
    UnlockDisksize in "ext4_update_i_disksize" "up_write(i_data_sem)" => Op::Unlock(IDataSem, Exclusive);
    ZeroTail(zero: BlockTruncatePage) if self.grows_from_a_part() && !zeroes_first(self.kernel)
        => BlockTruncatePage::new(self.size, self.kernel);
    StopHandle "ext4_journal_stop" => Op::JournalStop(Handle::Extents) => self.next_round();
    OpenGate in "ext4_inode_resume_unlocked_dio" if self.drains() => Op::GateOpen;
}

/// Whether the kernel has a gate; readers look at it up to v4.8.
pub(super) fn has_gate(kernel: Kernel) -> bool {
    kernel.version == Version::V4_10
}

impl AllocBlocks {
    /// The same, but no handle is to be had, or no block for the last of the range.
    #[must_use]
    pub(super) fn failing(self, fault: Option<Fault>) -> AllocBlocks {
        let range = self.range;
        let (len, rest) = match (fault, range.len) {
            (Some(Fault::Enospc), 2..) => (range.len - 1, 1),
            _ => (range.len, 0),
        };
        AllocBlocks { fault, range: Range { len, ..range }, rest, ..self }
    }

    /// Written blocks become unwritten, as for zero range.
    #[must_use]
    pub(super) fn unwriting(self) -> AllocBlocks {
        AllocBlocks { unwrites: true, ..self }
    }

    /// Before 17048e8a083f the drain was here and not in the callers.
    fn drains(&self) -> bool {
        let here = has_gate(self.kernel) && !self.kernel.has(Fix::GateInCallers);
        here && self.kernel.has(Fix::FallocateDrains)
    }

    /// Whether the rest of the block that the file ended in is zeroed.
    fn grows_from_a_part(&self) -> bool {
        self.to.is_some() && grown_from(self.kernel, self.size) && !self.reached(self.size)
    }

    /// Whether this round finds no block.
    fn fails(&self) -> bool {
        self.fault == Some(Fault::Enospc) && self.rest == 0
    }

    fn how(&self) -> MapFor {
        match (self.fails(), self.unwrites) {
            (true, _) => MapFor::CreateFails,
            (false, true) => MapFor::Unwrite,
            (false, false) => MapFor::Preallocate { merge: self.merges() },
        }
    }

    /// `ext4_can_extents_be_merged`, of unwritten extents.
    fn merges(&self) -> bool {
        let early = self.kernel.version < Version::V4_10 && !self.kernel.has(Fix::NoMergeUnwritten);
        early || self.kernel.version >= Version::V5_10
    }

    /// Up to v3.11 nobody has looked at i_size before; up to v5.4 nobody can have changed it since.
    fn compares(&self) -> bool {
        self.kernel.has(Fix::SizeComparedAgain) || self.kernel.version < Version::V5_10
    }

    fn reached(&self, size: Size) -> bool {
        size >= self.end()
    }

    /// What is allocated so far, or the new size if that is less.
    fn end(&self) -> Size {
        let end = Size::blocks(self.range.end());
        self.to.map_or(end, |to| to.min(end))
    }

    /// What is left is asked for under a handle of its own; the depth is looked at again.
    fn next_round(&mut self) -> Option<Step> {
        (self.rest > 0).then(|| {
            self.range = Range { start: self.range.end(), len: take(&mut self.rest) };
            Step::Estimate
        })
    }
}
