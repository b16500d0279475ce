//! Unwritten conversion.

use crate::inode_lock::{LockName, Mode};
use crate::op::{Handle, Op, Outcome, Range, TaskId};
use crate::task::{Place, Task};

/// `ext4_convert_unwritten_extents`: marks blocks written once their data is on the device.
///
/// | step        | kernel (v3.6)                                       | holds after             |
/// |-------------|-----------------------------------------------------|-------------------------|
/// | StartHandle | ext4_convert_unwritten_extents: ext4_journal_start  | handle                  |
/// | TakeExcl    | ext4_map_blocks: down_write(i_data_sem)             | handle, i_data_sem W    |
/// | Convert     | ext4_convert_unwritten_extents_endio                | handle, i_data_sem W    |
/// | DropExcl    | ext4_map_blocks: up_write(i_data_sem)               | handle                  |
/// | StopHandle  | ext4_convert_unwritten_extents: ext4_journal_stop   |                         |
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ConvertUnwritten {
    range: Range,
    of: TaskId,
    step: u8,
}

impl ConvertUnwritten {
    /// Converts a range that the I/O of task `of` wrote.
    pub fn new(range: Range, of: TaskId) -> ConvertUnwritten {
        ConvertUnwritten { range, of, step: 0 }
    }
}

impl Task for ConvertUnwritten {
    fn next(&self) -> Option<Op> {
        let sem = LockName::IDataSem;
        Some(match self.step {
            0 => Op::JournalStart(Handle::Extents),
            1 => Op::Lock(sem, Mode::Exclusive),
            2 => Op::Convert(self.range, self.of),
            3 => Op::Unlock(sem, Mode::Exclusive),
            4 => Op::JournalStop(Handle::Extents),
            _ => return None,
        })
    }

    fn resume(&mut self, _: Outcome) {
        self.step += 1;
    }

    fn place(&self) -> Place {
        const STEPS: [&str; 6] =
            ["StartHandle", "TakeExcl", "Convert", "DropExcl", "StopHandle", "Done"];
        Place { step: STEPS[usize::from(self.step)], kernel: "ext4_convert_unwritten_extents" }
    }
}
