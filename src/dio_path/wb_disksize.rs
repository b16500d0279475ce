//! Writeback raising i_disksize, as far as direct I/O can see it.

use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel};
use crate::op::{Blocks, Handle, Op, Outcome};
use crate::task::{Place, Task};

/// The end of `mpage_map_and_submit_extent`: delayed blocks were allocated up to `to`.
///
/// | step          | kernel (v6.1)                                          | holds after            |
/// |---------------|--------------------------------------------------------|------------------------|
/// | StartHandle   | ext4_do_writepages: ext4_journal_start                 | handle                 |
/// | TakeDataSem   | mpage_map_and_submit_extent: down_write(i_data_sem)    | handle, i_data_sem W   |
/// | ReadSize      | mpage_map_and_submit_extent: i_size_read               | handle, i_data_sem W   |
/// | ReadDisksize  | mpage_map_and_submit_extent: i_disksize                | handle, i_data_sem W   |
/// | CheckDisksize | ext4_update_i_disksize: i_disksize (to v3.11)          | handle, i_data_sem W   |
/// | WriteDisksize | mpage_map_and_submit_extent: i_disksize                | handle, i_data_sem W   |
/// | DropDataSem   | mpage_map_and_submit_extent: up_write(i_data_sem)      | handle                 |
/// | StopHandle    | ext4_do_writepages: ext4_journal_stop                  |                        |
///
/// # Modelled
/// i_disksize goes to `to` or i_size, whichever is smaller, and never down (90e775b71ac4). No
/// `i_rwsem`. Before that commit both looks come first, without the lock, and
/// `ext4_update_i_disksize` repeats only the one at i_disksize under it; the function is
/// `mpage_da_map_and_submit` up to v3.10.
///
/// # Left out
/// The pages and their blocks; so a truncate does not wait for the locks of those pages.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WbDisksize {
    to: Blocks,
    kernel: Kernel,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    StartHandle,
    TakeDataSem,
    ReadSize,
    ReadDisksize,
    CheckDisksize,
    WriteDisksize,
    DropDataSem,
    StopHandle,
    Done,
}

impl WbDisksize {
    /// Writeback that reaches up to block `to`.
    pub fn new(to: Blocks, kernel: Kernel) -> WbDisksize {
        WbDisksize { to, kernel, step: Step::StartHandle }
    }
}

impl Task for WbDisksize {
    fn next(&self) -> Option<Op> {
        Some(match self.step {
            Step::StartHandle => Op::JournalStart(Handle::Extents),
            Step::TakeDataSem => Op::Lock(LockName::IDataSem, Mode::Exclusive),
            Step::ReadSize => Op::SizeRead,
            Step::ReadDisksize | Step::CheckDisksize => Op::DisksizeRead,
            Step::WriteDisksize => Op::DisksizeWrite(self.to),
            Step::DropDataSem => Op::Unlock(LockName::IDataSem, Mode::Exclusive),
            Step::StopHandle => Op::JournalStop(Handle::Extents),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let inside = self.kernel.has(Fix::SizesUnderDataSem);
        let below = matches!(outcome, Outcome::Value(disksize) if disksize < self.to);
        self.step = match self.step {
            Step::StartHandle if inside => Step::TakeDataSem,
            Step::StartHandle => Step::ReadSize,
            Step::TakeDataSem if inside => Step::ReadSize,
            Step::TakeDataSem => Step::CheckDisksize,
            Step::ReadSize => {
                if let Outcome::Value(size) = outcome {
                    self.to = self.to.min(size);
                }
                Step::ReadDisksize
            }
            Step::ReadDisksize if !inside && below => Step::TakeDataSem,
            Step::ReadDisksize if !inside => Step::StopHandle,
            Step::ReadDisksize | Step::CheckDisksize if below => Step::WriteDisksize,
            Step::ReadDisksize | Step::CheckDisksize => Step::DropDataSem,
            Step::WriteDisksize => Step::DropDataSem,
            Step::DropDataSem => Step::StopHandle,
            Step::StopHandle | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match &self.step {
            Step::StartHandle => "StartHandle",
            Step::TakeDataSem => "TakeDataSem",
            Step::ReadSize => "ReadSize",
            Step::ReadDisksize => "ReadDisksize",
            Step::CheckDisksize => "CheckDisksize",
            Step::WriteDisksize => "WriteDisksize",
            Step::DropDataSem => "DropDataSem",
            Step::StopHandle => "StopHandle",
            Step::Done => "Done",
        };
        Place { step, kernel: "mpage_map_and_submit_extent" }
    }
}
