//! `ext4_fallocate` and `ext4_zero_range`: who calls `ext4_alloc_file_blocks`.

use super::alloc_blocks::{AllocBlocks, has_gate};
use super::disksize_before_punch::DisksizeBeforePunch;
use super::setattr::mmap_lock;
use super::truncate_pages::TruncatePages;
use super::write::Fault;
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{Handle, Op, Outcome, Range};
use crate::task::{Place, Task};

/// `ext4_fallocate`, for what it may rely on after its drain.
///
/// | step          | kernel (v4.10; * up to v3.11)                            | holds after   |
/// |---------------|----------------------------------------------------------|---------------|
/// | EstimateEarly | ext4_fallocate: ext4_chunk_trans_blocks *                |               |
/// | TakeLock      | ext4_fallocate: inode_lock                               | i_rwsem       |
/// | SampleSize    | ext4_fallocate: i_size_read (growing)                    | i_rwsem       |
/// | SampleDisksize | ext4_fallocate: i_disksize (growing, from v5.4)         | i_rwsem       |
/// | CloseGate     | ext4_inode_block_unlocked_dio (v4.10 only)               | i_rwsem, gate |
/// | Drain         | ext4_fallocate: inode_dio_wait (from 0d306dcf86e8)       | i_rwsem, gate |
/// | Alloc         | ext4_alloc_file_blocks, see AllocBlocks                  | i_rwsem, gate |
/// | OpenGate      | ext4_inode_resume_unlocked_dio (v4.10 only)              | i_rwsem       |
/// | DropLock      | ext4_fallocate: inode_unlock                             |               |
///
/// # Kernel
/// fs/ext4/extents.c, read in v3.6, v3.7.2, v3.11, v4.10.17, v5.4.18, v5.10.44, v6.1.141 and v6.12.
/// Between the two lies a time with the estimate under `i_mutex` and without the drain: v4.10 without
/// 0d306dcf86e8. From v6.15 on, and in 6.12.117, `ext4_fallocate` itself takes the lock, drains and stamps the
/// time, all before the functions of each mode look at the sizes.
///
/// # Modelled
/// Up to v3.11 the credits are estimated before `i_mutex`, so v3.7's wait for conversions (see
/// Fallocate) comes too late for them and is left out. From v4.10 on `i_size` is looked at before the
/// drain. That is harmless: what was seen only says whether to grow at all, and
/// `ext4_update_inode_size` compares again; besides, a write that extends is never in flight without
/// the lock.
///
/// # Left out
/// Flags, `file_modified`, O_SYNC.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ExtFallocate {
    range: Range,
    grows: bool,
    kernel: Kernel,
    fault: Option<Fault>,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    EstimateEarly,
    TakeLock,
    SampleSize,
    SampleDisksize,
    CloseGate,
    Drain,
    Alloc(AllocBlocks),
    OpenGate,
    DropLock,
    Done,
}

impl ExtFallocate {
    /// Allocates `range`; with `grows` the file is to reach to its end.
    pub fn new(range: Range, grows: bool, kernel: Kernel) -> ExtFallocate {
        let early = kernel.version < Version::V4_10;
        let step = if early { Step::EstimateEarly } else { Step::TakeLock };
        ExtFallocate { range, grows, kernel, fault: None, step }
    }

    /// The same, but `ext4_alloc_file_blocks` fails.
    #[must_use]
    pub fn failing(self, fault: Option<Fault>) -> ExtFallocate {
        ExtFallocate { fault, ..self }
    }

    fn drain(&self) -> Step {
        let here = !has_gate(self.kernel) || self.kernel.has(Fix::GateInCallers);
        match (self.kernel.has(Fix::FallocateDrains) && here, has_gate(self.kernel)) {
            (true, true) => Step::CloseGate,
            (true, false) => Step::Drain,
            (false, _) => self.alloc(),
        }
    }

    fn alloc(&self) -> Step {
        Step::Alloc(AllocBlocks::new(self.range, self.grows, self.kernel).failing(self.fault))
    }

    fn opens(&self) -> bool {
        matches!(self.drain(), Step::CloseGate)
    }
}

