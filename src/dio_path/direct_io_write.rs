//! `ext4_direct_IO_write`: submits a direct write in v4.10 and v5.4; an overwrite drops `i_rwsem`.

use super::iocb::PrivateOp;
use super::write::{Fault, Write};
use crate::extent_probe::{ConvertUnwritten, DataSemHeld, Extent, MapBlocks, Mapped};
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{
    Bio, Blocks, Handle, MapFor, Op, OrphanOp, Outcome, PhysicalBlock, Submission, TaskId,
};
use crate::task::{Place, Task};

/// `ext4_direct_IO_write`, with `do_blockdev_direct_IO` inside.
///
/// | step          | kernel (v4.10; * from v5.4)                            | holds after (overwrite) |
/// |---------------|--------------------------------------------------------|-------------------------|
/// | ReadDisksize  | ext4_direct_IO_write: i_disksize *                     | i_rwsem                 |
/// | StartOrphan   | ext4_direct_IO_write: ext4_journal_start (extending)   |                         |
/// | AddOrphan     | ext4_orphan_add (extending)                            |                         |
/// | StopOrphan    | ext4_direct_IO_write: ext4_journal_stop (extending)    |                         |
/// | RaiseCount    | ext4_direct_IO_write: inode_dio_begin                  | i_rwsem                 |
/// | ReadFlag      | ext4_direct_IO_write: *((int *)iocb->private)          | i_rwsem                 |
/// | HoldDataSem   | down_read(i_data_sem) (overwrite, before 2dcba4781fa3) | i_rwsem, i_data_sem R   |
/// | DropRwsem     | ext4_direct_IO_write: inode_unlock (overwrite)         |                         |
/// | ClearPrivate  | ext4_direct_IO_write: iocb->private = NULL             |                         |
/// | SetSlot       | cur_aio_dio = io_end or NULL (before 74dae4278546)     |                         |
/// | BeginIo       | do_blockdev_direct_IO: inode_dio_begin                 |                         |
/// | TakeMmapSem   | get_user_pages_fast: down_read(mmap_sem) (pins)        | mmap_sem R              |
/// | DropMmapSem   | get_user_pages_fast: up_read(mmap_sem) (pins)          |                         |
/// | Map           | get_block, see MapBlocks                               |                         |
/// | Submit        | dio_bio_submit (async)                                 |                         |
/// | EmptySlot     | cur_aio_dio = NULL (async, before 74dae4278546)        |                         |
/// | RunBio        | dio_await_completion (sync)                            |                         |
/// | EndIo         | dio_complete: inode_dio_end (sync)                     |                         |
/// | Convert       | ext4_convert_unwritten_extents (sync)                  |                         |
/// | DropCount     | ext4_direct_IO_write: inode_dio_end                    |                         |
/// | LetDataSem    | up_read(i_data_sem) (overwrite, before 2dcba4781fa3)   |                         |
/// | RetakeRwsem   | ext4_direct_IO_write: inode_lock (overwrite)           | i_rwsem                 |
/// | StartSize     | ext4_direct_IO_write: ext4_journal_start (extending)   |                         |
/// | DelOrphan     | ext4_orphan_del (extending)                            |                         |
/// | TakeDataSem   | ext4_update_i_disksize: down_write(i_data_sem) *       |                         |
/// | WriteDisksize | ext4_direct_IO_write: i_disksize (extending)           |                         |
/// | DropDataSem   | ext4_update_i_disksize: up_write(i_data_sem) *         |                         |
/// | WriteSize     | ext4_direct_IO_write: i_size_write (extending)         |                         |
/// | StopSize      | ext4_direct_IO_write: ext4_journal_stop (extending)    |                         |
///
/// # Kernel
/// fs/ext4/inode.c and fs/direct-io.c, read in v4.10.17 and v5.4.18.
///
/// # Modelled
/// A synchronous write holds one reference instead of two nested ones; an asynchronous one holds
/// both. A write past i_size is forced synchronous; one that is only past i_disksize is not, and
/// then finds no byte count to raise i_disksize by.
///
/// The slot is that of v4.4: 109811c20fb8 (v4.7) did away with it, and v4.10 without 74dae4278546 is
/// without that one too.
///
/// # Left out
/// Raising i_disksize to i_size before the I/O, page pinning but for overwrites that ask for it,
/// short and failed I/O; what becomes of another's io_end that is flagged.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DirectIoWrite {
    write: Write,
    kernel: Kernel,
    journal: bool,
    overwrite: bool,
    size: Blocks,
    extending: bool,
    step: Step,
    blocks: Vec<PhysicalBlock>,
    /// Some blocks were unwritten.
    unwritten: bool,
    /// And whoever converts them was told.
    converts: bool,
    /// The I/O could not be started.
    pub failed: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    ReadDisksize,
    StartOrphan,
    AddOrphan,
    StopOrphan,
    RaiseCount,
    ReadFlag,
    HoldDataSem,
    DropRwsem,
    ClearPrivate,
    SetSlot,
    BeginIo,
    TakeMmapSem,
    DropMmapSem,
    Map(MapBlocks),
    Submit,
    EmptySlot,
    RunBio,
    EndIo,
    Convert(ConvertUnwritten),
    DropCount,
    LetDataSem,
    RetakeRwsem,
    StartSize,
    DelOrphan,
    TakeDataSem,
    WriteDisksize,
    DropDataSem,
    WriteSize,
    StopSize,
    Done,
}

