//! Direct reads under shared `i_rwsem`: `ext4_direct_IO_read`, later `ext4_dio_read_iter`.

use crate::extent_probe::{DataSemHeld, MapBlocks};
use crate::kernel::{Kernel, Version};
use crate::op::LockName::IRwsem;
use crate::op::Mode::Shared;
use crate::op::{
    Bio, Buffer, Extent, LogicalBlock, MapFor, Mapped, Op, PageNo, PhysicalBlock, Size, Span,
    Submission, TaskId,
};
use crate::page_cache::WritePages;
use crate::task::steps;

steps! {
    /// A direct read, v4.10 and later.
    ///
    /// # Kernel
    /// Read in v4.10.17, v5.4.18 (fs/ext4/inode.c, fs/direct-io.c), v5.10.44, v6.1-rc7 and v6.12; `ext4_map_blocks` and
    /// `ext4_set_iomap` (fs/ext4/inode.c) in v5.10.44, v6.1.192, v6.12, v6.12.117 and v6.18.2.
    ///
    /// # Modelled
    /// The order is the same in all of them, but that v4.10 and v5.4 write cached pages back before they
    /// read i_size. The DIOREAD_LOCK gate is not looked at: from 16c54688592c
    /// (v4.9) on no reader goes without the lock. An asynchronous read gives the lock back with its I/O in
    /// flight, and its completion does the rest.
    ///
    /// In v6.12 a block that is delayed (stored to, and without a block: it is so from the fault to writeback's
    /// allocation) is no hole to `ext4_set_iomap`, and `iomap_dio_iter` refuses it: EIO for all of the read. Up to v6.1 it
    /// is a hole, and reads as zeros. The look at the page stands for the extent status that the lookup itself reads.
    ///
    /// # Left out
    /// Mapping in more than one piece.
    pub struct DioReadIter {
        end_io: Option<TaskId>,
        blocks: Vec<PhysicalBlock>,
        /// So much of them lies within i_size.
        within: Size,
        /// i_size, which ends what it returns.
        size: Size,
        /// What the lookup found.
        found: Vec<Mapped>,
        /// The page that is looked at for delayed blocks.
        page: PageNo,
        /// One of them was delayed.
        failed: bool,
    }
    /// A read of `span`.
    pub fn new(task: TaskId, span: Span, kernel: Kernel, dioread_nolock: bool);
    in "ext4_dio_read_iter" => Step / At |self, outcome|;

    TakeShared "inode_lock_shared" => Op::Lock(IRwsem, Shared);
    ReadSize in "__iomap_dio_rw" "i_size_read" => Op::SizeRead
        => self.sized(outcome.size());
    LookForPages in "filemap_write_and_wait_range" "nrpages" => Op::PagesRead(self.kernel.paging.all())
        => (outcome.number() == 0).then_some(Step::BeginIo);
    WriteBack(write: Box<WritePages>) "filemap_write_and_wait_range" => self.write_back();
    BeginIo in "__iomap_dio_rw" "inode_dio_begin" => Op::DioBegin(self.counted_for());
    Map(map: MapBlocks) "ext4_iomap_begin" => MapBlocks::look_up(self.span.range(), MapFor::Io, DataSemHeld::No)
        => self.mapped(map.found().unwrap_or_default());
    LookForDelayed in "ext4_set_iomap" "EXT4_MAP_DELAYED" if self.tells_delayed() && self.finds_holes()
        => Op::PageDirty(self.page) => self.refused(outcome.buffers());
    Submit in "__iomap_dio_rw" "iomap_dio_submit_bio; -EIOCBQUEUED" if self.submits()
        => Op::Submit(self.end_io?, self.submission()) => Step::DropShared;
    RunBio in "__iomap_dio_rw" "iomap_dio_submit_bio, and the wait for it" if !self.blocks.is_empty()
        => Op::Bio(self.blocks.clone(), self.bio());
    EndIo in "iomap_dio_complete" "inode_dio_end" => Op::DioEnd(self.counted_for());
    DropShared "inode_unlock_shared" => Op::Unlock(IRwsem, Shared);
}

