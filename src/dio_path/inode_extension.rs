//! `ext4_handle_inode_extension`: raising i_size and i_disksize after an extending write.

use crate::kernel::{Fix, Kernel};
use crate::op::LockName::IDataSem;
use crate::op::Mode::Exclusive;
use crate::op::{Handle, Op, OrphanOp, Size};
use crate::task::steps;

steps! {
    /// `ext4_handle_inode_extension` and, from v6.1 on, `ext4_inode_extension_cleanup`.
    ///
    /// # Kernel
    /// Read in v5.10.44, v6.1-rc7, v6.1.141 and v6.12, with `ext4_update_inode_size` (fs/ext4/ext4.h).
    ///
    /// # Modelled
    /// Three ways in. Up to v6.1-rc7 `ext4_dio_write_iter` calls it after the I/O: if somebody raised
    /// i_disksize meanwhile it only clears the orphan record. From 91562895f803 on `->end_io` calls it
    /// when the write ends past either size, and `ext4_dio_write_iter` then calls the cleanup, which
    /// does what is left of the orphan record. Writeback may raise i_disksize at any time.
    ///
    /// # Left out
    /// Short writes, which truncate what was allocated and not written. (One that failed as a whole calls
    /// [`TruncateFailedWrite`](crate::resize::TruncateFailedWrite).)
    pub struct InodeExtension {
        end: Size,
        kernel: Kernel,
        cleans_up: bool,
        failed: bool,
    }
    in "ext4_handle_inode_extension" => Step / At |self, outcome|;

    ReadDisksize "i_disksize (to v6.1-rc7)" => Op::DisksizeRead => self.record_only(outcome.size());
    TestOrphan "ext4_inode_extension_cleanup: list_empty" => Op::Orphan(OrphanOp::Test)
        => outcome.no().then_some(Step::Done);
    StartHandle "ext4_journal_start" => Op::JournalStart(Handle::Orphan)
        => self.cleans_up.then_some(Step::DelOrphan);
    ReadSize "ext4_update_inode_size: inode->i_size" => Op::SizeRead
        => (self.end <= outcome.size()).then_some(Step::LookDisksize);
    WriteSize "ext4_update_inode_size: i_size_write" => Op::SizeWrite(self.end);
    LookDisksize "ext4_update_inode_size: i_disksize" => Op::DisksizeRead
        => (self.end <= outcome.size()).then_some(Step::DelOrphan);
    TakeDataSem "ext4_update_i_disksize: down_write(i_data_sem)" => Op::Lock(IDataSem, Exclusive);
    CheckDisksize "ext4_update_i_disksize: i_disksize" => Op::DisksizeRead
        => (self.end <= outcome.size()).then_some(Step::DropDataSem);
    WriteDisksize "ext4_update_i_disksize: i_disksize" => Op::DisksizeWrite(self.end);
    DropDataSem "ext4_update_i_disksize: up_write(i_data_sem)" => Op::Unlock(IDataSem, Exclusive)
        => Step::DelOrphan;
    DelOrphan "ext4_orphan_del" => Op::Orphan(OrphanOp::Del);
    StopHandle "ext4_journal_stop" => Op::JournalStop(Handle::Orphan);
}

impl InodeExtension {
    fn new(end: Size, kernel: Kernel, cleans_up: bool) -> InodeExtension {
        InodeExtension { end, kernel, cleans_up, failed: false, step: At::Done }
    }
    /// Called by `ext4_dio_write_iter`, after the I/O of a write that ends at `end`.
    pub fn after_io(end: Size, kernel: Kernel) -> InodeExtension {
        InodeExtension::new(end, kernel, false).begin()
    }
    /// The same, after I/O that failed.
    pub fn after_failed_io(end: Size, kernel: Kernel) -> InodeExtension {
        InodeExtension { failed: true, ..InodeExtension::new(end, kernel, false) }.begin()
    }
    /// Called by `ext4_dio_write_end_io`.
    pub fn in_end_io(end: Size, kernel: Kernel) -> InodeExtension {
        InodeExtension::new(end, kernel, false).begin_at(Step::StartHandle)
    }
    /// The cleanup after the I/O.
    pub fn cleanup(kernel: Kernel) -> InodeExtension {
        InodeExtension::new(Size::default(), kernel, true).begin_at(Step::TestOrphan)
    }

    /// Whether what was allocated is to go again.
    pub fn truncates(&self) -> bool {
        self.failed && !self.cleans_up
    }

    /// Whether i_disksize was raised by somebody else: then only the orphan record is left to do.
    fn record_only(&mut self, disksize: Size) -> Step {
        self.cleans_up = self.end <= disksize;
        match (self.cleans_up, self.kernel.has(Fix::OrphanCleanup)) {
            (false, _) if self.failed => Step::Done,
            (false, _) => Step::StartHandle,
            (true, true) => Step::TestOrphan,
            (true, false) => Step::Done,
        }
    }
}
