//! `ext4_dio_write_checks`: does this write need the lock alone?

use super::write::Write;
use crate::extent_probe::{DataSemHeld, MapBlocks};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::IRwsem;
use crate::op::Mode::{self, Exclusive, Shared};
use crate::op::{Extent, Handle, MapFor, Mapped, Op, Size};
use crate::task::steps;

steps! {
    /// `ext4_dio_write_checks`, entered with `i_rwsem` held in either mode.
    ///
    /// # Kernel
    /// Read in v5.10.44, v6.1-rc7, v6.1.141, v6.12, v6.18.2, v7.0.0 and v7.1.5 (fs/ext4/file.c). What v7.3 changes is
    /// from the messages of 63b314a7795e, 07961ebb09c9 and 59a9d0814d9f; of its functions `ext4_dio_needs_zeroing` was
    /// read, in a translation to Rust.
    ///
    /// # Modelled
    /// The upgrade is drop, retake, restart. Up to v6.1 a write that once looked extending stays so after the
    /// restart, blocks are looked up only under the shared lock, and all must be written; v6.12 looks
    /// in both modes and lets an aligned write into unwritten blocks stay shared, an unaligned one only
    /// into written blocks. `ext4_overwrite_io` calls `ext4_map_blocks` once, which finds one extent: fewer
    /// blocks than asked for, because the next are of the other kind, mean no overwrite. (Blocks of one kind
    /// are one extent here.) v7.3 asks nothing of the blocks of an aligned write, and of an unaligned one whether those
    /// at its ends are written, in two lookups where here is one. `inode_dio_wait` stands here in v6.12 and in `ext4_dio_write_iter` before.
    ///
    /// # Left out
    /// That in v7.3 a write with IOCB_NOWAIT returns -EAGAIN where the time has to be stamped: what is followed is one
    /// where that is up to date. Limits of size, security information (`IS_NOSEC` is taken to hold).
    pub struct DioWriteChecks {
        /// With O_APPEND moved to where the file ends.
        pub write: Write,
        kernel: Kernel,
        nowait: bool,
        overwrite: bool,
        /// The lock is held shared.
        pub shared: bool,
        /// The write extends the file.
        pub extend: bool,
        /// Some blocks are unwritten.
        pub unwritten: bool,
        /// i_size, as read last.
        pub size: Size,
        /// It returned -EAGAIN, and no lock is held.
        pub again: bool,
    }
    in "ext4_dio_write_checks" => Step / At |self, outcome|;

    Append in "generic_write_checks" "ki_pos = i_size_read" if self.write.append => Op::SizeRead
        => self.write = self.write.placed(Some(outcome.size()));
    ReadSize in "ext4_extending_io" "i_size_read" => Op::SizeRead => self.read_size(outcome.size());
    ReadDisksize in "ext4_extending_io" "i_disksize" if self.within() => Op::DisksizeRead
        => self.extends(outcome.size());
    LookUp(map: Option<MapBlocks>) "ext4_overwrite_io: ext4_map_blocks(.., 0); v7.3: ext4_dio_needs_zeroing" => self.look_up()
        => self.looked_up(map);
    DropShared "inode_unlock_shared" if self.upgrades() => Op::Unlock(IRwsem, Shared);
    TakeAlone "inode_lock, and restart" if self.upgrades() => Op::Lock(IRwsem, Exclusive) => self.upgraded();
    Drain in "inode_dio_wait" "unaligned" if self.modern() && self.drains() => Op::DioWait;
    StartTime in "file_modified" "ext4_journal_start" if self.stamps_time() => Op::JournalStart(Handle::Time);
    StopTime in "file_modified" "ext4_journal_stop" if self.stamps_time() => Op::JournalStop(Handle::Time);
    GiveUp "inode_unlock; -EAGAIN" if self.again => Op::Unlock(IRwsem, self.mode());
}

