//! `ext4_file_write_iter`: a direct write from the system call on, in v4.10 and v5.4.

use super::buffered_fallback::BufferedFallback;
use super::direct_io_write::DirectIoWrite;
use super::invalidate_pages::{InvalidatePages, Invalidated};
use super::iocb::PrivateOp;
use super::write::Write;
use super::writepages::WritePages;
use crate::extent_probe::OverwriteProbe;
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel};
use crate::op::{Blocks, Handle, Op, Outcome};
use crate::task::{Place, Task};

/// `ext4_file_write_iter`, with `__generic_file_write_iter` and `generic_file_direct_write` inside.
///
/// | step          | kernel (v5.4; * not in v4.10)                          | holds after      |
/// |---------------|--------------------------------------------------------|------------------|
/// | TakeRwsem     | ext4_file_write_iter: inode_lock                       | i_rwsem          |
/// | WaitUnwritten | ext4_unwritten_wait (unaligned, asynchronous)          | i_rwsem          |
/// | PointPrivate  | ext4_file_write_iter: iocb->private = &overwrite       | i_rwsem          |
/// | Probe         | ext4_overwrite_io, see OverwriteProbe                  | i_rwsem          |
/// | StartTime     | file_update_time: ext4_journal_start                   | i_rwsem, handle  |
/// | StopTime      | file_update_time: ext4_journal_stop                    | i_rwsem          |
/// | DropPages     | generic_file_direct_write, see InvalidatePages         | i_rwsem          |
/// | Fallback      | the pages are busy: see BufferedFallback               | i_rwsem          |
/// | DirectIo      | ext4_direct_IO_write, see DirectIoWrite                | i_rwsem          |
/// | DropAgain     | generic_file_direct_write, see InvalidatePages         | i_rwsem          |
/// | RereadSize    | generic_file_direct_write: i_size_read                 | i_rwsem          |
/// | RaiseSize     | generic_file_direct_write: i_size_write                | i_rwsem          |
/// | WaitOwn       | ext4_unwritten_wait (unaligned, asynchronous) *        | i_rwsem          |
/// | DropRwsem     | ext4_file_write_iter: inode_unlock                     |                  |
///
/// # Kernel
/// fs/ext4/file.c and mm/filemap.c, read in v4.10.17 and v5.4.18.
///
/// # Modelled
/// Cached pages no longer keep a write from being an overwrite (4b0524aae008, v4.9). `at_eof`: the
/// write starts at an i_size that is in the middle of the block; sizes are counted in blocks, so
/// the half block by which it grows is not modelled, only how it is serialised.
///
/// # Left out
/// O_APPEND, suid removal, O_SYNC, IOCB_NOWAIT.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FileWriteIter {
    write: Write,
    kernel: Kernel,
    dioread_nolock: bool,
    journal: bool,
    at_eof: bool,
    step: Step,
    overwrite: bool,
    size: Blocks,
    queued: bool,
    failed: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    TakeRwsem,
    WaitUnwritten,
    PointPrivate,
    Probe(OverwriteProbe),
    StartTime,
    StopTime,
    DropPages(InvalidatePages),
    Fallback(Box<BufferedFallback>),
    DirectIo(DirectIoWrite),
    DropAgain(InvalidatePages),
    RereadSize,
    RaiseSize,
    WaitOwn,
    DropRwsem,
    Done,
}

impl FileWriteIter {
    /// A write on a kernel, on a mount with or without dioread_nolock and a journal.
    pub fn new(write: Write, kernel: Kernel, dioread_nolock: bool, journal: bool) -> FileWriteIter {
        FileWriteIter {
            write,
            kernel,
            dioread_nolock,
            journal,
            at_eof: false,
            step: Step::TakeRwsem,
            overwrite: false,
            size: 0,
            queued: false,
            failed: false,
        }
    }

    /// It starts at i_size, which is in the middle of its block.
    #[must_use]
    pub fn at_eof(self, at_eof: bool) -> FileWriteIter {
        FileWriteIter { at_eof, ..self }
    }

    /// `ext4_unaligned_aio`: from i_size on there is nothing to collide with, or so it was thought.
    fn unaligned_aio(&self) -> bool {
        self.write.half.is_some()
            && self.write.end_io.is_some()
            && (!self.at_eof || self.kernel.has(Fix::AlignedPastEof))
    }

    fn serialized(&self) -> bool {
        self.unaligned_aio() && self.kernel.has(Fix::SerializeUnalignedAio)
    }

    fn direct_io(&self) -> Step {
        let (overwrite, size) = (self.overwrite, self.size);
        // do_blockdev_direct_IO waits for what ends past i_size.
        let end_io = self.write.end_io.filter(|_| !self.at_eof);
        let write = Write { end_io, ..self.write };
        let io = DirectIoWrite::new(write, self.kernel, self.journal, overwrite, size);
        Step::DirectIo(io)
    }

    fn write_back(&self) -> WritePages {
        WritePages::new(self.write.task, self.kernel, self.dioread_nolock)
    }