impl DirectIoWrite {
    /// Submits `write`, judged an `overwrite` or not, to a file of that i_size.
    pub fn new(
        write: Write,
        kernel: Kernel,
        journal: bool,
        overwrite: bool,
        size: Blocks,
    ) -> DirectIoWrite {
        let extending = write.range.end() > size;
        let mut task = DirectIoWrite {
            write,
            kernel,
            journal,
            overwrite,
            size,
            extending,
            step: Step::StartOrphan,
            blocks: Vec::new(),
            unwritten: false,
            converts: false,
            failed: false,
        };
        if !extending {
            let looks = kernel.has(Fix::DisksizeExtends);
            task.step = if looks { Step::ReadDisksize } else { task.count() };
        }
        task
    }

    /// The completion, if the I/O is not waited for.
    pub fn end_io(&self) -> Option<TaskId> {
        self.write.end_io.filter(|_| self.write.range.end() <= self.size)
    }

    fn counted_for(&self) -> TaskId {
        self.end_io().unwrap_or(self.write.task)
    }

    fn outer_count(&self) -> bool {
        !self.overwrite || self.kernel.has(Fix::CountBeforeUnlock)
    }

    fn count(&self) -> Step {
        if self.outer_count() { Step::RaiseCount } else { Step::ReadFlag }
    }

    fn bio(&self) -> Bio {
        let fresh = self.unwritten || self.write.range.start >= self.size;
        Bio::Write { half: self.write.half, zero_rest: fresh && self.write.half.is_some() }
    }

    fn holds_data_sem(&self) -> bool {
        self.overwrite && !self.kernel.has(Fix::NoDataSemOverIo)
    }

    /// `do_direct_IO` pins the pages of the buffer before it asks for blocks.
    fn pin(&self) -> Step {
        if self.overwrite && self.write.pins { Step::TakeMmapSem } else { self.map() }
    }

    fn map(&self) -> Step {
        let range = self.write.range;
        if self.overwrite {
            let held = if self.holds_data_sem() { DataSemHeld::ByCaller } else { DataSemHeld::No };
            return Step::Map(MapBlocks::look_up(range, MapFor::Io, held));
        }
        let how = match self.write.fault {
            Some(Fault::Enospc) => MapFor::CreateFails,
            _ if range.start >= self.size => MapFor::Extend,
            _ => MapFor::Create,
        };
        let early = !self.kernel.has(Fix::CountUnwrittenOnSuccess);
        let map = MapBlocks::create(range, how, self.end_io().is_some(), early);
        Step::Map(if self.has_slot() { map.by_slot() } else { map })
    }

    /// Writes past i_size leave the slot alone.
    fn has_slot(&self) -> bool {
        let version = self.kernel.version == Version::V4_10;
        version && self.write.slot && !self.extending && !self.kernel.has(Fix::OverwriteLeavesSlot)
    }

    fn begin_io(&self) -> Step {
        if self.outer_count() && self.end_io().is_none() { self.pin() } else { Step::BeginIo }
    }

