//! `ext4_dio_write_checks`: does this write need the lock alone?

use super::write::Write;
use crate::extent_probe::{DataSemHeld, Extent, MapBlocks};
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{Blocks, Handle, MapFor, Op, Outcome};
use crate::task::{Place, Task};

/// `ext4_dio_write_checks`, entered with `i_rwsem` held in either mode.
///
/// | step         | kernel (v6.12; * not in v6.1)                             | holds after      |
/// |--------------|-----------------------------------------------------------|------------------|
/// | ReadSize     | ext4_extending_io: i_size_read                            | i_rwsem          |
/// | ReadDisksize | ext4_extending_io: i_disksize                             | i_rwsem          |
/// | LookUp       | ext4_overwrite_io: ext4_map_blocks(.., 0), see MapBlocks  | i_rwsem          |
/// | DropShared   | ext4_dio_write_checks: inode_unlock_shared                |                  |
/// | TakeAlone    | ext4_dio_write_checks: inode_lock, and restart            | i_rwsem W        |
/// | Drain        | ext4_dio_write_checks: inode_dio_wait (unaligned) *       | i_rwsem W        |
/// | StartTime    | file_modified: ext4_journal_start                         | i_rwsem, handle  |
/// | StopTime     | file_modified: ext4_journal_stop                          | i_rwsem          |
/// | GiveUp       | ext4_dio_write_checks: inode_unlock; -EAGAIN              |                  |
///
/// # Kernel
/// Read in v5.10.44, v6.1-rc7, v6.1.141 and v6.12 (fs/ext4/file.c).
///
/// # Modelled
/// The upgrade is drop, retake, restart. Up to v6.1 a write that once looked extending stays so after the
/// restart, blocks are looked up only under the shared lock, and all must be written; v6.12 looks
/// in both modes and lets an aligned write into unwritten blocks stay shared, an unaligned one only
/// into written blocks. `ext4_overwrite_io` calls `ext4_map_blocks` once, which finds one extent: fewer
/// blocks than asked for, because the next are of the other kind, mean no overwrite. (Blocks of one kind
/// are one extent here.) `inode_dio_wait` stands here in v6.12 and in `ext4_dio_write_iter` before.
///
/// # Left out
/// O_APPEND, limits of size, security information (`IS_NOSEC` is taken to hold).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DioWriteChecks {
    write: Write,
    kernel: Kernel,
    nowait: bool,
    step: Step,
    overwrite: bool,
    /// The lock is held shared.
    pub shared: bool,
    /// The write extends the file.
    pub extend: bool,
    /// Some blocks are unwritten.
    pub unwritten: bool,
    /// i_size, as read last.
    pub size: Blocks,
    /// It returned -EAGAIN, and no lock is held.
    pub again: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    ReadSize,
    ReadDisksize,
    LookUp(MapBlocks),
    DropShared,
    TakeAlone,
    Drain,
    StartTime,
    StopTime,
    GiveUp,
    Done,
}

impl DioWriteChecks {
    /// Checks `write`, with the lock held `shared` or alone.
    pub fn new(write: Write, kernel: Kernel, nowait: bool, shared: bool) -> DioWriteChecks {
        DioWriteChecks {
            write,
            kernel,
            nowait,
            step: Step::ReadSize,
            overwrite: false,
            shared,
            extend: false,
            unwritten: false,
            size: 0,
            again: false,
        }
    }

    fn modern(&self) -> bool {
        self.kernel.version >= Version::V6_12
    }

    fn mode(&self) -> Mode {
        if self.shared { Mode::Shared } else { Mode::Exclusive }
    }

    fn extends(&mut self, past: bool) {
        let past = past && self.kernel.has(Fix::RecheckExtend);
        // v6.12 assigns, its predecessors only ever set it.
        self.extend |= past;
    }