    fn drop_pages(&self) -> Step {
        let drop = InvalidatePages::before_io(self.write.range, self.write_back());
        if drop.next().is_some() { Step::DropPages(drop) } else { self.direct_io() }
    }

    fn fallback(&self) -> Step {
        let fallback = BufferedFallback::new(self.write.range, self.write_back(), self.kernel);
        Step::Fallback(Box::new(fallback))
    }

    fn drop_again(&self) -> Step {
        let drop = InvalidatePages::after_io(self.write.range);
        if drop.next().is_some() { Step::DropAgain(drop) } else { self.after_io() }
    }

    fn after_io(&self) -> Step {
        let alone = self.serialized() && self.kernel.has(Fix::UnalignedAlone);
        match (self.queued, self.failed) {
            (true, _) if alone => Step::WaitOwn,
            (true, _) | (_, true) => Step::DropRwsem,
            (false, false) => Step::RereadSize,
        }
    }
}

impl Task for FileWriteIter {
    fn next(&self) -> Option<Op> {
        Some(match &self.step {
            Step::TakeRwsem => Op::Lock(LockName::IRwsem, Mode::Exclusive),
            Step::WaitUnwritten | Step::WaitOwn => Op::UnwrittenWait,
            Step::PointPrivate => Op::Private(self.write.task, PrivateOp::PointAtFlag),
            Step::Probe(probe) => return probe.next(),
            Step::StartTime => Op::JournalStart(Handle::Time),
            Step::StopTime => Op::JournalStop(Handle::Time),
            Step::DropPages(drop) | Step::DropAgain(drop) => return drop.next(),
            Step::Fallback(fallback) => return fallback.next(),
            Step::DirectIo(direct_io) => return direct_io.next(),
            Step::RereadSize => Op::SizeRead,
            Step::RaiseSize => Op::SizeWrite(self.write.range.end()),
            Step::DropRwsem => Op::Unlock(LockName::IRwsem, Mode::Exclusive),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let serialized = self.serialized();
        self.step = match &mut self.step {
            Step::TakeRwsem if serialized => Step::WaitUnwritten,
            Step::TakeRwsem | Step::WaitUnwritten => Step::PointPrivate,
            Step::PointPrivate => {
                let allowed = self.dioread_nolock && !self.unaligned_aio();
                Step::Probe(OverwriteProbe::of_any_pages(self.write.range, allowed))
            }
            Step::Probe(probe) => {
                probe.resume(outcome);
                if probe.next().is_some() {
                    return;
                }
                (self.overwrite, self.size) = (probe.overwrite, probe.size);
                Step::StartTime
            }
            Step::StartTime => Step::StopTime,
            Step::StopTime => self.drop_pages(),
            Step::DropPages(drop) => {
                drop.resume(outcome);
                if drop.next().is_some() {
                    return;
                }
                if drop.result() == Invalidated::Busy { self.fallback() } else { self.direct_io() }
            }
            Step::Fallback(fallback) => {
                fallback.resume(outcome);
                if fallback.next().is_some() {
                    return;
                }
                Step::DropRwsem
            }
            Step::DirectIo(direct_io) => {
                direct_io.resume(outcome);
                if direct_io.next().is_some() {
                    return;
                }
                self.failed = direct_io.failed;
                self.queued = direct_io.end_io().is_some() && !direct_io.failed;
                self.drop_again()
            }
            Step::DropAgain(drop) => {
                drop.resume(outcome);
                if drop.next().is_some() {
                    return;
                }
                self.after_io()
            }
            Step::RereadSize => match outcome {
                Outcome::Value(size) if self.write.range.end() > size => Step::RaiseSize,
                _ => Step::DropRwsem,
            },
            Step::RaiseSize | Step::WaitOwn => Step::DropRwsem,
            Step::DropRwsem | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Step::Probe(probe) => return probe.place(),
            Step::DirectIo(direct_io) => return direct_io.place(),
            Step::TakeRwsem => ("TakeRwsem", "ext4_file_write_iter"),
            Step::WaitUnwritten => ("WaitUnwritten", "ext4_unwritten_wait"),
            Step::PointPrivate => ("PointPrivate", "ext4_file_write_iter"),
            Step::StartTime => ("StartTime", "file_update_time"),
            Step::StopTime => ("StopTime", "file_update_time"),
            Step::DropPages(drop) | Step::DropAgain(drop) => return drop.place(),
            Step::Fallback(fallback) => return fallback.place(),
            Step::RereadSize => ("RereadSize", "generic_file_direct_write"),
            Step::RaiseSize => ("RaiseSize", "generic_file_direct_write"),
            Step::WaitOwn => ("WaitOwn", "ext4_unwritten_wait"),
            Step::DropRwsem => ("DropRwsem", "ext4_file_write_iter"),
            Step::Done => ("Done", "ext4_file_write_iter"),
        };
        Place { step, kernel }
    }
}
