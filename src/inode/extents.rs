//! The extent tree of one small file, and the blocks behind it.

mod range_ops;
#[cfg(test)]
mod tests;

use crate::op::{
    Blocks, Content, Extent, LogicalBlock, MapFor, Mapped, Owner, PhysicalBlock, Range,
};

/// A device block.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Block {
    /// Whose it is.
    pub owner: Owner,
    /// Its two halves, lower first.
    pub halves: [Content; 2],
}

/// The extent tree and the device blocks of one small file.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Extents {
    map: Vec<Mapped>,
    blocks: Vec<Block>,
    /// Bit `n`: an extent begins at block `n` although the block before could belong to it.
    cuts: u32,
    /// A freed device block may come back.
    reuses: bool,
}

impl Extents {
    /// The tree, and how many blocks it has taken from the device so far: what is in them is not in it.
    pub(crate) fn tree(&self) -> (&[Mapped], u32, PhysicalBlock) {
        (&self.map, self.cuts, self.device_blocks())
    }

    /// Device blocks that the file has or had.
    pub fn device_blocks(&self) -> PhysicalBlock {
        self.blocks.len() as PhysicalBlock
    }

    /// A file whose block `n` is in state `extents[n]`; written blocks hold initial data, device
    /// blocks are numbered from 0 in file order.
    pub fn new(extents: &[Extent]) -> Extents {
        let mut blocks = Vec::new();
        let map = extents
            .iter()
            .map(|&extent| {
                let block = (extent != Extent::Hole).then(|| {
                    let content =
                        if extent == Extent::Written { Content::Initial } else { Content::Stale };
                    blocks.push(Block { owner: Owner::ThisFile, halves: [content; 2] });
                    (blocks.len() - 1) as PhysicalBlock
                });
                Mapped { extent, block }
            })
            .collect();
        Extents { map, blocks, cuts: 0, reuses: false }
    }

    /// The second half of a block of the file holds zeros, as behind the end of a file.
    pub(super) fn zero_tail(&mut self, block: LogicalBlock) {
        if let Some(block) =
            self.at(block).block.filter(|_| self.at(block).extent == Extent::Written)
        {
            self.block_mut(block).halves[1] = Content::Zero;
        }
    }

    /// The mapping, block by block from the start of the file; what is not listed is a hole.
    pub fn mapping(&self) -> &[Mapped] {
        &self.map
    }

    /// From now on freed blocks may come back.
    pub(super) fn reuse(&mut self) {
        self.reuses = true;
    }

    /// A block of the device, with what is in it.
    fn take(&mut self, halves: [Content; 2]) -> PhysicalBlock {
        let block = Block { owner: Owner::ThisFile, halves };
        let foreign = |block: &Block| block.owner == Owner::AnotherFile;
        if let Some(at) = self.blocks.iter().position(foreign).filter(|_| self.reuses) {
            self.blocks[at] = block;
            return at as PhysicalBlock;
        }
        self.blocks.push(block);
        self.device_blocks() - 1
    }

    fn at(&self, block: LogicalBlock) -> Mapped {
        let hole = Mapped { extent: Extent::Hole, block: None };
        self.map.get(block as usize).copied().unwrap_or(hole)
    }

    /// Looks a range up; with `Create`, holes get unwritten blocks with stale content; with `Extend`, all is
    /// written afterwards (`ext4_ext_convert_to_initialized`), and what was not before is told as a hole that has
    /// a block now (`EXT4_MAP_NEW`). `None` is ENOSPC.
    pub fn map(&mut self, range: Range, how: MapFor) -> Option<Vec<Mapped>> {
        if how == MapFor::CreateFails {
            return None;
        }
        if let MapFor::Preallocate { merge } = how {
            self.preallocate(range, merge);
        }
        if how == MapFor::Unwrite {
            let before = range.blocks().map(|block| self.at(block)).collect();
            self.preallocate(range, false);
            for block in range.blocks() {
                self.map[block as usize].extent = Extent::Unwritten;
            }
            self.cut(range.start);
            self.cut(range.end());
            return Some(before);
        }
        if matches!(how, MapFor::Create | MapFor::Extend) {
            // What is to be written is split off, so that its conversion finds just that.
            self.cut(range.start);
            self.cut(range.end());
            let fresh = if how == MapFor::Extend { Extent::Written } else { Extent::Unwritten };
            while self.map.len() < range.end() as usize {
                self.map.push(Mapped { extent: Extent::Hole, block: None });
            }
            let new: Vec<_> =
                range.blocks().map(|b| self.at(b).extent != Extent::Written).collect();
            for block in range.blocks() {
                if self.at(block).extent == Extent::Hole {
                    let number = self.take([Content::Stale; 2]);
                    self.map[block as usize] = Mapped { extent: fresh, block: Some(number) };
                } else if how == MapFor::Extend {
                    self.map[block as usize].extent = Extent::Written;
                }
            }
            if how == MapFor::Extend {
                let found = range.blocks().zip(new).map(|(block, new)| {
                    let Mapped { extent, block } = self.at(block);
                    Mapped { extent: if new { Extent::Hole } else { extent }, block }
                });
                return Some(found.collect());
            }
        }
        Some(range.blocks().map(|block| self.at(block)).collect())
    }

    /// Marks what is unwritten in the range written; reports what was there.
    pub fn convert(&mut self, range: Range) -> Vec<Mapped> {
        range
            .blocks()
            .map(|block| {
                let found = self.at(block);
                if found.extent == Extent::Unwritten {
                    self.map[block as usize].extent = Extent::Written;
                }
                found
            })
            .collect()
    }

    /// The blocks that [`Extents::free`] would free.
    pub fn freeable(&self, from: Blocks) -> Vec<PhysicalBlock> {
        self.map.iter().skip(from as usize).filter_map(|m| m.block).collect()
    }

    /// Cuts the file's mapping off at block `from`; the freed blocks go to another file at once.
    pub fn free(&mut self, from: Blocks) -> Vec<PhysicalBlock> {
        let freed = self.freeable(from);
        self.map.truncate(from as usize);
        for &block in &freed {
            self.blocks[block as usize] =
                Block { owner: Owner::AnotherFile, halves: [Content::Foreign; 2] };
        }
        freed
    }

    /// The blocks that [`Extents::punch`] would free.
    pub fn mapped(&self, range: Range) -> Vec<PhysicalBlock> {
        range.blocks().filter_map(|block| self.at(block).block).collect()
    }

    /// The unwritten blocks of a range.
    pub fn unwritten(&self, range: Range) -> impl Iterator<Item = PhysicalBlock> {
        let unwritten = |m: Mapped| m.block.filter(|_| m.extent == Extent::Unwritten);
        range.blocks().filter_map(move |block| unwritten(self.at(block)))
    }

    /// The blocks of the range that are written.
    pub fn written(&self, range: Range) -> impl Iterator<Item = PhysicalBlock> {
        let written = |m: Mapped| m.block.filter(|_| m.extent == Extent::Written);
        range.blocks().filter_map(move |block| written(self.at(block)))
    }

    /// A device block.
    pub fn block(&self, block: PhysicalBlock) -> &Block {
        &self.blocks[block as usize]
    }

    /// A device block, to write to.
    pub fn block_mut(&mut self, block: PhysicalBlock) -> &mut Block {
        &mut self.blocks[block as usize]
    }
}
