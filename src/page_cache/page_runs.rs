//! The dirty blocks of the page, run by run, on their way to the device.

use crate::op::{Blocks, LogicalBlock, PhysicalBlock, Range};

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
    fn below(mut self, size: Blocks) -> Option<Run> {
        let end = self.range.end().min(size);
        let len = end.checked_sub(self.range.start).filter(|&len| len > 0)?;
        self.range.len = len;
        self.blocks.truncate(len as usize);
        Some(self)
    }
}

/// The runs of dirty blocks that are all mapped, or all not.
pub(crate) fn runs(dirty: &[(LogicalBlock, Option<PhysicalBlock>)]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for &(block, mapped) in dirty {
        if let Some(run) = runs.last_mut()
            && run.range.end() == block
            && run.unmapped() == mapped.is_none()
        {
            run.range.len += 1;
            run.blocks.extend(mapped);
        } else {
            let range = Range { start: block, len: 1 };
            runs.push(Run { range, blocks: mapped.into_iter().collect(), converts: false });
        }
    }
    runs
}

/// What of them lies below that size.
pub(crate) fn below(runs: Vec<Run>, size: Blocks) -> Vec<Run> {
    runs.into_iter().filter_map(|run| run.below(size)).collect()
}

#[cfg(test)]
mod tests {
    use crate::dio_path::*;

    #[test]
    fn a_run_ends_at_a_gap_at_a_hole_and_at_the_size() {
        let found = runs(&[(0, Some(7)), (1, Some(8)), (2, None), (3, None)]);
        let ranges: Vec<_> = found.iter().map(|run| (run.range.start, run.range.len)).collect();
        assert_eq!(ranges, [(0, 2), (2, 2)]);
        assert_eq!(found[0].blocks, [7, 8]);
        let cut = below(found, 1);
        assert_eq!((cut.len(), cut[0].range.len), (1, 1));
        assert_eq!(cut[0].blocks, [7]);
        assert_eq!(runs(&[(0, None), (2, None)]).len(), 2);
    }
}
