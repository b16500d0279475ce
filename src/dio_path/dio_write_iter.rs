//! `ext4_dio_write_iter`: a direct write from v5.10 on.

use super::buffered_fallback::BufferedFallback;
use super::dio_write_checks::DioWriteChecks;
use super::inode_extension::InodeExtension;
use super::invalidate_pages::Invalidated;
use super::iomap_dio_rw::{IomapDioRw, Plan};
use super::write::Write;
use super::writepages::WritePages;
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{Blocks, Handle, Op, OrphanOp, Outcome};
use crate::task::{Place, Task};

/// How a write is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct WriteFlags {
    /// `IOCB_NOWAIT`: -EAGAIN instead of waiting.
    pub nowait: bool,
    /// `O_SYNC`.
    pub osync: bool,
    /// It starts at i_size, which is in the middle of its block (v4.10 and v5.4 only).
    pub at_eof: bool,
}

/// `ext4_dio_write_iter`.
///
/// | step        | kernel (v6.12; * up to v6.1)                                   | holds after      |
/// |-------------|----------------------------------------------------------------|------------------|
/// | QuickCheck  | ext4_dio_write_iter: i_size_read, no lock held                 |                  |
/// | TakeShared  | inode_lock_shared                                              | i_rwsem R        |
/// | TakeAlone   | inode_lock                                                     | i_rwsem W        |
/// | TryShared   | inode_trylock_shared (IOCB_NOWAIT)                             | i_rwsem R        |
/// | TryAlone    | inode_trylock (IOCB_NOWAIT)                                    | i_rwsem W        |
/// | Checks      | ext4_dio_write_checks, see DioWriteChecks                      | i_rwsem          |
/// | Drain       | ext4_dio_write_iter: inode_dio_wait (unaligned) *              | i_rwsem W        |
/// | StartOrphan | ext4_dio_write_iter: ext4_journal_start (extending)            | i_rwsem W, handle|
/// | AddOrphan   | ext4_orphan_add (extending)                                    | i_rwsem W, handle|
/// | StopOrphan  | ext4_dio_write_iter: ext4_journal_stop (extending)             | i_rwsem W        |
/// | Io          | iomap_dio_rw, see IomapDioRw                                   | i_rwsem          |
/// | Extension   | ext4_handle_inode_extension or its cleanup, see InodeExtension | i_rwsem W        |
/// | DropRwsem   | inode_unlock_shared or inode_unlock                            |                  |
/// | Fallback    | the pages were busy (-ENOTBLK): see BufferedFallback           |                  |
///
/// # Kernel
/// fs/ext4/file.c, read in v5.10.44, v6.1-rc7, v6.1.141 and v6.12.
///
/// # Modelled
/// The lock is taken in the mode that a look at i_size without any lock suggests; up to v6.1 an
/// unaligned write asks for it alone at once. An asynchronous write gives the lock back with its I/O
/// in flight. Unaligned writes under the lock alone, and extending ones, are waited for. (Were an
/// extending one not, the kernel would take it for failed and cut its blocks off; here it would be
/// left to its completion.)
///
/// With IOCB_NOWAIT -EAGAIN comes: without a lock, where the lock is not to be had in the mode asked for; from
/// the checks, which give the shared lock back, where it would have to be upgraded; and, with the lock held
/// alone, for an unaligned or extending write: in v6.12 in the checks before `file_modified`, up to v6.1 after
/// them, so that it has stamped the time, and may have waited for a commit, all the same. No lock is held
/// after any of them (`ext4_dio_write_iter`, `ext4_dio_write_checks`, v5.10.44, v6.1.192, v6.12.117).
///
/// # Left out
/// `EXT4_STATE_MAY_INLINE_DATA` (B44), the buffered rest of a short
/// write.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DioWriteIter {
    write: Write,
    flags: WriteFlags,
    kernel: Kernel,
    journal: bool,
    step: Step,
    found: Found,
}

