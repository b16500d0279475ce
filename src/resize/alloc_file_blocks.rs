//! `ext4_alloc_file_blocks` behind its drain: what a drainer may rely on.

use crate::extent_probe::{DataSemHeld, MapBlocks};
use crate::kernel::{Fix, Kernel};
use crate::op::Mode::Exclusive;
use crate::op::{LockName, MapFor, Op, Range};
use crate::task::steps;

steps! {
    /// `ext4_fallocate`: drains, then looks up what is there.
    ///
    /// # Kernel
    /// fs/ext4/extents.c, v4.10. v3.7 waits for conversions instead (`ext4_flush_unwritten_io`).
    ///
    /// # Modelled
    /// One look at the extents, under i_data_sem. v4.10 asks the extent status tree first, under
    /// `i_es_lock`: another lock that the conversion takes as well.
    ///
    /// # Left out
    /// The gate; the allocation itself; the size. The drain has no acquire: that the lookup sees what
    /// the drained I/O has done comes from the lock alone.
    pub struct AllocFileBlocks {}
    /// Looks at `range` once direct I/O is over.
    pub fn new(range: Range, kernel: Kernel);
    in "ext4_fallocate" => Step / At |self, outcome|;

    TakeImutex "inode_lock" => Op::Lock(LockName::of_inode(self.kernel), Exclusive);
    Drain in "inode_dio_wait" => Op::DioWait;
    LookUp(map: MapBlocks) => MapBlocks::look_up(self.range, MapFor::Probe, self.held());
    DropImutex "inode_unlock" => Op::Unlock(LockName::of_inode(self.kernel), Exclusive);
}

impl AllocFileBlocks {
    fn held(&self) -> DataSemHeld {
        let locked = self.kernel.has(Fix::LookUpUnderDataSem);
        if locked { DataSemHeld::No } else { DataSemHeld::ByCaller }
    }
}
