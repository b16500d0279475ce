//! `ext4_direct_IO_write`: submits a direct write in v4.10 and v5.4; an overwrite drops `i_rwsem`.

use super::write::{Write, new_ends};
use crate::extent_probe::{ConvertUnwritten, DataSemHeld, MapBlocks};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::{IDataSem, IRwsem, MmapSem};
use crate::op::Mode::{Exclusive, Shared};
use crate::op::{
    Bio, Ends, Extent, Fault, Handle, MapFor, Mapped, Op, OrphanOp, PhysicalBlock, PrivateOp, Size,
    Submission, TaskId,
};
use crate::page_cache::InvalidatePages;
use crate::task::steps;

steps! {
    /// `ext4_direct_IO_write`, with `do_blockdev_direct_IO` inside.
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
    /// In v5.4 whoever completes it drops pages before the count goes; a synchronous write converts after that.
    ///
    /// # Left out
    /// Page pinning but for overwrites that ask for it; failed I/O, which truncates what it has allocated; the
    /// io_end of an asynchronous write that begins within i_size and ends past it.
    pub struct DirectIoWrite {
        /// It ends past i_disksize.
        past_disksize: bool,
        blocks: Vec<PhysicalBlock>,
        /// Ends in blocks that look new.
        fresh: Ends,
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
    /// Submits `write`, judged an `overwrite` or not, to a file of that i_size.
    pub fn new(write: Write, kernel: Kernel, journal: bool, overwrite: bool, size: Size);
    in "ext4_direct_IO_write" => Step / At |self, outcome|;

    ReadDisksize "i_disksize" if !self.extending() && self.kernel.has(Fix::DisksizeExtends) => Op::DisksizeRead
        => self.past_disksize = self.write.end() > outcome.size();
    StartOrphan "ext4_journal_start" if self.extending() => Op::JournalStart(Handle::Orphan);
    AddOrphan "ext4_orphan_add" if self.extending() && self.journal => Op::Orphan(OrphanOp::Add);
    TakeForOrphan "ext4_update_i_disksize: down_write(i_data_sem)" if self.extending() && self.is_v5_4()
        => Op::Lock(IDataSem, Exclusive);
    LookForOrphan "ext4_update_i_disksize: i_disksize" if self.extending() && self.is_v5_4() => Op::DisksizeRead
        => (outcome.size() == self.size).then_some(Step::DropForOrphan);
    SetDisksize "i_disksize = i_size" if self.extending() => Op::DisksizeWrite(self.size);
    DropForOrphan "ext4_update_i_disksize: up_write(i_data_sem)" if self.extending() && self.is_v5_4()
        => Op::Unlock(IDataSem, Exclusive);
    StopOrphan "ext4_journal_stop" if self.extending() => Op::JournalStop(Handle::Orphan);
    RaiseCount "inode_dio_begin" if self.outer_count() => Op::DioBegin(self.write.task);
    ReadFlag "*((int *)iocb->private)"
        => Op::Private(self.write.iocb(), PrivateOp::ReadFlag { overwrite: self.overwrite });
    HoldDataSem "down_read(i_data_sem)" if self.holds_data_sem() => Op::Lock(IDataSem, Shared);
    DropRwsem "inode_unlock" if self.overwrite => Op::Unlock(IRwsem, Exclusive);
    ClearPrivate "iocb->private = NULL" => Op::Private(self.write.iocb(), PrivateOp::Clear);
    IsAsync in "do_blockdev_direct_IO" "i_size_read" if self.end_io().is_some() => Op::SizeRead
        => self.waits = self.write.end() > outcome.size();
    BeginIo in "do_blockdev_direct_IO" "inode_dio_begin" if self.inner_count() => Op::DioBegin(self.counted_for());
    TakeMmapSem in "get_user_pages_fast" "down_read(mmap_sem)" if self.pins() => Op::Lock(MmapSem, Shared);
    DropMmapSem in "get_user_pages_fast" "up_read(mmap_sem)" if self.pins() => Op::Unlock(MmapSem, Shared);
    Map(map: MapBlocks) "get_block" => self.map() => self.mapped(map.found().unwrap_or_default());
    Submit in "do_blockdev_direct_IO" "dio_bio_submit" if self.queued()
        => Op::Submit(self.end_io()?, self.submission()) => self.converts.then_some(Step::DropCount);
    DropRefcount in "do_blockdev_direct_IO" "drop_refcount" if self.queued() => Op::DropRefcount(self.end_io()?)
        => self.dropped(outcome.yes());
    RunBio in "do_blockdev_direct_IO" "dio_await_completion" if self.completes
        => Op::Bio(self.blocks.clone(), self.bio());
    Invalidate(pages: InvalidatePages) in "dio_complete" if self.completes && self.kernel.has(Fix::CompletionInvalidates)
        => InvalidatePages::after_io(self.write.range(), self.kernel);
    Convert(convert: ConvertUnwritten) "ext4_convert_unwritten_extents" if self.completes && self.converts
        => ConvertUnwritten::new(self.write.range(), self.write.task) => Step::DropCount;
    EndIo "dio_complete: inode_dio_end" if self.inner_count() => Op::DioEnd(self.counted_for());
    DropCount "inode_dio_end" if self.outer_count() => Op::DioEnd(self.write.task);
    LetDataSem "up_read(i_data_sem)" if self.holds_data_sem() => Op::Unlock(IDataSem, Shared);
    RetakeRwsem "inode_lock" if self.overwrite => Op::Lock(IRwsem, Exclusive);
    StartSize "ext4_journal_start" if self.extending() => Op::JournalStart(Handle::Orphan);
    DelOrphan "ext4_orphan_del" if self.extending() && self.journal => Op::Orphan(OrphanOp::Del);
    LookSize "inode->i_size" if self.wrote() => Op::SizeRead
        => self.grows = self.write.end() > outcome.size();
    LookDisksize "i_disksize" if self.wrote() && self.is_v5_4() && !self.grows => Op::DisksizeRead
        => (self.write.end() <= outcome.size()).then_some(Step::StopSize);
    TakeDataSem "ext4_update_i_disksize: down_write(i_data_sem)" if self.wrote() && self.is_v5_4()
        => Op::Lock(IDataSem, Exclusive);
    CheckDisksize "ext4_update_i_disksize: i_disksize" if self.wrote() && self.is_v5_4() => Op::DisksizeRead
        => (self.write.end() <= outcome.size()).then_some(Step::DropDataSem);
    WriteDisksize "i_disksize" if self.grows_on_disk() => Op::DisksizeWrite(self.write.end());
    DropDataSem "ext4_update_i_disksize: up_write(i_data_sem)" if self.wrote() && self.is_v5_4()
        => Op::Unlock(IDataSem, Exclusive);
    WriteSize "i_size_write" if self.grows => Op::SizeWrite(self.write.end());
    StopSize "ext4_journal_stop" if self.extending() => Op::JournalStop(Handle::Orphan);
}

impl DirectIoWrite {
    /// Its first block begins at i_size or past it.
    fn starts_past(&self) -> bool {
        Size::blocks(self.write.range().start) >= self.size
    }

    fn extending(&self) -> bool {
        self.past_disksize || self.write.end() > self.size
    }

    /// The completion, if the I/O is not waited for.
    pub fn end_io(&self) -> Option<TaskId> {
        self.write.end_io.filter(|_| self.write.end() <= self.size)
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

    /// Whether the inner reference is one of its own.
    fn inner_count(&self) -> bool {
        !self.outer_count() || self.end_io().is_some()
    }

    /// Before 2dcba4781fa3.
    fn holds_data_sem(&self) -> bool {
        self.overwrite && !self.kernel.has(Fix::NoDataSemOverIo)
    }

    /// `do_direct_IO` pins the pages of the buffer before it asks for blocks.
    fn pins(&self) -> bool {
        self.overwrite && self.write.pins
    }

    fn map(&self) -> MapBlocks {
        let range = self.write.range();
        if self.overwrite {
            let held = if self.holds_data_sem() { DataSemHeld::ByCaller } else { DataSemHeld::No };
            return MapBlocks::look_up(range, MapFor::Io, held);
        }
        let how = match self.write.fault {
            Some(Fault::Enospc) => MapFor::CreateFails,
            _ if self.starts_past() => MapFor::Extend,
            _ => MapFor::Create,
        };
        let early = !self.kernel.has(Fix::CountUnwrittenOnSuccess);
        MapBlocks::create(range, how, self.end_io().is_some(), early).counts_last()
    }

    fn mapped(&mut self, found: &[Mapped]) {
        self.fresh = new_ends(found);
        self.unwritten = found.iter().any(|m| m.extent == Extent::Unwritten);
        self.converts = self.unwritten && !self.overwrite;
        self.blocks = found.iter().map_while(|m| m.block).collect();
        // What meets a hole is a short write, and waited for.
        self.waits |= self.blocks.len() < found.len();
        self.failed = self.blocks.is_empty();
        self.completes = !self.failed && (self.waits || self.end_io().is_none());
    }

    fn bio(&self) -> Bio {
        self.write.bio(self.blocks.len(), self.fresh)
    }

    fn submission(&self) -> Submission {
        let (span, blocks) = (self.write.span, self.blocks.clone());
        Submission { span, blocks, bio: self.bio(), unwritten: self.converts, works: false }
    }

    fn dropped(&mut self, last: bool) -> Step {
        self.completes = last;
        if last { Step::Invalidate } else { Step::DropCount }
    }

    /// Without a byte count nothing is left to do once the orphan record is gone.
    fn wrote(&self) -> bool {
        self.extending() && !self.failed && !self.queued()
    }

    fn is_v5_4(&self) -> bool {
        self.kernel.version >= Version::V5_4
    }

    fn grows_on_disk(&self) -> bool {
        self.wrote() && (self.grows || self.is_v5_4())
    }
}
