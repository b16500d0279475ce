//! Extents as units: what fallocate joins, what a write splits off, what the old conversion marks.

use super::{Block, Extents};
use crate::op::{
    Blocks, Content, Extent, LogicalBlock, Mapped, Owner, PhysicalBlock, Range, Shift,
};

impl Extents {
    /// Takes a range that is a hole out of the mapping, or puts one in. What meets there stays two
    /// extents.
    pub fn shift(&mut self, range: Range, shift: Shift) {
        let (start, end) = (range.start as usize, range.end() as usize);
        let below = (1 << start) - 1;
        let moved = self.cuts & !below;
        match shift {
            Shift::Left => {
                let mapped = self.map.len();
                self.map.drain(start.min(mapped)..end.min(mapped));
                self.cuts = self.cuts & below | moved >> range.len & !below | 1 << start;
            }
            Shift::Right if start < self.map.len() => {
                let hole = Mapped { extent: Extent::Hole, block: None };
                self.map.splice(start..start, range.blocks().map(|_| hole));
                self.cuts = self.cuts & below | moved << range.len | 1 << start | 1 << end;
            }
            Shift::Right => {}
        }
    }

    /// Makes a hole of the range; the freed blocks go to another file at once.
    pub fn punch(&mut self, range: Range) -> Vec<PhysicalBlock> {
        let freed = self.mapped(range);
        for mapped in self.map.iter_mut().skip(range.start as usize).take(range.len as usize) {
            *mapped = Mapped { extent: Extent::Hole, block: None };
        }
        for &block in &freed {
            self.blocks[block as usize] =
                Block { owner: Owner::AnotherFile, halves: [Content::Foreign; 2] };
        }
        freed
    }

    /// Gives each mapped block of the range to another file, and the file a block of that one's: with what was on
    /// the device there, or, behind the pages that are followed, with the same data. Returns the blocks given away.
    pub fn swap(&mut self, range: Range, followed: Blocks) -> Vec<PhysicalBlock> {
        let given = self.mapped(range);
        for &old in &given {
            let kept = *self.block(old);
            let at = self.map.iter().position(|m| m.block == Some(old)).unwrap_or_default();
            let copied = at >= followed as usize;
            let new = self.take(if copied { kept.halves } else { [Content::Stale; 2] });
            self.map[at].block = Some(new);
            *self.block_mut(old) =
                Block { owner: Owner::AnotherFile, halves: [Content::Foreign; 2] };
        }
        given
    }

    /// An extent begins at this block from now on.
    pub(super) fn cut(&mut self, at: LogicalBlock) {
        self.cuts |= 1 << at;
    }

    /// Fills the holes of a range with unwritten blocks. With `merge`, a new block joins the
    /// unwritten extent before it and the one after it, and what has grown so the one before that.
    pub(super) fn preallocate(&mut self, range: Range, merge: bool) {
        while self.map.len() < range.end() as usize {
            self.map.push(Mapped { extent: Extent::Hole, block: None });
        }
        for block in range.blocks() {
            if self.at(block).extent != Extent::Hole {
                continue;
            }
            let number = self.take([Content::Stale; 2]);
            self.map[block as usize] = Mapped { extent: Extent::Unwritten, block: Some(number) };
            for edge in [block, block + 1] {
                self.cuts = if merge { self.cuts & !(1 << edge) } else { self.cuts | 1 << edge };
            }
            // ext4_ext_try_to_merge: the extent that has grown joins the one before it as well.
            if merge {
                self.cuts &= !(1 << self.extent_around(block).start);
            }
        }
    }

    /// How deep the tree is: one extent fits into its root. Written blocks side by side are one extent,
    /// as the conversion merges them; unwritten ones are split where a write asked for a part of them.
    pub fn depth(&self) -> Blocks {
        let begins = |at: &usize| {
            let (before, here) =
                (at.checked_sub(1).map(|b| self.map[b].extent), self.map[*at].extent);
            let split = here == Extent::Unwritten && self.cuts >> at & 1 == 1;
            here != Extent::Hole && (before != Some(here) || split)
        };
        Blocks::from((0..self.map.len()).filter(begins).count() > 1)
    }

    /// The unwritten extent that a block is in; just the block if it is not unwritten.
    fn extent_around(&self, block: LogicalBlock) -> Range {
        let unwritten = |b: LogicalBlock| self.at(b).extent == Extent::Unwritten;
        let joined = |b: LogicalBlock| unwritten(b - 1) && unwritten(b) && self.cuts >> b & 1 == 0;
        let mut start = block;
        while start > 0 && joined(start) {
            start -= 1;
        }
        let mut end = block + 1;
        while (end as usize) < self.map.len() && joined(end) {
            end += 1;
        }
        Range { start, len: end - start }
    }

    /// Marks the whole extent that the range begins in written; reports what was there.
    pub fn convert_extent(&mut self, range: Range) -> Vec<Mapped> {
        self.convert(self.extent_to_convert(range))
    }

    /// What [`Extents::convert_extent`] marks.
    pub fn extent_to_convert(&self, range: Range) -> Range {
        let whole = self.extent_around(range.start);
        let end = whole.end().max(range.end());
        Range { start: whole.start, len: end - whole.start }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::MapFor;

    const FIRST: Range = Range { start: 0, len: 1 };
    const BOTH: Range = Range { start: 0, len: 2 };

    fn extents(file: &mut Extents) -> Vec<Extent> {
        let found = file.map(BOTH, MapFor::Io).unwrap_or_default();
        found.iter().map(|m| m.extent).collect()
    }

    #[test]
    fn an_extent_that_grew_is_converted_whole_only_if_it_was_merged() {
        use Extent::{Hole, Unwritten, Written};
        for (merge, second) in [(true, Written), (false, Unwritten)] {
            let mut file = Extents::new(&[Unwritten, Hole]);
            file.map(FIRST, MapFor::Create);
            file.map(BOTH, MapFor::Preallocate { merge });
            assert_eq!(extents(&mut file), [Unwritten, Unwritten]);
            file.convert_extent(FIRST);
            assert_eq!(extents(&mut file), [Written, second]);
        }
    }

    #[test]
    fn the_tree_grows_where_an_extent_is_split_and_not_where_it_is_converted() {
        let mut file = Extents::new(&[Extent::Unwritten, Extent::Unwritten]);
        assert_eq!(file.depth(), 0);
        file.map(FIRST, MapFor::Create);
        assert_eq!(file.depth(), 1);
        file.convert(FIRST);
        assert_eq!(file.depth(), 1);
        file.convert(BOTH);
        assert_eq!(file.depth(), 0);
    }

    #[test]
    fn what_a_write_asked_for_is_split_off() {
        let mut file = Extents::new(&[Extent::Unwritten, Extent::Unwritten]);
        file.map(FIRST, MapFor::Create);
        file.convert_extent(FIRST);
        assert_eq!(extents(&mut file), [Extent::Written, Extent::Unwritten]);
    }
}
