//! `ext4_fallocate`: preallocation, up to v3.11.

use crate::extent_probe::MapBlocks;
use crate::kernel::{Fix, Kernel};
use crate::op::LockName::IMutex;
use crate::op::Mode::Exclusive;
use crate::op::{Fault, Handle, MapFor, Op, Range};
use crate::page_cache::FlushCompleted;
use crate::task::steps;

steps! {
    /// A fallocate that keeps the size.
    ///
    /// # Kernel
    /// `ext4_fallocate` (fs/ext4/extents.c; v3.6, v3.7.2, v3.11): only v3.7.2 flushes.
    /// `ext4_can_extents_be_merged`: v3.6.5, v3.7.2 and v3.8.13 merge two unwritten extents, v3.11 does not.
    ///
    /// # Left out
    /// The loop over what one handle can allocate, credits (B14) and i_size (see ExtFallocate).
    pub struct Fallocate {
        fault: Option<Fault>,
        /// What was looked up, which stays as long as the handle.
        map: Option<MapBlocks>,
    }
    /// Preallocates a range.
    pub fn new(range: Range, kernel: Kernel);
    in "ext4_fallocate" => Step / At |self, outcome|;

    TakeImutex "mutex_lock(i_mutex)" => Op::Lock(IMutex, Exclusive);
    Flush(flush: FlushCompleted) if self.kernel.has(Fix::FallocateFlush)
        => FlushCompleted::new(self.kernel, None, true);
    WaitUnwritten "ext4_flush_unwritten_io: ext4_unwritten_wait" if self.kernel.has(Fix::FallocateFlush)
        => Op::UnwrittenWait;
    Estimate "ext4_chunk_trans_blocks" if self.has_handle() => Op::DepthRead;
    StartHandle "ext4_journal_start" if self.has_handle() => Op::JournalStart(Handle::Extents);
    Allocate(map: MapBlocks) if self.has_handle()
        => MapBlocks::create(self.range, self.how(), false, false).in_handle() => self.map = Some(map);
    StopHandle "ext4_journal_stop" if self.has_handle() => Op::JournalStop(Handle::Extents)
        => self.map = None;
    DropImutex "mutex_unlock(i_mutex)" => Op::Unlock(IMutex, Exclusive);
}

impl Fallocate {
    /// The same, but no block can be allocated, or no handle.
    #[must_use]
    pub fn failing(self, fault: Option<Fault>) -> Fallocate {
        Fallocate { fault, ..self }
    }

    /// Without one nothing is done.
    fn has_handle(&self) -> bool {
        self.fault != Some(Fault::Enomem)
    }

    fn how(&self) -> MapFor {
        let merge = !self.kernel.has(Fix::NoMergeUnwritten);
        if self.fault.is_some() { MapFor::CreateFails } else { MapFor::Preallocate { merge } }
    }
}
