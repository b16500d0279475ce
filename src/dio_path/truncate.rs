//! `ext4_setattr` and `ext4_truncate`: ftruncate.

use super::flush::FlushCompleted;
use super::truncate_pages::TruncatePages;
use super::write::Fault;
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{Blocks, Handle, Op, Outcome};
use crate::task::{Place, Task};

/// `do_truncate`, `ext4_setattr` and `ext4_truncate`.
///
/// | step          | kernel (v3.7; v3.6 waits first)                     | holds after              |
/// |---------------|-----------------------------------------------------|--------------------------|
/// | TakeImutex    | do_truncate: mutex_lock(i_mutex)                    | i_mutex                  |
/// | ReadSize      | ext4_setattr: is it shrinking?                      | i_mutex                  |
/// | StartOrphan   | ext4_setattr: ext4_journal_start (shrinking)        | i_mutex, handle          |
/// | WriteDisksize | ext4_setattr: i_disksize (shrinking)                | i_mutex, handle          |
/// | StopOrphan    | ext4_setattr: ext4_journal_stop (shrinking)         | i_mutex                  |
/// | WriteSize     | truncate_setsize: i_size_write                      | i_mutex                  |
/// | DropPages     | truncate_pagecache, see TruncatePages               | i_mutex                  |
/// | CloseGate     | ext4_inode_block_unlocked_dio: set_bit              | i_mutex, gate            |
/// | GateBarrier   | ext4_inode_block_unlocked_dio: smp_mb               | i_mutex, gate            |
/// | Drain         | inode_dio_wait                                      | i_mutex, gate            |
/// | OpenBarrier   | ext4_inode_resume_unlocked_dio: smp_mb              | i_mutex, gate            |
/// | OpenGate      | ext4_inode_resume_unlocked_dio: clear_bit           | i_mutex                  |
/// | Flush         | ext4_flush_unwritten_io, see FlushCompleted (to v3.7) | i_mutex                |
/// | WaitUnwritten | ext4_flush_unwritten_io: i_unwritten == 0 (v3.7)    | i_mutex                  |
/// | StartHandle   | ext4_ext_truncate: ext4_journal_start               | i_mutex, handle          |
/// | TakeDataSem   | ext4_ext_truncate: down_write(i_data_sem)           | i_mutex, i_data_sem W    |
/// | SetDisksize   | ext4_ext_truncate: i_disksize = i_size              | i_mutex, i_data_sem W    |
/// | Free          | ext4_ext_remove_space                               | i_mutex, i_data_sem W    |
/// | DropDataSem   | ext4_ext_truncate: up_write(i_data_sem)             | i_mutex, handle          |
/// | StopHandle    | ext4_ext_truncate: ext4_journal_stop                | i_mutex                  |
/// | DropImutex    | do_truncate: mutex_unlock(i_mutex)                  |                          |
///
/// # Kernel
/// `ext4_setattr`, `ext4_truncate` (fs/ext4/inode.c), `ext4_ext_truncate` (fs/ext4/extents.c), read in
/// v3.6.5, v3.7.2 and v3.11; `ext4_flush_unwritten_io` (fs/ext4/page-io.c) in v3.7.2,
/// `truncate_setsize`, `truncate_pagecache` (mm/truncate.c) in v3.6.5, v3.7.2 and v3.11.
///
/// # Modelled
/// v3.6 drains before it changes the size, whatever the new size; v3.7 drains after, and only when
/// it shrinks the file and there is a journal: it goes by the orphan record. v3.11 drains before it drops
/// the pages, v3.7 after. Every truncate sets i_disksize to i_size under `i_data_sem`, whatever
/// writeback has made of it since; one that grows the file does so only there. The barrier of
/// `ext4_inode_resume_unlocked_dio` orders nothing that the model has after it. v3.11 flushes nothing:
/// its drain waits for the conversions too (e83403959fdd), and it does so only where the file shrinks. If
/// `ext4_truncate` gets no handle (`failing`), the sizes stay as set and the blocks stay allocated.
///
/// # Left out
/// Zeroing the tail block; ordered-mode flushing, and the return with i_disksize small and i_size not if
/// that fails; the orphan list itself.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Truncate {
    to: Blocks,
    kernel: Kernel,
    journal: bool,
    fault: Option<Fault>,
    step: Step,
    shrinks: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    TakeImutex,
    ReadSize,
    StartOrphan,
    WriteDisksize,
    StopOrphan,
    WriteSize,
    DropPages(TruncatePages),
    CloseGate,
    GateBarrier,
    Drain,
    OpenBarrier,
    OpenGate,
    Flush(FlushCompleted),
    WaitUnwritten,
    StartHandle,
    TakeDataSem,
    SetDisksize,
    Free,
    DropDataSem,
    StopHandle,
    DropImutex,
    Done,
}

