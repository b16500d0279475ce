//! `ext4_file_dio_write`: a direct write from the system call on.

use super::direct_io::DirectIo;
use super::ind_direct_io::IndDirectIo;
use super::iocb::PrivateOp;
use super::write::Write;
use crate::extent_probe::OverwriteProbe;
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel};
use crate::op::{Handle, Op, Outcome};
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
/// | DropPages     | generic_file_direct_write: write back, invalidate | i_mutex                  |
/// | DirectIo      | ext4_ext_direct_IO, see DirectIo                  | i_mutex                  |
/// | IndDirectIo   | ext4_ind_direct_IO, see IndDirectIo (extending)   | i_mutex                  |
/// | RereadSize    | generic_file_direct_write: i_size_read            | i_mutex                  |
/// | RaiseSize     | generic_file_direct_write: i_size_write           | i_mutex                  |
/// | DropImutex    | ext4_file_dio_write: mutex_unlock(i_mutex)        |                          |
/// | DropAioMutex  | ext4_file_dio_write: mutex_unlock(ext4_aio_mutex) |                          |
///
/// # Left out
/// O_APPEND, suid removal, the second invalidation of cached pages, O_SYNC, block plugging; the
/// test of an unaligned write's position against i_size before any lock is taken.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FileDioWrite {
    write: Write,
    kernel: Kernel,
    dioread_nolock: bool,
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
    DropPages(Verdict),
    DirectIo(DirectIo),
    IndDirectIo(IndDirectIo),
    RereadSize,
    RaiseSize,
    DropImutex,
    DropAioMutex,
    Done,
}

/// What the probe found.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Verdict {
    overwrite: bool,
    extending: bool,
    maybe_cached: bool,
}

impl FileDioWrite {
    /// A write on a kernel, on a mount with or without dioread_nolock.
    pub fn new(write: Write, kernel: Kernel, dioread_nolock: bool) -> FileDioWrite {
        let mut task = FileDioWrite { write, kernel, dioread_nolock, step: Step::TakeImutex };
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
        if verdict.extending {
            Step::IndDirectIo(IndDirectIo::new(self.write, self.kernel))
        } else {
            Step::DirectIo(DirectIo::new(self.write, self.kernel, verdict.overwrite))
        }
    }

    /// What has returned -EIOCBQUEUED leaves i_size alone.
    fn after_io(&self, failed: bool, queued: bool) -> Step {
        let failed = failed || self.write.fault.is_some();
        if failed || queued { Step::DropImutex } else { Step::RereadSize }
    }

    fn before_io(&self, verdict: Verdict) -> Step {
        if verdict.maybe_cached { Step::DropPages(verdict) } else { self.direct_io(verdict) }
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
            Step::DropPages(_) => Op::PagesDrop,
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
                let verdict = Verdict {
                    overwrite: probe.overwrite,
                    extending: self.write.range.end() > probe.size,
                    maybe_cached: !probe.overwrite && probe.pages > 0
                        || !self.dioread_nolock
                        || self.unaligned_aio(),
                };
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
            Step::DropPages(verdict) => {
                let verdict = *verdict;
                self.direct_io(verdict)
            }
            Step::DirectIo(direct_io) => {
                direct_io.resume(outcome);
                if direct_io.next().is_some() {
                    return;
                }
                let (failed, queued) = (direct_io.failed, direct_io.queued());
                self.after_io(failed, queued)
            }
            Step::IndDirectIo(direct_io) => {
                direct_io.resume(outcome);
                if direct_io.next().is_some() {
                    return;
                }
                let failed = direct_io.failed;
                self.after_io(failed, false)
            }
            Step::RereadSize => match outcome {
                Outcome::Value(size) if self.write.range.end() > size => Step::RaiseSize,
                _ => Step::DropImutex,
            },
            Step::RaiseSize => Step::DropImutex,
            Step::DropImutex if serialized => Step::DropAioMutex,
            Step::DropImutex | Step::DropAioMutex | Step::Done => Step::Done,
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
            Step::DropPages(_) => ("DropPages", "generic_file_direct_write"),
            Step::RereadSize => ("RereadSize", "generic_file_direct_write"),
            Step::RaiseSize => ("RaiseSize", "generic_file_direct_write"),
            Step::DropImutex => ("DropImutex", "ext4_file_dio_write"),
            Step::DropAioMutex => ("DropAioMutex", "ext4_file_dio_write"),
            Step::Done => ("Done", "ext4_file_dio_write"),
        };
        Place { step, kernel }
    }
}
