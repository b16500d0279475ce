//! `ext4_file_dio_write`: a direct write from the system call on.

use super::buffered_fallback::BufferedFallback;
use super::direct_io::DirectIo;
use super::end_page_io::EndPageIo;
use super::ind_direct_io::IndDirectIo;
use super::invalidate_pages::{InvalidatePages, Invalidated};
use super::iocb::PrivateOp;
use super::write::Write;
use super::writepages::WritePages;
use crate::extent_probe::OverwriteProbe;
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel};
use crate::op::{Blocks, Handle, Op, Outcome, Range};
use crate::task::{Place, Task};

/// `ext4_file_dio_write`, with `__generic_file_aio_write` and `generic_file_direct_write` inside.
///
/// | step          | kernel (v3.6)                                     | holds after              |
/// |---------------|---------------------------------------------------|--------------------------|
/// | TakeAioMutex  | ext4_file_dio_write: mutex_lock(ext4_aio_mutex)   | ext4_aio_mutex           |
/// | WaitUnwritten | ext4_aiodio_wait                                  | ext4_aio_mutex           |
/// | TakeImutex    | ext4_file_dio_write: mutex_lock(i_mutex)          | i_mutex                  |
/// | PointPrivate  | ext4_file_dio_write: iocb->private = &overwrite   | i_mutex                  |
/// | Probe         | ext4_file_dio_write, see OverwriteProbe           | i_mutex                  |
/// | StartTime     | file_update_time: ext4_journal_start              | i_mutex, handle          |
/// | StopTime      | file_update_time: ext4_journal_stop               | i_mutex                  |
/// | DropPages     | generic_file_direct_write, see InvalidatePages    | i_mutex                  |
/// | DirectIo      | ext4_ext_direct_IO, see DirectIo                  | i_mutex                  |
/// | IndDirectIo   | ext4_ind_direct_IO, see IndDirectIo (extending)   | i_mutex                  |
/// | DropAgain     | generic_file_direct_write, see InvalidatePages    | i_mutex                  |
/// | Fallback      | pages are busy, or I/O ended short: see BufferedFallback | i_mutex           |
/// | RereadSize    | generic_file_direct_write: i_size_read            | i_mutex                  |
/// | RaiseSize     | generic_file_direct_write: i_size_write           | i_mutex                  |
/// | DropImutex    | ext4_file_dio_write: mutex_unlock(i_mutex)        |                          |
/// | DropAioMutex  | ext4_file_dio_write: mutex_unlock(ext4_aio_mutex) |                          |
/// | Worker        | what writeback left to it, see EndPageIo          |                          |
///
/// # Left out
/// O_APPEND, suid removal, O_SYNC, block plugging; the test of an unaligned write's position against i_size
/// before any lock is taken; the look at i_size after a short write, which ended within it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FileDioWrite {
    write: Write,
    kernel: Kernel,
    dioread_nolock: bool,
    workers: Vec<EndPageIo>,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    TakeAioMutex,
    WaitUnwritten,
    TakeImutex,
    PointPrivate,
    Probe(OverwriteProbe),
    StartTime(Verdict),
    StopTime(Verdict),
    DropPages(Verdict, InvalidatePages),
    Fallback(Box<BufferedFallback>),
    DirectIo(DirectIo),
    IndDirectIo(IndDirectIo),
    DropAgain(InvalidatePages, Box<Step>),
    RereadSize,
    RaiseSize,
    DropImutex,
    DropAioMutex,
    Worker(EndPageIo),
    Done,
}

/// What the probe found.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Verdict {
    overwrite: bool,
    size: Blocks,
}

impl FileDioWrite {
    /// A write on a kernel, on a mount with or without dioread_nolock.
    pub fn new(write: Write, kernel: Kernel, dioread_nolock: bool) -> FileDioWrite {
        let (workers, step) = (Vec::new(), Step::TakeImutex);
        let mut task = FileDioWrite { write, kernel, dioread_nolock, workers, step };
        if task.serialized() {
            task.step = Step::TakeAioMutex;
        }
        task
    }

