//! `ext4_filemap_fault` and the store that follows it: a writer through a shared mapping.

use super::setattr::mmap_lock;
use crate::extent_probe::{DataSemHeld, MapBlocks};
use crate::inode_lock::Mode;
use crate::kernel::{Fix, Kernel};
use crate::op::{MapFor, Op, Outcome, PhysicalBlock, Range};
use crate::task::{Place, Task};

/// A store to a mapped page that is not there yet.
///
/// | step      | kernel (v4.10; + from v6.1)                                  | holds after    |
/// |-----------|--------------------------------------------------------------|----------------|
/// | TakeMmap  | ext4_filemap_fault: down_read(i_mmap_sem), invalidate_lock + | i_mmap_sem R   |
/// | Map       | ext4_readpage: ext4_map_blocks, see MapBlocks                | i_mmap_sem R   |
/// | PageIn    | filemap_fault: the page is mapped                            | i_mmap_sem R   |
/// | DropMmap  | ext4_filemap_fault: up_read(i_mmap_sem)                      |                |
/// | WritePage | the store, and ext4_writepage of its page                    |                |
///
/// # Kernel
/// ea3d7209ca01 (v4.5), by its message and kernel-history's reading of it; filemap_invalidate_lock
/// since v5.15.
///
/// # Modelled
/// The page keeps the block that it was mapped to: its buffer heads are not looked up again when it
/// is written back. A page that was dropped is not written back.
///
/// # Left out
/// `mmap_sem`, the page lock (each step that it covers is one step here), `page_mkwrite`'s journal
/// handle and allocation, read-ahead, stores to pages that are there already.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FilemapFault {
    kernel: Kernel,
    range: Range,
    blocks: Vec<PhysicalBlock>,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    TakeMmap,
    Map(MapBlocks),
    PageIn,
    DropMmap,
    WritePage,
    Done,
}

impl FilemapFault {
    /// Stores to the page of each block of `range`.
    pub fn new(range: Range, kernel: Kernel) -> FilemapFault {
        let mut fault = FilemapFault { kernel, range, blocks: Vec::new(), step: Step::TakeMmap };
        if !fault.locks() {
            fault.step = fault.map();
        }
        fault
    }

    fn locks(&self) -> bool {
        self.kernel.has(Fix::FaultLock)
    }

    fn map(&self) -> Step {
        Step::Map(MapBlocks::look_up(self.range, MapFor::Page, DataSemHeld::No))
    }
}

impl Task for FilemapFault {
    fn next(&self) -> Option<Op> {
        let mmap = mmap_lock(self.kernel);
        Some(match &self.step {
            Step::TakeMmap => Op::Lock(mmap, Mode::Shared),
            Step::Map(map) => return map.next(),
            Step::PageIn => Op::PageIn,
            Step::DropMmap => Op::Unlock(mmap, Mode::Shared),
            Step::WritePage => Op::WritePage(self.blocks.clone()),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let locks = self.locks();
        self.step = match &mut self.step {
            Step::TakeMmap => self.map(),
            Step::Map(map) => {
                map.resume(outcome);
                if map.next().is_some() {
                    return;
                }
                let found = map.found().unwrap_or_default();
                self.blocks = found.iter().filter_map(|mapped| mapped.block).collect();
                Step::PageIn
            }
            Step::PageIn if locks => Step::DropMmap,
            Step::PageIn | Step::DropMmap => Step::WritePage,
            Step::WritePage | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Step::TakeMmap => ("TakeMmap", "ext4_filemap_fault"),
            Step::Map(map) => return map.place(),
            Step::PageIn => ("PageIn", "filemap_fault"),
            Step::DropMmap => ("DropMmap", "ext4_filemap_fault"),
            Step::WritePage => ("WritePage", "ext4_writepage"),
            Step::Done => ("Done", "ext4_filemap_fault"),
        };
        Place { step, kernel }
    }
}
