//! `iomap_dio_rw` for writing: maps and submits, and waits if it must.

use super::iomap_dio_complete::IomapDioComplete;
use super::write::{Write, new_ends};
use crate::extent_probe::{DataSemHeld, MapBlocks};
use crate::kernel::{Fix, Kernel};
use crate::op::{
    Bio, Ends, Extent, Fault, MapFor, Mapped, Op, PhysicalBlock, Size, Submission, TaskId,
};
use crate::page_cache::{InvalidatePages, Invalidated, WritePages};
use crate::task::steps;

steps! {
    /// `__iomap_dio_rw` with `ext4_iomap_begin` inside, and `iomap_dio_complete` if the caller waits.
    ///
    /// # Kernel
    /// fs/iomap/direct-io.c, and `ext4_iomap_begin`, `ext4_iomap_overwrite_begin`, `ext4_iomap_alloc`
    /// (fs/ext4/inode.c), read in v5.10.44, v6.1-rc7, v6.1.141, v6.12, v6.18.2 and v7.0.0; `iomap_dio_bio_iter` in
    /// v5.10.44, v6.1.192 and v6.12. That `ext4_iomap_begin` is where v7.3 gives up under NOWAIT is derived from the
    /// message of 07d62890ef19.
    ///
    /// # Modelled
    /// The overwrite operations only look; the others look first if the write ends within i_size, and
    /// allocate (or split what is unwritten) if not everything is written. From i_size on blocks are
    /// allocated as written ones. v7.0 has no overwrite operations, and takes unwritten blocks as they are: the
    /// conversion splits (`ext4_split_convert_extents`). An unaligned write zeroes the rest of a new or unwritten block, and what is
    /// behind it in its last block if it ends at i_size or past it.
    ///
    /// # Left out
    /// That the zeros are bios of their own, before and behind the data: here they go with it. Whether they are
    /// written is told by the i_size of the plan: it does not change while the lock is held. Short I/O, polling.
    ///
    /// Mapping in more than one piece: `ext4_iomap_begin` finds one extent, `__iomap_dio_rw` asks again for the
    /// rest, and what it has is submitted meanwhile. All pieces are one dio, with one reference and one
    /// completion that converts the whole range; a write across two kinds of extents holds i_rwsem alone. What
    /// is lost is that the first blocks may be on the device before the next are mapped.
    pub struct IomapDioRw {
        blocks: Vec<PhysicalBlock>,
        unwritten: bool,
        /// Some blocks are there for this write.
        new: bool,
        /// Ends in blocks that look new.
        fresh: Ends,
        invalidated: Invalidated,
        /// It would have had to allocate, and must not wait.
        pub gave_up: bool,
        /// There was no space.
        pub failed: bool,
    }
    /// Performs `write` as planned.
    pub fn new(write: Write, kernel: Kernel, plan: Plan);
    in "__iomap_dio_rw" => Step / At |self, outcome|;

    DropPages(pages: InvalidatePages) "kiocb_invalidate_pages" => self.drop_pages()
        => self.dropped(pages.result());
    BeginIo "inode_dio_begin" => Op::DioBegin(self.counted_for());
    LookUp(map: MapBlocks) "ext4_iomap_begin: ext4_map_blocks(.., 0)" if self.looks()
        => MapBlocks::look_up(self.write.range(), MapFor::Io, DataSemHeld::No) => self.looked_up(&map);
    GiveUp(complete: IomapDioComplete) "ext4_iomap_begin: -EAGAIN" if self.allocates_nothing()
        => IomapDioComplete::failed(self.write.span, self.counted_for(), self.kernel) => self.give_up();
    Allocate(map: MapBlocks) "ext4_iomap_alloc" => self.allocate() => self.allocated(&map);
    Submit "iomap_dio_submit_bio; returns -EIOCBQUEUED" if self.queued()
        => Op::Submit(self.end_io()?, self.submission()) => Step::Done;
    RunBio "iomap_dio_submit_bio, and the wait for it" if !self.blocks.is_empty()
        => Op::Bio(self.blocks.clone(), self.bio());
    Complete(complete: IomapDioComplete) "iomap_dio_complete" => self.complete();
}

