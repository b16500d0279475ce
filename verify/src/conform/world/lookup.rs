//! One call of ext4_map_blocks, and what it may find.

use crate::conform::extents::{Kinds, Known, Piece};

/// A call of ext4_map_blocks that has not returned.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// First block.
    pub from: u64,
    /// One past the last block.
    pub to: u64,
    /// `EXT4_GET_BLOCKS_*`.
    pub flags: u64,
    /// What it may find.
    pub(super) seen: Vec<Piece>,
    /// What others made of some blocks meanwhile.
    pub(super) meanwhile: Vec<(u64, u64, Kinds)>,
    /// It took i_data_sem alone.
    pub alone: bool,
}

impl Lookup {
    /// What it may find in its first `blocks` blocks.
    pub(super) fn may_find(&self, blocks: u64) -> impl Iterator<Item = (u64, u64, Known)> {
        let to = (self.from + blocks).min(self.to);
        self.seen.iter().filter(move |piece| piece.0 < to).map(move |&(start, end, known)| {
            let end = end.min(to);
            let kinds = self
                .meanwhile
                .iter()
                .filter(|change| change.0 < end && change.1 > start)
                .fold(known.kinds, |kinds, change| kinds.or(change.2));
            (start, end, Known { kinds, ..known })
        })
    }

    pub(super) fn untouched(&self) -> bool {
        self.meanwhile.is_empty()
    }
}