    fn unaligned_aio(&self) -> bool {
        self.write.half.is_some() && self.write.end_io.is_some()
    }

    fn serialized(&self) -> bool {
        self.unaligned_aio() && self.kernel.has(Fix::SerializeUnalignedAio)
    }

    fn direct_io(&self, verdict: Verdict) -> Step {
        if self.write.range.end() > verdict.size {
            Step::IndDirectIo(IndDirectIo::new(self.write, verdict.size, self.kernel))
        } else {
            Step::DirectIo(DirectIo::new(self.write, self.kernel, verdict.overwrite))
        }
    }

    /// What has returned -EIOCBQUEUED leaves i_size alone.
    fn after_io(&self, failed: bool, queued: bool) -> Step {
        let failed = failed || self.write.fault.is_some();
        if failed || queued { Step::DropImutex } else { Step::RereadSize }
    }

    fn write_back(&self) -> WritePages {
        WritePages::new(self.write.task, self.kernel, self.dioread_nolock)
    }

    fn before_io(&self, verdict: Verdict) -> Step {
        let invalidate = InvalidatePages::before_io(self.write.range, self.write_back());
        match invalidate.next() {
            Some(_) => Step::DropPages(verdict, invalidate),
            None => self.direct_io(verdict),
        }
    }

    fn invalidated(&mut self, verdict: Verdict, invalidate: &InvalidatePages) -> Step {
        self.workers.extend(invalidate.workers());
        match invalidate.result() {
            Invalidated::Busy => self.fallback(self.write.range),
            Invalidated::Gone | Invalidated::Again => self.direct_io(verdict),
        }
    }

    fn fallback(&self, rest: Range) -> Step {
        Step::Fallback(Box::new(BufferedFallback::new(rest, self.write_back(), self.kernel)))
    }

    /// Whether the I/O has been submitted or has failed, pages that came meanwhile go.
    fn drop_again(&self, then: Step) -> Step {
        let invalidate = InvalidatePages::after_io(self.write.range);
        match invalidate.next() {
            Some(_) => Step::DropAgain(invalidate, Box::new(then)),
            None => then,
        }
    }

    fn worker(&mut self) -> Step {
        self.workers.pop().map_or(Step::Done, Step::Worker)
    }
}

