//! A page of the cache, and its buffer heads.

use crate::op::{Buffer, Content, LogicalBlock, PageNo, Paging, PhysicalBlock, Range, Size};

/// No page holds more blocks.
const MOST: usize = 4;

/// A page of the file, and its buffer heads.
///
/// | buffer of a block           | means                                                            |
/// |-----------------------------|------------------------------------------------------------------|
/// | not `uptodate`              | never read, nor stored to: who wants it reads it in              |
/// | `uptodate`                  | anybody may copy from it, without a lock                         |
/// | `dirty`, `mapped = Some(b)` | it was stored to; writeback writes to `b` without a second look at the extent tree |
/// | `dirty`, `mapped = None`    | the same, to be allocated by writeback (delayed, or unwritten)   |
/// | clean, `mapped = Some(b)`   | it was written back to `b`; a store does not look it up again, until it leaves the cache |
/// | `uninit`                    | `b` was unwritten then: writeback converts it, and does so again |
///
/// The page is `PageUptodate` if all of its blocks are.
///
/// # Kernel
/// `PageUptodate`, `buffer_uptodate`, `buffer_dirty`, `buffer_mapped`, `buffer_delay`, `buffer_uninit`:
/// `ext4_mpage_readpages`, `__block_write_begin`, `__block_commit_write`, `ext4_da_get_block_prep`,
/// `mpage_da_submit_io`, `mpage_add_bh_to_extent`, `discard_buffer` (v3.7, v4.10, v6.12). PG_locked and
/// PG_writeback are one lock here, [`crate::op::LockName::PageLock`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Page {
    /// The blocks of the file that it holds.
    range: Range,
    /// What is known of each of them.
    buffers: [Buffer; MOST],
    /// What each of them holds, by halves: zeros where it is not up to date.
    data: [[Content; 2]; MOST],
}

impl Page {
    /// A page of which nothing was read yet.
    pub fn new(page: PageNo, paging: Paging) -> Page {
        let (buffers, data) = (Default::default(), [[Content::Zero; 2]; MOST]);
        Page { range: Range::of_page(page, paging), buffers, data }
    }

    /// Up to date and clean, with its part of these blocks of data and zeros behind them.
    pub fn of(page: PageNo, paging: Paging, contents: &[[Content; 2]]) -> Page {
        let mut page = Page::new(page, paging);
        for block in page.range.blocks() {
            let held = contents.get(block as usize).copied().unwrap_or([Content::Zero; 2]);
            page.fill(block, held);
        }
        page
    }

    /// The blocks of the file that it holds.
    pub fn range(&self) -> Range {
        self.range
    }

    /// What is known of each of them.
    pub fn buffers(&self) -> &[Buffer] {
        &self.buffers[..self.range.len as usize]
    }

    /// Where a block of the file is in it, if it is.
    fn at(&self, block: LogicalBlock) -> Option<usize> {
        let at = block.checked_sub(self.range.start).filter(|&at| at < self.range.len);
        at.map(|at| at as usize)
    }

    /// What is known of a block, if it is one of its own.
    pub fn buffer(&self, block: LogicalBlock) -> Option<Buffer> {
        Some(self.buffers[self.at(block)?])
    }

    fn buffer_mut(&mut self, block: LogicalBlock) -> Option<&mut Buffer> {
        self.at(block).map(|at| &mut self.buffers[at])
    }

    /// What is at the place of a block, be it up to date or not.
    pub fn data(&self, block: LogicalBlock) -> Option<[Content; 2]> {
        Some(self.data[self.at(block)?])
    }

    /// The same, to change.
    pub fn data_mut(&mut self, block: LogicalBlock) -> Option<&mut [Content; 2]> {
        self.at(block).map(|at| &mut self.data[at])
    }

    /// All that it holds is changed by `to`.
    pub(super) fn change_contents(&mut self, to: impl Fn(Content) -> Content) {
        self.data.iter_mut().for_each(|held| *held = held.map(&to));
    }

    /// Whether these blocks, as far as they are of the page, are up to date.
    pub fn uptodate(&self, range: Range) -> bool {
        range.blocks().all(|block| self.buffer(block).is_none_or(|buffer| buffer.uptodate))
    }

    /// What a block holds, if it is up to date.
    pub fn held(&self, block: LogicalBlock) -> Option<[Content; 2]> {
        self.buffer(block).filter(|buffer| buffer.uptodate).and_then(|_| self.data(block))
    }

    /// The blocks that were stored to and not written back, in file order.
    pub fn dirty(&self) -> impl Iterator<Item = LogicalBlock> {
        self.range
            .blocks()
            .zip(&self.buffers)
            .filter(|(_, buffer)| buffer.dirty)
            .map(|dirty| dirty.0)
    }

    /// A block was read.
    pub fn fill(&mut self, block: LogicalBlock, read: [Content; 2]) {
        let Some(at) = self.at(block) else { return };
        self.buffers[at].uptodate = true;
        self.data[at] = read;
    }

    /// A block was stored to, its buffer mapped to that device block.
    pub fn store(&mut self, block: LogicalBlock, mapped: Option<PhysicalBlock>) {
        if let Some(buffer) = self.buffer_mut(block) {
            let uninit = buffer.uninit && mapped.is_some();
            *buffer = Buffer { uptodate: true, dirty: true, mapped, uninit };
        }
    }

    /// A block is on its way to that device block, which may have been unwritten.
    pub fn clean(&mut self, block: LogicalBlock, to: PhysicalBlock, uninit: bool) {
        if let Some(buffer) = self.buffer_mut(block) {
            *buffer = Buffer { dirty: false, mapped: Some(to), uninit, ..*buffer };
        }
    }

    /// Its buffers are dropped unless one is dirty (`try_to_free_buffers`); whether they were. Of a page that is not
    /// up to date as a whole nobody knows then which of its blocks are.
    pub fn release(&mut self) -> bool {
        if self.dirty().next().is_some() {
            return false;
        }
        let uptodate = self.buffers().iter().all(|buffer| buffer.uptodate);
        let blocks = self.range.len as usize;
        self.buffers[..blocks].fill(Buffer { uptodate, ..Buffer::default() });
        true
    }

    /// Zeros from there up to that block, and nothing left to write back in the blocks that lie there as a whole.
    pub(super) fn zero(&mut self, from: Size, to: LogicalBlock) {
        if from.splits() && from.up() <= to {
            self.zero_tail(from);
        }
        for block in from.up()..to {
            let Some(at) = self.at(block) else { continue };
            self.data[at] = [Content::Zero; 2];
            self.buffers[at] = Buffer { uptodate: self.buffers[at].uptodate, ..Buffer::default() };
        }
    }

    /// Zeros from the middle of a block to its end.
    pub(super) fn zero_tail(&mut self, from: Size) {
        if from.splits() {
            self.zero_half(from);
        }
    }

    /// The half block that begins there is zeros; what it is stored to, mapped to and copied from stays.
    pub(super) fn zero_half(&mut self, at: Size) {
        if let Some(held) = self.data_mut(at.down()) {
            held[at.half()] = Content::Zero;
        }
    }
}
