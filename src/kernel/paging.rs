//! How large a page is.

use serde::{Deserialize, Serialize};

/// A page of the file, counted from its start.
pub type PageNo = u8;

/// So many pages are followed at most.
pub const MAX_PAGES: PageNo = 8;

/// How many blocks of the file system a page of the kernel holds: `PAGE_SIZE >> inode->i_blkbits`.
///
/// | blocks | block size, with pages of 4 KiB | followed                      |
/// |--------|----------------------------------|-------------------------------|
/// | 4      | 1 KiB                            | the first page, blocks 0 to 3 |
/// | 2      | 2 KiB                            | four pages, blocks 0 to 7     |
/// | 1      | 4 KiB                            | eight pages, blocks 0 to 7    |
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Paging {
    blocks: u8,
}

impl Paging {
    /// What can be asked for.
    pub const ALL: [Paging; 3] = [Paging { blocks: 4 }, Paging { blocks: 2 }, Paging { blocks: 1 }];

    /// Pages of so many blocks, 1, 2 or 4.
    pub fn of(blocks: u32) -> Option<Paging> {
        Paging::ALL.into_iter().find(|paging| paging.blocks() == blocks)
    }

    /// Blocks that a page holds.
    pub const fn blocks(self) -> u32 {
        self.blocks as u32
    }

    /// Pages that are followed.
    pub const fn pages(self) -> PageNo {
        if self.blocks == 4 { 1 } else { MAX_PAGES / self.blocks }
    }

    /// Whether there is more than one.
    pub const fn many(self) -> bool {
        self.pages() > 1
    }

    /// The block that the last of them ends with, and one.
    pub const fn end(self) -> u32 {
        self.pages() as u32 * self.blocks()
    }

    /// All of them.
    pub const fn all(self) -> Pages {
        Pages { start: 0, end: self.pages() }
    }

    /// The page that holds a block; behind those that are followed the next.
    pub fn page(self, block: u32) -> PageNo {
        (block / self.blocks()).min(u32::from(self.pages())) as PageNo
    }

    /// The first block of a page.
    pub fn start(self, page: PageNo) -> u32 {
        u32::from(page) * self.blocks()
    }

    /// The first block behind it.
    pub fn end_of(self, page: PageNo) -> u32 {
        self.start(page + 1)
    }

    /// The pages that hold blocks from `start` up to `end`.
    pub fn touched(self, start: u32, end: u32) -> Pages {
        let end = end.min(self.end()).div_ceil(self.blocks()) as PageNo;
        Pages { start: self.page(start).min(end), end }
    }

    /// The pages that lie there as a whole.
    pub fn within(self, start: u32, end: u32) -> Pages {
        let first = start.div_ceil(self.blocks()).min(u32::from(self.pages())) as PageNo;
        Pages { start: first, end: self.page(end).max(first) }
    }
}

/// Pages of four blocks.
impl Default for Paging {
    fn default() -> Paging {
        Paging::ALL[0]
    }
}

/// Pages next to each other, from `start` up to `end`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Pages {
    /// The first.
    pub start: PageNo,
    /// One past the last.
    pub end: PageNo,
}

impl Pages {
    /// That one.
    pub const fn one(page: PageNo) -> Pages {
        Pages { start: page, end: page + 1 }
    }
    /// Whether it is none.
    pub const fn is_empty(self) -> bool {
        self.start >= self.end
    }
    /// Them, in order.
    pub fn iter(self) -> std::ops::Range<PageNo> {
        self.start..self.end
    }
    /// Those of them from that one on.
    #[must_use]
    pub fn from(self, page: PageNo) -> Pages {
        Pages { start: self.start.max(page), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_those_that_a_range_touches_or_holds() {
        let [one, two, four] = Paging::ALL;
        let pages = |start, end| Pages { start, end };
        assert_eq!((one.pages(), two.pages(), four.pages()), (1, 4, 8));
        assert_eq!((two.touched(1, 3), two.within(1, 3)), (pages(0, 2), pages(1, 1)));
        assert_eq!((two.touched(1, 5), two.within(1, 5)), (pages(0, 3), pages(1, 2)));
        assert_eq!((four.touched(2, 9), four.within(2, 99)), (pages(2, 8), pages(2, 8)));
        assert!(one.touched(4, 5).is_empty() && one.within(0, 3).is_empty());
        assert_eq!(one.within(0, 8), pages(0, 1));
    }
}