/// What the checks found.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
struct Found {
    shared: bool,
    extend: bool,
    unwritten: bool,
    size: Blocks,
    /// The pages of the range could not be invalidated.
    busy: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    QuickCheck,
    TakeShared,
    TakeAlone,
    TryShared,
    TryAlone,
    Checks(DioWriteChecks),
    Drain,
    StartOrphan,
    AddOrphan,
    StopOrphan,
    Io(IomapDioRw),
    Extension(InodeExtension),
    DropRwsem,
    Fallback(Box<BufferedFallback>),
    Done,
}

impl DioWriteIter {
    /// A write on a kernel, on a file system with a journal or without.
    pub fn new(write: Write, flags: WriteFlags, kernel: Kernel, journal: bool) -> DioWriteIter {
        let found = Found::default();
        DioWriteIter { write, flags, kernel, journal, step: Step::QuickCheck, found }
    }

    /// How its I/O is done, once that is decided and until it is over.
    pub fn plan(&self) -> Option<Plan> {
        if let Step::Io(io) = &self.step { Some(io.plan()) } else { None }
    }

    /// Whether it is not to wait.
    pub fn nowait(&self) -> bool {
        self.flags.nowait
    }

    fn unaligned(&self) -> bool {
        self.write.half.is_some()
    }

    fn modern(&self) -> bool {
        self.kernel.version >= Version::V6_12
    }

    fn checks(&self, shared: bool) -> Step {
        Step::Checks(DioWriteChecks::new(self.write, self.kernel, self.flags.nowait, shared))
    }

    fn checked(&mut self, checks: &DioWriteChecks) -> Step {
        let (shared, extend) = (checks.shared, checks.extend);
        self.found =
            Found { shared, extend, unwritten: checks.unwritten, size: checks.size, busy: false };
        if checks.again {
            Step::Done
        } else if self.modern() || !self.unaligned() && !extend {
            self.orphan()
        } else if self.flags.nowait {
            Step::DropRwsem
        } else if self.unaligned() && self.kernel.has(Fix::UnalignedDrain) {
            Step::Drain
        } else {
            self.orphan()
        }
    }

    fn orphan(&self) -> Step {
        if self.found.extend { Step::StartOrphan } else { self.io() }
    }

    fn io(&self) -> Step {
        let Found { shared, extend, unwritten, size, .. } = self.found;
        let waits = self.unaligned() && self.kernel.has(Fix::UnalignedForceWait)
            || extend && self.kernel.has(Fix::ExtendForceWait);
        let plan = Plan {
            overwrite_ops: shared && !(self.modern() && unwritten),
            size,
            force_wait: waits && !shared,
            osync: self.flags.osync,
            nowait: self.flags.nowait,
        };
        Step::Io(IomapDioRw::new(self.write, self.kernel, plan))
    }

    /// A write that must not wait is not tried again by buffered I/O: -EOPNOTSUPP.
    fn unlocked(&self) -> Step {
        if !self.found.busy || self.flags.nowait {
            return Step::Done;
        }
        let write_back = WritePages::new(self.write.task, self.kernel, false);
        let fallback = BufferedFallback::new(self.write.range, write_back, self.kernel);
        Step::Fallback(Box::new(fallback))
    }

    /// After the I/O, or after none if the pages would not go.
    fn after_io(&self, queued: bool, gone: bool) -> Step {
        if !self.found.extend || queued {
            return Step::DropRwsem;
        }
        if !gone {
            return Step::Extension(InodeExtension::cleanup(self.kernel));
        }
        let early = self.kernel.version >= Version::V6_1 && self.kernel.has(Fix::ExtensionInEndIo);
        match (early, self.kernel.has(Fix::OrphanCleanup)) {
            (true, false) => Step::DropRwsem,
            (true, true) => Step::Extension(InodeExtension::cleanup(self.kernel)),
            (false, _) => {
                let end = self.write.range.end();
                Step::Extension(InodeExtension::after_io(end, self.kernel))
            }
        }
    }

