//! The one page of the page cache that the model has, and its buffer heads.

use crate::op::{Blocks, LogicalBlock, PhysicalBlock};

/// As many blocks of the file the page holds: 1 KiB blocks, 4 KiB pages. (Where a claim needs blocks
/// as large as pages, its file has one block.)
pub const PAGE_BLOCKS: Blocks = 4;

/// The page, over the first [`PAGE_BLOCKS`] blocks of the file. What it holds is kept beside it: whoever
/// found the page can still read it after it was dropped.
///
/// | value                  | means                                                            |
/// |------------------------|------------------------------------------------------------------|
/// | not `uptodate`         | not there, or about to be read under the page's lock             |
/// | `uptodate`             | anybody may copy from it, without a lock                         |
/// | `dirty = [(b, Some)]`  | block `b` was stored to; its buffer head is mapped: writeback    |
/// |                        | writes there without a second look at the extent tree            |
/// | `dirty = [(b, None)]`  | the same, to be allocated by writeback (delayed, or unwritten)   |
///
/// # Kernel
/// `PageUptodate`, `buffer_dirty`, `buffer_mapped`, `buffer_delay`: `ext4_mpage_readpages`,
/// `ext4_da_get_block_prep`, `mpage_add_bh_to_extent` (v4.10, v6.12). PG_locked and PG_writeback are one
/// lock here, [`crate::inode_lock::LockName::PageLock`].
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Page {
    /// It holds what it should.
    pub uptodate: bool,
    /// What was stored and not written back, in file order.
    pub dirty: Vec<(LogicalBlock, Option<PhysicalBlock>)>,
}

impl Page {
    /// Clean.
    pub fn new(uptodate: bool) -> Page {
        Page { uptodate, dirty: Vec::new() }
    }

    /// A block was stored to, its buffer mapped to that device block.
    pub fn store(&mut self, block: LogicalBlock, mapped: Option<PhysicalBlock>) {
        self.dirty.retain(|dirty| dirty.0 != block);
        self.dirty.push((block, mapped));
        self.dirty.sort_unstable();
    }
}
