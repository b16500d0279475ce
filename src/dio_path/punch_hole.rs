//! Punch hole under `i_mutex`, or under nothing, up to v3.11.

use super::end_page_io::EndPageIo;
use super::flush::FlushCompleted;
use super::truncate_pages::TruncatePages;
use super::write::Fault;
use super::writepages::WritePages;
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{Handle, Op, Outcome, Range};
use crate::page::PAGE_BLOCKS;
use crate::task::{Place, Task};

/// `ext4_ext_punch_hole` of whole blocks, from v3.10 on `ext4_punch_hole`.
///
/// | step         | kernel (v3.7; * not in v3.6)                       | holds after              |
/// |--------------|----------------------------------------------------|--------------------------|
/// | WriteBack    | filemap_write_and_wait_range, see WritePages (v3.6: after ReadSize) |         |
/// | TakeImutex   | ext4_ext_punch_hole: mutex_lock(i_mutex) *         | i_mutex                  |
/// | ReadSize     | ext4_ext_punch_hole: inode->i_size                 | i_mutex                  |
/// | DropPages    | truncate_pagecache_range, see TruncatePages        | i_mutex                  |
/// | CloseGate    | ext4_inode_block_unlocked_dio: set_bit *           | i_mutex, gate            |
/// | GateBarrier  | ext4_inode_block_unlocked_dio: smp_mb *            | i_mutex, gate            |
/// | Flush        | ext4_flush_completed_IO, see FlushCompleted        | i_mutex, gate            |
/// | WaitUnwritten | ext4_flush_unwritten_io: i_unwritten == 0 *       | i_mutex, gate            |
/// | Drain        | ext4_ext_punch_hole: inode_dio_wait *              | i_mutex, gate            |
/// | StartHandle  | ext4_ext_punch_hole: ext4_journal_start            | + handle                 |
/// | ZeroPage     | ext4_discard_partial_page_buffers, see TruncatePages (to v3.7) | + handle     |
/// | TakeDataSem  | ext4_ext_punch_hole: down_write(i_data_sem)        | + handle, i_data_sem W   |
/// | Free         | ext4_ext_remove_space, ext4_free_hole_blocks       | + handle, i_data_sem W   |
/// | DropDataSem  | ext4_ext_punch_hole: up_write(i_data_sem)          | + handle                 |
/// | StopHandle   | ext4_ext_punch_hole: ext4_journal_stop             | i_mutex, gate            |
/// | OpenGate     | ext4_inode_resume_unlocked_dio *                   | i_mutex                  |
/// | DropImutex   | ext4_ext_punch_hole: mutex_unlock(i_mutex) *       |                          |
/// | Worker       | what writeback left to it, see EndPageIo           |                          |
///
/// # Kernel
/// fs/ext4/extents.c, read in v3.6 and v3.7.2; `ext4_punch_hole` (fs/ext4/inode.c) in v3.11.
/// `ext4_punch_hole` (fs/ext4/inode.c) of v3.6 and v3.7.2 refuses files without extents; `ext4_ind_punch_hole`
/// is in none of the trees read, and derived from the message of 26a4c0c6ccec.
///
/// # Modelled
/// v3.11 flushes nothing: its drain waits for the conversions too. v3.6 takes no `i_mutex` and waits for nothing but I/O that is on the completed list. `indirect`
/// is the path of files without extents before 26a4c0c6ccec: `i_mutex`, no gate, no drain. It came
/// after v3.7 (v3.9, from memory), so only kernels from v3.11 on, with or without that fix, say
/// something about it.
///
/// Up to v3.7 only whole pages leave the cache before the drain; of a page that is punched in part the hole is
/// zeroed inside the handle. v3.11 does both before the drain. A punch that gets no handle (`failing`) opens
/// the gate, lets `i_mutex` go and leaves the blocks; whole pages have left the cache by then.
///
/// # Left out
/// Partial blocks, the flags that are checked again under `i_mutex`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PunchHole {
    range: Range,
    kernel: Kernel,
    indirect: bool,
    fails: bool,
    write_back: Option<Box<WritePages>>,
    workers: Vec<EndPageIo>,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    WriteBack,
    TakeImutex,
    ReadSize,
    DropPages(TruncatePages),
    ZeroPage(TruncatePages),
    CloseGate,
    GateBarrier,
    Flush(FlushCompleted),
    WaitUnwritten,
    Drain,
    StartHandle,
    TakeDataSem,
    Free,
    DropDataSem,
    StopHandle,
    OpenGate,
    DropImutex,
    Worker(EndPageIo),
    Done,
}

