//! `ext4_ind_direct_IO` for a write past i_size: blocks first, then the sizes.

use super::write::{Fault, Write};
use crate::extent_probe::{DataSemHeld, Extent, MapBlocks, Mapped};
use crate::kernel::{Fix, Kernel};
use crate::op::{Bio, Blocks, Handle, MapFor, Op, Outcome, PhysicalBlock, Range};
use crate::task::{Place, Task};

/// `ext4_ind_direct_IO`, with `do_blockdev_direct_IO` inside it, for a write that ends past i_size: of
/// files with extents too. It is synchronous, and holds `i_mutex` throughout.
///
/// | step          | kernel (v3.6)                             | holds after     |
/// |---------------|-------------------------------------------|-----------------|
/// | StartOrphan   | ext4_ind_direct_IO: ext4_journal_start    | i_mutex, handle |
/// | SetDisksize   | ext4_ind_direct_IO: i_disksize = i_size   | i_mutex, handle |
/// | StopOrphan    | ext4_ind_direct_IO: ext4_journal_stop     | i_mutex         |
/// | BeginIo       | do_blockdev_direct_IO: atomic_inc         | i_mutex         |
/// | LookUp        | ext4_get_block below i_size, see MapBlocks | i_mutex        |
/// | Map           | ext4_get_block, see MapBlocks             | i_mutex         |
/// | RunBio        | dio_await_completion                      | i_mutex         |
/// | EndIo         | inode_dio_done                            | i_mutex         |
/// | StartSize     | ext4_ind_direct_IO: ext4_journal_start    | i_mutex, handle |
/// | WriteDisksize | ext4_ind_direct_IO: i_disksize (whole)    | i_mutex, handle |
/// | WriteSize     | ext4_ind_direct_IO: i_size_write (whole)  | i_mutex, handle |
/// | StopSize      | ext4_ind_direct_IO: ext4_journal_stop     | i_mutex         |
///
/// # Kernel
/// `ext4_ind_direct_IO` (fs/ext4/indirect.c), `get_more_blocks`, `do_direct_IO` (fs/direct-io.c), read in
/// v3.6.5, v3.7.2 and v3.11.
///
/// # Modelled
/// Past i_size blocks are allocated as written: i_size hides them until the data is there. Below it no block
/// is (`DIO_SKIP_HOLES`): at the first one that is not written the I/O ends, short, with both sizes as they
/// were, and the caller writes the rest through the page cache. The second handle is opened whatever became
/// of the I/O.
///
/// # Left out
/// The orphan list, which is followed from v4.10 on; the second try after ENOSPC, and
/// `ext4_truncate_failed_write`, which frees what a failed write has allocated past i_size.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct IndDirectIo {
    write: Write,
    /// i_size, which holds as long as `i_mutex` is held.
    size: Blocks,
    step: Step,
    blocks: Vec<PhysicalBlock>,
    early: bool,
    /// What came to a block below i_size that is not written, and all after it.
    rest: Option<Range>,
    /// The I/O could not be started.
    pub failed: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    StartOrphan,
    SetDisksize,
    StopOrphan,
    BeginIo,
    LookUp(MapBlocks),
    Map(MapBlocks),
    RunBio,
    EndIo,
    StartSize,
    WriteDisksize,
    WriteSize,
    StopSize,
    Done,
}

impl IndDirectIo {
    /// Submits `write` to a file of that i_size.
    pub fn new(write: Write, size: Blocks, kernel: Kernel) -> IndDirectIo {
        let early = !kernel.has(Fix::CountUnwrittenOnSuccess);
        let (step, blocks) = (Step::StartOrphan, Vec::new());
        IndDirectIo { write, size, step, blocks, early, rest: None, failed: false }
    }

    /// What is left for the page cache.
    pub fn rest(&self) -> Option<Range> {
        self.rest
    }

    fn look_up(&self) -> Step {
        let range = self.write.range;
        if range.start >= self.size {
            return self.map();
        }
        let below = Range { len: self.size - range.start, ..range };
        Step::LookUp(MapBlocks::look_up(below, MapFor::Io, DataSemHeld::No))
    }

