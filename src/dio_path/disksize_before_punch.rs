//! `ext4_update_disksize_before_punch`: a page that was to raise i_disksize is about to go.

use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel};
use crate::op::{Blocks, Handle, Op, Outcome, Range};
use crate::task::{Place, Task};

/// `ext4_update_disksize_before_punch`.
///
/// | step          | kernel (v4.10)                                               | holds after      |
/// |---------------|--------------------------------------------------------------|------------------|
/// | ReadSize      | ext4_update_disksize_before_punch: i_size_read               | i_rwsem          |
/// | LookDisksize  | ext4_update_disksize_before_punch: i_disksize                | i_rwsem          |
/// | StartHandle   | ext4_update_disksize_before_punch: ext4_journal_start        | i_rwsem, handle  |
/// | TakeDataSem   | ext4_update_i_disksize: down_write(i_data_sem)               | + i_data_sem W   |
/// | CheckDisksize | ext4_update_i_disksize: i_disksize                           | + i_data_sem W   |
/// | WriteDisksize | ext4_update_i_disksize: i_disksize                           | + i_data_sem W   |
/// | DropDataSem   | ext4_update_i_disksize: up_write(i_data_sem)                 | i_rwsem, handle  |
/// | StopHandle    | ext4_update_disksize_before_punch: ext4_journal_stop         | i_rwsem          |
///
/// # Kernel
/// fs/ext4/inode.c, read in v4.10.17 and in a stable v6.12 (6.12.117), which raises i_disksize to the end of
/// the range also where that lies below i_size; the versions modelled do not. 011278485ecc (v4.5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DisksizeBeforePunch {
    range: Range,
    size: Blocks,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Step {
    ReadSize,
    LookDisksize,
    StartHandle,
    TakeDataSem,
    CheckDisksize,
    WriteDisksize,
    DropDataSem,
    StopHandle,
    Done,
}

impl DisksizeBeforePunch {
    /// Before the pages of `range` go.
    pub fn new(range: Range, kernel: Kernel) -> DisksizeBeforePunch {
        let raises = kernel.has(Fix::DisksizeBeforePunch);
        let step = if raises { Step::ReadSize } else { Step::Done };
        DisksizeBeforePunch { range, size: 0, step }
    }
}

impl Task for DisksizeBeforePunch {
    fn next(&self) -> Option<Op> {
        let (sem, excl) = (LockName::IDataSem, Mode::Exclusive);
        Some(match self.step {
            Step::ReadSize => Op::SizeRead,
            Step::LookDisksize | Step::CheckDisksize => Op::DisksizeRead,
            Step::StartHandle => Op::JournalStart(Handle::Orphan),
            Step::TakeDataSem => Op::Lock(sem, excl),
            Step::WriteDisksize => Op::DisksizeWrite(self.size),
            Step::DropDataSem => Op::Unlock(sem, excl),
            Step::StopHandle => Op::JournalStop(Handle::Orphan),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let value = if let Outcome::Value(value) = outcome { value } else { 0 };
        self.step = match self.step {
            Step::ReadSize => {
                self.size = value;
                let reaches = self.range.start <= value && value <= self.range.end();
                if reaches { Step::LookDisksize } else { Step::Done }
            }
            Step::LookDisksize if value < self.size => Step::StartHandle,
            Step::LookDisksize => Step::Done,
            Step::StartHandle => Step::TakeDataSem,
            Step::TakeDataSem => Step::CheckDisksize,
            Step::CheckDisksize if value < self.size => Step::WriteDisksize,
            Step::CheckDisksize | Step::WriteDisksize => Step::DropDataSem,
            Step::DropDataSem => Step::StopHandle,
            Step::StopHandle | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match self.step {
            Step::ReadSize => "ReadSize",
            Step::LookDisksize => "LookDisksize",
            Step::StartHandle => "StartHandle",
            Step::TakeDataSem => "TakeDataSem",
            Step::CheckDisksize => "CheckDisksize",
            Step::WriteDisksize => "WriteDisksize",
            Step::DropDataSem => "DropDataSem",
            Step::StopHandle => "StopHandle",
            Step::Done => "Done",
        };
        Place { step, kernel: "ext4_update_disksize_before_punch" }
    }
}
