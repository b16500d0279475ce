//! `ext4_map_blocks`: the one lookup that every path shares.

use super::{Extent, Mapped};
use crate::inode_lock::{LockName, Mode};
use crate::op::{Handle, MapFor, Op, Outcome, Range, TaskId};
use crate::task::{Place, Task};

/// Who takes `i_data_sem` for the lookup.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DataSemHeld {
    /// `EXT4_GET_BLOCKS_NO_LOCK`: the caller holds it.
    ByCaller,
    /// The lookup takes it.
    No,
}

/// `ext4_map_blocks`, called by `_ext4_get_block` for writes that may allocate.
///
/// | step        | kernel (v3.6)                                   | holds after            |
/// |-------------|-------------------------------------------------|------------------------|
/// | Estimate    | _ext4_get_block: ext4_chunk_trans_blocks        |                        |
/// | StartHandle | _ext4_get_block: ext4_journal_start             | handle                 |
/// | TakeShared  | ext4_map_blocks: down_read(i_data_sem)          | i_data_sem R           |
/// | LookUp      | ext4_ext_map_blocks(.., 0)                      | i_data_sem R           |
/// | DropShared  | ext4_map_blocks: up_read(i_data_sem)            |                        |
/// | TakeExcl    | ext4_map_blocks: down_write(i_data_sem)         | i_data_sem W           |
/// | LookAtSlot  | ext4_ext_map_blocks: cur_aio_dio (to v4.6)      | i_data_sem W           |
/// | WalkTree    | ext4_ext_map_blocks: ext_depth                  | i_data_sem W           |
/// | Allocate    | ext4_ext_map_blocks(.., CREATE)                 | i_data_sem W           |
/// | RaiseCount  | ext4_set_io_unwritten_flag (from v4.10 last)    | i_data_sem W           |
/// | DropExcl    | ext4_map_blocks: up_write(i_data_sem)           |                        |
/// | StopHandle  | _ext4_get_block: ext4_journal_stop              |                        |
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
/// The extent status cache, delayed allocation, zeroing out instead of splitting.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct MapBlocks {
    range: Range,
    how: MapFor,
    held: DataSemHeld,
    counts_unwritten: bool,
    raise_early: bool,
    /// It is counted after the handle is stopped.
    counts_last: bool,
    in_handle: bool,
    /// Where it looks for the io_end to flag: the inode's slot, not the caller's own.
    by_slot: bool,
    slot: Option<TaskId>,
    step: Step,
    found: Option<Vec<Mapped>>,
    failed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Step {
    Estimate,
    StartHandle,
    TakeShared,
    LookUp,
    DropShared,
    TakeExcl,
    LookAtSlot,
    WalkTree,
    Allocate,
    RaiseCount,
    DropExcl,
    StopHandle,
    Done,
}

impl MapBlocks {
    /// A lookup that allocates nothing.
    pub fn look_up(range: Range, how: MapFor, held: DataSemHeld) -> MapBlocks {
        let step = match held {
            DataSemHeld::ByCaller => Step::LookUp,
            DataSemHeld::No => Step::TakeShared,
        };
        MapBlocks {
            range,
            how,
            held,
            counts_unwritten: false,
            raise_early: false,
            counts_last: false,
            in_handle: false,
            by_slot: false,
            slot: None,
            step,
            found: None,
            failed: false,
        }
    }

