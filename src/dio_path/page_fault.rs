//! What other threads of the writing process do under `mmap_sem`.

use crate::extent_probe::MapBlocks;
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Kernel, Version};
use crate::op::{MapFor, Op, Outcome, Range};
use crate::task::{Place, Task};

/// A write fault on a mapping of the file, over a hole: `ext4_page_mkwrite` allocates.
///
/// | step            | kernel (v3.6; * from v4.10)                     | holds after               |
/// |-----------------|-------------------------------------------------|---------------------------|
/// | TakeMmapSem     | do_page_fault: down_read(mmap_sem)              | mmap_sem R                |
/// | TakeInodeMmap   | ext4_page_mkwrite: down_read(i_mmap_sem) *      | mmap_sem R, i_mmap_sem R  |
/// | Map             | ext4_get_block_write, see MapBlocks             | mmap_sem R, i_mmap_sem R  |
/// | DropInodeMmap   | ext4_page_mkwrite: up_read(i_mmap_sem) *        | mmap_sem R                |
/// | DropMmapSem     | do_page_fault: up_read(mmap_sem)                |                           |
///
/// # Kernel
/// From memory: fs/ext4/inode.c (v3.6, v4.10), arch/x86/mm/fault.c.
///
/// # Modelled
/// A mount without delayed allocation, where the fault itself allocates. The handle that
/// `ext4_page_mkwrite` starts is the one that the lookup's nests in.
///
/// # Left out
/// The page, its lock and its writeback; freeze protection.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PageFault {
    range: Range,
    kernel: Kernel,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    TakeMmapSem,
    TakeInodeMmap,
    Map(MapBlocks),
    DropInodeMmap,
    DropMmapSem,
    Done,
}

impl PageFault {
    /// Faults on the page over `range`.
    pub fn new(range: Range, kernel: Kernel) -> PageFault {
        PageFault { range, kernel, step: Step::TakeMmapSem }
    }

    fn inode_mmap(&self) -> bool {
        self.kernel.version >= Version::V4_10
    }

    fn map(&self) -> Step {
        Step::Map(MapBlocks::create(self.range, MapFor::Preallocate { merge: false }, false, false))
    }
}

impl Task for PageFault {
    fn next(&self) -> Option<Op> {
        Some(match &self.step {
            Step::TakeMmapSem => Op::Lock(LockName::MmapSem, Mode::Shared),
            Step::TakeInodeMmap => Op::Lock(LockName::IMmapSem, Mode::Shared),
            Step::Map(map) => return map.next(),
            Step::DropInodeMmap => Op::Unlock(LockName::IMmapSem, Mode::Shared),
            Step::DropMmapSem => Op::Unlock(LockName::MmapSem, Mode::Shared),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let inode_mmap = self.inode_mmap();
        self.step = match &mut self.step {
            Step::TakeMmapSem if inode_mmap => Step::TakeInodeMmap,
            Step::TakeMmapSem | Step::TakeInodeMmap => self.map(),
            Step::Map(map) => {
                map.resume(outcome);
                if map.next().is_some() {
                    return;
                }
                if self.inode_mmap() { Step::DropInodeMmap } else { Step::DropMmapSem }
            }
            Step::DropInodeMmap => Step::DropMmapSem,
            Step::DropMmapSem | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Step::Map(map) => return map.place(),
            Step::TakeMmapSem => ("TakeMmapSem", "do_page_fault"),
            Step::TakeInodeMmap => ("TakeInodeMmap", "ext4_page_mkwrite"),
            Step::DropInodeMmap => ("DropInodeMmap", "ext4_page_mkwrite"),
            Step::DropMmapSem => ("DropMmapSem", "do_page_fault"),
            Step::Done => ("Done", "do_page_fault"),
        };
        Place { step, kernel }
    }
}

/// `vm_mmap_pgoff`: another thread maps something, anything.
///
/// | step        | kernel (v3.6)                         | holds after |
/// |-------------|---------------------------------------|-------------|
/// | TakeMmapSem | vm_mmap_pgoff: down_write(mmap_sem)   | mmap_sem W  |
/// | DropMmapSem | vm_mmap_pgoff: up_write(mmap_sem)     |             |
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct VmMmap {
    step: u8,
}

impl Task for VmMmap {
    fn next(&self) -> Option<Op> {
        match self.step {
            0 => Some(Op::Lock(LockName::MmapSem, Mode::Exclusive)),
            1 => Some(Op::Unlock(LockName::MmapSem, Mode::Exclusive)),
            _ => None,
        }
    }

    fn resume(&mut self, _: Outcome) {
        self.step += 1;
    }

    fn place(&self) -> Place {
        const STEPS: [&str; 3] = ["TakeMmapSem", "DropMmapSem", "Done"];
        Place { step: STEPS[usize::from(self.step)], kernel: "vm_mmap_pgoff" }
    }
}