/// What the caller decided.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Plan {
    /// `ext4_iomap_overwrite_ops`.
    pub overwrite_ops: bool,
    /// i_size, as read under the lock.
    pub size: Size,
    /// `IOMAP_DIO_FORCE_WAIT`.
    pub force_wait: bool,
    /// O_SYNC.
    pub osync: bool,
    /// IOCB_NOWAIT.
    pub nowait: bool,
}

impl IomapDioRw {
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

    fn drop_pages(&self) -> InvalidatePages {
        let (task, range) = (self.write.task, self.write.range());
        if self.plan.nowait {
            return InvalidatePages::nowait(range, self.kernel);
        }
        InvalidatePages::before_io(range, WritePages::new(task, self.kernel, false), self.kernel)
    }

    fn dropped(&mut self, invalidated: Invalidated) -> Option<Step> {
        self.invalidated = invalidated;
        (invalidated != Invalidated::Gone).then_some(Step::Done)
    }

    fn looks(&self) -> bool {
        self.plan.overwrite_ops || self.write.end() <= self.plan.size
    }

    fn looked_up(&mut self, map: &MapBlocks) -> Option<Step> {
        let found = map.found().unwrap_or_default();
        let as_is = self.kernel.has(Fix::UnwrittenAsIs);
        let there =
            |m: &Mapped| m.extent == Extent::Written || as_is && m.extent == Extent::Unwritten;
        (found.iter().all(there) || self.plan.overwrite_ops).then(|| self.mapped(found))
    }

    fn allocates_nothing(&self) -> bool {
        self.plan.nowait && self.kernel.has(Fix::NowaitAllocatesNothing)
    }

    fn give_up(&mut self) -> Step {
        self.gave_up = true;
        Step::Done
    }

    fn allocate(&mut self) -> MapBlocks {
        let range = self.write.range();
        let how = match self.write.fault {
            Some(Fault::Enospc) => MapFor::CreateFails,
            _ if Size::blocks(range.start) >= self.plan.size => MapFor::Extend,
            _ => MapFor::Create,
        };
        MapBlocks::create(range, how, false, false)
    }

    /// Where nothing could be allocated the count goes, and nothing else is done.
    fn allocated(&mut self, map: &MapBlocks) -> Step {
        self.failed = map.found().is_none();
        self.mapped(map.found().unwrap_or_default())
    }

    fn mapped(&mut self, found: &[Mapped]) -> Step {
        self.unwritten = found.iter().any(|m| m.extent == Extent::Unwritten);
        self.new = found.iter().any(|m| m.extent == Extent::Hole);
        self.fresh = new_ends(found);
        self.blocks = found.iter().filter_map(|m| m.block).collect();
        Step::Submit
    }

    fn bio(&self) -> Bio {
        let past = self.write.end() >= self.plan.size;
        let zeroed = Ends { back: self.fresh.back || past, ..self.fresh };
        self.write.bio(self.blocks.len(), zeroed)
    }

    fn submission(&self) -> Submission {
        let (span, blocks) = (self.write.span, self.blocks.clone());
        let more = self.write.end() > self.plan.size || self.new;
        let syncs = self.plan.osync && self.kernel.has(Fix::CompWorkSync);
        let works = self.kernel.has(Fix::InlineCompletion) && (more || syncs);
        Submission { span, blocks, bio: self.bio(), unwritten: self.unwritten, works }
    }

    fn complete(&self) -> IomapDioComplete {
        let (span, of) = (self.write.span, self.counted_for());
        if self.failed {
            return IomapDioComplete::failed(span, of, self.kernel);
        }
        IomapDioComplete::new(span, of, self.unwritten, self.kernel).osync(self.plan.osync)
    }
}
