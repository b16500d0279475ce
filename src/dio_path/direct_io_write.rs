//! `ext4_direct_IO_write`: submits a direct write in v4.10 and v5.4; an overwrite drops `i_rwsem`.

mod proceed;

use super::iocb::PrivateOp;
use super::write::Write;
use crate::extent_probe::{ConvertUnwritten, MapBlocks};
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel};
use crate::op::{Blocks, Handle, Op, OrphanOp, Outcome, PhysicalBlock, Submission, TaskId};
use crate::task::{Place, Task};

/// `ext4_direct_IO_write`, with `do_blockdev_direct_IO` inside.
///
/// | step          | kernel (v4.10; * from v5.4)                            | holds after (overwrite) |
/// |---------------|--------------------------------------------------------|-------------------------|
/// | ReadDisksize  | ext4_direct_IO_write: i_disksize *                     | i_rwsem                 |
/// | StartOrphan   | ext4_direct_IO_write: ext4_journal_start (extending)   |                         |
/// | AddOrphan     | ext4_orphan_add (extending)                            |                         |
/// | TakeForOrphan | ext4_update_i_disksize: down_write(i_data_sem) *       |                         |
/// | LookForOrphan | ext4_update_i_disksize: i_disksize *                   |                         |
/// | SetDisksize   | ext4_direct_IO_write: i_disksize = i_size (extending)  |                         |
/// | DropForOrphan | ext4_update_i_disksize: up_write(i_data_sem) *         |                         |
/// | StopOrphan    | ext4_direct_IO_write: ext4_journal_stop (extending)    |                         |
/// | RaiseCount    | ext4_direct_IO_write: inode_dio_begin                  | i_rwsem                 |
/// | ReadFlag      | ext4_direct_IO_write: *((int *)iocb->private)          | i_rwsem                 |
/// | HoldDataSem   | down_read(i_data_sem) (overwrite, before 2dcba4781fa3) | i_rwsem, i_data_sem R   |
/// | DropRwsem     | ext4_direct_IO_write: inode_unlock (overwrite)         |                         |
/// | ClearPrivate  | ext4_direct_IO_write: iocb->private = NULL             |                         |
/// | IsAsync       | do_blockdev_direct_IO: i_size_read (async)             |                         |
/// | BeginIo       | do_blockdev_direct_IO: inode_dio_begin                 |                         |
/// | TakeMmapSem   | get_user_pages_fast: down_read(mmap_sem) (pins)        | mmap_sem R              |
/// | DropMmapSem   | get_user_pages_fast: up_read(mmap_sem) (pins)          |                         |
/// | Map           | get_block, see MapBlocks                               |                         |
/// | Submit        | dio_bio_submit (async)                                 |                         |
/// | DropRefcount  | do_blockdev_direct_IO: drop_refcount (async)           |                         |
/// | RunBio        | dio_await_completion (it waits)                        |                         |
/// | EndIo         | dio_complete: inode_dio_end (it completes)             |                         |
/// | Convert       | ext4_convert_unwritten_extents (sync)                  |                         |
/// | DropCount     | ext4_direct_IO_write: inode_dio_end                    |                         |
/// | LetDataSem    | up_read(i_data_sem) (overwrite, before 2dcba4781fa3)   |                         |
/// | RetakeRwsem   | ext4_direct_IO_write: inode_lock (overwrite)           | i_rwsem                 |
/// | StartSize     | ext4_direct_IO_write: ext4_journal_start (extending)   |                         |
/// | DelOrphan     | ext4_orphan_del (extending)                            |                         |
/// | LookSize      | ext4_direct_IO_write: inode->i_size (extending)        |                         |
/// | LookDisksize  | ext4_direct_IO_write: i_disksize (extending) *         |                         |
/// | TakeDataSem   | ext4_update_i_disksize: down_write(i_data_sem) *       |                         |
/// | CheckDisksize | ext4_update_i_disksize: i_disksize *                   |                         |
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
/// both. A write past i_size is waited for; one that is only past i_disksize is not, and
/// then finds no byte count to raise i_disksize by: v5.4 has raised it to i_size before the I/O.
/// v4.10 sets it to i_size there too, but looks only at writes past i_size.
///
/// An asynchronous overwrite looks at i_size once more, without the lock, to decide whether it waits: in
/// v4.10 it may meet the small size of a truncate that waits for it. If the bio has ended before the
/// submitter drops its reference to the dio, the submitter completes the I/O. In both cases it returns a
/// byte count, as a synchronous write does. The dio's references are followed where nothing is to be
/// converted: elsewhere the lock is held until the write returns, and nobody can tell who completes it.
///
/// # Left out
/// Page pinning but for overwrites that ask for it; failed I/O, which truncates what it has allocated; the
/// io_end of an asynchronous write that begins within i_size and ends past it.
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
    converts: bool,
    /// It waits even for an asynchronous write.
    waits: bool,
    /// The submitter completes the I/O.
    completes: bool,
    /// It ends past i_size as it is after the I/O.
    grows: bool,
    /// The I/O could not be started.
    pub failed: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    ReadDisksize,
    StartOrphan,
    AddOrphan,
    TakeForOrphan,
    LookForOrphan,
    SetDisksize,
    DropForOrphan,
    StopOrphan,
    RaiseCount,
    ReadFlag,
    HoldDataSem,
    DropRwsem,
    ClearPrivate,
    IsAsync,
    BeginIo,
    TakeMmapSem,
    DropMmapSem,
    Map(MapBlocks),
    Submit,
    DropRefcount,
    RunBio,
    EndIo,
    Convert(ConvertUnwritten),
    DropCount,
    LetDataSem,
    RetakeRwsem,
    StartSize,
    DelOrphan,
    LookSize,
    LookDisksize,
    TakeDataSem,
    CheckDisksize,
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
            waits: false,
            completes: false,
            grows: false,
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

    /// Whether it returns -EIOCBQUEUED: somebody else will complete the I/O.
    pub fn queued(&self) -> bool {
        self.end_io().is_some() && !self.completes && !self.failed
    }

    fn counted_for(&self) -> TaskId {
        self.end_io().unwrap_or(self.write.task)
    }

    fn outer_count(&self) -> bool {
        !self.overwrite || self.kernel.has(Fix::CountBeforeUnlock)
    }
}

