//! `ext4_dio_write_iter`: a direct write from v5.10 on.

use super::dio_write_checks::DioWriteChecks;
use super::inode_extension::InodeExtension;
use super::iomap_dio_rw::{IomapDioRw, Plan};
use super::write::Write;
use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::IRwsem;
use crate::op::Mode::{self, Exclusive, Shared};
use crate::op::{Handle, Op, OrphanOp, Outcome, Size};
use crate::page_cache::{BufferedFallback, Invalidated, WritePages};
use crate::resize::TruncateFailedWrite;
use crate::task::steps;
use std::mem::take;

/// How a write is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct WriteFlags {
    /// `IOCB_NOWAIT`: -EAGAIN instead of waiting.
    pub nowait: bool,
    /// `O_SYNC`.
    pub osync: bool,
}

steps! {
    /// `ext4_dio_write_iter`.
    ///
    /// # Kernel
    /// fs/ext4/file.c, read in v5.10.44, v6.1-rc7, v6.1.141, v6.12, v6.18.2, v7.0.0 and v7.1.5.
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
    pub struct DioWriteIter { found: Found, gave_up: bool }
    /// A write on a kernel, on a file system with a journal or without.
    pub fn new(write: Write, flags: WriteFlags, kernel: Kernel, journal: bool);
    in "ext4_dio_write_iter" => Step / At |self, outcome|;

    QuickCheck "i_size_read, no lock held" => Op::SizeRead => self.found.shared = !self.alone(outcome.size());
    TakeShared "inode_lock_shared" if self.found.shared && !self.flags.nowait => Op::Lock(IRwsem, Shared);
    TakeAlone "inode_lock" if !self.found.shared && !self.flags.nowait => Op::Lock(IRwsem, Exclusive);
    TryShared "inode_trylock_shared" if self.found.shared && self.flags.nowait => Op::TryLock(IRwsem, Shared)
        => self.tried(&outcome);
    TryAlone "inode_trylock" if !self.found.shared && self.flags.nowait => Op::TryLock(IRwsem, Exclusive)
        => self.tried(&outcome);
    Checks(checks: DioWriteChecks) "ext4_dio_write_checks" => self.checks() => self.checked(&checks);
    Drain "inode_dio_wait" if !self.modern() && self.unaligned() && self.kernel.has(Fix::UnalignedDrain)
        => Op::DioWait;
    StartOrphan "ext4_journal_start" if self.found.extend => Op::JournalStart(Handle::Orphan);
    AddOrphan "ext4_orphan_add" if self.found.extend && self.journal => Op::Orphan(OrphanOp::Add);
    StopOrphan "ext4_journal_stop" if self.found.extend => Op::JournalStop(Handle::Orphan);
    Io(io: IomapDioRw) "iomap_dio_rw" => IomapDioRw::new(self.placed(), self.kernel, self.planned())
        => self.after_io(&io);
    Extension(extension: InodeExtension) "ext4_handle_inode_extension"
        => self.extension() => if extension.truncates() { Step::Truncate } else { Step::DropRwsem };
    Cleanup(cleanup: InodeExtension) "ext4_inode_extension_cleanup" => InodeExtension::cleanup(self.kernel)
        => Step::DropRwsem;
    Truncate(truncate: TruncateFailedWrite) => TruncateFailedWrite::new(self.kernel, self.journal);
    DropRwsem "inode_unlock_shared or inode_unlock" => Op::Unlock(IRwsem, self.mode());
    Fallback(fallback: Box<BufferedFallback>) "(-ENOTBLK)" if self.found.busy && !self.flags.nowait
        => self.fallback();
}

/// What the checks found.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
struct Found {
    /// Where a write with O_APPEND goes.
    start: Option<Size>,
    shared: bool,
    extend: bool,
    unwritten: bool,
    size: Size,
    /// The pages of the range could not be invalidated.
    busy: bool,
    /// There was no space.
    failed: bool,
}