    fn mode(&self) -> Mode {
        if self.found.shared { Mode::Shared } else { Mode::Exclusive }
    }
}

impl Task for DioWriteIter {
    fn next(&self) -> Option<Op> {
        let rwsem = LockName::IRwsem;
        Some(match &self.step {
            Step::QuickCheck => Op::SizeRead,
            Step::TakeShared => Op::Lock(rwsem, Mode::Shared),
            Step::TakeAlone => Op::Lock(rwsem, Mode::Exclusive),
            Step::TryShared => Op::TryLock(rwsem, Mode::Shared),
            Step::TryAlone => Op::TryLock(rwsem, Mode::Exclusive),
            Step::Checks(checks) => return checks.next(),
            Step::Drain => Op::DioWait,
            Step::StartOrphan => Op::JournalStart(Handle::Orphan),
            Step::AddOrphan => Op::Orphan(OrphanOp::Add),
            Step::StopOrphan => Op::JournalStop(Handle::Orphan),
            Step::Io(io) => return io.next(),
            Step::Extension(extension) => return extension.next(),
            Step::DropRwsem => Op::Unlock(rwsem, self.mode()),
            Step::Fallback(fallback) => return fallback.next(),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        self.step = match &mut self.step {
            Step::QuickCheck => {
                let past = matches!(outcome, Outcome::Value(s) if self.write.range.end() > s);
                let alone = past || self.unaligned() && !self.modern();
                match (alone, self.flags.nowait) {
                    (false, false) => Step::TakeShared,
                    (true, false) => Step::TakeAlone,
                    (false, true) => Step::TryShared,
                    (true, true) => Step::TryAlone,
                }
            }
            Step::TryShared | Step::TryAlone if outcome == Outcome::Flag(false) => Step::Done,
            Step::TakeShared | Step::TryShared => self.checks(true),
            Step::TakeAlone | Step::TryAlone => self.checks(false),
            Step::Checks(checks) => {
                checks.resume(outcome);
                if checks.next().is_some() {
                    return;
                }
                let checks = checks.clone();
                self.checked(&checks)
            }
            Step::Drain => self.orphan(),
            Step::StartOrphan if self.journal => Step::AddOrphan,
            Step::StartOrphan | Step::AddOrphan => Step::StopOrphan,
            Step::StopOrphan => self.io(),
            Step::Io(io) => {
                io.resume(outcome);
                if io.next().is_some() {
                    return;
                }
                let (queued, invalidated) = (io.queued(), io.invalidated());
                self.found.busy = invalidated == Invalidated::Busy;
                self.after_io(queued, invalidated == Invalidated::Gone)
            }
            Step::Extension(extension) => {
                extension.resume(outcome);
                if extension.next().is_some() {
                    return;
                }
                Step::DropRwsem
            }
            Step::DropRwsem => self.unlocked(),
            Step::Fallback(fallback) => {
                fallback.resume(outcome);
                if fallback.next().is_some() {
                    return;
                }
                Step::Done
            }
            Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match &self.step {
            Step::Checks(checks) => return checks.place(),
            Step::Io(io) => return io.place(),
            Step::Extension(extension) => return extension.place(),
            Step::Fallback(fallback) => return fallback.place(),
            Step::QuickCheck => "QuickCheck",
            Step::TakeShared => "TakeShared",
            Step::TakeAlone => "TakeAlone",
            Step::TryShared => "TryShared",
            Step::TryAlone => "TryAlone",
            Step::Drain => "Drain",
            Step::StartOrphan => "StartOrphan",
            Step::AddOrphan => "AddOrphan",
            Step::StopOrphan => "StopOrphan",
            Step::DropRwsem => "DropRwsem",
            Step::Done => "Done",
        };
        Place { step, kernel: "ext4_dio_write_iter" }
    }
}
