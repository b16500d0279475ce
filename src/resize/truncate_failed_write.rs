//! `ext4_truncate_failed_write`: what a write that failed has allocated past the end goes again.

use super::setattr::ExtTruncate;
use crate::kernel::Kernel;
use crate::op::Mode::Exclusive;
use crate::op::{LockName, Op, OrphanOp, Size};
use crate::page_cache::TruncatePages;
use crate::task::steps;

steps! {
    /// `ext4_truncate_failed_write` of an extending direct write, from v5.10 on, with `i_rwsem` held alone.
    ///
    /// # Kernel
    /// fs/ext4/truncate.h, and its callers `ext4_handle_inode_extension` (fs/ext4/file.c, v5.10.44) and
    /// `ext4_inode_extension_cleanup` (v6.1, v6.12), which take the inode off the list of orphans in memory
    /// afterwards.
    ///
    /// # Modelled
    /// `ext4_truncate` sets i_disksize to i_size, as it does for a truncate: to data, perhaps, that is still in
    /// pages.
    pub struct TruncateFailedWrite { size: Size }
    /// Frees what lies past i_size, on a file system with a journal or without.
    pub fn new(kernel: Kernel, journal: bool);
    in "ext4_truncate_failed_write" => Step / At |self, outcome|;

    TakeMmap "filemap_invalidate_lock (to v5.10 i_mmap_sem)"
        => Op::Lock(LockName::against_faults(self.kernel), Exclusive);
    ReadSize "inode->i_size" => Op::SizeRead => self.size = outcome.size();
    DropPages(pages: TruncatePages) => TruncatePages::from(self.size, self.kernel);
    Truncate(truncate: ExtTruncate) => ExtTruncate::new(self.size, self.kernel, self.journal);
    DropMmap "filemap_invalidate_unlock" => Op::Unlock(LockName::against_faults(self.kernel), Exclusive);
    DelInCore in "ext4_orphan_del" "in memory" if self.journal => Op::Orphan(OrphanOp::Del);
}