impl Task for FileDioWrite {
    fn next(&self) -> Option<Op> {
        Some(match &self.step {
            Step::TakeAioMutex => Op::Lock(LockName::AioMutex, Mode::Exclusive),
            Step::WaitUnwritten => Op::UnwrittenWait,
            Step::TakeImutex => Op::Lock(LockName::IMutex, Mode::Exclusive),
            Step::PointPrivate => Op::Private(self.write.task, PrivateOp::PointAtFlag),
            Step::Probe(probe) => return probe.next(),
            Step::StartTime(_) => Op::JournalStart(Handle::Time),
            Step::StopTime(_) => Op::JournalStop(Handle::Time),
            Step::DropPages(_, drop) | Step::DropAgain(drop, _) => return drop.next(),
            Step::Fallback(fallback) => return fallback.next(),
            Step::Worker(worker) => return worker.next(),
            Step::DirectIo(direct_io) => return direct_io.next(),
            Step::IndDirectIo(direct_io) => return direct_io.next(),
            Step::RereadSize => Op::SizeRead,
            Step::RaiseSize => Op::SizeWrite(self.write.range.end()),
            Step::DropImutex => Op::Unlock(LockName::IMutex, Mode::Exclusive),
            Step::DropAioMutex => Op::Unlock(LockName::AioMutex, Mode::Exclusive),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let serialized = self.serialized();
        self.step = match &mut self.step {
            Step::TakeAioMutex => Step::WaitUnwritten,
            Step::WaitUnwritten => Step::TakeImutex,
            Step::TakeImutex => Step::PointPrivate,
            Step::PointPrivate => {
                let allowed = self.dioread_nolock && !self.unaligned_aio();
                Step::Probe(OverwriteProbe::new(self.write.range, allowed))
            }
            Step::Probe(probe) => {
                probe.resume(outcome);
                if probe.next().is_some() {
                    return;
                }
                let verdict = Verdict { overwrite: probe.overwrite, size: probe.size };
                // RFC v1 updates the time of an overwrite later, inside ext4_ext_direct_IO.
                if verdict.overwrite && !self.kernel.has(Fix::TimeUnderImutex) {
                    self.before_io(verdict)
                } else {
                    Step::StartTime(verdict)
                }
            }
            Step::StartTime(verdict) => Step::StopTime(*verdict),
            Step::StopTime(verdict) => {
                let verdict = *verdict;
                self.before_io(verdict)
            }
            Step::DropPages(verdict, drop) => {
                drop.resume(outcome);
                if drop.next().is_some() {
                    return;
                }
                let (verdict, drop) = (*verdict, drop.clone());
                self.invalidated(verdict, &drop)
            }
            Step::Fallback(fallback) => {
                fallback.resume(outcome);
                if fallback.next().is_some() {
                    return;
                }
                self.workers.extend(fallback.workers());
                Step::DropImutex
            }
            Step::DropAgain(drop, then) => {
                drop.resume(outcome);
                if drop.next().is_some() {
                    return;
                }
                (**then).clone()
            }
            Step::DirectIo(direct_io) => {
                direct_io.resume(outcome);
                if direct_io.next().is_some() {
                    return;
                }
                let (failed, queued) = (direct_io.failed, direct_io.queued());
                self.drop_again(self.after_io(failed, queued))
            }
            Step::IndDirectIo(direct_io) => {
                direct_io.resume(outcome);
                if direct_io.next().is_some() {
                    return;
                }
                let (failed, rest) = (direct_io.failed, direct_io.rest());
                let short = rest.map(|rest| self.fallback(rest));
                self.drop_again(short.unwrap_or_else(|| self.after_io(failed, false)))
            }
            Step::RereadSize => match outcome {
                Outcome::Value(size) if self.write.range.end() > size => Step::RaiseSize,
                _ => Step::DropImutex,
            },
            Step::RaiseSize => Step::DropImutex,
            Step::DropImutex if serialized => Step::DropAioMutex,
            Step::DropImutex | Step::DropAioMutex => self.worker(),
            Step::Worker(worker) => {
                worker.resume(outcome);
                if worker.next().is_some() {
                    return;
                }
                self.worker()
            }
            Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Step::Probe(probe) => return probe.place(),
            Step::DirectIo(direct_io) => return direct_io.place(),
            Step::IndDirectIo(direct_io) => return direct_io.place(),
            Step::TakeAioMutex => ("TakeAioMutex", "ext4_file_dio_write"),
            Step::WaitUnwritten => ("WaitUnwritten", "ext4_aiodio_wait"),
            Step::TakeImutex => ("TakeImutex", "ext4_file_dio_write"),
            Step::PointPrivate => ("PointPrivate", "ext4_file_dio_write"),
            Step::StartTime(_) => ("StartTime", "file_update_time"),
            Step::StopTime(_) => ("StopTime", "file_update_time"),
            Step::DropPages(_, drop) | Step::DropAgain(drop, _) => return drop.place(),
            Step::Fallback(fallback) => return fallback.place(),
            Step::Worker(worker) => return worker.place(),
            Step::RereadSize => ("RereadSize", "generic_file_direct_write"),
            Step::RaiseSize => ("RaiseSize", "generic_file_direct_write"),
            Step::DropImutex => ("DropImutex", "ext4_file_dio_write"),
            Step::DropAioMutex => ("DropAioMutex", "ext4_file_dio_write"),
            Step::Done => ("Done", "ext4_file_dio_write"),
        };
        Place { step, kernel }
    }
}
