//! `ext4_alloc_file_blocks`: allocation for fallocate, with its credits and the size.

use super::write::Fault;
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{Blocks, Handle, MapFor, Op, Outcome, Range};
use crate::task::{Place, Task};

/// `ext4_alloc_file_blocks`; up to v3.11 the body of `ext4_fallocate`.
///
/// | step           | kernel (v4.10)                                               | holds after          |
/// |----------------|--------------------------------------------------------------|----------------------|
/// | CloseGate      | ext4_inode_block_unlocked_dio (before 17048e8a083f)          | gate                 |
/// | Drain          | inode_dio_wait (before 17048e8a083f)                         | gate                 |
/// | Estimate       | ext4_chunk_trans_blocks: ext_depth                           |                      |
/// | StartHandle    | ext4_journal_start, with that many credits                   | handle               |
/// | TakeDataSem    | ext4_map_blocks: down_write(i_data_sem)                      | handle, i_data_sem W |
/// | WalkTree       | ext4_ext_map_blocks: ext_depth                               | handle, i_data_sem W |
/// | Allocate       | ext4_ext_map_blocks(CREATE_UNWRIT_EXT)                       | handle, i_data_sem W |
/// | DropDataSem    | ext4_map_blocks: up_write(i_data_sem)                        | handle               |
/// | RereadSize     | ext4_update_inode_size: inode->i_size (growing)              | handle               |
/// | RaiseSize      | ext4_update_inode_size: i_size_write (growing)               | handle               |
/// | LookDisksize   | ext4_update_inode_size: i_disksize (growing)                 | handle               |
/// | LockDisksize   | ext4_update_i_disksize: down_write(i_data_sem) (growing)     | handle, i_data_sem W |
/// | RaiseDisksize  | ext4_update_i_disksize: i_disksize (growing)                 | handle, i_data_sem W |
/// | UnlockDisksize | ext4_update_i_disksize: up_write(i_data_sem) (growing)       | handle               |
/// | StopHandle     | ext4_journal_stop                                            |                      |
/// | OpenGate       | ext4_inode_resume_unlocked_dio (before 17048e8a083f)         |                      |
///
/// # Kernel
/// fs/ext4/extents.c and fs/ext4/ext4.h, read in v3.6, v3.7.2, v3.11 (where all this is in
/// `ext4_fallocate`), v4.10.17, v5.4.18, v5.10.44, v6.1.141, v6.1.192 and v6.12.
///
/// # Modelled
/// Credits are as many as the depth of the tree, which is looked at without `i_data_sem`. The tree has one
/// leaf as long as no extent differs from the others (in an inode's root there is room for four): it
/// gets deeper where a write splits an unwritten extent, before its I/O and under the inode's lock. A
/// conversion must split only what has been merged since: from v5.10 on `ext4_can_extents_be_merged` looks
/// at lengths alone, in v4.10 and v5.4 it merges nothing unwritten while unwritten I/O is counted (here:
/// never, as nobody else tells). The second look at the depth at the top of the loop
/// (from v4.10) only makes the gap between look and change smaller. In place of the nested handle of
/// `ext4_map_blocks` and its first pass: nothing. Where it is to fail, the last block of the range is the
/// one that is not had (ENOSPC): what came before it is allocated, under a handle of its own, and the
/// size reaches there; or there is no handle and nothing is done (ENOMEM).
///
/// # Left out
/// Otherwise the loop.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AllocBlocks {
    range: Range,
    grows: bool,
    kernel: Kernel,
    fault: Option<Fault>,
    unwrites: bool,
    /// What is left once this round is done.
    rest: Blocks,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Step {
    CloseGate,
    Drain,
    Estimate,
    StartHandle,
    TakeDataSem,
    WalkTree,
    Allocate,
    DropDataSem,
    RereadSize,
    RaiseSize,
    LookDisksize,
    LockDisksize,
    RaiseDisksize,
    UnlockDisksize,
    StopHandle,
    OpenGate,
    Done,
}

/// Whether the kernel has a gate; readers look at it up to v4.8.
pub(super) fn has_gate(kernel: Kernel) -> bool {
    kernel.version == Version::V4_10
}

impl AllocBlocks {
    /// Allocates `range`; with `grows` the file reaches to its end afterwards.
    pub fn new(range: Range, grows: bool, kernel: Kernel) -> AllocBlocks {
        let step = match () {
            () if kernel.version < Version::V4_10 => Step::StartHandle,
            () if drains_itself(kernel) => Step::CloseGate,
            () => Step::Estimate,
        };
        AllocBlocks { range, grows, kernel, fault: None, unwrites: false, rest: 0, step }
    }

    /// The same, but no handle is to be had, or no block for the last of the range.
    #[must_use]
    pub(super) fn failing(self, fault: Option<Fault>) -> AllocBlocks {
        let range = self.range;
        let (len, rest) = match (fault, range.len) {
            (Some(Fault::Enospc), 2..) => (range.len - 1, 1),
            _ => (range.len, 0),
        };
        AllocBlocks { fault, range: Range { len, ..range }, rest, ..self }
    }

    /// Written blocks become unwritten, as for zero range.
    #[must_use]
    pub(super) fn unwriting(self) -> AllocBlocks {
        AllocBlocks { unwrites: true, ..self }
    }

