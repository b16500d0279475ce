//! `ext4_collapse_range` and `ext4_insert_range`: blocks change their place in the file.

use super::alloc_blocks::has_gate;
use super::setattr::mmap_lock;
use super::truncate_pages::TruncatePages;
use super::write::Fault;
use super::writepages::WritePages;
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{Blocks, Handle, Op, Outcome, Range, Shift};
use crate::page::PAGE_BLOCKS;
use crate::task::{Place, Task};

/// `ext4_collapse_range` takes a range out of the file, `ext4_insert_range` puts one in.
///
/// | step         | kernel (v6.1; * v4.10 only, + from v6.1)                       | holds after              |
/// |--------------|----------------------------------------------------------------|--------------------------|
/// | TakeRwsem    | ext4_collapse_range: inode_lock                                | i_rwsem                  |
/// | ReadSize     | ext4_collapse_range: inode->i_size                             | i_rwsem                  |
/// | CloseGate    | ext4_inode_block_unlocked_dio *                                | i_rwsem, gate            |
/// | Drain        | ext4_collapse_range: inode_dio_wait                            | i_rwsem                  |
/// | StartTime    | file_modified: ext4_journal_start +                            | i_rwsem, handle          |
/// | StopTime     | file_modified: ext4_journal_stop +                             | i_rwsem                  |
/// | TakeMmap     | filemap_invalidate_lock (to v5.10 i_mmap_sem)                  | i_rwsem, invalidate_lock |
/// | WriteBack    | filemap_write_and_wait_range, see WritePages                   | i_rwsem, invalidate_lock |
/// | DropPages    | truncate_pagecache, see TruncatePages                          | i_rwsem, invalidate_lock |
/// | StartHandle  | ext4_collapse_range: ext4_journal_start                        | + handle                 |
/// | RereadSize   | the size of which the length is added or taken away            | + handle (i_data_sem W)  |
/// | WriteSize    | ext4_insert_range: i_size; ext4_collapse_range: i_size_write   | + handle (i_data_sem W)  |
/// | LookDisksize | ext4_insert_range: i_disksize                                  | + handle                 |
/// | WriteDisksize | the same, and ext4_collapse_range: i_disksize                 | + handle (i_data_sem W)  |
/// | TakeDataSem  | ext4_collapse_range: down_write(i_data_sem)                    | + handle, i_data_sem W   |
/// | Free         | ext4_ext_remove_space (collapse)                               | + handle, i_data_sem W   |
/// | Shift        | ext4_ext_shift_extents                                         | + handle, i_data_sem W   |
/// | DropDataSem  | ext4_collapse_range: up_write(i_data_sem)                      | + handle                 |
/// | StopHandle   | ext4_collapse_range: ext4_journal_stop                         | i_rwsem, invalidate_lock |
/// | DropMmap     | filemap_invalidate_unlock                                      | i_rwsem                  |
/// | OpenGate     | ext4_inode_resume_unlocked_dio *                               | i_rwsem                  |
/// | DropRwsem    | ext4_collapse_range: inode_unlock                              |                          |
///
/// # Kernel
/// fs/ext4/extents.c, read in v4.10.17, v5.4.18, v5.10.44, v6.1.141, v6.1.192 and v6.12.
///
/// # Modelled
/// A collapse that reaches i_size is refused, an insert from i_size on too. An insert raises both
/// sizes before it takes `i_data_sem`, a collapse lowers them under it: in an insert i_disksize changes
/// without `i_data_sem`, when there is no page left whose writeback could change it as well.
///
/// What is dirty from the start of the page on, or behind what is taken out, is written back under the locks
/// before that page and all behind it leave the cache.
///
/// On an error (no handle, or an extent must be split and no block is left) the pages are gone and no
/// block has moved. An insert has raised both sizes by then, and leaves them so.
///
/// # Left out
/// How extents join.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ShiftRange {
    range: Range,
    shift: Shift,
    kernel: Kernel,
    fault: Option<Fault>,
    size: Blocks,
    write_back: Option<Box<WritePages>>,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Step {
    TakeRwsem,
    ReadSize,
    CloseGate,
    Drain,
    StartTime,
    StopTime,
    TakeMmap,
    WriteBack,
    DropPages(TruncatePages),
    StartHandle,
    RereadSize,
    WriteSize,
    LookDisksize,
    WriteDisksize,
    TakeDataSem,
    Free,
    Shift,
    DropDataSem,
    StopHandle,
    DropMmap,
    OpenGate,
    DropRwsem,
    Done,
}

