//! Tasks, blocks and ranges of them.

use super::size::{Blocks, Size};
use crate::kernel::{PageNo, Pages, Paging};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// Index of a task in its litmus test (completions of asynchronous I/O are tasks too).
pub type TaskId = u16;
/// A few tasks. In states that are copied and compared by the million a list on the heap is slow, most of all an
/// empty one: `memcmp` of nothing at no valid address takes hundreds of cycles on some machines.
pub type Tasks = SmallVec<[TaskId; 8]>;
/// A block of the file, counted from its start.
pub type LogicalBlock = u32;
/// A block of the device.
pub type PhysicalBlock = u32;

/// Blocks `start .. start + len` of the file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Range {
    /// First block.
    pub start: LogicalBlock,
    /// Number of blocks, at least 1.
    pub len: Blocks,
}

impl Range {
    /// One past the last block.
    pub fn end(self) -> Blocks {
        self.start + self.len
    }
    /// The blocks, in order.
    pub fn blocks(self) -> impl Iterator<Item = LogicalBlock> {
        self.start..self.end()
    }
    /// The blocks of a page.
    pub fn of_page(page: PageNo, paging: Paging) -> Range {
        Range { start: paging.start(page), len: paging.blocks() }
    }
    /// The pages that hold some of them.
    pub fn pages(self, paging: Paging) -> Pages {
        paging.touched(self.start, self.end())
    }
    /// Those of them that a page holds.
    #[must_use]
    pub fn in_page(self, page: PageNo, paging: Paging) -> Range {
        let start = self.start.max(paging.start(page));
        Range { start, len: self.end().min(paging.end_of(page)).saturating_sub(start) }
    }
}

/// Half a block, the unit of an unaligned write.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Half {
    /// The first half.
    Lower,
    /// The second.
    Upper,
}

impl Half {
    /// Its place in a pair of halves, lower first.
    pub fn index(self) -> usize {
        match self {
            Half::Lower => 0,
            Half::Upper => 1,
        }
    }
}

/// A stretch of the file, what a call asks for: it may begin and end in the middle of a block.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Span {
    /// Where it begins.
    pub start: Size,
    /// Where it ends.
    pub end: Size,
}

impl Span {
    /// These blocks, or of one block that half.
    pub fn of(range: Range, half: Option<Half>) -> Span {
        let (start, end) = (Size::blocks(range.start), Size::blocks(range.end()));
        match half {
            None => Span { start, end },
            Some(Half::Lower) => Span { start, end: Size::halves(end.in_halves() - 1) },
            Some(Half::Upper) => Span { start: Size::halves(start.in_halves() + 1), end },
        }
    }
    /// As much of the file from there on.
    #[must_use]
    pub fn moved_to(self, start: Size) -> Span {
        Span { start, end: start + self.len() }
    }
    /// The blocks that it touches.
    pub fn range(self) -> Range {
        let start = self.start.down();
        let len = if self.end > self.start { self.end.up() - start } else { 0 };
        Range { start, len }
    }
    /// The blocks that lie in it as a whole.
    pub fn whole(self) -> Range {
        let start = self.start.up();
        Range { start, len: self.end.down().saturating_sub(start) }
    }
    /// How long it is.
    pub fn len(self) -> Size {
        Size::halves(self.end.in_halves().saturating_sub(self.start.in_halves()))
    }
    /// What of it lies in a page.
    #[must_use]
    pub fn in_page(self, page: PageNo, paging: Paging) -> Span {
        let start = self.start.max(Size::blocks(paging.start(page)));
        Span { start, end: self.end.min(Size::blocks(paging.end_of(page))).max(start) }
    }
    /// Whether it is no bytes.
    pub fn is_empty(self) -> bool {
        self.end <= self.start
    }
    /// What of it lies below that size.
    #[must_use]
    pub fn below(self, size: Size) -> Span {
        Span { end: self.end.min(size).max(self.start), ..self }
    }
    /// Its blocks, one after another.
    pub fn blocks(self) -> impl Iterator<Item = LogicalBlock> {
        self.range().blocks()
    }
    /// Which of its ends is in the middle of a block.
    pub fn cut(self) -> Ends {
        Ends { front: self.start.splits(), back: self.end.splits() }
    }
    /// Whether one of its ends is in the middle of a block.
    pub fn unaligned(self) -> bool {
        self.cut() != Ends::default()
    }
}

/// The two ends of a stretch of blocks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Ends {
    /// The first half of the first block.
    pub front: bool,
    /// The second half of the last block.
    pub back: bool,
}

impl Ends {
    /// What is left of block `at` of `blocks` if these ends are cut off: places in a pair of halves.
    pub fn halves(self, at: usize, blocks: usize) -> std::ops::Range<usize> {
        let start = usize::from(self.front && at == 0);
        let end = 2 - usize::from(self.back && at + 1 == blocks);
        start..end
    }
    /// Those of both.
    #[must_use]
    pub fn and(self, other: Ends) -> Ends {
        Ends { front: self.front && other.front, back: self.back && other.back }
    }
    /// Neither.
    pub const NONE: Ends = Ends { front: false, back: false };
    /// Those of block `at` alone.
    #[must_use]
    pub fn of_block(self, at: usize, blocks: usize) -> Ends {
        Ends { front: self.front && at == 0, back: self.back && at + 1 == blocks }
    }
}

impl Paging {
    /// Whether all of a page lies from there up to that block.
    pub fn whole(self, page: PageNo, from: Size, to: LogicalBlock) -> bool {
        from <= Size::blocks(self.start(page)) && to >= self.end_of(page)
    }
}
