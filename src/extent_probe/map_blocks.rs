//! `ext4_map_blocks`: the one lookup that every path shares.

use crate::op::LockName::IDataSem;
use crate::op::Mode::{Exclusive, Shared};
use crate::op::{Extent, Handle, MapFor, Mapped, Op, Outcome, Range, TaskId};
use crate::task::steps;

/// Who takes `i_data_sem` for the lookup.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DataSemHeld {
    /// `EXT4_GET_BLOCKS_NO_LOCK`: the caller holds it.
    ByCaller,
    /// The lookup takes it.
    No,
}

steps! {
    /// `ext4_map_blocks`, called by `_ext4_get_block` for writes that may allocate.
    ///
    /// # Modelled
    /// A lookup finds every block of the range at once. Blocks that are already written need no second
    /// pass under the write lock. `raise_early` is the order before 82e54229118785: the count of
    /// unwritten I/O goes up even if the allocation fails. (It then goes up before the extent is inserted, and
    /// here after: both are steps under `i_data_sem`, which whoever converts must take first.) From v4.10 on it
    /// goes up last, without that lock: whoever looks in between takes the new extent for nobody's.
    ///
    /// What a write asked for is split off here, before the I/O, from the unwritten extent that it is in: here
    /// the tree may become deeper, for others as well. The handle's credits are estimated by the depth as it is
    /// before the handle is started, without `i_data_sem`: `_ext4_get_block` (v3.6, v3.7.2, v3.11),
    /// `ext4_get_block_trans` (v4.10.17, v5.4.18), `ext4_iomap_alloc` (v5.10.44, v6.1.192, v6.12.117), all by
    /// `ext4_chunk_trans_blocks`. From v6.16 on `ext4_ext_index_trans_blocks` assumes the deepest tree; 6.1.192
    /// and 6.12.117 have it so too, v6.1 and v6.12 do not.
    ///
    /// # Left out
    /// `ext4_ext_zeroout`: an extent of a few blocks that ends within i_size or the write is zeroed on the disk before
    /// it is made written. A block that is unwritten here stands for one of a larger extent.
    /// The extent status cache, delayed allocation.
    pub struct MapBlocks {
        counts_unwritten: bool,
        raise_early: bool,
        /// It is counted after the handle is stopped.
        counts_last: bool,
        in_handle: bool,
        /// Where it looks for the io_end to flag: the inode's slot, not the caller's own.
        by_slot: bool,
        slot: Option<TaskId>,
        found: Option<Vec<Mapped>>,
        failed: bool,
    }
    fn new(range: Range, how: MapFor, held: DataSemHeld);
    in "ext4_map_blocks" => Step / At |self, outcome|;

    Estimate in "_ext4_get_block" "ext4_chunk_trans_blocks" if self.own_handle() => Op::DepthRead;
    StartHandle in "_ext4_get_block" "ext4_journal_start" if self.own_handle() => Op::JournalStart(Handle::Extents);
    TakeShared "down_read(i_data_sem)" if self.held == DataSemHeld::No => Op::Lock(IDataSem, Shared);
    LookUp in "ext4_ext_map_blocks" "(.., 0)" => Op::Map(self.range, self.first_pass()) => self.looked_up(outcome);
    DropShared "up_read(i_data_sem)" => Op::Unlock(IDataSem, Shared) => self.first_pass_over();
    TakeExcl "down_write(i_data_sem)" => Op::Lock(IDataSem, Exclusive);
    LookAtSlot in "ext4_ext_map_blocks" "cur_aio_dio" if self.by_slot => Op::InodeAio => self.slot_is(&outcome);
    WalkTree in "ext4_ext_map_blocks" "ext_depth" => Op::DepthRead;
    Allocate in "ext4_ext_map_blocks" "(.., CREATE)" => Op::Map(self.range, self.how) => self.allocated(outcome);
    RaiseCount in "ext4_set_io_unwritten_flag" if self.raises() => Op::UnwrittenBegin
        => self.counts_last.then_some(Step::Done);
    DropExcl "up_write(i_data_sem)" => Op::Unlock(IDataSem, Exclusive);
    StopHandle in "_ext4_get_block" "ext4_journal_stop" if !self.in_handle => Op::JournalStop(Handle::Extents)
        => (self.counts_last && self.raises()).then_some(Step::RaiseCount);
}