impl DioReadIter {
    /// The same, completed by that task.
    #[must_use]
    pub fn completed_by(self, end_io: Option<TaskId>) -> DioReadIter {
        DioReadIter { end_io, ..self }
    }

    /// Its completion, if it is asynchronous.
    pub fn end_io(&self) -> Option<TaskId> {
        self.end_io
    }

    /// Whether it returned EIO.
    pub fn failed(&self) -> bool {
        self.failed
    }

    /// What it returned.
    pub fn returned(&self) -> Span {
        self.span.below(self.size)
    }

    fn sized(&mut self, size: Size) -> Option<Step> {
        self.size = size;
        (self.span.start >= size).then_some(Step::DropShared)
    }

    fn write_back(&self) -> Box<WritePages> {
        let write_back = WritePages::new(self.task, self.kernel, self.dioread_nolock);
        Box::new(write_back.of(self.span.range()).and_wait())
    }

    fn counted_for(&self) -> TaskId {
        self.end_io.unwrap_or(self.task)
    }

    /// From v6.12 on, of the kernels modelled.
    fn tells_delayed(&self) -> bool {
        self.kernel.version >= Version::V6_12
    }

    fn finds_holes(&self) -> bool {
        self.next_hole(0).is_some()
    }

    fn mapped(&mut self, found: &[Mapped]) {
        self.found = found.to_vec();
        self.page = self.next_hole(0).unwrap_or_default();
        self.will_read(found.len());
    }

    /// Of what was found the first so many blocks. If nothing is in flight, the submitter completes it.
    fn will_read(&mut self, len: usize) {
        let found = self.span.blocks().zip(&self.found).take(len);
        let written = found.filter(|(_, m)| m.extent == Extent::Written);
        let written: Vec<_> = written.filter_map(|(at, m)| Some((at, m.block?))).collect();
        self.within = within(&written, self.size);
        self.blocks = written.into_iter().map(|(_, block)| block).collect();
    }

    /// The first page from that one on with a hole that is read.
    fn next_hole(&self, from: PageNo) -> Option<PageNo> {
        let holes = self.span.blocks().zip(&self.found).filter(|(_, m)| m.extent == Extent::Hole);
        let mut pages = holes.map(|(at, _)| self.kernel.paging.page(at));
        pages.find(|page| (from..self.kernel.paging.pages()).contains(page))
    }

    /// What comes before a delayed block is read all the same, what comes after it is not.
    fn refused(&mut self, page: &[Buffer]) -> Option<Step> {
        let first = self.kernel.paging.start(self.page);
        let delayed = |(at, m): (LogicalBlock, &Mapped)| {
            let dirty = |buffer: &Buffer| buffer.dirty && buffer.mapped.is_none();
            let buffer = at.checked_sub(first).and_then(|at| page.get(at as usize));
            m.extent == Extent::Hole && buffer.is_some_and(dirty)
        };
        if let Some(len) = self.span.blocks().zip(&self.found).position(delayed) {
            self.failed = true;
            self.will_read(len);
            return None;
        }
        self.page = self.next_hole(self.page + 1)?;
        Some(Step::LookForDelayed)
    }

    /// What lies past i_size is read, and not returned.
    fn bio(&self) -> Bio {
        Bio::Read { returned: self.within }
    }

    fn submits(&self) -> bool {
        self.end_io.is_some() && !self.blocks.is_empty()
    }

    fn submission(&self) -> Submission {
        let (span, blocks) = (self.span, self.blocks.clone());
        Submission { span, blocks, bio: self.bio(), unwritten: false, works: false }
    }
}

/// So much of these blocks, one after another on the device, lies below that size.
pub(super) fn within(blocks: &[(LogicalBlock, PhysicalBlock)], size: Size) -> Size {
    let below = |&(at, _): &(LogicalBlock, _)| size.in_halves().saturating_sub(2 * at).min(2);
    Size::halves(blocks.iter().map(below).sum())
}
