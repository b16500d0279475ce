//! The one page that the model has, and its buffer heads.

use crate::op::{Buffer, Content, LogicalBlock, PAGE_BLOCKS, PhysicalBlock, Range, Size};

/// The page, over the first [`PAGE_BLOCKS`] blocks of the file.
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
    /// What is known of each block of it.
    pub buffers: [Buffer; PAGE_BLOCKS as usize],
    /// What each block of it holds, by halves: zeros where it is not up to date.
    pub data: [[Content; 2]; PAGE_BLOCKS as usize],
}

impl Page {
    /// A page of which nothing was read yet.
    pub fn new() -> Page {
        Page { buffers: Default::default(), data: [[Content::Zero; 2]; PAGE_BLOCKS as usize] }
    }

    /// Up to date and clean, with these blocks of data and zeros behind them.
    pub fn of(contents: &[[Content; 2]]) -> Page {
        let mut page = Page::new();
        for (block, held) in (0..).zip(page.data) {
            page.fill(block, contents.get(block as usize).copied().unwrap_or(held));
        }
        page
    }

    /// Whether these blocks of the page are up to date.
    pub fn uptodate(&self, range: Range) -> bool {
        let blocks = range.start..range.end().min(PAGE_BLOCKS);
        blocks.into_iter().all(|block| self.buffers[block as usize].uptodate)
    }

    /// What a block holds, if it is up to date.
    pub fn held(&self, block: LogicalBlock) -> Option<[Content; 2]> {
        let at = block as usize;
        self.buffers.get(at).filter(|buffer| buffer.uptodate).map(|_| self.data[at])
    }

    /// The blocks that were stored to and not written back, in file order.
    pub fn dirty(&self) -> impl Iterator<Item = LogicalBlock> {
        (0..).zip(&self.buffers).filter(|(_, buffer)| buffer.dirty).map(|(block, _)| block)
    }

    /// A block was read.
    pub fn fill(&mut self, block: LogicalBlock, read: [Content; 2]) {
        self.buffers[block as usize].uptodate = true;
        self.data[block as usize] = read;
    }

    /// A block was stored to, its buffer mapped to that device block.
    pub fn store(&mut self, block: LogicalBlock, mapped: Option<PhysicalBlock>) {
        let buffer = &mut self.buffers[block as usize];
        let uninit = buffer.uninit && mapped.is_some();
        *buffer = Buffer { uptodate: true, dirty: true, mapped, uninit };
    }

    /// A block is on its way to that device block, which may have been unwritten.
    pub fn clean(&mut self, block: LogicalBlock, to: PhysicalBlock, uninit: bool) {
        let buffer = &mut self.buffers[block as usize];
        *buffer = Buffer { dirty: false, mapped: Some(to), uninit, ..*buffer };
    }

    /// Its buffers are dropped unless one is dirty (`try_to_free_buffers`); whether they were. Of a page that is not
    /// up to date as a whole nobody knows then which of its blocks are.
    pub fn release(&mut self) -> bool {
        if self.dirty().next().is_some() {
            return false;
        }
        let uptodate = self.buffers.iter().all(|buffer| buffer.uptodate);
        self.buffers.fill(Buffer { uptodate, ..Buffer::default() });
        true
    }

    /// Zeros from there up to that block, and nothing left to write back in the blocks that lie there as a whole.
    pub(super) fn zero(&mut self, from: Size, to: LogicalBlock) {
        if from.splits() && from.up() <= to {
            self.zero_tail(from);
        }
        for block in from.up()..to.min(PAGE_BLOCKS) {
            self.data[block as usize] = [Content::Zero; 2];
            let buffer = &mut self.buffers[block as usize];
            *buffer = Buffer { uptodate: buffer.uptodate, ..Buffer::default() };
        }
    }
}

impl Page {
    /// Zeros from the middle of a block to its end.
    pub(super) fn zero_tail(&mut self, from: Size) {
        if from.splits() {
            self.zero_half(from);
        }
    }

    /// The half block that begins there is zeros; what it is stored to, mapped to and copied from stays.
    pub(super) fn zero_half(&mut self, at: Size) {
        if let Some(held) = self.data.get_mut(at.down() as usize) {
            held[at.half()] = Content::Zero;
        }
    }
}

impl Default for Page {
    fn default() -> Page {
        Page::new()
    }
}