impl Truncate {
    /// Truncates the file to `to` blocks, on a file system with a journal or without.
    pub fn new(to: Blocks, kernel: Kernel, journal: bool) -> Truncate {
        Truncate { to, kernel, journal, fault: None, step: Step::TakeImutex, shrinks: false }
    }

    /// The same, but `ext4_truncate` cannot start its handle.
    #[must_use]
    pub fn failing(self, fault: Option<Fault>) -> Truncate {
        Truncate { fault, ..self }
    }

    /// Waits for direct I/O, behind a closed gate where the kernel has one.
    fn drain(&self) -> Step {
        if self.kernel.has(Fix::Gate) { Step::CloseGate } else { Step::Drain }
    }

    fn drop_pages(&self) -> Step {
        Step::DropPages(TruncatePages::from(self.to))
    }

    fn after_drain(&self) -> Step {
        match (self.kernel.has(Fix::SizeBeforeWait), self.pages_last()) {
            (true, true) => self.drop_pages(),
            (true, false) => self.flush(),
            (false, _) => Step::ReadSize,
        }
    }

    /// The pages go once direct I/O is over, not before.
    fn pages_last(&self) -> bool {
        self.kernel.version >= Version::V3_11
    }

    /// i_size is written: who waits for direct I/O now does so next.
    fn sized(&self, then: Step) -> Step {
        let drains = self.kernel.has(Fix::SizeBeforeWait) && self.shrinks && self.journal;
        if drains { self.drain() } else { then }
    }

    fn flush(&self) -> Step {
        if self.kernel.version >= Version::V3_11 {
            return self.truncate();
        }
        Step::Flush(FlushCompleted::new(self.kernel, None, true))
    }
}

impl Truncate {
    /// `ext4_truncate`, past what it waits for.
    fn truncate(&self) -> Step {
        if self.fault.is_some() { Step::DropImutex } else { Step::StartHandle }
    }
}

