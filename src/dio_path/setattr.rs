//! `ext4_setattr` and `ext4_truncate` under `i_rwsem`: ftruncate from v4.10 on.

use super::truncate_pages::TruncatePages;
use super::write::Fault;
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{Blocks, Handle, Op, OrphanOp, Outcome};
use crate::task::{Place, Task};

/// `do_truncate`, `ext4_setattr` and `ext4_truncate`.
///
/// | step          | kernel (v6.1; * v4.10 only)                          | holds after              |
/// |---------------|------------------------------------------------------|--------------------------|
/// | TakeRwsem     | do_truncate: inode_lock                              | i_rwsem                  |
/// | ReadSize      | ext4_setattr: inode->i_size                          | i_rwsem                  |
/// | Drain         | ext4_setattr: inode_dio_wait (shrinking)             | i_rwsem                  |
/// | TakeMmap      | filemap_invalidate_lock (to v5.10 i_mmap_sem)        | i_rwsem, invalidate_lock |
/// | StartOrphan   | ext4_setattr: ext4_journal_start (new size)          | + handle                 |
/// | AddOrphan     | ext4_orphan_add (shrinking, with a journal)          | + handle                 |
/// | TakeSizes     | ext4_setattr: down_write(i_data_sem)                 | + handle, i_data_sem W   |
/// | WriteDisksize | ext4_setattr: i_disksize                             | + handle, i_data_sem W   |
/// | WriteSize     | ext4_setattr: i_size_write                           | + handle, i_data_sem W   |
/// | DropSizes     | ext4_setattr: up_write(i_data_sem)                   | + handle                 |
/// | StopOrphan    | ext4_setattr: ext4_journal_stop                      | i_rwsem, invalidate_lock |
/// | CloseGate     | ext4_inode_block_unlocked_dio *                      | i_rwsem, gate            |
/// | OpenGate      | ext4_inode_resume_unlocked_dio *                     | i_rwsem                  |
/// | DropPages     | truncate_pagecache, see TruncatePages                | i_rwsem, invalidate_lock |
/// | StartHandle   | ext4_truncate: ext4_journal_start                    | + handle                 |
/// | AddAgain      | ext4_truncate: ext4_orphan_add                       | + handle                 |
/// | TakeDataSem   | ext4_truncate: down_write(i_data_sem)                | + handle, i_data_sem W   |
/// | Free          | ext4_ext_truncate: ext4_ext_remove_space             | + handle, i_data_sem W   |
/// | DropDataSem   | ext4_truncate: up_write(i_data_sem)                  | + handle                 |
/// | DelOrphan     | ext4_truncate: ext4_orphan_del                       | + handle                 |
/// | StopHandle    | ext4_truncate: ext4_journal_stop                     | i_rwsem, invalidate_lock |
/// | DropMmap      | filemap_invalidate_unlock                            | i_rwsem                  |
/// | DelInCore     | ext4_setattr: ext4_orphan_del (no handle was had)    | i_rwsem                  |
/// | DropRwsem     | do_truncate: inode_unlock                            |                          |
///
/// # Kernel
/// Read in v4.10.17, v5.4.18, v5.10.44, v6.1-rc7, v6.1.141 and v6.12. v4.10: sizes, then (only with an
/// orphan record) gate and drain, then `i_mmap_sem`, pages, blocks. v5.4 and later: drain if it
/// shrinks, `i_mmap_sem` or `invalidate_lock`, sizes, pages, blocks.
///
/// # Modelled
/// A truncate to an equal size changes no size and drains nothing, but from v5.4 on it calls
/// `ext4_truncate` all the same and frees what lies past the end; v4.10 leaves that alone. v4.10
/// still closes the gate, though no reader looks at it any more (16c54688592c). Without a journal
/// there is no orphan record; 82a25b027ca4 made the drain independent of it. In v5.4 the drain
/// stands before the record would be added, so without that fix it is "only with a journal".
/// Without 90e775b71ac4 i_disksize changes under the handle alone and i_size after it, as in v3.6.
///
/// If `ext4_truncate` gets no handle (`failing`), the sizes stay small and the blocks stay allocated:
/// `ext4_setattr` takes the inode off the list of orphans in memory, and returns the error.
///
/// # Left out
/// Zeroing the tail block, ordered-mode flushing, fast commits, `ext4_break_layouts` (DAX).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Setattr {
    to: Blocks,
    kernel: Kernel,
    journal: bool,
    fault: Option<Fault>,
    step: Step,
    from: Blocks,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    TakeRwsem,
    ReadSize,
    Drain,
    TakeMmap,
    StartOrphan,
    AddOrphan,
    TakeSizes,
    WriteDisksize,
    WriteSize,
    DropSizes,
    StopOrphan,
    CloseGate,
    OpenGate,
    DropPages(TruncatePages),
    StartHandle,
    AddAgain,
    TakeDataSem,
    Free,
    DropDataSem,
    DelOrphan,
    StopHandle,
    DropMmap,
    DelInCore,
    DropRwsem,
    Done,
}