impl ShiftRange {
    /// Takes `range` out of the file.
    pub fn collapse(range: Range, kernel: Kernel) -> ShiftRange {
        let (shift, step) = (Shift::Left, Step::TakeRwsem);
        ShiftRange { range, shift, kernel, fault: None, size: 0, write_back: None, step }
    }

    /// The same, but it writes dirty pages back, as the kernel does.
    #[must_use]
    pub fn writing_back(self, write_back: WritePages) -> ShiftRange {
        ShiftRange { write_back: Some(Box::new(write_back.and_wait())), ..self }
    }

    fn pages(&self) -> Step {
        if self.write_back.is_some() { Step::WriteBack } else { self.drop_pages() }
    }

    /// From the start of its page on.
    fn drop_pages(&self) -> Step {
        let start = self.range.start - self.range.start % PAGE_BLOCKS;
        Step::DropPages(TruncatePages::from(start))
    }

    /// The same, but it gets no handle, or finds no block to split an extent with.
    #[must_use]
    pub fn failing(self, fault: Option<Fault>) -> ShiftRange {
        ShiftRange { fault, ..self }
    }

    fn unlock(&self) -> Step {
        match (self.locks_faults_out(), has_gate(self.kernel)) {
            (true, _) => Step::DropMmap,
            (false, true) => Step::OpenGate,
            (false, false) => Step::DropRwsem,
        }
    }

    /// Puts `range` in, a hole.
    pub fn insert(range: Range, kernel: Kernel) -> ShiftRange {
        ShiftRange { shift: Shift::Right, ..ShiftRange::collapse(range, kernel) }
    }

    fn refused(&self, size: Blocks) -> bool {
        match self.shift {
            Shift::Left => self.range.end() >= size,
            Shift::Right => self.range.start >= size,
        }
    }

    fn changed(&self, size: Blocks) -> Blocks {
        match self.shift {
            Shift::Left => size.saturating_sub(self.range.len),
            Shift::Right => size + self.range.len,
        }
    }

    fn locks_faults_out(&self) -> bool {
        self.kernel.has(Fix::FaultLock) || self.kernel.has(Fix::ReadLock)
    }

    fn drain(&self) -> Step {
        match (has_gate(self.kernel), self.kernel.has(Fix::ShiftDrains)) {
            (true, _) => Step::CloseGate,
            (false, true) => Step::Drain,
            (false, false) => self.drained(),
        }
    }

    fn drained(&self) -> Step {
        if self.kernel.version >= Version::V6_1 { Step::StartTime } else { self.mmap() }
    }

    fn mmap(&self) -> Step {
        if self.locks_faults_out() { Step::TakeMmap } else { self.pages() }
    }

    fn value(outcome: &Outcome) -> Blocks {
        if let Outcome::Value(value) = *outcome { value } else { 0 }
    }
}

