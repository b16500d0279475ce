//! `ext4_punch_hole` under `i_rwsem`, from v4.10 on.

use super::drop_page::DropPage;
use super::setattr::mmap_lock;
use super::write::Fault;
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{Handle, Op, Outcome, Range};
use crate::task::{Place, Task};

/// `ext4_punch_hole` of whole blocks.
///
/// | step         | kernel (v6.1; * v4.10 only, + from v6.1)        | holds after                 |
/// |--------------|-------------------------------------------------|-----------------------------|
/// | TakeRwsem    | ext4_punch_hole: inode_lock                     | i_rwsem                     |
/// | ReadSize     | ext4_punch_hole: inode->i_size                  | i_rwsem                     |
/// | CloseGate    | ext4_inode_block_unlocked_dio *                 | i_rwsem, gate               |
/// | Drain        | ext4_punch_hole: inode_dio_wait                 | i_rwsem                     |
/// | StartTime    | file_modified: ext4_journal_start +             | i_rwsem, handle             |
/// | StopTime     | file_modified: ext4_journal_stop +              | i_rwsem                     |
/// | TakeMmap     | filemap_invalidate_lock (to v5.10 i_mmap_sem)   | i_rwsem, invalidate_lock    |
/// | LookForPages | truncate_pagecache_range: nrpages               | i_rwsem, invalidate_lock    |
/// | DropPages    | truncate_pagecache_range                        | i_rwsem, invalidate_lock    |
/// | StartHandle  | ext4_punch_hole: ext4_journal_start             | + handle                    |
/// | TakeDataSem  | ext4_punch_hole: down_write(i_data_sem)         | + handle, i_data_sem W      |
/// | Free         | ext4_ext_remove_space                           | + handle, i_data_sem W      |
/// | DropDataSem  | ext4_punch_hole: up_write(i_data_sem)           | + handle                    |
/// | StopHandle   | ext4_punch_hole: ext4_journal_stop              | i_rwsem, invalidate_lock    |
/// | DropMmap     | filemap_invalidate_unlock                       | i_rwsem                     |
/// | OpenGate     | ext4_inode_resume_unlocked_dio *                | i_rwsem                     |
/// | DropRwsem    | ext4_punch_hole: inode_unlock                   |                             |
///
/// # Kernel
/// Read in v4.10.17, v5.4.18, v5.10.44, v6.1-rc7, v6.1.141 and v6.12.
///
/// # Modelled
/// A hole at or past i_size is nothing to punch; one that reaches past it is punched as asked. In
/// v4.10 the gate stays closed to the end, though no reader looks at it. On an error (no handle, or
/// `ext4_ext_remove_space` must split an extent and finds no block) the pages are gone and the blocks
/// stay.
///
/// # Left out
/// The write-back before the lock is taken, partial blocks, `ext4_update_disksize_before_punch`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PunchHoleRwsem {
    range: Range,
    kernel: Kernel,
    fault: Option<Fault>,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    TakeRwsem,
    ReadSize,
    CloseGate,
    Drain,
    StartTime,
    StopTime,
    TakeMmap,
    LookForPages,
    DropPages(DropPage),
    StartHandle,
    TakeDataSem,
    Free,
    DropDataSem,
    StopHandle,
    DropMmap,
    OpenGate,
    DropRwsem,
    Done,
}

impl PunchHoleRwsem {
    /// Punches `range` out of the file.
    pub fn new(range: Range, kernel: Kernel) -> PunchHoleRwsem {
        PunchHoleRwsem { range, kernel, fault: None, step: Step::TakeRwsem }
    }

    /// The same, but it gets no handle, or finds no block to split an extent with.
    #[must_use]
    pub fn failing(self, fault: Option<Fault>) -> PunchHoleRwsem {
        PunchHoleRwsem { fault, ..self }
    }

    fn unlock(&self) -> Step {
        match (self.locks_faults_out(), self.gate()) {
            (true, _) => Step::DropMmap,
            (false, true) => Step::OpenGate,
            (false, false) => Step::DropRwsem,
        }
    }