    fn mapped(&mut self, found: &[Mapped], slot: Option<TaskId>) -> Step {
        self.unwritten = found.iter().any(|m| m.extent == Extent::Unwritten);
        let told = !self.has_slot() || slot == self.end_io();
        self.converts = self.unwritten && !self.overwrite && told;
        self.blocks = found.iter().filter_map(|m| m.block).collect();
        self.failed = self.blocks.is_empty();
        match (self.failed, self.end_io()) {
            (true, Some(_)) if self.has_slot() => Step::EmptySlot,
            (true, _) => self.end(),
            (false, Some(_)) => Step::Submit,
            (false, None) => Step::RunBio,
        }
    }

    /// The inner reference goes, if it is one of its own.
    fn end(&self) -> Step {
        let inner = self.failed && self.end_io().is_some();
        if inner || !self.outer_count() { Step::EndIo } else { self.converted() }
    }

    fn converted(&self) -> Step {
        if self.outer_count() { Step::DropCount } else { self.retake() }
    }

    fn retake(&self) -> Step {
        if self.holds_data_sem() {
            Step::LetDataSem
        } else if self.overwrite {
            Step::RetakeRwsem
        } else {
            self.tail()
        }
    }

    fn tail(&self) -> Step {
        if self.extending { Step::StartSize } else { Step::Done }
    }

    fn size(&self) -> Step {
        if self.failed || self.end_io().is_some() {
            Step::StopSize
        } else if self.kernel.version >= Version::V5_4 {
            Step::TakeDataSem
        } else {
            Step::WriteDisksize
        }
    }

    fn raise(&self) -> Step {
        if self.write.range.end() > self.size { Step::WriteSize } else { Step::StopSize }
    }
}