impl MapBlocks {
    /// A lookup that allocates nothing.
    pub fn look_up(range: Range, how: MapFor, held: DataSemHeld) -> MapBlocks {
        MapBlocks::new(range, how, held)
    }

    /// A lookup that allocates (`how` is one of the creating kinds); `counts_unwritten` for
    /// asynchronous I/O, whose conversion others wait for.
    pub fn create(
        range: Range,
        how: MapFor,
        counts_unwritten: bool,
        raise_early: bool,
    ) -> MapBlocks {
        let map = MapBlocks::new(range, how, DataSemHeld::No);
        MapBlocks { counts_unwritten, raise_early, ..map }
    }

    /// The count goes up once `ext4_get_block_trans` has returned (109811c20fb8, v4.7): neither
    /// `i_data_sem` nor the handle is held.
    #[must_use]
    pub fn counts_last(self) -> MapBlocks {
        MapBlocks { counts_last: true, ..self }
    }

    /// The caller's handle is open already, and stays so.
    #[must_use]
    pub fn in_handle(self) -> MapBlocks {
        MapBlocks { in_handle: true, ..self }.begin()
    }

    /// Which io_end needs a conversion is asked of `cur_aio_dio` (before 109811c20fb8).
    #[must_use]
    pub fn by_slot(self) -> MapBlocks {
        MapBlocks { by_slot: true, ..self }
    }

    /// The completion whose io_end was in the slot, and was flagged.
    pub fn slot(&self) -> Option<TaskId> {
        self.slot
    }

    fn creates(&self) -> bool {
        !matches!(self.how, MapFor::Probe | MapFor::Io | MapFor::Page)
    }

    /// Whether the last pass found a block to convert: another write's conversion may have come first.
    fn unwritten(&self) -> bool {
        self.found().unwrap_or_default().iter().any(|m| m.extent == Extent::Unwritten)
    }

    fn raises(&self) -> bool {
        self.counts_unwritten && if self.failed { self.raise_early } else { self.unwritten() }
    }

    /// What was found, once it is done; `None` is ENOSPC.
    pub fn found(&self) -> Option<&[Mapped]> {
        if self.failed { None } else { self.found.as_deref() }
    }

    fn own_handle(&self) -> bool {
        self.creates() && !self.in_handle
    }

    /// The first pass of a write that may allocate only looks; I/O goes where the last pass says.
    fn first_pass(&self) -> MapFor {
        match self.how {
            MapFor::Preallocate { .. } => MapFor::Probe,
            _ if self.creates() => MapFor::Io,
            how => how,
        }
    }

    fn looked_up(&mut self, outcome: Outcome) -> Option<Step> {
        if let Outcome::Mapping(found) = outcome {
            self.found = Some(found);
        }
        (self.held == DataSemHeld::ByCaller).then_some(Step::Done)
    }

    fn first_pass_over(&self) -> Option<Step> {
        let written = self.found.iter().flatten().all(|m| m.extent == Extent::Written);
        match (self.creates(), written) {
            (false, _) => Some(Step::Done),
            (true, true) => Some(Step::StopHandle),
            (true, false) => None,
        }
    }

    fn slot_is(&mut self, outcome: &Outcome) {
        if let Outcome::InodeAio(slot) = *outcome {
            self.slot = slot;
        }
        self.counts_unwritten = self.slot.is_some();
    }

    fn allocated(&mut self, outcome: Outcome) -> Option<Step> {
        match outcome {
            Outcome::Mapping(found) => self.found = Some(found),
            _ => self.failed = true,
        }
        self.counts_last.then_some(Step::DropExcl)
    }
}