impl Task for Truncate {
    fn next(&self) -> Option<Op> {
        let (imutex, sem, excl) = (LockName::IMutex, LockName::IDataSem, Mode::Exclusive);
        Some(match &self.step {
            Step::TakeImutex => Op::Lock(imutex, excl),
            Step::ReadSize => Op::SizeRead,
            Step::StartOrphan => Op::JournalStart(Handle::Orphan),
            Step::WriteDisksize | Step::SetDisksize => Op::DisksizeWrite(self.to),
            Step::StopOrphan => Op::JournalStop(Handle::Orphan),
            Step::WriteSize => Op::SizeWrite(self.to),
            Step::DropPages(drop) => return drop.next(),
            Step::CloseGate => Op::GateClose,
            Step::GateBarrier if self.kernel.has(Fix::CloserBarrierOrdersReads) => Op::SmpMb,
            Step::GateBarrier => Op::SmpMbBeforeAtomic,
            Step::OpenBarrier => Op::SmpMb,
            Step::Drain => Op::DioWait,
            Step::OpenGate => Op::GateOpen,
            Step::Flush(flush) => return flush.next(),
            Step::WaitUnwritten => Op::UnwrittenWait,
            Step::StartHandle => Op::JournalStart(Handle::Extents),
            Step::TakeDataSem => Op::Lock(sem, excl),
            Step::Free => Op::Free(self.to),
            Step::DropDataSem => Op::Unlock(sem, excl),
            Step::StopHandle => Op::JournalStop(Handle::Extents),
            Step::DropImutex => Op::Unlock(imutex, excl),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let pages_last = self.pages_last();
        self.step = match &mut self.step {
            Step::TakeImutex if self.kernel.has(Fix::SizeBeforeWait) => Step::ReadSize,
            Step::TakeImutex => self.drain(),
            Step::ReadSize => {
                let size = if let Outcome::Value(size) = outcome { size } else { 0 };
                self.shrinks = self.to < size;
                match (self.shrinks, self.to == size) {
                    (true, _) => Step::StartOrphan,
                    (false, true) => self.flush(),
                    (false, false) => Step::WriteSize,
                }
            }
            Step::StartOrphan => Step::WriteDisksize,
            Step::WriteDisksize => Step::StopOrphan,
            Step::StopOrphan => Step::WriteSize,
            Step::WriteSize if pages_last => self.sized(self.drop_pages()),
            Step::WriteSize => self.drop_pages(),
            Step::DropPages(drop) => {
                drop.resume(outcome);
                if drop.next().is_some() {
                    return;
                }
                if pages_last { self.flush() } else { self.sized(self.flush()) }
            }
            Step::CloseGate if self.kernel.has(Fix::CloserBarrier) => Step::GateBarrier,
            Step::CloseGate | Step::GateBarrier => Step::Drain,
            Step::Drain if self.kernel.has(Fix::Gate) && self.kernel.has(Fix::OpenerBarrier) => {
                Step::OpenBarrier
            }
            Step::Drain if self.kernel.has(Fix::Gate) => Step::OpenGate,
            Step::OpenBarrier => Step::OpenGate,
            Step::Drain | Step::OpenGate => self.after_drain(),
            Step::Flush(flush) => {
                flush.resume(outcome);
                if flush.next().is_some() {
                    return;
                }
                let waits = self.kernel.has(Fix::FlushWaits);
                if waits { Step::WaitUnwritten } else { self.truncate() }
            }
            Step::WaitUnwritten => self.truncate(),
            Step::StartHandle => Step::TakeDataSem,
            Step::TakeDataSem => Step::SetDisksize,
            Step::SetDisksize => Step::Free,
            Step::Free => Step::DropDataSem,
            Step::DropDataSem => Step::StopHandle,
            Step::StopHandle => Step::DropImutex,
            Step::DropImutex | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Step::Flush(flush) => return flush.place(),
            Step::TakeImutex => ("TakeImutex", "do_truncate"),
            Step::ReadSize => ("ReadSize", "ext4_setattr"),
            Step::StartOrphan => ("StartOrphan", "ext4_setattr"),
            Step::WriteDisksize => ("WriteDisksize", "ext4_setattr"),
            Step::StopOrphan => ("StopOrphan", "ext4_setattr"),
            Step::WriteSize => ("WriteSize", "truncate_setsize"),
            Step::DropPages(drop) => return drop.place(),
            Step::CloseGate => ("CloseGate", "ext4_inode_block_unlocked_dio"),
            Step::GateBarrier => ("GateBarrier", "ext4_inode_block_unlocked_dio"),
            Step::Drain => ("Drain", "inode_dio_wait"),
            Step::OpenBarrier => ("OpenBarrier", "ext4_inode_resume_unlocked_dio"),
            Step::OpenGate => ("OpenGate", "ext4_inode_resume_unlocked_dio"),
            Step::WaitUnwritten => ("WaitUnwritten", "ext4_unwritten_wait"),
            Step::SetDisksize => ("SetDisksize", "ext4_ext_truncate"),
            Step::StartHandle => ("StartHandle", "ext4_ext_truncate"),
            Step::TakeDataSem => ("TakeDataSem", "ext4_ext_truncate"),
            Step::Free => ("Free", "ext4_ext_remove_space"),
            Step::DropDataSem => ("DropDataSem", "ext4_ext_truncate"),
            Step::StopHandle => ("StopHandle", "ext4_ext_truncate"),
            Step::DropImutex => ("DropImutex", "do_truncate"),
            Step::Done => ("Done", "do_truncate"),
        };
        Place { step, kernel }
    }
}