    /// A lookup that allocates (`how` is one of the creating kinds); `counts_unwritten` for
    /// asynchronous I/O, whose conversion others wait for.
    pub fn create(
        range: Range,
        how: MapFor,
        counts_unwritten: bool,
        raise_early: bool,
    ) -> MapBlocks {
        MapBlocks {
            range,
            how,
            held: DataSemHeld::No,
            counts_unwritten,
            raise_early,
            counts_last: false,
            in_handle: false,
            by_slot: false,
            slot: None,
            step: Step::Estimate,
            found: None,
            failed: false,
        }
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
        MapBlocks { in_handle: true, step: Step::TakeShared, ..self }
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

    fn stop(&self) -> Step {
        if self.in_handle { Step::Done } else { Step::StopHandle }
    }

    /// What was found, once it is done; `None` is ENOSPC.
    pub fn found(&self) -> Option<&[Mapped]> {
        if self.failed { None } else { self.found.as_deref() }
    }
}

impl Task for MapBlocks {
    fn next(&self) -> Option<Op> {
        let sem = LockName::IDataSem;
        Some(match self.step {
            Step::Estimate | Step::WalkTree => Op::DepthRead,
            Step::StartHandle => Op::JournalStart(Handle::Extents),
            Step::TakeShared => Op::Lock(sem, Mode::Shared),
            // The first pass of a write that may allocate only looks; I/O goes where the last
            // pass says.
            Step::LookUp if matches!(self.how, MapFor::Preallocate { .. }) => {
                Op::Map(self.range, MapFor::Probe)
            }
            Step::LookUp if self.creates() => Op::Map(self.range, MapFor::Io),
            Step::LookUp => Op::Map(self.range, self.how),
            Step::DropShared => Op::Unlock(sem, Mode::Shared),
            Step::TakeExcl => Op::Lock(sem, Mode::Exclusive),
            Step::LookAtSlot => Op::InodeAio,
            Step::Allocate => Op::Map(self.range, self.how),
            Step::RaiseCount => Op::UnwrittenBegin,
            Step::DropExcl => Op::Unlock(sem, Mode::Exclusive),
            Step::StopHandle => Op::JournalStop(Handle::Extents),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        self.step = match self.step {
            Step::Estimate => Step::StartHandle,
            Step::StartHandle => Step::TakeShared,
            Step::TakeShared => Step::LookUp,
            Step::LookUp => {
                if let Outcome::Mapping(found) = outcome {
                    self.found = Some(found);
                }
                if self.held == DataSemHeld::ByCaller { Step::Done } else { Step::DropShared }
            }
            Step::DropShared if !self.creates() => Step::Done,
            Step::DropShared => {
                let found = self.found.as_deref().unwrap_or_default();
                if found.iter().all(|m| m.extent == Extent::Written) {
                    self.stop()
                } else {
                    Step::TakeExcl
                }
            }
            Step::TakeExcl if self.by_slot => Step::LookAtSlot,
            Step::LookAtSlot => {
                if let Outcome::InodeAio(slot) = outcome {
                    self.slot = slot;
                }
                self.counts_unwritten = self.slot.is_some();
                Step::WalkTree
            }
            Step::TakeExcl => Step::WalkTree,
            Step::WalkTree => Step::Allocate,
            Step::Allocate => {
                match outcome {
                    Outcome::Mapping(found) => self.found = Some(found),
                    _ => self.failed = true,
                }
                if self.raises() && !self.counts_last { Step::RaiseCount } else { Step::DropExcl }
            }
            Step::RaiseCount if self.counts_last => Step::Done,
            Step::RaiseCount => Step::DropExcl,
            Step::StopHandle if self.counts_last && self.raises() => Step::RaiseCount,
            Step::DropExcl => self.stop(),
            Step::StopHandle | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match self.step {
            Step::Estimate => ("Estimate", "_ext4_get_block"),
            Step::StartHandle => ("StartHandle", "_ext4_get_block"),
            Step::TakeShared => ("TakeShared", "ext4_map_blocks"),
            Step::LookUp => ("LookUp", "ext4_ext_map_blocks"),
            Step::DropShared => ("DropShared", "ext4_map_blocks"),
            Step::TakeExcl => ("TakeExcl", "ext4_map_blocks"),
            Step::LookAtSlot => ("LookAtSlot", "ext4_ext_map_blocks"),
            Step::WalkTree => ("WalkTree", "ext4_ext_map_blocks"),
            Step::Allocate => ("Allocate", "ext4_ext_map_blocks"),
            Step::RaiseCount => ("RaiseCount", "ext4_set_io_unwritten_flag"),
            Step::DropExcl => ("DropExcl", "ext4_map_blocks"),
            Step::StopHandle => ("StopHandle", "_ext4_get_block"),
            Step::Done => ("Done", "ext4_map_blocks"),
        };
        Place { step, kernel }
    }
}
