//! `move_extent_per_page`: the blocks of one page are swapped, and what the page holds is to be written again.

use crate::extent_probe::{DataSemHeld, MapBlocks};
use crate::kernel::{Kernel, Version};
use crate::op::LockName::{IDataSem, PageLock};
use crate::op::Mode::Exclusive;
use crate::op::{
    Bio, Blocks, Content, Extent, Handle, LogicalBlock, MapFor, Op, Outcome, PageNo, PhysicalBlock,
    Range,
};
use crate::task::steps;
use std::mem::take;

steps! {
    /// `move_extent_per_page`, of blocks that are all written or all unwritten.
    ///
    /// # Kernel
    /// fs/ext4/move_extent.c, read in v3.6, v3.7.2, v3.11, v4.10.17, v5.4.18, v5.10.44, v6.1.192 and v6.12.117, with
    /// `mext_replace_branches` (up to v3.11), `ext4_swap_extents` (fs/ext4/extents.c, v4.10.17, v6.12.117),
    /// `mext_page_double_lock`, `mext_page_mkuptodate`, `mext_check_coverage` (from v3.7 on), `try_to_release_page`,
    /// `filemap_release_folio`, `drop_buffers` and `__block_commit_write`.
    ///
    /// # Modelled
    /// The handle comes first, the page second. From v3.7 on the page is locked, and waited for, in any case; what
    /// was unwritten is looked up again under the page's lock, and data copied if it is not so any more. The blocks
    /// asked for are made up to date, and the page's buffers dropped with what they are mapped to; a buffer that is
    /// dirty keeps them all, and the call ends with -EBUSY. Then blocks are swapped, the buffers mapped to the new
    /// ones and dirtied: **the data is in the page alone until writeback has written it**. Until then the device
    /// holds there what was in the donor's block. An extent stays written or unwritten, whatever the donor's is.
    ///
    /// v3.6 does not look at the page of what is unwritten. Else `ext4_da_write_begin` locks it,
    /// `block_read_full_page` reads all of it, which unlocks it, and it is locked again; buffers that are dirty are
    /// dropped by nobody, and mapped anew like the others.
    ///
    /// Of blocks behind the pages that are followed the data is copied together with the swap.
    ///
    /// # Left out
    /// i_disksize, which `ext4_da_write_end` raises in v3.6. What remains
    /// unwritten where data is copied because another block of the piece was written: in v3.7 and v3.11
    /// `ext4_get_block` allocates there, later a buffer is dirty that nobody writes.
    pub struct MoveExtentPerPage {
        /// It has the page.
        locked: bool,
        /// `i_data_sem` is held since it has looked.
        holds: bool,
        /// What is read.
        contents: Vec<(LogicalBlock, [Content; 2])>,
        /// i_size, which ends what v3.6 reads.
        size: Option<Blocks>,
        mapped: Vec<(LogicalBlock, PhysicalBlock)>,
        /// -EBUSY.
        busy: bool,
    }
    /// Moves the blocks of `range`.
    pub fn new(range: Range, unwritten: bool, kernel: Kernel);
    in "move_extent_per_page" => Step / At |self, outcome|;

    StartHandle "ext4_journal_start" => Op::JournalStart(Handle::Extents);
    LockPage in "mext_page_double_lock" "lock_page, wait_on_page_writeback" if self.wants_page()
        => Op::Lock(PageLock(self.page()), Exclusive) => self.locked = true;
    AddPage in "mext_page_double_lock" "add_to_page_cache_lru, unless it is there" if self.locked
        => Op::PageIn(self.page())
        => self.added(&outcome);
    TakeToCheck in "double_down_write_data_sem" if self.locked && self.unwritten => Op::Lock(IDataSem, Exclusive)
        => self.holds = true;
    Check in "mext_check_coverage" if self.holds => Op::Map(self.range, MapFor::Probe)
        => self.checked(&outcome).then_some(Step::Release);
    LetToCheck in "double_up_write_data_sem" if self.holds => Op::Unlock(IDataSem, Exclusive)
        => self.holds = false;
    LimitSize in "block_read_full_page" "i_size_read" if self.reads() && self.is_v3_6() => Op::SizeRead
        => self.limit(outcome.size().up());
    MapMissing(map: MapBlocks) if self.below().len > 0 => self.look_up() => self.missing(&map);
    RunBio in "mext_page_mkuptodate" "the device reads" if !self.mapped.is_empty()
        => Op::Bio(self.mapped.iter().map(|mapped| mapped.1).collect(), Bio::WHOLE_READ) => self.read(outcome);
    Fill in "mext_page_mkuptodate" "set_buffer_uptodate" if self.reads()
        => Op::PageFill(self.page(), self.contents.clone(), false);
    LetPage in "block_read_full_page" "unlock_page, once it is read" if self.reads() && self.is_v3_6()
        => Op::Unlock(PageLock(self.page()), Exclusive);
    RetakePage "lock_page, wait_on_page_writeback" if self.reads() && self.is_v3_6()
        => Op::Lock(PageLock(self.page()), Exclusive);
    Release in "try_to_release_page" "drop_buffers" if self.locked => Op::PageRelease(self.page())
        => self.released(outcome.yes());
    TakeDataSem in "double_down_write_data_sem" if !self.holds && !self.busy => Op::Lock(IDataSem, Exclusive);
    SwapBlocks in "mext_replace_branches" if !self.busy => Op::SwapBlocks(self.range);
    DropDataSem in "double_up_write_data_sem" if self.holds || !self.busy => Op::Unlock(IDataSem, Exclusive)
        => self.holds = false;
    Remap(map: MapBlocks) if self.commits()
        => MapBlocks::look_up(self.range, MapFor::Probe, DataSemHeld::No) => self.remapped(&map);
    Commit "block_commit_write" if self.commits() => Op::PageCommit(self.page(), self.mapped.clone())
        => self.mapped.clear();
    UnlockPage "unlock_page" if self.locked => Op::Unlock(PageLock(self.page()), Exclusive);
    StopHandle "ext4_journal_stop" => Op::JournalStop(Handle::Extents);
}