/// The lock that keeps page faults out while blocks go.
pub(super) fn mmap_lock(kernel: Kernel) -> LockName {
    if kernel.version >= Version::V6_1 { LockName::InvalidateLock } else { LockName::IMmapSem }
}

impl Setattr {
    /// Truncates the file to `to` blocks, on a file system with a journal or without.
    pub fn new(to: Blocks, kernel: Kernel, journal: bool) -> Setattr {
        Setattr { to, kernel, journal, fault: None, step: Step::TakeRwsem, from: 0 }
    }

    /// The same, but `ext4_truncate` gets no handle.
    #[must_use]
    pub fn failing(self, fault: Option<Fault>) -> Setattr {
        Setattr { fault, ..self }
    }

    fn shrinks(&self) -> bool {
        self.to < self.from
    }

    /// Whether direct I/O is waited for.
    fn drains(&self) -> bool {
        self.shrinks() && (self.journal || self.kernel.has(Fix::DrainOnShrink))
    }

    fn drains_late(&self) -> bool {
        self.kernel.version < Version::V5_4
    }

    /// Whether both sizes change under `i_data_sem`.
    fn together(&self) -> bool {
        self.kernel.has(Fix::SizesUnderDataSem)
    }

    fn sizes(&self) -> Step {
        match (self.to == self.from, self.drains_late()) {
            (false, _) => Step::StartOrphan,
            (true, false) => self.drop_pages(),
            (true, true) => Step::TakeMmap,
        }
    }

    fn drop_pages(&self) -> Step {
        Step::DropPages(TruncatePages::from(self.to))
    }

    fn blocks(&self) -> Step {
        let frees = self.shrinks() || self.to == self.from && !self.drains_late();
        if frees && self.fault.is_none() { Step::StartHandle } else { Step::DropMmap }
    }

    /// Whether `ext4_truncate` left the inode on the list of orphans.
    fn left_orphan(&self) -> bool {
        self.fault.is_some() && self.journal && self.shrinks()
    }
}

