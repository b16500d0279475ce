//! What other threads of the writing process do under `mmap_sem`.

use crate::extent_probe::MapBlocks;
use crate::kernel::{Kernel, Version};
use crate::op::LockName::{IMmapSem, MmapSem};
use crate::op::Mode::{Exclusive, Shared};
use crate::op::{MapFor, Op, Range};
use crate::task::steps;

steps! {
    /// A write fault on a mapping of the file, over a hole: `ext4_page_mkwrite` allocates.
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
    pub struct PageFault {}
    /// Faults on the page over `range`.
    pub fn new(range: Range, kernel: Kernel);
    in "do_page_fault" => Step / At |self, outcome|;

    TakeMmapSem "down_read(mmap_sem)" => Op::Lock(MmapSem, Shared);
    TakeInodeMmap in "ext4_page_mkwrite" "down_read(i_mmap_sem)" if self.inode_mmap() => Op::Lock(IMmapSem, Shared);
    Map(map: MapBlocks) => MapBlocks::create(self.range, MapFor::Preallocate { merge: false }, false, false);
    DropInodeMmap in "ext4_page_mkwrite" "up_read(i_mmap_sem)" if self.inode_mmap() => Op::Unlock(IMmapSem, Shared);
    DropMmapSem "up_read(mmap_sem)" => Op::Unlock(MmapSem, Shared);
}

impl PageFault {
    fn inode_mmap(&self) -> bool {
        self.kernel.version >= Version::V4_10
    }
}

steps! {
    /// `vm_mmap_pgoff`: another thread maps something, anything.
    pub struct VmMmap {}
    in "vm_mmap_pgoff" => Mmap / MmapAt |self, outcome|;

    TakeMmapSem "down_write(mmap_sem)" => Op::Lock(MmapSem, Exclusive);
    DropMmapSem "up_write(mmap_sem)" => Op::Unlock(MmapSem, Exclusive);
}

impl Default for VmMmap {
    fn default() -> VmMmap {
        VmMmap { step: MmapAt::Done }.begin()
    }
}
