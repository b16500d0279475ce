//! `ext4_ind_direct_IO` for a write past i_size: blocks first, then the sizes.

use super::write::{Fault, Write};
use crate::extent_probe::{MapBlocks, Mapped};
use crate::kernel::{Fix, Kernel};
use crate::op::{Bio, Handle, MapFor, Op, Outcome, PhysicalBlock};
use crate::task::{Place, Task};

/// `ext4_ind_direct_IO`, with `do_blockdev_direct_IO` inside it, for a write that ends past i_size: of
/// files with extents too. It is synchronous, and holds `i_mutex` throughout.
///
/// | step          | kernel (v3.6)                             | holds after     |
/// |---------------|-------------------------------------------|-----------------|
/// | StartOrphan   | ext4_ind_direct_IO: ext4_journal_start    | i_mutex, handle |
/// | StopOrphan    | ext4_ind_direct_IO: ext4_journal_stop     | i_mutex         |
/// | BeginIo       | do_blockdev_direct_IO: atomic_inc         | i_mutex         |
/// | Map           | ext4_get_block, see MapBlocks             | i_mutex         |
/// | RunBio        | dio_await_completion                      | i_mutex         |
/// | EndIo         | inode_dio_done                            | i_mutex         |
/// | StartSize     | ext4_ind_direct_IO: ext4_journal_start    | i_mutex, handle |
/// | WriteDisksize | ext4_ind_direct_IO: i_disksize            | i_mutex, handle |
/// | WriteSize     | ext4_ind_direct_IO: i_size_write          | i_mutex, handle |
/// | StopSize      | ext4_ind_direct_IO: ext4_journal_stop     | i_mutex         |
///
/// # Kernel
/// fs/ext4/indirect.c, read in v3.6, v3.7.2 and v3.11.
///
/// # Modelled
/// Blocks are allocated as written: i_size hides them until the data is there.
///
/// # Left out
/// The orphan list, which is followed from v4.10 on; that the first handle sets i_disksize to i_size; the
/// second try after ENOSPC, short and failed I/O.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct IndDirectIo {
    write: Write,
    step: Step,
    blocks: Vec<PhysicalBlock>,
    early: bool,
    /// The I/O could not be started.
    pub failed: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    StartOrphan,
    StopOrphan,
    BeginIo,
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
    /// Submits `write`.
    pub fn new(write: Write, kernel: Kernel) -> IndDirectIo {
        let early = !kernel.has(Fix::CountUnwrittenOnSuccess);
        IndDirectIo { write, step: Step::StartOrphan, blocks: Vec::new(), early, failed: false }
    }

    fn map(&self) -> Step {
        let fails = self.write.fault == Some(Fault::Enospc);
        let how = if fails { MapFor::CreateFails } else { MapFor::Extend };
        Step::Map(MapBlocks::create(self.write.range, how, false, self.early))
    }
}

impl Task for IndDirectIo {
    fn next(&self) -> Option<Op> {
        let (me, end) = (self.write.task, self.write.range.end());
        Some(match &self.step {
            Step::StartOrphan | Step::StartSize => Op::JournalStart(Handle::Orphan),
            Step::StopOrphan | Step::StopSize => Op::JournalStop(Handle::Orphan),
            Step::BeginIo => Op::DioBegin(me),
            Step::Map(map) => return map.next(),
            Step::RunBio => {
                // A single block past i_size is new, whatever fallocate has put there.
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
            Step::StartOrphan => Step::StopOrphan,
            Step::StopOrphan => Step::BeginIo,
            Step::BeginIo => self.map(),
            Step::Map(map) => {
                map.resume(outcome);
                if map.next().is_some() {
                    return;
                }
                let found: &[Mapped] = map.found().unwrap_or_default();
                self.blocks = found.iter().filter_map(|m| m.block).collect();
                self.failed = self.blocks.is_empty();
                if self.failed { Step::EndIo } else { Step::RunBio }
            }
            Step::RunBio => Step::EndIo,
            Step::EndIo if self.failed => Step::Done,
            Step::EndIo => Step::StartSize,
            Step::StartSize => Step::WriteDisksize,
            Step::WriteDisksize => Step::WriteSize,
            Step::WriteSize => Step::StopSize,
            Step::StopSize | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match &self.step {
            Step::Map(map) => return map.place(),
            Step::StartOrphan => "StartOrphan",
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