impl PunchHole {
    /// Punches `range` out of the file, which is mapped by `indirect` blocks or by extents.
    pub fn new(range: Range, kernel: Kernel, indirect: bool) -> PunchHole {
        let (write_back, workers, step) = (None, Vec::new(), Step::Done);
        let fails = false;
        let task = PunchHole { range, kernel, indirect, fails, write_back, workers, step };
        PunchHole { step: task.locked(), ..task }
    }

    /// The same, but it gets no handle.
    #[must_use]
    pub fn failing(self, fault: Option<Fault>) -> PunchHole {
        PunchHole { fails: fault.is_some(), ..self }
    }

    /// The same, but it writes dirty pages back first, as the kernel does.
    #[must_use]
    pub fn writing_back(self, write_back: WritePages) -> PunchHole {
        let write_back = Some(Box::new(write_back.and_wait()));
        let step = if self.size_first() { Step::ReadSize } else { Step::WriteBack };
        PunchHole { write_back, step, ..self }
    }

    /// v3.6 looks at i_size once, under no lock, and before it writes pages back.
    fn size_first(&self) -> bool {
        !self.locks()
    }

    fn locked(&self) -> Step {
        if self.locks() { Step::TakeImutex } else { Step::ReadSize }
    }

    /// Whether the hole leaves part of the page, which is zeroed later then.
    fn partial(&self) -> bool {
        let whole = self.range.start == 0 && self.range.end() >= PAGE_BLOCKS;
        !whole && self.kernel.version < Version::V3_11
    }

    fn pages(&self) -> TruncatePages {
        TruncatePages::new(self.range)
    }

    fn drop_pages(&mut self) -> Step {
        if self.partial() { self.prepare() } else { Step::DropPages(self.pages()) }
    }

    fn worker(&mut self) -> Step {
        self.workers.pop().map_or(Step::Done, Step::Worker)
    }

    fn locks(&self) -> bool {
        self.indirect || self.kernel.has(Fix::PunchWaits)
    }

    fn waits(&self) -> bool {
        let unguarded = self.indirect && !self.kernel.has(Fix::OnePunchHole);
        self.kernel.has(Fix::PunchWaits) && !unguarded
    }

    /// The handle is closed, or was not had.
    fn stopped(&mut self) -> Step {
        if self.waits() { Step::OpenGate } else { self.leave() }
    }

    fn prepare(&mut self) -> Step {
        match (self.waits(), self.indirect) {
            (true, _) => Step::CloseGate,
            (false, true) => self.start(),
            (false, false) => self.flush(),
        }
    }

    fn start(&mut self) -> Step {
        if self.fails { self.stopped() } else { Step::StartHandle }
    }

    fn flush(&self) -> Step {
        Step::Flush(FlushCompleted::new(self.kernel, None, true))
    }

    fn leave(&mut self) -> Step {
        if self.locks() { Step::DropImutex } else { self.worker() }
    }
}