impl MoveExtentPerPage {
    /// Whether a dirty buffer kept it from moving anything.
    pub(super) fn busy(&self) -> bool {
        self.busy
    }

    fn is_v3_6(&self) -> bool {
        self.kernel.version < Version::V3_7
    }

    fn page(&self) -> PageNo {
        self.kernel.paging.page(self.range.start)
    }

    /// The page is one that is followed, and looked at.
    fn wants_page(&self) -> bool {
        let followed = self.range.start < self.kernel.paging.end();
        followed && !(self.is_v3_6() && self.unwritten)
    }

    /// What is to be read: of blocks that are copied, those that are not up to date; in v3.6 of all.
    fn added(&mut self, outcome: &Outcome) {
        let wanted =
            |block| self.is_v3_6() || (self.range.start..self.range.end()).contains(&block);
        let first = self.kernel.paging.start(self.page());
        let missing = (first..).zip(outcome.buffers()).filter(|(_, buffer)| !buffer.uptodate);
        let missing = missing.filter(|(block, _)| wanted(*block));
        self.contents = missing.map(|(block, _)| (block, [Content::Zero; 2])).collect();
    }

    /// Whether all of it is still unwritten.
    fn checked(&mut self, outcome: &Outcome) -> bool {
        if let Outcome::Mapping(found) = outcome {
            self.unwritten = found.iter().all(|m| m.extent == Extent::Unwritten);
        }
        if self.unwritten {
            self.contents.clear();
        }
        self.unwritten
    }

    fn reads(&self) -> bool {
        !self.contents.is_empty()
    }

    fn limit(&mut self, size: Blocks) {
        self.size = Some(size);
    }

    /// From the first to the last block to be read.
    fn below(&self) -> Range {
        let missing = self.contents.iter().map(|missing| missing.0);
        let below = |&block: &LogicalBlock| self.size.is_none_or(|size| block < size);
        let below: Vec<_> = missing.filter(below).collect();
        match (below.first(), below.last()) {
            (Some(&start), Some(&last)) => Range { start, len: last + 1 - start },
            _ => Range { start: 0, len: 0 },
        }
    }

    fn look_up(&self) -> MapBlocks {
        MapBlocks::look_up(self.below(), MapFor::Probe, DataSemHeld::No)
    }

    /// Those of the missing blocks that hold data.
    fn missing(&mut self, map: &MapBlocks) {
        let wanted = |block| self.contents.iter().any(|missing| missing.0 == block);
        self.mapped = written(self.below(), map).filter(|found| wanted(found.0)).collect();
    }

    fn read(&mut self, outcome: Outcome) {
        let data = if let Outcome::Data(data) = outcome { data } else { Vec::new() };
        for ((block, _), read) in take(&mut self.mapped).into_iter().zip(data) {
            if let Some(missing) = self.contents.iter_mut().find(|missing| missing.0 == block) {
                missing.1 = read;
            }
        }
    }

    fn released(&mut self, released: bool) -> Option<Step> {
        (self.contents, self.size) = Default::default();
        self.busy = !released && !self.is_v3_6();
        self.busy.then_some(if self.holds { Step::DropDataSem } else { Step::UnlockPage })
    }

    /// Whether the page holds data that has to go to the new blocks.
    fn commits(&self) -> bool {
        self.locked && !self.unwritten && !self.busy
    }

    fn remapped(&mut self, map: &MapBlocks) {
        self.mapped = written(self.range, map).collect();
    }
}

/// Of what a look at a range found the written blocks.
fn written(
    range: Range,
    map: &MapBlocks,
) -> impl Iterator<Item = (LogicalBlock, PhysicalBlock)> + '_ {
    let found = range.blocks().zip(map.found().unwrap_or_default());
    found.filter(|(_, m)| m.extent == Extent::Written).filter_map(|(at, m)| Some((at, m.block?)))
}
