//! `iomap_dio_rw` for writing: maps and submits, and waits if it must.

use super::invalidate_pages::{InvalidatePages, Invalidated};
use super::iomap_dio_complete::IomapDioComplete;
use super::write::{Fault, Write};
use super::writepages::WritePages;
use crate::extent_probe::{DataSemHeld, Extent, MapBlocks, Mapped};
use crate::kernel::Kernel;
use crate::op::{Bio, Blocks, MapFor, Op, Outcome, PhysicalBlock, Submission, TaskId};
use crate::task::{Place, Task};

/// `__iomap_dio_rw` with `ext4_iomap_begin` inside, and `iomap_dio_complete` if the caller waits.
///
/// | step         | kernel (v6.12)                                              | holds after |
/// |--------------|-------------------------------------------------------------|-------------|
/// | DropPages    | kiocb_invalidate_pages, see InvalidatePages                 | i_rwsem     |
/// | BeginIo      | __iomap_dio_rw: inode_dio_begin                             | i_rwsem     |
/// | LookUp       | ext4_iomap_begin: ext4_map_blocks(.., 0), see MapBlocks     | i_rwsem     |
/// | Allocate     | ext4_iomap_alloc, see MapBlocks                             | i_rwsem     |
/// | Submit       | iomap_dio_submit_bio; returns -EIOCBQUEUED                  | i_rwsem     |
/// | RunBio       | iomap_dio_submit_bio, and the wait for it                   | i_rwsem     |
/// | Complete     | iomap_dio_complete, see IomapDioComplete                    | i_rwsem     |
///
/// # Kernel
/// fs/iomap/direct-io.c, and `ext4_iomap_begin`, `ext4_iomap_overwrite_begin`, `ext4_iomap_alloc`
/// (fs/ext4/inode.c), read in v5.10.44, v6.1-rc7, v6.1.141 and v6.12.
///
/// # Modelled
/// The overwrite operations only look; the others look first if the write ends within i_size, and
/// allocate (or split what is unwritten) if not everything is written. From i_size on blocks are
/// allocated as written ones. An unaligned write zeroes the rest of a new or unwritten block.
///
/// # Left out
/// Short I/O, polling. Mapping in more than one piece: `ext4_iomap_begin` finds one extent, `__iomap_dio_rw`
/// asks again for the rest, and what it has is submitted meanwhile. All pieces are one dio, with one
/// reference and one completion that converts the whole range; a write across two kinds of extents holds
/// i_rwsem alone. What is lost is that the first blocks may be on the device before the next are mapped.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct IomapDioRw {
    write: Write,
    kernel: Kernel,
    plan: Plan,
    step: Step,
    blocks: Vec<PhysicalBlock>,
    unwritten: bool,
    fresh: bool,
    invalidated: Invalidated,
}

/// What the caller decided.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Plan {
    /// `ext4_iomap_overwrite_ops`.
    pub overwrite_ops: bool,
    /// i_size, as read under the lock.
    pub size: Blocks,
    /// `IOMAP_DIO_FORCE_WAIT`.
    pub force_wait: bool,
    /// O_SYNC.
    pub osync: bool,
    /// IOCB_NOWAIT.
    pub nowait: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    DropPages(InvalidatePages),
    BeginIo,
    LookUp(MapBlocks),
    Allocate(MapBlocks),
    Submit,
    RunBio,
    Complete(IomapDioComplete),
    Done,
}

impl IomapDioRw {
    /// Performs `write` as planned.
    pub fn new(write: Write, kernel: Kernel, plan: Plan) -> IomapDioRw {
        let invalidate = if plan.nowait {
            InvalidatePages::nowait(write.range)
        } else {
            InvalidatePages::before_io(write.range, WritePages::new(write.task, kernel, false))
        };
        let step = match invalidate.next() {
            Some(_) => Step::DropPages(invalidate),
            None => Step::BeginIo,
        };
        IomapDioRw {
            write,
            kernel,
            plan,
            step,
            blocks: Vec::new(),
            unwritten: false,
            fresh: false,
            invalidated: Invalidated::Gone,
        }
    }

    /// What came of the pages in the range: unless they are gone there was no I/O.
    pub fn invalidated(&self) -> Invalidated {
        self.invalidated
    }

    /// What its caller decided.
    pub fn plan(&self) -> Plan {
        self.plan
    }

