//! `ext4_ext_direct_IO`: submits the I/O; an overwrite trades `i_mutex` for `i_data_sem` first.

mod proceed;

use super::flush::FinishIoEnd;
use super::iocb::PrivateOp;
use super::write::Write;
use crate::extent_probe::{ConvertUnwritten, MapBlocks};
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel};
use crate::op::{Bio, Handle, Op, Outcome, PhysicalBlock, Submission, TaskId};
use crate::task::{Place, Task};

/// `ext4_ext_direct_IO`, with `do_blockdev_direct_IO` inside it, for a write within i_size.
///
/// | step         | kernel (v3.6; * from v3.7)                         | holds after (overwrite)   |
/// |--------------|----------------------------------------------------|---------------------------|
/// | ReadFlag     | ext4_ext_direct_IO: *((int *)iocb->private)        | i_mutex                   |
/// | RaiseCount   | ext4_ext_direct_IO: atomic_inc(i_dio_count) *      | i_mutex                   |
/// | TakeDataSem  | ext4_ext_direct_IO: down_read(i_data_sem)          | i_mutex, i_data_sem R     |
/// | DropImutex   | ext4_ext_direct_IO: mutex_unlock(i_mutex)          | i_data_sem R              |
/// | StartTime    | file_update_time (rfc-v1 only)                     | i_data_sem R, handle      |
/// | StopTime     | file_update_time (rfc-v1 only)                     | i_data_sem R              |
/// | ClearPrivate | ext4_ext_direct_IO: iocb->private = NULL           | i_data_sem R              |
/// | SetIoEnd     | ext4_ext_direct_IO: ext4_init_io_end (async)       | i_data_sem R              |
/// | SetSlot      | ext4_ext_direct_IO: cur_aio_dio = io_end or NULL   | i_data_sem R              |
/// | BeginIo      | do_blockdev_direct_IO: atomic_inc(i_dio_count)     | i_data_sem R              |
/// | IsAsync      | do_blockdev_direct_IO: i_size_read (async)         | i_data_sem R              |
/// | TakeMmapSem  | get_user_pages_fast: down_read(mmap_sem) (pins)    | i_data_sem R, mmap_sem R  |
/// | DropMmapSem  | get_user_pages_fast: up_read(mmap_sem) (pins)      | i_data_sem R              |
/// | Map          | get_block, see MapBlocks                           | i_data_sem R              |
/// | Submit       | dio_bio_submit (async)                             | i_data_sem R              |
/// | DropRefcount | do_blockdev_direct_IO: drop_refcount (async)       | i_data_sem R              |
/// | RunBio       | dio_await_completion (it waits)                    | i_data_sem R              |
/// | TakeIoEnd    | ext4_end_io_dio: iocb->private (it completes)      | i_data_sem R              |
/// | PutForDio    | ext4_put_io_end_defer (it completes, aio, v3.11)   | i_data_sem R              |
/// | EndIo        | inode_dio_done (it completes)                      | i_data_sem R              |
/// | TestPrivate  | ext4_ext_direct_IO: if (iocb->private) (to v3.7)   | i_data_sem R              |
/// | EmptySlot    | ext4_ext_direct_IO: cur_aio_dio = NULL (async)     | i_data_sem R              |
/// | PutIoEnd     | ext4_put_io_end: io_end->count (async, v3.11)      | i_data_sem R              |
/// | Finish       | ext4_put_io_end, see FinishIoEnd (async, v3.11)    | i_data_sem R              |
/// | Convert      | ext4_convert_unwritten_extents (sync)              |                           |
/// | DropCount    | ext4_ext_direct_IO: inode_dio_done *               | i_data_sem R              |
/// | DropDataSem  | ext4_ext_direct_IO: up_read(i_data_sem)            |                           |
/// | RetakeImutex | ext4_ext_direct_IO: mutex_lock(i_mutex)            | i_mutex                   |
///
/// # Modelled
/// From v3.7 a synchronous overwrite holds one reference instead of two nested ones (no drainer
/// can tell); an asynchronous one holds both, as the inner one outlives the call. v3.11 does so for
/// every write (e83403959fdd), so its conversion comes before the one reference goes. An asynchronous
/// write whose I/O is over before v3.11's submitter lets go of the io_end is finished by it.
///
/// Whether an asynchronous write is waited for is decided by a look at i_size of its own, after the count
/// was raised; an overwrite has dropped `i_mutex` by then, and may meet the small size of a truncate. The
/// dio has two references, the submitter's and the bio's; if the bio has ended first, the submitter
/// completes the I/O. In both cases it returns a byte count, and its caller raises i_size. Where extents are
/// to be converted `i_mutex` is held until the write returns, so there it does not matter who
/// completes: the dio's references are not followed.
///
/// `cur_aio_dio` is set to NULL and then, by an asynchronous write, to its io_end: one step, as whoever
/// might look in between holds `i_data_sem` alone, or waits for `i_mutex`. The bit
/// `EXT4_STATE_DIO_UNWRITTEN`, which tells a synchronous write to convert, is set where the slot was
/// found empty: a synchronous write that finds an io_end there converts nothing.
///
/// # Left out
/// The third visitor of `cur_aio_dio`: `ext4_ext_map_blocks` loads it on entry for any caller, under
/// `i_data_sem`, and the flusher of a dioread_nolock mount, which holds no `i_mutex`, asks for
/// `EXT4_GET_BLOCKS_IO_CREATE_EXT` as a direct write does: it flags the io_end that it finds, or sets the bit. What
/// becomes of another's io_end that is flagged; page pinning and `mmap_sem` but for overwrites that ask for it
/// (B05); failed I/O; that io_submit tells the caller of a write which was not queued.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DirectIo {
    write: Write,
    kernel: Kernel,
    overwrite: bool,
    step: Step,
    blocks: Vec<PhysicalBlock>,
    /// Some blocks were unwritten.
    unwritten: bool,
    /// And whoever converts them was told.
    converts: bool,
    /// The submitter completes the I/O: it waited for it, or dropped the last reference to the dio.
    completes: bool,
    /// It waits even for an asynchronous write.
    waits: bool,
    /// The I/O could not be started.
    pub failed: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    ReadFlag,
    RaiseCount,
    TakeDataSem,
    DropImutex,
    StartTime,
    StopTime,
    ClearPrivate,
    SetIoEnd,
    SetSlot,
    BeginIo,
    IsAsync,
    TakeMmapSem,
    DropMmapSem,
    Map(MapBlocks),
    Submit,
    DropRefcount,
    RunBio,
    TakeIoEnd,
    PutForDio,
    EndIo,
    TestPrivate,
    EmptySlot,
    PutIoEnd,
    Finish(FinishIoEnd),
    Convert(ConvertUnwritten),
    DropCount,
    DropDataSem,
    RetakeImutex,
    Done,
}

