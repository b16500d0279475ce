//! The conversion of what writeback has written.

use super::end_page_io::EndPageIo;
use crate::op::LockName::IDataSem;
use crate::op::Mode::Exclusive;
use crate::op::{Op, Range, TaskId};
use crate::task::steps;

steps! {
    /// The conversion of a run that was unwritten: in the interrupt's and the worker's way up to v3.7.
    pub(super) struct ConvertRun {}
    /// By the worker, where it is done by one.
    pub(super) fn new(task: TaskId, range: Range, end_io: Option<EndPageIo>);
    in "ext4_end_io" => Step / At |self, outcome|;

    Finish(end_io: Option<EndPageIo>) if self.end_io.is_some() => self.end_io.take() => Step::Done;
    TakeDataSem "ext4_convert_unwritten_extents" => Op::Lock(IDataSem, Exclusive);
    Convert "ext4_convert_unwritten_extents" => Op::Convert(self.range, self.task);
    DropDataSem "ext4_convert_unwritten_extents" => Op::Unlock(IDataSem, Exclusive);
}
