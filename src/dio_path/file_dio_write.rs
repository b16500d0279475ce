//! `ext4_file_dio_write`: a direct write from the system call on.

use super::direct_io::DirectIo;
use super::ind_direct_io::IndDirectIo;
use super::write::Write;
use crate::extent_probe::OverwriteProbe;
use crate::kernel::{Fix, Kernel};
use crate::op::LockName::{AioMutex, IMutex};
use crate::op::Mode::Exclusive;
use crate::op::{Handle, Op, PrivateOp, Size, Span};
use crate::page_cache::{
    BufferedFallback, EndPageIo, InvalidatePages, Invalidated, SyncFile, WritePages,
};
use crate::task::steps;
use std::mem::take;

steps! {
    /// `ext4_file_dio_write`, with `__generic_file_aio_write` and `generic_file_direct_write` inside.
    ///
    /// # Modelled
    /// An asynchronous O_SYNC write is synced here, whether its I/O is over or not (v3.6.5, v3.7.2, v3.11;
    /// `generic_write_sync`, fs/sync.c), and nobody syncs it again.
    ///
    /// # Left out
    /// Suid removal, what `generic_write_sync` does for a write that is over but to flush it, block plugging; the
    /// look at i_size after a short write, which ended within it.
    pub struct FileDioWrite { osync: bool, unaligned_aio: bool, probed: Probed, io: Io, workers: Vec<EndPageIo> }
    /// A write on a kernel, on a mount with or without dioread_nolock.
    pub fn new(write: Write, kernel: Kernel, dioread_nolock: bool);
    in "ext4_file_dio_write" => Step / At |self, outcome|;

    LookForEof in "ext4_unaligned_aio" "inode->i_size" if self.asks()
        => Op::SizeRead => self.unaligned_aio = self.write.span.start < outcome.size();
    TakeAioMutex "mutex_lock(ext4_aio_mutex)" if self.serialized() => Op::Lock(AioMutex, Exclusive);
    WaitUnwritten in "ext4_aiodio_wait" if self.serialized() => Op::UnwrittenWait;
    TakeImutex "mutex_lock(i_mutex)" => Op::Lock(IMutex, Exclusive);
    PointPrivate "iocb->private = &overwrite" => Op::Private(self.write.iocb(), PrivateOp::PointAtFlag);
    Probe(probe: OverwriteProbe)
        => OverwriteProbe::new(self.write.span, self.dioread_nolock && !self.unaligned_aio, self.kernel)
        => self.probed = Probed { overwrite: probe.overwrite, size: probe.size };
    Append in "generic_write_checks" "*pos = i_size_read" if self.write.append => Op::SizeRead
        => self.write = self.write.placed(Some(outcome.size()));
    StartTime in "file_update_time" "ext4_journal_start" if self.times() => Op::JournalStart(Handle::Time);
    StopTime in "file_update_time" "ext4_journal_stop" if self.times() => Op::JournalStop(Handle::Time);
    DropPages(pages: InvalidatePages) => InvalidatePages::before_io(self.write.range(), self.write_back(), self.kernel)
        => self.invalidated(&pages);
    DirectIo(io: DirectIo) if self.write.end() <= self.probed.size
        => DirectIo::new(self.write, self.kernel, take(&mut self.probed).overwrite)
        => { self.ended(io.failed, io.queued(), None); Step::DropAgain };
    IndDirectIo(io: IndDirectIo) => IndDirectIo::new(self.write, take(&mut self.probed).size, self.kernel)
        => self.ended(io.failed, false, io.rest());
    DropAgain(pages: InvalidatePages) => InvalidatePages::after_io(self.write.range(), self.kernel) => self.after_io();
    RereadSize in "generic_file_direct_write" "i_size_read" => Op::SizeRead
        => (self.write.end() <= outcome.size()).then_some(Step::DropImutex);
    RaiseSize in "generic_file_direct_write" "i_size_write" => Op::SizeWrite(self.write.end())
        => Step::DropImutex;
    Fallback(fallback: Box<BufferedFallback>) => self.fallback() => self.workers.extend(fallback.workers());
    DropImutex "mutex_unlock(i_mutex)" => Op::Unlock(IMutex, Exclusive);
    Sync(sync: Box<SyncFile>) if self.syncs() && self.io.queued => Box::new(SyncFile::of_queued(self.kernel));
    WriteSync "generic_write_sync" if self.syncs() => Op::WriteSync => self.io = Io::default();
    DropAioMutex "mutex_unlock(ext4_aio_mutex)" if self.serialized() => Op::Unlock(AioMutex, Exclusive);
    Worker(worker: Option<EndPageIo>) if !self.workers.is_empty() => self.workers.pop() => Step::Worker;
}

/// What the probe found.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
struct Probed {
    overwrite: bool,
    size: Size,
}

/// How the I/O ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
struct Io {
    failed: bool,
    /// It returned -EIOCBQUEUED.
    queued: bool,
    /// What was not written.
    rest: Option<Span>,
}

impl FileDioWrite {
    /// The write is O_SYNC.
    #[must_use]
    pub fn osync(self, osync: bool) -> FileDioWrite {
        FileDioWrite { osync, ..self }
    }

    /// `ext4_unaligned_aio`, of the position before O_APPEND has moved it.
    fn asks(&self) -> bool {
        self.write.unaligned() && self.write.end_io.is_some()
    }

    fn serialized(&self) -> bool {
        self.unaligned_aio && self.kernel.has(Fix::SerializeUnalignedAio)
    }

    /// RFC v1 updates the time of an overwrite later, inside ext4_ext_direct_IO.
    fn times(&self) -> bool {
        !self.probed.overwrite || self.kernel.has(Fix::TimeUnderImutex)
    }

    fn write_back(&self) -> WritePages {
        WritePages::new(self.write.task, self.kernel, self.dioread_nolock)
    }

    fn invalidated(&mut self, pages: &InvalidatePages) -> Option<Step> {
        self.workers.extend(pages.workers());
        let busy = pages.result() == Invalidated::Busy;
        busy.then(|| {
            self.probed = Probed::default();
            Step::Fallback
        })
    }

    fn ended(&mut self, failed: bool, queued: bool, rest: Option<Span>) {
        self.io = Io { failed: failed || self.write.fault.is_some(), queued, rest };
    }

    fn syncs(&self) -> bool {
        self.osync && !self.io.failed
    }

    /// Whether the I/O has been submitted or has failed, pages that came meanwhile are gone now.
    fn after_io(&mut self) -> Step {
        let Io { failed, queued, rest } = self.io;
        if !self.osync {
            self.io = Io { rest, ..Io::default() };
        }
        // What has failed, or is not over, leaves i_size alone.
        match (rest, failed || queued) {
            (Some(_), _) => Step::Fallback,
            (None, true) => Step::DropImutex,
            (None, false) => Step::RereadSize,
        }
    }

    fn fallback(&mut self) -> Box<BufferedFallback> {
        let rest = take(&mut self.io).rest.unwrap_or(self.write.span);
        Box::new(BufferedFallback::new(rest, false, self.write_back(), self.kernel))
    }
}
