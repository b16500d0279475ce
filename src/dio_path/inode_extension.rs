//! `ext4_handle_inode_extension`: raising i_size and i_disksize after an extending write.

use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel};
use crate::op::{Blocks, Handle, Op, OrphanOp, Outcome};
use crate::task::{Place, Task};

/// `ext4_handle_inode_extension` and, from v6.1 on, `ext4_inode_extension_cleanup`.
///
/// | step          | kernel (v6.1.141; * to v6.1-rc7)                        | holds after           |
/// |---------------|---------------------------------------------------------|-----------------------|
/// | ReadDisksize  | ext4_handle_inode_extension: i_disksize *               | i_rwsem               |
/// | TestOrphan    | ext4_inode_extension_cleanup: list_empty                | i_rwsem               |
/// | StartHandle   | ext4_journal_start                                      | i_rwsem, handle       |
/// | ReadSize      | ext4_update_inode_size: inode->i_size                   | i_rwsem, handle       |
/// | WriteSize     | ext4_update_inode_size: i_size_write                    | i_rwsem, handle       |
/// | LookDisksize  | ext4_update_inode_size: i_disksize                      | i_rwsem, handle       |
/// | TakeDataSem   | ext4_update_i_disksize: down_write(i_data_sem)          | + i_data_sem W        |
/// | CheckDisksize | ext4_update_i_disksize: i_disksize                      | + i_data_sem W        |
/// | WriteDisksize | ext4_update_i_disksize: i_disksize                      | + i_data_sem W        |
/// | DropDataSem   | ext4_update_i_disksize: up_write(i_data_sem)            | i_rwsem, handle       |
/// | DelOrphan     | ext4_orphan_del                                         | i_rwsem, handle       |
/// | StopHandle    | ext4_journal_stop                                       | i_rwsem               |
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
/// Failed and short writes, which truncate what was allocated.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct InodeExtension {
    end: Blocks,
    kernel: Kernel,
    cleans_up: bool,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    ReadDisksize,
    TestOrphan,
    StartHandle,
    ReadSize,
    WriteSize,
    LookDisksize,
    TakeDataSem,
    CheckDisksize,
    WriteDisksize,
    DropDataSem,
    DelOrphan,
    StopHandle,
    Done,
}

impl InodeExtension {
    fn at(step: Step, end: Blocks, kernel: Kernel) -> InodeExtension {
        InodeExtension { end, kernel, cleans_up: false, step }
    }
    /// Called by `ext4_dio_write_iter`, after the I/O of a write that ends at `end`.
    pub fn after_io(end: Blocks, kernel: Kernel) -> InodeExtension {
        InodeExtension::at(Step::ReadDisksize, end, kernel)
    }
    /// Called by `ext4_dio_write_end_io`.
    pub fn in_end_io(end: Blocks, kernel: Kernel) -> InodeExtension {
        InodeExtension::at(Step::StartHandle, end, kernel)
    }
    /// The cleanup after the I/O.
    pub fn cleanup(kernel: Kernel) -> InodeExtension {
        InodeExtension { cleans_up: true, ..InodeExtension::at(Step::TestOrphan, 0, kernel) }
    }
    /// What is left to do if i_disksize was raised by somebody else.
    fn record(&self) -> Step {
        if self.kernel.has(Fix::OrphanCleanup) { Step::TestOrphan } else { Step::Done }
    }
}

impl Task for InodeExtension {
    fn next(&self) -> Option<Op> {
        let sem = LockName::IDataSem;
        Some(match &self.step {
            Step::ReadDisksize | Step::LookDisksize | Step::CheckDisksize => Op::DisksizeRead,
            Step::TestOrphan => Op::Orphan(OrphanOp::Test),
            Step::StartHandle => Op::JournalStart(Handle::Orphan),
            Step::ReadSize => Op::SizeRead,
            Step::WriteSize => Op::SizeWrite(self.end),
            Step::TakeDataSem => Op::Lock(sem, Mode::Exclusive),
            Step::WriteDisksize => Op::DisksizeWrite(self.end),
            Step::DropDataSem => Op::Unlock(sem, Mode::Exclusive),
            Step::DelOrphan => Op::Orphan(OrphanOp::Del),
            Step::StopHandle => Op::JournalStop(Handle::Orphan),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let below = matches!(outcome, Outcome::Value(size) if size < self.end);
        self.step = match self.step {
            Step::ReadDisksize if below => Step::StartHandle,
            Step::ReadDisksize => {
                self.cleans_up = true;
                self.record()
            }
            Step::TestOrphan if outcome == Outcome::Flag(true) => Step::StartHandle,
            Step::TestOrphan => Step::Done,
            Step::StartHandle if self.cleans_up => Step::DelOrphan,
            Step::StartHandle => Step::ReadSize,
            Step::ReadSize if below => Step::WriteSize,
            Step::ReadSize | Step::WriteSize => Step::LookDisksize,
            Step::LookDisksize if below => Step::TakeDataSem,
            Step::TakeDataSem => Step::CheckDisksize,
            Step::CheckDisksize if below => Step::WriteDisksize,
            Step::CheckDisksize | Step::WriteDisksize => Step::DropDataSem,
            Step::LookDisksize | Step::DropDataSem => Step::DelOrphan,
            Step::DelOrphan => Step::StopHandle,
            Step::StopHandle | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match &self.step {
            Step::ReadDisksize => "ReadDisksize",
            Step::TestOrphan => "TestOrphan",
            Step::StartHandle => "StartHandle",
            Step::ReadSize => "ReadSize",
            Step::WriteSize => "WriteSize",
            Step::LookDisksize => "LookDisksize",
            Step::TakeDataSem => "TakeDataSem",
            Step::CheckDisksize => "CheckDisksize",
            Step::WriteDisksize => "WriteDisksize",
            Step::DropDataSem => "DropDataSem",
            Step::DelOrphan => "DelOrphan",
            Step::StopHandle => "StopHandle",
            Step::Done => "Done",
        };
        Place { step, kernel: "ext4_handle_inode_extension" }
    }
}
