//! `ext4_file_write_iter`: a direct write from the system call on, in v4.10 and v5.4.

use super::dio_write_iter::WriteFlags;
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
    /// With IOCB_NOWAIT (v5.4; v4.10 has none) -EAGAIN comes where the lock is not to be had, where the write is no
    /// overwrite (but for unaligned asynchronous ones, of which nobody asks that), and where
    /// generic_file_direct_write finds a page in the range. What waits all the same: an unaligned asynchronous
    /// write for unwritten I/O, file_update_time for a commit, the second invalidation for a page, and, on a mount
    /// with dioread_nolock, an overwrite for the lock that it gave back.
    ///
    /// # Left out
    /// Suid removal. Without IOCB_NOWAIT and without dioread_nolock v5.4
    /// looks the blocks up as well, and makes nothing of it.
    pub struct FileWriteIter {
        flags: WriteFlags,
        overwrite: bool,
        size: Size,
        unaligned_aio: bool,
        queued: bool,
        failed: bool,
        gave_up: bool,
    }
    /// A write on a kernel, on a mount with or without dioread_nolock and a journal.
    pub fn new(write: Write, kernel: Kernel, dioread_nolock: bool, journal: bool);
    in "ext4_file_write_iter" => Step / At |self, outcome|;

    TryRwsem "inode_trylock" if self.flags.nowait => Op::TryLock(IRwsem, Exclusive)
        => if outcome.yes() { Step::Append } else { self.gives_up(Step::Done) };
    TakeRwsem "inode_lock" => Op::Lock(IRwsem, Exclusive);
    Append in "generic_write_checks" "ki_pos = i_size_read" if self.write.append => Op::SizeRead
        => self.write = self.write.placed(Some(outcome.size()));
    LookForEof in "ext4_unaligned_aio" "i_size_read" if self.write.unaligned() && self.write.end_io.is_some()
        => Op::SizeRead => self.unaligned_aio = !self.starts_past(outcome.size());
    WaitUnwritten in "ext4_unwritten_wait" if self.serialized() => Op::UnwrittenWait;
    PointPrivate "iocb->private = &overwrite" => Op::Private(self.write.iocb(), PrivateOp::PointAtFlag);
    Probe(probe: OverwriteProbe) "ext4_overwrite_io"
        => OverwriteProbe::of_any_pages(self.write.span, self.looks() && !self.unaligned_aio, self.kernel)
        => self.probed(&probe);
    StartTime in "file_update_time" "ext4_journal_start" => Op::JournalStart(Handle::Time);
    StopTime in "file_update_time" "ext4_journal_stop" => Op::JournalStop(Handle::Time);
    DropPages(pages: InvalidatePages) "generic_file_direct_write"
        => self.drop_pages() => self.dropped(pages.result());
    Fallback(fallback: Box<BufferedFallback>) "the pages are busy" => self.fallback() => Step::DropRwsem;
    DirectIo(io: DirectIoWrite) "ext4_direct_IO_write" => self.direct_io()
        => (self.failed, self.queued) = (io.failed, io.queued());
    DropAgain(pages: InvalidatePages) "generic_file_direct_write" => InvalidatePages::after_io(self.write.range(), self.kernel);
    RereadSize in "generic_file_direct_write" "i_size_read" if !self.failed && !self.queued => Op::SizeRead
        => (self.write.end() <= outcome.size()).then_some(Step::DropRwsem);
    RaiseSize in "generic_file_direct_write" "i_size_write" if !self.failed && !self.queued
        => Op::SizeWrite(self.write.end());
    WaitOwn in "ext4_unwritten_wait" if self.queued && self.serialized() && self.kernel.has(Fix::UnalignedAlone)
        => Op::UnwrittenWait;
    DropRwsem "inode_unlock" => Op::Unlock(IRwsem, Exclusive);
    WriteSync "generic_write_sync" if self.syncs() => Op::WriteSync;
}

impl FileWriteIter {
    /// The same, asked for like that.
    #[must_use]
    pub fn with(self, flags: WriteFlags) -> FileWriteIter {
        FileWriteIter { flags, ..self }.begin()
    }

    /// From i_size on there is nothing to collide with, or so it was thought.
    fn starts_past(&self, size: Size) -> bool {
        let size =
            if self.kernel.has(Fix::AlignedPastEof) { Size::blocks(size.up()) } else { size };
        self.write.span.start >= size
    }

    /// Whether it returned -EAGAIN.
    pub fn gave_up(&self) -> bool {
        self.gave_up
    }

    /// Whether it is not to wait.
    pub fn nowait(&self) -> bool {
        self.flags.nowait
    }

    /// Before 02afc27faec9 what was queued, too.
    fn syncs(&self) -> bool {
        let over = !self.queued || !self.kernel.has(Fix::SyncOnCompletion);
        self.flags.osync && over && !self.failed && !self.gave_up
    }

    fn gives_up(&mut self, next: Step) -> Step {
        self.gave_up = true;
        next
    }

    /// Whether somebody wants to know if it is an overwrite.
    fn looks(&self) -> bool {
        self.dioread_nolock || self.flags.nowait
    }

    fn probed(&mut self, probe: &OverwriteProbe) -> Option<Step> {
        self.overwrite = probe.overwrite && self.dioread_nolock;
        self.size = probe.size;
        let overwrites = probe.overwrite;
        let again = self.flags.nowait && !self.unaligned_aio && !overwrites;
        again.then(|| {
            self.size = Size::ZERO;
            self.gives_up(Step::DropRwsem)
        })
    }

    fn drop_pages(&self) -> InvalidatePages {
        match self.flags.nowait {
            true => InvalidatePages::nowait(self.write.range(), self.kernel),
            false => InvalidatePages::before_io(self.write.range(), self.write_back(), self.kernel),
        }
    }

    fn dropped(&mut self, result: Invalidated) -> Step {
        match result {
            Invalidated::Gone => Step::DirectIo,
            Invalidated::Busy => Step::Fallback,
            Invalidated::Again => self.gives_up(Step::DropRwsem),
        }
    }

    fn serialized(&self) -> bool {
        self.unaligned_aio && self.kernel.has(Fix::SerializeUnalignedAio)
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
