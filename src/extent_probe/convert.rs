//! Unwritten conversion.

use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel, Version};
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
///
/// # Modelled
/// The extent is split if it is larger than what was written: `ext4_convert_unwritten_extents_endio`
/// (fs/ext4/extents.c), read in v3.6.5, v3.7.2 and v3.11. Before dee1f973ca34 (v3.6.0, from memory) the
/// whole extent that is found is marked, however large it has become.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ConvertUnwritten {
    range: Range,
    of: TaskId,
    splits: bool,
    nested: bool,
    step: u8,
}

impl ConvertUnwritten {
    /// Converts a range that the I/O of task `of` wrote.
    pub fn new(range: Range, of: TaskId) -> ConvertUnwritten {
        ConvertUnwritten { range, of, splits: true, nested: false, step: 0 }
    }

    /// As that kernel does it.
    #[must_use]
    pub fn of_kernel(mut self, kernel: Kernel) -> ConvertUnwritten {
        self.splits = kernel.has(Fix::SplitOnConvert) || kernel.version >= Version::V4_10;
        self
    }

    /// Under a handle that the caller has open: its own nests in that one, and waits for nothing.
    #[must_use]
    pub fn nested(self) -> ConvertUnwritten {
        ConvertUnwritten { nested: true, step: 1, ..self }
    }
}

impl Task for ConvertUnwritten {
    fn next(&self) -> Option<Op> {
        let sem = LockName::IDataSem;
        Some(match self.step {
            0 => Op::JournalStart(Handle::Extents),
            1 => Op::Lock(sem, Mode::Exclusive),
            2 if self.splits => Op::Convert(self.range, self.of),
            2 => Op::ConvertExtent(self.range, self.of),
            3 => Op::Unlock(sem, Mode::Exclusive),
            4 => Op::JournalStop(Handle::Extents),
            _ => return None,
        })
    }

    fn resume(&mut self, _: Outcome) {
        self.step += if self.nested && self.step == 3 { 2 } else { 1 };
    }

    fn place(&self) -> Place {
        const STEPS: [&str; 6] =
            ["StartHandle", "TakeExcl", "Convert", "DropExcl", "StopHandle", "Done"];
        Place { step: STEPS[usize::from(self.step)], kernel: "ext4_convert_unwritten_extents" }
    }
}