impl Task for PunchHole {
    fn next(&self) -> Option<Op> {
        let (imutex, sem, alone) = (LockName::IMutex, LockName::IDataSem, Mode::Exclusive);
        Some(match &self.step {
            Step::WriteBack => return self.write_back.as_ref()?.next(),
            Step::DropPages(drop) | Step::ZeroPage(drop) => return drop.next(),
            Step::Worker(worker) => return worker.next(),
            Step::TakeImutex => Op::Lock(imutex, alone),
            Step::ReadSize => Op::SizeRead,
            Step::CloseGate => Op::GateClose,
            Step::GateBarrier => Op::SmpMb,
            Step::Flush(flush) => return flush.next(),
            Step::WaitUnwritten => Op::UnwrittenWait,
            Step::Drain => Op::DioWait,
            Step::StartHandle => Op::JournalStart(Handle::Extents),
            Step::TakeDataSem => Op::Lock(sem, alone),
            Step::Free => Op::FreeRange(self.range),
            Step::DropDataSem => Op::Unlock(sem, alone),
            Step::StopHandle => Op::JournalStop(Handle::Extents),
            Step::OpenGate => Op::GateOpen,
            Step::DropImutex => Op::Unlock(imutex, alone),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let (waits, partial) = (self.waits(), self.partial());
        self.step = match &mut self.step {
            Step::WriteBack => {
                if let Some(write_back) = &mut self.write_back {
                    write_back.resume(outcome);
                    if write_back.next().is_some() {
                        return;
                    }
                    self.workers = write_back.workers();
                }
                self.write_back = None;
                if self.size_first() { self.drop_pages() } else { self.locked() }
            }
            Step::TakeImutex => Step::ReadSize,
            Step::ReadSize => match outcome {
                Outcome::Value(size) if self.range.start >= size => self.leave(),
                _ if self.write_back.is_some() => Step::WriteBack,
                _ => self.drop_pages(),
            },
            Step::DropPages(drop) => {
                drop.resume(outcome);
                if drop.next().is_some() {
                    return;
                }
                self.prepare()
            }
            Step::ZeroPage(drop) => {
                drop.resume(outcome);
                if drop.next().is_some() {
                    return;
                }
                Step::TakeDataSem
            }
            Step::Worker(worker) => {
                worker.resume(outcome);
                if worker.next().is_some() {
                    return;
                }
                self.worker()
            }
            Step::CloseGate if self.kernel.has(Fix::CloserBarrier) => Step::GateBarrier,
            Step::CloseGate | Step::GateBarrier if self.kernel.version >= Version::V3_11 => {
                Step::Drain
            }
            Step::CloseGate | Step::GateBarrier => self.flush(),
            Step::Flush(flush) => {
                flush.resume(outcome);
                if flush.next().is_some() {
                    return;
                }
                match (self.kernel.has(Fix::FlushWaits), waits) {
                    (true, _) => Step::WaitUnwritten,
                    (false, true) => Step::Drain,
                    (false, false) => self.start(),
                }
            }
            Step::WaitUnwritten if waits => Step::Drain,
            Step::WaitUnwritten | Step::Drain => self.start(),
            Step::StartHandle if partial => Step::ZeroPage(self.pages()),
            Step::StartHandle => Step::TakeDataSem,
            Step::TakeDataSem => Step::Free,
            Step::Free => Step::DropDataSem,
            Step::DropDataSem => Step::StopHandle,
            Step::StopHandle => self.stopped(),
            Step::OpenGate => self.leave(),
            Step::DropImutex => self.worker(),
            Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match &self.step {
            Step::Flush(flush) => return flush.place(),
            Step::WriteBack => match &self.write_back {
                Some(write_back) => return write_back.place(),
                None => "Done",
            },
            Step::DropPages(drop) | Step::ZeroPage(drop) => return drop.place(),
            Step::Worker(worker) => return worker.place(),
            Step::TakeImutex => "TakeImutex",
            Step::ReadSize => "ReadSize",
            Step::CloseGate => "CloseGate",
            Step::GateBarrier => "GateBarrier",
            Step::WaitUnwritten => "WaitUnwritten",
            Step::Drain => "Drain",
            Step::StartHandle => "StartHandle",
            Step::TakeDataSem => "TakeDataSem",
            Step::Free => "Free",
            Step::DropDataSem => "DropDataSem",
            Step::StopHandle => "StopHandle",
            Step::OpenGate => "OpenGate",
            Step::DropImutex => "DropImutex",
            Step::Done => "Done",
        };
        let before = self.indirect && !self.kernel.has(Fix::OnePunchHole);
        let kernel = if before { "ext4_ind_punch_hole" } else { "ext4_ext_punch_hole" };
        Place { step, kernel }
    }
}