impl DirectIo {
    /// Submits `write`, which the probe judged an `overwrite` or not.
    pub fn new(write: Write, kernel: Kernel, overwrite: bool) -> DirectIo {
        DirectIo {
            write,
            kernel,
            overwrite,
            step: Step::ReadFlag,
            blocks: Vec::new(),
            unwritten: false,
            converts: false,
            completes: false,
            waits: false,
            failed: false,
        }
    }

    /// Whether it returns -EIOCBQUEUED: somebody else will complete the I/O.
    pub fn queued(&self) -> bool {
        self.write.end_io.is_some() && !self.completes && !self.failed
    }

    /// The task whose reference covers the I/O.
    fn counted_for(&self) -> TaskId {
        self.write.end_io.unwrap_or(self.write.task)
    }

    fn extra_count(&self) -> bool {
        if self.overwrite { self.kernel.has(Fix::CountBeforeUnlock) } else { self.every_count() }
    }

    /// e83403959fdd: every direct write but an extending one holds a reference of its own.
    fn every_count(&self) -> bool {
        self.kernel.has(Fix::CountEveryWrite)
    }

    fn bio(&self) -> Bio {
        Bio::Write { half: self.write.half, zero_rest: self.unwritten && self.write.half.is_some() }
    }
}

impl Task for DirectIo {
    fn next(&self) -> Option<Op> {
        let me = self.write.task;
        Some(match &self.step {
            Step::ReadFlag => Op::Private(me, PrivateOp::ReadFlag { overwrite: self.overwrite }),
            Step::RaiseCount => Op::DioBegin(me),
            Step::TakeDataSem => Op::Lock(LockName::IDataSem, Mode::Shared),
            Step::DropImutex => Op::Unlock(LockName::IMutex, Mode::Exclusive),
            Step::StartTime => Op::JournalStart(Handle::Time),
            Step::StopTime => Op::JournalStop(Handle::Time),
            Step::ClearPrivate => Op::Private(me, PrivateOp::Clear),
            Step::SetIoEnd => Op::Private(me, PrivateOp::SetIoEnd),
            Step::SetSlot => Op::InodeAioSet(self.slot()),
            Step::TestPrivate => Op::Private(me, PrivateOp::Test),
            Step::EmptySlot => Op::InodeAioSet(None),
            Step::BeginIo => Op::DioBegin(self.counted_for()),
            Step::IsAsync => Op::SizeRead,
            Step::DropRefcount => Op::DropRefcount(self.write.end_io?),
            Step::TakeMmapSem => Op::Lock(LockName::MmapSem, Mode::Shared),
            Step::DropMmapSem => Op::Unlock(LockName::MmapSem, Mode::Shared),
            Step::Map(map) => return map.next(),
            Step::Submit => {
                let submission = Submission {
                    range: self.write.range,
                    blocks: self.blocks.clone(),
                    bio: self.bio(),
                    unwritten: self.converts,
                };
                Op::Submit(self.write.end_io?, submission)
            }
            Step::PutForDio | Step::PutIoEnd => Op::PutIoEnd(self.write.end_io?),
            Step::Finish(finish) => return finish.next(),
            Step::RunBio => Op::Bio(self.blocks.clone(), self.bio()),
            Step::TakeIoEnd => Op::Private(me, PrivateOp::TakeIoEnd { of: self.counted_for() }),
            Step::EndIo => Op::DioEnd(self.counted_for()),
            Step::Convert(convert) => return convert.next(),
            Step::DropCount => Op::DioEnd(me),
            Step::DropDataSem => Op::Unlock(LockName::IDataSem, Mode::Shared),
            Step::RetakeImutex => Op::Lock(LockName::IMutex, Mode::Exclusive),
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
            Step::Finish(finish) => return finish.place(),
            Step::IsAsync => "IsAsync",
            Step::DropRefcount => "DropRefcount",
            Step::PutForDio => "PutForDio",
            Step::PutIoEnd => "PutIoEnd",
            Step::ReadFlag => "ReadFlag",
            Step::RaiseCount => "RaiseCount",
            Step::TakeDataSem => "TakeDataSem",
            Step::DropImutex => "DropImutex",
            Step::StartTime => "StartTime",
            Step::StopTime => "StopTime",
            Step::ClearPrivate => "ClearPrivate",
            Step::SetIoEnd => "SetIoEnd",
            Step::SetSlot => "SetSlot",
            Step::TestPrivate => "TestPrivate",
            Step::EmptySlot => "EmptySlot",
            Step::BeginIo => "BeginIo",
            Step::TakeMmapSem => "TakeMmapSem",
            Step::DropMmapSem => "DropMmapSem",
            Step::Submit => "Submit",
            Step::RunBio => "RunBio",
            Step::TakeIoEnd => "TakeIoEnd",
            Step::EndIo => "EndIo",
            Step::DropCount => "DropCount",
            Step::DropDataSem => "DropDataSem",
            Step::RetakeImutex => "RetakeImutex",
            Step::Done => "Done",
        };
        let kernel = match self.step {
            Step::BeginIo | Step::IsAsync | Step::Submit | Step::DropRefcount | Step::RunBio => {
                "do_blockdev_direct_IO"
            }
            Step::StartTime | Step::StopTime => "file_update_time",
            Step::TakeIoEnd | Step::PutForDio => "ext4_end_io_dio",
            Step::TakeMmapSem | Step::DropMmapSem => "get_user_pages_fast",
            _ => "ext4_ext_direct_IO",
        };
        Place { step, kernel }
    }
}
