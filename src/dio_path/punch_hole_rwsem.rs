//! `ext4_punch_hole` under `i_rwsem`, from v4.10 on.

use super::disksize_before_punch::DisksizeBeforePunch;
use super::setattr::mmap_lock;
use super::truncate_pages::TruncatePages;
use super::write::Fault;
use super::writepages::WritePages;
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{Handle, Op, Outcome, Range};
use crate::task::{Place, Task};

/// `ext4_punch_hole` of whole blocks.
///
/// | step         | kernel (v6.1; * v4.10 only, + from v6.1)        | holds after                 |
/// |--------------|-------------------------------------------------|-----------------------------|
/// | WriteBack    | filemap_write_and_wait_range, see WritePages    |                             |
/// | TakeRwsem    | ext4_punch_hole: inode_lock                     | i_rwsem                     |
/// | ReadSize     | ext4_punch_hole: inode->i_size                  | i_rwsem                     |
/// | CloseGate    | ext4_inode_block_unlocked_dio *                 | i_rwsem, gate               |
/// | Drain        | ext4_punch_hole: inode_dio_wait                 | i_rwsem                     |
/// | StartTime    | file_modified: ext4_journal_start +             | i_rwsem, handle             |
/// | StopTime     | file_modified: ext4_journal_stop +              | i_rwsem                     |
/// | TakeMmap     | filemap_invalidate_lock (to v5.10 i_mmap_sem)   | i_rwsem, invalidate_lock    |
/// | Disksize     | ext4_update_disksize_before_punch, see DisksizeBeforePunch | i_rwsem, invalidate_lock |
/// | DropPages    | truncate_pagecache_range, see TruncatePages     | i_rwsem, invalidate_lock    |
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
/// Read in v4.10.17, v5.4.18, v5.10.44, v6.1-rc7, v6.1.141, v6.1.192 and v6.12. That
/// v6.12 still writes back before it takes the lock is derived: 6.12.117 does not.
///
/// # Modelled
/// A hole at or past i_size is nothing to punch; one that reaches past it is punched as asked. In
/// v4.10 the gate stays closed to the end, though no reader looks at it. On an error (no handle, or
/// `ext4_ext_remove_space` must split an extent and finds no block) the pages are gone and the blocks
/// stay.
///
/// # Left out
/// Partial blocks.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PunchHoleRwsem {
    range: Range,
    kernel: Kernel,
    fault: Option<Fault>,
    write_back: Option<Box<WritePages>>,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    WriteBack,
    TakeRwsem,
    ReadSize,
    CloseGate,
    Drain,
    StartTime,
    StopTime,
    TakeMmap,
    Disksize(DisksizeBeforePunch),
    DropPages(TruncatePages),
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
        let step = Step::TakeRwsem;
        PunchHoleRwsem { range, kernel, fault: None, write_back: None, step }
    }

    /// The same, but it writes dirty pages back first, as the kernel does.
    #[must_use]
    pub fn writing_back(self, write_back: WritePages) -> PunchHoleRwsem {
        let write_back = Some(Box::new(write_back.and_wait()));
        PunchHoleRwsem { write_back, step: Step::WriteBack, ..self }
    }

    /// What changes i_disksize goes before the pages.
    fn before_pages(&self) -> Step {
        let disksize = DisksizeBeforePunch::new(self.range, self.kernel);
        if disksize.next().is_some() { Step::Disksize(disksize) } else { self.drop_pages() }
    }

    fn drop_pages(&self) -> Step {
        Step::DropPages(TruncatePages::new(self.range))
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

    fn drained(&self) -> Step {
        if self.kernel.version >= Version::V6_1 { Step::StartTime } else { self.mmap() }
    }

    fn mmap(&self) -> Step {
        if self.locks_faults_out() { Step::TakeMmap } else { self.before_pages() }
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
            Step::WriteBack => return self.write_back.as_ref()?.next(),
            Step::Disksize(disksize) => return disksize.next(),
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
            Step::WriteBack => {
                if let Some(write_back) = &mut self.write_back {
                    write_back.resume(outcome);
                    if write_back.next().is_some() {
                        return;
                    }
                }
                self.write_back = None;
                Step::TakeRwsem
            }
            Step::TakeRwsem => Step::ReadSize,
            Step::ReadSize => match outcome {
                Outcome::Value(size) if self.range.start >= size => Step::DropRwsem,
                _ if self.gate() => Step::CloseGate,
                _ if self.kernel.has(Fix::PunchDrains) => Step::Drain,
                _ => self.drained(),
            },
            Step::CloseGate if self.kernel.has(Fix::PunchDrains) => Step::Drain,
            Step::CloseGate | Step::Drain => self.drained(),
            Step::StartTime => Step::StopTime,
            Step::StopTime => self.mmap(),
            Step::TakeMmap => self.before_pages(),
            Step::Disksize(mut disksize) => {
                disksize.resume(outcome);
                let more = disksize.next().is_some();
                if more { Step::Disksize(disksize) } else { self.drop_pages() }
            }
            Step::DropPages(mut drop) => {
                drop.resume(outcome);
                match drop.next() {
                    Some(_) => Step::DropPages(drop),
                    None if self.fault == Some(Fault::Enomem) => self.unlock(),
                    None => Step::StartHandle,
                }
            }
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
            Step::WriteBack => match &self.write_back {
                Some(write_back) => return write_back.place(),
                None => "Done",
            },
            Step::Disksize(disksize) => return disksize.place(),
            Step::TakeRwsem => "TakeRwsem",
            Step::ReadSize => "ReadSize",
            Step::CloseGate => "CloseGate",
            Step::Drain => "Drain",
            Step::StartTime => "StartTime",
            Step::StopTime => "StopTime",
            Step::TakeMmap => "TakeMmap",
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
