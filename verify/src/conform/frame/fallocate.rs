//! Which states an event of fallocate leads to: allocation piece by piece, and blocks that move.

use super::phase::Phase;
use super::{Candidate, Frame, Kind};
use crate::conform::event::{Thread, What};
use crate::conform::flags::{EX_NOCACHE, GET_CREATE, GET_NO_NORMALIZE, GET_UNWRITTEN, GET_ZERO};
use crate::conform::world::{Span, World};
use diolock::op::{Blocks, Extent, LockName, Mode, Outcome, Range, Shift, Size};

/// Whether the event is that a function within ext4_fallocate begins or returns.
pub(super) fn is_inner(what: &What) -> bool {
    matches!(
        what,
        What::PunchHole { .. }
            | What::PunchHoleRet { .. }
            | What::ZeroRange { .. }
            | What::ZeroRangeRet { .. }
            | What::CollapseRange { .. }
            | What::CollapseRangeRet { .. }
            | What::InsertRange { .. }
            | What::InsertRangeRet { .. }
    )
}

impl Frame {
    /// Whether the function within is asked for the same, and returns what it should.
    pub(super) fn inner_fits(&self, what: &What) -> bool {
        match *what {
            What::PunchHole { pos, len }
            | What::ZeroRange { pos, len }
            | What::CollapseRange { pos, len }
            | What::InsertRange { pos, len } => {
                (pos, pos + len) == (self.asked.pos, self.asked.end)
            }
            What::PunchHoleRet { ret } => ret <= 0,
            _ => true,
        }
    }

    /// ext4_alloc_file_blocks: the loop that the model does in one step.
    pub(super) fn allocates(
        &self,
        from: &Candidate,
        thread: Thread,
        what: &What,
        world: &World,
    ) -> Vec<Candidate> {
        let to = |phase| vec![from.clone().at(phase)];
        let (sem, alone) = (LockName::IDataSem, Mode::Exclusive);
        match (&from.phase, what) {
            (Phase::Allocating, &What::MapBlocks { gflags, .. }) => {
                let zero = if self.kind == Kind::Zero { GET_ZERO } else { 0 };
                let others = gflags.0 & !(GET_NO_NORMALIZE | EX_NOCACHE);
                let fits = others == GET_CREATE | GET_UNWRITTEN | zero;
                if fits { to(Phase::Allocates) } else { Vec::new() }
            }
            (Phase::Allocates, &What::MapBlocksRet { ret: found @ 1.. }) => {
                let found = found.unsigned_abs();
                // Only written blocks are returned without i_data_sem alone, and not to be zeroed.
                let written = world.may_all_be(thread, found, Extent::Written);
                let fits = self.mapping.alone() || self.kind == Kind::Fallocate && written;
                if fits { to(Phase::Allocating) } else { Vec::new() }
            }
            // No space: tried again once a commit has freed some, or the end of it.
            (Phase::Allocates, What::MapBlocksRet { .. }) => {
                [Phase::Allocating, Phase::Failed].map(|phase| from.clone().at(phase)).to_vec()
            }
            // ext4_update_inode_size after each piece; after the last the task does it.
            (Phase::Allocating, &What::Req { l, m }) if self.grows && (l, m) == (sem, alone) => {
                to(Phase::Raises(0))
            }
            (Phase::Raises(0), &What::Acq { l, m }) if (l, m) == (sem, alone) => {
                to(Phase::Raises(1))
            }
            (Phase::Raises(1), &What::Rel { l, m, .. }) if (l, m) == (sem, alone) => {
                to(Phase::Allocating)
            }
            _ => Vec::new(),
        }
    }

    /// ext4_ext_shift_extents, and what an insert removes from the status cache before.
    pub(super) fn shifts(
        &self,
        from: &Candidate,
        range: Range,
        shift: Shift,
        what: &What,
    ) -> Vec<Candidate> {
        let to = |phase| vec![from.clone().at(phase)];
        let first = u64::from(range.start);
        match (&from.phase, shift, what) {
            (Phase::Ready, Shift::Right, &What::EsRemove { lblk, .. }) if lblk == first => {
                to(Phase::Shifting(0))
            }
            (Phase::Ready, Shift::Left, &What::ShiftExtents { start, shift, dir: 0, .. })
                if (start, shift) == (u64::from(range.end()), u64::from(range.len)) =>
            {
                to(Phase::Shifting(1))
            }
            // A hole there is skipped.
            (
                Phase::Shifting(0),
                Shift::Right,
                &What::ShiftExtents { start, shift, dir: 1, .. },
            ) if start >= first && shift == u64::from(range.len) => to(Phase::Shifting(1)),
            (Phase::Shifting(1), _, What::ShiftExtentsRet { ret: 0 }) => {
                vec![self.stepped(from, [Outcome::Done])]
            }
            _ => Vec::new(),
        }
    }

    /// A size, such that it compares with whole blocks as it did in bytes.
    pub(super) fn whole_sizes(&self, span: Span) -> Vec<Outcome> {
        let near = [self.asked.pos, self.asked.pos + 1, self.asked.end, self.asked.end + 1];
        let sizes = [span.least, span.most].into_iter().chain(near).filter(|&size| span.has(size));
        let mut values = Vec::new();
        for size in sizes {
            let size = size.div_ceil(self.block);
            // The task adds its length to it.
            let size = Blocks::try_from(size).unwrap_or(1 << 30).min(1 << 30);
            let value = Outcome::Size(Size::blocks(size));
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values
    }
}
