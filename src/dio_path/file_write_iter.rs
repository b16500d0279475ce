//! `ext4_file_write_iter`: a direct write from the system call on, in v4.10 and v5.4.

use super::direct_io_write::DirectIoWrite;
use super::write::Write;
use crate::extent_probe::OverwriteProbe;
use crate::kernel::{Fix, Kernel};
use crate::op::LockName::IRwsem;
use crate::op::Mode::Exclusive;
use crate::op::{Handle, Op, PrivateOp, Size};
use crate::page_cache::{BufferedFallback, InvalidatePages, Invalidated, WritePages};
use crate::task::steps;

steps! {
    /// `ext4_file_write_iter`, with `__generic_file_write_iter` and `generic_file_direct_write` inside.
    ///
    /// # Kernel
    /// fs/ext4/file.c and mm/filemap.c, read in v4.10.17 and v5.4.18.
    ///
    /// # Modelled
    /// Cached pages no longer keep a write from being an overwrite (4b0524aae008, v4.9). A write from i_size on was
    /// not taken for unaligned, be i_size in the middle of a block (372a03e01853).
    ///
    /// # Left out
    /// Suid removal, O_SYNC of an asynchronous write, IOCB_NOWAIT.
    pub struct FileWriteIter { past_eof: bool, osync: bool, overwrite: bool, size: Size, queued: bool, failed: bool }
    /// A write on a kernel, on a mount with or without dioread_nolock and a journal.
    pub fn new(write: Write, kernel: Kernel, dioread_nolock: bool, journal: bool);
    in "ext4_file_write_iter" => Step / At |self, outcome|;

    TakeRwsem "inode_lock" => Op::Lock(IRwsem, Exclusive);
    Append in "generic_write_checks" "ki_pos = i_size_read" if self.write.append => Op::SizeRead
        => self.write = self.write.placed(Some(outcome.size()));
    LookForEof in "ext4_unaligned_aio" "i_size_read" if self.write.unaligned() && self.write.end_io.is_some()
        => Op::SizeRead => self.past_eof = self.starts_past(outcome.size());
    WaitUnwritten in "ext4_unwritten_wait" if self.serialized() => Op::UnwrittenWait;
    PointPrivate "iocb->private = &overwrite" => Op::Private(self.write.task, PrivateOp::PointAtFlag);
    Probe(probe: OverwriteProbe) "ext4_overwrite_io"
        => OverwriteProbe::of_any_pages(self.write.span, self.dioread_nolock && !self.unaligned_aio())
        => (self.overwrite, self.size) = (probe.overwrite, probe.size);
    StartTime in "file_update_time" "ext4_journal_start" => Op::JournalStart(Handle::Time);
    StopTime in "file_update_time" "ext4_journal_stop" => Op::JournalStop(Handle::Time);
    DropPages(pages: InvalidatePages) "generic_file_direct_write"
        => InvalidatePages::before_io(self.write.range(), self.write_back())
        => (pages.result() != Invalidated::Busy).then_some(Step::DirectIo);
    Fallback(fallback: Box<BufferedFallback>) "the pages are busy" => self.fallback() => Step::DropRwsem;
    DirectIo(io: DirectIoWrite) "ext4_direct_IO_write" => self.direct_io()
        => (self.failed, self.queued) = (io.failed, io.queued());
    DropAgain(pages: InvalidatePages) "generic_file_direct_write" => InvalidatePages::after_io(self.write.range());
    RereadSize in "generic_file_direct_write" "i_size_read" if !self.failed && !self.queued => Op::SizeRead
        => (self.write.end() <= outcome.size()).then_some(Step::DropRwsem);
    RaiseSize in "generic_file_direct_write" "i_size_write" if !self.failed && !self.queued
        => Op::SizeWrite(self.write.end());
    WaitOwn in "ext4_unwritten_wait" if self.queued && self.serialized() && self.kernel.has(Fix::UnalignedAlone)
        => Op::UnwrittenWait;
    DropRwsem "inode_unlock" => Op::Unlock(IRwsem, Exclusive);
    WriteSync "generic_write_sync" if self.osync && !self.failed && !self.queued => Op::WriteSync;
}

impl FileWriteIter {
    /// The write is O_SYNC.
    #[must_use]
    pub fn osync(self, osync: bool) -> FileWriteIter {
        FileWriteIter { osync, ..self }
    }

    /// From i_size on there is nothing to collide with, or so it was thought.
    fn starts_past(&self, size: Size) -> bool {
        let size =
            if self.kernel.has(Fix::AlignedPastEof) { Size::blocks(size.up()) } else { size };
        self.write.span.start >= size
    }

    /// `ext4_unaligned_aio`.
    fn unaligned_aio(&self) -> bool {
        self.write.unaligned() && self.write.end_io.is_some() && !self.past_eof
    }

    fn serialized(&self) -> bool {
        self.unaligned_aio() && self.kernel.has(Fix::SerializeUnalignedAio)
    }

    fn write_back(&self) -> WritePages {
        WritePages::new(self.write.task, self.kernel, self.dioread_nolock)
    }

    fn fallback(&self) -> Box<BufferedFallback> {
        Box::new(BufferedFallback::new(self.write.span, false, self.write_back(), self.kernel))
    }

    fn direct_io(&self) -> DirectIoWrite {
        DirectIoWrite::new(self.write, self.kernel, self.journal, self.overwrite, self.size)
    }
}
