//! `ext4_alloc_file_blocks` behind its drain: what a drainer may rely on.

use crate::extent_probe::{DataSemHeld, MapBlocks};
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel};
use crate::op::{MapFor, Op, Outcome, Range};
use crate::task::{Place, Task};

/// `ext4_fallocate`: drains, then looks up what is there.
///
/// | step       | kernel (v4.10)                                             | holds after |
/// |------------|------------------------------------------------------------|-------------|
/// | TakeImutex | ext4_fallocate: inode_lock                                 | i_mutex     |
/// | Drain      | ext4_fallocate: inode_dio_wait                             | i_mutex     |
/// | LookUp     | ext4_alloc_file_blocks: ext4_map_blocks, see MapBlocks     | i_mutex     |
/// | DropImutex | ext4_fallocate: inode_unlock                               |             |
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
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AllocFileBlocks {
    range: Range,
    kernel: Kernel,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    TakeImutex,
    Drain,
    LookUp(MapBlocks),
    DropImutex,
    Done,
}

impl AllocFileBlocks {
    /// Looks at `range` once direct I/O is over.
    pub fn new(range: Range, kernel: Kernel) -> AllocFileBlocks {
        AllocFileBlocks { range, kernel, step: Step::TakeImutex }
    }
}

impl Task for AllocFileBlocks {
    fn next(&self) -> Option<Op> {
        Some(match &self.step {
            Step::TakeImutex => Op::Lock(LockName::of_inode(self.kernel), Mode::Exclusive),
            Step::Drain => Op::DioWait,
            Step::LookUp(map) => return map.next(),
            Step::DropImutex => Op::Unlock(LockName::of_inode(self.kernel), Mode::Exclusive),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        self.step = match &mut self.step {
            Step::TakeImutex => Step::Drain,
            Step::Drain => {
                let locked = self.kernel.has(Fix::LookUpUnderDataSem);
                let held = if locked { DataSemHeld::No } else { DataSemHeld::ByCaller };
                Step::LookUp(MapBlocks::look_up(self.range, MapFor::Probe, held))
            }
            Step::LookUp(map) => {
                map.resume(outcome);
                if map.next().is_some() {
                    return;
                }
                Step::DropImutex
            }
            Step::DropImutex | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Step::LookUp(map) => return map.place(),
            Step::TakeImutex => ("TakeImutex", "ext4_fallocate"),
            Step::Drain => ("Drain", "inode_dio_wait"),
            Step::DropImutex => ("DropImutex", "ext4_fallocate"),
            Step::Done => ("Done", "ext4_fallocate"),
        };
        Place { step, kernel }
    }
}
