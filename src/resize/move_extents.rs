//! `ext4_move_extents`: online defragmentation swaps blocks with a donor file.

use crate::kernel::{Fix, Kernel};
use crate::op::LockName::{IDataSem, IMutex};
use crate::op::Mode::Exclusive;
use crate::op::{Handle, Op, Range};
use crate::task::steps;

steps! {
    /// `EXT4_IOC_MOVE_EXT` of whole blocks.
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
    pub struct MoveExtents {}
    /// Swaps the blocks of `range` with a donor's.
    pub fn new(range: Range, kernel: Kernel);
    in "ext4_move_extents" => Step / At |self, outcome|;

    TakeImutex in "mext_inode_double_lock" "mutex_lock(i_mutex)" => Op::Lock(IMutex, Exclusive);
    CloseGate in "ext4_inode_block_unlocked_dio" "set_bit" if self.waits() => Op::GateClose;
    GateBarrier in "ext4_inode_block_unlocked_dio" if self.waits() && self.kernel.has(Fix::CloserBarrier)
        => Op::SmpMb;
    Drain in "inode_dio_wait" if self.waits() => Op::DioWait;
    StartHandle in "move_extent_per_page" "ext4_journal_start" => Op::JournalStart(Handle::Extents);
    TakeDataSem in "double_down_write_data_sem" => Op::Lock(IDataSem, Exclusive);
    SwapBlocks in "mext_replace_branches" => Op::SwapBlocks(self.range);
    DropDataSem in "double_up_write_data_sem" => Op::Unlock(IDataSem, Exclusive);
    StopHandle in "move_extent_per_page" "ext4_journal_stop" => Op::JournalStop(Handle::Extents);
    OpenGate in "ext4_inode_resume_unlocked_dio" "clear_bit" if self.waits() => Op::GateOpen;
    DropImutex in "mext_inode_double_unlock" "mutex_unlock(i_mutex)" => Op::Unlock(IMutex, Exclusive);
}

impl MoveExtents {
    fn waits(&self) -> bool {
        self.kernel.has(Fix::MoveExtentsWaits)
    }
}