impl Task for ShiftRange {
    fn next(&self) -> Option<Op> {
        let (rwsem, sem, alone) = (LockName::IRwsem, LockName::IDataSem, Mode::Exclusive);
        let mmap = mmap_lock(self.kernel);
        Some(match &self.step {
            Step::TakeRwsem => Op::Lock(rwsem, alone),
            Step::ReadSize | Step::RereadSize => Op::SizeRead,
            Step::CloseGate => Op::GateClose,
            Step::Drain => Op::DioWait,
            Step::StartTime => Op::JournalStart(Handle::Time),
            Step::StopTime => Op::JournalStop(Handle::Time),
            Step::TakeMmap => Op::Lock(mmap, alone),
            Step::WriteBack => return self.write_back.as_ref()?.next(),
            Step::DropPages(drop) => return drop.next(),
            Step::StartHandle => Op::JournalStart(Handle::Extents),
            Step::WriteSize => Op::SizeWrite(self.size),
            Step::LookDisksize => Op::DisksizeRead,
            Step::WriteDisksize => Op::DisksizeWrite(self.size),
            Step::TakeDataSem => Op::Lock(sem, alone),
            Step::Free => Op::FreeRange(self.range),
            Step::Shift => Op::ShiftExtents(self.range, self.shift),
            Step::DropDataSem => Op::Unlock(sem, alone),
            Step::StopHandle => Op::JournalStop(Handle::Extents),
            Step::DropMmap => Op::Unlock(mmap, alone),
            Step::OpenGate => Op::GateOpen,
            Step::DropRwsem => Op::Unlock(rwsem, alone),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let inserts = self.shift == Shift::Right;
        self.step = match self.step {
            Step::TakeRwsem => Step::ReadSize,
            Step::ReadSize if self.refused(ShiftRange::value(&outcome)) => Step::DropRwsem,
            Step::ReadSize => self.drain(),
            Step::CloseGate if self.kernel.has(Fix::ShiftDrains) => Step::Drain,
            Step::CloseGate | Step::Drain => self.drained(),
            Step::StartTime => Step::StopTime,
            Step::StopTime => self.mmap(),
            Step::TakeMmap => self.pages(),
            Step::WriteBack => {
                if let Some(write_back) = &mut self.write_back {
                    write_back.resume(outcome);
                    if write_back.next().is_some() {
                        return;
                    }
                }
                self.write_back = None;
                self.drop_pages()
            }
            Step::DropPages(mut drop) => {
                drop.resume(outcome);
                match drop.next() {
                    Some(_) => Step::DropPages(drop),
                    None if self.fault == Some(Fault::Enomem) => self.unlock(),
                    None => Step::StartHandle,
                }
            }
            Step::StartHandle if inserts => Step::RereadSize,
            Step::StartHandle => Step::TakeDataSem,
            Step::RereadSize => {
                self.size = self.changed(ShiftRange::value(&outcome));
                Step::WriteSize
            }
            Step::WriteSize if inserts => Step::LookDisksize,
            Step::LookDisksize => {
                self.size = self.changed(ShiftRange::value(&outcome));
                Step::WriteDisksize
            }
            Step::WriteSize => Step::WriteDisksize,
            Step::WriteDisksize if inserts => Step::TakeDataSem,
            Step::WriteDisksize => Step::DropDataSem,
            Step::TakeDataSem if self.fault.is_some() => Step::DropDataSem,
            Step::TakeDataSem if inserts => Step::Shift,
            Step::TakeDataSem => Step::Free,
            Step::Free => Step::Shift,
            Step::Shift if inserts => Step::DropDataSem,
            Step::Shift => Step::RereadSize,
            Step::DropDataSem => Step::StopHandle,
            Step::StopHandle => self.unlock(),
            Step::DropMmap if has_gate(self.kernel) => Step::OpenGate,
            Step::DropMmap | Step::OpenGate => Step::DropRwsem,
            Step::DropRwsem | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match &self.step {
            Step::DropPages(drop) => return drop.place(),
            Step::TakeRwsem => "TakeRwsem",
            Step::ReadSize => "ReadSize",
            Step::CloseGate => "CloseGate",
            Step::Drain => "Drain",
            Step::StartTime => "StartTime",
            Step::StopTime => "StopTime",
            Step::TakeMmap => "TakeMmap",
            Step::WriteBack => match &self.write_back {
                Some(write_back) => return write_back.place(),
                None => "Done",
            },
            Step::StartHandle => "StartHandle",
            Step::RereadSize => "RereadSize",
            Step::WriteSize => "WriteSize",
            Step::LookDisksize => "LookDisksize",
            Step::WriteDisksize => "WriteDisksize",
            Step::TakeDataSem => "TakeDataSem",
            Step::Free => "Free",
            Step::Shift => "Shift",
            Step::DropDataSem => "DropDataSem",
            Step::StopHandle => "StopHandle",
            Step::DropMmap => "DropMmap",
            Step::OpenGate => "OpenGate",
            Step::DropRwsem => "DropRwsem",
            Step::Done => "Done",
        };
        let kernel = match self.shift {
            Shift::Left => "ext4_collapse_range",
            Shift::Right => "ext4_insert_range",
        };
        Place { step, kernel }
    }
}