    fn locks_faults_out(&self) -> bool {
        self.kernel.has(Fix::FaultLock) || self.kernel.has(Fix::ReadLock)
    }

    fn gate(&self) -> bool {
        self.kernel.version < Version::V5_4
    }
}

impl Task for PunchHoleRwsem {
    fn next(&self) -> Option<Op> {
        let (rwsem, sem, excl) = (LockName::IRwsem, LockName::IDataSem, Mode::Exclusive);
        let mmap = mmap_lock(self.kernel);
        Some(match &self.step {
            Step::TakeRwsem => Op::Lock(rwsem, excl),
            Step::ReadSize => Op::SizeRead,
            Step::CloseGate => Op::GateClose,
            Step::Drain => Op::DioWait,
            Step::StartTime => Op::JournalStart(Handle::Time),
            Step::StopTime => Op::JournalStop(Handle::Time),
            Step::TakeMmap => Op::Lock(mmap, excl),
            Step::LookForPages => Op::PagesRead,
            Step::DropPages(drop) => return drop.next(),
            Step::StartHandle => Op::JournalStart(Handle::Extents),
            Step::TakeDataSem => Op::Lock(sem, excl),
            Step::Free => Op::FreeRange(self.range),
            Step::DropDataSem => Op::Unlock(sem, excl),
            Step::StopHandle => Op::JournalStop(Handle::Extents),
            Step::DropMmap => Op::Unlock(mmap, excl),
            Step::OpenGate => Op::GateOpen,
            Step::DropRwsem => Op::Unlock(rwsem, excl),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        self.step = match self.step {
            Step::TakeRwsem => Step::ReadSize,
            Step::ReadSize => match outcome {
                Outcome::Value(size) if self.range.start >= size => Step::DropRwsem,
                _ if self.gate() => Step::CloseGate,
                _ => Step::Drain,
            },
            Step::CloseGate => Step::Drain,
            Step::Drain if self.kernel.version >= Version::V6_1 => Step::StartTime,
            Step::StartTime => Step::StopTime,
            Step::Drain | Step::StopTime if self.locks_faults_out() => Step::TakeMmap,
            Step::Drain | Step::StopTime => Step::LookForPages,
            Step::TakeMmap => Step::LookForPages,
            Step::LookForPages if matches!(outcome, Outcome::Value(1..)) => {
                Step::DropPages(DropPage::default())
            }
            Step::DropPages(drop) if let Some(drop) = drop.further() => Step::DropPages(drop),
            Step::LookForPages | Step::DropPages(_) if self.fault == Some(Fault::Enomem) => {
                self.unlock()
            }
            Step::LookForPages | Step::DropPages(_) => Step::StartHandle,
            Step::StartHandle => Step::TakeDataSem,
            Step::TakeDataSem if self.fault.is_some() => Step::DropDataSem,
            Step::TakeDataSem => Step::Free,
            Step::Free => Step::DropDataSem,
            Step::DropDataSem => Step::StopHandle,
            Step::StopHandle => self.unlock(),
            Step::DropMmap if self.gate() => Step::OpenGate,
            Step::DropMmap | Step::OpenGate => Step::DropRwsem,
            Step::DropRwsem | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match &self.step {
            Step::TakeRwsem => "TakeRwsem",
            Step::ReadSize => "ReadSize",
            Step::CloseGate => "CloseGate",
            Step::Drain => "Drain",
            Step::StartTime => "StartTime",
            Step::StopTime => "StopTime",
            Step::TakeMmap => "TakeMmap",
            Step::LookForPages => "LookForPages",
            Step::DropPages(drop) => return drop.place(),
            Step::StartHandle => "StartHandle",
            Step::TakeDataSem => "TakeDataSem",
            Step::Free => "Free",
            Step::DropDataSem => "DropDataSem",
            Step::StopHandle => "StopHandle",
            Step::DropMmap => "DropMmap",
            Step::OpenGate => "OpenGate",
            Step::DropRwsem => "DropRwsem",
            Step::Done => "Done",
        };
        Place { step, kernel: "ext4_punch_hole" }
    }
}
