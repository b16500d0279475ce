//! `__block_write_begin`: which buffers of the page a store must look up.

use crate::extent_probe::{DataSemHeld, MapBlocks};
use crate::op::{Buffer, Ends, Extent, LogicalBlock, MapFor, PhysicalBlock, Range};

/// The buffers of a store to some blocks of the page.
///
/// # Kernel
/// `__block_write_begin` and `__block_commit_write` (fs/buffer.c, v3.6, v3.7.2, v3.11), `__block_write_begin_int`
/// (v4.10.17, v5.4.18, v5.10.44, v6.1, v6.12), `ext4_block_write_begin` (fs/ext4/inode.c, v6.12): buffers that the
/// store does not touch are skipped, one that is mapped, be it by delayed allocation, is not looked up, and none
/// that is stored to as a whole is read; of one that is stored to in part, and not up to date, the rest is read, or
/// is zeros if it is new (delayed, or unwritten).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct WriteBegin {
    /// Each block, and the device block it is mapped to.
    buffers: Vec<(LogicalBlock, Option<PhysicalBlock>)>,
    /// The blocks to be looked up.
    unmapped: Vec<LogicalBlock>,
    /// Those stored to in part that are not up to date.
    missing: Vec<LogicalBlock>,
}

impl WriteBegin {
    /// A store to `range` but for the ends that are cut off, of a page with these buffers, of which that block is
    /// the first.
    pub(super) fn new(range: Range, cut: Ends, page: &[Buffer], first: LogicalBlock) -> WriteBegin {
        let buffer =
            |block: LogicalBlock| page.get((block - first) as usize).copied().unwrap_or_default();
        let buffers = range.blocks().map(|block| (block, buffer(block).mapped)).collect();
        let unmapped = |&block: &LogicalBlock| {
            let buffer = buffer(block);
            !buffer.dirty && buffer.mapped.is_none()
        };
        let unmapped = range.blocks().filter(unmapped).collect();
        let (first, last) = (range.start, range.end().saturating_sub(1));
        let parts = [(cut.front, first), (cut.back && !(cut.front && first == last), last)];
        let parts = parts.into_iter().filter_map(|(part, block)| part.then_some(block));
        let missing = parts.filter(|&block| !buffer(block).uptodate).collect();
        WriteBegin { buffers, unmapped, missing }
    }

    /// No more than what lies below that block.
    pub(super) fn cut(&mut self, end: LogicalBlock) {
        self.buffers.retain(|buffer| buffer.0 < end);
        self.unmapped.retain(|&block| block < end);
    }

    /// Whether something is to be looked up.
    pub(super) fn looks_up(&self) -> bool {
        !self.unmapped.is_empty()
    }

    fn range(&self) -> Range {
        let start = self.unmapped.first().copied().unwrap_or_default();
        let end = self.unmapped.last().map_or(start, |last| last + 1);
        Range { start, len: end - start }
    }

    /// The look-up, of all at once.
    pub(super) fn look_up(&self) -> MapBlocks {
        MapBlocks::look_up(self.range(), MapFor::Page, DataSemHeld::No)
    }

    /// What it found: what is not written is allocated by writeback.
    pub(super) fn found(&mut self, map: &MapBlocks) {
        let found = map.found().unwrap_or_default();
        for (block, m) in self.range().blocks().zip(found) {
            let written = m.block.filter(|_| m.extent == Extent::Written);
            let to_look_up = |buffer: &&mut (LogicalBlock, _)| buffer.0 == block;
            if self.unmapped.contains(&block)
                && let Some(buffer) = self.buffers.iter_mut().find(to_look_up)
            {
                buffer.1 = written;
            }
        }
        self.unmapped.clear();
    }

    /// What the store makes dirty.
    pub(super) fn stored(&self) -> Vec<(LogicalBlock, Option<PhysicalBlock>)> {
        self.buffers.clone()
    }

    /// The blocks stored to in part of which the rest is needed.
    pub(super) fn missing(&self) -> &[LogicalBlock] {
        &self.missing
    }

    /// Those of them whose rest is on the device, and where; that of the others is zeros.
    pub(super) fn rests(&self) -> Vec<(LogicalBlock, PhysicalBlock)> {
        let missing = self.buffers.iter().filter(|buffer| self.missing.contains(&buffer.0));
        missing.filter_map(|&(block, mapped)| Some((block, mapped?))).collect()
    }

    /// Whether writeback will not have to allocate the last block.
    pub(super) fn last_is_mapped(&self) -> bool {
        self.buffers.last().is_some_and(|buffer| buffer.1.is_some())
    }
}