impl Task for DirectIoWrite {
    fn next(&self) -> Option<Op> {
        let me = self.write.task;
        let (rwsem, sem, alone) = (LockName::IRwsem, LockName::IDataSem, Mode::Exclusive);
        Some(match &self.step {
            Step::ReadDisksize | Step::LookForOrphan | Step::LookDisksize | Step::CheckDisksize => {
                Op::DisksizeRead
            }
            Step::IsAsync | Step::LookSize => Op::SizeRead,
            Step::SetDisksize => Op::DisksizeWrite(self.size),
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
            Step::DropRefcount => Op::DropRefcount(self.end_io()?),
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
            Step::TakeForOrphan | Step::TakeDataSem => Op::Lock(sem, alone),
            Step::WriteDisksize => Op::DisksizeWrite(self.write.range.end()),
            Step::DropForOrphan | Step::DropDataSem => Op::Unlock(sem, alone),
            Step::WriteSize => Op::SizeWrite(self.write.range.end()),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        self.proceed(outcome);
    }

    fn place(&self) -> Place {
        let step = match &self.step {
            Step::Map(map) => return map.place(),
            Step::Convert(convert) => return convert.place(),
            Step::ReadDisksize => "ReadDisksize",
            Step::StartOrphan => "StartOrphan",
            Step::AddOrphan => "AddOrphan",
            Step::TakeForOrphan => "TakeForOrphan",
            Step::LookForOrphan => "LookForOrphan",
            Step::SetDisksize => "SetDisksize",
            Step::DropForOrphan => "DropForOrphan",
            Step::StopOrphan => "StopOrphan",
            Step::RaiseCount => "RaiseCount",
            Step::ReadFlag => "ReadFlag",
            Step::HoldDataSem => "HoldDataSem",
            Step::LetDataSem => "LetDataSem",
            Step::TakeMmapSem => "TakeMmapSem",
            Step::DropMmapSem => "DropMmapSem",
            Step::DropRwsem => "DropRwsem",
            Step::ClearPrivate => "ClearPrivate",
            Step::IsAsync => "IsAsync",
            Step::DropRefcount => "DropRefcount",
            Step::BeginIo => "BeginIo",
            Step::Submit => "Submit",
            Step::RunBio => "RunBio",
            Step::EndIo => "EndIo",
            Step::DropCount => "DropCount",
            Step::RetakeRwsem => "RetakeRwsem",
            Step::StartSize => "StartSize",
            Step::DelOrphan => "DelOrphan",
            Step::LookSize => "LookSize",
            Step::LookDisksize => "LookDisksize",
            Step::TakeDataSem => "TakeDataSem",
            Step::CheckDisksize => "CheckDisksize",
            Step::WriteDisksize => "WriteDisksize",
            Step::DropDataSem => "DropDataSem",
            Step::WriteSize => "WriteSize",
            Step::StopSize => "StopSize",
            Step::Done => "Done",
        };
        let kernel = match self.step {
            Step::BeginIo | Step::IsAsync | Step::Submit | Step::DropRefcount | Step::RunBio => {
                "do_blockdev_direct_IO"
            }
            Step::TakeMmapSem | Step::DropMmapSem => "get_user_pages_fast",
            _ => "ext4_direct_IO_write",
        };
        Place { step, kernel }
    }
}
