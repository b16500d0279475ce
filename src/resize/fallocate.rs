//! `ext4_fallocate` from v6.15 on: what it does before the function of any mode looks at the file.

use super::setattr::locks_faults_out;
use crate::kernel::{Fix, Kernel, Version};
use crate::op::Mode::Exclusive;
use crate::op::{Handle, LockName, Op};
use crate::task::steps;

steps! {
    /// With `i_rwsem` held: waits for direct I/O, stamps the time, and keeps page faults out of what drops pages.
    ///
    /// # Kernel
    /// `ext4_fallocate` (fs/ext4/extents.c), read in v6.18.2, v7.0.0 and v7.1.5; 2890e5e0f49e (v6.15). Before that each
    /// mode did this by itself, once it had looked at the sizes.
    ///
    /// # Left out
    /// Inline data, `ext4_break_layouts` (DAX), an error of `file_modified`.
    pub(super) struct FallocateFirst {}
    /// For a mode that `drops_pages`, or not.
    pub(super) fn new(drops_pages: bool, kernel: Kernel);
    in "ext4_fallocate" => Step / At |self, outcome|;

    Drain in "inode_dio_wait" if self.kernel.has(Fix::FallocateWaits) => Op::DioWait;
    StartTime in "file_modified" "ext4_journal_start" => Op::JournalStart(Handle::Time);
    StopTime in "file_modified" "ext4_journal_stop" => Op::JournalStop(Handle::Time);
    TakeMmap "filemap_invalidate_lock" if self.drops_pages && locks_faults_out(self.kernel)
        => Op::Lock(LockName::against_faults(self.kernel), Exclusive);
}

/// Whether the function of a mode stamps the time by itself.
pub(super) fn stamps_time(kernel: Kernel) -> bool {
    kernel.version >= Version::V6_1 && !waits_first(kernel)
}

/// Whether `ext4_fallocate` does this.
pub(super) fn waits_first(kernel: Kernel) -> bool {
    kernel.version >= Version::V6_18
}