    fn after_sizes(&mut self) -> Step {
        self.overwrite = false;
        let within = self.write.range.end() <= self.size;
        let looks = if self.modern() { within } else { within && self.shared && !self.extend };
        if looks {
            let range = self.write.range;
            Step::LookUp(MapBlocks::look_up(range, MapFor::Probe, DataSemHeld::No))
        } else {
            self.decide()
        }
    }

    fn decide(&mut self) -> Step {
        let zeroes = self.modern() && self.write.half.is_some() && self.unwritten;
        if self.shared && (self.extend || !self.overwrite || zeroes) {
            return if self.nowait { Step::GiveUp } else { Step::DropShared };
        }
        let alone = self.write.half.is_some() || self.extend;
        if self.modern() && !self.shared && alone {
            let drains = self.write.half.is_some() && (!self.overwrite || self.unwritten);
            return match (self.nowait, drains && self.kernel.has(Fix::UnalignedDrain)) {
                (true, _) => Step::GiveUp,
                (false, true) => Step::Drain,
                (false, false) => Step::StartTime,
            };
        }
        Step::StartTime
    }
}

impl Task for DioWriteChecks {
    fn next(&self) -> Option<Op> {
        let rwsem = LockName::IRwsem;
        Some(match &self.step {
            Step::ReadSize => Op::SizeRead,
            Step::ReadDisksize => Op::DisksizeRead,
            Step::LookUp(map) => return map.next(),
            Step::DropShared => Op::Unlock(rwsem, Mode::Shared),
            Step::TakeAlone => Op::Lock(rwsem, Mode::Exclusive),
            Step::Drain => Op::DioWait,
            Step::StartTime => Op::JournalStart(Handle::Time),
            Step::StopTime => Op::JournalStop(Handle::Time),
            Step::GiveUp => Op::Unlock(rwsem, self.mode()),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let end = self.write.range.end();
        self.step = match &mut self.step {
            Step::ReadSize => {
                if let Outcome::Value(size) = outcome {
                    self.size = size;
                }
                if self.modern() {
                    self.extend = false;
                }
                self.extends(end > self.size);
                if end > self.size { self.after_sizes() } else { Step::ReadDisksize }
            }
            Step::ReadDisksize => {
                self.extends(matches!(outcome, Outcome::Value(disksize) if end > disksize));
                self.after_sizes()
            }
            Step::LookUp(map) => {
                map.resume(outcome);
                if map.next().is_some() {
                    return;
                }
                let found = map.found().unwrap_or_default();
                let all = |extent| found.iter().all(|m| m.extent == extent);
                let (written, unwritten) = (all(Extent::Written), all(Extent::Unwritten));
                // One call finds one extent: a write across two kinds is no overwrite.
                self.overwrite = written || self.modern() && unwritten;
                // (`*unwritten` is not touched where it is none.)
                if self.overwrite {
                    self.unwritten = unwritten;
                }
                self.decide()
            }
            Step::DropShared => Step::TakeAlone,
            Step::TakeAlone => {
                self.shared = false;
                let restarts = self.kernel.has(Fix::RestartChecks);
                if restarts { Step::ReadSize } else { Step::StartTime }
            }
            Step::Drain => Step::StartTime,
            Step::StartTime => Step::StopTime,
            Step::GiveUp => {
                self.again = true;
                Step::Done
            }
            Step::StopTime | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Step::LookUp(map) => return map.place(),
            Step::ReadSize => ("ReadSize", "ext4_extending_io"),
            Step::ReadDisksize => ("ReadDisksize", "ext4_extending_io"),
            Step::DropShared => ("DropShared", "ext4_dio_write_checks"),
            Step::TakeAlone => ("TakeAlone", "ext4_dio_write_checks"),
            Step::Drain => ("Drain", "inode_dio_wait"),
            Step::StartTime => ("StartTime", "file_modified"),
            Step::StopTime => ("StopTime", "file_modified"),
            Step::GiveUp => ("GiveUp", "ext4_dio_write_checks"),
            Step::Done => ("Done", "ext4_dio_write_checks"),
        };
        Place { step, kernel }
    }
}
