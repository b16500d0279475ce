//! `ext4_move_extents`: online defragmentation swaps blocks with a donor file.

use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel};
use crate::op::{Handle, Op, Outcome, Range};
use crate::task::{Place, Task};

/// `EXT4_IOC_MOVE_EXT` of whole blocks.
///
/// | step         | kernel (v3.7; * not in v3.6)                        | holds after              |
/// |--------------|-----------------------------------------------------|--------------------------|
/// | TakeImutex   | mext_inode_double_lock: mutex_lock(i_mutex)         | i_mutex                  |
/// | CloseGate    | ext4_inode_block_unlocked_dio: set_bit *            | i_mutex, gate            |
/// | GateBarrier  | ext4_inode_block_unlocked_dio: smp_mb *             | i_mutex, gate            |
/// | Drain        | ext4_move_extents: inode_dio_wait *                 | i_mutex, gate            |
/// | StartHandle  | move_extent_per_page: ext4_journal_start            | + handle                 |
/// | TakeDataSem  | double_down_write_data_sem                          | + handle, i_data_sem W   |
/// | SwapBlocks   | mext_replace_branches                               | + handle, i_data_sem W   |
/// | DropDataSem  | double_up_write_data_sem                            | + handle                 |
/// | StopHandle   | move_extent_per_page: ext4_journal_stop             | i_mutex, gate            |
/// | OpenGate     | ext4_inode_resume_unlocked_dio *                    | i_mutex                  |
/// | DropImutex   | mext_inode_double_unlock                            |                          |
///
/// # Kernel
/// fs/ext4/move_extent.c, read in v3.6, v3.7.2 and v3.11.
///
/// # Modelled
/// One file of the two; the donor's locks are nobody else's. The data is copied together with the
/// swap.
///
/// # Left out
/// The page and its writeback, the check of the extents under `i_data_sem` before the first handle.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct MoveExtents {
    range: Range,
    kernel: Kernel,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Step {
    TakeImutex,
    CloseGate,
    GateBarrier,
    Drain,
    StartHandle,
    TakeDataSem,
    SwapBlocks,
    DropDataSem,
    StopHandle,
    OpenGate,
    DropImutex,
    Done,
}

impl MoveExtents {
    /// Swaps the blocks of `range` with a donor's.
    pub fn new(range: Range, kernel: Kernel) -> MoveExtents {
        MoveExtents { range, kernel, step: Step::TakeImutex }
    }
}

impl Task for MoveExtents {
    fn next(&self) -> Option<Op> {
        let (imutex, sem, alone) = (LockName::IMutex, LockName::IDataSem, Mode::Exclusive);
        Some(match self.step {
            Step::TakeImutex => Op::Lock(imutex, alone),
            Step::CloseGate => Op::GateClose,
            Step::GateBarrier => Op::SmpMb,
            Step::Drain => Op::DioWait,
            Step::StartHandle => Op::JournalStart(Handle::Extents),
            Step::TakeDataSem => Op::Lock(sem, alone),
            Step::SwapBlocks => Op::SwapBlocks(self.range),
            Step::DropDataSem => Op::Unlock(sem, alone),
            Step::StopHandle => Op::JournalStop(Handle::Extents),
            Step::OpenGate => Op::GateOpen,
            Step::DropImutex => Op::Unlock(imutex, alone),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, _: Outcome) {
        let waits = self.kernel.has(Fix::MoveExtentsWaits);
        self.step = match self.step {
            Step::TakeImutex if waits => Step::CloseGate,
            Step::CloseGate if self.kernel.has(Fix::CloserBarrier) => Step::GateBarrier,
            Step::CloseGate | Step::GateBarrier => Step::Drain,
            Step::TakeImutex | Step::Drain => Step::StartHandle,
            Step::StartHandle => Step::TakeDataSem,
            Step::TakeDataSem => Step::SwapBlocks,
            Step::SwapBlocks => Step::DropDataSem,
            Step::DropDataSem => Step::StopHandle,
            Step::StopHandle if waits => Step::OpenGate,
            Step::StopHandle | Step::OpenGate => Step::DropImutex,
            Step::DropImutex | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match self.step {
            Step::TakeImutex => ("TakeImutex", "mext_inode_double_lock"),
            Step::CloseGate => ("CloseGate", "ext4_inode_block_unlocked_dio"),
            Step::GateBarrier => ("GateBarrier", "ext4_inode_block_unlocked_dio"),
            Step::Drain => ("Drain", "inode_dio_wait"),
            Step::StartHandle => ("StartHandle", "move_extent_per_page"),
            Step::TakeDataSem => ("TakeDataSem", "double_down_write_data_sem"),
            Step::SwapBlocks => ("SwapBlocks", "mext_replace_branches"),
            Step::DropDataSem => ("DropDataSem", "double_up_write_data_sem"),
            Step::StopHandle => ("StopHandle", "move_extent_per_page"),
            Step::OpenGate => ("OpenGate", "ext4_inode_resume_unlocked_dio"),
            Step::DropImutex => ("DropImutex", "mext_inode_double_unlock"),
            Step::Done => ("Done", "ext4_move_extents"),
        };
        Place { step, kernel }
    }
}