    /// Whether it returned with its I/O in flight.
    pub fn queued(&self) -> bool {
        self.end_io().is_some() && !self.blocks.is_empty()
    }

    fn end_io(&self) -> Option<TaskId> {
        self.write.end_io.filter(|_| !self.plan.force_wait)
    }

    fn counted_for(&self) -> TaskId {
        self.end_io().unwrap_or(self.write.task)
    }

    fn bio(&self) -> Bio {
        let zero_rest = (self.unwritten || self.fresh) && self.write.half.is_some();
        Bio::Write { half: self.write.half, zero_rest }
    }

    fn map(&mut self) -> Step {
        let range = self.write.range;
        if self.plan.overwrite_ops || range.end() <= self.plan.size {
            return Step::LookUp(MapBlocks::look_up(range, MapFor::Io, DataSemHeld::No));
        }
        self.allocate()
    }

    fn allocate(&mut self) -> Step {
        let range = self.write.range;
        let how = match self.write.fault {
            Some(Fault::Enospc) => MapFor::CreateFails,
            _ if range.start >= self.plan.size => MapFor::Extend,
            _ => MapFor::Create,
        };
        self.fresh = how == MapFor::Extend;
        Step::Allocate(MapBlocks::create(range, how, false, false))
    }

    fn mapped(&mut self, found: &[Mapped]) -> Step {
        self.unwritten = found.iter().any(|m| m.extent == Extent::Unwritten);
        self.blocks = found.iter().filter_map(|m| m.block).collect();
        match (self.blocks.is_empty(), self.end_io()) {
            // Nothing could be allocated: the count goes, nothing else was done.
            (true, _) => self.complete(),
            (false, Some(_)) => Step::Submit,
            (false, None) => Step::RunBio,
        }
    }

    fn complete(&self) -> Step {
        let (range, of) = (self.write.range, self.counted_for());
        let complete = IomapDioComplete::new(range, of, self.unwritten, self.kernel);
        Step::Complete(complete.osync(self.plan.osync))
    }
}

impl Task for IomapDioRw {
    fn next(&self) -> Option<Op> {
        Some(match &self.step {
            Step::DropPages(drop) => return drop.next(),
            Step::BeginIo => Op::DioBegin(self.counted_for()),
            Step::LookUp(map) | Step::Allocate(map) => return map.next(),
            Step::Submit => {
                let submission = Submission {
                    range: self.write.range,
                    blocks: self.blocks.clone(),
                    bio: self.bio(),
                    unwritten: self.unwritten,
                };
                Op::Submit(self.end_io()?, submission)
            }
            Step::RunBio => Op::Bio(self.blocks.clone(), self.bio()),
            Step::Complete(complete) => return complete.next(),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        self.step = match &mut self.step {
            Step::DropPages(drop) => {
                drop.resume(outcome);
                if drop.next().is_some() {
                    return;
                }
                self.invalidated = drop.result();
                if self.invalidated == Invalidated::Gone { Step::BeginIo } else { Step::Done }
            }
            Step::BeginIo => self.map(),
            Step::LookUp(map) => {
                map.resume(outcome);
                if map.next().is_some() {
                    return;
                }
                let found = map.found().unwrap_or_default().to_vec();
                let written = found.iter().all(|m| m.extent == Extent::Written);
                if written || self.plan.overwrite_ops {
                    self.mapped(&found)
                } else {
                    self.allocate()
                }
            }
            Step::Allocate(map) => {
                map.resume(outcome);
                if map.next().is_some() {
                    return;
                }
                let found = map.found().unwrap_or_default().to_vec();
                self.mapped(&found)
            }
            Step::Submit => Step::Done,
            Step::RunBio => self.complete(),
            Step::Complete(complete) => {
                complete.resume(outcome);
                if complete.next().is_some() {
                    return;
                }
                Step::Done
            }
            Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match &self.step {
            Step::LookUp(map) => return map.place(),
            Step::Allocate(map) => return map.place(),
            Step::Complete(complete) => return complete.place(),
            Step::DropPages(drop) => return drop.place(),
            Step::BeginIo => "BeginIo",
            Step::Submit => "Submit",
            Step::RunBio => "RunBio",
            Step::Done => "Done",
        };
        Place { step, kernel: "__iomap_dio_rw" }
    }
}