impl Task for Setattr {
    fn next(&self) -> Option<Op> {
        let (rwsem, sem, excl) = (LockName::IRwsem, LockName::IDataSem, Mode::Exclusive);
        let mmap = mmap_lock(self.kernel);
        Some(match &self.step {
            Step::TakeRwsem => Op::Lock(rwsem, excl),
            Step::ReadSize => Op::SizeRead,
            Step::Drain => Op::DioWait,
            Step::TakeMmap => Op::Lock(mmap, excl),
            Step::StartOrphan => Op::JournalStart(Handle::Orphan),
            Step::AddOrphan | Step::AddAgain => Op::Orphan(OrphanOp::Add),
            Step::TakeSizes | Step::TakeDataSem => Op::Lock(sem, excl),
            Step::WriteDisksize => Op::DisksizeWrite(self.to),
            Step::WriteSize => Op::SizeWrite(self.to),
            Step::DropSizes | Step::DropDataSem => Op::Unlock(sem, excl),
            Step::StopOrphan => Op::JournalStop(Handle::Orphan),
            Step::CloseGate => Op::GateClose,
            Step::OpenGate => Op::GateOpen,
            Step::DropPages(drop) => return drop.next(),
            Step::StartHandle => Op::JournalStart(Handle::Extents),
            Step::Free => Op::Free(self.to),
            Step::DelOrphan | Step::DelInCore => Op::Orphan(OrphanOp::Del),
            Step::StopHandle => Op::JournalStop(Handle::Extents),
            Step::DropMmap => Op::Unlock(mmap, excl),
            Step::DropRwsem => Op::Unlock(rwsem, excl),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        self.step = match self.step {
            Step::TakeRwsem => Step::ReadSize,
            Step::ReadSize => {
                if let Outcome::Value(size) = outcome {
                    self.from = size;
                }
                match (self.drains_late(), self.drains()) {
                    (true, _) => self.sizes(),
                    (false, true) => Step::Drain,
                    (false, false) => Step::TakeMmap,
                }
            }
            Step::Drain if self.drains_late() => Step::OpenGate,
            Step::Drain | Step::OpenGate => Step::TakeMmap,
            Step::TakeMmap if self.drains_late() => self.drop_pages(),
            Step::TakeMmap => self.sizes(),
            Step::StartOrphan if self.shrinks() && self.journal => Step::AddOrphan,
            Step::StartOrphan | Step::AddOrphan if self.together() => Step::TakeSizes,
            Step::StartOrphan | Step::AddOrphan | Step::TakeSizes => Step::WriteDisksize,
            Step::WriteDisksize if self.together() => Step::WriteSize,
            Step::WriteSize if self.together() => Step::DropSizes,
            Step::WriteDisksize | Step::DropSizes => Step::StopOrphan,
            Step::StopOrphan if !self.together() => Step::WriteSize,
            Step::StopOrphan | Step::WriteSize => match (self.drains_late(), self.drains()) {
                (true, true) => Step::CloseGate,
                (true, false) => Step::TakeMmap,
                (false, _) => self.drop_pages(),
            },
            Step::CloseGate => Step::Drain,
            Step::DropPages(mut drop) => {
                drop.resume(outcome);
                if drop.next().is_some() { Step::DropPages(drop) } else { self.blocks() }
            }
            Step::StartHandle if self.journal => Step::AddAgain,
            Step::StartHandle | Step::AddAgain => Step::TakeDataSem,
            Step::TakeDataSem => Step::Free,
            Step::Free => Step::DropDataSem,
            Step::DropDataSem if self.journal => Step::DelOrphan,
            Step::DropDataSem | Step::DelOrphan => Step::StopHandle,
            Step::StopHandle => Step::DropMmap,
            Step::DropMmap if self.left_orphan() => Step::DelInCore,
            Step::DropMmap | Step::DelInCore => Step::DropRwsem,
            Step::DropRwsem | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Step::TakeRwsem => ("TakeRwsem", "do_truncate"),
            Step::ReadSize => ("ReadSize", "ext4_setattr"),
            Step::Drain => ("Drain", "inode_dio_wait"),
            Step::TakeMmap => ("TakeMmap", "ext4_setattr"),
            Step::StartOrphan => ("StartOrphan", "ext4_setattr"),
            Step::AddOrphan => ("AddOrphan", "ext4_orphan_add"),
            Step::TakeSizes => ("TakeSizes", "ext4_setattr"),
            Step::WriteDisksize => ("WriteDisksize", "ext4_setattr"),
            Step::WriteSize => ("WriteSize", "ext4_setattr"),
            Step::DropSizes => ("DropSizes", "ext4_setattr"),
            Step::StopOrphan => ("StopOrphan", "ext4_setattr"),
            Step::CloseGate => ("CloseGate", "ext4_inode_block_unlocked_dio"),
            Step::OpenGate => ("OpenGate", "ext4_inode_resume_unlocked_dio"),
            Step::DropPages(drop) => return drop.place(),
            Step::StartHandle => ("StartHandle", "ext4_truncate"),
            Step::AddAgain => ("AddAgain", "ext4_orphan_add"),
            Step::TakeDataSem => ("TakeDataSem", "ext4_truncate"),
            Step::Free => ("Free", "ext4_ext_remove_space"),
            Step::DropDataSem => ("DropDataSem", "ext4_truncate"),
            Step::DelOrphan => ("DelOrphan", "ext4_orphan_del"),
            Step::StopHandle => ("StopHandle", "ext4_truncate"),
            Step::DelInCore => ("DelInCore", "ext4_orphan_del"),
            Step::DropMmap => ("DropMmap", "ext4_setattr"),
            Step::DropRwsem => ("DropRwsem", "do_truncate"),
            Step::Done => ("Done", "do_truncate"),
        };
        Place { step, kernel }
    }
}
