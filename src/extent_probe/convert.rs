//! Unwritten conversion.

use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::IDataSem;
use crate::op::Mode::Exclusive;
use crate::op::{Handle, Op, Range, TaskId};
use crate::task::steps;

steps! {
    /// `ext4_convert_unwritten_extents`: marks blocks written once their data is on the device.
    ///
    /// # Modelled
    /// The extent is split if it is larger than what was written: `ext4_convert_unwritten_extents_endio`
    /// (fs/ext4/extents.c), read in v3.6.5, v3.7.2 and v3.11. Before dee1f973ca34 (v3.6.0, from memory) the
    /// whole extent that is found is marked, however large it has become.
    pub struct ConvertUnwritten { whole_extent: bool, nested: bool }
    /// Converts a range that the I/O of task `of` wrote.
    pub fn new(range: Range, of: TaskId);
    in "ext4_convert_unwritten_extents" => Step / At |self, outcome|;

    StartHandle "ext4_journal_start" if !self.nested => Op::JournalStart(Handle::Extents);
    TakeExcl "ext4_map_blocks: down_write(i_data_sem)" => Op::Lock(IDataSem, Exclusive);
    Convert "ext4_convert_unwritten_extents_endio" => self.convert();
    DropExcl "ext4_map_blocks: up_write(i_data_sem)" => Op::Unlock(IDataSem, Exclusive);
    StopHandle "ext4_journal_stop" if !self.nested => Op::JournalStop(Handle::Extents);
}

impl ConvertUnwritten {
    /// As that kernel does it.
    #[must_use]
    pub fn of_kernel(mut self, kernel: Kernel) -> ConvertUnwritten {
        let splits = kernel.has(Fix::SplitOnConvert) || kernel.version >= Version::V4_10;
        self.whole_extent = !splits;
        self
    }

    /// Under a handle that the caller has open: its own nests in that one, and waits for nothing.
    #[must_use]
    pub fn nested(self) -> ConvertUnwritten {
        ConvertUnwritten { nested: true, ..self }.begin()
    }

    fn convert(&self) -> Op {
        let convert = if self.whole_extent { Op::ConvertExtent } else { Op::Convert };
        convert(self.range, self.of)
    }
}