    /// Whether this round finds no block.
    fn fails(&self) -> bool {
        self.fault == Some(Fault::Enospc) && self.rest == 0
    }

    fn handle(&self) -> Step {
        if self.fault == Some(Fault::Enomem) { self.end() } else { Step::StartHandle }
    }

    fn end(&self) -> Step {
        if drains_itself(self.kernel) { Step::OpenGate } else { Step::Done }
    }
}

impl AllocBlocks {
    /// Up to v3.11 nobody has looked at i_size before; up to v5.4 nobody can have changed it since.
    fn compares(&self) -> bool {
        self.kernel.has(Fix::SizeComparedAgain) || self.kernel.version < Version::V5_10
    }
}

/// Before 17048e8a083f the drain was here and not in the callers.
fn drains_itself(kernel: Kernel) -> bool {
    has_gate(kernel) && kernel.has(Fix::FallocateDrains) && !kernel.has(Fix::GateInCallers)
}

impl Task for AllocBlocks {
    fn next(&self) -> Option<Op> {
        let (sem, alone) = (LockName::IDataSem, Mode::Exclusive);
        Some(match self.step {
            Step::CloseGate => Op::GateClose,
            Step::Drain => Op::DioWait,
            Step::Estimate | Step::WalkTree => Op::DepthRead,
            Step::StartHandle => Op::JournalStart(Handle::Extents),
            Step::TakeDataSem | Step::LockDisksize => Op::Lock(sem, alone),
            Step::Allocate if self.fails() => Op::Map(self.range, MapFor::CreateFails),
            Step::Allocate if self.unwrites => Op::Map(self.range, MapFor::Unwrite),
            Step::Allocate => {
                let merge = self.kernel.version >= Version::V5_10;
                Op::Map(self.range, MapFor::Preallocate { merge })
            }
            Step::DropDataSem | Step::UnlockDisksize => Op::Unlock(sem, alone),
            Step::RereadSize => Op::SizeRead,
            Step::RaiseSize => Op::SizeWrite(self.range.end()),
            Step::LookDisksize => Op::DisksizeRead,
            Step::RaiseDisksize => Op::DisksizeWrite(self.range.end()),
            Step::StopHandle => Op::JournalStop(Handle::Extents),
            Step::OpenGate => Op::GateOpen,
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let below = matches!(outcome, Outcome::Value(size) if size < self.range.end());
        self.step = match self.step {
            Step::CloseGate => Step::Drain,
            Step::Drain => Step::Estimate,
            Step::Estimate => self.handle(),
            Step::StartHandle => Step::TakeDataSem,
            Step::TakeDataSem => Step::WalkTree,
            Step::WalkTree => Step::Allocate,
            Step::Allocate => Step::DropDataSem,
            Step::DropDataSem if !self.grows || self.fails() => Step::StopHandle,
            Step::DropDataSem if self.compares() => Step::RereadSize,
            Step::RereadSize if !below => Step::LookDisksize,
            Step::DropDataSem | Step::RereadSize => Step::RaiseSize,
            Step::RaiseSize if self.compares() => Step::LookDisksize,
            Step::LookDisksize if !below => Step::StopHandle,
            Step::RaiseSize | Step::LookDisksize => Step::LockDisksize,
            Step::LockDisksize => Step::RaiseDisksize,
            Step::RaiseDisksize => Step::UnlockDisksize,
            Step::UnlockDisksize => Step::StopHandle,
            Step::StopHandle if self.rest > 0 => {
                // What is left is asked for under a handle of its own; the depth is looked at again.
                let start = self.range.end();
                self.range = Range { start, len: self.rest };
                self.rest = 0;
                Step::Estimate
            }
            Step::StopHandle => self.end(),
            Step::OpenGate | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match self.step {
            Step::CloseGate => ("CloseGate", "ext4_inode_block_unlocked_dio"),
            Step::Drain => ("Drain", "inode_dio_wait"),
            Step::Estimate => ("Estimate", "ext4_chunk_trans_blocks"),
            Step::StartHandle => ("StartHandle", "ext4_alloc_file_blocks"),
            Step::TakeDataSem => ("TakeDataSem", "ext4_map_blocks"),
            Step::WalkTree => ("WalkTree", "ext4_ext_map_blocks"),
            Step::Allocate => ("Allocate", "ext4_ext_map_blocks"),
            Step::DropDataSem => ("DropDataSem", "ext4_map_blocks"),
            Step::RereadSize => ("RereadSize", "ext4_update_inode_size"),
            Step::RaiseSize => ("RaiseSize", "ext4_update_inode_size"),
            Step::LookDisksize => ("LookDisksize", "ext4_update_inode_size"),
            Step::LockDisksize => ("LockDisksize", "ext4_update_i_disksize"),
            Step::RaiseDisksize => ("RaiseDisksize", "ext4_update_i_disksize"),
            Step::UnlockDisksize => ("UnlockDisksize", "ext4_update_i_disksize"),
            Step::StopHandle => ("StopHandle", "ext4_alloc_file_blocks"),
            Step::OpenGate => ("OpenGate", "ext4_inode_resume_unlocked_dio"),
            Step::Done => ("Done", "ext4_alloc_file_blocks"),
        };
        Place { step, kernel }
    }
}
