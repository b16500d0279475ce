//! The dirty blocks of a page, run by run, on their way to the device.

use crate::op::{Buffer, LogicalBlock, PhysicalBlock, Range, Size};

/// Blocks next to each other that are written by one bio.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Run {
    pub(super) range: Range,
    /// Where each goes; empty until they are mapped.
    pub(super) blocks: Vec<PhysicalBlock>,
    /// They were unwritten.
    pub(super) converts: bool,
}

impl Run {
    /// Whether its blocks are to be allocated first.
    pub(crate) fn unmapped(&self) -> bool {
        self.blocks.is_empty()
    }

    /// What of it lies below that size.
    fn below(mut self, size: Size) -> Option<Run> {
        let end = self.range.end().min(size.up());
        let len = end.checked_sub(self.range.start).filter(|&len| len > 0)?;
        self.range.len = len;
        self.blocks.truncate(len as usize);
        Some(self)
    }
}

/// The runs of dirty blocks that are all mapped, or all not, of a page that begins with that block.
pub(crate) fn runs(page: &[Buffer], first: LogicalBlock) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (block, buffer) in (first..).zip(page).filter(|(_, buffer)| buffer.dirty) {
        if let Some(run) = runs.last_mut()
            && run.range.end() == block
            && run.unmapped() == buffer.mapped.is_none()
            && run.converts == buffer.uninit
        {
            run.range.len += 1;
            run.blocks.extend(buffer.mapped);
        } else {
            let range = Range { start: block, len: 1 };
            let blocks = buffer.mapped.into_iter().collect();
            runs.push(Run { range, blocks, converts: buffer.uninit });
        }
    }
    runs
}

/// What of them lies below that size.
pub(crate) fn below(runs: Vec<Run>, size: Size) -> Vec<Run> {
    runs.into_iter().filter_map(|run| run.below(size)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dirty(mapped: [Option<Option<PhysicalBlock>>; 4]) -> [Buffer; 4] {
        let clean = Buffer::default();
        mapped.map(|m| m.map_or(clean, |mapped| Buffer { dirty: true, mapped, ..clean }))
    }

    #[test]
    fn a_run_ends_at_a_gap_at_a_hole_and_at_the_size() {
        let found = runs(&dirty([Some(Some(7)), Some(Some(8)), Some(None), Some(None)]), 0);
        let ranges: Vec<_> = found.iter().map(|run| (run.range.start, run.range.len)).collect();
        assert_eq!(ranges, [(0, 2), (2, 2)]);
        assert_eq!(found[0].blocks, [7, 8]);
        let cut = below(found, Size::blocks(1));
        assert_eq!((cut.len(), cut[0].range.len), (1, 1));
        assert_eq!(cut[0].blocks, [7]);
        assert_eq!(runs(&dirty([Some(None), None, Some(None), None]), 4).len(), 2);
    }
}