impl DioWriteIter {
    /// How its I/O is done, once that is decided and until it is over.
    pub fn plan(&self) -> Option<Plan> {
        if let At::Io(io) = &self.step { Some(io.plan()) } else { None }
    }

    /// Whether it returned -EAGAIN.
    pub fn gave_up(&self) -> bool {
        self.gave_up
    }

    /// Whether it is not to wait.
    pub fn nowait(&self) -> bool {
        self.flags.nowait
    }

    /// The write where it goes.
    fn placed(&self) -> Write {
        self.write.placed(self.found.start)
    }

    /// Up to v6.1 that is asked of the position before O_APPEND has moved it.
    fn unaligned(&self) -> bool {
        if self.modern() { self.placed().unaligned() } else { self.write.unaligned() }
    }

    fn modern(&self) -> bool {
        self.kernel.version >= Version::V6_12
    }

    fn alone(&self, size: Size) -> bool {
        self.write.end() > size || self.unaligned() && !self.modern()
    }

    fn tried(&mut self, outcome: &Outcome) -> Option<Step> {
        outcome.no().then(|| {
            self.found = Found::default();
            self.gave_up = true;
            Step::Done
        })
    }

    fn checks(&mut self) -> DioWriteChecks {
        let shared = take(&mut self.found.shared);
        DioWriteChecks::new(self.write, self.kernel, self.flags.nowait, shared)
    }

    fn checked(&mut self, checks: &DioWriteChecks) -> Option<Step> {
        let &DioWriteChecks { write, shared, extend, unwritten, size, again, .. } = checks;
        let start = write.append.then_some(write.span.start);
        self.found = Found { start, shared, extend, unwritten, size, ..Found::default() };
        let alone = !self.modern() && (self.unaligned() || extend);
        self.gave_up = again || alone && self.flags.nowait;
        if again {
            return Some(Step::Done);
        }
        self.gave_up.then_some(Step::DropRwsem)
    }

    fn planned(&self) -> Plan {
        let Found { shared, extend, unwritten, size, .. } = self.found;
        let waits = self.unaligned() && self.kernel.has(Fix::UnalignedForceWait)
            || extend && self.kernel.has(Fix::ExtendForceWait);
        Plan {
            overwrite_ops: shared
                && !(self.modern() && unwritten)
                && self.kernel.version < Version::V7_0,
            size,
            force_wait: waits && !shared,
            osync: self.flags.osync,
            nowait: self.flags.nowait,
        }
    }

    /// After the I/O, or after none if the pages would not go.
    fn after_io(&mut self, io: &IomapDioRw) -> Step {
        self.found.busy = io.invalidated() == Invalidated::Busy;
        self.gave_up = io.gave_up || io.invalidated() == Invalidated::Again;
        self.found.failed = io.failed;
        let in_end_io =
            self.kernel.version >= Version::V6_1 && self.kernel.has(Fix::ExtensionInEndIo);
        if !self.found.extend || io.queued() {
            return Step::DropRwsem;
        }
        match (io.failed, io.invalidated() == Invalidated::Gone, in_end_io) {
            (true, _, true) => Step::Truncate,
            (_, true, false) => Step::Extension,
            (false, false, _) => Step::Cleanup,
            _ if self.kernel.has(Fix::OrphanCleanup) => Step::Cleanup,
            _ => Step::DropRwsem,
        }
    }

    fn extension(&self) -> InodeExtension {
        let end = self.placed().end();
        match self.found.failed {
            true => InodeExtension::after_failed_io(end, self.kernel),
            false => InodeExtension::after_io(end, self.kernel),
        }
    }

    fn mode(&self) -> Mode {
        if self.found.shared { Shared } else { Exclusive }
    }

    /// A write that must not wait is not tried again by buffered I/O: -EOPNOTSUPP.
    fn fallback(&self) -> Box<BufferedFallback> {
        let write_back = WritePages::new(self.write.task, self.kernel, false);
        let append = self.write.append;
        Box::new(BufferedFallback::new(self.placed().span, append, write_back, self.kernel))
    }
}