impl Task for DirectIoWrite {
    fn next(&self) -> Option<Op> {
        let me = self.write.task;
        let (rwsem, sem, alone) = (LockName::IRwsem, LockName::IDataSem, Mode::Exclusive);
        Some(match &self.step {
            Step::ReadDisksize => Op::DisksizeRead,
            Step::StartOrphan | Step::StartSize => Op::JournalStart(Handle::Orphan),
            Step::AddOrphan => Op::Orphan(OrphanOp::Add),
            Step::StopOrphan | Step::StopSize => Op::JournalStop(Handle::Orphan),
            Step::RaiseCount => Op::DioBegin(me),
            Step::ReadFlag => Op::Private(me, PrivateOp::ReadFlag { overwrite: self.overwrite }),
            Step::HoldDataSem => Op::Lock(sem, Mode::Shared),
            Step::LetDataSem => Op::Unlock(sem, Mode::Shared),
            Step::TakeMmapSem => Op::Lock(LockName::MmapSem, Mode::Shared),
            Step::DropMmapSem => Op::Unlock(LockName::MmapSem, Mode::Shared),
            Step::DropRwsem => Op::Unlock(rwsem, alone),
            Step::ClearPrivate => Op::Private(me, PrivateOp::Clear),
            Step::SetSlot => Op::InodeAioSet(self.end_io()),
            Step::EmptySlot => Op::InodeAioSet(None),
            Step::BeginIo => Op::DioBegin(self.counted_for()),
            Step::Map(map) => return map.next(),
            Step::Submit => {
                let submission = Submission {
                    range: self.write.range,
                    blocks: self.blocks.clone(),
                    bio: self.bio(),
                    unwritten: self.converts,
                };
                Op::Submit(self.end_io()?, submission)
            }
            Step::RunBio => Op::Bio(self.blocks.clone(), self.bio()),
            Step::EndIo => Op::DioEnd(self.counted_for()),
            Step::Convert(convert) => return convert.next(),
            Step::DropCount => Op::DioEnd(me),
            Step::RetakeRwsem => Op::Lock(rwsem, alone),
            Step::DelOrphan => Op::Orphan(OrphanOp::Del),
            Step::TakeDataSem => Op::Lock(sem, alone),
            Step::WriteDisksize => Op::DisksizeWrite(self.write.range.end()),
            Step::DropDataSem => Op::Unlock(sem, alone),
            Step::WriteSize => Op::SizeWrite(self.write.range.end()),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let (holds, has_slot) = (self.holds_data_sem(), self.has_slot());
        self.step = match &mut self.step {
            Step::ReadDisksize => {
                let end = self.write.range.end();
                self.extending = matches!(outcome, Outcome::Value(disksize) if end > disksize);
                if self.extending { Step::StartOrphan } else { self.count() }
            }
            Step::StartOrphan if self.journal => Step::AddOrphan,
            Step::StartOrphan | Step::AddOrphan => Step::StopOrphan,
            Step::StopOrphan => self.count(),
            Step::RaiseCount => Step::ReadFlag,
            Step::ReadFlag if holds => Step::HoldDataSem,
            Step::HoldDataSem => Step::DropRwsem,
            Step::LetDataSem => Step::RetakeRwsem,
            Step::TakeMmapSem => Step::DropMmapSem,
            Step::DropMmapSem => self.map(),
            Step::ReadFlag if self.overwrite => Step::DropRwsem,
            Step::ReadFlag | Step::DropRwsem => Step::ClearPrivate,
            Step::ClearPrivate if has_slot => Step::SetSlot,
            Step::ClearPrivate | Step::SetSlot => self.begin_io(),
            Step::BeginIo => self.pin(),
            Step::Map(map) => {
                map.resume(outcome);
                if map.next().is_some() {
                    return;
                }
                let (found, slot) = (map.found().unwrap_or_default().to_vec(), map.slot());
                self.mapped(&found, slot)
            }
            Step::Submit if has_slot => Step::EmptySlot,
            Step::EmptySlot if self.failed => self.end(),
            Step::Submit | Step::EmptySlot => self.converted(),
            Step::RunBio if self.converts => {
                Step::Convert(ConvertUnwritten::new(self.write.range, self.write.task))
            }
            Step::RunBio => self.end(),
            Step::EndIo => self.converted(),
            Step::Convert(convert) => {
                convert.resume(outcome);
                if convert.next().is_some() {
                    return;
                }
                self.converted()
            }
            Step::DropCount => self.retake(),
            Step::RetakeRwsem => self.tail(),
            Step::StartSize if self.journal => Step::DelOrphan,
            Step::StartSize | Step::DelOrphan => self.size(),
            Step::TakeDataSem => Step::WriteDisksize,
            Step::WriteDisksize if self.kernel.version >= Version::V5_4 => Step::DropDataSem,
            Step::WriteDisksize | Step::DropDataSem => self.raise(),
            Step::WriteSize => Step::StopSize,
            Step::StopSize | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match &self.step {
            Step::Map(map) => return map.place(),
            Step::Convert(convert) => return convert.place(),
            Step::ReadDisksize => "ReadDisksize",
            Step::StartOrphan => "StartOrphan",
            Step::AddOrphan => "AddOrphan",
            Step::StopOrphan => "StopOrphan",
            Step::RaiseCount => "RaiseCount",
            Step::ReadFlag => "ReadFlag",
            Step::HoldDataSem => "HoldDataSem",
            Step::LetDataSem => "LetDataSem",
            Step::TakeMmapSem => "TakeMmapSem",
            Step::DropMmapSem => "DropMmapSem",
            Step::DropRwsem => "DropRwsem",
            Step::ClearPrivate => "ClearPrivate",
            Step::SetSlot => "SetSlot",
            Step::EmptySlot => "EmptySlot",
            Step::BeginIo => "BeginIo",
            Step::Submit => "Submit",
            Step::RunBio => "RunBio",
            Step::EndIo => "EndIo",
            Step::DropCount => "DropCount",
            Step::RetakeRwsem => "RetakeRwsem",
            Step::StartSize => "StartSize",
            Step::DelOrphan => "DelOrphan",
            Step::TakeDataSem => "TakeDataSem",
            Step::WriteDisksize => "WriteDisksize",
            Step::DropDataSem => "DropDataSem",
            Step::WriteSize => "WriteSize",
            Step::StopSize => "StopSize",
            Step::Done => "Done",
        };
        let kernel = match self.step {
            Step::BeginIo | Step::Submit | Step::RunBio => "do_blockdev_direct_IO",
            Step::TakeMmapSem | Step::DropMmapSem => "get_user_pages_fast",
            _ => "ext4_direct_IO_write",
        };
        Place { step, kernel }
    }
}