    fn map(&self) -> Step {
        let fails = self.write.fault == Some(Fault::Enospc);
        let how = if fails { MapFor::CreateFails } else { MapFor::Extend };
        let (range, end) = (self.write.range, self.write.range.end());
        let start = range.start.max(self.size);
        Step::Map(MapBlocks::create(Range { start, len: end - start }, how, false, self.early))
    }

    fn looked_up(&mut self, found: &[Mapped]) -> Step {
        let written = |m: &Mapped| m.block.filter(|_| m.extent == Extent::Written);
        self.blocks = found.iter().map_while(written).collect();
        if self.blocks.len() == found.len() {
            return self.map();
        }
        let start = self.write.range.start + self.blocks.len() as Blocks;
        self.rest = Some(Range { start, len: self.write.range.end() - start });
        self.io()
    }

    fn io(&self) -> Step {
        if self.blocks.is_empty() { Step::EndIo } else { Step::RunBio }
    }
}

impl Task for IndDirectIo {
    fn next(&self) -> Option<Op> {
        let (me, end) = (self.write.task, self.write.range.end());
        Some(match &self.step {
            Step::StartOrphan | Step::StartSize => Op::JournalStart(Handle::Orphan),
            Step::SetDisksize => Op::DisksizeWrite(self.size),
            Step::StopOrphan | Step::StopSize => Op::JournalStop(Handle::Orphan),
            Step::BeginIo => Op::DioBegin(me),
            Step::LookUp(map) | Step::Map(map) => return map.next(),
            Step::RunBio => {
                // Half a block is a single one, past i_size: new, whatever fallocate has put there.
                let half = self.write.half;
                let bio = Bio::Write { half, zero_rest: half.is_some() };
                Op::Bio(self.blocks.clone(), bio)
            }
            Step::EndIo => Op::DioEnd(me),
            Step::WriteDisksize => Op::DisksizeWrite(end),
            Step::WriteSize => Op::SizeWrite(end),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        self.step = match &mut self.step {
            Step::StartOrphan => Step::SetDisksize,
            Step::SetDisksize => Step::StopOrphan,
            Step::StopOrphan => Step::BeginIo,
            Step::BeginIo => self.look_up(),
            Step::LookUp(map) => {
                map.resume(outcome);
                if map.next().is_some() {
                    return;
                }
                let found = map.found().unwrap_or_default().to_vec();
                self.looked_up(&found)
            }
            Step::Map(map) => {
                map.resume(outcome);
                if map.next().is_some() {
                    return;
                }
                let found: &[Mapped] = map.found().unwrap_or_default();
                self.failed = found.is_empty();
                self.blocks.extend(found.iter().filter_map(|m| m.block));
                self.io()
            }
            Step::RunBio => Step::EndIo,
            Step::EndIo => Step::StartSize,
            Step::StartSize if self.failed || self.rest.is_some() => Step::StopSize,
            Step::StartSize => Step::WriteDisksize,
            Step::WriteDisksize => Step::WriteSize,
            Step::WriteSize => Step::StopSize,
            Step::StopSize | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match &self.step {
            Step::LookUp(map) | Step::Map(map) => return map.place(),
            Step::StartOrphan => "StartOrphan",
            Step::SetDisksize => "SetDisksize",
            Step::StopOrphan => "StopOrphan",
            Step::BeginIo => "BeginIo",
            Step::RunBio => "RunBio",
            Step::EndIo => "EndIo",
            Step::StartSize => "StartSize",
            Step::WriteDisksize => "WriteDisksize",
            Step::WriteSize => "WriteSize",
            Step::StopSize => "StopSize",
            Step::Done => "Done",
        };
        let kernel = match self.step {
            Step::BeginIo | Step::RunBio => "do_blockdev_direct_IO",
            _ => "ext4_ind_direct_IO",
        };
        Place { step, kernel }
    }
}