impl DioWriteChecks {
    /// Checks `write`, with the lock held `shared` or alone.
    pub fn new(write: Write, kernel: Kernel, nowait: bool, shared: bool) -> DioWriteChecks {
        let (overwrite, extend, unwritten, size, again) = Default::default();
        let step = At::Done;
        DioWriteChecks {
            write,
            kernel,
            nowait,
            overwrite,
            shared,
            extend,
            unwritten,
            size,
            again,
            step,
        }
        .begin()
    }

    fn modern(&self) -> bool {
        self.kernel.version >= Version::V6_12
    }

    fn mode(&self) -> Mode {
        if self.shared { Shared } else { Exclusive }
    }

    fn read_size(&mut self, size: Size) {
        self.size = size;
        // v6.12 assigns, its predecessors only ever set it.
        self.extend &= !self.modern();
        self.extends(self.size);
    }

    fn extends(&mut self, size: Size) {
        self.extend |= self.write.end() > size && self.kernel.has(Fix::RecheckExtend);
    }

    fn within(&self) -> bool {
        self.write.end() <= self.size
    }

    /// Which blocks there are no longer matters to an aligned write in v7.3.
    fn shares_holes(&self) -> bool {
        self.kernel.has(Fix::HolesShared) && !self.write.unaligned()
    }

    /// With IOCB_NOWAIT v7.3 would return -EAGAIN if the time had to be stamped: it is taken for up to date.
    fn stamps_time(&self) -> bool {
        !(self.nowait && self.kernel.has(Fix::TimeNowait))
    }

    fn look_up(&mut self) -> Option<MapBlocks> {
        self.overwrite = self.within() && self.shares_holes();
        let looks =
            !self.overwrite && self.within() && (self.modern() || self.shared && !self.extend);
        looks.then(|| MapBlocks::look_up(self.write.range(), MapFor::Probe, DataSemHeld::No))
    }

    /// What must not wait gives up where the lock would have to be upgraded, and in v6.12 where it is to be
    /// held alone.
    fn looked_up(&mut self, map: Option<MapBlocks>) -> Option<Step> {
        if let Some(map) = map {
            let found = self.asked_about(map.found().unwrap_or_default());
            let all = |extent| found.iter().all(|m| m.extent == extent);
            let (written, unwritten) = (all(Extent::Written), all(Extent::Unwritten));
            // One call finds one extent: a write across two kinds is no overwrite.
            self.overwrite = written || self.modern() && unwritten && !self.zeroing_decides();
            // (`*unwritten` is not touched where it is none.)
            if self.overwrite {
                self.unwritten = unwritten;
            }
        }
        let alone = self.modern() && !self.shared && (self.write.unaligned() || self.extend);
        self.again = self.nowait && (self.upgrades() || alone);
        self.again.then_some(Step::GiveUp)
    }

    /// Whether `ext4_dio_needs_zeroing` is asked, and not whether it is an overwrite.
    fn zeroing_decides(&self) -> bool {
        self.write.unaligned() && self.kernel.has(Fix::NeedsZeroing)
    }

    /// The blocks that decide: those that are written in part, if zeroing is what is asked about.
    fn asked_about(&self, found: &[Mapped]) -> Vec<Mapped> {
        let cut = self.write.span.cut();
        let ends = [(cut.front, found.first()), (cut.back, found.last())];
        match self.zeroing_decides() {
            true => {
                ends.into_iter().filter_map(|(part, end)| end.copied().filter(|_| part)).collect()
            }
            false => found.to_vec(),
        }
    }

    fn upgrades(&self) -> bool {
        let zeroes = self.modern() && self.write.unaligned() && self.unwritten;
        self.shared && (self.extend || !self.overwrite || zeroes)
    }

    fn upgraded(&mut self) -> Step {
        self.shared = false;
        if self.kernel.has(Fix::RestartChecks) { Step::Append } else { Step::StartTime }
    }

    fn drains(&self) -> bool {
        let drains = self.write.unaligned() && (!self.overwrite || self.unwritten);
        !self.shared && drains && self.kernel.has(Fix::UnalignedDrain)
    }
}
