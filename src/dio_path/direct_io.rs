//! `ext4_ext_direct_IO`: submits the I/O; an overwrite trades `i_mutex` for `i_data_sem` first.

use super::write::{Write, new_ends};
use crate::extent_probe::{ConvertUnwritten, DataSemHeld, MapBlocks};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::{IDataSem, IMutex, MmapSem};
use crate::op::Mode::{Exclusive, Shared};
use crate::op::{
    Bio, Ends, Extent, Fault, Handle, IoEnd, MapFor, Op, PhysicalBlock, PrivateOp, Submission,
    TaskId,
};
use crate::page_cache::FinishIoEnd;
use crate::task::steps;

steps! {
    /// `ext4_ext_direct_IO`, with `do_blockdev_direct_IO` inside it, for a write within i_size.
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
    /// `EXT4_GET_BLOCKS_IO_CREATE_EXT` as a direct write does: it flags the io_end that it finds, or sets the bit.
    /// What becomes of another's io_end that is flagged; page pinning and `mmap_sem` but for overwrites that ask
    /// for it (B05); failed I/O; that io_submit tells the caller of a write which was not queued.
    pub struct DirectIo {
        blocks: Vec<PhysicalBlock>,
        /// Ends in blocks that look new.
        fresh: Ends,
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
    /// Submits `write`, which the probe judged an `overwrite` or not.
    pub fn new(write: Write, kernel: Kernel, overwrite: bool);
    in "ext4_ext_direct_IO" => Step / At |self, outcome|;

    ReadFlag "*((int *)iocb->private)"
        => Op::Private(self.write.iocb(), PrivateOp::ReadFlag { overwrite: self.overwrite });
    RaiseCount "atomic_inc(i_dio_count)" if self.outer_count() => Op::DioBegin(self.write.task);
    TakeDataSem "down_read(i_data_sem)" if self.overwrite => Op::Lock(IDataSem, Shared);
    DropImutex "mutex_unlock(i_mutex)" if self.overwrite => Op::Unlock(IMutex, Exclusive);
    StartTime in "file_update_time" "rfc-v1 only" if self.updates_time() => Op::JournalStart(Handle::Time);
    StopTime in "file_update_time" "rfc-v1 only" if self.updates_time() => Op::JournalStop(Handle::Time);
    ClearPrivate "iocb->private = NULL" if self.kernel.has(Fix::ClearPrivate)
        => Op::Private(self.write.iocb(), PrivateOp::Clear);
    SetIoEnd "ext4_init_io_end" if self.has_io_end() => Op::Private(self.write.iocb(), PrivateOp::SetIoEnd);
    SetSlot "cur_aio_dio = io_end or NULL" if self.write.slot => Op::InodeAioSet(self.slot());
    NoIoEnd(jump: Jump) "-ENOMEM" if self.write.end_io.is_some() && !self.has_io_end() => None
        => self.out_of_memory();
    BeginIo in "do_blockdev_direct_IO" "atomic_inc(i_dio_count)" if self.inner_count()
        => Op::DioBegin(self.write.iocb());
    IsAsync in "do_blockdev_direct_IO" "i_size_read" if self.write.end_io.is_some() => Op::SizeRead
        => self.waits = self.write.end() > outcome.size();
    TakeMmapSem in "get_user_pages_fast" "down_read(mmap_sem)" if self.pins() => Op::Lock(MmapSem, Shared);
    DropMmapSem in "get_user_pages_fast" "up_read(mmap_sem)" if self.pins() => Op::Unlock(MmapSem, Shared);
    Map(map: MapBlocks) "get_block" => self.map() => self.mapped(&map);
    Submit in "do_blockdev_direct_IO" "dio_bio_submit" if self.submits()
        => Op::Submit(self.write.end_io?, self.submission()) => self.converts.then_some(Step::TestPrivate);
    DropRefcount in "do_blockdev_direct_IO" "drop_refcount" if self.submits()
        => Op::DropRefcount(self.write.end_io?) => self.dropped(outcome.yes());
    RunBio in "do_blockdev_direct_IO" "dio_await_completion" => Op::Bio(self.blocks.clone(), self.bio())
        => self.completes = true;
    TakeIoEnd in "ext4_end_io_dio" "iocb->private"
        => Op::Private(self.write.iocb(), PrivateOp::TakeIoEnd { of: self.write.iocb() });
    PutForDio in "ext4_end_io_dio" "ext4_put_io_end_defer" if self.counts_io_end()
        => Op::PutIoEnd(self.write.end_io?) => Step::TestPrivate;
    ConvertFirst(convert: ConvertUnwritten) if self.converts && self.every_count() => self.convert();
    EndIo "inode_dio_done" => Op::DioEnd(self.write.iocb());
    TestPrivate "if (iocb->private)" if self.empties_slot() && self.kernel.version < Version::V3_11
        => Op::Private(self.write.iocb(), PrivateOp::Test) => outcome.no().then_some(Step::PutIoEnd);
    EmptySlot "cur_aio_dio = NULL" if self.empties_slot() => Op::InodeAioSet(None);
    PutIoEnd "ext4_put_io_end: io_end->count" if self.puts_io_end() => Op::PutIoEnd(self.write.end_io?)
        => outcome.no().then_some(Step::DropCount);
    Finish(finish: FinishIoEnd) "ext4_put_io_end" if self.puts_io_end() => self.finish();
    Convert(convert: ConvertUnwritten) "ext4_convert_unwritten_extents" if self.converts_last() => self.convert();
    DropCount "inode_dio_done" if self.outer_count() && self.write.end_io.is_some()
        => Op::DioEnd(self.write.task);
    DropDataSem "up_read(i_data_sem)" if self.overwrite => Op::Unlock(IDataSem, Shared);
    RetakeImutex "mutex_lock(i_mutex)" if self.overwrite => Op::Lock(IMutex, Exclusive);
}

/// What a row calls that only jumps: nothing.
type Jump = Option<MapBlocks>;

impl DirectIo {
    /// Whether it returns -EIOCBQUEUED: somebody else will complete the I/O.
    pub fn queued(&self) -> bool {
        self.write.end_io.is_some() && !self.completes && !self.failed
    }

    fn outer_count(&self) -> bool {
        if self.overwrite { self.kernel.has(Fix::CountBeforeUnlock) } else { self.every_count() }
    }

    /// e83403959fdd: every direct write but an extending one holds a reference of its own.
    fn every_count(&self) -> bool {
        self.kernel.has(Fix::CountEveryWrite)
    }

    fn inner_count(&self) -> bool {
        !self.outer_count() || self.write.end_io.is_some()
    }

    fn updates_time(&self) -> bool {
        self.overwrite && !self.kernel.has(Fix::TimeUnderImutex)
    }

    /// Whose io_end this write puts into the slot.
    fn slot(&self) -> Option<TaskId> {
        self.write.end_io.filter(|_| self.write.fault != Some(Fault::Enomem))
    }

    fn has_io_end(&self) -> bool {
        self.slot().is_some()
    }

    /// `-ENOMEM` after the lock swap: from v3.6 `goto retake_lock`, in the RFC a plain return.
    fn out_of_memory(&self) -> Step {
        let returns = self.overwrite && !self.kernel.has(Fix::RetakeLock);
        if returns { Step::Done } else { Step::DropCount }
    }

    /// `do_direct_IO` pins the pages of the buffer before it asks for blocks.
    fn pins(&self) -> bool {
        self.overwrite && self.write.pins
    }

    fn map(&self) -> MapBlocks {
        let range = self.write.range();
        if self.overwrite {
            let no_lock = self.kernel.has(Fix::GetBlocksNoLock);
            let held = if no_lock { DataSemHeld::ByCaller } else { DataSemHeld::No };
            return MapBlocks::look_up(range, MapFor::Io, held);
        }
        let how = match self.write.fault {
            Some(Fault::Enospc) => MapFor::CreateFails,
            _ => MapFor::Create,
        };
        let early = !self.kernel.has(Fix::CountUnwrittenOnSuccess);
        let map = MapBlocks::create(range, how, self.write.end_io.is_some(), early);
        if self.write.slot { map.by_slot() } else { map }
    }

    fn mapped(&mut self, map: &MapBlocks) -> Option<Step> {
        let found = map.found().unwrap_or_default();
        self.fresh = new_ends(found);
        self.unwritten = found.iter().any(|m| m.extent == Extent::Unwritten);
        let told = !self.write.slot || map.slot() == self.slot();
        self.converts = self.unwritten && !self.overwrite && told;
        self.blocks = found.iter().map_while(|m| m.block).collect();
        // What meets a hole is a short write, and waited for.
        self.waits |= self.blocks.len() < found.len();
        // No space; or truncated away under an overwrite that did not hold it off: nothing to write to.
        self.failed = self.blocks.is_empty();
        self.failed.then_some(Step::EndIo)
    }

    fn submits(&self) -> bool {
        self.write.end_io.is_some() && !self.waits
    }

    fn bio(&self) -> Bio {
        self.write.bio(self.blocks.len(), self.fresh)
    }

    fn submission(&self) -> Submission {
        let (span, blocks) = (self.write.span, self.blocks.clone());
        Submission { span, blocks, bio: self.bio(), unwritten: self.converts, works: false }
    }

    /// Whose reference to the dio was the last completes the I/O.
    fn dropped(&mut self, last: bool) -> Step {
        self.completes = last;
        if last { Step::TakeIoEnd } else { Step::TestPrivate }
    }

    fn counts_io_end(&self) -> bool {
        self.has_io_end() && self.kernel.version >= Version::V3_11
    }

    fn empties_slot(&self) -> bool {
        self.has_io_end() && self.write.slot
    }

    fn puts_io_end(&self) -> bool {
        self.counts_io_end() && !self.failed
    }

    /// The I/O was over before the submitter dropped its reference to the io_end.
    fn finish(&self) -> FinishIoEnd {
        let io_end = IoEnd { task: self.write.iocb(), range: self.write.range(), direct: true };
        if self.completes {
            return FinishIoEnd::untold(io_end, self.kernel);
        }
        FinishIoEnd::last_put(io_end, self.converts, self.kernel)
    }

    fn converts_last(&self) -> bool {
        self.converts && !self.failed && !self.has_io_end() && !self.every_count()
    }

    fn convert(&self) -> ConvertUnwritten {
        ConvertUnwritten::new(self.write.range(), self.write.task).of_kernel(self.kernel)
    }
}
