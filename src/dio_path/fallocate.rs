//! `ext4_fallocate`: preallocation, up to v3.11.

use super::flush::FlushCompleted;
use super::write::Fault;
use crate::extent_probe::MapBlocks;
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel};
use crate::op::{MapFor, Op, Outcome, Range};
use crate::task::{Place, Task};

/// A fallocate that keeps the size.
///
/// | step          | kernel (v3.7; * only there)                               | holds after |
/// |---------------|-----------------------------------------------------------|-------------|
/// | TakeImutex    | ext4_fallocate: mutex_lock(i_mutex)                       | i_mutex     |
/// | Flush         | ext4_flush_unwritten_io, see FlushCompleted *             | i_mutex     |
/// | WaitUnwritten | ext4_flush_unwritten_io: ext4_unwritten_wait *            | i_mutex     |
/// | Allocate      | ext4_map_blocks(CREATE_UNINIT_EXT), see MapBlocks         | i_mutex     |
/// | DropImutex    | ext4_fallocate: mutex_unlock(i_mutex)                     |             |
///
/// # Kernel
/// `ext4_fallocate` (fs/ext4/extents.c; v3.6, v3.7.2, v3.11): only v3.7.2 flushes.
/// `ext4_can_extents_be_merged`: v3.6.5, v3.7.2 and v3.8.13 merge two unwritten extents, v3.11 does not.
///
/// # Left out
/// The loop over what one handle can allocate, credits (B14) and i_size (see ExtFallocate).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Fallocate {
    range: Range,
    kernel: Kernel,
    fault: Option<Fault>,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    TakeImutex,
    Flush(FlushCompleted),
    WaitUnwritten,
    Allocate(MapBlocks),
    DropImutex,
    Done,
}

impl Fallocate {
    /// Preallocates a range.
    pub fn new(range: Range, kernel: Kernel) -> Fallocate {
        Fallocate { range, kernel, fault: None, step: Step::TakeImutex }
    }

    /// The same, but no block can be allocated, or no handle.
    #[must_use]
    pub fn failing(self, fault: Option<Fault>) -> Fallocate {
        Fallocate { fault, ..self }
    }

    fn allocate(&self) -> Step {
        let merge = !self.kernel.has(Fix::NoMergeUnwritten);
        let how = match self.fault {
            None => MapFor::Preallocate { merge },
            Some(Fault::Enospc) => MapFor::CreateFails,
            // ext4_journal_start fails: nothing was done.
            Some(Fault::Enomem) => return Step::DropImutex,
        };
        Step::Allocate(MapBlocks::create(self.range, how, false, false))
    }
}

impl Task for Fallocate {
    fn next(&self) -> Option<Op> {
        Some(match &self.step {
            Step::TakeImutex => Op::Lock(LockName::IMutex, Mode::Exclusive),
            Step::Flush(flush) => return flush.next(),
            Step::WaitUnwritten => Op::UnwrittenWait,
            Step::Allocate(map) => return map.next(),
            Step::DropImutex => Op::Unlock(LockName::IMutex, Mode::Exclusive),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        self.step = match &mut self.step {
            Step::TakeImutex if self.kernel.has(Fix::FallocateFlush) => {
                Step::Flush(FlushCompleted::new(self.kernel, None, true))
            }
            Step::TakeImutex | Step::WaitUnwritten => self.allocate(),
            Step::Flush(flush) => {
                flush.resume(outcome);
                if flush.next().is_some() {
                    return;
                }
                Step::WaitUnwritten
            }
            Step::Allocate(map) => {
                map.resume(outcome);
                if map.next().is_some() {
                    return;
                }
                Step::DropImutex
            }
            Step::DropImutex | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match &self.step {
            Step::Flush(flush) => return flush.place(),
            // The handle is this function's own.
            Step::Allocate(map) if map.place().kernel == "_ext4_get_block" => {
                return Place { kernel: "ext4_fallocate", ..map.place() };
            }
            Step::Allocate(map) => return map.place(),
            Step::TakeImutex => "TakeImutex",
            Step::WaitUnwritten => "WaitUnwritten",
            Step::DropImutex => "DropImutex",
            Step::Done => "Done",
        };
        Place { step, kernel: "ext4_fallocate" }
    }
}