impl Task for ExtFallocate {
    fn next(&self) -> Option<Op> {
        let (lock, alone) = (LockName::of_inode(self.kernel), Mode::Exclusive);
        Some(match &self.step {
            Step::EstimateEarly => Op::DepthRead,
            Step::TakeLock => Op::Lock(lock, alone),
            Step::SampleSize => Op::SizeRead,
            Step::SampleDisksize => Op::DisksizeRead,
            Step::CloseGate => Op::GateClose,
            Step::Drain => Op::DioWait,
            Step::Alloc(alloc) => return alloc.next(),
            Step::OpenGate => Op::GateOpen,
            Step::DropLock => Op::Unlock(lock, alone),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let opens = self.opens();
        let below = matches!(outcome, Outcome::Value(size) if size < self.range.end());
        self.step = match &mut self.step {
            Step::EstimateEarly => Step::TakeLock,
            Step::TakeLock if self.grows && self.kernel.version >= Version::V4_10 => {
                Step::SampleSize
            }
            Step::TakeLock => self.drain(),
            Step::SampleSize if !below && self.kernel.version >= Version::V5_4 => {
                Step::SampleDisksize
            }
            Step::SampleSize | Step::SampleDisksize => {
                self.grows = below;
                self.drain()
            }
            Step::CloseGate => Step::Drain,
            Step::Drain => self.alloc(),
            Step::Alloc(alloc) => {
                alloc.resume(outcome);
                if alloc.next().is_some() {
                    return;
                }
                if opens { Step::OpenGate } else { Step::DropLock }
            }
            Step::OpenGate => Step::DropLock,
            Step::DropLock | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Step::Alloc(alloc) => return alloc.place(),
            Step::EstimateEarly => ("EstimateEarly", "ext4_chunk_trans_blocks"),
            Step::TakeLock => ("TakeLock", "ext4_fallocate"),
            Step::SampleSize => ("SampleSize", "ext4_fallocate"),
            Step::SampleDisksize => ("SampleDisksize", "ext4_fallocate"),
            Step::CloseGate => ("CloseGate", "ext4_inode_block_unlocked_dio"),
            Step::Drain => ("Drain", "inode_dio_wait"),
            Step::OpenGate => ("OpenGate", "ext4_inode_resume_unlocked_dio"),
            Step::DropLock => ("DropLock", "ext4_fallocate"),
            Step::Done => ("Done", "ext4_fallocate"),
        };
        Place { step, kernel }
    }
}

/// `ext4_zero_range` of whole blocks.
///
/// | step         | kernel (v6.1; * v4.10 only, + from v6.1)               | holds after               |
/// |--------------|--------------------------------------------------------|---------------------------|
/// | TakeRwsem    | ext4_zero_range: inode_lock                            | i_rwsem                   |
/// | SampleSize   | ext4_zero_range: inode->i_size (growing)               | i_rwsem                   |
/// | SampleDisksize | ext4_zero_range: i_disksize (growing, from v5.4)     | i_rwsem                   |
/// | CloseGate    | ext4_inode_block_unlocked_dio *                        | i_rwsem, gate             |
/// | Drain        | ext4_zero_range: inode_dio_wait                        | i_rwsem                   |
/// | StartTime    | file_modified: ext4_journal_start +                    | i_rwsem, handle           |
/// | StopTime     | file_modified: ext4_journal_stop +                     | i_rwsem                   |
/// | TakeMmap     | filemap_invalidate_lock (to v5.10 i_mmap_sem)          | i_rwsem, invalidate_lock  |
/// | Disksize     | ext4_update_disksize_before_punch, see DisksizeBeforePunch | i_rwsem, invalidate_lock |
/// | DropPages    | truncate_pagecache_range, see TruncatePages            | i_rwsem, invalidate_lock  |
/// | Alloc        | ext4_alloc_file_blocks, see AllocBlocks                | i_rwsem, invalidate_lock  |
/// | DropMmap     | filemap_invalidate_unlock                              | i_rwsem                   |
/// | OpenGate     | ext4_inode_resume_unlocked_dio *                       | i_rwsem                   |
/// | DropRwsem    | ext4_zero_range: inode_unlock                          |                           |
///
/// # Kernel
/// fs/ext4/extents.c, read in v4.10.17, v5.4.18, v5.10.44, v6.1.141 and v6.12. That 17048e8a083f took
/// the second closing out of `ext4_alloc_file_blocks`, and why, is from its message.
///
/// # Left out
/// Partial blocks.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ZeroRange {
    range: Range,
    grows: bool,
    kernel: Kernel,
    fault: Option<Fault>,
    step: Zero,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Zero {
    TakeRwsem,
    SampleSize,
    SampleDisksize,
    CloseGate,
    Drain,
    StartTime,
    StopTime,
    TakeMmap,
    Disksize(DisksizeBeforePunch),
    DropPages(TruncatePages),
    Alloc(AllocBlocks),
    DropMmap,
    OpenGate,
    DropRwsem,
    Done,
}

impl ZeroRange {
    /// Zeroes `range`; with `grows` the file is to reach to its end.
    pub fn new(range: Range, grows: bool, kernel: Kernel) -> ZeroRange {
        ZeroRange { range, grows, kernel, fault: None, step: Zero::TakeRwsem }
    }

    /// The same, but `ext4_alloc_file_blocks` fails.
    #[must_use]
    pub fn failing(self, fault: Option<Fault>) -> ZeroRange {
        ZeroRange { fault, ..self }
    }

    fn drop_pages(&self) -> Zero {
        Zero::DropPages(TruncatePages::new(self.range))
    }

    fn drain(&self) -> Zero {
        match (has_gate(self.kernel), self.kernel.has(Fix::ZeroDrains)) {
            (true, _) => Zero::CloseGate,
            (false, true) => Zero::Drain,
            (false, false) => self.drained(),
        }
    }

    fn drained(&self) -> Zero {
        if self.kernel.version >= Version::V6_1 { Zero::StartTime } else { Zero::TakeMmap }
    }
}

impl Task for ZeroRange {
    fn next(&self) -> Option<Op> {
        let (rwsem, mmap, alone) = (LockName::IRwsem, mmap_lock(self.kernel), Mode::Exclusive);
        Some(match &self.step {
            Zero::TakeRwsem => Op::Lock(rwsem, alone),
            Zero::SampleSize => Op::SizeRead,
            Zero::SampleDisksize => Op::DisksizeRead,
            Zero::CloseGate => Op::GateClose,
            Zero::Drain => Op::DioWait,
            Zero::StartTime => Op::JournalStart(Handle::Time),
            Zero::StopTime => Op::JournalStop(Handle::Time),
            Zero::TakeMmap => Op::Lock(mmap, alone),
            Zero::Disksize(disksize) => return disksize.next(),
            Zero::DropPages(drop) => return drop.next(),
            Zero::Alloc(alloc) => return alloc.next(),
            Zero::DropMmap => Op::Unlock(mmap, alone),
            Zero::OpenGate => Op::GateOpen,
            Zero::DropRwsem => Op::Unlock(rwsem, alone),
            Zero::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let gate = has_gate(self.kernel);
        let below = matches!(outcome, Outcome::Value(size) if size < self.range.end());
        self.step = match &mut self.step {
            Zero::TakeRwsem if self.grows => Zero::SampleSize,
            Zero::TakeRwsem => self.drain(),
            Zero::SampleSize if !below && self.kernel.version >= Version::V5_4 => {
                Zero::SampleDisksize
            }
            Zero::SampleSize | Zero::SampleDisksize => {
                self.grows = below;
                self.drain()
            }
            Zero::CloseGate if self.kernel.has(Fix::ZeroDrains) => Zero::Drain,
            Zero::CloseGate | Zero::Drain => self.drained(),
            Zero::StartTime => Zero::StopTime,
            Zero::StopTime => Zero::TakeMmap,
            Zero::TakeMmap => {
                let disksize = DisksizeBeforePunch::new(self.range, self.kernel);
                if disksize.next().is_some() { Zero::Disksize(disksize) } else { self.drop_pages() }
            }
            Zero::Disksize(disksize) => {
                disksize.resume(outcome);
                if disksize.next().is_some() {
                    return;
                }
                self.drop_pages()
            }
            Zero::DropPages(drop) => {
                drop.resume(outcome);
                if drop.next().is_some() {
                    return;
                }
                let alloc = AllocBlocks::new(self.range, self.grows, self.kernel);
                Zero::Alloc(alloc.unwriting().failing(self.fault))
            }
            Zero::Alloc(alloc) => {
                alloc.resume(outcome);
                if alloc.next().is_some() {
                    return;
                }
                Zero::DropMmap
            }
            Zero::DropMmap if gate => Zero::OpenGate,
            Zero::DropMmap | Zero::OpenGate => Zero::DropRwsem,
            Zero::DropRwsem | Zero::Done => Zero::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Zero::DropPages(drop) => return drop.place(),
            Zero::Alloc(alloc) => return alloc.place(),
            Zero::TakeRwsem => ("TakeRwsem", "ext4_zero_range"),
            Zero::SampleSize => ("SampleSize", "ext4_zero_range"),
            Zero::SampleDisksize => ("SampleDisksize", "ext4_zero_range"),
            Zero::CloseGate => ("CloseGate", "ext4_inode_block_unlocked_dio"),
            Zero::Drain => ("Drain", "inode_dio_wait"),
            Zero::StartTime => ("StartTime", "ext4_zero_range"),
            Zero::StopTime => ("StopTime", "ext4_zero_range"),
            Zero::TakeMmap => ("TakeMmap", "ext4_zero_range"),
            Zero::Disksize(disksize) => return disksize.place(),
            Zero::DropMmap => ("DropMmap", "ext4_zero_range"),
            Zero::OpenGate => ("OpenGate", "ext4_inode_resume_unlocked_dio"),
            Zero::DropRwsem => ("DropRwsem", "ext4_zero_range"),
            Zero::Done => ("Done", "ext4_zero_range"),
        };
        Place { step, kernel }
    }
}
