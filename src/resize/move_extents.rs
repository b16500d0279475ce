//! `ext4_move_extents`: online defragmentation swaps blocks with a donor file.

use super::move_extent_per_page::MoveExtentPerPage;
use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::{self, IDataSem};
use crate::op::Mode::Exclusive;
use crate::op::{Blocks, Extent, LogicalBlock, MapFor, Op, Outcome, Range};
use crate::page_cache::SubmitData;
use crate::task::steps;

steps! {
    /// `EXT4_IOC_MOVE_EXT` of whole blocks.
    ///
    /// # Kernel
    /// fs/ext4/move_extent.c, read in v3.6, v3.7.2, v3.11, v4.10.17, v5.4.18, v5.10.44, v6.1.192 and v6.12.117.
    /// No version takes `i_mmap_sem` or `invalidate_lock`: page faults and reads meet it at the page.
    ///
    /// # Modelled
    /// One file of the two. The donor is what e4defrag makes of it: at least as long, nobody else's, and
    /// preallocated where this file has blocks; each call has a donor of its own. Its `i_mutex`, page and
    /// `i_data_sem` are nobody else's either.
    ///
    /// The range is cut at i_size, as it is under both `i_data_sem`s, and taken extent by extent and page by page:
    /// holes are skipped, and between two pieces the extents are looked up again. From v4.10 on the cut lets one
    /// block past i_size through (`mext_check_arguments`), as it does there. v4.10 closes the gate, v5.4 has none.
    ///
    /// A second extent of a page finds it dirty, as the first was moved: -EBUSY. A forced commit writes it back, having
    /// the inode on its list since (`ext4_jbd2_file_inode`, `ext4_jbd2_inode_add_write`), and the call tries again.
    /// Without a journal it ends there.
    ///
    /// # Left out
    /// That it tries again, up to four times, after others have dirtied the page: what it then finds it may find the first
    /// time, if it comes later. That `i_data_sem` is taken once more at the end, the credits of the handle, preallocation that is discarded,
    /// in v4.10 a range that begins past i_size.
    pub struct MoveExtents {
        /// i_size has been looked at.
        cut: bool,
        /// The piece that is next.
        piece: Option<Piece>,
        /// It has dirtied the page.
        dirtied: bool,
        /// It tries that piece again.
        again: bool,
        /// The page could not be had: -EBUSY.
        busy: bool,
    }
    /// Swaps the blocks of `range` with a donor's.
    pub fn new(range: Range, kernel: Kernel, journal: bool);
    in "ext4_move_extents" => Step / At |self, outcome|;

    TakeImutex in "mext_inode_double_lock" "mutex_lock(i_mutex), inode_lock"
        => Op::Lock(LockName::of_inode(self.kernel), Exclusive);
    CloseGate in "ext4_inode_block_unlocked_dio" "set_bit" if self.waits() && self.has_gate() => Op::GateClose;
    GateBarrier in "ext4_inode_block_unlocked_dio" if self.waits() && self.kernel.has(Fix::CloserBarrier)
        => Op::SmpMb;
    Drain in "inode_dio_wait" if self.waits() => Op::DioWait;
    TakeToLook in "double_down_write_data_sem" => Op::Lock(IDataSem, Exclusive);
    ReadSize in "mext_check_arguments" "i_size_read" if !self.cut => Op::SizeRead => self.sized(outcome.size().up());
    LookUp in "get_ext_path" "ext4_ext_find_extent" if self.range.len > 0 => Op::Map(self.range, MapFor::Probe) => self.found(&outcome);
    LetToLook in "double_up_write_data_sem" => Op::Unlock(IDataSem, Exclusive);
    Move(page: MoveExtentPerPage) if self.piece.is_some() => self.per_page()? => self.moved(page.busy());
    Commit(data: SubmitData) if self.again => SubmitData::new(self.kernel) => Step::Move;
    OpenGate in "ext4_inode_resume_unlocked_dio" "clear_bit" if self.waits() && self.has_gate() => Op::GateOpen;
    DropImutex in "mext_inode_double_unlock" "mutex_unlock(i_mutex), inode_unlock"
        => Op::Unlock(LockName::of_inode(self.kernel), Exclusive);
}

/// Blocks of one extent, within one page.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Piece {
    range: Range,
    unwritten: bool,
}

impl MoveExtents {
    /// Whether it returned -EBUSY.
    pub fn busy(&self) -> bool {
        self.busy
    }

    fn waits(&self) -> bool {
        self.kernel.has(Fix::MoveExtentsWaits)
    }

    fn has_gate(&self) -> bool {
        self.kernel.version <= Version::V4_10
    }

    fn sized(&mut self, size: Blocks) -> Option<Step> {
        self.cut = true;
        let Range { start, len } = self.range;
        let early = self.kernel.version < Version::V4_10;
        let past = start >= size && self.kernel.version != Version::V4_10;
        let end = match () {
            () if size == 0 || past => start,
            () if early => (start + len).min(size),
            () if size + 1 < start + len => size.max(start),
            () => start + len,
        };
        self.range.len = end - start;
        (end == start).then_some(Step::LetToLook)
    }

    /// The first piece of what is left.
    fn found(&mut self, outcome: &Outcome) {
        let Outcome::Mapping(found) = outcome else { return };
        let found: Vec<(LogicalBlock, Extent)> =
            self.range.blocks().zip(found.iter().map(|m| m.extent)).collect();
        let first = found.iter().find(|(_, extent)| *extent != Extent::Hole);
        self.piece = first.map(|&(start, extent)| {
            let page_blocks = self.kernel.paging.blocks();
            let page_end = (start / page_blocks + 1) * page_blocks;
            let same = |&&(block, here): &&(LogicalBlock, Extent)| {
                block >= start && block < page_end && here == extent
            };
            let from = found.iter().skip_while(|(block, _)| *block < start);
            let len = from.take_while(same).count() as Blocks;
            Piece { range: Range { start, len }, unwritten: extent == Extent::Unwritten }
        });
    }

    fn per_page(&self) -> Option<MoveExtentPerPage> {
        let Piece { range, unwritten } = self.piece?;
        Some(MoveExtentPerPage::new(range, unwritten, self.kernel))
    }

    fn moved(&mut self, busy: bool) -> Step {
        if busy && self.dirtied && self.journal && !self.again {
            self.again = true;
            return Step::Commit;
        }
        let piece = self.piece.take();
        (self.busy, self.again) = (busy, false);
        self.dirtied |= piece.is_some_and(|piece| !piece.unwritten);
        let (next, end) = (piece.map_or(0, |piece| piece.range.end()), self.range.end());
        // The next page it has not dirtied.
        self.dirtied &= !self.kernel.paging.many() || next % self.kernel.paging.blocks() != 0;
        self.range = Range { start: next, len: end.saturating_sub(next) };
        if busy || self.range.len == 0 { Step::OpenGate } else { Step::TakeToLook }
    }
}
